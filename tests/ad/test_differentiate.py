"""The pass that replaces `backward` nodes: activity, branches, several sweeps, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pylms.ad.reverse import Differentiate
from pylms.errors import NotSupportedYetError
from pylms.ir.node import Atom, Const, Function, Sym, walk
from pylms.ir.ops.arithmetic import ADD, CONVERT, GT, MUL, SUB, TANH
from pylms.ir.ops.buffers import LOAD, SLICE_ROWS, STORE
from pylms.ir.ops.control import FOR, WHILE
from pylms.ir.ops.differentiation import BACKWARD
from pylms.ir.ops.host import HOST_CALL
from pylms.ir.ops.tensors import BROADCAST, ELEMENT, MATMUL, REDUCE_SUM, STOP_GRADIENT
from pylms.ir.types import FLOAT, FLOAT64, INT, Type
from pylms.ir.verify import verify
from tests.ad.programs import Program, buffer, function, matrix, run


def differentiate(types: list[Type], body: Callable[..., object]) -> Function:
    result = Differentiate().run(function(types, body))
    verify(result)
    assert not any(node.primitive in (BACKWARD, STOP_GRADIENT) for node in walk(result.body))
    return result


def _count(program: Function, primitive: object) -> int:
    return sum(node.primitive is primitive for node in walk(program.body))


def _square_loss(p: Program, tensor: Sym) -> Sym:
    return p.sum_of(p.op(MUL, tensor, tensor))


def test_gradients_end_at_loads_and_the_input_gets_none() -> None:
    def body(p: Program, image: Sym, weights: Sym) -> list[Atom]:
        product = p.op(MATMUL, image, p.op(LOAD, weights), transpose_a=False, transpose_b=False)
        loss = _square_loss(p, product)
        return [loss, *p.ops(BACKWARD, loss, weights)]

    program = differentiate([matrix(2, 3), buffer(3, 4)], body)
    assert _count(program, MATMUL) == 2
    image, weights = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4)
    _loss, gradient = run(program, image, weights)
    np.testing.assert_allclose(gradient, 2 * image.T @ (image @ weights))


def test_two_loads_of_one_buffer_add_up_and_an_unused_one_is_zero() -> None:
    def body(p: Program, used: Sym, unused: Sym) -> list[Atom]:
        loss = p.sum_of(p.op(MUL, p.op(LOAD, used), p.op(TANH, p.op(LOAD, used))))
        return list(p.ops(BACKWARD, loss, used, unused))

    value = np.array([0.3, -0.2])
    gradient, zero = run(differentiate([buffer(2), buffer(3)], body), value, np.ones(3))
    np.testing.assert_allclose(gradient, np.tanh(value) + value * (1 - np.tanh(value) ** 2))
    np.testing.assert_array_equal(zero, np.zeros(3))


def test_a_loss_without_parameters_gives_zeros() -> None:
    def body(p: Program, x: Sym, w: Sym) -> list[Atom]:
        return list(p.ops(BACKWARD, _square_loss(p, x), w))

    (zero,) = run(differentiate([matrix(2), buffer(2)], body), np.ones(2), np.ones(2))
    np.testing.assert_array_equal(zero, np.zeros(2))


@pytest.mark.parametrize("flag", [1.0, -1.0])
def test_a_parameter_read_inside_a_branch(flag: float) -> None:
    def body(p: Program, flag: Sym, first: Sym, second: Sym) -> list[Atom]:
        shared = p.op(LOAD, first)

        def then() -> Sym:
            return p.op(MUL, p.op(TANH, shared), p.op(LOAD, second))

        hidden = p.branch(p.op(GT, flag, Const(0.0, FLOAT)), then, lambda: p.op(MUL, shared, shared))
        return list(p.ops(BACKWARD, p.sum_of(hidden), first, second))

    a, b = np.array([0.5, -1.0]), np.array([2.0, 3.0])
    found_a, found_b = run(differentiate([FLOAT, buffer(2), buffer(2)], body), flag, a, b)
    if flag > 0:
        np.testing.assert_allclose(found_a, b * (1 - np.tanh(a) ** 2))
        np.testing.assert_allclose(found_b, np.tanh(a))
    else:
        np.testing.assert_allclose(found_a, 2 * a)
        np.testing.assert_array_equal(found_b, np.zeros(2))


def test_two_sweeps_over_the_same_branch() -> None:
    def body(p: Program, flag: Sym, weights: Sym) -> list[Atom]:
        w = p.op(LOAD, weights)
        hidden = p.branch(p.op(GT, flag, Const(0.0, FLOAT)), lambda: p.op(TANH, p.op(TANH, w)), lambda: w)
        (first,) = p.ops(BACKWARD, p.sum_of(hidden), weights)
        (second,) = p.ops(BACKWARD, _square_loss(p, hidden), weights)
        return [first, second]

    w = np.array([0.4, -0.8])
    first, second = run(differentiate([FLOAT, buffer(2)], body), 1.0, w)
    slope = (1 - np.tanh(np.tanh(w)) ** 2) * (1 - np.tanh(w) ** 2)
    np.testing.assert_allclose(first, slope)
    np.testing.assert_allclose(second, 2 * np.tanh(np.tanh(w)) * slope)


def test_backward_inside_a_branch_reaches_nodes_before_it() -> None:
    def body(p: Program, flag: Sym, weights: Sym) -> list[Atom]:
        w = p.op(LOAD, weights)
        hidden = p.branch(p.op(GT, flag, Const(5.0, FLOAT)), lambda: w, lambda: p.op(MUL, p.op(TANH, w), w))
        loss = p.sum_of(hidden)
        gradient = p.branch(
            p.op(GT, flag, Const(0.0, FLOAT)), lambda: p.op(BACKWARD, loss, weights), lambda: p.full(matrix(2), 7.0)
        )
        return [gradient]

    w = np.array([0.4, -0.8])
    program = differentiate([FLOAT, buffer(2)], body)
    np.testing.assert_allclose(run(program, 1.0, w)[0], np.tanh(w) + w * (1 - np.tanh(w) ** 2))
    np.testing.assert_allclose(run(program, 9.0, w)[0], np.ones(2))
    np.testing.assert_allclose(run(program, -1.0, w)[0], np.full(2, 7.0))


def _loop(p: Program, count: int, initial: list[Atom], body: Callable[..., list[Atom]]) -> tuple[Sym, ...]:
    params = [p.builder.fresh(INT), *[p.builder.fresh(atom.type) for atom in initial]]
    loc = p.loc()
    block = p.block(params, lambda: body(*params))
    start, stop, step = Const(0, INT), Const(count, INT), Const(1, INT)
    return p.builder.emit(FOR, [start, stop, step, *initial], loc=loc, blocks=[block])


def _descend(p: Program, weights: Sym, gradient: Sym) -> None:
    rate = p.full(gradient.type, 0.1)
    p.builder.emit(STORE, [weights, p.op(SUB, p.op(LOAD, weights), p.op(MUL, rate, gradient))], loc=p.loc())


def test_training_loop_follows_the_updates() -> None:
    """Each iteration loads what the one before it stored; a running total of losses is not differentiated."""

    def body(p: Program, weights: Sym) -> list[Atom]:
        def step(_index: Sym, total: Sym) -> list[Atom]:
            loss = _square_loss(p, p.op(TANH, p.op(LOAD, weights)))
            _descend(p, weights, p.op(BACKWARD, loss, weights))
            return [p.op(ADD, total, loss)]

        (total,) = _loop(p, 3, [p.full(matrix(), 0.0)], step)
        return [total, p.op(LOAD, weights)]

    total, found = run(differentiate([buffer(2)], body), np.array([0.5, -1.0]))
    w, expected = np.array([0.5, -1.0]), 0.0
    for _ in range(3):
        expected += (np.tanh(w) ** 2).sum()
        w = w - 0.1 * 2 * np.tanh(w) * (1 - np.tanh(w) ** 2)
    np.testing.assert_allclose(total, expected)
    np.testing.assert_allclose(found, w)


def test_a_gradient_is_a_constant_to_later_sweeps() -> None:
    def body(p: Program, weights: Sym) -> list[Atom]:
        (gradient,) = p.ops(BACKWARD, _square_loss(p, p.op(LOAD, weights)), weights)
        return list(p.ops(BACKWARD, p.sum_of(p.op(MUL, gradient, p.op(LOAD, weights))), weights))

    (found,) = run(differentiate([buffer(2)], body), np.array([3.0, 4.0]))
    np.testing.assert_allclose(found, [6.0, 8.0])


def test_stop_gradient_stops_it() -> None:
    def body(p: Program, weights: Sym) -> list[Atom]:
        w = p.op(LOAD, weights)
        return list(p.ops(BACKWARD, p.sum_of(p.op(MUL, w, p.op(STOP_GRADIENT, w))), weights))

    (found,) = run(differentiate([buffer(2)], body), np.array([3.0, 4.0]))
    np.testing.assert_allclose(found, [3.0, 4.0])


def test_function_without_backward_is_returned_unchanged() -> None:
    program = function([FLOAT], lambda p, x: p.op(MUL, x, x))
    assert Differentiate().run(program) is program


def _refused(types: list[Type], body: Callable[..., object]) -> NotSupportedYetError:
    with pytest.raises(NotSupportedYetError) as caught:
        differentiate(types, body)
    return caught.value


def test_loop_inside_the_differentiated_part() -> None:
    """w * w**3, whose tensor from outside the loop has its gradient added up in memory."""

    def body(p: Program, weights: Sym) -> list[Atom]:
        w = p.op(LOAD, weights)
        (power,) = _loop(p, 3, [w], lambda _i, x: [p.op(MUL, x, w)])
        return list(p.ops(BACKWARD, p.sum_of(power), weights))

    (found,) = run(differentiate([buffer(2)], body), np.array([1.5, -2.0]))
    np.testing.assert_allclose(found, 4 * np.array([1.5, -2.0]) ** 3)


def test_loop_before_the_block_that_differentiates_is_refused_at_its_line() -> None:
    lines = []

    def body(p: Program, weights: Sym, flag: Sym) -> list[Atom]:
        w = p.op(LOAD, weights)
        lines.append(p.line + 1)
        (power,) = _loop(p, 3, [w], lambda _i, x: [p.op(MUL, x, x)])
        backward = lambda: p.op(BACKWARD, p.sum_of(power), weights)  # noqa: E731
        return [p.branch(p.op(GT, flag, Const(0.0, FLOAT)), backward, lambda: w)]

    error = _refused([buffer(2), FLOAT], body)
    assert "the block in which backward() is called begins after it" in str(error)
    assert error.loc is not None and error.loc.line == lines[0]


def test_loop_beside_the_differentiated_part_is_fine() -> None:
    def body(p: Program, weights: Sym) -> list[Atom]:
        w = p.op(LOAD, weights)
        (unrelated,) = _loop(p, 3, [p.op(STOP_GRADIENT, w)], lambda _i, x: [p.op(ADD, x, x)])
        loss = p.sum_of(p.op(MUL, w, unrelated))
        return list(p.ops(BACKWARD, loss, weights))

    (found,) = run(differentiate([buffer(2)], body), np.array([1.0, 2.0]))
    np.testing.assert_allclose(found, [8.0, 16.0])


def _carried(detached: bool) -> Callable[..., object]:
    def body(p: Program, weights: Sym) -> list[Atom]:
        def step(_index: Sym, hidden: Sym) -> list[Atom]:
            before = p.op(STOP_GRADIENT, hidden) if detached else hidden
            after = p.op(TANH, p.op(MUL, p.op(LOAD, weights), before))
            _descend(p, weights, p.op(BACKWARD, p.sum_of(after), weights))
            return [after]

        return list(_loop(p, 2, [p.full(matrix(2), 1.0)], step))

    return body


def test_value_carried_between_iterations_is_refused_unless_detached() -> None:
    error = _refused([buffer(2)], _carried(detached=False))
    assert "carries from one iteration to the next" in str(error) and "detach" in str(error)
    differentiate([buffer(2)], _carried(detached=True))


def test_while_loop() -> None:
    """Halving until it is 1 or less: the number of rounds depends on the value."""

    def body(p: Program, weights: Sym) -> list[Atom]:
        start = p.op(ELEMENT, p.op(REDUCE_SUM, p.op(LOAD, weights), axes=(0,)))
        condition_param, body_param = p.builder.fresh(FLOAT64), p.builder.fresh(FLOAT64)
        condition = p.block([condition_param], lambda: [p.op(GT, condition_param, Const(1.0, FLOAT64))])
        loop_body = p.block([body_param], lambda: [p.op(MUL, body_param, Const(0.5, FLOAT64))])
        (result,) = p.builder.emit(WHILE, [start], loc=p.loc(), blocks=[condition, loop_body])
        return list(p.ops(BACKWARD, p.op(BROADCAST, result, shape=(), axes=()), weights))

    program = differentiate([buffer(2)], body)
    for total, slope in ((0.5, 1.0), (1.5, 0.5), (7.0, 0.125)):
        np.testing.assert_allclose(run(program, np.array([total, 0.0]))[0], [slope, slope])


def test_call_into_python_is_refused_only_where_the_loss_depends_on_it() -> None:
    def body(p: Program, weights: Sym, *, detached: bool) -> list[Atom]:
        w = p.op(LOAD, weights)
        number = p.op(ELEMENT, p.sum_of(w))
        sent = p.op(CONVERT, number, dtype=FLOAT)
        if detached:
            sent = p.op(STOP_GRADIENT, sent)
        answer = p.op(HOST_CALL, sent, callback=0, results=(FLOAT64,), mutates=())
        loss = p.sum_of(p.op(MUL, w, p.op(BROADCAST, answer, shape=(2,), axes=())))
        return list(p.ops(BACKWARD, loss, weights))

    error = _refused([buffer(2)], lambda p, w: body(p, w, detached=False))
    assert "call into Python" in str(error)
    differentiate([buffer(2)], lambda p, w: body(p, w, detached=True))


def test_value_that_went_through_memory_is_refused() -> None:
    def body(p: Program, weights: Sym, scratch: Sym) -> list[Atom]:
        p.builder.emit(STORE, [scratch, p.op(TANH, p.op(LOAD, weights))], loc=p.loc())
        return list(p.ops(BACKWARD, _square_loss(p, p.op(LOAD, scratch)), weights))

    assert "through memory" in str(_refused([buffer(2), buffer(2)], body))


def test_reading_rows_of_a_parameter_is_refused() -> None:
    def body(p: Program, weights: Sym) -> list[Atom]:
        rows = p.op(SLICE_ROWS, weights, Const(0, INT), count=1)
        return list(p.ops(BACKWARD, _square_loss(p, rows), weights))

    error = _refused([buffer(2, 3)], body)
    assert "reading a part of a parameter" in str(error) and error.loc is not None
