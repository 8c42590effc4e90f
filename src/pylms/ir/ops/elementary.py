"""The functions of `math` beyond the commonest ones, on floating-point numbers and elementwise on tensors.

On `float` (Python's) they are `math`'s: what they are not defined for raises ValueError, a finite argument with an
infinite result OverflowError. On fixed-width types they are NumPy's, which raise nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import StagedTypeError
from ..effects import PURE, RAISES_KEPT, Effect
from ..node import Atom, AttributeValue, Block
from ..primitive import Primitive
from ..rules import effect_rules, pure, type_rules
from ..types import FLOAT, ScalarType, TensorType, Type, element_type

ASIN = Primitive("asin")
ACOS = Primitive("acos")
ATAN = Primitive("atan")
SINH = Primitive("sinh")
COSH = Primitive("cosh")
ASINH = Primitive("asinh")
ACOSH = Primitive("acosh")
ATANH = Primitive("atanh")
EXPM1 = Primitive("expm1")
EXP2 = Primitive("exp2")
LOG1P = Primitive("log1p")
LOG2 = Primitive("log2")
LOG10 = Primitive("log10")
CBRT = Primitive("cbrt")
ERF = Primitive("erf")
ERFC = Primitive("erfc")
TRUNC = Primitive("trunc")
RINT = Primitive("rint")

ATAN2 = Primitive("atan2")
HYPOT = Primitive("hypot")
COPYSIGN = Primitive("copysign")
FMOD = Primitive("fmod")
REMAINDER = Primitive("remainder")
MATH_POW = Primitive("math_pow")

TOTAL = (ATAN, ASINH, CBRT, ERF, ERFC, TRUNC, RINT, ATAN2, HYPOT, COPYSIGN)
"""What is defined, and finite, wherever the arguments are."""

PARTIAL = (ASIN, ACOS, SINH, COSH, ACOSH, ATANH, EXPM1, EXP2, LOG1P, LOG2, LOG10, FMOD, REMAINDER, MATH_POW)
BINARY = (ATAN2, HYPOT, COPYSIGN, FMOD, REMAINDER, MATH_POW)
PRIMITIVES = (*TOTAL, *PARTIAL)
UNARY = tuple(primitive for primitive in PRIMITIVES if primitive not in BINARY)

PYTHON_ONLY = frozenset({REMAINDER, MATH_POW})
"""What only Python's floats have: NumPy has it under another name, or not at all."""

ELEMENTWISE = frozenset(PRIMITIVES) - PYTHON_ONLY
"""What tensors have, too."""


def _float_type(args: tuple[Type, ...], arity: int) -> Type:
    first = args[0]
    if len(args) != arity or any(arg != first for arg in args):
        raise StagedTypeError(f"operands of different types: {' and '.join(map(str, args))}")
    if not isinstance(first, (ScalarType, TensorType)) or not element_type(first).is_float:
        raise StagedTypeError(f"a floating-point operand is needed here, not {first}")
    return first


@type_rules.define(*(set(UNARY) - PYTHON_ONLY))
def _unary_type(
    args: tuple[Type, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    return (_float_type(args, 1),)


@type_rules.define(*(set(BINARY) - PYTHON_ONLY))
def _binary_type(
    args: tuple[Type, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    return (_float_type(args, 2),)


@type_rules.define(*PYTHON_ONLY)
def _python_type(
    args: tuple[Type, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    if any(arg != FLOAT for arg in args):
        raise StagedTypeError(f"a float is needed here, not {' and '.join(map(str, args))}")
    return (FLOAT,)


effect_rules.define(*TOTAL)(pure)


@effect_rules.define(*PARTIAL)
def _partial_effect(args: tuple[Atom, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]) -> Effect:
    return RAISES_KEPT if args[0].type == FLOAT else PURE
