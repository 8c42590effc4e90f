"""Text to `Function`: the inverse of `printer`, symbol ids included.

In: text as `print_function` writes it (spacing is free, `//` starts a comment). Out: a `Function` whose nodes have
`Loc("<ir>", line)` and the effects that the rules say. Types are taken as written; `verify` checks them.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import NoReturn, cast

from ..errors import PylmsError
from ..loc import Loc
from .node import Atom, Attributes, AttributeValue, Block, Const, Function, Node, Sym
from .ops.catalogue import PRIMITIVES_BY_NAME
from .rules import effect_rules
from .types import (
    BOOL,
    FLOAT,
    INT,
    SCALAR_TYPES,
    TAPE,
    TEXT,
    ArrayType,
    BufferType,
    ContentType,
    DictType,
    ElementType,
    ListType,
    RecordType,
    Region,
    ScalarType,
    TensorType,
    Type,
    VarType,
)

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+|//[^\n]*)
    |(?P<string>"(?:[^"\\\n]|\\.)*")
    |(?P<symbol>%\d+)
    |(?P<number>-?(?:\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|inf|nan)(?![A-Za-z0-9_$]))
    |(?P<word>[A-Za-z0-9_$.]+)
    |(?P<mark>[@(){}\[\],:=<>])""",
    re.VERBOSE,
)
_SHAPE = re.compile(r"\d+(?:x\d+)*\Z")
_FILE = "<ir>"
_WORD_VALUES: dict[str, bool | None] = {"True": True, "False": False, "None": None}


class IRSyntaxError(PylmsError):
    """Text that is not IR; `loc` counts lines of the text."""


def parse_function(text: str) -> Function:
    """The function that `text` says. Raises `IRSyntaxError`."""
    parser = _Parser(text)
    function = parser.function()
    callees: list[Function] = []
    while parser.is_at_function:
        callees.append(parser.function())
    parser.expect_end()
    return replace(function, functions=tuple(callees)) if callees else function


class _Parser:
    """Recursive descent over the tokens of a function and of those it calls."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokenize(text)
        self._next = 0
        self._symbols: dict[int, Sym] = {}

    def function(self) -> Function:
        self._symbols = {}
        self._expect("function")
        loc = self._loc()
        self._expect("@")
        name = self._name()
        params = self._params()
        captures = 0
        if self._accept("captures"):
            captures = int(self._take("number", "the number of captured buffers"))
        self._expect("{")
        return Function(name, self._block_rest(params, "return"), loc, captures)

    @property
    def is_at_function(self) -> bool:
        return self._text() == "function"

    def expect_end(self) -> None:
        if self._kind() != "end":
            self._fail("the end of the text")

    def _block_rest(self, params: tuple[Sym, ...], leave: str) -> Block:
        nodes: list[Node] = []
        while not self._accept(leave):
            nodes.append(self._node())
        results: list[Atom] = []
        if self._text() != "}":
            results = self._atoms()
        self._expect("}")
        return Block(params, tuple(nodes), tuple(results))

    def _node(self) -> Node:
        loc = self._loc()
        definitions: list[tuple[int, str, Type]] = []
        if self._kind() == "symbol":
            definitions.append(self._definition())
            while self._accept(","):
                definitions.append(self._definition())
            self._expect("=")
        spelling = self._take("word", "a primitive")
        primitive = PRIMITIVES_BY_NAME.get(spelling)
        if primitive is None:
            self._next -= 1
            self._fail("a primitive")
        args = tuple(self._atoms()) if self._starts_atom() else ()
        attrs = self._attributes()
        blocks: list[Block] = []
        while self._accept("do"):
            params = self._params() if self._text() == "(" else ()
            self._expect("{")
            blocks.append(self._block_rest(params, "yield"))
        effect = effect_rules[primitive](args, dict(attrs), tuple(blocks))
        results = tuple([self._define(*definition) for definition in definitions])
        return Node(results, primitive, args, attrs, tuple(blocks), effect, loc)

    def _params(self) -> tuple[Sym, ...]:
        self._expect("(")
        params: list[Sym] = []
        while not self._accept(")"):
            if params:
                self._expect(",")
            params.append(self._define(*self._definition()))
        return tuple(params)

    def _definition(self) -> tuple[int, str, Type]:
        number = int(self._take("symbol", "a symbol")[1:])
        name = self._dotted_name()
        self._expect(":")
        return number, name, self._type()

    def _define(self, number: int, name: str, type_: Type) -> Sym:
        if number in self._symbols:
            raise IRSyntaxError(f"%{number} is defined twice", loc=self._tokens[self._next - 1][2])
        symbol = self._symbols[number] = Sym(number, type_, name)
        return symbol

    def _dotted_name(self) -> str:
        """The `.name` after a symbol; the tokens touch, so the dot leads the word or stands before a string."""
        text = self._text()
        if self._kind() != "word" or not text.startswith("."):
            return ""
        self._next += 1
        if text != "." or self._kind() != "string":
            return text[1:]
        return self._string()

    def _name(self) -> str:
        if self._kind() == "string":
            return self._string()
        if self._kind() == "number":
            return self._take("number", "a name")
        return self._take("word", "a name")

    def _type(self) -> Type:
        word = self._take("word", "a type")
        if word in SCALAR_TYPES:
            return SCALAR_TYPES[word]
        if word == "str":
            return TEXT
        if word == "tape":
            return TAPE
        self._expect("<")
        if word == "list":
            return self._list_type()
        if word == "dict":
            return self._dict_type()
        if word == "var":
            content = self._content()
            self._expect(">")
            return VarType(content)
        if word in ("array", "strided"):
            return self._array_type(is_dense=word == "array")
        if word not in ("tensor", "buffer"):
            self._fail("a type")
        dtype = self._type()
        if not isinstance(dtype, ScalarType):
            self._fail("a scalar type")
        self._expect("[")
        shape: tuple[int, ...] = ()
        if self._text() != "]":
            if not _SHAPE.match(self._text()):
                self._fail("a shape")
            shape = tuple(map(int, self._text().split("x")))
            self._next += 1
        self._expect("]")
        waiting = int(self._take("number", "a number")) if self._kind() == "number" else 0
        self._expect(">")
        return TensorType(dtype, shape) if word == "tensor" else BufferType(dtype, shape, waiting)

    def _array_type(self, *, is_dense: bool) -> ArrayType:
        """`float64[:,:]@1>`, one colon a dimension."""
        dtype = self._type()
        if not isinstance(dtype, ScalarType):
            self._fail("a scalar type")
        self._expect("[")
        rank = int(self._accept(":"))
        while self._accept(","):
            self._expect(":")
            rank += 1
        self._expect("]")
        self._expect("@")
        region = Region(int(self._take("number", "the number of a region")))
        self._expect(">")
        return ArrayType(dtype, rank, is_dense, region)

    def _list_type(self) -> ListType:
        element = self._element()
        self._expect(">")
        return ListType(element)

    def _dict_type(self) -> DictType:
        key = self._element()
        self._expect(",")
        value = self._element()
        self._expect(">")
        return DictType(key, value)

    def _element(self) -> ElementType:
        """What a place in a container holds: a type, or several in parentheses."""
        if self._accept("("):
            items: list[ElementType] = []
            while not self._accept(")"):
                items.append(self._element())
                if self._text() != ")":
                    self._expect(",")
            return RecordType(tuple(items))
        type_ = self._type()
        if not isinstance(type_, ElementType):
            self._fail("a type of elements")
        return type_

    def _content(self) -> ContentType:
        """The type of something that a variable can hold."""
        type_ = self._type()
        if not isinstance(type_, ContentType):
            self._fail("a type of values")
        return type_

    def _starts_atom(self) -> bool:
        return self._kind() in ("symbol", "number") or self._text() in ("True", "False")

    def _atoms(self) -> list[Atom]:
        atoms = [self._atom()]
        while self._accept(","):
            atoms.append(self._atom())
        return atoms

    def _atom(self) -> Atom:
        if self._kind() == "symbol":
            number = int(self._text()[1:])
            if number not in self._symbols:
                self._fail("a symbol defined above")
            self._next += 1
            self._dotted_name()
            return self._symbols[number]
        if not self._starts_atom():
            self._fail("a symbol or a constant")
        value = self._number() if self._kind() == "number" else self._take("word", "a constant") == "True"
        if not self._accept(":"):
            return Const(value, BOOL if isinstance(value, bool) else INT if isinstance(value, int) else FLOAT)
        type_ = self._type()
        if not isinstance(type_, ScalarType):
            self._fail("a scalar type")
        return Const(value, type_)

    def _number(self) -> int | float:
        text = self._take("number", "a constant")
        return int(text) if text.lstrip("-").isdigit() else float(text)

    def _word_value(self) -> bool | None:
        word = self._take("word", "a value")
        if word not in _WORD_VALUES:
            self._next -= 1
            self._fail("a value")
        return _WORD_VALUES[word]

    def _attributes(self) -> Attributes:
        attributes: list[tuple[str, AttributeValue]] = []
        if not self._accept("{"):
            return ()
        while not self._accept("}"):
            if attributes:
                self._expect(",")
            key = self._take("word", "the name of an attribute")
            self._expect("=")
            attributes.append((key, self._attribute()))
        return tuple(attributes)

    def _attribute(self) -> AttributeValue:
        if self._kind() == "string":
            return self._string()
        if self._kind() == "number":
            return self._number()
        if self._text() in SCALAR_TYPES or self._text() in ("tensor", "array", "strided", "str", "list", "dict"):
            return cast("AttributeValue", self._content())
        if not self._accept("("):
            return self._word_value()
        items: list[AttributeValue] = []
        while not self._accept(")"):
            items.append(self._attribute())
            if self._text() != ")":
                self._expect(",")
        return tuple(items)

    def _string(self) -> str:
        value = json.loads(self._take("string", "a string"))
        assert isinstance(value, str)
        return value

    def _kind(self) -> str:
        return self._tokens[self._next][0]

    def _text(self) -> str:
        return self._tokens[self._next][1]

    def _loc(self) -> Loc:
        return self._tokens[self._next][2]

    def _accept(self, text: str) -> bool:
        if self._tokens[self._next][1] != text:
            return False
        self._next += 1
        return True

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            self._fail(f"`{text}`")

    def _take(self, kind: str, what: str) -> str:
        if self._kind() != kind:
            self._fail(what)
        text = self._text()
        self._next += 1
        return text

    def _fail(self, wanted: str) -> NoReturn:
        _kind, text, loc = self._tokens[self._next]
        found = f"`{text}`" if text else "the end of the text"
        raise IRSyntaxError(f"expected {wanted}, found {found}", loc=loc)


def _tokenize(text: str) -> list[tuple[str, str, Loc]]:
    """(kind, text, position) of each token, then one of kind `end`."""
    tokens: list[tuple[str, str, Loc]] = []
    position, line = 0, 1
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise IRSyntaxError(f"unexpected character {text[position]!r}", loc=Loc(_FILE, line))
        kind, token = match.lastgroup or "", match.group()
        if kind == "space":
            line += token.count("\n")
        else:
            tokens.append((kind, token, Loc(_FILE, line)))
        position = match.end()
    tokens.append(("end", "", Loc(_FILE, line)))
    return tokens
