"""The identity of a function: equal canonical forms mean that the same native code will do.

In: a `Function`. Out: a text in which symbols are numbered in the order of their definition, so that ids do not matter.
"""

from __future__ import annotations

from ..loc import Loc
from .node import Atom, Block, Function, Sym
from .printer import format_attributes, format_constant
from .types import Type


def canonical_form(function: Function, *, with_locations: bool = False) -> str:
    """What a function computes, as text.

    With locations, also of what shows in the generated text and in messages but not in the results: positions in the
    user's source, and the names of symbols and of the function.
    """
    writer = _Canonical(with_locations=with_locations)
    writer.function(function)
    return "\n".join(writer.parts)


class _Canonical:
    """Collects the canonical form in pieces.

    Unambiguous, because every list is preceded by its length and every text that may hold any character is a literal.
    """

    def __init__(self, *, with_locations: bool) -> None:
        self.parts: list[str] = []
        self._with_locations = with_locations
        self._numbers: dict[Sym, str] = {}
        self._types: dict[Type, str] = {}
        self._locs: dict[Loc, str] = {}

    def function(self, function: Function) -> None:
        self.parts.append(f"function {function.captures} {len(function.functions)}")
        if self._with_locations:
            self.parts.append(f"{function.name!r} {self._loc(function.loc)}")
        self._block(function.body)
        for callee in function.functions:
            # Calls go by name.
            self.parts.append(repr(callee.name))
            self.function(callee)

    def _block(self, block: Block) -> None:
        self.parts.append(f"block {len(block.nodes)} {self._define(block.params)}")
        for node in block.nodes:
            operands = f"{self._atoms(node.args)}{format_attributes(node.attrs)}"
            self.parts.append(f"{node.primitive.name} {len(node.blocks)} {operands} {self._define(node.results)}")
            if self._with_locations:
                self.parts.append(self._loc(node.loc))
            for inner in node.blocks:
                self._block(inner)
        self.parts.append(self._atoms(block.results))

    def _define(self, symbols: tuple[Sym, ...]) -> str:
        text = str(len(symbols))
        for symbol in symbols:
            self._numbers[symbol] = f"%{len(self._numbers)}"
            text += f" {self._type(symbol.type)}"
            if self._with_locations:
                text += f" {symbol.name!r}"
        return text

    def _atoms(self, atoms: tuple[Atom, ...]) -> str:
        numbers = self._numbers
        texts = [numbers[atom] if isinstance(atom, Sym) else format_constant(atom) for atom in atoms]
        return f"{len(texts)} {' '.join(texts)}"

    def _type(self, type_: Type) -> str:
        text = self._types.get(type_)
        if text is None:
            text = self._types[type_] = str(type_)
        return text

    def _loc(self, loc: Loc) -> str:
        text = self._locs.get(loc)
        if text is None:
            text = self._locs[loc] = repr((loc.file, loc.line, loc.col, loc.end_line, loc.end_col))
        return text
