"""Arithmetic, comparison and elementary functions, on scalars and elementwise on tensors of equal shape.

Operands of one node have one type: staging converts and broadcasts before it builds the node. On `int`
(Python's) overflow raises OverflowError; on fixed-width types it wraps. `floordiv` and `mod` round as Python
does; a zero divisor raises on Python types. `minimum`/`maximum` give NaN when an operand is NaN.

Passes that have proven that a node on `int` raises nothing say so in its attributes (`UNCHECKED`): wherever the node
is computed, `add`, `sub`, `mul`, `neg` and `abs` then wrap; `floordiv` and `mod` run only where the divisor is not zero
and the quotient fits. `NATURAL` divisions have a dividend that is not negative and a positive divisor.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import StagedTypeError
from ..effects import PURE, RAISES, RAISES_KEPT, Effect
from ..node import Atom, AttributeValue, Block, Const, Node
from ..primitive import Primitive
from ..rules import effect_rules, pure, type_rules
from ..types import BOOL, INT, SCALAR_TYPES, ScalarType, TensorType, Type, ValueType, element_type, with_element_type

ADD = Primitive("add", "+")
SUB = Primitive("sub", "-")
MUL = Primitive("mul", "*")
TRUEDIV = Primitive("truediv", "/")
FLOORDIV = Primitive("floordiv", "//")
MOD = Primitive("mod", "%")
POW = Primitive("pow", "**")
MINIMUM = Primitive("minimum", "min")
MAXIMUM = Primitive("maximum", "max")
NEG = Primitive("neg", "neg")
ABS = Primitive("abs", "abs")

EQ = Primitive("eq", "==")
NE = Primitive("ne", "!=")
LT = Primitive("lt", "<")
LE = Primitive("le", "<=")
GT = Primitive("gt", ">")
GE = Primitive("ge", ">=")

LOGICAL_NOT = Primitive("logical_not", "not")
LOGICAL_AND = Primitive("logical_and", "and")
LOGICAL_OR = Primitive("logical_or", "or")

SELECT = Primitive("select")
CONVERT = Primitive("convert")

EXP = Primitive("exp")
LOG = Primitive("log")
SQRT = Primitive("sqrt")
SIN = Primitive("sin")
COS = Primitive("cos")
TAN = Primitive("tan")
TANH = Primitive("tanh")
SIGMOID = Primitive("sigmoid")
FLOOR = Primitive("floor")
CEIL = Primitive("ceil")

BINARY = (ADD, SUB, MUL, TRUEDIV, FLOORDIV, MOD, POW, MINIMUM, MAXIMUM)
COMPARISONS = (EQ, NE, LT, LE, GT, GE)
LOGICAL = (LOGICAL_NOT, LOGICAL_AND, LOGICAL_OR)
ELEMENTARY = (EXP, LOG, SQRT, SIN, COS, TAN, TANH, SIGMOID, FLOOR, CEIL)
PRIMITIVES = (*BINARY, NEG, ABS, *COMPARISONS, *LOGICAL, SELECT, CONVERT, *ELEMENTARY)

# Primitives that work element by element: what fusion may put into one loop.
ELEMENTWISE = frozenset(PRIMITIVES)


UNCHECKED = ("unchecked", True)
NATURAL = ("natural", True)


def is_unchecked(node: Node) -> bool:
    """Whether an operation on Python ints is known to raise nothing."""
    return UNCHECKED in node.attrs


def _value(type_: Type) -> ValueType:
    if isinstance(type_, (ScalarType, TensorType)):
        return type_
    raise StagedTypeError(f"a number or a tensor is needed here, not {type_}")


def _same(args: tuple[Type, ...]) -> ValueType:
    first = _value(args[0])
    for other in args[1:]:
        if other != first:
            raise StagedTypeError(f"operands of different types: {first} and {other}")
    return first


@type_rules.define(*BINARY, NEG, ABS)
def _arithmetic_type(
    args: tuple[Type, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    result = _same(args)
    if element_type(result) == BOOL:
        raise StagedTypeError("arithmetic on bool: convert to int first")
    return (result,)


@type_rules.define(*COMPARISONS)
def _comparison_type(
    args: tuple[Type, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    return (with_element_type(_same(args), BOOL),)


@type_rules.define(*LOGICAL)
def _logical_type(
    args: tuple[Type, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    result = _same(args)
    if element_type(result) != BOOL:
        raise StagedTypeError(f"a bool is needed here, not {result}")
    return (result,)


@type_rules.define(SELECT)
def _select_type(
    args: tuple[Type, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    condition, *branches = args
    result = _same(tuple(branches))
    if condition not in (BOOL, with_element_type(result, BOOL)):
        raise StagedTypeError(f"the condition of a selection must be bool, not {condition}")
    return (result,)


@type_rules.define(CONVERT)
def _convert_type(
    args: tuple[Type, ...], attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    target = attrs["dtype"]
    if not isinstance(target, ScalarType) or target.name not in SCALAR_TYPES:
        raise StagedTypeError(f"not a type to convert to: {target}")
    return (with_element_type(_value(args[0]), target),)


@type_rules.define(*ELEMENTARY)
def _elementary_type(
    args: tuple[Type, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    result = _same(args)
    if not element_type(result).is_float:
        raise StagedTypeError(f"a floating-point operand is needed here, not {result}")
    return (result,)


effect_rules.define(MINIMUM, MAXIMUM, *COMPARISONS, *LOGICAL, SELECT)(pure)


@effect_rules.define(ADD, SUB, MUL, NEG, ABS)
def _overflow_effect(args: tuple[Atom, ...], attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]) -> Effect:
    return RAISES if args[0].type == INT and "unchecked" not in attrs else PURE


@effect_rules.define(TRUEDIV, FLOORDIV, MOD)
def _division_effect(args: tuple[Atom, ...], attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]) -> Effect:
    """Python numbers: a zero divisor is an error wherever it stands, unless it is known not to be zero.

    An int quotient can overflow: the least int divided by -1. Unchecked divisions must not run elsewhere.
    """
    type_, divisor = args[0].type, args[1]
    if not isinstance(type_, ScalarType) or not type_.python:
        return PURE
    if isinstance(divisor, Const) and divisor.value not in (0, -1):
        return PURE
    return RAISES if "unchecked" in attrs else RAISES_KEPT


@effect_rules.define(POW)
def _power_effect(args: tuple[Atom, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]) -> Effect:
    """Python numbers: powers that Python refuses are an error wherever they stand."""
    type_ = args[0].type
    return RAISES_KEPT if isinstance(type_, ScalarType) and type_.python else PURE


@effect_rules.define(*ELEMENTARY)
def _elementary_effect(
    args: tuple[Atom, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> Effect:
    """On Python floats these are the functions of `math`, which raise; on other types NumPy's, which do not."""
    type_ = args[0].type
    return RAISES_KEPT if isinstance(type_, ScalarType) and type_.python else PURE


@effect_rules.define(CONVERT)
def _convert_effect(args: tuple[Atom, ...], attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]) -> Effect:
    """float to Python int raises on NaN, infinities and what 64 bits cannot hold."""
    return RAISES_KEPT if attrs["dtype"] == INT and element_type(args[0].type).is_float else PURE
