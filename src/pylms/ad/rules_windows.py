"""Derivatives of convolutions and pooling: each adjoint is one of these primitives again."""

from __future__ import annotations

from ..ir.node import AttributeValue, Node
from ..ir.ops.tensors import REDUCE_SUM
from ..ir.ops.windows import (
    CONV,
    CONV_INPUT_GRADIENT,
    CONV_WEIGHT_GRADIENT,
    MAX_POOL,
    MAX_POOL_PICK,
    MAX_POOL_PLACE,
    WINDOW_SPREAD,
    WINDOW_SUM,
)
from ..ir.types import TensorType, Type
from .sweep import Sweep, derivative_rules


def _extents(type_: Type) -> tuple[int, ...]:
    """The dimensions that windows move along."""
    assert isinstance(type_, TensorType)
    return type_.shape[2:]


def _windows(node: Node, *further: str) -> dict[str, AttributeValue]:
    return {name: node.attr(name) for name in ("strides", "padding", "dilation", *further)}


@derivative_rules.define(CONV)
def _conv(sweep: Sweep, node: Node) -> None:
    x, weight, *bias = node.args
    u, windows = sweep.adjoint(node.results[0]), _windows(node, "groups")
    if sweep.wants(x):
        sweep.accumulate(x, sweep.emit(CONV_INPUT_GRADIENT, u, weight, **windows, extents=_extents(x.type)))
    if sweep.wants(weight):
        sweep.accumulate(weight, sweep.emit(CONV_WEIGHT_GRADIENT, x, u, **windows, kernel=_extents(weight.type)))
    for each in bias:
        if sweep.wants(each):
            assert isinstance(x.type, TensorType)
            sweep.accumulate(each, sweep.emit(REDUCE_SUM, u, axes=(0, *range(2, x.type.rank))))


@derivative_rules.define(CONV_INPUT_GRADIENT)
def _conv_input_gradient(sweep: Sweep, node: Node) -> None:
    u, weight = node.args
    adjoint, windows = sweep.adjoint(node.results[0]), _windows(node, "groups")
    if sweep.wants(u):
        sweep.accumulate(u, sweep.emit(CONV, adjoint, weight, **windows, counts=_extents(u.type)))
    if sweep.wants(weight):
        sweep.accumulate(weight, sweep.emit(CONV_WEIGHT_GRADIENT, adjoint, u, **windows, kernel=_extents(weight.type)))


@derivative_rules.define(CONV_WEIGHT_GRADIENT)
def _conv_weight_gradient(sweep: Sweep, node: Node) -> None:
    x, u = node.args
    adjoint, windows = sweep.adjoint(node.results[0]), _windows(node, "groups")
    if sweep.wants(x):
        sweep.accumulate(x, sweep.emit(CONV_INPUT_GRADIENT, u, adjoint, **windows, extents=_extents(x.type)))
    if sweep.wants(u):
        sweep.accumulate(u, sweep.emit(CONV, x, adjoint, **windows, counts=_extents(u.type)))


@derivative_rules.define(MAX_POOL)
def _max_pool(sweep: Sweep, node: Node) -> None:
    (x,) = node.args
    sweep.accumulate(x, sweep.emit(MAX_POOL_PLACE, x, sweep.adjoint(node.results[0]), **dict(node.attrs)))


@derivative_rules.define(MAX_POOL_PICK)
def _max_pool_pick(sweep: Sweep, node: Node) -> None:
    """Which elements are picked does not change with x."""
    x, v = node.args
    if sweep.wants(v):
        sweep.accumulate(v, sweep.emit(MAX_POOL_PLACE, x, sweep.adjoint(node.results[0]), **dict(node.attrs)))


@derivative_rules.define(MAX_POOL_PLACE)
def _max_pool_place(sweep: Sweep, node: Node) -> None:
    x, u = node.args
    if sweep.wants(u):
        sweep.accumulate(u, sweep.emit(MAX_POOL_PICK, x, sweep.adjoint(node.results[0]), **dict(node.attrs)))


@derivative_rules.define(WINDOW_SUM)
def _window_sum(sweep: Sweep, node: Node) -> None:
    (x,) = node.args
    adjoint, windows = sweep.adjoint(node.results[0]), _windows(node, "kernel")
    sweep.accumulate(x, sweep.emit(WINDOW_SPREAD, adjoint, **windows, extents=_extents(x.type)))


@derivative_rules.define(WINDOW_SPREAD)
def _window_spread(sweep: Sweep, node: Node) -> None:
    (u,) = node.args
    adjoint, windows = sweep.adjoint(node.results[0]), _windows(node, "kernel")
    sweep.accumulate(u, sweep.emit(WINDOW_SUM, adjoint, **windows, counts=_extents(u.type)))
