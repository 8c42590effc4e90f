"""What buffers mean. A tensor that is read from one is a copy: later writes do not change it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .evaluate_rules import Value, as_number, as_type, dtype_of, evaluate_rules
from .node import Node
from .ops.buffers import (
    BUFFER_NEW,
    GATHER_ROWS,
    LOAD,
    LOAD_ELEMENT,
    SETTLE,
    SLICE_ROWS,
    STORE,
    STORE_ELEMENT,
    STORE_ROWS,
)
from .types import BufferType, ScalarType

if TYPE_CHECKING:
    from .interpret import Interpreter


@evaluate_rules.define(BUFFER_NEW)
def _evaluate_new(_interpreter: Interpreter, node: Node, _args: list[Any]) -> tuple[Value, ...]:
    type_ = node.results[0].type
    assert isinstance(type_, BufferType)
    return (np.zeros(type_.shape, dtype_of(type_.dtype)),)


@evaluate_rules.define(SETTLE)
def _evaluate_settle(_interpreter: Interpreter, _node: Node, _args: list[Any]) -> tuple[Value, ...]:
    """Nothing waits here: every product is added at once."""
    return ()


@evaluate_rules.define(LOAD)
def _evaluate_load(_interpreter: Interpreter, _node: Node, args: list[Any]) -> tuple[Value, ...]:
    return (args[0].copy(),)


@evaluate_rules.define(STORE)
def _evaluate_store(_interpreter: Interpreter, _node: Node, args: list[Any]) -> tuple[Value, ...]:
    buffer, tensor = args
    buffer[...] = tensor
    return ()


@evaluate_rules.define(LOAD_ELEMENT)
def _evaluate_load_element(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    buffer, *indices = args
    type_ = node.results[0].type
    assert isinstance(type_, ScalarType)
    return (as_number(buffer[_position(buffer, indices)], type_),)


@evaluate_rules.define(STORE_ELEMENT)
def _evaluate_store_element(_interpreter: Interpreter, _node: Node, args: list[Any]) -> tuple[Value, ...]:
    buffer, value, *indices = args
    buffer[_position(buffer, indices)] = value
    return ()


def _position(buffer: Any, indices: list[int]) -> tuple[int, ...]:
    """The indices, in range; NumPy would count negative ones from the end, which the IR does not."""
    for index, extent in zip(indices, buffer.shape, strict=True):
        assert 0 <= index < extent, f"index {index} without a check before it"
    return tuple(indices)


@evaluate_rules.define(SLICE_ROWS)
def _evaluate_slice_rows(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    buffer, start = args
    return (as_type(buffer[start : start + _count(node)].copy(), node.results[0].type),)


@evaluate_rules.define(STORE_ROWS)
def _evaluate_store_rows(_interpreter: Interpreter, _node: Node, args: list[Any]) -> tuple[Value, ...]:
    buffer, rows, start = args
    assert 0 <= start <= len(buffer) - len(rows), f"rows from {start} on without a check before it"
    buffer[start : start + len(rows)] = rows
    return ()


@evaluate_rules.define(GATHER_ROWS)
def _evaluate_gather_rows(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    buffer, order, start = args
    return (as_type(buffer[order[start : start + _count(node)]], node.results[0].type),)


def _count(node: Node) -> int:
    count = node.attr("count")
    assert isinstance(count, int)
    return count
