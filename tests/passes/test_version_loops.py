"""What can be tested before a loop is not tested in it, and the loop that tests is kept for when that fails."""

from __future__ import annotations

import numpy as np
import pytest

from pylms.ir.node import Node, walk
from pylms.ir.ops.control import FOR, IF, WHILE
from pylms.ir.parser import parse_function
from pylms.ir.verify import verify
from pylms.passes.eliminate_checks import EliminateChecks
from tests.passes.before_after import check, check_unchanged
from tests.passes.random_functions import Recorder
from tests.passes.random_ranges import Limited

CHECKS = EliminateChecks()

SUM_OF_SOME = """
function @f(%0.a: array<float64[:]@1>, %1.n: int) {
  %2: int = array_dim %0 {axis = 0}
  %3: float64 = for 0, %1, 1, 0.0:float64 do(%4.i: int, %5: float64) {
    %6: bool = in_bounds %4, %2
    check %6 {error = "IndexError", message = "no"}
    %7: int = normalize_index %4, %2
    %8: float64 = array_load %0, %7
    %9: float64 = add %5, %8
    yield %9
  }
  return %3
}
"""


def test_a_bound_from_outside_is_compared_with_the_length_once() -> None:
    check(
        SUM_OF_SOME,
        """
        function @f(%0.a: array<float64[:]@1>, %1.n: int) {
          %2: int = array_dim %0 {axis = 0}
          %10: bool = le %1, %2
          %3: float64 = if %10 {versions = True} do {
            %11: float64 = for 0, %1, 1, 0.0:float64 do(%12.i: int, %13: float64) {
              %14: float64 = array_load %0, %12
              %15: float64 = add %13, %14
              yield %15
            }
            yield %11
          } do {
            %16: float64 = for 0, %1, 1, 0.0:float64 do(%4.i: int, %5: float64) {
              %6: bool = in_bounds %4, %2
              check %6 {error = "IndexError", message = "no"}
              %8: float64 = array_load %0, %4
              %9: float64 = add %5, %8
              yield %9
            }
            yield %16
          }
          return %3
        }
        """,
        CHECKS,
    )


def test_without_checks_there_is_one_loop() -> None:
    function = EliminateChecks(versions_loops=False).run(parse_function(SUM_OF_SOME))
    assert [node.primitive for node in walk(function.body) if node.blocks] == [FOR]


def test_a_loop_that_prints_is_not_copied() -> None:
    check_unchanged(
        """
        function @f(%0: int) {
          %1: int = for 0, %0, 1, 0 do(%2: int, %3: int) {
            %4: int = add %3, %2
            print %4 {format = "{}"}
            yield %4
          }
          return %1
        }
        """,
        CHECKS,
    )


MATRIX_PRODUCT = """
function @product(%0.a: array<float64[:,:]@1>, %1.b: array<float64[:,:]@2>, %2: int) {
  %3: int = array_dim %0 {axis = 0}
  %4: int = array_dim %0 {axis = 1}
  %5: int = array_dim %1 {axis = 0}
  %6: int = array_dim %1 {axis = 1}
  for 0, %2, 1 do(%7: int) {
    for 0, %2, 1 do(%8: int) {
      %9: float64 = for 0, %2, 1, 0.0:float64 do(%10: int, %11: float64) {
        %12: bool = in_bounds %7, %3
        check %12 {error = "IndexError", message = "1"}
        %13: bool = in_bounds %10, %4
        check %13 {error = "IndexError", message = "2"}
        %14: bool = in_bounds %10, %5
        check %14 {error = "IndexError", message = "3"}
        %15: bool = in_bounds %8, %6
        check %15 {error = "IndexError", message = "4"}
        %16: float64 = array_load %0, %7, %10
        %17: float64 = array_load %1, %10, %8
        %18: float64 = mul %16, %17
        %19: float64 = add %11, %18
        yield %19
      }
      array_store %0, %9, %7, %8
      yield
    }
    yield
  }
  return
}
"""
FLAT = """
function @flat(%0.n: int, %1.m: int, %2.a: array<int64[:]@1>) {
  %3: int = array_dim %2 {axis = 0}
  for 0, %0, 1 do(%4: int) {
    for 0, %1, 1 do(%5: int) {
      %6: int = mul %4, %1
      %7: int = add %6, %5
      %8: bool = in_bounds %7, %3
      check %8 {error = "IndexError", message = "no"}
      array_store %2, 1:int64, %7
      yield
    }
    yield
  }
  return
}
"""
SUM_OF_INDICES = """
function @sum(%0: int) {
  %1: int = for 0, %0, 1, 0 do(%2: int, %3: int) {
    %4: int = mul %2, 3
    %5: int = add %3, %4
    yield %5
  }
  return %1
}
"""
STRIDED = """
function @strided(%0.n: int, %1.k: int, %2.a: array<int64[:]@1>) {
  %3: int = array_dim %2 {axis = 0}
  %4: bool = gt %1, 0
  check %4 {error = "ValueError", message = "no"}
  for 5, %0, %1 do(%5: int) {
    %6: int = sub %5, 5
    %7: bool = in_bounds %6, %3
    check %7 {error = "IndexError", message = "no"}
    array_store %2, 1:int64, %6
    yield
  }
  return
}
"""
COUNTED_BY_HAND = """
function @count(%0.n: int, %1.a: array<int64[:]@1>) {
  %2: int = array_dim %1 {axis = 0}
  %3: int, %4: int = while 0, 0 do(%5: int, %6: int) {
    %7: bool = lt %5, %0
    yield %7
  } do(%8: int, %9: int) {
    %10: bool = in_bounds %8, %2
    check %10 {error = "IndexError", message = "no"}
    %11: int64 = array_load %1, %8
    %12: int = convert %11 {dtype = int}
    %13: int = mod %12, 10
    %14: int = add %9, %13
    %15: int = add %8, 1
    yield %15, %14
  }
  return %4
}
"""


@pytest.mark.parametrize("text", [MATRIX_PRODUCT, FLAT, SUM_OF_INDICES, STRIDED, COUNTED_BY_HAND])
def test_a_nest_is_there_without_a_check_and_with_all(text: str) -> None:
    before = parse_function(text)
    function = CHECKS.run(before)
    verify(function)
    (choice,) = [node for node in function.body.nodes if node.primitive is IF]
    unchecked, checked = choice.blocks
    assert not any(node.effect.raises for node in unchecked.nodes)
    assert sum(_count(node) for node in checked.nodes) == sum(
        _count(node) for node in before.body.nodes if node.primitive in (FOR, WHILE)
    )


def _count(node: Node) -> int:
    """Checks within."""
    inside = (inner for block in node.blocks for inner in walk(block))
    return sum(1 for inner in inside if inner.primitive.name == "check")


def test_what_is_written_before_an_error_is_written() -> None:
    function = CHECKS.run(parse_function(FLAT))
    array = np.zeros(5, np.int64)
    with pytest.raises(IndexError, match="no"):
        Limited(Recorder(), {}).run_block(function.body, (2, 3, array))
    assert array.tolist() == [1, 1, 1, 1, 1]
    array = np.zeros(6, np.int64)
    Limited(Recorder(), {}).run_block(function.body, (2, 3, array))
    assert array.tolist() == [1] * 6
