"""Derivatives of arrays, one element at a time, and of what makes arrays and views of them.

A read adds to the element of the shadow; a write takes what is there, and leaves zero: what the element held before has
no part in what is read afterwards.
"""

from __future__ import annotations

from ..ir.node import Const, Node
from ..ir.ops.arithmetic import ADD
from ..ir.ops.arrays import ARRAY_LOAD, ARRAY_NEW, ARRAY_OF_BUFFER, ARRAY_STORE, VIEWS
from ..ir.ops.differentiation import INDEPENDENT, LEAF
from ..ir.types import INT, ArrayType, BufferType
from .sweep import Sweep, derivative_rules


@derivative_rules.define(ARRAY_LOAD)
def _load(sweep: Sweep, node: Node) -> None:
    array, *indices = node.args
    if sweep.is_active(array):
        shadow = sweep.shadow(array)
        total = sweep.emit(ADD, sweep.emit(ARRAY_LOAD, shadow, *indices), sweep.adjoint(node.results[0]))
        sweep.builder.emit(ARRAY_STORE, [shadow, total, *indices], loc=node.loc)


@derivative_rules.define(ARRAY_STORE)
def _store(sweep: Sweep, node: Node) -> None:
    array, value, *indices = node.args
    if not sweep.is_active(array):
        return
    shadow = sweep.shadow(array)
    sweep.accumulate(value, sweep.emit(ARRAY_LOAD, shadow, *indices))
    sweep.builder.emit(ARRAY_STORE, [shadow, sweep.constant(value.type, 0), *indices], loc=node.loc)


@derivative_rules.define(*VIEWS)
def _view(sweep: Sweep, node: Node) -> None:
    array, *rest = node.args
    shadows = sweep.context.shadows
    made = shadows.made(node.results[0], node.primitive, [shadows.of(array), *rest], dict(node.attrs), node.loc)
    sweep.replace_forward(node, node, made)


@derivative_rules.define(ARRAY_NEW)
def _new(sweep: Sweep, node: Node) -> None:
    sweep.replace_forward(node, node, *sweep.context.shadows.zeros(node.results[0], node.loc, node.args))


@derivative_rules.define(ARRAY_OF_BUFFER)
def _of_buffer(sweep: Sweep, node: Node) -> None:
    buffer = node.args[0].type
    assert isinstance(buffer, BufferType)
    extents = [Const(extent, INT) for extent in buffer.shape]
    sweep.replace_forward(node, node, *sweep.context.shadows.zeros(node.results[0], node.loc, extents))


@derivative_rules.define(INDEPENDENT, LEAF)
def _independent(sweep: Sweep, node: Node) -> None:
    """The variable of another differentiation is a value like any other; one's own begins without adjoints."""
    (value,), (variable,) = node.args, node.results
    if not isinstance(variable.type, ArrayType):
        sweep.accumulate(value, sweep.adjoint(variable))
    elif variable in sweep.sources:
        sweep.replace_forward(node, node, *sweep.context.shadows.zeros(variable, node.loc))
    else:
        shadows = sweep.context.shadows
        made = shadows.made(variable, INDEPENDENT, [shadows.of(value)], dict(node.attrs), node.loc)
        sweep.replace_forward(node, node, made)
