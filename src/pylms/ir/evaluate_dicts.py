"""What dicts mean: Python's own, with positions for their entries.

Positions here count the entries that are there; in compiled code deleted entries leave gaps. Programs cannot tell:
they only ask for positions that were found in a dict that has not changed since.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Any

from . import python_errors as errors
from .evaluate_lists import packed, unpacked
from .evaluate_rules import Value, evaluate_rules
from .node import Node
from .ops import dicts as ops
from .primitive import Primitive
from .types import leaves_of

if TYPE_CHECKING:
    from .interpret import Interpreter


def _position(entries: dict[Any, Any], key: Any) -> int:
    return next((index for index, each in enumerate(entries) if each == key), -1)


def _delete(entries: dict[Any, Any], key: Any) -> None:
    del entries[key]


_WITH_KEY: dict[Primitive, Callable[..., Any]] = {
    ops.DICT_FIND: _position,
    ops.DICT_GET: lambda entries, key: entries[key],
    ops.DICT_DELETE: _delete,
}
_OTHERS: dict[Primitive, Callable[..., Any]] = {
    ops.DICT_LENGTH: len,
    ops.DICT_NEXT: lambda entries, position: position if position < len(entries) else -1,
    ops.DICT_CLEAR: dict.clear,
    ops.DICT_UPDATE: dict.update,
    ops.DICT_COPY: dict.copy,
    ops.DICT_EQUAL: lambda left, right: left == right,
    ops.DICT_KEYS: list,
    ops.DICT_VALUES: lambda entries: list(entries.values()),
}


@evaluate_rules.define(ops.DICT_NEW)
def _evaluate_new(_interpreter: Interpreter, _node: Node, _args: list[Any]) -> tuple[Value, ...]:
    return ({},)


@evaluate_rules.define(*_OTHERS)
def _evaluate_other(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    result = _OTHERS[node.primitive](*args)
    return (result,) if node.results else ()


@evaluate_rules.define(*_WITH_KEY)
def _evaluate_with_key(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    type_ = ops.dict_type(node.args[0].type)
    entries, *leaves = args
    result = _WITH_KEY[node.primitive](entries, packed(type_.key, iter(leaves)))
    if node.primitive is ops.DICT_GET:
        return unpacked(type_.value, result)
    return (result,) if node.results else ()


@evaluate_rules.define(ops.DICT_SET)
def _evaluate_set(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    type_ = ops.dict_type(node.args[0].type)
    entries, *leaves = args
    of_key = leaves[: len(leaves_of(type_.key))]
    if any(isinstance(leaf, float) and math.isnan(leaf) for leaf in of_key):
        raise ValueError(errors.NAN_KEY)
    key = packed(type_.key, iter(of_key))
    entries[key] = packed(type_.value, iter(leaves[len(of_key) :]))
    return ()


@evaluate_rules.define(ops.DICT_KEY, ops.DICT_VALUE)
def _evaluate_at(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    type_ = ops.dict_type(node.args[0].type)
    entries, position = args
    key, value = next(islice(entries.items(), position, None))
    return unpacked(type_.key, key) if node.primitive is ops.DICT_KEY else unpacked(type_.value, value)
