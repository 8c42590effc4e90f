"""The reference interpreter against Python and NumPy themselves."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pylms.errors import InternalError
from pylms.ir.interpret import evaluate_rules, interpret
from pylms.ir.ops.catalogue import PRIMITIVES
from pylms.ir.parser import parse_function

INTS = [0, 1, -1, 2, 3, -7, 63, 2**31, 2**62, 2**63 - 1, -(2**63)]
FLOATS = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, 1e300, -1e300, 5e-324, 2.0**63, math.inf, -math.inf, math.nan]


class Host:
    def __init__(self):
        self.printed = ""
        self.calls = []

    def print(self, text):
        self.printed += text

    def call(self, callback, args):
        self.calls.append((callback, args))
        return (len(self.calls),)


def run(text, *args, host=None):
    return interpret(parse_function(text), args, host=host or Host())


def outcome(compute):
    """A result that compares by type, sign and NaN, or the exception and its message."""
    try:
        result = compute()
    except (ArithmeticError, ValueError) as error:
        return type(error), str(error)
    return type(result), repr(result)


def operation(name, type_, arity, result=None):
    params = ", ".join(f"%{k}: {type_}" for k in range(arity))
    args = ", ".join(f"%{k}" for k in range(arity))
    return f"function @f({params}) {{ %9: {result or type_} = {name} {args} return %9 }}"


def fits(value):
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise OverflowError("too large")
    return value


INT_OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "floordiv": operator.floordiv,
    "mod": operator.mod,
    "minimum": min,
    "maximum": max,
}


@pytest.mark.parametrize("name", INT_OPERATIONS)
def test_int_arithmetic_is_pythons_within_64_bits(name):
    function = parse_function(operation(name, "int", 2))
    for pair in itertools.product(INTS, INTS):
        expected = outcome(lambda pair=pair: fits(INT_OPERATIONS[name](*pair)))
        found = outcome(lambda pair=pair: interpret(function, pair, host=Host())[0])
        if expected[0] is OverflowError:
            assert found[0] is OverflowError and "does not fit 64 bits" in found[1], pair
        else:
            assert found == expected, pair


FLOAT_OPERATIONS = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "truediv": operator.truediv,
    "floordiv": operator.floordiv,
    "mod": operator.mod,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "eq": operator.eq,
    "ne": operator.ne,
}


@pytest.mark.parametrize("name", FLOAT_OPERATIONS)
def test_float_arithmetic_is_pythons(name):
    is_comparison = len(name) == 2
    function = parse_function(operation(name, "float", 2, "bool" if is_comparison else None))
    for pair in itertools.product(FLOATS, FLOATS):
        expected = outcome(lambda pair=pair: FLOAT_OPERATIONS[name](*pair))
        assert outcome(lambda pair=pair: interpret(function, pair, host=Host())[0]) == expected, pair


def test_float_power_is_pythons_except_for_complex_results():
    function = parse_function(operation("pow", "float", 2))
    for pair in itertools.product(FLOATS, FLOATS):
        expected = outcome(lambda pair=pair: operator.pow(*pair))
        if expected[0] is complex:
            expected = outcome(lambda: raise_value_error())
        assert outcome(lambda pair=pair: interpret(function, pair, host=Host())[0]) == expected, pair


def raise_value_error():
    raise ValueError("a negative number to a fractional power is a complex number, which staged code does not have")


@pytest.mark.parametrize(("base", "exponent"), [(2, 62), (-2, 63), (7, 0), (0, 0), (-1, 10**9), (10, 18)])
def test_int_power(base, exponent):
    assert run(operation("pow", "int", 2), base, exponent) == (base**exponent,)


def test_int_power_that_does_not_fit_raises():
    with pytest.raises(OverflowError, match="does not fit 64 bits"):
        run(operation("pow", "int", 2), 3, 10**12)
    with pytest.raises(ValueError, match="convert the base with float"):
        run(operation("pow", "int", 2), 3, -1)


@pytest.mark.parametrize("name", ["exp", "log", "sqrt", "sin", "cos", "tan", "tanh"])
def test_elementary_functions_of_floats_are_those_of_math(name):
    function = parse_function(operation(name, "float", 1))
    for value in FLOATS:
        expected = outcome(lambda value=value: getattr(math, name)(value))
        assert outcome(lambda value=value: interpret(function, (value,), host=Host())[0]) == expected, value


@pytest.mark.parametrize("type_", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"])
@pytest.mark.parametrize("name", ["add", "sub", "mul", "floordiv", "mod"])
def test_fixed_width_integers_wrap_as_numpy_does(type_, name):
    info = np.iinfo(type_)
    function = parse_function(operation(name, type_, 2))
    numpy_function = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "floordiv": np.floor_divide, "mod": np.mod}
    values = [np.dtype(type_).type(v) for v in (info.min, info.max, 0, 1, 3, info.max // 2)]
    for pair in itertools.product(values, values):
        with np.errstate(all="ignore"):
            expected = numpy_function[name](*pair)
        found: Any = interpret(function, pair, host=Host())[0]
        assert found == expected and found.dtype == type_, pair


def test_minimum_and_maximum_give_nan_when_an_operand_is_nan():
    for name, type_ in itertools.product(["minimum", "maximum"], ["float", "float32"]):
        for pair in [(math.nan, 1.0), (1.0, math.nan)]:
            assert math.isnan(run(operation(name, type_, 2), *pair)[0])


def test_float_to_int_truncates_and_raises_as_python_does():
    text = "function @f(%0: float) { %1: int = convert %0 {dtype = int} return %1 }"
    assert run(text, -2.9) == (-2,)
    with pytest.raises(ValueError, match="cannot convert float NaN to integer"):
        run(text, math.nan)
    with pytest.raises(OverflowError, match="cannot convert float infinity to integer"):
        run(text, math.inf)
    with pytest.raises(OverflowError, match="too large for a 64-bit integer"):
        run(text, 2.0**63)
    assert run(text, -(2.0**63)) == (-(2**63),)


def test_conversion_between_widths_wraps_integers_and_rounds_floats():
    assert run("function @f(%0: int) { %1: int8 = convert %0 {dtype = int8} return %1 }", 200) == (np.int8(-56),)
    (found,) = run("function @f(%0: float) { %1: float32 = convert %0 {dtype = float32} return %1 }", 0.1)
    assert found == np.float32(0.1) and found.dtype == np.float32


def test_float32_arithmetic_is_done_in_float32():
    (found,) = run(operation("add", "float32", 2), 16777216.0, 1.0)
    assert found == np.float32(16777216.0)


LOOP = """
function @f(%0.n: int) {
  %1: int, %2: int = while 0, 1 do(%3.i: int, %4.p: int) {
    %5: bool = lt %3, %0
    yield %5
  } do(%6.i: int, %7.p: int) {
    %8: int = add %6, 1
    %9: int = mul %7, 2
    yield %8, %9
  }
  return %1, %2
}
"""


def test_while_carries_its_values():
    assert run(LOOP, 10) == (10, 1024)
    assert run(LOOP, -1) == (0, 1)


def test_if_runs_one_side():
    text = """
    function @f(%0: bool, %1: int) {
      %2: int = if %0 do { %3: int = floordiv 10, %1 yield %3 } do { yield -1 }
      return %2
    }
    """
    assert run(text, True, 3) == (3,)
    assert run(text, False, 0) == (-1,)


@pytest.mark.parametrize(("start", "stop", "step"), [(0, 5, 1), (5, 0, -2), (0, 0, 1), (3, 100, 50)])
def test_for_counts_as_range_does(start, stop, step):
    text = """
    function @f(%0: int, %1: int, %2: int) {
      %3: int = for %0, %1, %2, 0 do(%4.i: int, %5.total: int) {
        %6: int = mul %5, 31
        %7: int = add %6, %4
        yield %7
      }
      return %3
    }
    """
    total = 0
    for index in range(start, stop, step):
        total = total * 31 + index
    assert run(text, start, stop, step) == (total,)


def test_check_raises_the_named_exception():
    text = 'function @f(%0: bool) { check %0 {error = "IndexError", message = "list index out of range"} return 1 }'
    assert run(text, True) == (1,)
    with pytest.raises(IndexError, match="list index out of range"):
        run(text, False)


def test_variables_hold_what_was_set_last():
    text = """
    function @f(%0: int) {
      %1.x: var<int> = var_new %0
      %2: var<float> = var_new {content = float}
      %3: int = var_get %1
      var_set %1, 5
      %4: int = var_get %1
      %5: float = var_get %2
      return %3, %4, %5
    }
    """
    assert run(text, 3) == (3, 5, 0.0)


def test_print_formats_as_python_does():
    host = Host()
    text = 'function @f(%0: float, %1: float32, %2: bool) { print %0, %1, %2 {format = "{} {:.3f} {}\\n"} return }'
    assert run(text, 0.1, np.float32(2.5), True, host=host) == ()
    assert host.printed == "0.1 2.500 True\n"


def test_host_call_passes_buffers_to_be_written():
    host = Host()
    buffer = np.zeros(3, np.float32)
    text = """
    function @f(%0: int, %1: buffer<float32[3]>) {
      %2: float = host_call %0, %1 {callback = 4, results = (float,), mutates = (1,)}
      return %2
    }
    """
    assert run(text, 7, buffer, host=host) == (1.0,)
    assert host.calls[0][0] == 4 and host.calls[0][1][1] is buffer


def test_buffers_are_written_in_place_and_reads_keep_the_old_content():
    buffer = np.arange(6, dtype=np.float32).reshape(3, 2)
    text = """
    function @f(%0: buffer<float32[3x2]>, %1: int) {
      %2: tensor<float32[3x2]> = load %0
      %3: float32 = load_element %0, %1, 1
      %4: tensor<float32[2x2]> = slice_rows %0, 1 {count = 2}
      store_element %0, 9.0:float32, %1, 1
      %5: tensor<float32[3x2]> = add %2, %2
      %6: float32 = load_element %0, %1, 1
      store %0, %5
      return %3, %6, %2, %4
    }
    """
    first, second, loaded, rows = run(text, buffer, 2)
    old = np.arange(6, dtype=np.float32).reshape(3, 2)
    assert (first, second) == (5.0, 9.0)
    np.testing.assert_array_equal(loaded, old)
    np.testing.assert_array_equal(rows, old[1:])
    np.testing.assert_array_equal(buffer, old + old)


def test_gather_rows_follows_the_order():
    data, order = np.arange(8.0, dtype=np.float32).reshape(4, 2), np.array([3, 0, 2, 1])
    text = """
    function @f(%0: buffer<float32[4x2]>, %1: buffer<int64[4]>) {
      %2: tensor<float32[2x2]> = gather_rows %0, %1, 1 {count = 2}
      return %2
    }
    """
    np.testing.assert_array_equal(run(text, data, order)[0], data[[0, 2]])


def test_new_buffers_are_zero():
    text = """
    function @f() {
      %0: buffer<int64[2]> = buffer_new {dtype = int64, shape = (2,)}
      %1: tensor<int64[2]> = load %0
      return %1
    }
    """
    np.testing.assert_array_equal(run(text)[0], [0, 0])


X = np.arange(6, dtype=np.float32).reshape(2, 3) - 2.5

TENSOR_CASES = [
    ("tensor<float32[4x2x3]>", "broadcast %0 {shape = (4, 2, 3), axes = (1, 2)}", lambda x: np.stack([x] * 4)),
    ("tensor<float32[3x2]>", "reshape %0 {shape = (3, 2)}", lambda x: x.reshape(3, 2)),
    ("tensor<float32[3x2]>", "transpose %0 {permutation = (1, 0)}", lambda x: x.T),
    ("tensor<float32[3]>", "reduce_sum %0 {axes = (0,)}", lambda x: x.sum(0)),
    ("tensor<float32[]>", "reduce_max %0 {axes = (0, 1)}", lambda x: x.max()),
    ("tensor<float32[2x2]>", "matmul %0, %0 {transpose_a = False, transpose_b = True}", lambda x: x @ x.T),
    ("tensor<float32[3x3]>", "matmul %0, %0 {transpose_a = True, transpose_b = False}", lambda x: x.T @ x),
    ("tensor<int64[2]>", "argmax %0 {axis = 1}", lambda x: x.argmax(1)),
    ("tensor<float32[2x3]>", "stop_gradient %0", lambda x: x),
    ("tensor<float32[2x3]>", "exp %0", np.exp),
    ("tensor<bool[2x3]>", "lt %0, %0", lambda x: x < x),
    ("tensor<int32[2x3]>", "convert %0 {dtype = int32}", lambda x: x.astype(np.int32)),
    ("tensor<float32[2x3]>", "sigmoid %0", lambda x: 1 / (1 + np.exp(-x))),
]


@pytest.mark.parametrize(("type_", "node", "expected"), TENSOR_CASES, ids=[case[1].split()[0] for case in TENSOR_CASES])
def test_tensor_operations_are_numpys(type_, node, expected):
    (found,) = run(f"function @f(%0: tensor<float32[2x3]>) {{ %1: {type_} = {node} return %1 }}", X)
    reference = np.asarray(expected(X))
    np.testing.assert_allclose(found, reference, rtol=1e-6)
    assert found.dtype == reference.dtype and found.shape == reference.shape


def test_pick_and_one_hot():
    text = """
    function @f(%0: tensor<float32[2x3]>, %1: tensor<int64[2]>) {
      %2: tensor<float32[2]> = pick %0, %1
      %3: tensor<float32[2x3]> = one_hot %1 {depth = 3, dtype = float32}
      return %2, %3
    }
    """
    picked, hot = run(text, X, np.array([2, 0]))
    np.testing.assert_array_equal(picked, [X[0, 2], X[1, 0]])
    np.testing.assert_array_equal(hot, [[0, 0, 1], [1, 0, 0]])


def test_an_empty_maximum_is_the_least_value():
    text = "function @f(%0: tensor<float32[2x0]>) { %1: tensor<float32[2]> = reduce_max %0 {axes = (1,)} return %1 }"
    np.testing.assert_array_equal(run(text, np.zeros((2, 0), np.float32))[0], [-np.inf, -np.inf])


def test_rank_zero_tensors_convert_to_numbers_and_back():
    text = """
    function @f(%0: float32) {
      %1: tensor<float32[]> = broadcast %0 {shape = (), axes = ()}
      %2: float32 = element %1
      return %1, %2
    }
    """
    tensor, number = run(text, 2.5)
    assert tensor.shape == () and number == 2.5 and isinstance(number, np.float32)


def test_selection_by_element_and_as_a_whole():
    text = """
    function @f(%0: tensor<float32[2x3]>, %1: bool) {
      %2: tensor<bool[2x3]> = lt %0, %0
      %3: tensor<float32[2x3]> = neg %0
      %4: tensor<float32[2x3]> = select %2, %0, %3
      %5: tensor<float32[2x3]> = select %1, %0, %3
      return %4, %5
    }
    """
    elementwise, whole = run(text, X, True)
    np.testing.assert_array_equal(elementwise, -X)
    np.testing.assert_array_equal(whole, X)


def test_backward_must_be_differentiated_away_first():
    text = """
    function @f(%0: tensor<float32[]>, %1: buffer<float32[2]>) {
      %2: tensor<float32[2]> = backward %0, %1
      return %2
    }
    """
    with pytest.raises(InternalError, match="differentiation replaces it"):
        run(text, np.float32(1), np.zeros(2, np.float32))


def test_every_primitive_has_an_evaluation_rule():
    assert evaluate_rules.missing(PRIMITIVES) == []


def test_the_number_of_arguments_is_checked():
    with pytest.raises(InternalError, match="takes 1 arguments, not 2"):
        run(LOOP, 1, 2)


def test_lists_and_dicts_are_pythons():
    text = """function @f(%0: int, %1: str) {
      %2: list<(int, str)> = list_new %0, %1, 7, %1 {type = list<(int, str)>}
      list_append %2, 1, %1
      %3: int, %4: str = list_pop %2, 0
      %5: dict<str, list<(int, str)>> = dict_new {type = dict<str, list<(int, str)>>}
      dict_set %5, %1, %2
      %6: list<(int, str)> = dict_get %5, %4
      list_reverse %6
      return %5, %2
    }"""
    found = run(text, 3, "é")
    assert found == ({"é": [(1, "é"), (7, "é")]}, [(1, "é"), (7, "é")])
    assert found[0]["é"] is found[1]
