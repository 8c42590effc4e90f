"""What does not change in a loop is computed before it."""

from __future__ import annotations

from pylms.passes.licm import HoistLoopInvariants
from tests.passes.before_after import check, check_unchanged

LICM = HoistLoopInvariants()


def test_pure_invariants_leave_all_loops() -> None:
    check(
        """
        function @f(%0: float, %1: int) {
          for 0, %1, 1 do(%2: int) {
            for 0, %2, 1 do(%3: int) {
              %4: float = mul %0, %0
              %5: tensor<float[3]> = broadcast %4 {shape = (3,), axes = ()}
              %6: float = convert %2 {dtype = float}
              %7: float = add %4, %6
              print %7 {format = "{}"}
              yield
            }
            yield
          }
          return
        }
        """,
        """
        function @f(%0: float, %1: int) {
          %4: float = mul %0, %0
          %5: tensor<float[3]> = broadcast %4 {shape = (3,), axes = ()}
          for 0, %1, 1 do(%2: int) {
            %6: float = convert %2 {dtype = float}
            %7: float = add %4, %6
            for 0, %2, 1 do(%3: int) {
              print %7 {format = "{}"}
              yield
            }
            yield
          }
          return
        }
        """,
        LICM,
    )


def test_what_may_raise_stays_in_a_loop_that_may_not_run() -> None:
    check_unchanged(
        """
        function @f(%0: int, %1: int) {
          for 0, %1, 1 do(%2: int) {
            %3: int = floordiv 7, %0
            print %3 {format = "{}"}
            yield
          }
          return
        }
        """,
        LICM,
    )


def test_what_may_raise_leaves_the_start_of_a_loop_that_runs() -> None:
    check(
        """
        function @f(%0: int) {
          for 0, 3, 1 do(%1: int) {
            %2: float = convert %1 {dtype = float}
            %3: int = floordiv 7, %0
            print %2, %3 {format = "{} {}"}
            %4: int = floordiv 8, %0
            print %4 {format = "{}"}
            yield
          }
          return
        }
        """,
        """
        function @f(%0: int) {
          %3: int = floordiv 7, %0
          for 0, 3, 1 do(%1: int) {
            %2: float = convert %1 {dtype = float}
            print %2, %3 {format = "{} {}"}
            %4: int = floordiv 8, %0
            print %4 {format = "{}"}
            yield
          }
          return
        }
        """,
        LICM,
    )


def test_a_condition_runs_at_least_once_and_a_body_may_not() -> None:
    check(
        """
        function @f(%0: int) {
          %1: int = while 0 do(%2: int) {
            %3: int = add %0, 1
            %4: bool = lt %2, %3
            yield %4
          } do(%5: int) {
            %6: int = sub %0, 1
            %7: int = add %5, %6
            yield %7
          }
          return %1
        }
        """,
        """
        function @f(%0: int) {
          %3: int = add %0, 1
          %1: int = while 0 do(%2: int) {
            %4: bool = lt %2, %3
            yield %4
          } do(%5: int) {
            %6: int = sub %0, 1
            %7: int = add %5, %6
            yield %7
          }
          return %1
        }
        """,
        LICM,
    )


def test_loads_leave_a_loop_that_does_not_write_the_buffer() -> None:
    check(
        """
        function @f(%9: int, %0.a: buffer<float32[3]>, %1.b: buffer<float32[3]>) captures 2 {
          for 0, %9, 1 do(%2: int) {
            %3: tensor<float32[3]> = load %0
            %4: tensor<float32[3]> = load %1
            %5: tensor<float32[3]> = add %3, %4
            store %1, %5
            yield
          }
          return
        }
        """,
        """
        function @f(%9: int, %0.a: buffer<float32[3]>, %1.b: buffer<float32[3]>) captures 2 {
          %3: tensor<float32[3]> = load %0
          for 0, %9, 1 do(%2: int) {
            %4: tensor<float32[3]> = load %1
            %5: tensor<float32[3]> = add %3, %4
            store %1, %5
            yield
          }
          return
        }
        """,
        LICM,
    )


def test_a_read_at_an_index_stays_behind_its_check() -> None:
    check_unchanged(
        """
        function @f(%0: int, %1: int, %2.a: buffer<int[4]>) captures 1 {
          for 0, %0, 1 do(%3: int) {
            %4: bool = lt %3, %1
            check %4 {error = "IndexError", message = "no"}
            %5: int = load_element %2, %1
            print %5 {format = "{}"}
            yield
          }
          return
        }
        """,
        LICM,
    )


def test_memory_is_made_anew_in_each_iteration() -> None:
    check_unchanged(
        """
        function @f(%0: int) {
          for 0, %0, 1 do(%1: int) {
            %2: buffer<int[4]> = buffer_new {dtype = int, shape = (4,)}
            %3: int = load_element %2, 0
            store_element %2, 1, 0
            print %3 {format = "{}"}
            yield
          }
          return
        }
        """,
        LICM,
    )


def test_what_stands_in_a_branch_stays_there_and_a_pure_branch_moves_whole() -> None:
    check(
        """
        function @f(%0: int, %1: bool, %2: float) {
          for 0, %0, 1 do(%3: int) {
            %4: float = if %1 do {
              %5: float = mul %2, %2
              yield %5
            } do {
              yield %2
            }
            if %1 do {
              %6: float = add %2, %2
              print %6, %4 {format = "{} {}"}
              yield
            } do {
              yield
            }
            yield
          }
          return
        }
        """,
        """
        function @f(%0: int, %1: bool, %2: float) {
          %4: float = if %1 do {
            %5: float = mul %2, %2
            yield %5
          } do {
            yield %2
          }
          for 0, %0, 1 do(%3: int) {
            if %1 do {
              %6: float = add %2, %2
              print %6, %4 {format = "{} {}"}
              yield
            } do {
              yield
            }
            yield
          }
          return
        }
        """,
        LICM,
    )


def test_while_differentiation_is_awaited_loads_stay_in_their_loop() -> None:
    check_unchanged(
        """
        function @f(%0: int, %1.p: buffer<float32[]>, %2.g: buffer<float32[]>) captures 2 {
          for 0, %0, 1 do(%3: int) {
            %4: tensor<float32[]> = load %1
            %5: tensor<float32[]> = mul %4, %4
            %6: tensor<float32[]> = backward %5, %1
            store %2, %6
            yield
          }
          return
        }
        """,
        LICM,
    )


def test_what_reads_behind_a_check_or_may_go_on_for_ever_stays_also_within_a_branch() -> None:
    check_unchanged(
        """
        function @f(%0: int, %1: int, %2: bool, %3.a: array<int64[:]@1>) {
          for 0, %0, 1 do(%4: int) {
            %5: bool = lt %4, %1
            check %5 {error = "IndexError", message = "no"}
            %6: int64 = if %2 do {
              %7: int64 = array_load %3, %1
              yield %7
            } do {
              yield 0:int64
            }
            if %2 do {
              while do {
                yield %2
              } do {
                yield
              }
              yield
            } do {
              yield
            }
            print %6 {format = "{}"}
            yield
          }
          return
        }
        """,
        LICM,
    )
