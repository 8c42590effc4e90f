"""Functions as text, for people, for tests and for error messages; `parser` reads the same text back exactly.

In: a `Function`, valid or not. Out: one line a node, blocks indented:

    function @loop(%0.n: int) {
      %1.x: int = while 0 do(%2.x: int) {
        %3: bool = lt %2.x, %0.n
        yield %3
      } do(%4.x: int) {
        %5: int = add %4.x, 1
        yield %5
      }
      return %1.x
    }

A symbol is `%id` or `%id.name`, with its type where it is defined. Constants of Python's own types are bare, others
carry their type (`1:int32`). Attributes stand in braces. With `locations`, lines end in `// file:line` comments. The
native functions of a program follow the main one.
"""

from __future__ import annotations

import re

from ..loc import Loc
from .node import Atom, Attributes, AttributeValue, Block, Const, Function, Node, Sym
from .types import BOOL, FLOAT, INT

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_$.]+\Z")
_IMPLIED_TYPES = {bool: BOOL, int: INT, float: FLOAT}
_INDENT = "  "

Fault = Function | Block | Node


def print_function(
    function: Function, *, locations: bool = False, fault: Fault | None = None, message: str = ""
) -> str:
    """The text of a function, without a final newline.

    `fault` is the part to mark: the line after it carets the part and says `message`. A block is marked at its results.
    """
    printer = _Printer(locations=locations, fault=fault, message=message)
    printer.function(function)
    return "\n".join(printer.lines)


def format_name(name: str) -> str:
    """A name as the parser reads it: bare where it is made of plain characters, else a string literal."""
    return name if _PLAIN_NAME.match(name) else _quoted(name)


def format_atom(atom: Atom) -> str:
    """A use of a symbol, or a constant."""
    if isinstance(atom, Sym):
        return f"%{atom.id}.{format_name(atom.name)}" if atom.name else f"%{atom.id}"
    return format_constant(atom)


def format_constant(constant: Const) -> str:
    """A constant, with its type unless the spelling of the value implies it."""
    value, type_ = constant.value, constant.type
    return repr(value) if _IMPLIED_TYPES.get(type(value)) == type_ else f"{value!r}:{type_}"


def format_attribute(value: AttributeValue) -> str:
    """An attribute value of any kind."""
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, tuple):
        items = ", ".join(map(format_attribute, value))
        return f"({items},)" if len(value) == 1 else f"({items})"
    return repr(value) if value is None or isinstance(value, (bool, int, float)) else str(value)


def format_attributes(attributes: Attributes) -> str:
    """All attributes of a node, in braces; empty where there are none."""
    if not attributes:
        return ""
    return " {" + ", ".join(f"{key} = {format_attribute(value)}" for key, value in attributes) + "}"


def _definition(symbol: Sym) -> str:
    return f"{format_atom(symbol)}: {symbol.type}"


def _definitions(symbols: tuple[Sym, ...]) -> str:
    return ", ".join(map(_definition, symbols))


class _Printer:
    """Collects the lines of one function."""

    def __init__(self, *, locations: bool, fault: Fault | None, message: str) -> None:
        self.lines: list[str] = []
        self._locations = locations
        self._fault = fault
        self._message = message

    def function(self, function: Function) -> None:
        captures = f" captures {function.captures}" if function.captures else ""
        header = f"function @{format_name(function.name)}({_definitions(function.params)}){captures} {{"
        self._line(header, 0, function.loc)
        self._mark(function, 0, len(header))
        self._body(function.body, 1, "return")
        self.lines.append("}")
        for callee in function.functions:
            self.function(callee)

    def _line(self, text: str, depth: int, loc: Loc) -> None:
        comment = f"  // {loc.file}:{loc.line}" if self._locations else ""
        self.lines.append(_INDENT * depth + text + comment)

    def _mark(self, part: Fault, depth: int, width: int) -> None:
        if part is self._fault:
            self.lines.append(f"{_INDENT * depth}{'^' * max(width, 1)} {self._message}".rstrip())

    def _body(self, block: Block, depth: int, leave: str) -> None:
        for node in block.nodes:
            self._node(node, depth)
        text = f"{leave} {', '.join(map(format_atom, block.results))}".rstrip()
        self.lines.append(_INDENT * depth + text)
        self._mark(block, depth, len(text))

    def _node(self, node: Node, depth: int) -> None:
        text = f"{_definitions(node.results)} = {node.primitive}" if node.results else node.primitive.name
        if node.args:
            text += " " + ", ".join(map(format_atom, node.args))
        text += format_attributes(node.attrs)
        if not node.blocks:
            self._line(text, depth, node.loc)
            self._mark(node, depth, len(text))
            return
        start = text
        for index, block in enumerate(node.blocks):
            params = f"({_definitions(block.params)})" if block.params else ""
            self._line(f"{start} do{params} {{", depth, node.loc)
            if index == 0:
                self._mark(node, depth, len(text))
            self._body(block, depth + 1, "yield")
            start = "}"
        self.lines.append(_INDENT * depth + "}")


def _quoted(text: str) -> str:
    # Not at the top: most functions hold no text, and those in the cache should not wait for it.
    import json

    return json.dumps(text)
