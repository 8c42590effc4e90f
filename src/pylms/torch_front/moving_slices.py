"""Slices that the run moves, of a length that is known all the same: `x[i : i + 8]`, `x[k * 8 : (k + 1) * 8]`.

In: the bounds of a slice. Out: where it starts, checked, and how long it is. The length is known where the bounds are
sums of the same values, but for numbers: the difference of these is it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping

import torch

from ..errors import StagingError
from ..ir.effects import Place
from ..ir.node import Atom, Const, Node, Sym, walk
from ..ir.ops.arithmetic import ADD, CONVERT, GE, LE, LOGICAL_AND, MUL, NEG, SUB
from ..ir.ops.control import CHECK
from ..ir.ops.tensors import BROADCAST, ELEMENT, RESHAPE
from ..ir.types import INT, ScalarType, TensorType
from ..loc import caller_loc
from ..staging.arrays import as_int
from ..staging.context import Trace
from ..staging.rep import Rep
from .context import TorchContext
from .tensor import StagedTensor

_Sum = dict[Hashable, int]
"""What is added up, with factors; numbers are under None."""


def moves(part: slice) -> bool:
    """Whether only the run knows where the slice lies."""
    return any(isinstance(bound, (Rep, StagedTensor)) for bound in (part.start, part.stop, part.step))


def moving_slice(context: TorchContext, part: slice, extent: int, axis: int) -> tuple[Atom, int]:
    """Where the slice starts in a dimension of that extent, and its length. A run in which it does not lie there ends.

    StagingError where the length depends on the run.
    """
    size = None
    if not any(bound is None for bound in (part.start, part.stop)) and part.step in (None, 1):
        start, stop = (_as_int(context, bound) for bound in (part.start, part.stop))
        size = _Sums(context.trace).difference(stop, start)
    if size is None or size > extent:
        raise StagingError(
            "a tensor's shape must be known while staging, and the length of this slice depends on the run",
            loc=caller_loc(),
            hint="write both bounds with the same staged number, as in x[i : i + 8], or index with it, or with an "
            "integer tensor of known shape",
        )
    size = max(size, 0)
    inside = context.emit(
        LOGICAL_AND, context.emit(GE, start, Const(0, INT)), context.emit(LE, start, Const(extent - size, INT))
    )
    message = f"a slice of {size} does not lie within dimension {axis} with size {extent}, so that it would be shorter"
    context.trace.emit(CHECK, [inside], attrs={"error": "IndexError", "message": message})
    return start, size


def _as_int(context: TorchContext, bound: object) -> Atom:
    if isinstance(bound, torch.Tensor):
        bound = context.dispatch(torch.Tensor.item, (bound,), {})
    return as_int(context.trace, bound, "the bound of a slice")


class _Sums:
    """Integers of a trace as sums of what they are made of."""

    def __init__(self, trace: Trace) -> None:
        self._definitions: dict[Sym, Node] = {}
        self._same: dict[Atom, Atom] = {}
        """For values that are computed twice: the first one."""
        self._first: dict[Hashable, Sym] = {}
        self._writes: dict[Place, int] = defaultdict(int)
        for scope in trace.builder.open_scopes:
            for top in scope.nodes:
                for node in (top, *[inner for block in top.blocks for inner in walk(block)]):
                    self._note(node)

    def _note(self, node: Node) -> None:
        self._definitions.update(dict.fromkeys(node.results, node))
        effect = node.effect
        for place in effect.writes:
            self._writes[place] += 1
        is_value = len(node.results) == 1 and isinstance(node.results[0].type, (ScalarType, TensorType))
        if not is_value or node.blocks or effect.writes or effect.io:
            return
        args = tuple([self._same.get(arg, arg) for arg in node.args])
        places = frozenset((place, self._writes[place]) for place in effect.reads)
        self._same[node.results[0]] = self._first.setdefault(
            (node.primitive, node.attrs, args, places), node.results[0]
        )

    def difference(self, left: Atom, right: Atom) -> int | None:
        """How much more the one is than the other; None where only the run knows."""
        rest = _added(self._sum(left), self._sum(right), -1)
        number = rest.pop(None, 0)
        return None if any(rest.values()) else number

    def _sum(self, atom: Atom) -> _Sum:
        if isinstance(atom, Const):
            return {None: int(atom.value)}
        node = self._definitions.get(atom)
        if node is None or not _is_integer(atom) or not all(map(_is_integer, node.args)):
            return {self._same.get(atom, atom): 1}
        if node.primitive in (ADD, SUB):
            left, right = map(self._sum, node.args)
            return _added(left, right, 1 if node.primitive is ADD else -1)
        if node.primitive is NEG:
            return _added({}, self._sum(node.args[0]), -1)
        if node.primitive is MUL:
            return self._product(node, *map(self._sum, node.args))
        if node.primitive in (CONVERT, ELEMENT, BROADCAST, RESHAPE):
            return self._sum(node.args[0])
        return {self._same.get(atom, atom): 1}

    def _product(self, node: Node, left: _Sum, right: _Sum) -> _Sum:
        for factor, other in ((left, right), (right, left)):
            if set(factor) <= {None}:
                return _added({}, other, factor.get(None, 0))
        return {self._same.get(node.results[0], node.results[0]): 1}


def _is_integer(atom: Atom) -> bool:
    """Whether it is an integer, or a tensor of a single one."""
    match atom.type:
        case ScalarType(kind=kind):
            return kind in ("int", "uint")
        case TensorType(dtype, ()):
            return dtype.kind in ("int", "uint")
        case _:
            return False


def _added(left: Mapping[Hashable, int], right: Mapping[Hashable, int], factor: int) -> _Sum:
    found = dict(left)
    for value, count in right.items():
        found[value] = found.get(value, 0) + factor * count
    return found
