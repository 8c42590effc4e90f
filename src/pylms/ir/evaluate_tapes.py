"""What tapes mean: a tape is a list of records, each a list of values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .evaluate_rules import Value, evaluate_rules
from .node import Node
from .ops.tapes import TAPE_NEW, TAPE_POP, TAPE_PUSH

if TYPE_CHECKING:
    from .interpret import Interpreter


@evaluate_rules.define(TAPE_NEW)
def _evaluate_new(_interpreter: Interpreter, _node: Node, _args: list[Any]) -> tuple[Value, ...]:
    return ([],)


@evaluate_rules.define(TAPE_PUSH)
def _evaluate_push(_interpreter: Interpreter, _node: Node, args: list[Any]) -> tuple[Value, ...]:
    tape, *values = args
    tape.append(values)
    return ()


@evaluate_rules.define(TAPE_POP)
def _evaluate_pop(_interpreter: Interpreter, _node: Node, args: list[Any]) -> tuple[Value, ...]:
    return tuple(args[0].pop())
