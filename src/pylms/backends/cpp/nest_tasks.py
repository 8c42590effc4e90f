"""Loop nests that several threads share: which do, and how their outermost loop is cut into tasks.

Elements are computed as on one thread, and sums in the same order: how the loop is cut changes no result.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod

from ...ir.node import Block, Node
from ...ir.ops.arithmetic import ELEMENTARY, POW, TRUEDIV
from ...ir.rules import effect_of_block
from .emit_parallel import use_threads
from .emitter import Emitter
from .nest_shape import NestShape, shape_attribute

# Operations of a task, and of the smallest nest that has some: measured, about one microsecond and four.
_OF_A_TASK = 16 * 1024
_FEWEST = 64 * 1024
# Elements side by side that take a cache line or more: where tasks are of many, no line has two writers.
_NEIGHBOURS = 64
_COSTLY = frozenset({*ELEMENTARY, POW, TRUEDIV})
_COST = 8


@dataclass(frozen=True, slots=True)
class Tasks:
    """The loop at `depth`, of `extent` rounds, in tasks of `size` rounds each, the last one smaller."""

    depth: int
    extent: int
    size: int


def tasks_of(block: Block, shape: NestShape, apart: Sequence[Node]) -> Tasks | None:
    """How threads share a nest; None where one is as fast, or must do it. `apart`: nodes that do not count."""
    depth = next((depth for depth, extent in enumerate(shape.loops) if extent > 1), None)
    if depth is None or effect_of_block(block).raises:
        return None
    within = [node for node in block.nodes if shape.depth(node.results[0]) > depth and node not in apart]
    work = sum(_rounds(shape, node) * _operations(node) for node in within)
    extent = shape.loops[depth]
    size = max(1, extent * _OF_A_TASK // max(work, 1))
    if size > _NEIGHBOURS:
        size -= size % _NEIGHBOURS
    return Tasks(depth, extent, size) if work >= _FEWEST and size < extent else None


def _rounds(shape: NestShape, node: Node) -> int:
    return prod(shape.loops[: shape.depth(node.results[0])])


def _operations(node: Node) -> int:
    inner = sum(_operations(each) for block in node.blocks for each in block.nodes)
    return prod(shape_attribute(node)) * (inner + 1) if node.blocks else _COST if node.primitive in _COSTLY else 1


@contextmanager
def within_a_task(emitter: Emitter, tasks: Tasks) -> Iterator[tuple[str, str]]:
    """Write inside the `with` what a task does; gives its first round, and the one after its last."""
    emitter.include("tasks.h")
    use_threads(emitter)
    task, first, end = map(emitter.fresh_name, ("task", "first", "end"))
    head = f"pylms::in_parallel({-(-tasks.extent // tasks.size)}, {emitter.threads}, [=](long long {task})"
    with emitter.braces(head, ");"), emitter.on_a_thread():
        emitter.line(f"const long long {first} = {f'{task} * {tasks.size}' if tasks.size != 1 else task};")
        rest = tasks.extent % tasks.size
        after = f"{first} + {tasks.size}"
        emitter.line(f"const long long {end} = {f'pylms::least({after}, {tasks.extent})' if rest else after};")
        yield first, end
