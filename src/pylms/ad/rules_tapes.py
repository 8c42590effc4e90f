"""Derivatives of tapes, which code has that was differentiated before.

The adjoints of what a tape holds are on another tape: where the forward code took a record, the sweep leaves the
adjoints of its floating-point values, zeros included, and where the forward code left the record, it takes them.
The shadows of arrays that a tape holds are on a third one, which the forward code leaves and takes in step.
"""

from __future__ import annotations

from dataclasses import replace

from ..ir.node import Node, Sym
from ..ir.ops.tapes import TAPE_NEW, TAPE_POP, TAPE_PUSH
from ..ir.types import ArrayType, Type, element_type
from .sweep import Sweep, derivative_rules
from .taping import leave, take


@derivative_rules.define(TAPE_NEW)
def _new(sweep: Sweep, node: Node) -> None:
    (tape,) = node.results
    sweep.replace_forward(node, node, replace(node, results=(sweep.context.shadows_of(tape),)))


@derivative_rules.define(TAPE_POP)
def _pop(sweep: Sweep, node: Node) -> None:
    tape = _tape(node)
    adjoints = sweep.context.adjoints_of(tape)
    if adjoints is not None:
        leave(sweep, adjoints, [sweep.adjoint_or_zero(result) for result in node.results if _has_adjoint(result.type)])
    arrays = [sweep.shadow(result) for result in node.results if sweep.is_active(result)]
    if arrays:
        with sweep.builder.block() as scope:
            take(sweep, sweep.context.shadows_of(tape), arrays)
        sweep.replace_forward(node, node, replace(scope.nodes[0], results=tuple(arrays)))


@derivative_rules.define(TAPE_PUSH)
def _push(sweep: Sweep, node: Node) -> None:
    tape, values = _tape(node), node.args[1:]
    adjoints = sweep.context.adjoints_of(tape)
    if adjoints is not None:
        floats = [value for value in values if _has_adjoint(value.type)]
        for value, adjoint in zip(floats, take(sweep, adjoints, floats), strict=True):
            sweep.accumulate(value, adjoint)
    arrays = [sweep.shadow(value) for value in values if sweep.is_active(value)]
    if arrays:
        with sweep.builder.block() as scope:
            leave(sweep, sweep.context.shadows_of(tape), arrays)
        sweep.replace_forward(node, node, *scope.nodes)


def _tape(node: Node) -> Sym:
    tape = node.args[0]
    assert isinstance(tape, Sym)
    return tape


def _has_adjoint(type_: Type) -> bool:
    return not isinstance(type_, ArrayType) and element_type(type_).is_float
