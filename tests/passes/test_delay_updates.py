"""Delayed updates: the same results up to rounding, and the same parameters wherever the loop is left."""

from __future__ import annotations

import contextlib
import copy
import io

import numpy as np
import pytest

from pylms import lms, stageTensor
from pylms.backends.cpp.backend import CppBackend
from pylms.backends.cpp.legalise import PASSES
from pylms.errors import InternalError
from pylms.ir.builder import Builder
from pylms.ir.interpret import interpret
from pylms.ir.node import Const, Function, walk
from pylms.ir.ops import arithmetic as ops
from pylms.ir.ops import buffers, control, host, tensors
from pylms.ir.ops.control import FINALLY
from pylms.ir.parser import parse_function
from pylms.ir.printer import print_function
from pylms.ir.types import FLOAT, FLOAT32, INT, INT64, UINT8, BufferType
from pylms.ir.verify import verify
from pylms.loc import Loc
from pylms.passes.dce import EliminateDeadCode
from pylms.passes.delay_updates import DelayUpdates
from pylms.passes.pipeline import REASSOCIATING_PASSES, TENSOR_PASSES, run_passes
from tests.backends.cpp.native import POLL, NativeCall, RecordingHost, compile_all
from tests.passes.before_after import check, check_unchanged
from tests.passes.mlp_step import (
    Optimiser,
    Sizes,
    Writer,
    parameter_shapes,
    write_forward,
    write_reverse_sweep,
    write_update,
)

INNER, COLUMNS, ROWS = 7, 3, 48
DELAY = DelayUpdates(block_rows=4, smallest_bytes=0)
DELAYING = (DELAY, *REASSOCIATING_PASSES[1:])


class Training:
    """`run(data[48, 7], targets[48, 3], parameters...) -> sum of losses`, a loop over steps of `batch` rows.

    `write(writer, x, target, index, parameters)` writes a step and gives its loss, a tensor of rank 0.
    """

    def __init__(self, write, shapes, *, steps=11, batch=1):
        self.shapes = shapes
        builder = Builder()
        data = builder.fresh(BufferType(FLOAT32, (ROWS, INNER)), "data")
        targets = builder.fresh(BufferType(FLOAT32, (ROWS, COLUMNS)), "targets")
        parameters = [builder.fresh(BufferType(FLOAT32, shape), name) for name, shape in shapes.items()]
        w = Writer(builder)
        with builder.block((data, targets, *parameters)) as outer:
            index, total = builder.fresh(INT, "step"), builder.fresh(FLOAT, "total")
            with builder.block((index, total)) as body:
                start = w.emit(ops.MUL, index, Const(batch, INT))
                x = w.emit(buffers.SLICE_ROWS, data, start, count=batch)
                target = w.emit(buffers.SLICE_ROWS, targets, start, count=batch)
                loss = write(w, x, target, index, parameters)
                number = w.emit(ops.CONVERT, w.emit(tensors.ELEMENT, loss), dtype=FLOAT)
                block = body.finish([w.emit(ops.ADD, total, number)])
            bounds = Const(0, INT), Const(steps, INT), Const(1, INT), Const(0.0, FLOAT)
            result = w.emit(control.FOR, *bounds, blocks=(block,))
            main = outer.finish([result])
        function = Function("run", main, Loc("train.py", 1), captures=2 + len(parameters))
        self.plain = run_passes(function, TENSOR_PASSES)
        self.delayed = run_passes(self.plain, DELAYING)

    @property
    def is_delayed(self) -> bool:
        return any(node.primitive is FINALLY for node in walk(self.delayed.body))

    def arguments(self, *, not_finite_from: int = ROWS):
        random = np.random.default_rng(3)
        data = random.normal(size=(ROWS, INNER)).astype(np.float32)
        data[not_finite_from:] = np.inf
        targets = random.normal(size=(ROWS, COLUMNS)).astype(np.float32)
        return [data, targets, *(random.normal(size=shape).astype(np.float32) for shape in self.shapes.values())]


def outcome(run, arguments: list, answer=lambda callback, args: ()):
    """The results or the exception's type, and all arrays as they are afterwards."""
    try:
        results = run(arguments, RecordingHost(answer))
    except (ValueError, OverflowError, KeyboardInterrupt) as error:
        results = (type(error),)
    return results, arguments


def interpreted(function: Function):
    return lambda arguments, host: interpret(function, arguments, host=host)


def assert_alike(found, expected):
    if isinstance(expected[0][0], type):
        assert found[0] == expected[0]
    else:
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-4)
    for one, other in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-5)


def check_law(training: Training, answer=lambda callback, args: (), **options):
    """Undelayed = delayed = delayed and legalised, interpreted = native; text and back."""
    assert training.is_delayed
    assert print_function(parse_function(print_function(training.delayed))) == print_function(training.delayed)
    legal = run_passes(training.delayed, PASSES)
    (native,) = compile_all([legal], backend=CppBackend())
    expected = outcome(interpreted(training.plain), training.arguments(**options), answer)
    for run in (interpreted(training.delayed), interpreted(legal), native):
        assert_alike(outcome(run, training.arguments(**options), answer), expected)


# ---- steps of training


def error_of(w, product, bias, target):
    """The difference from the target, and its squares' sum."""
    shape = product.type.shape
    value = w.emit(ops.ADD, product, w.spread(w.emit(buffers.LOAD, bias), shape, 1)) if bias else product
    difference = w.emit(ops.SUB, value, target)
    return difference, w.emit(tensors.REDUCE_SUM, w.emit(ops.MUL, difference, difference), axes=(0, 1))


def descend(w, parameter, gradient, rate=0.02):
    w.emit(buffers.STORE, parameter, w.emit(ops.SUB, w.emit(buffers.LOAD, parameter), w.scale(rate, gradient)))


def linear(w, x, target, index, parameters):
    weight, bias = parameters
    product = w.matmul(x, w.emit(buffers.LOAD, weight), transpose_b=True)
    difference, loss = error_of(w, product, bias, target)
    descend(w, bias, w.emit(tensors.REDUCE_SUM, difference, axes=(0,)))
    descend(w, weight, w.matmul(difference, x, transpose_a=True))
    return loss


LINEAR = {"weight": (COLUMNS, INNER), "bias": (COLUMNS,)}


def linear_inputs_first(w, x, target, index, parameters):
    weight, bias = parameters
    difference, loss = error_of(w, w.matmul(x, w.emit(buffers.LOAD, weight)), bias, target)
    descend(w, weight, w.transpose(w.matmul(w.transpose(difference), x)))
    return loss


def matrix_times_vector(w, x, target, index, parameters):
    weight, bias = parameters
    column = w.emit(tensors.RESHAPE, x, shape=(INNER, 1))
    product = w.emit(tensors.RESHAPE, w.matmul(w.emit(buffers.LOAD, weight), column), shape=(1, COLUMNS))
    difference, loss = error_of(w, product, bias, target)
    gradient = w.matmul(w.transpose(difference), w.transpose(column))
    value = w.emit(ops.ADD, w.scale(-0.02, gradient), w.emit(buffers.LOAD, weight))
    w.emit(buffers.STORE, weight, value)
    return loss


def scaled_on_the_side_of_x(w, x, target, index, parameters):
    weight, bias = parameters
    product = w.matmul(x, w.emit(buffers.LOAD, weight), transpose_b=True)
    difference, loss = error_of(w, product, bias, target)
    rate = w.emit(ops.MUL, w.emit(ops.CONVERT, index, dtype=FLOAT32), Const(0.005, FLOAT32))
    gradient = w.matmul(difference, w.scale(rate, x), transpose_a=True)
    w.emit(buffers.STORE, weight, w.emit(ops.SUB, w.emit(buffers.LOAD, weight), gradient))
    return loss


def two_first_layers(w, x, target, index, parameters):
    one, two, bias = parameters
    squares = w.emit(ops.MUL, x, x)
    product = w.emit(
        ops.ADD,
        w.matmul(x, w.emit(buffers.LOAD, one), transpose_b=True),
        w.matmul(squares, w.emit(buffers.LOAD, two), transpose_b=True),
    )
    difference, loss = error_of(w, product, bias, target)
    descend(w, one, w.matmul(difference, x, transpose_a=True), rate=0.01)
    descend(w, two, w.matmul(difference, squares, transpose_a=True), rate=0.01)
    return loss


def branching(w, x, target, index, parameters):
    weight, bias = parameters
    product = w.matmul(x, w.emit(buffers.LOAD, weight), transpose_b=True)
    difference, loss = error_of(w, product, bias, target)
    positive = w.emit(ops.GT, w.emit(tensors.ELEMENT, loss), Const(8.0, FLOAT32))
    with w.builder.block() as then:
        then_block = then.finish([w.scale(0.5, difference)])
    with w.builder.block() as otherwise:
        otherwise_block = otherwise.finish([difference])
    chosen = w.emit(control.IF, positive, blocks=(then_block, otherwise_block))
    descend(w, weight, w.matmul(chosen, x, transpose_a=True))
    return loss


TWO = {"one": (COLUMNS, INNER), "two": (COLUMNS, INNER), "bias": (COLUMNS,)}
INPUTS_FIRST = {"weight": (INNER, COLUMNS), "bias": (COLUMNS,)}


@pytest.mark.parametrize(
    ("write", "shapes"),
    [
        (linear, LINEAR),
        (linear_inputs_first, INPUTS_FIRST),
        (scaled_on_the_side_of_x, LINEAR),
        (two_first_layers, TWO),
        (branching, LINEAR),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
@pytest.mark.parametrize(("steps", "batch"), [(8, 1), (11, 1), (9, 2), (8, 4)])
def test_a_delayed_loop_computes_what_the_loop_does(write, shapes, steps, batch):
    check_law(Training(write, shapes, steps=steps, batch=batch))


def test_a_matrix_may_stand_before_its_vector():
    check_law(Training(matrix_times_vector, LINEAR))


def test_both_first_layers_wait():
    delayed = Training(two_first_layers, TWO).delayed
    (block,) = [node for node in walk(delayed.body) if node.primitive is FINALLY]
    assert {symbol.name for symbol in block.blocks[1].nodes[-1].effect.writes} == {"two"}
    assert {"one", "two"} <= {symbol.name for symbol in block.effect.writes}


@pytest.mark.parametrize("batch", [1, 3])
def test_the_first_layer_of_a_perceptron_waits_and_the_second_does_not(batch):
    sizes = Sizes(batch, rows=36)
    function = run_passes(perceptron(sizes, Optimiser()), TENSOR_PASSES)
    delayed = run_passes(function, DELAYING)
    (block,) = [node for node in walk(delayed.body) if node.primitive is FINALLY]
    written_in_steps = {symbol.name for node in walk(block.blocks[0]) for symbol in node.effect.writes}
    assert {"b1", "W2", "b2"} <= written_in_steps
    assert "W1" not in written_in_steps
    (native,) = compile_all([run_passes(delayed, PASSES)])
    expected = outcome(interpreted(function), perceptron_arguments(sizes))
    for run in (interpreted(delayed), native):
        assert_alike(outcome(run, perceptron_arguments(sizes)), expected)


def perceptron(sizes: Sizes, optimiser: Optimiser):
    """run(images, labels, W1, b1, W2, b2, then momentum buffers) -> sum of losses, over all rows."""
    builder = Builder()
    images = builder.fresh(BufferType(UINT8, (sizes.rows, sizes.side, sizes.side)), "images")
    labels = builder.fresh(BufferType(INT64, (sizes.rows,)), "labels")
    shapes = parameter_shapes(sizes).items()
    parameters = [builder.fresh(BufferType(FLOAT32, shape), name) for name, shape in shapes]
    momenta = [builder.fresh(BufferType(FLOAT32, shape), f"{name}_momentum") for name, shape in shapes]
    w = Writer(builder)
    with builder.block((images, labels, *parameters, *momenta)) as outer:
        index, total = builder.fresh(INT, "step"), builder.fresh(FLOAT, "total")
        with builder.block((index, total)) as body:
            start = w.emit(ops.MUL, index, Const(sizes.batch, INT))
            rows = w.emit(buffers.SLICE_ROWS, images, start, count=sizes.batch)
            targets = w.emit(buffers.SLICE_ROWS, labels, start, count=sizes.batch)
            loss, forward = write_forward(w, sizes, rows, targets, parameters)
            gradients = write_reverse_sweep(w, sizes, targets, forward)
            write_update(w, optimiser, parameters, momenta, gradients)
            number = w.emit(ops.CONVERT, w.emit(tensors.ELEMENT, loss), dtype=FLOAT)
            block = body.finish([w.emit(ops.ADD, total, number)])
        bounds = Const(0, INT), Const(sizes.rows // sizes.batch, INT), Const(1, INT), Const(0.0, FLOAT)
        main = outer.finish([w.emit(control.FOR, *bounds, blocks=(block,))])
    return Function("run", main, Loc("train.py", 1), captures=2 + len(parameters) + len(momenta))


def perceptron_arguments(sizes: Sizes):
    random = np.random.default_rng(1)
    images = random.integers(0, 256, (sizes.rows, sizes.side, sizes.side), dtype=np.uint8)
    shapes = parameter_shapes(sizes).values()
    weights = [random.uniform(-0.3, 0.3, shape).astype(np.float32) for shape in shapes]
    return [images, random.integers(0, sizes.classes, sizes.rows), *weights, *(np.zeros_like(each) for each in weights)]


# ---- leaving in the middle of a block


def failing_before_the_update(w, x, target, index, parameters):
    fine = w.emit(ops.NE, index, Const(6, INT))
    w.builder.emit(control.CHECK, (fine,), loc=Loc("train.py", 5), attrs={"error": "ValueError", "message": "six"})
    return linear(w, x, target, index, parameters)


def failing_after_the_update(w, x, target, index, parameters):
    loss = linear(w, x, target, index, parameters)
    fine = w.emit(ops.NE, index, Const(6, INT))
    w.builder.emit(control.CHECK, (fine,), loc=Loc("train.py", 5), attrs={"error": "ValueError", "message": "six"})
    return loss


def calling_python(w, x, target, index, parameters):
    attrs = {"callback": 0, "results": (), "mutates": ()}
    w.builder.emit(host.HOST_CALL, (index,), loc=Loc("train.py", 5), attrs=attrs)
    return linear(w, x, target, index, parameters)


@pytest.mark.parametrize("first_infinite_row", [ROWS, 7])
@pytest.mark.parametrize("write", [failing_before_the_update, failing_after_the_update])
def test_after_an_error_the_matrix_is_what_the_steps_until_then_made_it(write, first_infinite_row):
    check_law(Training(write, LINEAR), not_finite_from=first_infinite_row)


def test_after_an_exception_in_a_callback_the_matrix_is_what_the_steps_until_then_made_it():
    def answer(_callback, args):
        if args[0] == 6:
            raise ValueError
        return ()

    check_law(Training(calling_python, LINEAR), answer)


def test_losses_before_an_infinite_row_are_what_they_were():
    losses = []

    def telling(w, x, target, index, parameters):
        loss = linear(w, x, target, index, parameters)
        number = w.emit(ops.CONVERT, w.emit(tensors.ELEMENT, loss), dtype=FLOAT)
        attrs = {"callback": 0, "results": (), "mutates": ()}
        w.builder.emit(host.HOST_CALL, (number,), loc=Loc("train.py", 5), attrs=attrs)
        return loss

    def answer(_callback, args):
        losses.append(args[0])
        return ()

    training = Training(telling, LINEAR, steps=8)
    for function in (training.plain, training.delayed):
        with np.errstate(invalid="ignore", over="ignore"):
            outcome(interpreted(function), training.arguments(not_finite_from=6), answer)
    expected, found = losses[:8], losses[8:]
    assert np.isfinite(expected[:6]).all()
    np.testing.assert_allclose(found[:6], expected[:6], rtol=1e-5)


class InterruptedCall(NativeCall):
    """A native call during which Ctrl-C comes when the program says so, and then again and again."""

    context = None

    def _context(self, host, memory, interrupted):
        def poll(_context):
            memory.append(KeyboardInterrupt())
            return 1

        self.context = super()._context(host, memory, interrupted)
        self.context.interrupt, self.context.poll = 0, POLL(poll)
        return self.context


def test_after_ctrl_c_the_matrix_is_what_the_steps_until_then_made_it():
    training = Training(calling_python, LINEAR)
    (native,) = compile_all([run_passes(training.delayed, PASSES)])
    call = InterruptedCall(native.bundle, native.entry)

    def press(_callback, args):
        if args[0] == 6:
            call.context.interrupt = 1
        return ()

    def stop_at_seven(_callback, args):
        if args[0] == 7:
            raise KeyboardInterrupt
        return ()

    found = outcome(call, training.arguments(), press)
    assert_alike(found, outcome(interpreted(training.plain), training.arguments(), stop_at_seven))


# ---- where it must not be done


def assert_stays(write, shapes, **options):
    training = Training(write, shapes, **options)
    assert not training.is_delayed
    assert print_function(DELAY.run(training.plain)) == print_function(training.plain)


def used_twice(w, x, target, index, parameters):
    loss = linear(w, x, target, index, parameters)
    size = w.emit(tensors.REDUCE_SUM, w.emit(buffers.LOAD, parameters[0]), axes=(0, 1))
    return w.emit(ops.ADD, loss, size)


def printed(w, x, target, index, parameters):
    element = w.emit(buffers.LOAD_ELEMENT, parameters[0], Const(0, INT), Const(0, INT))
    w.builder.emit(host.PRINT, (element,), loc=Loc("train.py", 5), attrs={"format": "{}\n"})
    return linear(w, x, target, index, parameters)


def seen_by_python(w, x, target, index, parameters):
    attrs = {"callback": 0, "results": (), "mutates": ()}
    w.builder.emit(host.HOST_CALL, parameters[:1], loc=Loc("train.py", 5), attrs=attrs)
    return linear(w, x, target, index, parameters)


def decaying(w, x, target, index, parameters):
    weight, bias = parameters
    value = w.emit(buffers.LOAD, weight)
    difference, loss = error_of(w, w.matmul(x, value, transpose_b=True), bias, target)
    gradient = w.emit(ops.ADD, w.matmul(difference, x, transpose_a=True), w.scale(0.01, value))
    descend(w, weight, gradient)
    return loss


def with_another_input(w, x, target, index, parameters):
    weight, bias = parameters
    difference, loss = error_of(w, w.matmul(x, w.emit(buffers.LOAD, weight), transpose_b=True), bias, target)
    descend(w, weight, w.matmul(difference, w.emit(ops.EXP, x), transpose_a=True))
    return loss


def input_depends_on_weights(w, x, target, index, parameters):
    inputs = parameters[2]
    shifted = w.emit(ops.ADD, x, w.spread(w.emit(buffers.LOAD, inputs), x.type.shape, 1))
    descend(w, inputs, w.emit(tensors.REDUCE_SUM, shifted, axes=(0,)))
    return linear(w, shifted, target, index, parameters[:2])


def updated_in_a_branch(w, x, target, index, parameters):
    weight, bias = parameters
    value = w.emit(buffers.LOAD, weight)
    difference, loss = error_of(w, w.matmul(x, value, transpose_b=True), bias, target)
    positive = w.emit(ops.GT, w.emit(tensors.ELEMENT, loss), Const(8.0, FLOAT32))
    with w.builder.block() as then:
        descend(w, weight, w.matmul(difference, x, transpose_a=True))
        then_block = then.finish([])
    with w.builder.block() as otherwise:
        otherwise_block = otherwise.finish([])
    w.builder.emit(control.IF, (positive,), loc=Loc("train.py", 5), blocks=(then_block, otherwise_block))
    return loss


@pytest.mark.parametrize(
    "write", [used_twice, printed, seen_by_python, decaying, with_another_input, updated_in_a_branch]
)
def test_a_matrix_that_is_used_otherwise_does_not_wait(write):
    assert_stays(write, LINEAR)


def test_an_input_that_depends_on_what_the_loop_writes_cannot_be_computed_ahead():
    assert_stays(input_depends_on_weights, {**LINEAR, "inputs": (INNER,)})


def test_short_loops_and_large_batches_do_not_wait():
    assert_stays(linear, LINEAR, steps=7)
    assert_stays(linear, LINEAR, steps=8, batch=5)


@pytest.mark.parametrize(
    "settings",
    [DelayUpdates(block_rows=4), DelayUpdates(block_rows=8, smallest_bytes=0)],
    ids=["a small matrix", "few columns"],
)
def test_what_would_not_pay_does_not_wait(settings):
    training = Training(linear, LINEAR, steps=ROWS)
    assert print_function(settings.run(training.plain)) == print_function(training.plain)


WHILE_LOOP = """
function @run(%0.data: buffer<float32[9x2]>, %1.w: buffer<float32[1x2]>) {
  %2.i: int = while 0 do(%3.i: int) {
    %4: bool = lt %3.i, 9
    yield %4
  } do(%5.i: int) {
    %6: tensor<float32[1x2]> = slice_rows %0.data, %5.i {count = 1}
    %7: tensor<float32[1x2]> = load %1.w
    %8: tensor<float32[1x1]> = matmul %6, %7 {transpose_a = False, transpose_b = True}
    %9: tensor<float32[1x2]> = matmul %8, %6 {transpose_a = True, transpose_b = False}
    %10: tensor<float32[1x2]> = sub %7, %9
    store %1.w, %10
    %11: int = add %5.i, 1
    yield %11
  }
  return %2.i
}
"""


def test_loops_that_do_not_count_stay():
    check_unchanged(WHILE_LOOP, DelayUpdates(block_rows=2, smallest_bytes=0))


@pytest.mark.parametrize("optimiser", [Optimiser(momentum=0.9), Optimiser(weight_decay=0.01)])
def test_momentum_and_weight_decay_do_not_wait(optimiser):
    function = run_passes(perceptron(Sizes(1), optimiser), TENSOR_PASSES)
    assert print_function(DELAY.run(function)) == print_function(function)


# ---- the text


BEFORE = """
function @run(%0.data: buffer<float32[9x2]>, %1.w: buffer<float32[1x2]>, %2.n: int) {{
  {loop}
    %4: tensor<float32[1x2]> = slice_rows %0.data, {row} {{count = 1}}
    %5: tensor<float32[1x2]> = load %1.w
    %6: tensor<float32[1x1]> = matmul %4, %5 {{transpose_a = False, transpose_b = True}}
    %7: tensor<float32[1x2]> = matmul %6, %4 {{transpose_a = True, transpose_b = False}}
    %8: tensor<float32[1x2]> = sub %5, %7
    store %1.w, %8
    yield
  }}
  return
}}
"""
AFTER = """
function @run(%0.data: buffer<float32[9x2]>, %1.w: buffer<float32[1x2]>, %2.n: int) {
  %3.w_inputs: buffer<float32[2x2]> = buffer_new {dtype = float32, shape = (2, 2)}
  %4.w_steps: buffer<float32[2x1]> = buffer_new {dtype = float32, shape = (2, 1)}
  %5.w_products: buffer<float32[2x1]> = buffer_new {dtype = float32, shape = (2, 1)}
  %6.w_gram: buffer<float32[2x2]> = buffer_new {dtype = float32, shape = (2, 2)}
  %7.w_earlier: buffer<bool[2x2]> = buffer_new {dtype = bool, shape = (2, 2)}
  %8.w_reached: buffer<int[1]> = buffer_new {dtype = int, shape = (1,)}
  for 1, 2, 1 do(%9.step: int) {
    for 0, %9.step, 1 do(%10.step: int) {
      store_element %7.w_earlier, True, %9.step, %10.step
      yield
    }
    yield
  }
  for 0, 4, 2 do(%11.first: int) {
    for 0, 2, 1 do(%12.step: int) {
      %13: int64 = convert %11.first {dtype = int64}
      %14: int64 = convert %12.step {dtype = int64}
      %15: int64 = add %13, %14
      %16: int = convert %15 {dtype = int}
      %17: tensor<float32[1x2]> = slice_rows %0.data, %16 {count = 1}
      store_rows %3.w_inputs, %17, %12.step
      yield
    }
    %18: tensor<float32[2x2]> = load %3.w_inputs
    %19: tensor<float32[1x2]> = load %1.w
    %20: tensor<float32[2x1]> = matmul %18, %19 {transpose_a = False, transpose_b = True}
    store %5.w_products, %20
    %21: tensor<float32[2x2]> = matmul %18, %18 {transpose_a = False, transpose_b = True}
    %22: tensor<bool[2x2]> = load %7.w_earlier
    %23: tensor<float32[2x2]> = broadcast 0.0:float32 {shape = (2, 2), axes = ()}
    %24: tensor<float32[2x2]> = select %22, %21, %23
    store %6.w_gram, %24
    %25: tensor<float32[2x1]> = broadcast 0.0:float32 {shape = (2, 1), axes = ()}
    store %4.w_steps, %25
    store_element %8.w_reached, 0, 0
    finally do {
      for 0, 2, 1 do(%26.step: int) {
        %27: tensor<float32[1x2]> = slice_rows %6.w_gram, %26.step {count = 1}
        %28: tensor<float32[2x1]> = load %4.w_steps
        %29: tensor<float32[1x1]> = slice_rows %5.w_products, %26.step {count = 1}
        %30: tensor<float32[1x1]> = matmul %27, %28 {transpose_a = False, transpose_b = False}
        %31: tensor<float32[1x1]> = sub %29, %30
        store_rows %4.w_steps, %31, %26.step
        %32: int64 = convert %26.step {dtype = int64}
        %33: int64 = add %32, 1:int64
        %34: int = convert %33 {dtype = int}
        store_element %8.w_reached, %34, 0
        yield
      }
      yield
    } do {
      %35: int = load_element %8.w_reached, 0
      for %35, 2, 1 do(%36.step: int) {
        %37: tensor<float32[1x2]> = broadcast 0.0:float32 {shape = (1, 2), axes = ()}
        store_rows %3.w_inputs, %37, %36.step
        yield
      }
      %38: tensor<float32[2x1]> = load %4.w_steps
      %39: tensor<float32[2x2]> = load %3.w_inputs
      %40: tensor<float32[1x2]> = matmul %38, %39 {transpose_a = True, transpose_b = False}
      %41: tensor<float32[1x2]> = load %1.w
      %42: tensor<float32[1x2]> = sub %41, %40
      store %1.w, %42
      yield
    }
    yield
  }
  for 4, 5, 1 do(%43.i: int) {
    %44: tensor<float32[1x2]> = slice_rows %0.data, %43.i {count = 1}
    %45: tensor<float32[1x2]> = load %1.w
    %46: tensor<float32[1x1]> = matmul %44, %45 {transpose_a = False, transpose_b = True}
    %47: tensor<float32[1x2]> = matmul %46, %44 {transpose_a = True, transpose_b = False}
    %48: tensor<float32[1x2]> = sub %45, %47
    store %1.w, %48
    yield
  }
  return
}
"""
ONE_BLOCK = DelayUpdates(block_rows=2, smallest_bytes=0)


EPOCHS = """
function @run(%0.data: buffer<float32[9x2]>, %1.w: buffer<float32[1x2]>, %2.n: int) {
  for 0, %2.n, 1 do(%9.epoch: int) {
    for 2, 9, 1 do(%3.i: int) {
      %4: tensor<float32[1x2]> = slice_rows %0.data, %3.i {count = 1}
      %5: tensor<float32[1x2]> = load %1.w
      %6: tensor<float32[1x1]> = matmul %4, %5 {transpose_a = False, transpose_b = True}
      %7: tensor<float32[1x2]> = matmul %6, %4 {transpose_a = True, transpose_b = False}
      %8: tensor<float32[1x2]> = sub %5, %7
      store %1.w, %8
      yield
    }
    yield
  }
  return
}
"""


def test_loops_within_loops_that_start_anywhere_are_delayed():
    function = parse_function(EPOCHS)
    delayed = run_passes(function, (ONE_BLOCK, EliminateDeadCode()))
    assert any(node.primitive is FINALLY for node in walk(delayed.body))
    (native,) = compile_all([run_passes(delayed, PASSES)])
    random = np.random.default_rng(0)
    arguments = [random.uniform(-0.7, 0.7, shape).astype(np.float32) for shape in ((9, 2), (1, 2))]
    expected = outcome(interpreted(function), [each.copy() for each in arguments] + [3])
    for run in (interpreted(delayed), native):
        found = outcome(run, [each.copy() for each in arguments] + [3])
        np.testing.assert_allclose(found[1][1], expected[1][1], rtol=1e-4)


def test_a_loop_of_unknown_length_stays():
    check_unchanged(BEFORE.format(loop="for 0, %2.n, 1 do(%3.i: int) {", row="%3.i"), ONE_BLOCK)


def test_rows_that_may_be_out_of_range_are_not_read_ahead():
    check_unchanged(BEFORE.format(loop="for 0, 10, 1 do(%3.i: int) {", row="%3.i"), ONE_BLOCK)
    check_unchanged(BEFORE.format(loop="for 0, 9, 1 do(%3.i: int) {", row="%2.n"), ONE_BLOCK)


def test_a_loop_becomes_blocks_of_steps_and_a_rest():
    check(BEFORE.format(loop="for 0, 5, 1 do(%3.i: int) {", row="%3.i"), AFTER, ONE_BLOCK, EliminateDeadCode())


# ---- `finally` alone


FINALLY_TEXT = """
function @f(%0.p: buffer<float32[3]>, %1.q: buffer<float32[3]>, %2.n: int) {{
  %3: int, %4: tensor<float32[3]> = finally do {{
    %5: int = {operation}
    %6: tensor<float32[3]> = load %0.p
    %7: tensor<float32[3]> = exp %6
    yield %5, %7
  }} do {{
    %8: tensor<float32[3]> = broadcast 2.0:float32 {{shape = (3,), axes = ()}}
    store %0.p, %8
    yield
  }}
  store %1.q, %4
  return %3
}}
"""


@pytest.mark.parametrize("operation", ["mul %2.n, 2", "maximum %2.n, 2"])
@pytest.mark.parametrize("number", [5, 2**62])
def test_a_cleanup_runs_after_its_body_whether_or_not_that_fails(operation, number):
    function = parse_function(FINALLY_TEXT.format(operation=operation))
    verify(function)
    (native,) = compile_all([run_passes(function, PASSES)])
    outcomes = []
    for run in (interpreted(function), native):
        arguments = [np.ones(3, np.float32), np.zeros(3, np.float32), number]
        outcomes.append(outcome(run, arguments))
    fails = operation.startswith("mul") and number > 5
    assert outcomes[0][0] == outcomes[1][0]
    assert (outcomes[0][0] == (OverflowError,)) is fails
    for _, (p, q, _number) in outcomes:
        assert p.tolist() == [2, 2, 2]
        np.testing.assert_allclose(q, 0 if fails else np.exp(1), rtol=1e-6)


def test_verify_accepts_only_cleanups_that_give_nothing():
    text = "function @f() {\n  finally do {\n    yield\n  } do {\n    yield 1\n  }\n  return\n}"
    with pytest.raises(InternalError, match="a cleanup gives nothing"):
        verify(parse_function(text))


# ---- as users meet it


class Printer(io.StringIO):
    """Standard output that has had enough after some lines."""

    def __init__(self, lines):
        super().__init__()
        self.lines = lines

    def write(self, text):
        if text.strip():
            self.lines -= 1
        if self.lines < 0:
            raise ValueError("enough")
        return super().write(text)


@pytest.mark.parametrize("lines", [200, 23], ids=["to the end", "until printing fails"])
def test_a_staged_script_trains_as_pytorch_does(lines):
    torch = pytest.importorskip("torch")
    generator = torch.Generator().manual_seed(0)
    samples = torch.randn(37, 200, generator=generator), torch.randint(0, 3, (37,), generator=generator)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*samples))

    def make(model):
        @lms
        def run(dummy):
            optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
            for number, (data, target) in enumerate(loader):
                optimizer.zero_grad()
                loss = torch.nn.functional.cross_entropy(model(data), target)
                loss.backward()
                optimizer.step()
                print("{} {:.4f}".format(number, loss.item()))

        return run

    torch.manual_seed(1)
    real = torch.nn.Sequential(torch.nn.Linear(200, 60), torch.nn.Tanh(), torch.nn.Linear(60, 3))
    staged = copy.deepcopy(real)
    compiled = stageTensor(reassociate=True)(make(staged))
    outputs = []
    for run in (make(real), compiled):
        with contextlib.redirect_stdout(Printer(lines)) as output, contextlib.suppress(ValueError):
            run(0)
        outputs.append(output.getvalue())
    assert outputs[0] == outputs[1]
    assert len(outputs[0].splitlines()) == min(lines, 37)
    assert "finally" in compiled.inspect_ir()
    for mine, theirs in zip(staged.parameters(), real.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)
