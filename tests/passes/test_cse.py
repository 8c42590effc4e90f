"""What is computed twice is computed once, as far as effects allow."""

from __future__ import annotations

from pylms.passes.cse import EliminateCommonSubexpressions
from tests.passes.before_after import check, check_unchanged

CSE = EliminateCommonSubexpressions()


def test_equal_computations_merge() -> None:
    check(
        """
        function @f(%0: int, %1: int) {
          %2: int = mul %0, %1
          %3: int = mul %1, %0
          %4: int = sub %2, %3
          return %4
        }
        """,
        """
        function @f(%0: int, %1: int) {
          %2: int = mul %0, %1
          %4: int = sub %2, %2
          return %4
        }
        """,
        CSE,
    )


def test_what_differs_in_attributes_or_in_the_sign_of_a_zero_does_not_merge() -> None:
    check_unchanged(
        """
        function @f(%0: float, %1: tensor<float[2x2]>) {
          %2: float = add %0, 0.0
          %3: float = add %0, -0.0
          %4: tensor<float[2x2]> = matmul %1, %1 {transpose_a = True, transpose_b = False}
          %5: tensor<float[2x2]> = matmul %1, %1 {transpose_a = False, transpose_b = True}
          return %2, %3, %4, %5
        }
        """,
        CSE,
    )


def test_an_inner_computation_uses_an_outer_one_but_not_the_other_way() -> None:
    check(
        """
        function @f(%0: float, %1: bool) {
          %2: float = mul %0, %0
          if %1 do {
            %3: float = mul %0, %0
            %4: float = add %0, %3
            print %4 {format = "{}"}
            yield
          } do {
            %5: float = add %0, %2
            print %5 {format = "{}"}
            yield
          }
          %6: float = add %0, %2
          return %6
        }
        """,
        """
        function @f(%0: float, %1: bool) {
          %2: float = mul %0, %0
          if %1 do {
            %4: float = add %0, %2
            print %4 {format = "{}"}
            yield
          } do {
            %5: float = add %0, %2
            print %5 {format = "{}"}
            yield
          }
          %6: float = add %0, %2
          return %6
        }
        """,
        CSE,
    )


def test_operations_that_may_raise_merge_into_an_earlier_one() -> None:
    check(
        """
        function @f(%0: int, %1: bool) {
          %2: int = floordiv 7, %0
          print %2 {format = "{}"}
          %3: int = floordiv 7, %0
          check %1 {error = "ValueError", message = "first"}
          check %1 {error = "IndexError", message = "second"}
          return %3
        }
        """,
        """
        function @f(%0: int, %1: bool) {
          %2: int = floordiv 7, %0
          print %2 {format = "{}"}
          check %1 {error = "ValueError", message = "first"}
          return %2
        }
        """,
        CSE,
    )


def test_reads_merge_until_the_buffer_is_written() -> None:
    check(
        """
        function @f(%9: int, %0.a: buffer<int[4]>, %1.b: buffer<int[4]>) captures 2 {
          %2: int = load_element %0, 1
          %3: int = load_element %0, 1
          store_element %1, %9, 0
          %4: int = load_element %0, 1
          store_element %0, %9, 0
          %5: int = load_element %0, 1
          return %2, %3, %4, %5
        }
        """,
        """
        function @f(%9: int, %0.a: buffer<int[4]>, %1.b: buffer<int[4]>) captures 2 {
          %2: int = load_element %0, 1
          store_element %1, %9, 0
          store_element %0, %9, 0
          %5: int = load_element %0, 1
          return %2, %2, %2, %5
        }
        """,
        CSE,
    )


def test_a_loop_that_writes_a_buffer_reads_it_anew() -> None:
    check_unchanged(
        """
        function @f(%0: int, %1.a: buffer<int[4]>) captures 1 {
          %2: int = load_element %1, 0
          for 0, 3, 1 do(%3: int) {
            %4: int = load_element %1, 0
            store_element %1, %3, 0
            print %4 {format = "{}"}
            yield
          }
          %5: int = load_element %1, 0
          return %2, %5
        }
        """,
        CSE,
    )


def test_a_load_after_a_store_is_the_value_stored() -> None:
    check(
        """
        function @f(%0: tensor<float32[3]>, %1: int, %2.a: buffer<float32[3]>, %3.b: buffer<int[4]>) captures 2 {
          store %2, %0
          %4: tensor<float32[3]> = load %2
          store_element %3, %1, 2
          %5: int = load_element %3, 2
          %6: int = load_element %3, 1
          return %4, %5, %6
        }
        """,
        """
        function @f(%0: tensor<float32[3]>, %1: int, %2.a: buffer<float32[3]>, %3.b: buffer<int[4]>) captures 2 {
          store %2, %0
          store_element %3, %1, 2
          %6: int = load_element %3, 1
          return %0, %1, %6
        }
        """,
        CSE,
    )


def test_while_differentiation_is_awaited_loads_stay() -> None:
    check_unchanged(
        """
        function @f(%0: tensor<float32[]>, %1.p: buffer<float32[]>) captures 1 {
          store %1, %0
          %2: tensor<float32[]> = load %1
          %3: tensor<float32[]> = mul %2, %2
          %4: tensor<float32[]> = backward %3, %1
          return %4
        }
        """,
        CSE,
    )


def test_memory_that_is_made_twice_stays_two() -> None:
    check_unchanged(
        """
        function @f() {
          %0: buffer<int[4]> = buffer_new {dtype = int, shape = (4,)}
          %1: buffer<int[4]> = buffer_new {dtype = int, shape = (4,)}
          store_element %0, 1, 0
          %2: int = load_element %1, 0
          return %2
        }
        """,
        CSE,
    )


def test_prints_are_not_merged() -> None:
    check_unchanged(
        """
        function @f(%0: int) {
          print %0 {format = "{}"}
          print %0 {format = "{}"}
          return
        }
        """,
        CSE,
    )
