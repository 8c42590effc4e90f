"""Tensor programs as native code: they do what the interpreter does, what PyTorch does, and in bounded memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pylms.ad.reverse import Differentiate
from pylms.backends.cpp.backend import CppBackend
from pylms.backends.cpp.legalise import PASSES
from pylms.backends.cpp.memory_plan import plan_memory
from pylms.ir.builder import Builder
from pylms.ir.interpret import interpret
from pylms.ir.node import Function
from pylms.ir.ops import arithmetic as ops
from pylms.ir.ops import buffers, tensors
from pylms.ir.types import FLOAT, FLOAT32, FLOAT64, INT32, INT64, BufferType
from pylms.loc import Loc
from pylms.passes.pipeline import TENSOR_PASSES
from tests.backends.cpp.native import RecordingHost, compile_all
from tests.passes.mlp_step import Optimiser, Sizes, Writer, random_arguments, training_loop
from tests.passes.random_tensor_programs import RandomProgram

MOMENTUM = Optimiser(momentum=0.9, weight_decay=0.01)


def legalised(function: Function):
    for each in (*TENSOR_PASSES, *PASSES):
        function = each.run(function)
    return function


def arrays(arguments: list):
    return [argument for argument in arguments if isinstance(argument, np.ndarray)]


def assert_all_close(found, expected, rtol, atol):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=rtol, atol=atol)


def test_training_steps_run_as_interpreted():
    cases = [
        (Sizes(batch, rows=4 * batch, hidden=hidden), optimiser, gather)
        for batch, hidden in ((1, 5), (4, 21), (7, 5), (33, 50))
        for optimiser in (Optimiser(), MOMENTUM)
        for gather in (False, True)
    ]
    functions = [training_loop(sizes, optimiser, gather=gather) for sizes, optimiser, gather in cases]
    natives = compile_all([legalised(function) for function in functions])
    for (sizes, optimiser, _), function, native in zip(cases, functions, natives, strict=True):
        ours, theirs = (random_arguments(sizes, optimiser, steps=3) for _ in range(2))
        assert_all_close(native(ours), interpret(function, theirs, host=RecordingHost()), rtol=1e-4, atol=1e-5)
        assert_all_close(arrays(ours), arrays(theirs), rtol=2e-4, atol=2e-6)


def test_random_programs_run_as_interpreted():
    programs = [RandomProgram(seed) for seed in range(60)]
    functions = [program.build() for program in programs]
    natives = compile_all([legalised(function) for function in functions], optimise="-O3")
    for seed, (program, function, native) in enumerate(zip(programs, functions, natives, strict=True)):
        ours, theirs = (program.arguments(seed) for _ in range(2))
        assert_all_close(native(ours), interpret(function, theirs, host=RecordingHost()), rtol=2e-3, atol=2e-4)
        assert_all_close(arrays(ours), arrays(theirs), rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize("optimiser", [Optimiser(), MOMENTUM], ids=["sgd", "momentum"])
@pytest.mark.parametrize("batch", [1, 33, 64])
def test_training_follows_pytorch(batch, optimiser):
    torch = pytest.importorskip("torch")
    sizes, steps = Sizes(batch, rows=4 * batch, side=28, hidden=50, classes=10), 4
    function = Differentiate().run(training_loop(sizes, optimiser, textbook=False))
    (native,) = compile_all([legalised(function)])
    arguments = random_arguments(sizes, optimiser, steps=steps)
    images, labels = arguments[2:4]
    weights = [torch.nn.Parameter(torch.tensor(array)) for array in arguments[5:9]]
    settings = {"lr": optimiser.lr, "momentum": optimiser.momentum, "weight_decay": optimiser.weight_decay}
    sgd, total = torch.optim.SGD(weights, **settings), 0.0
    for step in range(steps):
        rows = slice(step * batch, (step + 1) * batch)
        x = ((torch.tensor(images[rows]).float() / 255 - 0.1307) / 0.3081).view(batch, -1)
        hidden = torch.relu(torch.nn.functional.linear(x, weights[0], weights[1]))
        scores = torch.log_softmax(torch.nn.functional.linear(hidden, weights[2], weights[3]), dim=1)
        loss = torch.nn.functional.nll_loss(scores, torch.tensor(labels[rows]))
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        total += loss.item()
    (found,) = native(arguments)
    assert found == pytest.approx(total, rel=1e-5)
    assert_all_close(arguments[5:9], [weight.detach().numpy() for weight in weights], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("optimiser", [Optimiser(), MOMENTUM], ids=["sgd", "momentum"])
@pytest.mark.parametrize(
    ("batch", "most"), [(1, 10_000), (64, 64 * (784 + 5 * 50 + 5 * 10) * 4)], ids=["one sample", "64 samples"]
)
def test_scratch_memory_holds_activations_and_no_gradient_of_a_matrix(batch, most, optimiser):
    function = training_loop(Sizes(batch, rows=60_000, side=28, hidden=50, classes=10), optimiser)
    assert plan_memory(legalised(function)).size <= most


def test_the_listing_names_what_the_user_named():
    listing = CppBackend().emit(legalised(training_loop(Sizes(4), Optimiser()))).listing
    for text in ("float *x = ", "float *h = ", "b1[i] = b1[i] - ", "pylms::AddScaled", "// train.py:"):
        assert text in listing, listing


class Program:
    """One function of one input buffer and one output buffer."""

    def __init__(self, source: BufferType, write):
        builder = Builder()
        writer = Writer(builder)
        source_buffer = builder.fresh(source, "source")
        with builder.block([source_buffer]) as scope:
            value = write(writer, writer.emit(buffers.LOAD, source_buffer))
            out: Any = builder.fresh(BufferType(value.type.dtype, value.type.shape), "out")
            scope.params = (source_buffer, out)
            builder.emit(buffers.STORE, (out, value), loc=Loc("run.py", 1))
            body = scope.finish([])
        self.function = Function("run", body, Loc("run.py", 1))
        self.out = out.type


PROGRAMS = {
    "a long sum of squares": (
        FLOAT32,
        (999,),
        lambda w, x: w.emit(tensors.REDUCE_SUM, w.emit(ops.MUL, x, x), axes=(0,)),
    ),
    "a long sum": (FLOAT64, (1003,), lambda w, x: w.emit(tensors.REDUCE_SUM, x, axes=(0,))),
    "sums of rows": (FLOAT32, (7, 67), lambda w, x: w.emit(tensors.REDUCE_SUM, w.emit(ops.EXP, x), axes=(1,))),
    "sums of columns": (FLOAT32, (67, 7), lambda w, x: w.emit(tensors.REDUCE_SUM, w.emit(ops.EXP, x), axes=(0,))),
    "sums of many columns": (
        FLOAT32,
        (5, 2000),
        lambda w, x: w.emit(ops.NEG, w.emit(tensors.REDUCE_SUM, w.emit(ops.ABS, x), axes=(0,))),
    ),
    "maxima of rows": (FLOAT32, (3, 67), lambda w, x: w.emit(tensors.REDUCE_MAX, w.emit(ops.NEG, x), axes=(1,))),
    "maxima of columns": (FLOAT64, (67, 5), lambda w, x: w.emit(tensors.REDUCE_MAX, x, axes=(0,))),
    "a middle axis": (FLOAT32, (3, 9, 40), lambda w, x: w.emit(tensors.REDUCE_SUM, x, axes=(1,))),
    "outer axes": (FLOAT32, (3, 9, 40), lambda w, x: w.emit(tensors.REDUCE_SUM, x, axes=(0, 1))),
    "integers": (INT32, (40, 9), lambda w, x: w.emit(tensors.REDUCE_SUM, w.emit(ops.MUL, x, x), axes=(1,))),
    "integer maxima": (INT64, (40, 9), lambda w, x: w.emit(tensors.REDUCE_MAX, x, axes=(0,))),
    "an integer product": (INT64, (6, 6), lambda w, x: w.matmul(x, x, transpose_b=True)),
    "a double product": (FLOAT64, (9, 6), lambda w, x: w.matmul(x, x, transpose_a=True)),
    "Python floats": (FLOAT, (9, 6), lambda w, x: w.emit(ops.TRUEDIV, x, w.emit(ops.ABS, x))),
    "a matrix times a column": (
        FLOAT32,
        (20, 20),
        lambda w, x: w.matmul(x, w.emit(tensors.RESHAPE, w.emit(tensors.REDUCE_SUM, x, axes=(1,)), shape=(20, 1))),
    ),
    "positions of maxima": (FLOAT32, (5, 9), lambda w, x: w.emit(tensors.ARGMAX, x, axis=1)),
    "positions of column maxima": (FLOAT32, (5, 9), lambda w, x: w.emit(tensors.ARGMAX, x, axis=0)),
    "an empty axis": (FLOAT32, (5, 0), lambda w, x: w.emit(tensors.REDUCE_SUM, w.emit(ops.EXP, x), axes=(1,))),
    "an axis cut in two": (
        FLOAT32,
        (6, 8),
        lambda w, x: w.transpose(w.emit(tensors.RESHAPE, w.emit(ops.EXP, w.transpose(x)), shape=(16, 3))),
    ),
    "softmax": (FLOAT32, (5, 40), lambda w, x: softmax(w, x)),
    "layer normalisation": (FLOAT32, (5, 40), lambda w, x: normalised(w, x, 1)),
    "batch normalisation": (FLOAT32, (40, 12), lambda w, x: normalised(w, x, 0)),
}


def softmax(w, x):
    shifted = w.emit(ops.SUB, x, w.spread(w.emit(tensors.REDUCE_MAX, x, axes=(1,)), x.type.shape, 0))
    e = w.emit(ops.EXP, shifted)
    return w.emit(ops.TRUEDIV, e, w.spread(w.emit(tensors.REDUCE_SUM, e, axes=(1,)), x.type.shape, 0))


def normalised(w, x, axis):
    shape, count = x.type.shape, x.type.shape[axis]

    def mean(value):
        total = w.emit(tensors.REDUCE_SUM, value, axes=(axis,))
        return w.spread(w.emit(ops.TRUEDIV, total, w.full(float(count), total.type.shape)), shape, 1 - axis)

    centred = w.emit(ops.SUB, x, mean(x))
    deviation = w.emit(ops.SQRT, w.emit(ops.ADD, mean(w.emit(ops.MUL, centred, centred)), w.full(1e-5, shape)))
    return w.emit(ops.TRUEDIV, centred, deviation)


def test_operations_run_as_interpreted():
    programs = [Program(BufferType(dtype, shape), write) for dtype, shape, write in PROGRAMS.values()]
    natives = compile_all([legalised(p.function) for p in programs], optimise="-O3")
    for name, program, native in zip(PROGRAMS, programs, natives, strict=True):
        dtype, shape, _ = PROGRAMS[name]
        kind = np.float64 if dtype == FLOAT else np.dtype(dtype.name)
        source = np.random.default_rng(0).uniform(-5, 5, shape).astype(kind)
        out_kind = np.float64 if program.out.dtype == FLOAT else np.dtype(program.out.dtype.name)
        found, expected = np.zeros(program.out.shape, out_kind), np.zeros(program.out.shape, out_kind)
        native([source, found])
        interpret(program.function, [source, expected], host=RecordingHost())
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5, err_msg=name)


def test_nan_reaches_every_maximum():
    writes = {
        "rows": lambda w, x: w.emit(tensors.REDUCE_MAX, x, axes=(1,)),
        "columns": lambda w, x: w.emit(tensors.REDUCE_MAX, x, axes=(0,)),
        "computed": lambda w, x: w.emit(tensors.REDUCE_MAX, w.emit(ops.NEG, x), axes=(1,)),
        "bounded": lambda w, x: w.emit(ops.MAXIMUM, x, w.full(0.0, x.type.shape)),
        "positions": lambda w, x: w.emit(tensors.ARGMAX, x, axis=1),
    }
    programs = [Program(BufferType(FLOAT32, (40, 40)), write) for write in writes.values()]
    natives = compile_all([legalised(p.function) for p in programs], optimise="-O3")
    source = np.random.default_rng(0).uniform(-5, 5, (40, 40)).astype(np.float32)
    source[3, 35], source[7, 0] = np.nan, np.nan
    for name, program, native in zip(writes, programs, natives, strict=True):
        found, expected = (np.zeros(program.out.shape, program.out.dtype.name) for _ in range(2))
        native([source, found])
        interpret(program.function, [source, expected], host=RecordingHost())
        np.testing.assert_array_equal(found, expected, err_msg=name)


class Buffers:
    """Builds `run(m, q)` of float32 buffers [4, 4] and [4, 4]."""

    def __init__(self, write):
        builder = Builder()
        params = [builder.fresh(BufferType(FLOAT32, (4, 4)), name) for name in "mq"]
        with builder.block(params) as scope:
            write(Writer(builder), *params)
            body = scope.finish([])
        self.function = Function("run", body, Loc("run.py", 1))


def product_after_a_new_value(w, m, q):
    old = w.emit(buffers.LOAD, m)
    new = w.emit(ops.EXP, old)
    product = w.matmul(old, old, transpose_b=True)
    w.emit(buffers.STORE, m, new)
    w.emit(buffers.STORE, q, product)


def product_after_the_store(w, m, q):
    old = w.emit(buffers.LOAD, m)
    w.emit(buffers.STORE, m, w.emit(ops.EXP, old))
    w.emit(buffers.STORE, q, w.matmul(old, old, transpose_b=True))


def product_of_a_stored_value(w, m, q):
    new = w.emit(ops.EXP, w.emit(buffers.LOAD, m))
    w.emit(buffers.STORE, m, new)
    product = w.matmul(new, new)
    w.emit(buffers.STORE, m, w.emit(ops.NEG, w.emit(buffers.LOAD, q)))
    w.emit(buffers.STORE, q, product)


def update_by_its_own_product(w, m, q):
    old, other = w.emit(buffers.LOAD, m), w.emit(buffers.LOAD, q)
    w.emit(buffers.STORE, m, w.emit(ops.SUB, old, w.scale(0.5, w.matmul(other, old))))
    w.emit(buffers.STORE, q, w.emit(ops.SUB, other, w.scale(0.5, w.matmul(other, old))))


def buffers_that_change_places(w, m, q):
    one, other = w.emit(buffers.LOAD, m), w.emit(buffers.LOAD, q)
    w.emit(buffers.STORE, m, other)
    w.emit(buffers.STORE, q, one)


def test_a_write_waits_for_all_borrowers():
    writes = (
        product_after_a_new_value,
        product_after_the_store,
        product_of_a_stored_value,
        update_by_its_own_product,
        buffers_that_change_places,
    )
    programs = [Buffers(write) for write in writes]
    natives = compile_all([legalised(program.function) for program in programs])
    for write, program, native in zip(writes, programs, natives, strict=True):
        random = np.random.default_rng(0)
        ours = [random.uniform(-1, 1, (4, 4)).astype(np.float32) for _ in range(2)]
        theirs = [array.copy() for array in ours]
        native(ours)
        interpret(program.function, theirs, host=RecordingHost())
        for found, expected in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6, err_msg=write.__name__)
