"""Derivatives of arithmetic and elementary functions, on scalars and elementwise on tensors.

Conventions are PyTorch's: abs'(0) = 0, a tie of maximum or minimum gives each operand half, d(a**b)/da = 0
where b = 0.
"""

from __future__ import annotations

from ..ir.node import Atom, Node
from ..ir.ops import arithmetic as op
from ..ir.primitive import Primitive
from ..ir.types import element_type
from .sweep import Sweep, derivative_rules


@derivative_rules.define(op.ADD)
def _add(sweep: Sweep, node: Node) -> None:
    adjoint = sweep.adjoint(node.results[0])
    for arg in node.args:
        sweep.accumulate(arg, adjoint)


@derivative_rules.define(op.SUB)
def _sub(sweep: Sweep, node: Node) -> None:
    left, right = node.args
    adjoint = sweep.adjoint(node.results[0])
    sweep.accumulate(left, adjoint)
    if sweep.wants(right):
        sweep.accumulate(right, sweep.emit(op.NEG, adjoint))


@derivative_rules.define(op.MUL)
def _mul(sweep: Sweep, node: Node) -> None:
    left, right = node.args
    adjoint = sweep.adjoint(node.results[0])
    if sweep.wants(left):
        sweep.accumulate(left, sweep.emit(op.MUL, adjoint, right))
    if sweep.wants(right):
        sweep.accumulate(right, sweep.emit(op.MUL, adjoint, left))


@derivative_rules.define(op.TRUEDIV)
def _truediv(sweep: Sweep, node: Node) -> None:
    left, right = node.args
    quotient = node.results[0]
    over_right = sweep.emit(op.TRUEDIV, sweep.adjoint(quotient), right)
    sweep.accumulate(left, over_right)
    if sweep.wants(right):
        sweep.accumulate(right, sweep.emit(op.NEG, sweep.emit(op.MUL, over_right, quotient)))


@derivative_rules.define(op.MOD)
def _mod(sweep: Sweep, node: Node) -> None:
    left, right = node.args
    adjoint = sweep.adjoint(node.results[0])
    sweep.accumulate(left, adjoint)
    if sweep.wants(right):
        whole = sweep.emit(op.FLOORDIV, left, right)
        sweep.accumulate(right, sweep.emit(op.NEG, sweep.emit(op.MUL, adjoint, whole)))


@derivative_rules.define(op.POW)
def _pow(sweep: Sweep, node: Node) -> None:
    base, exponent = node.args
    power = node.results[0]
    adjoint = sweep.adjoint(power)
    zero = sweep.constant(power.type, 0)
    one = sweep.constant(power.type, 1)
    if sweep.wants(base):
        # Where the exponent is 0 the lowered one is 0 as well, which keeps 0 ** -1 from being computed.
        is_zero = sweep.emit(op.EQ, exponent, zero)
        lowered = sweep.emit(op.SELECT, is_zero, zero, sweep.emit(op.SUB, exponent, one))
        slope = sweep.emit(op.MUL, exponent, sweep.emit(op.POW, base, lowered))
        sweep.accumulate(base, sweep.emit(op.MUL, adjoint, slope))
    if sweep.wants(exponent):
        base_is_zero = sweep.emit(op.EQ, base, zero)
        logarithm = sweep.emit(op.LOG, sweep.emit(op.SELECT, base_is_zero, one, base))
        sweep.accumulate(exponent, sweep.emit(op.MUL, adjoint, sweep.emit(op.MUL, power, logarithm)))


@derivative_rules.define(op.MAXIMUM)
def _maximum(sweep: Sweep, node: Node) -> None:
    _extremum(sweep, node, loses=op.LT)


@derivative_rules.define(op.MINIMUM)
def _minimum(sweep: Sweep, node: Node) -> None:
    _extremum(sweep, node, loses=op.GT)


def _extremum(sweep: Sweep, node: Node, *, loses: Primitive) -> None:
    """An operand that loses the comparison gets nothing, a tie half; with a NaN, both get all, as in PyTorch."""
    left, right = node.args
    result = node.results[0]
    adjoint = sweep.adjoint(result)
    half = sweep.emit(op.MUL, adjoint, sweep.constant(result.type, 0.5))
    shared = sweep.emit(op.SELECT, sweep.emit(op.EQ, left, right), half, adjoint)
    for operand, other in ((left, right), (right, left)):
        if sweep.wants(operand):
            lost = sweep.emit(loses, operand, other)
            zero = sweep.constant(result.type, 0)
            sweep.accumulate(operand, sweep.emit(op.SELECT, lost, zero, shared))


@derivative_rules.define(op.NEG)
def _neg(sweep: Sweep, node: Node) -> None:
    sweep.accumulate(node.args[0], sweep.emit(op.NEG, sweep.adjoint(node.results[0])))


@derivative_rules.define(op.ABS)
def _abs(sweep: Sweep, node: Node) -> None:
    (operand,) = node.args
    adjoint = sweep.adjoint(node.results[0])
    zero = sweep.constant(operand.type, 0)
    negative = sweep.emit(op.SELECT, sweep.emit(op.LT, operand, zero), sweep.emit(op.NEG, adjoint), zero)
    sweep.accumulate(operand, sweep.emit(op.SELECT, sweep.emit(op.GT, operand, zero), adjoint, negative))


@derivative_rules.define(op.SELECT)
def _select(sweep: Sweep, node: Node) -> None:
    condition, chosen, other = node.args
    result = node.results[0]
    adjoint = sweep.adjoint(result)
    if sweep.wants(chosen):
        zero = sweep.constant(result.type, 0)
        sweep.accumulate(chosen, sweep.emit(op.SELECT, condition, adjoint, zero))
    if sweep.wants(other):
        zero = sweep.constant(result.type, 0)
        sweep.accumulate(other, sweep.emit(op.SELECT, condition, zero, adjoint))


@derivative_rules.define(op.CONVERT)
def _convert(sweep: Sweep, node: Node) -> None:
    (operand,) = node.args
    adjoint = sweep.adjoint(node.results[0])
    sweep.accumulate(operand, sweep.emit(op.CONVERT, adjoint, dtype=element_type(operand.type)))


def _chain(sweep: Sweep, node: Node, slope: Atom) -> None:
    sweep.accumulate(node.args[0], sweep.emit(op.MUL, sweep.adjoint(node.results[0]), slope))


@derivative_rules.define(op.EXP)
def _exp(sweep: Sweep, node: Node) -> None:
    _chain(sweep, node, node.results[0])


@derivative_rules.define(op.LOG)
def _log(sweep: Sweep, node: Node) -> None:
    (operand,) = node.args
    sweep.accumulate(operand, sweep.emit(op.TRUEDIV, sweep.adjoint(node.results[0]), operand))


@derivative_rules.define(op.SQRT)
def _sqrt(sweep: Sweep, node: Node) -> None:
    root = node.results[0]
    twice = sweep.emit(op.ADD, root, root)
    sweep.accumulate(node.args[0], sweep.emit(op.TRUEDIV, sweep.adjoint(root), twice))


@derivative_rules.define(op.SIN)
def _sin(sweep: Sweep, node: Node) -> None:
    _chain(sweep, node, sweep.emit(op.COS, node.args[0]))


@derivative_rules.define(op.COS)
def _cos(sweep: Sweep, node: Node) -> None:
    _chain(sweep, node, sweep.emit(op.NEG, sweep.emit(op.SIN, node.args[0])))


@derivative_rules.define(op.TAN)
def _tan(sweep: Sweep, node: Node) -> None:
    tangent = node.results[0]
    one = sweep.constant(tangent.type, 1)
    _chain(sweep, node, sweep.emit(op.ADD, one, sweep.emit(op.MUL, tangent, tangent)))


@derivative_rules.define(op.TANH)
def _tanh(sweep: Sweep, node: Node) -> None:
    result = node.results[0]
    one = sweep.constant(result.type, 1)
    _chain(sweep, node, sweep.emit(op.SUB, one, sweep.emit(op.MUL, result, result)))


@derivative_rules.define(op.SIGMOID)
def _sigmoid(sweep: Sweep, node: Node) -> None:
    result = node.results[0]
    one = sweep.constant(result.type, 1)
    _chain(sweep, node, sweep.emit(op.MUL, result, sweep.emit(op.SUB, one, result)))
