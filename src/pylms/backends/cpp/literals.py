"""C++ spellings of types and of constants, and how tightly expressions bind."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from enum import IntEnum

from ...errors import InternalError
from ...ir.node import Const
from ...ir.types import (
    BOOL,
    ArrayType,
    BufferType,
    DictType,
    ElementType,
    ListType,
    ScalarType,
    TapeType,
    TensorType,
    TextType,
    Type,
    VarType,
    leaves_of,
)

_SCALAR_NAMES = {
    "bool": "bool",
    "int": "long long",
    "float": "double",
    "int8": "signed char",
    "int16": "short",
    "int32": "int",
    "int64": "long long",
    "uint8": "unsigned char",
    "uint16": "unsigned short",
    "uint32": "unsigned",
    "uint64": "unsigned long long",
    "float32": "float",
    "float64": "double",
}


ARRAYS_HEADER = "arrays.h"


class Binding(IntEnum):
    """How tightly an expression binds, C++'s precedence from loose to tight."""

    LOOSE = 0
    CONDITIONAL = 1
    OR = 2
    AND = 3
    EQUALITY = 4
    RELATIONAL = 5
    ADDITIVE = 6
    MULTIPLICATIVE = 7
    UNARY = 8
    POSTFIX = 9


@dataclass(frozen=True, slots=True)
class Expression:
    """C++ text, and how tightly it binds."""

    text: str
    binding: Binding

    def within(self, binding: Binding) -> str:
        """The text as an operand that must bind at least so tightly."""
        return self.text if self.binding >= binding else f"({self.text})"


def scalar_c_type(type_: ScalarType) -> str:
    """The C++ type of one number."""
    return _SCALAR_NAMES[type_.name]


def c_type(type_: Type) -> str:
    """The C++ type of a value: a number, also where it is a tensor of rank 0; an array; or the address of elements."""
    match type_:
        case ScalarType():
            return scalar_c_type(type_)
        case TensorType(dtype, ()):
            return scalar_c_type(dtype)
        case TensorType(dtype, _) | BufferType(dtype, _):
            return f"{scalar_c_type(dtype)} *"
        case ArrayType(dtype, rank, is_dense):
            return f"pylms::{'array' if is_dense else 'strided'}<{scalar_c_type(dtype)}, {rank}>"
        case TextType():
            return "pylms::text"
        case ListType(element):
            return f"pylms::list<{element_c_type(element)}>"
        case DictType(key, value):
            return f"pylms::dict<{element_c_type(key)}, {element_c_type(value)}>"
        case TapeType():
            return "pylms::tape *"
        case VarType(content):
            return c_type(content)


def element_c_type(element: ElementType) -> str:
    """The C++ type of what one place in a container holds; a bool takes a whole word there."""
    leaves = ["long long" if leaf == BOOL else c_type(leaf) for leaf in leaves_of(element)]
    return leaves[0] if len(leaves) == 1 else f"pylms::record<{', '.join(leaves)}>"


def header_of(type_: Type) -> str | None:
    """The header that declares the C++ type, if it needs one."""
    match type_:
        case ArrayType():
            return ARRAYS_HEADER
        case TextType():
            return "text.h"
        case ListType() | DictType():
            return "dict.h" if "dict" in str(type_) else "list.h"
        case TapeType():
            return "tape.h"
        case _:
            return None


def declaration(type_: Type, name: str) -> str:
    """`type name`, with the star where the code base writes it."""
    spelled = c_type(type_)
    return f"{spelled}{name}" if spelled.endswith("*") else f"{spelled} {name}"


def is_in_register(type_: Type) -> bool:
    """Whether a value of this type is a C++ value, such as a number, rather than the address of one."""
    is_scalar_tensor = isinstance(type_, TensorType) and type_.shape == ()
    return is_scalar_tensor or isinstance(type_, (ScalarType, ArrayType, TextType, ListType, DictType))


def array_parts(type_: ArrayType) -> list[str]:
    """What an array is passed as besides its address: extents, and strides where it has any."""
    extents = [f"n{axis}" for axis in range(type_.rank)]
    return extents if type_.is_dense else extents + [f"step{axis}" for axis in range(type_.rank)]


def is_number(type_: Type) -> bool:
    """Whether a value of this type is one C++ number."""
    return isinstance(type_, ScalarType) or (isinstance(type_, TensorType) and type_.shape == ())


def is_register_variable(type_: Type) -> bool:
    """Whether this is a variable that holds a C++ number; variables of arrays are addresses that stay the same."""
    return isinstance(type_, VarType) and is_in_register(type_.content)


def literal(constant: Const) -> Expression:
    """A constant; its value is exact in the constant's own type."""
    type_, value = constant.type, constant.value
    if type_.kind == "bool":
        return Expression("true" if value else "false", Binding.POSTFIX)
    if type_.is_float:
        return _float_literal(float(value), single=type_.bits == 32)
    return _integer_literal(int(value), type_)


def _integer_literal(value: int, type_: ScalarType) -> Expression:
    if type_.kind == "uint":
        suffix = {32: "u", 64: "ull"}.get(type_.bits, "")
        return Expression(f"{value}{suffix}", Binding.POSTFIX)
    if value == -(2**63):
        return Expression("(-9223372036854775807ll - 1)", Binding.POSTFIX)
    if value == -(2**31) and type_.bits == 32:
        return Expression("(-2147483647 - 1)", Binding.POSTFIX)
    suffix = "ll" if abs(value) >= 2**31 and type_.bits == 64 else ""
    return Expression(f"{value}{suffix}", Binding.UNARY if value < 0 else Binding.POSTFIX)


def _float_literal(value: float, *, single: bool) -> Expression:
    suffix = "f" if single else ""
    if single:
        value = _as_single(value)
    if math.isnan(value):
        return Expression(f'__builtin_nan{suffix}("")', Binding.POSTFIX)
    negative = math.copysign(1.0, value) < 0
    sign, binding = ("-", Binding.UNARY) if negative else ("", Binding.POSTFIX)
    if math.isinf(value):
        return Expression(f"{sign}__builtin_inf{suffix}()", binding)
    digits = _shortest_single(abs(value)) if single else repr(abs(value))
    return Expression(f"{sign}{digits}{suffix}", binding)


def _as_single(value: float) -> float:
    if math.isnan(value) or math.isinf(value):
        return value
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def _shortest_single(value: float) -> str:
    """The shortest digits that C++ reads back as this float32, be it directly or through double; nine always do."""
    for precision in range(1, 10):
        digits = f"{value:.{precision}g}"
        if _as_single(float(digits)) == value and not _is_midway(float(digits)):
            return digits if any(mark in digits for mark in ".en") else f"{digits}.0"
    return repr(value)


def _is_midway(value: float) -> bool:
    """Whether a double lies midway between two float32: digits that were rounded to it may belong to either."""
    single = _as_single(value)
    return single != value and abs(value - single) * 2 == _gap_at(single)


def _gap_at(single: float) -> float:
    mantissa_bits, smallest_exponent = 23, -149
    exponent = math.frexp(single)[1] - 1 - mantissa_bits if single else smallest_exponent
    return math.ldexp(1.0, max(exponent, smallest_exponent))


def number_type(type_: Type) -> ScalarType:
    """The type of a number in a register."""
    match type_:
        case ScalarType():
            return type_
        case TensorType(dtype, ()):
            return dtype
    raise InternalError(f"a number is needed here, not {type_}")
