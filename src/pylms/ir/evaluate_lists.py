"""What lists mean: Python's own. An element that is a tuple is a Python tuple in the list."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from .evaluate_rules import Value, evaluate_rules
from .node import Node
from .ops import lists as ops
from .primitive import Primitive
from .types import ElementType, RecordType, leaves_of

if TYPE_CHECKING:
    from .interpret import Interpreter


def packed(element: ElementType, leaves: Iterator[Any]) -> Any:
    """The element that those leaves make."""
    if isinstance(element, RecordType):
        return tuple(packed(item, leaves) for item in element.items)
    return next(leaves)


def unpacked(element: ElementType, value: Any) -> tuple[Any, ...]:
    """The leaves of an element."""
    if isinstance(element, RecordType):
        return tuple(leaf for item, part in zip(element.items, value, strict=True) for leaf in unpacked(item, part))
    return (value,)


def _element(node: Node) -> ElementType:
    return ops.list_type(node.args[0].type).element


def _find(items: list[Any], value: Any) -> int:
    return items.index(value) if value in items else -1


def _set(items: list[Any], index: int, value: Any) -> None:
    items[index] = value


# What takes an element last; the rest of the arguments as they are.
_WITH_ELEMENT: dict[Primitive, Callable[..., Any]] = {
    ops.LIST_SET: _set,
    ops.LIST_APPEND: list.append,
    ops.LIST_INSERT: list.insert,
    ops.LIST_FIND: _find,
    ops.LIST_INDEX: list.index,
    ops.LIST_COUNT: list.count,
}
_OTHERS: dict[Primitive, Callable[..., Any]] = {
    ops.LIST_LENGTH: len,
    ops.LIST_EXTEND: list.extend,
    ops.LIST_CLEAR: list.clear,
    ops.LIST_REVERSE: list.reverse,
    ops.LIST_EQUAL: lambda left, right: left == right,
    ops.LIST_CONCAT: lambda left, right: left + right,
    ops.LIST_REPEAT: lambda items, count: items * count,
}
_GIVING_ELEMENT: dict[Primitive, Callable[..., Any]] = {
    ops.LIST_GET: lambda items, index: items[index],
    ops.LIST_ITEM: lambda items, index: items[index],
    ops.LIST_POP: list.pop,
}


@evaluate_rules.define(ops.LIST_NEW)
def _evaluate_new(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    element = ops.list_type(node.results[0].type).element
    leaves = iter(args)
    return ([packed(element, leaves) for _ in range(len(args) // len(leaves_of(element)))],)


@evaluate_rules.define(*_WITH_ELEMENT)
def _evaluate_with_element(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    element = _element(node)
    leaves = len(leaves_of(element))
    result = _WITH_ELEMENT[node.primitive](*args[:-leaves], packed(element, iter(args[-leaves:])))
    return (result,) if node.results else ()


@evaluate_rules.define(*_OTHERS)
def _evaluate_other(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    result = _OTHERS[node.primitive](*args)
    return (result,) if node.results else ()


@evaluate_rules.define(*_GIVING_ELEMENT)
def _evaluate_giving_element(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    return unpacked(_element(node), _GIVING_ELEMENT[node.primitive](*args))


@evaluate_rules.define(ops.LIST_SLICE)
def _evaluate_slice(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    items, start, stop = args
    return (items[start : stop : node.attr("step")],)


@evaluate_rules.define(ops.LIST_SORT)
def _evaluate_sort(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    args[0].sort(reverse=node.attr("reverse"))
    return ()
