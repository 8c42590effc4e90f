"""Small random programs over tensors: buffers in, tensor operations of all kinds, stores, numbers out."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from pylms.ir.builder import Builder
from pylms.ir.node import Const, Function
from pylms.ir.ops import arithmetic as ops
from pylms.ir.ops import buffers, control, tensor_gathers, tensor_regions, tensors
from pylms.ir.types import FLOAT32, INT, INT64, UINT8, BufferType
from pylms.loc import Loc

_EXTENTS = (1, 1, 2, 3, 5, 17, 34)
_UNARY = (ops.NEG, ops.ABS, ops.TANH, ops.SIGMOID, ops.FLOOR)
_BINARY = (ops.ADD, ops.SUB, ops.MUL, ops.MINIMUM, ops.MAXIMUM)


class RandomProgram:
    """Builds one function `run(start, buffers...)`; values stay of moderate size, so that tolerances can be tight."""

    def __init__(self, seed: int):
        self._random = random.Random(seed)
        self._builder = Builder()
        self._line = 0
        extents = self._random.choices(_EXTENTS, k=3)
        self._rows = extents[0]
        shapes = [tuple(extents[: self._random.randint(1, 3)]) for _ in range(3)]
        shapes.append((extents[1], extents[2]))
        self._start = self._builder.fresh(INT, "start")
        self._buffers: list[Any] = [
            self._builder.fresh(BufferType(FLOAT32, shape), f"p{number}") for number, shape in enumerate(shapes)
        ]
        self._images: Any = self._builder.fresh(BufferType(UINT8, (self._rows + 2, *extents[1:])), "images")
        self._order = self._builder.fresh(BufferType(INT64, (self._rows + 2,)), "order")
        self._values: list[Any] = []

    def build(self):
        params = [self._start, *self._buffers, self._images, self._order]
        with self._builder.block(params) as outer:
            if self._random.random() < 0.3:
                self._loop()
            else:
                self._statements()
            number = self._number()
            body = outer.finish([number])
        return Function("run", body, Loc("random.py", 1), captures=len(params) - 1)

    def arguments(self, seed: int):
        generator = np.random.default_rng(seed)
        arrays = [generator.uniform(-2, 2, b.type.shape).astype(np.float32) for b in self._buffers]
        images = generator.integers(0, 256, self._images.type.shape, dtype=np.uint8)
        return [int(generator.integers(0, 3)), *arrays, images, generator.permutation(self._rows + 2)]

    # ---- statements

    def _emit(self, primitive, *args, blocks=(), **attrs):
        self._line += 1
        results = self._builder.emit(primitive, args, loc=Loc("random.py", self._line), attrs=attrs, blocks=blocks)
        return results[0] if results else None

    def _loop(self):
        """Three rounds, which carry a tensor along."""
        self._load()
        initial = self._any()
        outer_values = list(self._values)
        index, carried = self._builder.fresh(INT, "step"), self._builder.fresh(initial.type)
        with self._builder.block([index, carried]) as scope:
            self._values.append(carried)
            self._statements()
            same = [value for value in self._values if value.type == carried.type]
            block = scope.finish([self._random.choice(same)])
        self._values = outer_values
        bounds = [Const(bound, INT) for bound in (0, 3, 1)]
        self._keep(self._emit(control.FOR, *bounds, initial, blocks=(block,)))
        self._load()

    def _branch(self):
        """A choice between two tensors, which may store on the way."""
        outer_values = list(self._values)
        wanted = self._any().type
        blocks = []
        for _ in range(2):
            with self._builder.block() as scope:
                self._compute()
                if self._random.random() < 0.5:
                    self._store()
                fitting = [value for value in self._values if value.type == wanted]
                blocks.append(scope.finish([self._random.choice(fitting)]))
            self._values = list(outer_values)
        condition = self._emit(ops.GT, self._start, Const(0, INT))
        self._keep(self._emit(control.IF, condition, blocks=blocks))

    def _statements(self):
        kinds = [self._load, self._rows_read, self._compute, self._compute, self._move, self._reduce, self._product]
        kinds += [self._scale, self._store, self._choose, self._branch]
        kinds += [self._slice, self._place, self._concat, self._take, self._scatter, self._products]
        self._load()
        for _ in range(self._random.randint(3, 14)):
            self._random.choice(kinds)()

    def _keep(self, value):
        self._values.append(value)

    def _any(self):
        return self._random.choice(self._values[-6:])

    def _load(self):
        self._keep(self._emit(buffers.LOAD, self._random.choice(self._buffers)))

    def _rows_read(self):
        if self._random.random() < 0.5:
            rows = self._emit(buffers.SLICE_ROWS, self._images, self._start, count=self._rows)
        else:
            rows = self._emit(buffers.GATHER_ROWS, self._images, self._order, self._start, count=self._rows)
        tensor = self._emit(ops.CONVERT, rows, dtype=FLOAT32)
        self._keep(self._emit(ops.TRUEDIV, tensor, self._full(255.0, tensor.type.shape)))

    def _full(self, value: float, shape):
        return self._emit(tensors.BROADCAST, Const(value, FLOAT32), shape=shape, axes=())

    def _compute(self):
        value = self._any()
        if self._random.random() < 0.4:
            self._keep(self._emit(self._random.choice(_UNARY), value))
            return
        other = self._like(value)
        pair = (value, other) if self._random.random() < 0.5 else (other, value)
        self._keep(self._calm(self._emit(self._random.choice(_BINARY), *pair)))

    def _calm(self, value):
        """Products of products would grow without bound."""
        return self._emit(ops.TANH, value) if self._random.random() < 0.3 else value

    def _like(self, value):
        """A tensor of the same shape: another value, one spread along some axes, or one number."""
        shape = value.type.shape
        same = [other for other in self._values if other.type.shape == shape]
        if same and self._random.random() < 0.5:
            return self._random.choice(same)
        axes = [axis for axis in range(len(shape)) if self._random.random() < 0.5]
        small = tuple(shape[axis] for axis in axes)
        found = [other for other in self._values if other.type.shape == small]
        if found:
            return self._emit(tensors.BROADCAST, self._random.choice(found), shape=shape, axes=tuple(axes))
        return self._full(self._random.choice((0.0, 1.0, -1.0, 0.5, -2.0)), shape)

    def _scale(self):
        value = self._any()
        factor = self._full(self._random.choice((1.0, -1.0, 0.25, -0.5)), value.type.shape)
        primitive = self._random.choice((ops.MUL, ops.TRUEDIV))
        self._keep(self._emit(primitive, value, factor))

    def _choose(self):
        value = self._any()
        other = self._like(value)
        primitive = self._random.choice((ops.GT, ops.LE, ops.EQ))
        condition = self._emit(primitive, value, self._like(value))
        self._keep(self._emit(ops.SELECT, condition, value, other))

    def _move(self):
        value = self._any()
        shape = value.type.shape
        if self._random.random() < 0.5 and len(shape) > 1:
            permutation = list(range(len(shape)))
            self._random.shuffle(permutation)
            self._keep(self._emit(tensors.TRANSPOSE, value, permutation=tuple(permutation)))
            return
        choices = [(value.type.size,), (1, *shape), (*shape, 1), tuple(n for n in shape if n != 1), shape[::-1]]
        self._keep(self._emit(tensors.RESHAPE, value, shape=self._random.choice(choices)))

    def _reduce(self):
        value = self._any()
        axes = tuple(axis for axis in range(value.type.rank) if self._random.random() < 0.6)
        primitive = self._random.choice((tensors.REDUCE_SUM, tensors.REDUCE_MAX))
        result = self._emit(primitive, value, axes=axes)
        self._keep(self._emit(ops.TANH, result) if primitive is tensors.REDUCE_SUM else result)

    def _product(self):
        matrices = [value for value in self._values if value.type.rank == 2]
        pairs = [
            (left, right, flip_left, flip_right)
            for left in matrices
            for right in matrices
            for flip_left in (False, True)
            for flip_right in (False, True)
            if left.type.shape[0 if flip_left else 1] == right.type.shape[1 if flip_right else 0]
        ]
        if not pairs:
            return
        left, right, flip_left, flip_right = self._random.choice(pairs)
        self._keep(self._emit(tensors.MATMUL, left, right, transpose_a=flip_left, transpose_b=flip_right))
        if self._random.random() < 0.5:
            self._keep(self._emit(ops.TANH, self._values[-1]))

    def _region(self, extent: int):
        """Start, size and step of some of `extent` elements, walked through either way."""
        step = self._random.choice((1, 1, 1, 2, -1, -2))
        size = self._random.randint(1, -(-extent // abs(step)))
        room = extent - 1 - (size - 1) * abs(step)
        start = self._random.randint(0, room)
        return (start if step > 0 else extent - 1 - start), size, step

    def _slice(self):
        value = self._any()
        if value.type.rank:
            starts, sizes, steps = zip(*(self._region(extent) for extent in value.type.shape), strict=True)
            self._keep(self._emit(tensor_regions.SLICE, value, starts=starts, sizes=sizes, steps=steps))

    def _place(self):
        """Zeros around a value, and between its elements; seldom many."""
        value = self._any()
        if not 0 < value.type.rank < 4 or value.type.size > 2000:
            return
        starts, steps, shape = [], [], []
        for extent in value.type.shape:
            step = self._random.choice((1, 1, 1, 2, -1))
            before, after = self._random.choice((0, 0, 1, 2)), self._random.choice((0, 0, 1))
            length = (extent - 1) * abs(step) + 1
            starts.append(before if step > 0 else before + length - 1)
            steps.append(step)
            shape.append(before + length + after)
        attrs = {"shape": tuple(shape), "starts": tuple(starts), "steps": tuple(steps)}
        self._keep(self._emit(tensor_regions.PLACE, value, **attrs))

    def _concat(self):
        value = self._any()
        if not value.type.rank or value.type.size > 2000:
            return
        axis = self._random.randrange(value.type.rank)
        others = [other for other in self._values if _rest(other.type, axis) == _rest(value.type, axis)]
        parts = [value, *self._random.choices(others, k=self._random.randint(1, 2))]
        self._keep(self._emit(tensor_regions.CONCAT, *parts, axis=axis))

    def _positions(self, shape):
        """An integer tensor computed from what there is, some of it out of range."""
        numbers = self._emit(ops.MUL, self._like_of_shape(shape), self._full(3.0, shape))
        return self._emit(ops.CONVERT, self._emit(ops.FLOOR, numbers), dtype=INT64)

    def _like_of_shape(self, shape):
        found = [other for other in self._values if other.type.shape == shape]
        return self._random.choice(found) if found else self._full(0.5, shape)

    def _take(self):
        value = self._any()
        if not value.type.rank or value.type.size > 2000:
            return
        axis = self._random.randrange(value.type.rank)
        if self._random.random() < 0.5:
            extent = self._random.choice((1, 2, 5))
            shape = (*value.type.shape[:axis], extent, *value.type.shape[axis + 1 :])
            self._keep(self._emit(tensor_gathers.TAKE_ALONG, value, self._positions(shape), axis=axis))
            return
        index = self._positions(self._random.choice(((), (1,), (4,), (2, 3))))
        self._keep(self._emit(tensor_gathers.TAKE, value, index, axis=axis))

    def _scatter(self):
        value = self._any()
        if not value.type.rank or value.type.size > 2000:
            return
        axis, size = self._random.randrange(value.type.rank), self._random.choice((1, 2, 5))
        if self._random.random() < 0.5:
            attrs = {"axis": axis, "size": size}
            self._keep(self._emit(tensor_gathers.SCATTER_ADD_ALONG, self._positions(value.type.shape), value, **attrs))
        else:
            end = self._random.randint(axis, value.type.rank)
            index = self._positions(value.type.shape[axis:end])
            self._keep(self._emit(tensor_gathers.SCATTER_ADD, index, value, axis=axis, size=size))
        self._keep(self._emit(ops.TANH, self._values[-1]))

    def _products(self):
        """Matrix by its transpose, several at a time."""
        batches = [value for value in self._values if value.type.rank == 3]
        if not batches:
            return
        left, flip = self._random.choice(batches), self._random.random() < 0.5
        right = self._emit(ops.TANH, left)
        if self._random.random() < 0.5:
            right, flips = self._emit(tensors.TRANSPOSE, right, permutation=(0, 2, 1)), (flip, flip)
        else:
            flips = (flip, not flip)
        product = self._emit(tensors.BATCH_MATMUL, left, right, transpose_a=flips[0], transpose_b=flips[1])
        self._keep(self._emit(ops.TANH, product))

    def _store(self):
        buffer = self._random.choice(self._buffers)
        fitting = [value for value in self._values if value.type == buffer.type.tensor]
        if not fitting:
            return
        value = self._random.choice(fitting)
        if self._random.random() < 0.5:
            value = self._emit(ops.SUB, self._emit(buffers.LOAD, buffer), self._emit(ops.TANH, value))
        self._emit(buffers.STORE, buffer, value)

    def _number(self):
        value = self._any()
        total = self._emit(tensors.REDUCE_SUM, value, axes=tuple(range(value.type.rank)))
        return self._emit(tensors.ELEMENT, self._emit(ops.TANH, total))


def _rest(type_, axis: int):
    """The shape without a dimension; no shape is None where there is no such dimension."""
    return None if axis >= type_.rank else (*type_.shape[:axis], *type_.shape[axis + 1 :])
