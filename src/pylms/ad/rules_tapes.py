"""Derivatives of tapes, which code has that was differentiated before.

The adjoints of what a tape holds are on another tape: where the forward code took a record, the sweep leaves the
adjoints of its floating-point values, zeros included, and where the forward code left the record, it takes them.
"""

from __future__ import annotations

from ..ir.node import Node, Sym
from ..ir.ops.tapes import TAPE_POP, TAPE_PUSH
from ..ir.types import ArrayType, Type, element_type
from .sweep import Sweep, derivative_rules
from .taping import leave, take


@derivative_rules.define(TAPE_POP)
def _pop(sweep: Sweep, node: Node) -> None:
    adjoints = [sweep.adjoint_or_zero(result) for result in node.results if _has_adjoint(result.type)]
    leave(sweep, _adjoints_of(sweep, node), adjoints)


@derivative_rules.define(TAPE_PUSH)
def _push(sweep: Sweep, node: Node) -> None:
    values = [value for value in node.args[1:] if _has_adjoint(value.type)]
    for value, adjoint in zip(values, take(sweep, _adjoints_of(sweep, node), values), strict=True):
        sweep.accumulate(value, adjoint)


def _adjoints_of(sweep: Sweep, node: Node) -> Sym:
    tape = node.args[0]
    assert isinstance(tape, Sym)
    adjoints = sweep.context.adjoints_of(tape)
    assert adjoints is not None, "only tapes with adjoints matter to a sweep"
    return adjoints


def _has_adjoint(type_: Type) -> bool:
    return not isinstance(type_, ArrayType) and element_type(type_).is_float
