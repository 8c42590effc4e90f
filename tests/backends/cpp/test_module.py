"""What generated C++ looks like, what the bundle says about it, and how it behaves towards its caller."""

from __future__ import annotations

import numpy as np
import pytest

from pylms.backends.cpp.backend import CppBackend
from pylms.backends.registry import backend_named
from pylms.errors import InternalError, PylmsError
from pylms.ir.builder import Builder
from pylms.ir.interpret import interpret
from pylms.ir.node import Function
from pylms.ir.ops.arithmetic import MUL
from pylms.ir.parser import parse_function
from pylms.ir.types import INT
from pylms.loc import Loc
from pylms.passes.pipeline import run_passes
from tests.backends.cpp.native import RecordingHost, compile_all


def power3() -> Function:
    builder = Builder()
    base = builder.fresh(INT, "b")
    with builder.block([base]) as scope:
        (square,) = builder.emit(MUL, [base, base], loc=Loc("/home/ada/demo.py", 12))
        (cube,) = builder.emit(MUL, [base, square], loc=Loc("/home/ada/demo.py", 12))
    return Function("power3", scope.finish([cube]), Loc("/home/ada/demo.py", 9))


POWER3 = """\
#include "pylms_abi.h"

// power3, demo.py:9
// Returns 0, or the number of the error:
//   1: OverflowError at line 12
static int power3(long long b, long long *result) {
  long long t1;
  if (__builtin_mul_overflow(b, b, &t1)) return 1;            // demo.py:12
  long long t2;
  if (__builtin_mul_overflow(b, t1, &t2)) return 1;           // demo.py:12
  *result = t2;
  return 0;
}

extern "C" int pylms_entry(pylms_context *ctx, const pylms_value *args, pylms_value *results) {
  return power3(args[0].i, &results[0].i);
}
"""

POWER3_UNCHECKED = """\
#include "pylms_abi.h"

// power3, demo.py:9
static long long power3(long long b) {
  return b * (b * b);
}

extern "C" int pylms_entry(pylms_context *ctx, const pylms_value *args, pylms_value *results) {
  results[0].i = power3(args[0].i);
  return 0;
}
"""


def test_power3_is_two_checked_multiplications():
    bundle = CppBackend().emit(power3())
    assert bundle.listing == POWER3
    assert [(site.error, site.loc.line) for site in bundle.error_sites] == [("OverflowError", 12)]
    assert bundle.headers == ("pylms_abi.h",) and not bundle.releases_gil


def test_power3_without_checks_is_two_multiplications():
    bundle = CppBackend(checks=False).emit(power3())
    assert bundle.listing == POWER3_UNCHECKED
    assert "-fwrapv" in bundle.flags and bundle.error_sites == ()


def test_the_source_is_the_listing_with_line_directives_to_the_python_source():
    bundle = CppBackend().emit(power3())
    assert '#line 12 "/home/ada/demo.py"\n  long long t1;\n' in bundle.source
    kept = [line for line in bundle.source.splitlines() if not line.startswith("#line")]
    assert kept == [line.split("  //")[0].rstrip() for line in bundle.listing.splitlines()]


LOOP = """
function @classify(%0.n: int, %1.scale: float) {
  %2: float = for 0, %0.n, 1, 0.0 do(%3.i: int, %4.total: float) {
    %5: float = convert %3.i {dtype = float}
    %6: float = mul %5, %1.scale
    %7: bool = gt %6, 100.0
    %8: float = if %7 do {
      %9: float = sub %6, 100.0
      yield %9
    } do {
      %10: bool = lt %6, 0.0
      %11: float = if %10 do {
        print %3.i {format = "negative at {}\\n"}
        yield 0.0
      } do {
        yield %6
      }
      yield %11
    }
    %12: float = add %4.total, %8
    yield %12
  }
  return %2
}
"""

LOOP_LISTING = """\
#include "pylms_abi.h"

// classify, <ir>:2
static int classify(pylms_context *ctx, long long n, double scale, double *result) {
  double total = 0.0;
  for (long long i = 0; i < n; ++i) {                         // <ir>:3
    const double t6 = (double)i * scale;                      // <ir>:5
    double t8;
    if (t6 > 100.0) {                                         // <ir>:7
      t8 = t6 - 100.0;
    } else if (t6 < 0.0) {                                    // <ir>:12
      pylms_value slots[1];
      slots[0].i = i;
      if (ctx->call(ctx, 0, slots)) return -1;                // <ir>:13
      t8 = 0.0;
    } else {
      t8 = t6;
    }
    total = total + t8;
    if (__builtin_expect(ctx->interrupt, 0) && ctx->poll(ctx)) return -1;
  }
  *result = total;
  return 0;
}
"""


def test_control_flow_reads_as_it_was_written():
    bundle = CppBackend().emit(parse_function(LOOP))
    assert bundle.listing.split("\nextern")[0] == LOOP_LISTING
    assert bundle.releases_gil


def run_both(text, *args, interrupted=False):
    function = parse_function(text)
    (native,) = compile_all([function])
    host = RecordingHost()
    results = native(args, host, interrupted=interrupted)
    return results, interpret(function, args, host=RecordingHost()), host


def test_prints_come_in_order():
    results, expected, host = run_both(LOOP, 4, -1.0)
    assert results == expected == (0.0,)
    assert host.printed == ["negative at 1\n", "negative at 2\n", "negative at 3\n"]


ENDLESS = """
function @endless(%0.x: int) {
  %1: int = while %0.x do(%2: int) { yield True } do(%3: int) { yield %3 }
  return %1
}
"""


def test_an_endless_loop_can_be_interrupted():
    with pytest.raises(KeyboardInterrupt):
        run_both(ENDLESS, 1, interrupted=True)


def test_short_loops_of_known_length_do_not_poll():
    text = """
    function @f(%0: float) {
      %1: float = for 0, 10, 1, %0 do(%2: int, %3: float) { %4: float = mul %3, %3 yield %4 }
      return %1
    }
    """
    listing = CppBackend().emit(parse_function(text)).listing
    assert "poll" not in listing and "static double f(double t0)" in listing


def test_an_exception_in_a_callback_leaves_the_function():
    text = """
    function @f(%0: int) {
      %1: int = host_call %0 {callback = 0, results = (int,), mutates = ()}
      %2: int = floordiv 1, 0
      return %1
    }
    """

    def answer(callback, args):
        raise RuntimeError(f"callback {callback} was given {args}")

    (native,) = compile_all([parse_function(text)])
    with pytest.raises(RuntimeError, match=r"callback 0 was given \(3,\)"):
        native((3,), RecordingHost(answer))


def test_host_calls_give_several_results_and_may_write_buffers():
    text = """
    function @f(%0: buffer<float[3]>, %1: float32) {
      %2: float32, %3: bool, %4: uint64 =
        host_call %0, %1 {callback = 1, results = (float32, bool, uint64), mutates = (0,)}
      %5: float = load_element %0, 2
      return %2, %3, %4, %5
    }
    """
    data = np.zeros(3)

    def answer(callback, args):
        data[2] = 7.5
        return args[1] * 2, True, 2**64 - 1

    (native,) = compile_all([parse_function(text)])
    assert native((data, 1.5), RecordingHost(answer)) == (3.0, True, 2**64 - 1, 7.5)


def test_names_are_kept_where_cpp_allows_them():
    names = ["while", "x", "x", "été", "_", "pylms_entry", "ctx", "a__b", "int", "x_2"]
    params = ", ".join(f'%{k}."{name}": int' for k, name in enumerate(names))
    sums = " ".join(f"%{k + 20}: int = sub %{k + 19 if k else 0}, %{k + 1}" for k in range(len(names) - 1))
    function = parse_function(f'function @"operator new"({params}) {{ {sums} return %{len(names) + 18} }}')
    (native,) = compile_all([function])
    assert "static int operator_new(long long while_2, long long x, long long x_2, long long t" in native.bundle.listing
    assert native((100, 1, 2, 3, 4, 5, 6, 7, 8, 9)) == (100 - 45,)


def test_values_that_swap_places_in_a_loop():
    text = """
    function @f(%0: int, %1: float, %2: float, %3: float) {
      %4: float, %5: float, %6: float = for 0, %0, 1, %1, %2, %3 do(%7: int, %8.a: float, %9.b: float, %10.c: float) {
        %11: float = add %8, 1.0
        yield %9, %10, %11
      }
      return %4, %5, %6
    }
    """
    for count in range(4):
        results, expected, _ = run_both(text, count, 1.0, 10.0, 100.0)
        assert results == expected


def legalised(text):
    return run_passes(parse_function(text), CppBackend().legalise())


def test_arrays_that_swap_places_in_a_loop():
    """Carried arrays have memory of their own: neither a new value nor a view of an old one overwrites the other."""
    text = """
    function @f(%0: int, %1: buffer<float[2x3]>, %2: buffer<float[3x2]>) {
      %3: tensor<float[2x3]> = load %1
      %4: tensor<float[3x2]> = load %2
      %5: tensor<float[2x3]>, %6: tensor<float[3x2]> = for 0, %0, 1, %3, %4
        do(%7: int, %8: tensor<float[2x3]>, %9: tensor<float[3x2]>) {
        %10: tensor<float[2x3]> = reshape %9 {shape = (2, 3)}
        %11: tensor<float[3x2]> = transpose %8 {permutation = (1, 0)}
        %12: tensor<float[2x2]> = matmul %8, %11 {transpose_a = False, transpose_b = False}
        %13: tensor<float[]> = reduce_sum %12 {axes = (0, 1)}
        %14: tensor<float[3x2]> = broadcast %13 {shape = (3, 2), axes = ()}
        %15: tensor<float[3x2]> = add %11, %14
        yield %10, %15
      }
      store %1, %5
      store %2, %6
      return
    }
    """
    function = legalised(text)
    (native,) = compile_all([function])
    for count in range(4):
        first = [np.arange(6.0).reshape(2, 3), -np.arange(6.0).reshape(3, 2)]
        second = [array.copy() for array in first]
        native([count, *first])
        interpret(function, [count, *second], host=RecordingHost())
        for found, expected in zip(first, second, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_array_variables_keep_what_was_read_before_they_change():
    text = """
    function @f(%0: buffer<float[3]>, %1: bool, %2: buffer<float[3]>) {
      %3: tensor<float[3]> = load %0
      %4: var<tensor<float[3]>> = var_new %3
      %5: tensor<float[3]> = var_get %4
      if %1 do {
        %6: tensor<float[3]> = add %5, %5
        var_set %4, %6
        yield
      } do { yield }
      %7: tensor<float[3]> = var_get %4
      %8: tensor<float[3]> = mul %7, %5
      store %2, %8
      return
    }
    """
    function = legalised(text)
    (native,) = compile_all([function])
    for flag in (False, True):
        data, found, expected = np.arange(3.0), np.zeros(3), np.zeros(3)
        native([data, flag, found])
        interpret(function, [data, flag, expected], host=RecordingHost())
        np.testing.assert_array_equal(found, expected)


def test_two_functions_of_one_text_are_the_same_bundle():
    assert CppBackend().emit(parse_function(LOOP)) == CppBackend().emit(parse_function(LOOP))


def test_arrays_are_not_results():
    text = "function @f(%0: buffer<float[2]>) { %1: tensor<float[2]> = load %0 return %1 }"
    with pytest.raises(InternalError, match="must be stored in a buffer"):
        CppBackend().emit(parse_function(text))


def test_backends_are_found_by_name():
    assert backend_named("cpp", checks=False) == CppBackend(checks=False)
    with pytest.raises(PylmsError, match="there is no backend `fortran`"):
        backend_named("fortran")
