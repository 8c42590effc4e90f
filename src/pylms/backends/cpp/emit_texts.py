"""C++ for strings (text.h)."""

from __future__ import annotations

from ...ir import python_errors as errors
from ...ir.node import Node
from ...ir.ops import texts as ops
from ...ir.types import TEXT
from .emit_rules import emit_rules
from .emitter import Emitter
from .literals import Binding

# Strings of a program's own are written in characters that every compiler reads alike.
_PLAIN = frozenset(map(chr, range(32, 127))) - {'"', "\\", "?"}


# Python looks first whether the number fits C's int.
_CHR_CHECKS = (
    ("{0} == (int){0}", "OverflowError", errors.C_INT_OVERFLOW),
    ("{0} >= 0 && {0} < 0x110000", "ValueError", errors.CHR_RANGE),
)


@emit_rules.define(ops.TEXT_VALUE)
def _emit_value(emitter: Emitter, node: Node) -> None:
    emitter.include_for(TEXT)
    value = node.attr("value")
    assert isinstance(value, str)
    emitter.define(node.results[0], f"{{{text_literal(value)}, {len(value)}}}")


def text_literal(value: str) -> str:
    """A literal of code points. What follows an escape goes into another literal, lest it be read as its digits."""
    pieces = [char if char in _PLAIN else f'\\x{ord(char):x}" U"' for char in value]
    return f'U"{"".join(pieces)}"'


@emit_rules.define(ops.TEXT_LENGTH)
def _emit_length(emitter: Emitter, node: Node) -> None:
    emitter.define_pure(node.results[0], f"{emitter.expression(node.args[0])}.length", Binding.POSTFIX)


@emit_rules.define(ops.TEXT_ITEM)
def _emit_item(emitter: Emitter, node: Node) -> None:
    text, index = (emitter.expression(arg) for arg in node.args)
    if emitter.checks:
        emitter.line(f"if (!{text}.has({index})) {emitter.fail('IndexError', errors.TEXT_INDEX, node.loc)}")
    emitter.define(node.results[0], f"{text}.item({index})")


@emit_rules.define(ops.TEXT_AT)
def _emit_at(emitter: Emitter, node: Node) -> None:
    text, index = (emitter.expression(arg) for arg in node.args)
    emitter.define(node.results[0], f"{{{text}.data + {index}, 1}}")


@emit_rules.define(ops.TEXT_SLICE)
def _emit_slice(emitter: Emitter, node: Node) -> None:
    text, start, stop = (emitter.expression(arg) for arg in node.args)
    _define(emitter, node, f"slice_by({emitter.context()}, {text}, {start}, {stop}, {node.attr('step')})")


@emit_rules.define(ops.TEXT_CONCAT)
def _emit_concat(emitter: Emitter, node: Node) -> None:
    left, right = (emitter.expression(arg) for arg in node.args)
    _define(emitter, node, f"concat({emitter.context()}, {left}, {right})")


@emit_rules.define(ops.TEXT_REPEAT)
def _emit_repeat(emitter: Emitter, node: Node) -> None:
    text, count = (emitter.expression(arg) for arg in node.args)
    _define(emitter, node, f"repeat({emitter.context()}, {text}, {count})")


@emit_rules.define(ops.TEXT_CHR)
def _emit_chr(emitter: Emitter, node: Node) -> None:
    point = emitter.expression(node.args[0])
    for holds, error, message in _CHR_CHECKS:
        emitter.line(f"if (!({holds.format(point)})) {emitter.fail(error, message, node.loc)}")
    _define(emitter, node, f"chr({emitter.context()}, {point})")


def _define(emitter: Emitter, node: Node, call: str) -> None:
    """Define a new string; leave the function where there is no memory for it."""
    emitter.include_for(TEXT)
    emitter.define(node.results[0], f"pylms::{call}")
    emitter.line(f"if (!{emitter.name_of(node.results[0])}.data) {emitter.leave('-1')}")


@emit_rules.define(ops.TEXT_EQUAL)
def _emit_equal(emitter: Emitter, node: Node) -> None:
    left, right = (emitter.expression(arg) for arg in node.args)
    emitter.define_pure(node.results[0], f"pylms::same({left}, {right})", Binding.POSTFIX)


@emit_rules.define(ops.TEXT_COMPARE)
def _emit_compare(emitter: Emitter, node: Node) -> None:
    left, right = (emitter.expression(arg) for arg in node.args)
    emitter.define_pure(node.results[0], f"pylms::compare({left}, {right})", Binding.POSTFIX)


@emit_rules.define(ops.TEXT_FIND)
def _emit_find(emitter: Emitter, node: Node) -> None:
    text, part = (emitter.expression(arg) for arg in node.args)
    emitter.define_pure(node.results[0], f"pylms::find({text}, {part})", Binding.POSTFIX)


@emit_rules.define(ops.TEXT_ORD)
def _emit_ord(emitter: Emitter, node: Node) -> None:
    text = emitter.expression(node.args[0])
    fail = emitter.fail("TypeError", errors.ORD_LENGTH, node.loc)
    emitter.line(f"if ({text}.length != 1) {fail}")
    emitter.define(node.results[0], f"(long long)*{text}.data")
