"""Python's strings: immutable, made of code points (ADR 10).

`text() {value}`: a string known while staging.
`text_length(s)`: how many code points. `text_item(s, i)`: one of them, as a string; IndexError. `text_at(s, i)`: the
same for an index that is in range.
`text_slice(s, start, stop) {step}`: as Python slices with those bounds; bounds left out are the furthest ints.
`text_concat(s, t)`, `text_repeat(s, n)`. `text_equal(s, t)`; `text_compare(s, t)`: -1, 0 or 1.
`text_find(s, part)`: where `part` begins first in `s`, or -1.
`text_ord(s)`: the code point of a string of one; TypeError. `text_chr(i)`: the string of one code point; ValueError.
`text_format(args...) {format}`: `format.format(*args)`, by Python itself.
`text_call(s, args...) {method, results}`: the method of `str` of that name, by Python itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import StagedTypeError
from ..effects import RAISES_KEPT, Effect
from ..node import Atom, AttributeValue, Block
from ..primitive import Primitive
from ..rules import effect_rules, pure, type_rules
from ..types import BOOL, INT, TEXT, DictType, ListType, ScalarType, TextType, Type
from .lists import shown

TEXT_VALUE = Primitive("text")
TEXT_LENGTH = Primitive("text_length", "len")
TEXT_ITEM = Primitive("text_item")
TEXT_AT = Primitive("text_at")
TEXT_SLICE = Primitive("text_slice")
TEXT_CONCAT = Primitive("text_concat")
TEXT_REPEAT = Primitive("text_repeat")
TEXT_EQUAL = Primitive("text_equal")
TEXT_COMPARE = Primitive("text_compare")
TEXT_FIND = Primitive("text_find")
TEXT_ORD = Primitive("text_ord", "ord")
TEXT_CHR = Primitive("text_chr", "chr")
TEXT_FORMAT = Primitive("text_format")
TEXT_CALL = Primitive("text_call")
PRIMITIVES = (
    *(TEXT_VALUE, TEXT_LENGTH, TEXT_ITEM, TEXT_AT, TEXT_SLICE, TEXT_CONCAT, TEXT_REPEAT, TEXT_EQUAL),
    *(TEXT_COMPARE, TEXT_FIND),
    *(TEXT_ORD, TEXT_CHR, TEXT_FORMAT, TEXT_CALL),
)

_Attrs = Mapping[str, AttributeValue]
_SIGNATURES: dict[Primitive, tuple[tuple[Type, ...], Type]] = {
    TEXT_VALUE: ((), TEXT),
    TEXT_LENGTH: ((TEXT,), INT),
    TEXT_ITEM: ((TEXT, INT), TEXT),
    TEXT_AT: ((TEXT, INT), TEXT),
    TEXT_SLICE: ((TEXT, INT, INT), TEXT),
    TEXT_CONCAT: ((TEXT, TEXT), TEXT),
    TEXT_REPEAT: ((TEXT, INT), TEXT),
    TEXT_EQUAL: ((TEXT, TEXT), BOOL),
    TEXT_COMPARE: ((TEXT, TEXT), INT),
    TEXT_FIND: ((TEXT, TEXT), INT),
    TEXT_ORD: ((TEXT,), INT),
    TEXT_CHR: ((INT,), TEXT),
}


def _register(primitive: Primitive, expected: tuple[Type, ...], result: Type) -> None:
    @type_rules.define(primitive)
    def _type(args: tuple[Type, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
        if args != expected:
            raise StagedTypeError(f"`{primitive}` takes ({_listed(expected)}), not ({_listed(args)})")
        return (result,)


def _listed(types: tuple[Type, ...]) -> str:
    return ", ".join(map(str, types))


for _primitive, (_expected, _result) in _SIGNATURES.items():
    _register(_primitive, _expected, _result)


@type_rules.define(TEXT_FORMAT)
def _format_type(args: tuple[Type, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    for arg in args:
        if not isinstance(arg, (ScalarType, TextType, ListType, DictType)):
            raise StagedTypeError(f"{arg} cannot become text")
    return (TEXT,)


@type_rules.define(TEXT_CALL)
def _call_type(args: tuple[Type, ...], attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    result = attrs["result"]
    if args[:1] != (TEXT,) or not isinstance(result, (ScalarType, TextType)):
        raise StagedTypeError("a method of a string is needed here")
    return (result,)


effect_rules.define(
    TEXT_VALUE, TEXT_AT, TEXT_LENGTH, TEXT_SLICE, TEXT_CONCAT, TEXT_REPEAT, TEXT_EQUAL, TEXT_COMPARE, TEXT_FIND
)(pure)


@effect_rules.define(TEXT_ITEM, TEXT_ORD, TEXT_CHR, TEXT_CALL)
def _checked_effect(_args: tuple[Atom, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> Effect:
    return RAISES_KEPT


@effect_rules.define(TEXT_FORMAT)
def _format_effect(args: tuple[Atom, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> Effect:
    return shown(args)
