"""What loop nests over arrays mean: the block is run for one element after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .evaluate_rules import Number, Value, as_number, constant_value, dtype_of, evaluate_rules
from .node import Node
from .ops.array_nests import (
    ARRAY_BUILD,
    ARRAY_REDUCE,
    ARRAY_UPDATE,
    BROADCAST_EXTENT,
    BROADCAST_INDEX,
    FOLDS,
    empty_result,
)
from .types import ScalarType, element_type

if TYPE_CHECKING:
    from .interpret import Interpreter


def _elements(interpreter: Interpreter, node: Node, extents: Sequence[int]) -> Iterator[tuple[tuple[int, ...], Number]]:
    """The indices in row-major order, each with what the block gives for it."""
    (block,) = node.blocks
    for place in np.ndindex(*extents):
        (value,) = interpreter.run_block(block, place)
        assert isinstance(value, (bool, int, float, np.generic))
        yield place, value


@evaluate_rules.define(ARRAY_BUILD)
def _evaluate_build(interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    built = np.zeros(tuple(args), dtype_of(element_type(node.results[0].type)))
    for place, value in _elements(interpreter, node, args):
        built[place] = value
    return (built,)


@evaluate_rules.define(ARRAY_UPDATE)
def _evaluate_update(interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    (target,) = args
    for place, value in _elements(interpreter, node, target.shape):
        target[place] = value
    return ()


_FOLDERS: dict[str, np.ufunc] = {"sum": np.add, "prod": np.multiply, "min": np.minimum, "max": np.maximum}


@evaluate_rules.define(ARRAY_REDUCE)
def _evaluate_reduce(interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    kind, type_ = str(node.attr("kind")), element_type(node.results[0].type)
    values = (value for _, value in _elements(interpreter, node, args))
    if kind in FOLDS:
        return (_folded(kind, type_, values),)
    if kind == "any":
        return (any(values),)
    if kind == "all":
        return (all(values),)
    found: list[Any] = list(values)
    search = np.argmin if kind == "argmin" else np.argmax
    return (as_number(int(search(found)) if found else 0, type_),)


def _folded(kind: str, type_: ScalarType, values: Iterator[Number]) -> Value:
    elements = np.array(list(values), dtype_of(type_))
    with np.errstate(all="ignore"):
        start = constant_value(empty_result(kind, type_))
        return as_number(_FOLDERS[kind].reduce(elements, initial=start), type_)


@evaluate_rules.define(BROADCAST_EXTENT)
def _evaluate_broadcast_extent(_interpreter: Interpreter, _node: Node, args: list[Any]) -> tuple[Value, ...]:
    first, second = args
    return (second if first == 1 else first,)


@evaluate_rules.define(BROADCAST_INDEX)
def _evaluate_broadcast_index(_interpreter: Interpreter, _node: Node, args: list[Any]) -> tuple[Value, ...]:
    index, extent = args
    return (0 if extent == 1 else index,)
