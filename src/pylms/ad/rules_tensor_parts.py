"""Derivatives of regions, joins, gathers and scatters of tensors: each is the adjoint of another."""

from __future__ import annotations

from ..ir.node import Node
from ..ir.ops.tensor_gathers import SCATTER_ADD, SCATTER_ADD_ALONG, TAKE, TAKE_ALONG
from ..ir.ops.tensor_regions import CONCAT, PLACE, SLICE
from ..ir.ops.tensors import integers_of
from ..ir.types import TensorType
from .sweep import Sweep, derivative_rules


def _type(node: Node, position: int) -> TensorType:
    type_ = node.args[position].type
    assert isinstance(type_, TensorType)
    return type_


def _axis(node: Node) -> int:
    axis = node.attr("axis")
    assert isinstance(axis, int)
    return axis


@derivative_rules.define(SLICE)
def _slice(sweep: Sweep, node: Node) -> None:
    starts, steps = (integers_of(node, name) for name in ("starts", "steps"))
    adjoint = sweep.adjoint(node.results[0])
    shape = _type(node, 0).shape
    sweep.accumulate(node.args[0], sweep.emit(PLACE, adjoint, shape=shape, starts=starts, steps=steps))


@derivative_rules.define(PLACE)
def _place(sweep: Sweep, node: Node) -> None:
    starts, steps = (integers_of(node, name) for name in ("starts", "steps"))
    adjoint = sweep.adjoint(node.results[0])
    sizes = _type(node, 0).shape
    sweep.accumulate(node.args[0], sweep.emit(SLICE, adjoint, starts=starts, sizes=sizes, steps=steps))


@derivative_rules.define(CONCAT)
def _concat(sweep: Sweep, node: Node) -> None:
    adjoint, axis, start = sweep.adjoint(node.results[0]), _axis(node), 0
    for position, part in enumerate(node.args):
        sizes = _type(node, position).shape
        if sweep.wants(part):
            starts = tuple(start if each == axis else 0 for each in range(len(sizes)))
            steps = (1,) * len(sizes)
            sweep.accumulate(part, sweep.emit(SLICE, adjoint, starts=starts, sizes=sizes, steps=steps))
        start += sizes[axis]


_ADJOINTS = {TAKE: SCATTER_ADD, TAKE_ALONG: SCATTER_ADD_ALONG}
_GATHERS = {scatter: gather for gather, scatter in _ADJOINTS.items()}


@derivative_rules.define(*_ADJOINTS)
def _gather(sweep: Sweep, node: Node) -> None:
    source, index = node.args
    adjoint, axis = sweep.adjoint(node.results[0]), _axis(node)
    size = _type(node, 0).shape[axis]
    sweep.accumulate(source, sweep.emit(_ADJOINTS[node.primitive], index, adjoint, axis=axis, size=size))


@derivative_rules.define(*_GATHERS)
def _scatter(sweep: Sweep, node: Node) -> None:
    index, updates = node.args
    adjoint = sweep.adjoint(node.results[0])
    sweep.accumulate(updates, sweep.emit(_GATHERS[node.primitive], adjoint, index, axis=_axis(node)))
