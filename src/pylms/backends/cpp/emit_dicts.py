"""C++ for dicts (dict.h)."""

from __future__ import annotations

from ...ir import python_errors as errors
from ...ir.node import Node
from ...ir.ops import dicts as ops
from ...ir.types import FLOAT, DictType, leaves_of
from .elements import define_container, packed, require_memory, unpack
from .emit_host import emit_raising
from .emit_rules import emit_rules
from .emitter import Emitter
from .literals import element_c_type


def _type_of(node: Node) -> DictType:
    return ops.dict_type(node.args[0].type)


@emit_rules.define(ops.DICT_NEW)
def _emit_new(emitter: Emitter, node: Node) -> None:
    (result,) = node.results
    emitter.include_for(result.type)
    type_ = ops.dict_type(result.type)
    parameters = f"{element_c_type(type_.key)}, {element_c_type(type_.value)}"
    define_container(emitter, result, f"pylms::new_dict<{parameters}>({emitter.context()})")


@emit_rules.define(ops.DICT_LENGTH)
def _emit_length(emitter: Emitter, node: Node) -> None:
    emitter.define(node.results[0], f"{emitter.expression(node.args[0])}.length()")


@emit_rules.define(ops.DICT_FIND)
def _emit_find(emitter: Emitter, node: Node) -> None:
    key = packed(emitter, _type_of(node).key, node.args[1:])
    emitter.define(node.results[0], f"{emitter.expression(node.args[0])}.find({key})")


@emit_rules.define(ops.DICT_KEY, ops.DICT_VALUE)
def _emit_at(emitter: Emitter, node: Node) -> None:
    entries, position = (emitter.expression(arg) for arg in node.args)
    type_ = _type_of(node)
    if node.primitive is ops.DICT_KEY:
        unpack(emitter, type_.key, node.results, f"{entries}.at({position}).key")
    else:
        unpack(emitter, type_.value, node.results, f"{entries}.at({position}).value")


@emit_rules.define(ops.DICT_NEXT)
def _emit_next(emitter: Emitter, node: Node) -> None:
    entries, position = (emitter.expression(arg) for arg in node.args)
    emitter.define(node.results[0], f"{entries}.next({position})")


@emit_rules.define(ops.DICT_GET)
def _emit_get(emitter: Emitter, node: Node) -> None:
    position = _emit_found(emitter, node)
    entries = emitter.expression(node.args[0])
    unpack(emitter, _type_of(node).value, node.results, f"{entries}.at({position}).value")


@emit_rules.define(ops.DICT_DELETE)
def _emit_delete(emitter: Emitter, node: Node) -> None:
    position = _emit_found(emitter, node)
    emitter.line(f"{emitter.expression(node.args[0])}.remove({position});")


def _emit_found(emitter: Emitter, node: Node) -> str:
    """The position of a key; KeyError where there is none, also without checks."""
    key_type, key = _type_of(node).key, node.args[1:]
    position = emitter.fresh_name("position")
    found = f"{emitter.expression(node.args[0])}.find({packed(emitter, key_type, key)})"
    emitter.line(f"const long long {position} = {found};")
    emit_raising(emitter, f"{position} < 0", "KeyError", "", key_type, key, node.loc)
    return position


@emit_rules.define(ops.DICT_SET)
def _emit_set(emitter: Emitter, node: Node) -> None:
    type_, entries = _type_of(node), emitter.expression(node.args[0])
    count = len(leaves_of(type_.key))
    key = packed(emitter, type_.key, node.args[1 : count + 1])
    value = packed(emitter, type_.value, node.args[count + 1 :])
    if FLOAT in leaves_of(type_.key):
        emitter.line(f"if (pylms::is_nan({key})) {emitter.fail('ValueError', errors.NAN_KEY, node.loc)}")
    require_memory(emitter, f"{entries}.set({emitter.context()}, {key}, {value})")


@emit_rules.define(ops.DICT_CLEAR)
def _emit_clear(emitter: Emitter, node: Node) -> None:
    emitter.line(f"{emitter.expression(node.args[0])}.clear();")


@emit_rules.define(ops.DICT_UPDATE)
def _emit_update(emitter: Emitter, node: Node) -> None:
    entries, others = (emitter.expression(arg) for arg in node.args)
    require_memory(emitter, f"pylms::update({emitter.context()}, {entries}, {others})")


@emit_rules.define(ops.DICT_EQUAL)
def _emit_equal(emitter: Emitter, node: Node) -> None:
    left, right = (emitter.expression(arg) for arg in node.args)
    emitter.define(node.results[0], f"pylms::same({left}, {right})")


@emit_rules.define(ops.DICT_COPY, ops.DICT_KEYS, ops.DICT_VALUES)
def _emit_made(emitter: Emitter, node: Node) -> None:
    function = {ops.DICT_COPY: "copy", ops.DICT_KEYS: "keys", ops.DICT_VALUES: "values"}[node.primitive]
    call = f"pylms::{function}({emitter.context()}, {emitter.expression(node.args[0])})"
    define_container(emitter, node.results[0], call)
