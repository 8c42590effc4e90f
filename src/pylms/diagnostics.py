"""What became of a staged function, line by line: for users who want it faster.

In: a staged function and its IR as code generation takes it. Out: `Note`s in the order of lines: what staging decided
(loops unrolled or rolled), and what is left in the code that costs (checks, allocations, calls back into Python), with
the loops around it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from .ir.node import Block, Function, Node
from .ir.ops.arithmetic import ABS, ADD, FLOORDIV, MOD, MUL, NEG, POW, SUB, TRUEDIV
from .ir.ops.arrays import ARRAY_NEW
from .ir.ops.control import CHECK, FOR, VERSIONS, WHILE
from .ir.ops.functions import CALL
from .ir.ops.host import HOST_CALL, PRINT
from .ir.types import INT
from .loc import Loc
from .staging.notes import Note
from .staging.reify import Staged

_LOOPS = (FOR, WHILE)
_OVERFLOWING = (ADD, SUB, MUL, NEG, ABS, POW)
_DIVIDING = (TRUEDIV, FLOORDIV, MOD)


class Diagnostics(tuple[Note, ...]):
    """Notes; printed one a line."""

    __slots__ = ()

    def __str__(self) -> str:
        return "\n".join(map(str, self))


def diagnose(staged: Staged, optimised: Function) -> Diagnostics:
    """All there is to say, in the order of lines."""
    notes = [*staged.notes]
    for function in (optimised, *optimised.functions):
        if function is not optimised:
            notes.append(Note(function.loc, "function", f"`{function.name}` is a native function of its own"))
        notes += _costs(function)
    return Diagnostics(sorted(notes, key=lambda note: (note.loc.file, note.loc.line, note.kind, note.text)))


def _costs(function: Function) -> list[Note]:
    found: Counter[tuple[str, int, str, str]] = Counter()
    for node, depth in _nodes(function.body, 0):
        described = _described(node)
        if described is not None:
            kind, text = described
            within = f", in {depth} loop{'s' if depth > 1 else ''}" if depth else ""
            found[node.loc.file, node.loc.line, kind, text + within] += 1
    return [
        Note(Loc(file, line), kind, text if count == 1 else f"{text} ({count} times)")
        for (file, line, kind, text), count in found.items()
    ]


def _nodes(block: Block, depth: int) -> Iterator[tuple[Node, int]]:
    """Every node, with how many loops are around it; of two versions the one with all checks."""
    for node in block.nodes:
        yield node, depth
        for inner in node.blocks[1:] if VERSIONS in node.attrs else node.blocks:
            yield from _nodes(inner, depth + (node.primitive in _LOOPS))


def _described(node: Node) -> tuple[str, str] | None:
    primitive = node.primitive
    if primitive in _LOOPS:
        return "loop", "a native loop"
    if VERSIONS in node.attrs:
        return "loop", "a test before the loop chooses a copy without checks, or with fewer, where it can"
    if primitive is CHECK:
        return "check", f"{node.attr('error')} is checked for: {node.attr('message')}"
    if primitive in _OVERFLOWING and node.effect.raises:
        what = "OverflowError" if node.args[0].type == INT else "errors of `math`"
        return "check", f"{what} is checked for at `{primitive.spelling}`"
    if primitive in _DIVIDING and node.effect.keep:
        return "check", f"a zero divisor is checked for at `{primitive.spelling}`"
    if primitive is ARRAY_NEW:
        return "memory", "an array is allocated"
    if primitive in (HOST_CALL, PRINT):
        return "python", "Python is called back"
    if primitive is CALL:
        return "call", f"`{node.attr('callee')}` is called natively"
    return None
