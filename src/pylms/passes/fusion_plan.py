"""Which tensor operations get memory of their own, and which are computed where they are used.

In: a function. Out: a `FusionPlan`. An operation that only indexes or computes element by element can be *inlined*:
its element is computed in the loop nests of its users. A *root* gets a loop nest of its own, and memory for its
result. An *alias* stays as a node that names memory that exists (a `load`, a reshape).

An operation is a root where something other than a loop nest needs the whole tensor, or where computing it again
in every place would cost more than storing it; and a read of a buffer is one where a write comes before a use of it.
A join or a placing that is a root is a *copy*: no nest, but its operands in memory, from where they are copied.
Costs are rough: operations an element, counted over the loops that a use stands in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from ..ir.node import Atom, Block, Function, Node, Sym
from ..ir.ops import elementary
from ..ir.ops.arithmetic import COS, ELEMENTWISE, EXP, FLOORDIV, LOG, MOD, POW, SIGMOID, SIN, SQRT, TAN, TANH, TRUEDIV
from ..ir.ops.buffers import GATHER_ROWS, LOAD, SLICE_ROWS
from ..ir.ops.tensor_gathers import TAKE, TAKE_ALONG
from ..ir.ops.tensor_regions import CONCAT, PLACE, SLICE
from ..ir.ops.tensors import (
    BROADCAST,
    ONE_HOT,
    PICK,
    REDUCE_MAX,
    REDUCE_SUM,
    RESHAPE,
    STOP_GRADIENT,
    TRANSPOSE,
    integers_of,
)
from ..ir.primitive import Primitive
from ..ir.types import TensorType
from .nest_builder import Shape, tensor_type
from .tensor_rewriter import count_uses
from .write_hazards import WriteHazards

_REDUCTIONS = frozenset({REDUCE_SUM, REDUCE_MAX})
_ROW_READS = frozenset({SLICE_ROWS, GATHER_ROWS})
_BUFFER_READS = _ROW_READS | {LOAD}
_VIEWS = frozenset({BROADCAST, RESHAPE, SLICE, STOP_GRADIENT, TRANSPOSE}) | _BUFFER_READS
_COPIES = frozenset({CONCAT, PLACE})
_ALIASES = frozenset({LOAD, RESHAPE, SLICE_ROWS, STOP_GRADIENT})
INLINABLE: frozenset[Primitive] = (
    ELEMENTWISE | elementary.ELEMENTWISE | _REDUCTIONS | _VIEWS | _COPIES | {PICK, ONE_HOT, TAKE, TAKE_ALONG}
)

_ELEMENT_COST = {
    **dict.fromkeys(_VIEWS, 0),
    **dict.fromkeys((TRUEDIV, SQRT, FLOORDIV, MOD), 4),
    **dict.fromkeys((EXP, LOG, SIGMOID, TANH), 10),
    **dict.fromkeys((POW, SIN, COS, TAN, *elementary.ELEMENTWISE), 20),
}
_COST_OF_STORING = 2
# A nest that reads an element of a join has to find out which part it is in.
_MOST_PARTS = 4

# Loops that an element is computed in: their extents from the outside in, and for each dimension the depths of
# the loops that its index depends on.
_Dimensions = tuple[frozenset[int], ...]


@dataclass(frozen=True, slots=True)
class _Demand:
    """One use of a tensor in the nest of a root."""

    root: Node
    loops: Shape
    dimensions: _Dimensions

    @property
    def evaluations(self) -> int:
        """How many elements are computed for this use."""
        return prod(self.loops[: self.deepest + 1])

    @property
    def deepest(self) -> int:
        return max((depth for dimension in self.dimensions for depth in dimension), default=-1)


@dataclass(frozen=True, slots=True)
class FusionPlan:
    """What `Fuse` asks.

    roots: results that get a nest. aliases: results that stay as names of memory. inlined: the nodes to be computed
    where they are used. dead: other nodes that nobody needs.
    """

    roots: frozenset[Sym]
    aliases: frozenset[Sym]
    inlined: dict[Sym, Node]
    dead: frozenset[Node]


def is_inlinable(node: Node) -> bool:
    """Whether the node gives a tensor whose elements can each be computed alone."""
    return node.primitive in INLINABLE and isinstance(node.results[0].type, TensorType)


def is_copied(node: Node) -> bool:
    """Whether the node, where it is a root, copies what lies in memory."""
    return node.primitive in _COPIES


def plan_fusion(function: Function) -> FusionPlan:
    """The plan for a whole function."""
    return _Planner(function).plan()


class _Planner:
    def __init__(self, function: Function) -> None:
        self._function = function
        self._hazards = WriteHazards(function)
        self._costs: dict[Sym, int] = {}
        self._demands: dict[Sym, set[_Demand]] = defaultdict(set)
        self._needed: dict[Sym, list[Node | Block]] = defaultdict(list)
        self._roots: set[Sym] = set()
        self._aliases: set[Sym] = set()
        self._inlined: dict[Sym, Node] = {}
        self._dead: set[Node] = set()
        self._blocks: dict[Sym, Block] = {}
        self._nodes: dict[Sym, Node] = {}
        self._uses = count_uses(function)

    def plan(self) -> FusionPlan:
        self._estimate(self._function.body)
        self._visit(self._function.body)
        return FusionPlan(frozenset(self._roots), frozenset(self._aliases), self._inlined, frozenset(self._dead))

    # ---- costs, forwards

    def _estimate(self, block: Block) -> None:
        for node in block.nodes:
            self._blocks.update((symbol, block) for symbol in node.results)
            if is_inlinable(node):
                self._nodes[node.results[0]] = node
                self._costs[node.results[0]] = self._element_cost(node)
            for inner in node.blocks:
                self._estimate(inner)

    def _element_cost(self, node: Node) -> int:
        """Operations for one element, if all it depends on is computed anew."""
        operands = sum(self._costs.get(arg, 0) for arg in node.args if isinstance(arg, Sym))
        if node.primitive in _REDUCTIONS:
            source = tensor_type(node.args[0])
            return (operands + 1) * prod(source.shape[axis] for axis in _axes(node))
        return operands + _ELEMENT_COST.get(node.primitive, 1)

    # ---- decisions, backwards: every use of a value is seen before the value

    def _visit(self, block: Block) -> None:
        for result in block.results:
            self._need(result, block)
        for node in reversed(block.nodes):
            for inner in reversed(node.blocks):
                self._visit(inner)
            if is_inlinable(node):
                self._decide(node)
            elif self._is_dead(node):
                self._dead.add(node)
            else:
                for arg in node.args:
                    self._need(arg, node)

    def _need(self, atom: Atom, by: Node | Block) -> None:
        """`by` wants the tensor in memory."""
        if isinstance(atom, Sym) and isinstance(atom.type, TensorType):
            self._needed[atom].append(by)

    def _is_dead(self, node: Node) -> bool:
        """Whether the node only makes tensors, which nobody wants any more."""
        return (
            node.effect.is_pure
            and bool(node.results)
            and all(isinstance(result.type, TensorType) for result in node.results)
            and not any(self._demands[result] or self._needed[result] for result in node.results)
        )

    def _decide(self, node: Node) -> None:
        (result,) = node.results
        demands, needed = self._demands[result], self._needed[result]
        if not demands and not needed:
            return
        if self._is_root(node):
            self._roots.add(result)
            if is_copied(node):
                for arg in node.args:
                    self._need(arg, node)
                return
            shape = tensor_type(result).shape
            own = tuple(frozenset[int]() if n == 1 else frozenset({axis}) for axis, n in enumerate(shape))
            demands = {_Demand(node, shape, own)}
        else:
            self._inlined[result] = node
            if needed:
                self._aliases.add(result)
                for by in needed:
                    self._need(node.args[0], by)
        for demand in demands:
            self._propagate(node, demand)

    def _is_root(self, node: Node) -> bool:
        (result,) = node.results
        demands, needed = self._demands[result], self._needed[result]
        uses = [*(demand.root for demand in demands), *needed]
        if node.primitive in _BUFFER_READS and self._outlives_content(node, uses):
            return True
        if needed and (node.primitive not in _ALIASES or _is_number(result, *node.args) or self._is_last_view(node)):
            return True
        if len(node.args) > _MOST_PARTS and is_copied(node):
            return True
        if node.primitive in _VIEWS:
            return False
        if any(self._blocks[demand.root.results[0]] is not self._blocks[result] for demand in demands):
            return True
        size = tensor_type(result).size
        again = sum(demand.evaluations for demand in demands) - size
        return again * self._costs[result] > size * _COST_OF_STORING

    def _is_last_view(self, node: Node) -> bool:
        """Whether a reshape is the only user of something computed, which may then be computed in the new shape."""
        source = self._nodes.get(node.args[0]) if isinstance(node.args[0], Sym) else None
        if node.primitive is not RESHAPE or source is None or source.primitive in _ALIASES | _COPIES:
            return False
        return self._uses[source.results[0]] == 1

    def _outlives_content(self, node: Node, uses: Sequence[Node | Block]) -> bool:
        """Whether what was read from a buffer is still wanted when that may have been written.

        What a block gives is used after it, where nobody knows any more that it lies in a buffer.
        """
        return any(isinstance(use, Block) for use in uses) or self._hazards.any_before(node, uses)

    def _propagate(self, node: Node, demand: _Demand) -> None:
        """What computing `node` in the nest of `demand.root` asks of its operands."""
        for position, arg in enumerate(node.args):
            if not isinstance(arg, Sym) or not isinstance(arg.type, TensorType):
                continue
            self._demands[arg].add(_demand_of_operand(node, position, arg.type, demand))


def _is_number(*atoms: Atom) -> bool:
    """Whether one of them is a tensor of no dimensions: it lies in no memory that others could be names for."""
    return any(isinstance(atom.type, TensorType) and atom.type.shape == () for atom in atoms)


def _axes(node: Node) -> Shape:
    return integers_of(node, "axes")


def _demand_of_operand(node: Node, position: int, operand: TensorType, demand: _Demand) -> _Demand:
    dimensions, loops = demand.dimensions, demand.loops
    own = tensor_type(node.results[0]).shape
    if len(dimensions) != len(own) or node.primitive in (RESHAPE, PICK, ONE_HOT, *_ROW_READS):
        # Indices are regrouped: any may depend on all loops of the use.
        return _Demand(demand.root, loops, _reshaped(dimensions, own, operand.shape))
    if node.primitive is BROADCAST:
        dimensions = tuple(dimensions[axis] for axis in _axes(node))
    elif node.primitive is TRANSPOSE:
        permutation = integers_of(node, "permutation")
        dimensions = tuple(dimensions[permutation.index(axis)] for axis in range(len(permutation)))
    elif node.primitive in (TAKE, TAKE_ALONG):
        dimensions = _gathered(node, position, dimensions)
    elif node.primitive in _REDUCTIONS:
        loops = loops[: demand.deepest + 1]
        axes, kept, depth = sorted(_axes(node)), iter(dimensions), len(loops)
        dimensions = tuple(
            frozenset({depth + axes.index(axis)}) if axis in axes else next(kept) for axis in range(operand.rank)
        )
        loops += tuple(operand.shape[axis] for axis in axes)
    return _Demand(demand.root, loops, dimensions)


def _gathered(node: Node, position: int, dimensions: _Dimensions) -> _Dimensions:
    """What a gather asks of its operand: a position in the source depends on all that the index (operand 1) does."""
    axis = node.attr("axis")
    assert isinstance(axis, int)
    start, stop = (axis, axis + tensor_type(node.args[1]).rank) if node.primitive is TAKE else (0, len(dimensions))
    of_index = dimensions[start:stop]
    if position == 1:
        return of_index
    end = stop if node.primitive is TAKE else axis + 1
    return (*dimensions[:axis], frozenset().union(*of_index), *dimensions[end:])


def _reshaped(dimensions: _Dimensions, shape: Shape, target: Shape) -> _Dimensions:
    """The dimensions of a reshaped tensor; exact where only axes of one element come or go."""
    long = [dimension for dimension, extent in zip(dimensions, shape, strict=False) if extent != 1]
    if [n for n in shape if n != 1] == [n for n in target if n != 1]:
        rest = iter(long)
        return tuple(frozenset() if n == 1 else next(rest) for n in target)
    every = frozenset(depth for dimension in dimensions for depth in dimension)
    return tuple(frozenset() if n == 1 else every for n in target)
