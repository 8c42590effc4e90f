"""The IR of training steps of a two-layer perceptron, as the front end and differentiation write them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pylms.ir.builder import Builder
from pylms.ir.node import Atom, Const, Function
from pylms.ir.ops import arithmetic as ops
from pylms.ir.ops import buffers, control, differentiation, tensors
from pylms.ir.types import FLOAT, FLOAT32, INT, INT64, UINT8, BufferType
from pylms.loc import Loc


@dataclass(frozen=True)
class Sizes:
    """A small network over images; `rows` of data, in steps of `batch`."""

    batch: int
    rows: int = 16
    side: int = 6
    hidden: int = 5
    classes: int = 4

    @property
    def pixels(self):
        return self.side * self.side


@dataclass(frozen=True)
class Optimiser:
    """SGD's settings."""

    lr: float = 0.05
    momentum: float = 0.0
    weight_decay: float = 0.0


class Writer:
    """Shorthand for building tensor IR."""

    def __init__(self, builder: Builder):
        self.builder = builder
        self.line = 0

    def emit(self, primitive, *args, name="", blocks=(), **attrs):
        self.line += 1
        results = self.builder.emit(
            primitive, args, loc=Loc("train.py", self.line), attrs=attrs, blocks=blocks, names=(name,)
        )
        return results[0] if len(results) == 1 else results

    def full(self, value: float | Atom, shape):
        scalar = Const(value, FLOAT32) if isinstance(value, float) else value
        return self.emit(tensors.BROADCAST, scalar, shape=shape, axes=())

    def scale(self, value: float | Atom, tensor):
        return self.emit(ops.MUL, self.full(value, tensor.type.shape), tensor)

    def spread(self, tensor, shape, *axes):
        return self.emit(tensors.BROADCAST, tensor, shape=shape, axes=axes)

    def transpose(self, tensor):
        return self.emit(tensors.TRANSPOSE, tensor, permutation=(1, 0))

    def matmul(self, left, right, transpose_a=False, transpose_b=False, name=""):
        return self.emit(tensors.MATMUL, left, right, transpose_a=transpose_a, transpose_b=transpose_b, name=name)


def training_loop(sizes: Sizes, optimiser: Optimiser, *, gather: bool = False, textbook: bool = True):
    """run(first, steps, images, labels, order, W1, b1, W2, b2, then momentum buffers) -> sum of losses (a float).

    With `textbook` the reverse sweep is written out, else it is a `backward` node.
    """
    builder = Builder()
    shapes = parameter_shapes(sizes)
    first, steps = builder.fresh(INT, "first"), builder.fresh(INT, "steps")
    images = builder.fresh(BufferType(UINT8, (sizes.rows, sizes.side, sizes.side)), "images")
    labels = builder.fresh(BufferType(INT64, (sizes.rows,)), "labels")
    order = builder.fresh(BufferType(INT64, (sizes.rows,)), "order")
    parameters = [builder.fresh(BufferType(FLOAT32, shape), name) for name, shape in shapes.items()]
    momenta = [builder.fresh(BufferType(FLOAT32, shape), f"{name}_momentum") for name, shape in shapes.items()]
    params = [first, steps, images, labels, order, *parameters]
    if optimiser.momentum:
        params += momenta
    writer = Writer(builder)
    with builder.block(params) as outer:
        index, total = builder.fresh(INT, "step"), builder.fresh(FLOAT, "total")
        with builder.block((index, total)) as body:
            start = writer.emit(ops.MUL, index, Const(sizes.batch, INT))
            start = writer.emit(ops.ADD, start, first)
            if gather:
                rows = writer.emit(buffers.GATHER_ROWS, images, order, start, count=sizes.batch)
                targets = writer.emit(buffers.GATHER_ROWS, labels, order, start, count=sizes.batch)
            else:
                rows = writer.emit(buffers.SLICE_ROWS, images, start, count=sizes.batch)
                targets = writer.emit(buffers.SLICE_ROWS, labels, start, count=sizes.batch)
            loss, forward = write_forward(writer, sizes, rows, targets, parameters)
            if textbook:
                gradients = write_reverse_sweep(writer, sizes, targets, forward)
            else:
                gradients = writer.emit(differentiation.BACKWARD, loss, *parameters)
            write_update(writer, optimiser, parameters, momenta, gradients)
            number = writer.emit(ops.CONVERT, writer.emit(tensors.ELEMENT, loss), dtype=FLOAT)
            block = body.finish([writer.emit(ops.ADD, total, number)])
        result = writer.emit(control.FOR, Const(0, INT), steps, Const(1, INT), Const(0.0, FLOAT), blocks=(block,))
        main = outer.finish([result])
    return Function("run", main, Loc("train.py", 1), captures=len(params) - 2)


def parameter_shapes(sizes: Sizes):
    return {
        "W1": (sizes.hidden, sizes.pixels),
        "b1": (sizes.hidden,),
        "W2": (sizes.classes, sizes.hidden),
        "b2": (sizes.classes,),
    }


def write_forward(writer: Writer, sizes, rows, targets, parameters):
    """The loss, and the values that the reverse sweep needs."""
    B, H, C = sizes.batch, sizes.hidden, sizes.classes
    w = writer
    W1, b1, W2, b2 = (w.emit(buffers.LOAD, parameter, name=parameter.name) for parameter in parameters)
    x = w.emit(ops.CONVERT, rows, dtype=FLOAT32)
    x = w.emit(ops.TRUEDIV, x, w.full(255.0, x.type.shape))
    x = w.emit(ops.SUB, x, w.full(0.1307, x.type.shape))
    x = w.emit(ops.TRUEDIV, x, w.full(0.3081, x.type.shape))
    x = w.emit(tensors.RESHAPE, x, shape=(B, sizes.pixels), name="x")
    pre = w.emit(ops.ADD, w.matmul(x, W1, transpose_b=True), w.spread(b1, (B, H), 1), name="pre")
    h = w.emit(ops.MAXIMUM, pre, w.full(0.0, (B, H)), name="h")
    z = w.emit(ops.ADD, w.matmul(h, W2, transpose_b=True), w.spread(b2, (B, C), 1), name="z")
    greatest = w.emit(tensors.STOP_GRADIENT, w.emit(tensors.REDUCE_MAX, z, axes=(1,)))
    shifted = w.emit(ops.SUB, z, w.spread(greatest, (B, C), 0))
    e = w.emit(ops.EXP, shifted)
    s = w.emit(tensors.REDUCE_SUM, e, axes=(1,))
    logp = w.emit(ops.SUB, shifted, w.spread(w.emit(ops.LOG, s), (B, C), 0), name="logp")
    picked = w.emit(ops.NEG, w.emit(tensors.PICK, logp, targets))
    total = w.emit(tensors.REDUCE_SUM, picked, axes=(0,))
    loss = w.emit(ops.TRUEDIV, total, w.full(float(B), ()), name="loss")
    return loss, (x, pre, h, e, s, W2)


def write_reverse_sweep(writer: Writer, sizes, targets, forward):
    """The gradients of W1, b1, W2 and b2, as a textbook computes them."""
    B, H, C = sizes.batch, sizes.hidden, sizes.classes
    w = writer
    x, pre, h, e, s, W2 = forward
    d_total = w.emit(ops.TRUEDIV, w.full(1.0, ()), w.full(float(B), ()))
    d_picked = w.emit(ops.NEG, w.spread(d_total, (B,)))
    hot = w.emit(tensors.ONE_HOT, targets, depth=C, dtype=FLOAT32)
    d_logp = w.emit(ops.MUL, hot, w.spread(d_picked, (B, C), 0))
    d_log = w.emit(tensors.REDUCE_SUM, w.emit(ops.NEG, d_logp), axes=(1,))
    d_s = w.emit(ops.TRUEDIV, d_log, s)
    d_e = w.spread(d_s, (B, C), 0)
    dz = w.emit(ops.ADD, d_logp, w.emit(ops.MUL, d_e, e), name="dz")
    db2 = w.emit(tensors.REDUCE_SUM, dz, axes=(0,))
    dW2 = w.transpose(w.matmul(w.transpose(h), dz))
    dh = w.matmul(dz, w.transpose(w.transpose(W2)))
    positive = w.emit(ops.GT, pre, w.full(0.0, (B, H)))
    d_pre = w.emit(ops.SELECT, positive, dh, w.full(0.0, (B, H)), name="d_pre")
    db1 = w.emit(tensors.REDUCE_SUM, d_pre, axes=(0,))
    dW1 = w.transpose(w.matmul(w.transpose(x), d_pre))
    return [dW1, db1, dW2, db2]


def write_update(writer: Writer, optimiser, parameters, momenta, gradients):
    """SGD with momentum and weight decay, as PyTorch does it."""
    w = writer
    for parameter, momentum, gradient in zip(parameters, momenta, gradients, strict=True):
        value = w.emit(buffers.LOAD, parameter)
        if optimiser.weight_decay:
            gradient = w.emit(ops.ADD, gradient, w.scale(optimiser.weight_decay, value))
        if optimiser.momentum:
            velocity = w.scale(optimiser.momentum, w.emit(buffers.LOAD, momentum))
            gradient = w.emit(ops.ADD, velocity, gradient)
            w.emit(buffers.STORE, momentum, gradient)
        w.emit(buffers.STORE, parameter, w.emit(ops.SUB, value, w.scale(optimiser.lr, gradient)))


def random_arguments(sizes: Sizes, optimiser: Optimiser, *, steps: int, seed: int = 0):
    """Arguments for `training_loop`: data, parameters as PyTorch would draw them, momentum buffers at zero."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (sizes.rows, sizes.side, sizes.side), dtype=np.uint8)
    labels = random.integers(0, sizes.classes, sizes.rows)
    order = random.permutation(sizes.rows)
    parameters = []
    for shape in parameter_shapes(sizes).values():
        bound = 1 / np.sqrt(shape[-1])
        parameters.append(random.uniform(-bound, bound, shape).astype(np.float32))
    momenta = [np.zeros_like(parameter) for parameter in parameters] if optimiser.momentum else []
    return [0, steps, images, labels, order, *parameters, *momenta]
