"""Mutable variables, which `promote_variables` turns into block parameters and results.

`var_new(initial)` makes one; `var_new() {content}` makes one whose content is zero until it is set, for names that
are unset where the variable is made (reads of those are guarded by a `check`).
"""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import StagedTypeError
from ..effects import Effect, reads, writes
from ..node import Atom, AttributeValue, Block, Sym
from ..primitive import Primitive
from ..rules import effect_rules, pure, type_rules
from ..types import ContentType, Type, VarType

VAR_NEW = Primitive("var_new", "new")
VAR_GET = Primitive("var_get", "get")
VAR_SET = Primitive("var_set", "set")
PRIMITIVES = (VAR_NEW, VAR_GET, VAR_SET)


@type_rules.define(VAR_NEW)
def _new_type(
    args: tuple[Type, ...], attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    content = args[0] if args else attrs["content"]
    if not isinstance(content, ContentType):
        raise StagedTypeError(f"a variable cannot hold {content}")
    return (VarType(content),)


@type_rules.define(VAR_GET)
def _get_type(
    args: tuple[Type, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    (variable,) = args
    if not isinstance(variable, VarType):
        raise StagedTypeError(f"not a variable: {variable}")
    return (variable.content,)


@type_rules.define(VAR_SET)
def _set_type(
    args: tuple[Type, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    variable, value = args
    if not isinstance(variable, VarType) or variable.content != value:
        raise StagedTypeError(f"a variable of type {variable} is assigned {value}")
    return ()


effect_rules.define(VAR_NEW)(pure)


def _symbol(atom: Atom) -> Sym:
    if isinstance(atom, Sym):
        return atom
    raise StagedTypeError("a variable is needed here, not a constant")


@effect_rules.define(VAR_GET)
def _get_effect(args: tuple[Atom, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]) -> Effect:
    return reads(_symbol(args[0]))


@effect_rules.define(VAR_SET)
def _set_effect(args: tuple[Atom, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]) -> Effect:
    return writes(_symbol(args[0]))
