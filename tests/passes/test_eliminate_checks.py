"""Checks that surely pass are gone; those that may fail stay."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylms.ir.node import Node, walk
from pylms.ir.parser import parse_function
from pylms.ir.verify import verify
from pylms.passes import ranges
from pylms.passes.cse import EliminateCommonSubexpressions
from pylms.passes.dce import EliminateDeadCode
from pylms.passes.eliminate_checks import EliminateChecks
from pylms.passes.fold import Fold
from pylms.passes.licm import HoistLoopInvariants
from pylms.passes.simplify import Simplify
from tests.passes.before_after import check, check_unchanged
from tests.passes.random_ranges import Maker, check_strictly

CHECKS = EliminateChecks()
CLEAN_UP = (Fold(), Simplify(), EliminateCommonSubexpressions(), EliminateDeadCode(), HoistLoopInvariants())


def raising(text: str) -> list[str]:
    """What may still raise in a function: primitives in program order."""
    function = CHECKS.run(parse_function(text))
    verify(function)
    return [str(node.primitive) for node in walk(function.body) if _may_raise(node)]


def _may_raise(node: Node) -> bool:
    return node.effect.raises and not node.blocks


def access(index: str, extent: str = "%2", temporaries: int = 90) -> str:
    """The check of an index."""
    return f"""
        %{temporaries}: bool = in_bounds {index}, {extent}
        check %{temporaries} {{error = "IndexError", message = "no"}}
    """


def test_an_index_that_counts_to_the_length_is_not_checked() -> None:
    check(
        """
        function @f(%0.a: array<float64[:]@1>) {
          %2: int = array_dim %0 {axis = 0}
          for 0, %2, 1 do(%3.i: int) {
            %4: bool = in_bounds %3, %2
            check %4 {error = "IndexError", message = "no"}
            %5: int = normalize_index %3, %2
            %6: float64 = array_load %0, %5
            print %6 {format = "{}"}
            yield
          }
          return
        }
        """,
        """
        function @f(%0.a: array<float64[:]@1>) {
          %2: int = array_dim %0 {axis = 0}
          for 0, %2, 1 do(%3.i: int) {
            %6: float64 = array_load %0, %3
            print %6 {format = "{}"}
            yield
          }
          return
        }
        """,
        CHECKS,
    )


def test_an_index_beyond_the_length_or_from_outside_is_checked() -> None:
    check_unchanged(
        """
        function @f(%0.a: array<float64[:]@1>, %1.k: int) {
          %2: int = array_dim %0 {axis = 0}
          for 0, %1, 1 do(%3.i: int) {
            %4: bool = in_bounds %3, %2
            check %4 {error = "IndexError", message = "no"}
            %5: float64 = array_load %0, %3
            print %5 {format = "{}"}
            yield
          }
          %6: bool = in_bounds %1, %2
          check %6 {error = "IndexError", message = "no"}
          %7: int = normalize_index %1, %2
          return %7
        }
        """,
        CHECKS,
    )


def test_overflow_that_cannot_be_is_not_tested() -> None:
    check(
        """
        function @f(%0: int, %1: int, %2: int32) {
          %3: int = mod %0, 1000
          %4: int = mul %3, 31
          %5: int = convert %2 {dtype = int}
          %6: int = mul %5, %5
          %7: int = floordiv %3, 2
          %8: int = add %3, 1
          %9: int = floordiv %1, %8
          %10: int = add %6, %0
          return %4, %6, %7, %9, %10
        }
        """,
        """
        function @f(%0: int, %1: int, %2: int32) {
          %3: int = mod %0, 1000
          %4: int = mul %3, 31 {unchecked = True}
          %5: int = convert %2 {dtype = int}
          %6: int = mul %5, %5 {unchecked = True}
          %7: int = floordiv %3, 2 {natural = True}
          %8: int = add %3, 1 {unchecked = True}
          %9: int = floordiv %1, %8 {unchecked = True}
          %10: int = add %6, %0
          return %4, %6, %7, %9, %10
        }
        """,
        CHECKS,
    )


BINARY_SEARCH = f"""
function @search(%0.a: array<int64[:]@1>, %1: int64) {{
  %2: int = array_dim %0 {{axis = 0}}
  %3: int, %4: int = while 0, %2 do(%5: int, %6: int) {{
    %7: bool = lt %5, %6
    yield %7
  }} do(%8: int, %9: int) {{
    %10: int = add %8, %9
    %11: int = floordiv %10, 2
    {access("%11")}
    %12: int64 = array_load %0, %11
    %13: bool = lt %12, %1
    %14: int, %15: int = if %13 do {{
      %16: int = add %11, 1
      yield %16, %9
    }} do {{
      yield %8, %11
    }}
    yield %14, %15
  }}
  return %3
}}
"""
INSERTION_SORT = f"""
function @sort(%0.a: array<int64[:]@1>) {{
  %2: int = array_dim %0 {{axis = 0}}
  for 1, %2, 1 do(%3: int) {{
    %4: int64 = array_load %0, %3
    %5: int = sub %3, 1
    %6: int = while %5 do(%7: int) {{
      %8: bool = ge %7, 0
      %9: bool = if %8 do {{
        {access("%7")}
        %10: int64 = array_load %0, %7
        %11: bool = gt %10, %4
        yield %11
      }} do {{
        yield False
      }}
      yield %9
    }} do(%12: int) {{
      %13: int = add %12, 1
      {access("%12", temporaries=91)}
      {access("%13", temporaries=92)}
      %14: int64 = array_load %0, %12
      array_store %0, %14, %13
      %15: int = sub %12, 1
      yield %15
    }}
    %16: int = add %6, 1
    {access("%16", temporaries=93)}
    array_store %0, %4, %16
    yield
  }}
  return
}}
"""
COMPACTION = f"""
function @keep(%0.a: array<int64[:]@1>) {{
  %2: int = array_dim %0 {{axis = 0}}
  %3: int = for 0, %2, 1, 0 do(%4: int, %5: int) {{
    %6: int64 = array_load %0, %4
    %7: bool = gt %6, 0:int64
    %8: int = if %7 do {{
      {access("%5")}
      array_store %0, %6, %5
      %9: int = add %5, 1
      yield %9
    }} do {{
      yield %5
    }}
    yield %8
  }}
  %10: bool = le %3, %2
  check %10 {{error = "AssertionError", message = "no"}}
  return %3
}}
"""
SIEVE = f"""
function @sieve(%0.n: int) {{
  %1: bool = ge %0, 0
  check %1 {{error = "ValueError", message = "no"}}
  %2: array<uint8[:]@1> = array_new %0 {{dtype = uint8, region = 1}}
  %3: int = array_dim %2 {{axis = 0}}
  %4: int = while 2 do(%5: int) {{
    %6: bool = lt %5, %0
    yield %6
  }} do(%7: int) {{
    %8: int = while %7 do(%9: int) {{
      %10: bool = lt %9, %0
      yield %10
    }} do(%11: int) {{
      {access("%11", "%3")}
      array_store %2, 1:uint8, %11
      %12: int = add %11, %7
      yield %12
    }}
    %13: int = add %7, 1
    yield %13
  }}
  return
}}
"""
FLAT_MATRIX = f"""
function @fill(%0.n: int, %1.m: int) {{
  %3: int = maximum %0, 0
  %4: int = maximum %1, 0
  %5: int = minimum %3, 1000000
  %6: int = minimum %4, 1000000
  %7: int = mul %5, %6
  %8: array<int64[:]@1> = array_new %7 {{dtype = int64, region = 1}}
  %2: int = array_dim %8 {{axis = 0}}
  for 0, %5, 1 do(%9: int) {{
    for 0, %6, 1 do(%10: int) {{
      %11: int = mul %9, %6
      %12: int = add %11, %10
      {access("%12")}
      array_store %8, 1:int64, %12
      yield
    }}
    yield
  }}
  return
}}
"""
HASH = """
function @hash(%0.a: array<uint8[:]@1>) {
  %2: int = array_dim %0 {axis = 0}
  %3: int, %4: int = for 0, %2, 1, 7, 0 do(%5: int, %6: int, %7: int) {
    %8: uint8 = array_load %0, %5
    %9: int = convert %8 {dtype = int}
    %10: int = mul %6, 31
    %11: int = add %10, %9
    %12: int = mod %11, 1000003
    %13: bool = gt %9, 10
    %14: int = if %13 do {
      %15: int = add %7, 1
      yield %15
    } do {
      yield %7
    }
    yield %12, %14
  }
  return %3, %4
}
"""
STENCIL = f"""
function @stencil(%0.a: array<float64[:]@1>) {{
  %2: int = array_dim %0 {{axis = 0}}
  %3: int = sub %2, 1
  for 1, %3, 1 do(%4: int) {{
    %5: int = sub %4, 1
    %6: int = add %4, 1
    {access("%5", temporaries=91)}
    {access("%6", temporaries=92)}
    %7: float64 = array_load %0, %5
    array_store %0, %7, %6
    yield
  }}
  return
}}
"""
EDIT_DISTANCE = """
function @distance(%0.s: array<uint8[:]@1>, %1.t: array<uint8[:]@2>) {
  %2: int = array_dim %0 {axis = 0}
  %3: int = array_dim %1 {axis = 0}
  %4: bool = lt %2, 1000000000
  check %4 {error = "ValueError", message = "no"}
  %5: bool = lt %3, 1000000000
  check %5 {error = "ValueError", message = "no"}
  %6: int = add %2, 1
  %7: int = add %3, 1
  %8: array<int64[:,:]@3> = array_new %6, %7 {dtype = int64, region = 3}
  for 1, %6, 1 do(%9: int) {
    for 1, %7, 1 do(%10: int) {
      %11: int = sub %9, 1
      %12: int = array_dim %8 {axis = 0}
      %13: bool = in_bounds %11, %12
      check %13 {error = "IndexError", message = "no"}
      %14: int = sub %10, 1
      %15: int = array_dim %8 {axis = 1}
      %16: bool = in_bounds %14, %15
      check %16 {error = "IndexError", message = "no"}
      %17: bool = in_bounds %14, %3
      check %17 {error = "IndexError", message = "no"}
      %18: bool = in_bounds %11, %2
      check %18 {error = "IndexError", message = "no"}
      %19: bool = in_bounds %9, %12
      check %19 {error = "IndexError", message = "no"}
      yield
    }
    yield
  }
  return
}
"""


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (BINARY_SEARCH, []),
        (INSERTION_SORT, []),
        (COMPACTION, []),
        (SIEVE, ["check", "add"]),
        (SIEVE.replace("ge %0, 0", "ge %0, 0\n %99: bool = lt %0, 4611686018427387904\n"
                       'check %99 {error = "ValueError", message = "no"}'), ["check", "check"]),
        (FLAT_MATRIX, []),
        (FLAT_MATRIX.replace("add %11, %10", "add %11, 1"), ["check"]),
        (HASH, []),
        (STENCIL, []),
        (STENCIL.replace("for 1, %3", "for 0, %3"), []),
        (STENCIL.replace("for 1, %3", "for 1, %2"), ["check"]),
        (EDIT_DISTANCE, ["check", "check"]),
    ],
)  # fmt: skip
def test_kernels_keep_only_the_checks_that_may_fail(text: str, left: list[str]) -> None:
    assert raising(text) == left


def test_what_a_check_has_shown_is_not_checked_again() -> None:
    text = f"""
    function @f(%0: int, %2: int) {{
      {access("%0", temporaries=91)}
      {access("%0", temporaries=92)}
      %3: int = sub %0, 1
      %4: bool = ge %0, 1
      %5: bool = if %4 do {{
        {access("%3", temporaries=93)}
        yield True
      }} do {{
        yield False
      }}
      return %5
    }}
    """
    assert raising(text) == ["check"]


def test_a_branch_that_raises_tells_of_what_follows() -> None:
    text = f"""
    function @f(%0: int, %2: int) {{
      %1: bool = ge %0, %2
      if %1 do {{
        check False {{error = "ValueError", message = "no"}}
        yield
      }} do {{
        yield
      }}
      %3: bool = lt %0, 0
      if %3 do {{
        yield
      }} do {{
        {access("%0")}
        yield
      }}
      return
    }}
    """
    assert raising(text) == ["check"]


def test_a_wrapping_index_proves_nothing() -> None:
    text = """
    function @f(%0: int8, %1: array<int64[:]@1>) {
      %2: int = array_dim %1 {axis = 0}
      %3: int8 = add %0, 1:int8
      %4: bool = gt %0, 0:int8
      %5: bool = if %4 do {
        %6: int = convert %3 {dtype = int}
        %7: bool = ge %6, 0
        check %7 {error = "AssertionError", message = "no"}
        yield True
      } do {
        yield False
      }
      return %5
    }
    """
    assert raising(text) == ["check"]


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32), size=st.integers(3, 8))
def test_checks_that_go_would_have_passed(seed: int, size: int) -> None:
    chance = random.Random(seed)
    check_strictly(Maker(chance).function(size), CHECKS, chance=chance, runs=8)


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32), size=st.integers(3, 8), visits=st.integers(1, 8))
def test_an_analysis_that_is_cut_short_proves_nothing_wrong(seed: int, size: int, visits: int) -> None:
    chance = random.Random(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranges, "_VISITS_OF_A_NODE", visits)
        patch.setattr(ranges, "_VISITS", 0)
        check_strictly(Maker(chance).function(size), CHECKS, chance=chance, runs=8)


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32), size=st.integers(3, 8))
def test_other_passes_keep_what_is_left_unchecked(seed: int, size: int) -> None:
    """Even where what is never negative, or never zero, is computed although it is not needed."""
    chance = random.Random(seed)
    before = Maker(chance).function(size)
    check_strictly(CHECKS.run(before), *CLEAN_UP, chance=chance, runs=8, overflow_may_vanish=True)


def test_shifts_by_known_counts_have_ranges_and_others_are_checked() -> None:
    check(
        """
        function @f(%0: int, %1: int) {
          %2: int = bit_and %0, 255
          %3: int = shift_left %2, 20
          %4: int = maximum %1, 4611686018427387904
          %5: int = shift_left %2, %4
          %6: int = shift_right %3, 3
          %7: int = mul %6, 4096
          return %5, %7
        }
        """,
        """
        function @f(%0: int, %1: int) {
          %2: int = bit_and %0, 255
          %3: int = shift_left %2, 20 {unchecked = True}
          %4: int = maximum %1, 4611686018427387904
          %5: int = shift_left %2, %4
          %6: int = shift_right %3, 3
          %7: int = mul %6, 4096 {unchecked = True}
          return %5, %7
        }
        """,
        CHECKS,
    )
