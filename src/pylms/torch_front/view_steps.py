"""How a view of a tensor is read from it, and what the tensor is after the view was written.

A `View` is a sequence of steps, each of which takes a tensor to another one. Read forwards, they give the view's
content. A write goes backwards: each step says what the tensor before it is, given the new content of the one after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

import torch

from ..errors import TorchFeatureError
from ..ir.node import Atom
from ..ir.ops.arithmetic import ADD, GE, LE, LOGICAL_AND, SELECT, SUB
from ..ir.ops.tensor_gathers import TAKE
from ..ir.ops.tensor_regions import PLACE, SLICE
from ..ir.ops.tensors import BROADCAST, ONE_HOT, STOP_GRADIENT, TRANSPOSE
from ..ir.types import BOOL, INT64, TensorType
from ..loc import caller_loc

if TYPE_CHECKING:
    from .context import TorchContext

Shape = tuple[int, ...]


def tensor_type(atom: Atom) -> TensorType:
    """The type of an atom that is a tensor."""
    assert isinstance(atom.type, TensorType)
    return atom.type


class Step(Protocol):
    """One step of a view. `is_dense`: the elements lie side by side if the source's do, so that a reshape is a view."""

    @property
    def is_dense(self) -> bool: ...

    def read(self, context: TorchContext, source: Atom) -> Atom:
        """What the step makes of a tensor."""

    def written(self, context: TorchContext, source: Atom, new: Atom) -> Atom:
        """The tensor before the step, which was `source`, if what the step makes of it is to be `new`."""


@dataclass(frozen=True, slots=True)
class Sliced:
    """Some elements of each dimension of a tensor of shape `source`."""

    source: Shape
    starts: Shape
    sizes: Shape
    steps: Shape

    @property
    def is_dense(self) -> bool:
        long = next((axis for axis, size in enumerate(self.sizes) if size != 1), len(self.sizes))
        rest = slice(long + 1, None)
        return all(step == 1 for step in self.steps) and self.sizes[rest] == self.source[rest]

    def read(self, context: TorchContext, source: Atom) -> Atom:
        return context.emit(SLICE, source, starts=self.starts, sizes=self.sizes, steps=self.steps)

    def written(self, context: TorchContext, source: Atom, new: Atom) -> Atom:
        if self.sizes == self.source and all(step == 1 for step in self.steps):
            return new
        region = {"shape": self.source, "starts": self.starts, "steps": self.steps}
        inside = context.emit(PLACE, context.full(True, TensorType(BOOL, self.sizes)), **region)
        return context.emit(SELECT, inside, context.emit(PLACE, new, **region), source)


@dataclass(frozen=True, slots=True)
class Taken:
    """One element of a dimension, at a position that the run knows and that is in range."""

    axis: int
    position: Atom

    @property
    def is_dense(self) -> bool:
        return self.axis == 0

    def read(self, context: TorchContext, source: Atom) -> Atom:
        index = context.emit(BROADCAST, context.convert(self.position, INT64), shape=(), axes=())
        return context.emit(TAKE, source, index, axis=self.axis)

    def written(self, context: TorchContext, source: Atom, new: Atom) -> Atom:
        shape = tensor_type(source).shape
        index = context.emit(BROADCAST, context.convert(self.position, INT64), shape=(), axes=())
        here = context.emit(ONE_HOT, index, depth=shape[self.axis], dtype=BOOL)
        mask = context.emit(BROADCAST, here, shape=shape, axes=(self.axis,))
        others = tuple(axis for axis in range(len(shape)) if axis != self.axis)
        return context.emit(SELECT, mask, context.emit(BROADCAST, new, shape=shape, axes=others), source)


@dataclass(frozen=True, slots=True)
class Window:
    """`size` elements of a dimension, from a position on that the run knows; all of them are there."""

    axis: int
    start: Atom
    size: int

    @property
    def is_dense(self) -> bool:
        return self.axis == 0

    def read(self, context: TorchContext, source: Atom) -> Atom:
        positions = context.emit(ADD, self._starts(context, self.size), counted(context, self.size))
        return context.emit(TAKE, source, positions, axis=self.axis)

    def written(self, context: TorchContext, source: Atom, new: Atom) -> Atom:
        shape = tensor_type(source).shape
        extent = shape[self.axis]
        if not self.size:
            return source
        places = context.emit(SUB, counted(context, extent), self._starts(context, extent))
        type_ = tensor_type(places)
        none, last = context.full(0, type_), context.full(self.size - 1, type_)
        inside = context.emit(LOGICAL_AND, context.emit(GE, places, none), context.emit(LE, places, last))
        moved = context.emit(TAKE, new, context.emit(SELECT, inside, places, none), axis=self.axis)
        return context.emit(SELECT, context.emit(BROADCAST, inside, shape=shape, axes=(self.axis,)), moved, source)

    def _starts(self, context: TorchContext, count: int) -> Atom:
        return context.emit(BROADCAST, context.convert(self.start, INT64), shape=(count,), axes=())


def counted(context: TorchContext, count: int) -> Atom:
    """0, 1, 2, ..., an int64 tensor."""
    return context.constant_tensor(torch.arange(count))


@dataclass(frozen=True, slots=True)
class Reshaped:
    """The same elements in another shape."""

    shape: Shape
    is_dense: ClassVar[bool] = True

    def read(self, context: TorchContext, source: Atom) -> Atom:
        return context.reshape(source, self.shape)

    def written(self, context: TorchContext, source: Atom, new: Atom) -> Atom:
        return context.reshape(new, tensor_type(source).shape)


@dataclass(frozen=True, slots=True)
class Permuted:
    """Dimension d of the result is the source's dimension permutation[d]."""

    permutation: Shape
    is_dense: ClassVar[bool] = False

    def read(self, context: TorchContext, source: Atom) -> Atom:
        if self.permutation == tuple(range(len(self.permutation))):
            return source
        return context.emit(TRANSPOSE, source, permutation=self.permutation)

    def written(self, context: TorchContext, source: Atom, new: Atom) -> Atom:
        inverse = tuple(self.permutation.index(axis) for axis in range(len(self.permutation)))
        return Permuted(inverse).read(context, new)


@dataclass(frozen=True, slots=True)
class Repeated:
    """Broadcast to a shape."""

    shape: Shape
    is_dense: ClassVar[bool] = False

    def read(self, context: TorchContext, source: Atom) -> Atom:
        return context.broadcast(source, self.shape)

    def written(self, context: TorchContext, source: Atom, new: Atom) -> Atom:
        raise TorchFeatureError(
            "an expanded tensor is changed in place: several of its elements are one in memory",
            loc=caller_loc(),
            hint=".clone() it before",
        )


@dataclass(frozen=True, slots=True)
class Detached:
    """The same content, through which no derivative passes."""

    is_dense: ClassVar[bool] = True

    def read(self, context: TorchContext, source: Atom) -> Atom:
        return context.emit(STOP_GRADIENT, source)

    def written(self, context: TorchContext, source: Atom, new: Atom) -> Atom:
        return context.emit(STOP_GRADIENT, new)


@dataclass(frozen=True, slots=True)
class View:
    """Steps from a tensor to what is seen of it."""

    steps: tuple[Step, ...]

    @property
    def is_dense(self) -> bool:
        """Whether its elements lie side by side in memory."""
        return all(step.is_dense for step in self.steps)

    def read(self, context: TorchContext, source: Atom) -> Atom:
        """What is seen of the tensor."""
        for step in self.steps:
            source = step.read(context, source)
        return source

    def written(self, context: TorchContext, source: Atom, new: Atom) -> Atom:
        """The tensor once what is seen of it is `new`."""
        stages = []
        for step in self.steps:
            stages.append(source)
            source = step.read(context, source)
        for step, before in zip(reversed(self.steps), reversed(stages), strict=True):
            new = step.written(context, before, new)
        return new

    def then(self, *steps: Step) -> View:
        """The view of this view."""
        return View((*self.steps, *steps))
