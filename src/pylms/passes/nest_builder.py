"""Building the block of one loop nest out of tensor operations.

In: a tensor operation, and which of the operations it depends on are to be computed in the nest ("inlined") rather
than read from memory. Out: a `fused` node that gives the same tensor. What holds in between: to *read* a tensor at
indices is to emit the scalar nodes that compute that element; equal reads are emitted once; every node
stands in the outermost block where its operands are known, so that what does not vary in a loop is not in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

from ..ir.builder import Builder
from ..ir.node import Atom, AttributeValue, Const, Node, Sym
from ..ir.ops.arithmetic import ADD, CONVERT, FLOORDIV, MOD, MUL
from ..ir.ops.fusion import ELEMENT_AT, FUSED, REDUCTION
from ..ir.primitive import Primitive, RuleTable
from ..ir.types import BOOL, FLOAT64, INT64, BufferType, ScalarType, TensorType, element_type
from ..loc import Loc

Shape = tuple[int, ...]
Indices = tuple[Atom, ...]

# How to read the result of an inlined operation: its node, and the array shape and indices of the element wanted.
ReadRule = Callable[["NestBuilder", Node, Shape, Indices], Atom]

read_rules: RuleTable[ReadRule] = RuleTable("read")

ZERO = Const(0, INT64)
_INDEX_NAMES = ("i", "j", "k", "l", "m", "n")


def plain(dtype: ScalarType) -> ScalarType:
    """The type in which elements of `dtype` are computed: fixed-width, for tensors follow NumPy and raise nothing."""
    if not dtype.python or dtype == BOOL:
        return dtype
    return FLOAT64 if dtype.is_float else INT64


def tensor_type(atom: Atom) -> TensorType:
    """The type of an atom that is a tensor."""
    assert isinstance(atom.type, TensorType)
    return atom.type


@dataclass(slots=True)
class _Level:
    """A block being built: the nest's own, or a reduction's."""

    params: tuple[Sym, ...]
    nodes: list[Node] = field(default_factory=list)
    emitted: dict[object, Atom] = field(default_factory=dict)
    read: dict[object, Atom] = field(default_factory=dict)


class NestBuilder:
    """Builds one `fused` node. `inlined` gives the nodes whose results are computed in the nest."""

    def __init__(self, builder: Builder, inlined: Mapping[Sym, Node]) -> None:
        self._builder = builder
        self._inlined = inlined
        self._levels: list[_Level] = []
        self._level_of: dict[Sym, int] = {}
        self._loc = Loc("<nest>", 1)

    def build(self, node: Node) -> Node:
        """The nest that computes the result of `node`."""
        (result,) = node.results
        type_ = tensor_type(result)
        self._loc = node.loc
        level = self._open(type_.shape)
        value = read_rules[node.primitive](self, node, type_.shape, nest_indices(level.params, type_.shape))
        value = self.convert(value, type_.dtype)
        self._levels.pop()
        with self._builder.block(level.params) as scope:
            scope.nodes.extend(level.nodes)
            block = scope.finish((value,))
        nest = self._builder.node(
            FUSED, (), loc=node.loc, attrs={"shape": type_.shape, "ranks": (type_.rank,)}, blocks=(block,)
        )
        return Node(node.results, FUSED, (), nest.attrs, nest.blocks, nest.effect, node.loc)

    # ---- what rules use

    def read(self, atom: Atom, shape: Shape, indices: Indices) -> Atom:
        """The element of a tensor, seen as an array of `shape`, at `indices`; a number is itself."""
        if isinstance(atom, Const) or isinstance(atom.type, ScalarType):
            return self.convert(atom, plain(element_type(atom.type)))
        key = (atom, shape, indices)
        for level in self._levels:
            if key in level.read:
                return level.read[key]
        node = self._inlined.get(atom)
        if node is None:
            value = self.element(atom, shape, indices)
        else:
            outer, self._loc = self._loc, node.loc
            value = read_rules[node.primitive](self, node, shape, indices)
            self._loc = outer
            value = self._named(value, atom.name)
        self._levels[self._level(value)].read[key] = value
        return value

    def element(self, source: Atom, shape: Shape, indices: Indices) -> Atom:
        """An element that lies in memory."""
        assert isinstance(source.type, (TensorType, BufferType))
        value = self.emit(ELEMENT_AT, (source, *indices), shape=shape)
        return self.convert(value, plain(source.type.dtype))

    def emit(self, primitive: Primitive, args: Sequence[Atom], **attrs: AttributeValue) -> Atom:
        """The value of a scalar operation, emitted unless it has been."""
        level = self._levels[max((self._level(arg) for arg in args), default=0)]
        key = (primitive, tuple(args), tuple(attrs.items()))
        if key not in level.emitted:
            node = self._builder.node(primitive, args, loc=self._loc, attrs=attrs)
            level.emitted[key] = self._place(node, level)
        return level.emitted[key]

    def convert(self, value: Atom, dtype: ScalarType) -> Atom:
        return value if value.type == dtype else self.emit(CONVERT, (value,), dtype=dtype)

    def reduce(self, kind: str, shape: Shape, body: Callable[[Indices], Atom]) -> Atom:
        """The sum or maximum of what `body` gives at all indices of `shape`."""
        level = self._open(shape)
        value = body(nest_indices(level.params, shape))
        self._levels.pop()
        with self._builder.block(level.params) as scope:
            scope.nodes.extend(level.nodes)
            block = scope.finish((value,))
        node = self._builder.node(REDUCTION, (), loc=self._loc, attrs={"kind": kind, "shape": shape}, blocks=(block,))
        used = [atom for inner in level.nodes for atom in inner.args] + [value]
        used += [atom for inner in level.nodes for nested in inner.blocks for atom in _free_atoms(nested.nodes)]
        depth = len(self._levels)
        outer = max((found for atom in used if (found := self._level(atom)) < depth), default=0)
        return self._place(node, self._levels[outer])

    def regroup(self, shape: Shape, indices: Indices, target: Shape) -> Indices:
        """The indices, in an array of shape `target`, of the same element of dense memory."""
        if shape == target:
            return indices
        if 0 in target:
            return (ZERO,) * len(target)  # there is none
        result: list[Atom] = []
        at, size = 0, len(shape)
        position = 0
        while position < len(target):
            if target[position] == 1:
                result.append(ZERO)
                position += 1
                continue
            at_end, position_end = _group(shape, at, target, position)
            line = self._linear(shape[at:at_end], indices[at:at_end])
            result.extend(self._split(line, target[position:position_end]))
            at, position = at_end, position_end
        assert all(n == 1 for n in shape[at:size])
        return tuple(result)

    # ---- within

    def _open(self, shape: Shape) -> _Level:
        depth = len(self._levels)
        start = sum(len(level.params) for level in self._levels)
        names = [
            _INDEX_NAMES[start + axis] if start + axis < len(_INDEX_NAMES) else f"i{start + axis}"
            for axis in range(len(shape))
        ]
        level = _Level(tuple(self._builder.fresh(INT64, name) for name in names))
        self._level_of.update((param, depth) for param in level.params)
        self._levels.append(level)
        return level

    def _level(self, atom: Atom) -> int:
        return self._level_of.get(atom, 0) if isinstance(atom, Sym) else 0

    def _place(self, node: Node, level: _Level) -> Atom:
        level.nodes.append(node)
        depth = next(depth for depth, open_level in enumerate(self._levels) if open_level is level)
        self._level_of.update((symbol, depth) for symbol in node.results)
        return node.results[0]

    def _named(self, value: Atom, name: str) -> Atom:
        """The value under the user's name for it, if it was computed just now and has none."""
        nodes = self._levels[self._level(value)].nodes
        if not isinstance(value, Sym) or value.name:
            return value
        if not name or not nodes or nodes[-1].results != (value,) or nodes[-1].primitive is ELEMENT_AT:
            return value
        last = nodes.pop()
        symbol = Sym(value.id, value.type, name)
        level = self._levels[self._level(value)]
        level.nodes.append(Node((symbol,), last.primitive, last.args, last.attrs, last.blocks, last.effect, last.loc))
        level.emitted.update((key, symbol) for key, known in level.emitted.items() if known is value)
        self._level_of[symbol] = self._level_of.pop(value)
        return symbol

    def _linear(self, shape: Shape, indices: Indices) -> Atom:
        """The position in row-major order."""
        total: Atom = ZERO
        for extent, index in zip(shape, indices, strict=True):
            if extent == 1:
                continue
            if total is ZERO:
                total = index
                continue
            total = self.emit(ADD, (self.emit(MUL, (total, Const(extent, INT64))), index))
        return total

    def _split(self, line: Atom, shape: Shape) -> list[Atom]:
        """The indices of a position in row-major order."""
        indices: list[Atom] = []
        below = prod(shape)
        for axis, extent in enumerate(shape):
            below //= extent
            index = line
            if below > 1:
                index = self.emit(FLOORDIV, (index, Const(below, INT64)))
            if any(n != 1 for n in shape[:axis]):
                index = self.emit(MOD, (index, Const(extent, INT64)))
            indices.append(ZERO if extent == 1 else index)
        return indices


def nest_indices(params: tuple[Sym, ...], shape: Shape) -> Indices:
    """The loop variables; 0 along axes of one element, which vary nothing."""
    return tuple(ZERO if extent == 1 else param for param, extent in zip(params, shape, strict=True))


def _free_atoms(nodes: Sequence[Node]) -> list[Atom]:
    return [atom for node in nodes for atom in node.args] + [
        atom for node in nodes for block in node.blocks for atom in (*_free_atoms(block.nodes), *block.results)
    ]


def _group(shape: Shape, at: int, target: Shape, position: int) -> tuple[int, int]:
    """The ends of the shortest runs of both shapes, from the given starts, that have equally many elements."""
    left, right = 1, 1
    while True:
        if left == right != 1:
            return at, position
        if left <= right:
            left *= shape[at]
            at += 1
        else:
            right *= target[position]
            position += 1
        if left == 0 or right == 0:
            return len(shape), len(target)
