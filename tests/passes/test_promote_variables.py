"""Variables become block parameters and results."""

from __future__ import annotations

from typing import cast

from pylms.ir.builder import Builder
from pylms.ir.node import AttributeValue, Function
from pylms.ir.ops.variables import VAR_GET, VAR_NEW
from pylms.ir.parser import parse_function
from pylms.ir.printer import print_function
from pylms.ir.types import FLOAT32, TensorType
from pylms.ir.verify import verify
from pylms.loc import Loc
from pylms.passes.promote_variables import PromoteVariables
from tests.passes.before_after import check, check_unchanged, renumbered


def test_straight_line_variables_vanish() -> None:
    check(
        """
        function @f(%0: int) {
          %1.x: var<int> = var_new %0
          %2: int = var_get %1
          %3: int = add %2, 1
          var_set %1, %3
          %4: int = var_get %1
          return %4
        }
        """,
        """
        function @f(%0: int) {
          %3: int = add %0, 1
          return %3
        }
        """,
        PromoteVariables(),
    )


def test_a_loop_carries_what_it_sets() -> None:
    check(
        """
        function @loop(%0.n: int) {
          %1.x: var<int> = var_new 0
          while do {
            %2: int = var_get %1
            %3: bool = lt %2, %0
            yield %3
          } do {
            %4: int = var_get %1
            %5: int = add %4, 1
            var_set %1, %5
            yield
          }
          %6: int = var_get %1
          return %6
        }
        """,
        """
        function @loop(%0.n: int) {
          %1.x: int = while 0 do(%2.x: int) {
            %3: bool = lt %2.x, %0.n
            yield %3
          } do(%4.x: int) {
            %5: int = add %4.x, 1
            yield %5
          }
          return %1.x
        }
        """,
        PromoteVariables(),
    )


def test_a_branch_gives_what_either_side_sets() -> None:
    check(
        """
        function @f(%0: bool, %1: int) {
          %2.x: var<int> = var_new 0
          %3.y: var<int> = var_new 5
          if %0 do {
            var_set %2, %1
            yield
          } do {
            var_set %3, %1
            yield
          }
          %4: int = var_get %2
          %5: int = var_get %3
          return %4, %5
        }
        """,
        """
        function @f(%0: bool, %1: int) {
          %2.x: int, %3.y: int = if %0 do {
            yield %1, 5
          } do {
            yield 0, %1
          }
          return %2.x, %3.y
        }
        """,
        PromoteVariables(),
    )


def test_only_wanted_values_leave_a_branch() -> None:
    check(
        """
        function @f(%0: bool) {
          %1: var<int> = var_new 0
          if %0 do {
            var_set %1, 1
            yield
          } do {
            yield
          }
          var_set %1, 2
          %2: int = var_get %1
          return %2
        }
        """,
        """
        function @f(%0: bool) {
          if %0 do {
            yield
          } do {
            yield
          }
          return 2
        }
        """,
        PromoteVariables(),
    )


def test_a_variable_set_first_in_each_iteration_is_not_carried() -> None:
    check(
        """
        function @f(%0.n: int) {
          %1.t: var<int> = var_new 0
          for 0, %0, 1 do(%2.i: int) {
            var_set %1, %2
            %3: int = var_get %1
            print %3 {format = "{}"}
            yield
          }
          return
        }
        """,
        """
        function @f(%0.n: int) {
          for 0, %0.n, 1 do(%2.i: int) {
            print %2.i {format = "{}"}
            yield
          }
          return
        }
        """,
        PromoteVariables(),
    )


def test_the_last_value_leaves_a_loop_that_may_not_run() -> None:
    check(
        """
        function @f(%0.n: int) {
          %1.last: var<int> = var_new -1
          for 0, %0, 1 do(%2.i: int) {
            var_set %1, %2
            yield
          }
          %3: int = var_get %1
          return %3
        }
        """,
        """
        function @f(%0.n: int) {
          %1.last: int = for 0, %0.n, 1, -1 do(%2.i: int, %3.last: int) {
            yield %2.i
          }
          return %1.last
        }
        """,
        PromoteVariables(),
    )


def test_nested_loops_carry_through_both() -> None:
    check(
        """
        function @f(%0.n: int) {
          %1.s: var<int> = var_new 0
          for 0, %0, 1 do(%2: int) {
            for 0, %2, 1 do(%3: int) {
              %4: int = var_get %1
              %5: int = add %4, %3
              var_set %1, %5
              yield
            }
            yield
          }
          %6: int = var_get %1
          return %6
        }
        """,
        """
        function @f(%0.n: int) {
          %1.s: int = for 0, %0.n, 1, 0 do(%2: int, %3.s: int) {
            %4.s: int = for 0, %2, 1, %3.s do(%5: int, %6.s: int) {
              %7: int = add %6.s, %5
              yield %7
            }
            yield %4.s
          }
          return %1.s
        }
        """,
        PromoteVariables(),
    )


def test_variables_made_in_a_loop_stay_in_it() -> None:
    check(
        """
        function @f(%0.n: int) {
          for 0, %0, 1 do(%1: int) {
            %2: var<int> = var_new %1
            %3: bool = gt %1, 3
            if %3 do {
              var_set %2, 3
              yield
            } do {
              yield
            }
            %4: int = var_get %2
            print %4 {format = "{}"}
            yield
          }
          return
        }
        """,
        """
        function @f(%0.n: int) {
          for 0, %0.n, 1 do(%1: int) {
            %3: bool = gt %1, 3
            %4: int = if %3 do {
              yield 3
            } do {
              yield %1
            }
            print %4 {format = "{}"}
            yield
          }
          return
        }
        """,
        PromoteVariables(),
    )


def test_a_variable_without_initial_value_holds_zero() -> None:
    check(
        """
        function @f() {
          %0: var<float> = var_new {content = float}
          %1: var<bool> = var_new {content = bool}
          %2: float = var_get %0
          %3: bool = var_get %1
          return %2, %3
        }
        """,
        """
        function @f() {
          return 0.0, False
        }
        """,
        PromoteVariables(),
    )


def test_a_tensor_variable_without_initial_value_holds_zeros() -> None:
    content = cast("AttributeValue", TensorType(FLOAT32, (2, 3)))
    loc, builder = Loc("f.py", 1), Builder()
    with builder.block() as body:
        (variable,) = builder.emit(VAR_NEW, (), loc=loc, attrs={"content": content}, names=("t",))
        function = Function("f", body.finish(builder.emit(VAR_GET, (variable,), loc=loc)), loc)
    promoted = PromoteVariables().run(function)
    verify(promoted)
    wanted = """
        function @f() {
          %0: tensor<float32[2x3]> = broadcast 0.0:float32 {shape = (2, 3), axes = ()}
          return %0
        }
        """
    assert renumbered(print_function(promoted)) == renumbered(print_function(parse_function(wanted)))


def test_tensor_variables_are_promoted_like_others() -> None:
    check(
        """
        function @f(%9: tensor<float32[2x3]>, %8: tensor<float32[2x3]>, %7: bool) {
          %0.t: var<tensor<float32[2x3]>> = var_new %9
          if %7 do {
            var_set %0, %8
            yield
          } do {
            yield
          }
          %3: tensor<float32[2x3]> = var_get %0
          return %3
        }
        """,
        """
        function @f(%9: tensor<float32[2x3]>, %8: tensor<float32[2x3]>, %7: bool) {
          %3.t: tensor<float32[2x3]> = if %7 do {
            yield %8
          } do {
            yield %9
          }
          return %3.t
        }
        """,
        PromoteVariables(),
    )


def test_a_condition_that_sets_variables_is_turned_round() -> None:
    check(
        """
        function @f(%0.n: int) {
          %1.x: var<int> = var_new 0
          while do {
            %2: int = var_get %1
            %3: int = add %2, 1
            var_set %1, %3
            %4: bool = lt %3, %0
            yield %4
          } do {
            yield
          }
          %5: int = var_get %1
          return %5
        }
        """,
        """
        function @f(%0.n: int) {
          %1: int = add 0, 1
          %2: bool = lt %1, %0.n
          %3.x: int, %4: bool = while %1, %2 do(%5.x: int, %6: bool) {
            yield %6
          } do(%7.x: int, %8: bool) {
            %9: int = add %7.x, 1
            %10: bool = lt %9, %0.n
            yield %9, %10
          }
          return %3.x
        }
        """,
        PromoteVariables(),
    )


def test_a_function_without_variables_is_left_alone() -> None:
    check_unchanged("function @f(%0: int) { %1: int = add %0, 1 return %1 }", PromoteVariables())
