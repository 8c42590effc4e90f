"""What nobody needs is dropped; what can be seen from outside stays."""

from __future__ import annotations

from pylms.passes.dce import EliminateDeadCode
from tests.passes.before_after import check, check_unchanged

DCE = EliminateDeadCode()


def test_unused_values_are_dropped_together_with_what_only_they_used() -> None:
    check(
        """
        function @f(%0: int) {
          %1: int = add %0, 1
          %2: int = mul %1, 2
          %3: int = sub %0, 1
          return %3
        }
        """,
        "function @f(%0: int) { %3: int = sub %0, 1 return %3 }",
        DCE,
    )


def test_what_may_raise_an_error_of_python_stays() -> None:
    check_unchanged(
        """
        function @f(%0: int, %1: float) {
          %2: int = floordiv 1, %0
          %3: float = log %1
          check False {error = "ValueError", message = "no"}
          return
        }
        """,
        DCE,
    )


def test_unused_results_of_a_branch_are_dropped() -> None:
    check(
        """
        function @f(%0: bool, %1: float) {
          %2: float, %3: float = if %0 do {
            %4: float = mul %1, %1
            %5: float = add %1, %1
            yield %4, %5
          } do {
            yield %1, %1
          }
          return %3
        }
        """,
        """
        function @f(%0: bool, %1: float) {
          %3: float = if %0 do {
            %5: float = add %1, %1
            yield %5
          } do {
            yield %1
          }
          return %3
        }
        """,
        DCE,
    )


def test_a_branch_that_shows_nothing_is_dropped() -> None:
    check(
        """
        function @f(%0: bool, %1: float) {
          %2: float = if %0 do {
            %3: float = mul %1, %1
            yield %3
          } do {
            yield %1
          }
          return
        }
        """,
        "function @f(%0: bool, %1: float) { return }",
        DCE,
    )


def test_carried_values_that_only_feed_themselves_are_dropped() -> None:
    check(
        """
        function @f(%0: int) {
          %1: int, %2: int = while 0, 0 do(%3: int, %4: int) {
            %5: bool = lt %3, %0
            yield %5
          } do(%6: int, %7: int) {
            %8: int = add %6, 1
            %9: int = add %7, %6
            yield %8, %9
          }
          return %1
        }
        """,
        """
        function @f(%0: int) {
          %1: int = while 0 do(%3: int) {
            %5: bool = lt %3, %0
            yield %5
          } do(%6: int) {
            %8: int = add %6, 1
            yield %8
          }
          return %1
        }
        """,
        DCE,
    )


def test_a_carried_value_that_another_needs_stays() -> None:
    check_unchanged(
        """
        function @f(%0: int) {
          %1: int, %2: int = for 0, %0, 1, 0, 1 do(%3: int, %4: int, %5: int) {
            %6: int = add %4, %5
            yield %5, %6
          }
          return %1
        }
        """,
        DCE,
    )


def test_loops_that_surely_end_and_show_nothing_are_dropped() -> None:
    check(
        """
        function @f(%0: int) {
          %1: int = for 0, %0, 1, 0 do(%2: int, %3: int) {
            %4: int = add %3, %2
            yield %4
          }
          %5: int = while 0 do(%6: int) {
            %7: bool = lt %6, %0
            yield %7
          } do(%8: int) {
            %9: int = add %8, 2
            yield %9
          }
          return
        }
        """,
        "function @f(%0: int) { return }",
        DCE,
    )


def test_a_loop_that_may_never_end_stays() -> None:
    check_unchanged(
        """
        function @f(%0: int) {
          %1: int = while 0 do(%2: int) {
            %3: bool = lt %2, %0
            yield %3
          } do(%4: int) {
            %5: int = sub %4, 1
            yield %5
          }
          return
        }
        """,
        DCE,
    )


def test_what_decides_whether_something_is_seen_stays() -> None:
    check_unchanged(
        """
        function @f(%0: int) {
          %1: bool = lt %0, 10
          for 0, %0, 1 do(%2: int) {
            if %1 do {
              print %2 {format = "{}"}
              yield
            } do {
              yield
            }
            yield
          }
          return
        }
        """,
        DCE,
    )


def test_writes_to_memory_of_the_function_that_is_never_read_are_dropped() -> None:
    check(
        """
        function @f(%0: int) {
          %1: buffer<int[4]> = buffer_new {dtype = int, shape = (4,)}
          store_element %1, %0, 0
          %2: var<int> = var_new 0
          var_set %2, %0
          %3: buffer<int[4]> = buffer_new {dtype = int, shape = (4,)}
          store_element %3, %0, 1
          %4: int = load_element %3, 1
          return %4
        }
        """,
        """
        function @f(%0: int) {
          %3: buffer<int[4]> = buffer_new {dtype = int, shape = (4,)}
          store_element %3, %0, 1
          %4: int = load_element %3, 1
          return %4
        }
        """,
        DCE,
    )


def test_writes_to_captured_buffers_and_prints_stay() -> None:
    check_unchanged(
        """
        function @f(%0: int, %1.a: buffer<int[4]>) captures 1 {
          store_element %1, %0, 0
          print %0 {format = "{}"}
          host_call %0 {callback = 0, results = (), mutates = ()}
          return
        }
        """,
        DCE,
    )
