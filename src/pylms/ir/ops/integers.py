"""What only integers have: bit operations, exact quotients and comparisons with floats, number theory. Scalars only.

Operands of one node have one type, but for comparisons of an `int` with a `float`. On `int` (Python's) a shift by a
negative count raises ValueError, and one whose result needs more than 64 bits OverflowError; fixed-width types drop
what is shifted out, a count of the width or more (or below zero) leaving zero, or the sign on the right.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import StagedTypeError
from ..effects import PURE, RAISES, RAISES_KEPT, Effect
from ..node import Atom, AttributeValue, Block, Const
from ..primitive import Primitive
from ..rules import effect_rules, pure, type_rules
from ..types import BOOL, FLOAT, INT, ScalarType, Type

BIT_AND = Primitive("bit_and", "&")
BIT_OR = Primitive("bit_or", "|")
BIT_XOR = Primitive("bit_xor", "^")
INVERT = Primitive("invert", "~")
SHIFT_LEFT = Primitive("shift_left", "<<")
SHIFT_RIGHT = Primitive("shift_right", ">>")
BIT_LENGTH = Primitive("bit_length")
BIT_COUNT = Primitive("bit_count")

INT_TRUEDIV = Primitive("int_truediv", "/")
INT_EQ_FLOAT = Primitive("int_eq_float", "==")
INT_NE_FLOAT = Primitive("int_ne_float", "!=")
INT_LT_FLOAT = Primitive("int_lt_float", "<")
INT_LE_FLOAT = Primitive("int_le_float", "<=")
INT_GT_FLOAT = Primitive("int_gt_float", ">")
INT_GE_FLOAT = Primitive("int_ge_float", ">=")

ISQRT = Primitive("isqrt")
GCD = Primitive("gcd")
MODULAR_POWER = Primitive("modular_power", "pow")

BITWISE = (BIT_AND, BIT_OR, BIT_XOR, INVERT)
SHIFTS = (SHIFT_LEFT, SHIFT_RIGHT)
EXACT_COMPARISONS = (INT_EQ_FLOAT, INT_NE_FLOAT, INT_LT_FLOAT, INT_LE_FLOAT, INT_GT_FLOAT, INT_GE_FLOAT)
PRIMITIVES = (*BITWISE, *SHIFTS, BIT_LENGTH, BIT_COUNT, INT_TRUEDIV, *EXACT_COMPARISONS, ISQRT, GCD, MODULAR_POWER)


def _is_integer(type_: Type) -> bool:
    return isinstance(type_, ScalarType) and type_.is_integer


@type_rules.define(*BITWISE, *SHIFTS)
def _bitwise_type(
    args: tuple[Type, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    if len(set(args)) != 1 or not _is_integer(args[0]):
        raise StagedTypeError(f"bit operations take integers of one type, not {', '.join(map(str, args))}")
    return (args[0],)


@type_rules.define(BIT_LENGTH, BIT_COUNT)
def _bits_type(
    args: tuple[Type, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    if not _is_integer(args[0]):
        raise StagedTypeError(f"an integer is needed here, not {args[0]}")
    return (INT,)


def _require(args: tuple[Type, ...], *expected: Type) -> None:
    if args != expected:
        raise StagedTypeError(f"{', '.join(map(str, expected))} are needed here, not {', '.join(map(str, args))}")


@type_rules.define(ISQRT)
def _root_type(
    args: tuple[Type, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    _require(args, INT)
    return (INT,)


@type_rules.define(GCD)
def _divisor_type(
    args: tuple[Type, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    _require(args, INT, INT)
    return (INT,)


@type_rules.define(MODULAR_POWER)
def _power_type(
    args: tuple[Type, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    _require(args, INT, INT, INT)
    return (INT,)


@type_rules.define(INT_TRUEDIV)
def _quotient_type(
    args: tuple[Type, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    _require(args, INT, INT)
    return (FLOAT,)


@type_rules.define(*EXACT_COMPARISONS)
def _comparison_type(
    args: tuple[Type, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    _require(args, INT, FLOAT)
    return (BOOL,)


effect_rules.define(*BITWISE, BIT_LENGTH, BIT_COUNT, *EXACT_COMPARISONS)(pure)


@effect_rules.define(SHIFT_RIGHT)
def _right_shift_effect(
    args: tuple[Atom, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> Effect:
    return PURE if args[0].type != INT or is_known_count(args[1]) else RAISES_KEPT


@effect_rules.define(SHIFT_LEFT)
def _left_shift_effect(
    args: tuple[Atom, ...], attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> Effect:
    if args[0].type != INT:
        return PURE
    if "unchecked" in attrs:
        return PURE if is_known_count(args[1]) else RAISES
    return RAISES if is_known_count(args[1]) else RAISES_KEPT


def is_known_count(count: Atom) -> bool:
    """Whether a shift count is surely not negative."""
    return isinstance(count, Const) and count.value >= 0


@effect_rules.define(INT_TRUEDIV)
def _quotient_effect(
    args: tuple[Atom, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> Effect:
    return PURE if isinstance(args[1], Const) and args[1].value != 0 else RAISES_KEPT


@effect_rules.define(ISQRT, MODULAR_POWER)
def _partial_effect(
    _args: tuple[Atom, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> Effect:
    return RAISES_KEPT


@effect_rules.define(GCD)
def _divisor_effect(
    _args: tuple[Atom, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> Effect:
    """The least int has a divisor, itself without its sign, that 64 bits do not hold."""
    return RAISES
