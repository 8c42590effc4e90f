"""Maxima of windows are taken before what is below zero is cut off, with the same values and the same gradients."""

from __future__ import annotations

import numpy as np
import pytest

from pylms.ir.ops.arithmetic import ADD, LE, SELECT
from pylms.ir.ops.windows import MAX_POOL
from pylms.passes.dce import EliminateDeadCode
from pylms.passes.pool_first import PoolFirst
from tests.ad.programs import Program, function, gradients, matrix, run

IMAGE = matrix(1, 2, 6, 6)
WINDOWS = {"kernel": (2, 2), "strides": (2, 2), "padding": (0, 0), "dilation": (1, 1), "counts": (3, 3)}


def pooled_relu(*, used_twice: bool = False, value: float = 0.0):
    """The sum of max_pool(relu(x)), and of the relu as well where that is used twice."""

    def body(p: Program, x):
        zero = p.full(IMAGE, value)
        relu = p.op(SELECT, p.op(LE, x, zero), zero, x)
        total = p.sum_of(p.op(MAX_POOL, relu, **WINDOWS))
        return p.op(ADD, total, p.sum_of(relu)) if used_twice else total

    return function([IMAGE], body)


def moved(program):
    return EliminateDeadCode().run(PoolFirst().run(program))


def test_the_pool_comes_first_with_the_same_values_and_gradients() -> None:
    program = pooled_relu()
    after = moved(program)
    names = [node.primitive for node in after.body.nodes]
    assert names.index(MAX_POOL) < names.index(SELECT)
    random = np.random.default_rng(1)
    # Few values, so that windows have ties, and some are below zero as a whole.
    for x in (random.integers(-2, 2, IMAGE.shape).astype(float), random.standard_normal(IMAGE.shape)):
        np.testing.assert_array_equal(run(after, x), run(program, x))
        np.testing.assert_array_equal(gradients(after, x), gradients(program, x))
    x[0, 0, 0, 0] = np.nan
    assert np.isnan(run(after, x)).all()


@pytest.mark.parametrize("program", [pooled_relu(used_twice=True), pooled_relu(value=0.5)], ids=["twice", "half"])
def test_other_uses_and_other_bounds_stay(program) -> None:
    assert PoolFirst().run(program) is program
