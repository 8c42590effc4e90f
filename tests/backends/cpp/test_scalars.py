"""Generated C++ against the interpreter on every operation on numbers, at the values where they differ if they do."""

from __future__ import annotations

import functools
import itertools
import math

import numpy as np
import pytest

from pylms.backends.cpp.backend import CppBackend
from pylms.ir.interpret import interpret
from pylms.ir.ops import arithmetic as ops
from pylms.ir.ops import elementary, integers
from pylms.ir.parser import parse_function
from tests.backends.cpp.native import RecordingHost, compile_all

INTS = [0, 1, -1, 2, 3, -7, 63, 2**31, 3037000500, 2**62, 2**63 - 1, -(2**63), -(2**63) + 1]
FLOATS = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, 0.1, 1e300, -1e300, 5e-324, 710.0, 2.0**63, -(2.0**63)]
FLOATS += [math.inf, -math.inf, math.nan]
BOOLS = [False, True]
FIXED = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
TYPES = ["int", "float", "bool", *FIXED, "float32", "float64"]
EXACT = {
    "trunc",
    "rint",
    "copysign",
    "fmod",
    "sqrt",
    "floor",
    "ceil",
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "neg",
    "abs",
    "minimum",
    "maximum",
}


def values_of(type_):
    if type_ in ("int", "bool"):
        return INTS if type_ == "int" else BOOLS
    if type_ in ("float", "float64"):
        return FLOATS
    if type_ == "float32":
        with np.errstate(over="ignore"):
            return [np.float32(value) for value in [*FLOATS, 1e-45, 3e38, 88.8]]
    info = np.iinfo(type_)
    return [np.dtype(type_).type(v) for v in sorted({info.min, info.min + 1, 0, 1, 3, 7, info.max - 1, info.max})]


def operations():
    """(name, operand type, number of operands, result type, attributes)."""
    for type_ in TYPES:
        yield from ((p.name, type_, 2, "bool", "") for p in ops.COMPARISONS)
        if type_ == "bool":
            yield from ((p.name, type_, 1 if p is ops.LOGICAL_NOT else 2, "bool", "") for p in ops.LOGICAL)
            continue
        is_float = type_.startswith("float")
        for primitive in ops.BINARY:
            if is_float or primitive is not ops.TRUEDIV:
                yield primitive.name, type_, 2, type_, ""
        yield from ((p.name, type_, 1, type_, "") for p in (ops.NEG, ops.ABS))
        if is_float:
            yield from ((p.name, type_, 1, type_, "") for p in ops.ELEMENTARY)
        if is_float:
            known = elementary.PRIMITIVES if type_ == "float" else set(elementary.PRIMITIVES) - elementary.PYTHON_ONLY
            yield from (
                (p.name, type_, 2 if p in elementary.BINARY else 1, type_, "")
                for p in elementary.PRIMITIVES
                if p in known
            )
        else:
            yield from ((p.name, type_, 1 if p is integers.INVERT else 2, type_, "") for p in integers.BITWISE)
            yield from ((p.name, type_, 2, type_, "") for p in integers.SHIFTS)
            yield from ((p.name, type_, 1, "int", "") for p in (integers.BIT_LENGTH, integers.BIT_COUNT))
    yield "isqrt", "int", 1, "int", ""
    yield "gcd", "int", 2, "int", ""
    yield "int_truediv", "int", 2, "float", ""
    yield "modular_power", "int", 3, "int", ""
    for source, target in itertools.product(TYPES, TYPES):
        if not (source.startswith("float") and target in FIXED):
            yield "convert", source, 1, target, f" {{dtype = {target}}}"


def text_of(name, type_, arity, result, attributes):
    params = ", ".join(f"%{k}: {type_}" for k in range(arity))
    args = ", ".join(f"%{k}" for k in range(arity))
    return f"function @{name}({params}) {{ %9: {result} = {name} {args}{attributes} return %9 }}"


CASES = list(operations())


@functools.cache
def compiled():
    functions = [parse_function(text_of(*case)) for case in CASES]
    return list(zip(functions, compile_all(functions), strict=True))


def outcome(compute):
    try:
        return compute()[0]
    except Exception as error:
        return type(error), str(error)


def same(found, expected, exact):
    if isinstance(expected, tuple) or isinstance(found, tuple):
        return found == expected
    if type(found) is not type(expected):
        return False
    if isinstance(expected, (float, np.floating)):
        if math.isnan(expected) or math.isnan(found):
            return math.isnan(expected) and math.isnan(found)
        if not exact and math.isfinite(expected) and expected != 0:
            scale = max(abs(float(expected)), float(np.finfo(np.asarray(expected).dtype).tiny))
            return abs(float(found) - float(expected)) <= 8 * float(np.finfo(np.asarray(expected).dtype).eps) * scale
        return found == expected and math.copysign(1, found) == math.copysign(1, expected)
    return found == expected


@pytest.mark.parametrize("index", range(len(CASES)), ids=["-".join([c[0], c[1], c[3]]) for c in CASES])
def test_native_code_gives_what_the_interpreter_gives(index):
    name, type_, arity, _result, _attributes = CASES[index]
    function, native = compiled()[index]
    # Python's floats: the same C library. Others: NumPy has its own, and pow may be computed another way.
    exact = name in EXACT or (type_ == "float" and name not in ("pow", "sigmoid"))
    for args in itertools.product(*[values_of(type_)] * arity):
        if name == "pow" and type_ != "float" and args[1] == 0.5 and args[0] in (0.0, -math.inf):
            continue  # NumPy takes that for the square root of single numbers, and not in arrays
        expected = outcome(lambda args=args: interpret(function, args, host=RecordingHost()))
        found = outcome(lambda args=args: native(args))
        assert same(found, expected, exact), (args, found, expected)


CONSTANT_OPERANDS = [
    "%9: int = floordiv %0, -1",
    "%9: int = mod %0, 7",
    "%9: int = mod %0, -7",
    "%9: int = floordiv %0, 0",
    "%9: int = pow %0, 2",
    "%9: int = sub 0, %0",
    "%9: int = sub %0, -9223372036854775808",
    "%9: int = neg -5",
    "%9: int = mul %0, -1",
]


def test_constant_operands():
    functions = [parse_function(f"function @f(%0: int) {{ {node} return %9 }}") for node in CONSTANT_OPERANDS]
    for function, native in zip(functions, compile_all(functions), strict=True):
        for value in INTS:
            expected = outcome(lambda value=value: interpret(function, (value,), host=RecordingHost()))
            assert outcome(lambda value=value: native((value,))) == expected, (function.body.nodes[0], value)


@pytest.mark.parametrize("exponent", ["2.0", "0.5", "-1.0", "-0.5", "3.0", "0.0", "nan", "inf"])
def test_powers_with_a_constant_exponent(exponent):
    function = parse_function(f"function @f(%0: float) {{ %9: float = pow %0, {exponent} return %9 }}")
    (native,) = compile_all([function])
    for value in FLOATS:
        expected = outcome(lambda value=value: interpret(function, (value,), host=RecordingHost()))
        found = outcome(lambda value=value: native((value,)))
        assert same(found, expected, exact=False), (value, found, expected)


LITERALS = ["0.1:float32", "16777217.0:float32", "3.4028235e+38:float32", "1e-45:float32", "7.038531e-26:float32"]
LITERALS += ["nan:float32", "-inf:float32", "-0.0:float32", "4.35:float", "-0.0", "inf", "1e22", "5e-324"]
LITERALS += ["-9223372036854775808", "2147483648", "-2147483648:int32", "4294967295:uint32"]
LITERALS += ["18446744073709551615:uint64", "-128:int8", "True"]


def test_constants_arrive_exactly():
    functions = [parse_function(f"function @f() {{ return {literal} }}") for literal in LITERALS]
    for function, native in zip(functions, compile_all(functions), strict=True):
        assert same(native(())[0], interpret(function, (), host=RecordingHost())[0], exact=True), function.body.results


def test_products_are_not_joined_with_sums_to_one_rounding():
    function = parse_function(
        "function @f(%0: float, %1: float) { %2: float = mul %0, %0 %3: float = sub %2, %1 return %3 }"
    )
    (native,) = compile_all([function])
    for value in (0.1, 1 / 3, 1.0000001, math.pi):
        assert native((value, value * value)) == (0.0,)


def test_without_checks_ints_wrap_and_nothing_stops_the_process():
    unchecked = CppBackend(checks=False)
    cases = [case for case in CASES if case[1] in ("int", "float") and case[0] not in ("convert",)]
    functions = [parse_function(text_of(*case)) for case in cases]
    natives = compile_all(functions, backend=unchecked)
    results = {}
    for (name, type_, arity, *_), native in zip(cases, natives, strict=True):
        for args in itertools.product(*[values_of(type_)] * arity):
            results[name, type_, args] = native(args)[0]
    assert results["add", "int", (2**63 - 1, 1)] == -(2**63)
    assert results["mul", "int", (2**62, 2)] == -(2**63)
    assert results["floordiv", "int", (3, 0)] == 0 and results["mod", "int", (3, 0)] == 0
    assert results["floordiv", "int", (-(2**63), -1)] == -(2**63)
    assert results["truediv", "float", (1.0, 0.5)] == 2.0
    assert math.isnan(results["sqrt", "float", (-1.0,)])
