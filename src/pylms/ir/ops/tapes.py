"""Tapes: where code that will be differentiated leaves the values that its reverse sweep needs.

`tape_new()`: an empty tape, in memory that lives as long as the function that made it runs.
`tape_push(tape, value...)`: puts a record of values on top. What an array refers to is not copied.
`tape_pop(tape) {results}`: takes the record on top, whose values have the types `results`.

Whoever pops takes in the opposite order exactly what was pushed, so a tape is empty in the end, and its memory is free
again.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import StagedTypeError
from ..effects import Effect
from ..node import Atom, AttributeValue, Block, Sym
from ..primitive import Primitive
from ..rules import effect_rules, pure, type_rules
from ..types import TAPE, ArrayType, ScalarType, TensorType, Type

TAPE_NEW = Primitive("tape_new")
TAPE_PUSH = Primitive("tape_push")
TAPE_POP = Primitive("tape_pop")
PRIMITIVES = (TAPE_NEW, TAPE_PUSH, TAPE_POP)

TapeableType = ScalarType | TensorType | ArrayType


@type_rules.define(TAPE_NEW)
def _new_type(
    _args: tuple[Type, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    return (TAPE,)


@type_rules.define(TAPE_PUSH)
def _push_type(
    args: tuple[Type, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    _require_tape(args[0])
    _require_tapeable(args[1:])
    return ()


@type_rules.define(TAPE_POP)
def _pop_type(
    args: tuple[Type, ...], attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    _require_tape(args[0])
    results = attrs["results"]
    assert isinstance(results, tuple)
    types = tuple([result for result in results if isinstance(result, TapeableType)])
    _require_tapeable(types if len(types) == len(results) else (TAPE,))
    return types


def _require_tape(type_: Type) -> None:
    if type_ != TAPE:
        raise StagedTypeError(f"a tape is needed here, not {type_}")


def _require_tapeable(types: tuple[Type, ...]) -> None:
    for type_ in types:
        if not isinstance(type_, TapeableType):
            raise StagedTypeError(f"a tape cannot hold {type_}")


def _tape(args: tuple[Atom, ...]) -> frozenset[Sym]:
    return frozenset(arg for arg in args[:1] if isinstance(arg, Sym))


effect_rules.define(TAPE_NEW)(pure)


@effect_rules.define(TAPE_PUSH)
def _push_effect(args: tuple[Atom, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]) -> Effect:
    return Effect(writes=_tape(args))


@effect_rules.define(TAPE_POP)
def _pop_effect(args: tuple[Atom, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]) -> Effect:
    return Effect(reads=_tape(args), writes=_tape(args))
