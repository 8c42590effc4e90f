"""What a call means: the callee's block, run with symbols of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .call_graph import callee_of
from .evaluate_rules import Value, evaluate_rules
from .node import Node
from .ops.functions import CALL

if TYPE_CHECKING:
    from .interpret import Interpreter


@evaluate_rules.define(CALL)
def _evaluate_call(interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    return interpreter.call(callee_of(node), args)
