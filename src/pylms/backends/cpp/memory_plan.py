"""Where the tensors and buffers of a function lie in the call's scratch memory.

In: a legalised function. Out: a `MemoryPlan`. Every value that needs memory has one place for the whole call, so
nothing grows with the steps of a loop; values that are never alive at the same time share places.

A value lives from its definition to the last use of it, or of another name for its memory. A use in a loop that the
value was made outside of counts as a use at the loop's end; a value that a branch or loop gives lives as long as
the result does.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ...ir.node import Atom, Block, Function, Node, Sym
from ...ir.ops import random, windows
from ...ir.ops.buffers import BUFFER_NEW, LOAD, SLICE_ROWS
from ...ir.ops.control import FINALLY, IF
from ...ir.ops.functions import CALL
from ...ir.ops.fusion import FUSED
from ...ir.ops.one_hot_products import ONE_HOT_PRODUCT, ONE_HOT_SUMS
from ...ir.ops.tapes import TAPE_POP
from ...ir.ops.tensor_calls import TENSOR_CALL
from ...ir.ops.tensor_gathers import SCATTER_ADD, SCATTER_ADD_ALONG
from ...ir.ops.tensor_regions import CONCAT, PLACE
from ...ir.ops.tensors import ARGMAX, BATCH_MATMUL, MATMUL, RESHAPE, STOP_GRADIENT
from ...ir.types import BufferType, TensorType
from .emit_waiting import buffer_bytes

MAKES_MEMORY = frozenset(
    {
        FUSED,
        MATMUL,
        BATCH_MATMUL,
        ARGMAX,
        BUFFER_NEW,
        CALL,
        CONCAT,
        ONE_HOT_PRODUCT,
        ONE_HOT_SUMS,
        PLACE,
        SCATTER_ADD,
        SCATTER_ADD_ALONG,
        TAPE_POP,
        TENSOR_CALL,
    }
    | set(windows.PRIMITIVES)
    | set(random.PRIMITIVES)
)
_NAMES_MEMORY = frozenset({LOAD, RESHAPE, SLICE_ROWS, STOP_GRADIENT})
_ALIGNMENT = 64


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """offsets: of each value, from the start of the scratch memory; size: bytes that it takes."""

    offsets: dict[Sym, int]
    size: int


@dataclass(slots=True)
class _Lifetime:
    """The first and last moment of a value, and the bytes it takes."""

    symbol: Sym
    size: int
    first: int
    last: int


def plan_memory(function: Function, elsewhere: Collection[Sym] = ()) -> MemoryPlan:
    """The plan for a function that is laid out once, at the start of the call. `elsewhere`: what has other memory."""
    lifetimes = [each for each in _Lifetimes().of(function) if each.symbol not in elsewhere]
    offsets: dict[Sym, int] = {}
    placed: list[_Lifetime] = []
    size = 0
    for value in sorted(lifetimes, key=lambda each: (-each.size, each.first)):
        rivals = sorted(
            (offsets[other.symbol], offsets[other.symbol] + other.size)
            for other in placed
            if other.first <= value.last and value.first <= other.last
        )
        offset = 0
        for start, end in rivals:
            if offset + value.size <= start:
                break
            offset = max(offset, end)
        offsets[value.symbol] = offset
        placed.append(value)
        size = max(size, offset + value.size)
    return MemoryPlan(offsets, size)


class _Lifetimes:
    """Collects lifetimes; moments count nodes, in the order in which they stand."""

    def __init__(self) -> None:
        self._now = 0
        self._owners: dict[Sym, frozenset[Sym]] = {}
        self._lifetimes: dict[Sym, _Lifetime] = {}

    def of(self, function: Function) -> list[_Lifetime]:
        self._visit(function.body)
        self._use(function.body.results)
        return list(self._lifetimes.values())

    def _visit(self, block: Block) -> None:
        for node in block.nodes:
            self._now += 1
            start = self._now
            self._use(node.args)
            self._define(node)
            if node.primitive is FUSED:
                self._use(_atoms(node.blocks[0]))
            elif node.blocks:
                self._visit_blocks(node, start)

    def _visit_blocks(self, node: Node, start: int) -> None:
        """Blocks may run again: what they use from outside is needed until they have run for the last time."""
        for inner in node.blocks:
            self._visit(inner)
            self._now += 1
            self._use(inner.results)
        self._now += 1
        for lifetime in self._lifetimes.values():
            if lifetime.first < start <= lifetime.last:
                lifetime.last = self._now
        if node.primitive in (IF, FINALLY):
            # A loop's results have memory of their own; a branch's are whichever side gave them.
            for inner in node.blocks[: 1 if node.primitive is FINALLY else 2]:
                for result, atom in zip(node.results, inner.results, strict=True):
                    self._share(result, atom)

    def _define(self, node: Node) -> None:
        if node.primitive in _NAMES_MEMORY:
            self._share(node.results[0], node.args[0])
        if node.primitive not in MAKES_MEMORY:
            return
        for result in node.results:
            type_ = result.type
            if isinstance(type_, (TensorType, BufferType)) and type_.shape != ():
                size = -(-_bytes(type_) // _ALIGNMENT) * _ALIGNMENT
                self._lifetimes[result] = _Lifetime(result, size, self._now, self._now)
                self._owners[result] = frozenset({result})

    def _share(self, symbol: Sym, atom: Atom) -> None:
        """`symbol` may lie in the memory of `atom`."""
        if isinstance(atom, Sym) and atom in self._owners:
            self._owners[symbol] = self._owners.get(symbol, frozenset()) | self._owners[atom]

    def _use(self, atoms: tuple[Atom, ...] | list[Atom]) -> None:
        for atom in atoms:
            for owner in self._owners.get(atom, ()) if isinstance(atom, Sym) else ():
                self._lifetimes[owner].last = self._now


def _bytes(type_: TensorType | BufferType) -> int:
    return buffer_bytes(type_) if isinstance(type_, BufferType) else type_.size * type_.dtype.itemsize


def _atoms(block: Block) -> list[Atom]:
    """All that a nest's block uses."""
    found: list[Atom] = list(block.results)
    for node in block.nodes:
        found.extend(node.args)
        for inner in node.blocks:
            found.extend(_atoms(inner))
    return found
