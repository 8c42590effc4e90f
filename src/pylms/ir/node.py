"""The IR: typed ANF in structured blocks (DESIGN D10). A closed set of immutable, slotted classes.

What holds: every `Sym` is defined once, by a block parameter or a node, before its uses and in an enclosing
block; `Node.effect` is at least what running the node does, blocks included (`effect_of` computes it).
Symbols are compared by identity; their `id` is for printing and is unique within a function.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..loc import Loc
from ..records import record
from .effects import Effect
from .primitive import Primitive
from .types import ContentType, ElementType, ScalarType, Type

AttributeValue = int | float | str | bool | None | ContentType | ElementType | tuple["AttributeValue", ...]
Attributes = tuple[tuple[str, AttributeValue], ...]


@record(frozen=True, slots=True, eq=False)
class Sym:
    """A value with a name of its own. `name` is the user's name for it, where there is one, else ''."""

    id: int
    type: Type
    name: str = ""

    def __repr__(self) -> str:
        return f"%{self.id}"


@record(frozen=True, slots=True)
class Const:
    """A scalar known while staging. Compared by value and type, and by sign and payload for floats."""

    value: bool | int | float
    type: ScalarType

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Const) or self.type is not other.type:
            return False
        if self.type.is_float:
            return float(self.value).hex() == float(other.value).hex()
        return self.value == other.value

    def __hash__(self) -> int:
        return hash((self.value if self.value == self.value else "nan", self.type))


Atom = Sym | Const


@record(frozen=True, slots=True, eq=False)
class Block:
    """Statements in order, with parameters and results. Reads enclosing blocks' symbols freely."""

    params: tuple[Sym, ...]
    nodes: tuple[Node, ...]
    results: tuple[Atom, ...]


@record(frozen=True, slots=True, eq=False)
class Node:
    """One operation: `results = primitive(args) {attrs} blocks`."""

    results: tuple[Sym, ...]
    primitive: Primitive
    args: tuple[Atom, ...]
    attrs: Attributes
    blocks: tuple[Block, ...]
    effect: Effect
    loc: Loc

    def attr(self, name: str) -> AttributeValue:
        """The attribute of that name; KeyError where there is none."""
        for key, value in self.attrs:
            if key == name:
                return value
        raise KeyError(name)


@record(frozen=True, slots=True, eq=False)
class Function:
    """A staged function: its parameters are `body.params`, its results `body.results`.

    Buffers captured from the surrounding program are the last `captures` parameters. `functions` are the native
    functions that it and they call, by names of their own; those have neither captures nor `functions`. Symbols are
    a function's own.
    """

    name: str
    body: Block
    loc: Loc
    captures: int = 0
    functions: tuple[Function, ...] = ()

    @property
    def params(self) -> tuple[Sym, ...]:
        return self.body.params


def walk(block: Block) -> Iterator[Node]:
    """Every node of a block and of the blocks within, in program order, outer before inner."""
    for node in block.nodes:
        yield node
        for inner in node.blocks:
            yield from walk(inner)


def highest_id(function: Function) -> int:
    """The greatest symbol id in use: fresh symbols start after it."""
    highest = -1
    pending = [function.body]
    while pending:
        block = pending.pop()
        for symbol in block.params:
            highest = max(highest, symbol.id)
        for node in block.nodes:
            for symbol in node.results:
                if symbol.id > highest:
                    highest = symbol.id
            pending += node.blocks
    return highest
