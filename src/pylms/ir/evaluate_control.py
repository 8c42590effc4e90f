"""What control flow, variables and the host's part mean."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

import numpy as np

from .evaluate_rules import Value, as_number, evaluate_rules, zero_of
from .node import Node
from .ops.control import CHECK, FINALLY, FOR, IF, WHILE
from .ops.host import HOST_CALL, PRINT
from .ops.variables import VAR_GET, VAR_NEW, VAR_SET
from .python_errors import argument_of
from .types import ScalarType, VarType

if TYPE_CHECKING:
    from .interpret import Interpreter


@evaluate_rules.define(IF)
def _evaluate_if(interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    then, otherwise = node.blocks
    return interpreter.run_block(then if args[0] else otherwise, ())


@evaluate_rules.define(WHILE)
def _evaluate_while(interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    condition, body = node.blocks
    carried: tuple[Value, ...] = tuple(args)
    while interpreter.run_block(condition, carried)[0]:
        carried = interpreter.run_block(body, carried)
    return carried


@evaluate_rules.define(FOR)
def _evaluate_for(interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    (body,) = node.blocks
    start, stop, step, *initial = args
    carried: tuple[Value, ...] = tuple(initial)
    for index in range(start, stop, step):
        carried = interpreter.run_block(body, (index, *carried))
    return carried


@evaluate_rules.define(FINALLY)
def _evaluate_finally(interpreter: Interpreter, node: Node, _args: list[Any]) -> tuple[Value, ...]:
    body, cleanup = node.blocks
    try:
        return interpreter.run_block(body, ())
    finally:
        interpreter.run_block(cleanup, ())


@evaluate_rules.define(CHECK)
def _evaluate_check(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    if args[0]:
        return ()
    error: type[Exception] = getattr(builtins, str(node.attr("error")))
    if len(args) > 1:
        raise error(str(node.attr("shown")).format(*args[1:]))
    raise error(argument_of(str(node.attr("error")), str(node.attr("message"))))


@evaluate_rules.define(VAR_NEW)
def _evaluate_new(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    type_ = node.results[0].type
    assert isinstance(type_, VarType)
    return ([args[0] if args else zero_of(type_.content)],)


@evaluate_rules.define(VAR_GET)
def _evaluate_get(_interpreter: Interpreter, _node: Node, args: list[Any]) -> tuple[Value, ...]:
    return (args[0][0],)


@evaluate_rules.define(VAR_SET)
def _evaluate_set(_interpreter: Interpreter, _node: Node, args: list[Any]) -> tuple[Value, ...]:
    variable, value = args
    variable[0] = value
    return ()


@evaluate_rules.define(PRINT)
def _evaluate_print(interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    """Fixed-width numbers print as the Python number they are equal to."""
    numbers = [arg.item() if isinstance(arg, np.generic) else arg for arg in args]
    interpreter.host.print(str(node.attr("format")).format(*numbers))
    return ()


@evaluate_rules.define(HOST_CALL)
def _evaluate_host_call(interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    callback = node.attr("callback")
    assert isinstance(callback, int)
    results = interpreter.host.call(callback, tuple(args))
    types = [result.type for result in node.results]
    return tuple(
        as_number(value, type_) for value, type_ in zip(results, types, strict=True) if isinstance(type_, ScalarType)
    )
