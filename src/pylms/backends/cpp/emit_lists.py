"""C++ for lists (list.h)."""

from __future__ import annotations

from ...ir import python_errors as errors
from ...ir.node import Node
from ...ir.ops import lists as ops
from ...ir.types import ListType, leaves_of
from .elements import define_container, packed, require_memory, unpack
from .emit_host import emit_raising
from .emit_rules import emit_rules
from .emitter import Emitter
from .literals import element_c_type


def _type_of(node: Node) -> ListType:
    return ops.list_type(node.args[0].type)


@emit_rules.define(ops.LIST_NEW)
def _emit_new(emitter: Emitter, node: Node) -> None:
    (result,) = node.results
    emitter.include_for(result.type)
    element = ops.list_type(result.type).element
    count = len(leaves_of(element))
    items = [packed(emitter, element, node.args[at : at + count]) for at in range(0, len(node.args), count)]
    arguments = ", ".join([emitter.context(), *items])
    define_container(emitter, result, f"pylms::list_of<{element_c_type(element)}>({arguments})")


@emit_rules.define(ops.LIST_LENGTH)
def _emit_length(emitter: Emitter, node: Node) -> None:
    emitter.define(node.results[0], f"{emitter.expression(node.args[0])}.length()")


@emit_rules.define(ops.LIST_GET)
def _emit_get(emitter: Emitter, node: Node) -> None:
    items, index = (emitter.expression(arg) for arg in node.args)
    _check_index(emitter, node, f"{items}.has({index})", errors.LIST_INDEX)
    unpack(emitter, _type_of(node).element, node.results, f"{items}.at({index})")


@emit_rules.define(ops.LIST_ITEM)
def _emit_item(emitter: Emitter, node: Node) -> None:
    items, index = (emitter.expression(arg) for arg in node.args)
    unpack(emitter, _type_of(node).element, node.results, f"{items}.item({index})")


@emit_rules.define(ops.LIST_SET)
def _emit_set(emitter: Emitter, node: Node) -> None:
    items, index = (emitter.expression(arg) for arg in node.args[:2])
    value = packed(emitter, _type_of(node).element, node.args[2:])
    _check_index(emitter, node, f"{items}.has({index})", errors.LIST_ASSIGNMENT_INDEX)
    emitter.line(f"{items}.at({index}) = {value};")


def _check_index(emitter: Emitter, node: Node, holds: str, message: str) -> None:
    if emitter.checks:
        emitter.line(f"if (!{holds}) {emitter.fail('IndexError', message, node.loc)}")


@emit_rules.define(ops.LIST_POP)
def _emit_pop(emitter: Emitter, node: Node) -> None:
    """An empty list is looked at whether or not there are checks: its length must not become negative."""
    items, index = (emitter.expression(arg) for arg in node.args)
    empty = emitter.fail("IndexError", errors.POP_FROM_EMPTY_LIST, node.loc)
    emitter.line(f"if (!{items}.length()) {empty}")
    if index != "-1":
        emitter.line(f"if (!{items}.has({index})) {emitter.fail('IndexError', errors.POP_INDEX, node.loc)}")
    unpack(emitter, _type_of(node).element, node.results, f"{items}.pop({index})")


@emit_rules.define(ops.LIST_APPEND)
def _emit_append(emitter: Emitter, node: Node) -> None:
    items, value = emitter.expression(node.args[0]), packed(emitter, _type_of(node).element, node.args[1:])
    require_memory(emitter, f"{items}.append({emitter.context()}, {value})")


@emit_rules.define(ops.LIST_INSERT)
def _emit_insert(emitter: Emitter, node: Node) -> None:
    items, index = (emitter.expression(arg) for arg in node.args[:2])
    value = packed(emitter, _type_of(node).element, node.args[2:])
    require_memory(emitter, f"{items}.insert({emitter.context()}, {index}, {value})")


@emit_rules.define(ops.LIST_EXTEND)
def _emit_extend(emitter: Emitter, node: Node) -> None:
    items, others = (emitter.expression(arg) for arg in node.args)
    require_memory(emitter, f"{items}.extend({emitter.context()}, {others})")


@emit_rules.define(ops.LIST_SORT)
def _emit_sort(emitter: Emitter, node: Node) -> None:
    descending = "true" if node.attr("reverse") else "false"
    require_memory(emitter, f"pylms::sort({emitter.context()}, {emitter.expression(node.args[0])}, {descending})")


@emit_rules.define(ops.LIST_CLEAR)
def _emit_clear(emitter: Emitter, node: Node) -> None:
    emitter.line(f"{emitter.expression(node.args[0])}.clear();")


@emit_rules.define(ops.LIST_REVERSE)
def _emit_reverse(emitter: Emitter, node: Node) -> None:
    emitter.line(f"{emitter.expression(node.args[0])}.reverse();")


@emit_rules.define(ops.LIST_FIND, ops.LIST_COUNT, ops.LIST_INDEX)
def _emit_search(emitter: Emitter, node: Node) -> None:
    method = "count" if node.primitive is ops.LIST_COUNT else "find"
    element, (result,) = _type_of(node).element, node.results
    value = packed(emitter, element, node.args[1:])
    emitter.define(result, f"{emitter.expression(node.args[0])}.{method}({value})")
    if node.primitive is ops.LIST_INDEX:
        absent = f"{emitter.name_of(result)} < 0"
        emit_raising(emitter, absent, "ValueError", errors.NOT_IN_LIST, element, node.args[1:], node.loc)


@emit_rules.define(ops.LIST_EQUAL)
def _emit_equal(emitter: Emitter, node: Node) -> None:
    left, right = (emitter.expression(arg) for arg in node.args)
    emitter.define(node.results[0], f"pylms::same({left}, {right})")


@emit_rules.define(ops.LIST_SLICE)
def _emit_slice(emitter: Emitter, node: Node) -> None:
    items, start, stop = (emitter.expression(arg) for arg in node.args)
    step = node.attr("step")
    call = f"pylms::slice_by({emitter.context()}, {items}, {start}, {stop}, {step})"
    define_container(emitter, node.results[0], call)


@emit_rules.define(ops.LIST_CONCAT, ops.LIST_REPEAT)
def _emit_combined(emitter: Emitter, node: Node) -> None:
    function = "concat" if node.primitive is ops.LIST_CONCAT else "repeat"
    left, right = (emitter.expression(arg) for arg in node.args)
    define_container(emitter, node.results[0], f"pylms::{function}({emitter.context()}, {left}, {right})")
