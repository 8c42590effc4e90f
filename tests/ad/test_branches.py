"""Gradients through `if`, against finite differences and PyTorch on either side of the condition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylms.ad.reverse import gradient_function
from pylms.errors import StagedTypeError
from pylms.ir.node import Const, Function, Sym
from pylms.ir.ops.arithmetic import ADD, COS, EXP, GT, LT, MUL, SIN, SUB, TANH
from pylms.ir.ops.control import IF
from pylms.ir.types import FLOAT, INT
from tests.ad.programs import Program, finite_differences, function, gradients, matrix, run


def _check(program: Function, *args: object) -> None:
    for found, expected in zip(gradients(program, *args), finite_differences(program, *args), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def _one_branch(p: Program, x: Sym, y: Sym) -> Sym:
    inner = p.op(SIN, x)

    def then() -> Sym:
        squared = p.op(MUL, p.op(EXP, inner), y)
        return p.op(MUL, squared, squared)

    result = p.branch(p.op(GT, x, y), then, lambda: p.op(MUL, p.op(COS, y), y))
    return p.op(MUL, result, inner)


@pytest.mark.parametrize("x, y", [(1.0, 0.5), (0.5, 1.0)])
def test_either_side_of_a_branch(x: float, y: float) -> None:
    _check(function([FLOAT, FLOAT], _one_branch), x, y)


@pytest.mark.parametrize("x", [2.0, -2.0])
@pytest.mark.parametrize("y", [2.0, -2.0])
def test_nested_branches_carry_inner_values_out(x: float, y: float) -> None:
    def body(p: Program, x: Sym, y: Sym) -> Sym:
        def inner_then() -> Sym:
            t = p.op(EXP, p.op(SIN, y))
            return p.op(MUL, t, t)

        def then() -> Sym:
            s = p.op(TANH, x)
            nested = p.branch(p.op(GT, y, Const(0.0, FLOAT)), inner_then, lambda: p.op(MUL, s, y))
            return p.op(MUL, p.op(MUL, nested, nested), s)

        return p.branch(p.op(GT, x, Const(0.0, FLOAT)), then, lambda: p.op(MUL, y, y))

    _check(function([FLOAT, FLOAT], body), x, y)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_tensor_values_inside_a_branch(sign: float) -> None:
    def body(p: Program, x: Sym, w: Sym, scale: Sym) -> Sym:
        then = lambda: p.op(TANH, p.op(MUL, p.op(SIN, x), w))  # noqa: E731
        hidden = p.branch(p.op(GT, scale, Const(0.0, FLOAT)), then, lambda: x)
        return p.sum_of(p.op(MUL, hidden, hidden))

    random = np.random.default_rng(3)
    program = function([matrix(2, 3), matrix(2, 3), FLOAT], body)
    _check(program, random.normal(size=(2, 3)), random.normal(size=(2, 3)), sign)


def test_adjoint_from_after_the_branch_is_added_inside_it() -> None:
    def body(p: Program, x: Sym) -> Sym:
        result = p.branch(p.op(GT, x, Const(0.0, FLOAT)), lambda: p.op(MUL, x, x), lambda: Const(1.0, FLOAT))
        return p.op(ADD, result, p.op(SIN, x))

    program = function([FLOAT], body)
    _check(program, 0.7)
    _check(program, -0.7)


def test_several_results_of_which_one_matters() -> None:
    def body(p: Program, x: Sym, y: Sym) -> Sym:
        used, _unused = p.branches(
            p.op(LT, x, y),
            lambda: [p.op(MUL, x, y), p.op(EXP, x)],
            lambda: [p.op(SUB, x, y), p.op(EXP, y)],
        )
        return p.op(MUL, used, used)

    program = function([FLOAT, FLOAT], body)
    _check(program, 0.2, 0.9)
    _check(program, 0.9, 0.2)


def test_a_branch_the_variables_do_not_reach_is_left_alone() -> None:
    def body(p: Program, x: Sym, k: Sym) -> Sym:
        factor = p.branch(p.op(GT, k, Const(0, INT)), lambda: p.op(EXP, Const(1.0, FLOAT)), lambda: Const(2.0, FLOAT))
        return p.op(MUL, x, factor)

    differentiated = gradient_function(function([FLOAT, INT], body), [0])
    assert sum(node.primitive is IF for node in differentiated.body.nodes) == 1
    assert run(differentiated, 3.0, -1) == (6.0, 2.0)


def test_second_derivative_through_a_branch() -> None:
    def body(p: Program, x: Sym) -> Sym:
        cube = lambda: p.op(MUL, x, p.op(MUL, x, x))  # noqa: E731
        return p.branch(p.op(GT, x, Const(0.0, FLOAT)), cube, lambda: p.op(MUL, x, x))

    first = gradient_function(function([FLOAT], body), [0])
    block = first.body
    slope = Function("slope", type(block)(block.params, block.nodes, (block.results[1],)), first.loc)
    _value, second = run(gradient_function(slope, [0]), 2.0)
    assert second == pytest.approx(12.0)
    _value, second = run(gradient_function(slope, [0]), -2.0)
    assert second == pytest.approx(2.0)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), x=st.floats(-1.5, 1.5), y=st.floats(-1.5, 1.5))
def test_random_nests_of_branches(data: st.DataObject, x: float, y: float) -> None:
    """Random expressions with branches on constants between the arguments, so that no kink is near."""

    def expression(p: Program, known: list[Sym], depth: int) -> Sym:
        choice = data.draw(st.integers(0, 3 if depth else 2))
        if choice == 0:
            return p.op(data.draw(st.sampled_from([SIN, TANH, COS])), data.draw(st.sampled_from(known)))
        if choice in (1, 2):
            left, right = data.draw(st.sampled_from(known)), data.draw(st.sampled_from(known))
            return p.op(data.draw(st.sampled_from([ADD, SUB, MUL])), left, right)
        taken = data.draw(st.booleans())
        condition = p.op(GT if taken else LT, Const(1.0, FLOAT), Const(0.0, FLOAT))
        return p.branch(condition, lambda: chain(p, known, depth - 1), lambda: chain(p, known, depth - 1))

    def chain(p: Program, known: list[Sym], depth: int) -> Sym:
        extended = list(known)
        for _ in range(data.draw(st.integers(1, 4))):
            extended.append(expression(p, extended, depth))
        return p.op(TANH, extended[-1])

    _check(function([FLOAT, FLOAT], lambda p, a, b: chain(p, [a, b], 2)), x, y)


def test_a_function_that_is_not_a_number_has_no_gradient() -> None:
    with pytest.raises(StagedTypeError, match="one floating-point result"):
        gradient_function(function([matrix(2)], lambda p, x: x), [0])
    with pytest.raises(StagedTypeError, match="parameter of type int"):
        gradient_function(function([INT, FLOAT], lambda p, n, x: x), [0])
