"""Writing the loops of a nest or of a reduction, with everything at the depth where it stops varying.

What holds: iterations do not depend on each other, but for what `finish` adds up. A value that is used further in
than it is computed is written down as a constant before the inner loop opens.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from ...ir.node import Block, Node, Sym
from ...ir.ops.arithmetic import EXP, LOG, SIGMOID, TANH
from ...ir.types import ScalarType
from .emitter import Emitter
from .nest_shape import Access, NestShape, atoms_used, nodes_within, shape_of_nest
from .nest_tasks import Tasks, within_a_task
from .scalar_text import ZERO, emit_scalar, position

_HEADER = "loops.h"
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_INDEX_NAMES = ("i", "j", "k", "l", "m", "n")
# Elements of the widest vectors, by bits; where fewer than so many vectors make up a row, the rest of it counts.
_LANES = {32: 16, 64: 8}
_MOST_VECTORS = 16
_TRANSCENDENTAL = frozenset({EXP, LOG, SIGMOID, TANH})

# Called at each depth, once its values are there: stores them, or adds them up.
Finish = Callable[[int], None]
# Called before the innermost loop opens, with the nodes of that loop; gives those that it has dealt with.
BeforeInnermost = Callable[[Sequence[Node]], Sequence[Node]]
# The first round of a loop that is written, and the one after the last.
Run = tuple[int, int] | tuple[str, str]


def _nothing(_nodes: Sequence[Node]) -> Sequence[Node]:
    return ()


class LoopWriter:
    """Writes the loops of one block of scalar nodes, whose parameters are the indices."""

    def __init__(
        self,
        emitter: Emitter,
        block: Block,
        extents: tuple[int, ...],
        ranks: Sequence[int],
        *,
        backwards: bool = False,
        may_repeat: bool = False,
    ) -> None:
        """`ranks`: on how many indices each result depends. `backwards` is for the outermost of several loops.

        `may_repeat`: an iteration may run twice, since it reads nothing that another one writes.
        """
        self.emitter = emitter
        self.tasks: Tasks | None = None
        """How threads share the loops."""
        self._backwards = backwards
        self._may_repeat = may_repeat
        self.block = block
        self._extents = extents
        self.shape: NestShape = shape_of_nest(block.params, block, extents, ranks)
        self.indices = _index_names(emitter, block, len(self.shape.loops))
        self._used_inside = _users_by_depth(block, self.shape, ranks)
        for axis, param in enumerate(block.params):
            is_single = extents[axis] == 1
            emitter.alias(param, "0" if is_single else self.indices[min(axis, len(self.indices) - 1)])

    @property
    def depth(self) -> int:
        """The number of loops."""
        return len(self.shape.loops)

    def nodes_at(self, depth: int) -> list[Node]:
        return [node for node in self.block.nodes if self.shape.depth(node.results[0]) == depth]

    @property
    def innermost(self) -> tuple[Sym, ...]:
        """The indices of the innermost loop."""
        return tuple(param for param in self.block.params if self.shape.depth(param) == self.depth)

    def rename(self, index: str) -> None:
        """Let the innermost loop's indices be written so from now on."""
        for param in self.innermost:
            self.emitter.alias(param, index)

    def position(self, rank: int) -> str:
        """Where the element of the first `rank` axes that the loops stand at lies in memory."""
        access = Access(ZERO, self._extents[:rank], self.block.params[:rank])
        return position(self.emitter, access)

    def write(
        self,
        finish: Finish,
        before_innermost: BeforeInnermost = _nothing,
        *,
        independent: bool = True,
        skip: Sequence[Node] = (),
    ) -> None:
        """All loops, without the nodes to `skip`. `independent` tells the compiler so, for the innermost."""
        self._write_from(0, finish, before_innermost, independent=independent, done=skip)

    def _write_from(
        self,
        depth: int,
        finish: Finish,
        before_innermost: BeforeInnermost,
        *,
        independent: bool,
        done: Sequence[Node],
    ) -> None:
        nodes = [node for node in self.nodes_at(depth) if node not in done]
        self.write_nodes(nodes)
        self.settle_for_inside(nodes, depth)
        finish(depth)
        if depth == self.depth:
            return
        is_innermost = depth == self.depth - 1
        if is_innermost:
            done = [*done, *before_innermost(self.nodes_at(depth + 1))]
        if self.shape.loops[depth] == 1:
            self._write_from(depth + 1, finish, before_innermost, independent=independent, done=done)
            return
        is_marked = is_innermost and independent and not any(node.blocks for node in self.nodes_at(depth + 1))

        def write(runs: Sequence[Run]) -> None:
            for run in runs:
                if is_marked:
                    self.mark_independent()
                with self.emitter.braces(self.header(depth, run)):
                    self._write_from(depth + 1, finish, before_innermost, independent=independent, done=done)

        if self.tasks is not None and self.tasks.depth == depth:
            with within_a_task(self.emitter, self.tasks) as run:
                write([run])
        else:
            write(self._runs(depth) if is_marked else [(0, self.shape.loops[depth])])

    def _runs(self, depth: int) -> list[Run]:
        """The innermost loop in one run, or in two of whole vectors that overlap, where single elements cost much."""
        extent, nodes = self.shape.loops[depth], self.nodes_at(depth + 1)
        lanes = min((_LANES[each.bits] for node in nodes if (each := _transcendental(node)) is not None), default=0)
        if not self._may_repeat or not lanes or not lanes < extent < _MOST_VECTORS * lanes or extent % lanes == 0:
            return [(0, extent)]
        return [(0, extent // lanes * lanes), (extent - lanes, extent)]

    def header(self, depth: int, run: Run | None = None) -> str:
        """The head of the loop at that depth; of all of it, unless told otherwise."""
        index = self.indices[depth]
        first, end = run if run is not None else (0, self.shape.loops[depth])
        if self._backwards and depth == 0 < self.depth - 1:
            last = end - 1 if isinstance(end, int) else f"{end} - 1"
            return f"for (long long {index} = {last}; {index} >= {first}; --{index})"
        return f"for (long long {index} = {first}; {index} < {end}; ++{index})"

    def mark_independent(self) -> None:
        self.emitter.include(_HEADER)
        self.emitter.line("PYLMS_INDEPENDENT")

    def write_nodes(self, nodes: Sequence[Node]) -> None:
        for node in nodes:
            emit_scalar(self.emitter, node)

    def settle_for_inside(self, nodes: Sequence[Node], depth: int) -> None:
        """Write down what inner loops use, so that it is not computed there."""
        for node in nodes:
            for result in node.results:
                if self._used_inside.get(result, 0) > depth:
                    self.emitter.settle(result)


def _transcendental(node: Node) -> ScalarType | None:
    """The type a function is computed in that takes vectors, and costs much for a single element."""
    type_ = node.results[0].type
    return type_ if node.primitive in _TRANSCENDENTAL and isinstance(type_, ScalarType) else None


def _users_by_depth(block: Block, shape: NestShape, ranks: Sequence[int]) -> dict[Sym, int]:
    """For each symbol the depth of its deepest user; results are used at the depths that `ranks` give."""
    deepest: dict[Sym, int] = {}
    for result, rank in zip(block.results, ranks, strict=True):
        if isinstance(result, Sym):
            deepest[result] = max(deepest.get(result, 0), min(rank, len(shape.loops)))
    for node in block.nodes:
        depth = shape.depth(node.results[0])
        # A reduction uses what it does not compute itself in loops of its own.
        depth += any(True for _ in node.blocks)
        for atom in atoms_used(node):
            if isinstance(atom, Sym):
                deepest[atom] = max(deepest.get(atom, 0), depth)
    return deepest


def _index_names(emitter: Emitter, block: Block, count: int) -> tuple[str, ...]:
    """Names for loop variables that hide nothing that the block uses."""
    inner = {result for node in nodes_within(block.nodes) for result in node.results}
    inner |= {param for node in nodes_within(block.nodes) for each in node.blocks for param in each.params}
    inner |= set(block.params)
    taken = {result.name for node in nodes_within(block.nodes) for result in node.results}
    used = [atom for node in block.nodes for atom in atoms_used(node)] + list(block.results)
    for atom in used:
        if isinstance(atom, Sym) and atom not in inner:
            taken.update(_IDENTIFIER.findall(emitter.name_of(atom)))
    hints = [param.name for param in block.params[:count] if param.name]
    candidates = [*hints, *_INDEX_NAMES, *(f"i{number}" for number in range(2, count + len(taken) + 2))]
    return tuple([name for name in dict.fromkeys(candidates) if name not in taken][:count])
