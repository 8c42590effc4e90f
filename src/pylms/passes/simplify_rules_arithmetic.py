"""Simplification of elementwise tensor operations: signs, constants, scalar factors, work before broadcasts."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from math import prod

from ..ir.node import Atom, Const, Node
from ..ir.ops.arithmetic import ADD, CONVERT, ELEMENTWISE, MUL, NEG, POW, SELECT, SUB, TRUEDIV
from ..ir.ops.tensors import BROADCAST, integers_of
from ..ir.primitive import Primitive
from ..ir.types import FLOAT32, ScalarType, TensorType, element_type
from .simplify_rules_places import sum_of_places
from .tensor_rewriter import SimplifyRule, TensorRewriter, shape_of, simplify_rules

_FOLDABLE: dict[Primitive, Callable[..., float]] = {
    ADD: lambda a, b: a + b,
    SUB: lambda a, b: a - b,
    MUL: lambda a, b: a * b,
    TRUEDIV: lambda a, b: a / b,
    NEG: lambda a: -a,
}


def round_to(dtype: ScalarType, value: float) -> float:
    """The nearest number of a floating-point type."""
    if dtype != FLOAT32 or not math.isfinite(value):
        return value
    try:
        rounded: float = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)
    return rounded


def _tensor_rule(rule: SimplifyRule) -> SimplifyRule:
    """A rule that leaves scalars alone and first moves work before broadcasts."""

    def simplify(rewriter: TensorRewriter, node: Node) -> Atom | None:
        if not isinstance(node.results[0].type, TensorType):
            return None
        before = _before_broadcast(rewriter, node)
        return before if before is not None else rule(rewriter, node)

    return simplify


def _keep(_rewriter: TensorRewriter, _node: Node) -> Atom | None:
    return None


for _primitive in ELEMENTWISE:
    simplify_rules.define(_primitive)(_tensor_rule(_keep))


def _define(primitive: Primitive) -> Callable[[SimplifyRule], SimplifyRule]:
    return lambda rule: simplify_rules.define(primitive)(_tensor_rule(rule))


def _is_float(node: Node) -> bool:
    return element_type(node.results[0].type).is_float


def _constant(rewriter: TensorRewriter, atom: Atom) -> float | None:
    """The number that a tensor holds everywhere, if it is known now."""
    scalar = rewriter.scalar_of(atom)
    return scalar.value if isinstance(scalar, Const) else None


def _before_broadcast(rewriter: TensorRewriter, node: Node) -> Atom | None:
    """f(broadcast a, broadcast b) = broadcast f(a, b), where a and b spread along the same axes or are numbers."""
    inner = [rewriter.definition(arg, BROADCAST) for arg in node.args]
    spread = [definition for definition in inner if definition is not None]
    if len(spread) < len(inner):
        return None
    axes = {integers_of(d, "axes") for d in spread} - {()}
    if len(axes) > 1:
        return None
    shape = shape_of(node.results[0])
    (target,) = axes or {()}
    small = tuple(shape[axis] for axis in target)
    sources = [definition.args[0] for definition in spread]
    folded = _fold(node, sources)
    if folded is not None:
        return rewriter.broadcast(folded, shape, (), node.loc)
    if small == shape:
        return None  # nothing becomes smaller: the same node would come again
    operands = [
        source
        if shape_of(source) == small and isinstance(source.type, TensorType)
        else rewriter.broadcast(source, small, (), node.loc)
        for source in sources
    ]
    value = rewriter.emit(node.primitive, operands, node.loc, **dict(node.attrs))
    return rewriter.broadcast(value, shape, target, node.loc)


def _fold(node: Node, sources: list[Atom]) -> Const | None:
    if node.primitive is CONVERT and isinstance(sources[0], Const):
        return _convert_constant(sources[0], element_type(node.results[0].type))
    dtype = element_type(node.results[0].type)
    if node.primitive not in _FOLDABLE or not dtype.is_float:
        return None
    values = [source.value for source in sources if isinstance(source, Const)]
    if len(values) < len(sources) or (node.primitive is TRUEDIV and values[1] == 0):
        return None
    return Const(round_to(dtype, _FOLDABLE[node.primitive](*values)), dtype)


def _convert_constant(constant: Const, dtype: ScalarType) -> Const | None:
    if dtype.is_float:
        return Const(round_to(dtype, float(constant.value)), dtype)
    return None


def _negated(rewriter: TensorRewriter, atom: Atom) -> Atom | None:
    """b, where `atom` is -b."""
    node = rewriter.definition(atom, NEG)
    return node.args[0] if node is not None else None


def _without_minus_sign(rewriter: TensorRewriter, atom: Atom, node: Node) -> Atom | None:
    """b, where `atom` is -b, be it written as a product with a negative constant."""
    negated = _negated(rewriter, atom)
    if negated is not None:
        return negated
    product = rewriter.definition(atom, MUL)
    if product is None or not rewriter.used_once(atom):
        return None
    factor = _constant(rewriter, product.args[0])
    if factor is None or not factor < 0:
        return None
    return rewriter.emit(MUL, (_spread(rewriter, -factor, node), product.args[1]), node.loc)


def _spread(rewriter: TensorRewriter, value: float, node: Node) -> Atom:
    """A tensor like the node's result that holds one number."""
    dtype = element_type(node.results[0].type)
    return rewriter.broadcast(Const(round_to(dtype, value), dtype), shape_of(node.results[0]), (), node.loc)


@_define(ADD)
def _add(rewriter: TensorRewriter, node: Node) -> Atom | None:
    left, right = node.args
    for one, other in ((left, right), (right, left)):
        if _constant(rewriter, one) == 0:
            return other
        positive = _without_minus_sign(rewriter, one, node)
        if positive is not None:
            return rewriter.emit(SUB, (other, positive), node.loc)
    return sum_of_places(rewriter, node)


@_define(SUB)
def _sub(rewriter: TensorRewriter, node: Node) -> Atom | None:
    left, right = node.args
    if _constant(rewriter, right) == 0:
        return left
    if _constant(rewriter, left) == 0:
        return rewriter.emit(NEG, (right,), node.loc, **dict(node.attrs))
    positive = _without_minus_sign(rewriter, right, node)
    return rewriter.emit(ADD, (left, positive), node.loc) if positive is not None else None


@_define(NEG)
def _neg(rewriter: TensorRewriter, node: Node) -> Atom | None:
    (source,) = node.args
    negated = _negated(rewriter, source)
    if negated is not None:
        return negated
    inner = rewriter.definition(source, MUL, SUB)
    if inner is None or not rewriter.used_once(source):
        return None
    left, right = inner.args
    if inner.primitive is SUB:
        return rewriter.emit(SUB, (right, left), node.loc)
    if rewriter.scalar_of(left) is None:
        return None
    return rewriter.emit(MUL, (rewriter.emit(NEG, (left,), node.loc), right), node.loc)


@_define(MUL)
def _mul(rewriter: TensorRewriter, node: Node) -> Atom | None:
    left, right = node.args
    if rewriter.scalar_of(left) is None and rewriter.scalar_of(right) is not None:
        return rewriter.emit(MUL, (right, left), node.loc)
    if not _is_float(node):
        return None
    for side in range(2):
        positive = _negated(rewriter, node.args[side])
        if positive is not None:
            args = (positive, right) if side == 0 else (left, positive)
            return rewriter.emit(NEG, (rewriter.emit(MUL, args, node.loc),), node.loc)
    if rewriter.scalar_of(left) is not None:
        return _scale(rewriter, node)
    return _gather_factors(rewriter, node)


def _scale(rewriter: TensorRewriter, node: Node) -> Atom | None:
    """c x, for a number c."""
    left, right = node.args
    factor = _constant(rewriter, left)
    if factor == 1:
        return right
    if factor == -1:
        return rewriter.emit(NEG, (right,), node.loc)
    inner = rewriter.definition(right, MUL)
    if inner is None:
        return None
    for side in range(2):
        if _makes_a_number(rewriter, left, inner.args[side]):
            both = rewriter.emit(MUL, (left, inner.args[side]), node.loc)
            return rewriter.emit(MUL, (both, inner.args[1 - side]), node.loc)
    if not rewriter.used_once(right):
        return None
    sides = [side for side in range(2) if _size_before_broadcast(rewriter, inner.args[side]) < prod(shape_of(right))]
    if not sides:
        return None
    side = min(sides, key=lambda side: _size_before_broadcast(rewriter, inner.args[side]))
    scaled = rewriter.emit(MUL, (left, inner.args[side]), node.loc)
    return rewriter.emit(MUL, (scaled, inner.args[1]) if side == 0 else (inner.args[0], scaled), node.loc)


def _makes_a_number(rewriter: TensorRewriter, left: Atom, right: Atom) -> bool:
    """Whether the product of two numbers spread over tensors is one again; at rank 0 only a known one is."""
    if not shape_of(left):
        return _constant(rewriter, left) is not None and _constant(rewriter, right) is not None
    return rewriter.scalar_of(left) is not None and rewriter.scalar_of(right) is not None


def _size_before_broadcast(rewriter: TensorRewriter, atom: Atom) -> int:
    """How many elements have to be computed to know the tensor."""
    small = rewriter.definition(atom, BROADCAST)
    return prod(shape_of(atom if small is None else small.args[0]))


def _gather_factors(rewriter: TensorRewriter, node: Node) -> Atom | None:
    """(c a) b = c (a b): outwards, where it meets other factors."""
    for side in range(2):
        inner = rewriter.definition(node.args[side], MUL)
        if inner is None or not rewriter.used_once(node.args[side]) or rewriter.scalar_of(inner.args[0]) is None:
            continue
        args = (inner.args[1], node.args[1]) if side == 0 else (node.args[0], inner.args[1])
        return rewriter.emit(MUL, (inner.args[0], rewriter.emit(MUL, args, node.loc)), node.loc)
    return None


@_define(TRUEDIV)
def _truediv(rewriter: TensorRewriter, node: Node) -> Atom | None:
    left, right = node.args
    if not _is_float(node):
        return None
    divisor = _constant(rewriter, right)
    if divisor is not None and divisor != 0 and math.isfinite(1 / divisor):
        return rewriter.emit(MUL, (_spread(rewriter, 1 / divisor, node), left), node.loc)
    positive = _negated(rewriter, left)
    if positive is not None:
        return rewriter.emit(NEG, (rewriter.emit(TRUEDIV, (positive, right), node.loc),), node.loc)
    return None


@_define(POW)
def _pow(rewriter: TensorRewriter, node: Node) -> Atom | None:
    base, exponent = node.args
    if _constant(rewriter, exponent) == 2:
        return rewriter.emit(MUL, (base, base), node.loc)
    return base if _constant(rewriter, exponent) == 1 else None


@_define(SELECT)
def _select(_rewriter: TensorRewriter, node: Node) -> Atom | None:
    _condition, yes, no = node.args
    return yes if yes is no else None


@_define(CONVERT)
def _convert(rewriter: TensorRewriter, node: Node) -> Atom | None:
    (source,) = node.args
    if source.type == node.results[0].type:
        return source
    inner = rewriter.definition(source, CONVERT)
    if inner is None or not _is_exact(element_type(inner.args[0].type), element_type(source.type)):
        return None
    return rewriter.emit(CONVERT, inner.args, node.loc, dtype=element_type(node.results[0].type))


def _is_exact(source: ScalarType, target: ScalarType) -> bool:
    """Whether every value of one type is a value of the other."""
    significand = {32: 24, 64: 53}
    match source.kind, target.kind:
        case ("bool", _):
            return target.kind != "bool"
        case ("float", "float"):
            return source.bits <= target.bits
        case ("int" | "uint", "float"):
            return source.bits - (source.kind == "int") <= significand[target.bits]
        case ("uint", "int"):
            return source.bits < target.bits
        case ("int", "int") | ("uint", "uint"):
            return source.bits <= target.bits
        case _:
            return False
