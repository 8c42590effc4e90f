"""What strings mean: Python's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .evaluate_rules import Value, as_type, evaluate_rules
from .node import Node
from .ops import texts as ops
from .primitive import Primitive

if TYPE_CHECKING:
    from .interpret import Interpreter


def _compare(left: str, right: str) -> int:
    return (left > right) - (left < right)


_FUNCTIONS: dict[Primitive, Callable[..., Any]] = {
    ops.TEXT_LENGTH: len,
    ops.TEXT_ITEM: lambda text, index: text[index],
    ops.TEXT_AT: lambda text, index: text[index],
    ops.TEXT_CONCAT: lambda left, right: left + right,
    ops.TEXT_REPEAT: lambda text, count: text * count,
    ops.TEXT_EQUAL: lambda left, right: left == right,
    ops.TEXT_COMPARE: _compare,
    ops.TEXT_FIND: str.find,
    ops.TEXT_ORD: ord,
    ops.TEXT_CHR: chr,
}


@evaluate_rules.define(*_FUNCTIONS)
def _evaluate_function(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    return (_FUNCTIONS[node.primitive](*args),)


@evaluate_rules.define(ops.TEXT_VALUE)
def _evaluate_value(_interpreter: Interpreter, node: Node, _args: list[Any]) -> tuple[Value, ...]:
    return (str(node.attr("value")),)


@evaluate_rules.define(ops.TEXT_SLICE)
def _evaluate_slice(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    text, start, stop = args
    return (text[start : stop : node.attr("step")],)


@evaluate_rules.define(ops.TEXT_FORMAT)
def _evaluate_format(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    return (str(node.attr("format")).format(*args),)


@evaluate_rules.define(ops.TEXT_CALL)
def _evaluate_call(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    result = getattr(str, str(node.attr("method")))(*args)
    return (as_type(result, node.results[0].type),)
