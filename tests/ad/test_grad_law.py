"""The law for derivatives: what is compiled gives what the interpreter gives, and tapes are empty in the end."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pylms import Options, generate, grad, lms, stage, value_and_grad
from pylms.ir.interpret import interpret
from pylms.ir.node import walk
from pylms.ir.ops.tapes import TAPE_POP, TAPE_PUSH
from tests.ad import test_grad, test_grad_arrays, test_grad_recursion
from tests.harness.array_law import types_of
from tests.harness.law import PrintingHost, staged_of

OF_NUMBERS = [test_grad.nested, test_grad.until, test_grad.swapping, test_grad_recursion.odd, test_grad_recursion.pairs]
OF_ARRAYS = [test_grad_arrays.in_place, test_grad_arrays.until_large, test_grad_arrays.over_a_tree]


def check(function, *argument_lists):
    """Compare compiled code with the interpreter on what the optimiser gives."""
    staged = staged_of(function, *types_of(argument_lists[0]))
    optimised = generate.optimise(staged.function, Options())
    native = stage(function)
    for arguments in argument_lists:
        inputs = [each.copy() if isinstance(each, np.ndarray) else each for each in arguments]
        expected = interpret(optimised, inputs, host=PrintingHost())
        found = np.hstack([np.ravel(each) for each in native(*arguments)])
        np.testing.assert_allclose(found, np.hstack([np.ravel(each) for each in expected]), rtol=1e-13)
    return optimised


@pytest.mark.parametrize("function", OF_NUMBERS)
def test_numbers(function):
    def derivatives(x, n):
        value, first = value_and_grad(function)(x, n)
        return value, first, grad(grad(function))(x, n)

    program = check(derivatives, (0.7, 0), (0.7, 4), (-0.3, 3))
    nodes = [node.primitive for each in (program, *program.functions) for node in walk(each.body)]
    assert TAPE_PUSH in nodes and TAPE_POP in nodes


@pytest.mark.parametrize("function", OF_ARRAYS)
def test_arrays(function):
    def derivatives(a):
        return value_and_grad(function)(a)

    check(derivatives, (test_grad_arrays.VECTOR,), (test_grad_arrays.VECTOR + 0.5,))


def test_a_tape_of_many_chunks_gives_its_memory_back():
    """A derivative in a loop, each of which needs more than a chunk: memory does not grow with the rounds."""
    import resource

    @lms
    def waves(x, n):
        for _ in range(n):
            x = math.sin(x) * 1.5
        return x

    @stage
    def descent(x, rounds, n):
        for _ in range(rounds):
            x = x - 1e-9 * grad(waves)(x, n)
        return x

    descent(0.1, 2, 10)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    descent(0.3, 300, 50_000)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000  # kilobytes; one round needs about 400
