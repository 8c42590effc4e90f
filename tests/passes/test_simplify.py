"""Algebraic identities, exact for their types, and what control flow lets be known."""

from __future__ import annotations

import pytest

from pylms.passes.simplify import Simplify
from tests.passes.before_after import check, check_unchanged


def _function(types: str, lines: str) -> str:
    params = ", ".join(f"%{index}: {type_}" for index, type_ in enumerate(types.split()))
    return f"function @f({params}) {{ {lines} }}"


def check_lines(types: str, before: str, wanted: str) -> None:
    check(_function(types, before), _function(types, wanted), Simplify())


def check_lines_unchanged(types: str, lines: str) -> None:
    check_unchanged(_function(types, lines), Simplify())


@pytest.mark.parametrize(
    ("type_", "operation"),
    [
        ("int", "add %0, 0"),
        ("int", "add 0, %0"),
        ("float", "add %0, -0.0"),
        ("int", "sub %0, 0"),
        ("float", "sub %0, 0.0"),
        ("int", "mul %0, 1"),
        ("float", "mul 1.0, %0"),
        ("float32", "mul %0, 1.0:float32"),
        ("float", "truediv %0, 1.0"),
        ("int", "floordiv %0, 1"),
        ("int", "pow %0, 1"),
        ("float", "pow %0, 1.0"),
        ("int", "minimum %0, %0"),
        ("bool", "logical_and %0, True"),
        ("bool", "logical_or %0, False"),
        ("bool", "logical_and %0, %0"),
        ("bool", "eq %0, True"),
        ("bool", "select %0, True, False"),
        ("int", "convert %0 {dtype = int}"),
    ],
)
def test_an_operation_that_changes_nothing_vanishes(type_: str, operation: str) -> None:
    check_lines(type_, f"%1: {type_} = {operation} return %1", "return %0")


@pytest.mark.parametrize(
    ("type_", "operation", "wanted"),
    [
        ("int", "mul %0, 0", "0"),
        ("int", "sub %0, %0", "0"),
        ("int", "mod %0, 1", "0"),
        ("int", "pow %0, 0", "1"),
        ("float", "pow %0, 0.0", "1.0"),
        ("bool", "logical_and %0, False", "False"),
        ("bool", "logical_or True, %0", "True"),
    ],
)
def test_an_operation_with_one_possible_result_vanishes(type_: str, operation: str, wanted: str) -> None:
    check_lines(type_, f"%1: {type_} = {operation} return %1", f"return {wanted}")


@pytest.mark.parametrize(
    ("type_", "operation"),
    [
        ("float", "add %0, 0.0"),
        ("float", "sub %0, -0.0"),
        ("float", "sub 0.0, %0"),
        ("float", "mul %0, 0.0"),
        ("float", "sub %0, %0"),
        ("float", "truediv %0, 3.0"),
        ("float", "pow %0, 2.0"),
        ("float32", "pow %0, 3.0:float32"),
        ("float", "floordiv %0, 1.0"),
    ],
)
def test_what_does_not_hold_for_floats_is_left_alone(type_: str, operation: str) -> None:
    check_lines_unchanged(type_, f"%1: {type_} = {operation} return %1")


def test_comparisons_of_a_value_with_itself_are_decided_except_where_it_may_be_nan() -> None:
    check_lines("int", "%1: bool = eq %0, %0 %2: bool = lt %0, %0 %3: bool = ge %0, %0 return %1, %2, %3",
                "return True, False, True")  # fmt: skip
    check_lines("float", "%1: bool = lt %0, %0 return %1", "return False")
    check_lines_unchanged("float", "%1: bool = eq %0, %0 return %1")


def test_double_negations_vanish() -> None:
    check_lines("bool", "%1: bool = logical_not %0 %2: bool = logical_not %1 return %2",
                "%1: bool = logical_not %0 return %0")  # fmt: skip
    check_lines("float", "%1: float = neg %0 %2: float = neg %1 return %2", "%1: float = neg %0 return %0")


def test_a_negated_comparison_is_the_inverse_one_where_nan_cannot_be() -> None:
    lines = "%2: bool = lt %0, %1 %3: bool = logical_not %2 return %3"
    check_lines("int int", lines, "%2: bool = lt %0, %1 %3: bool = ge %0, %1 return %3")
    check_lines_unchanged("float float", lines)
    check_lines(
        "float float",
        "%2: bool = eq %0, %1 %3: bool = logical_not %2 return %3",
        "%2: bool = eq %0, %1 %3: bool = ne %0, %1 return %3",
    )


def test_adding_a_negated_float_subtracts() -> None:
    check_lines("float float", "%2: float = neg %1 %3: float = add %0, %2 return %3",
                "%2: float = neg %1 %3: float = sub %0, %1 return %3")  # fmt: skip
    check_lines_unchanged("int int", "%2: int = neg %1 %3: int = add %0, %2 return %3")


def test_multiplying_by_minus_one_negates() -> None:
    check_lines("int", "%1: int = mul %0, -1 return %1", "%1: int = neg %0 return %1")


def test_division_by_a_power_of_two_multiplies() -> None:
    check_lines("float", "%1: float = truediv %0, 4.0 return %1", "%1: float = mul %0, 0.25 return %1")
    check_lines_unchanged("float", "%1: float = truediv %0, 1e-320 return %1")


def test_small_integer_powers_multiply() -> None:
    check_lines("int", "%1: int = pow %0, 2 return %1", "%1: int = mul %0, %0 return %1")
    check_lines("int", "%1: int = pow %0, 3 return %1",
                "%1: int = mul %0, %0 %2: int = mul %1, %0 return %2")  # fmt: skip
    check_lines("int", "%1: int = pow %0, 4 return %1",
                "%1: int = mul %0, %0 %2: int = mul %1, %1 return %2")  # fmt: skip
    check_lines_unchanged("int", "%1: int = pow %0, 9 return %1")


def test_identities_serve_tensors_filled_with_a_constant() -> None:
    ones = "%1: tensor<float32[3]> = broadcast 1.0:float32 {shape = (3,), axes = ()}"
    check_lines("tensor<float32[3]>", f"{ones} %2: tensor<float32[3]> = mul %0, %1 return %2", f"{ones} return %0")
    twos = "%1: tensor<float32[3]> = broadcast 2.0:float32 {shape = (3,), axes = ()}"
    check_lines(
        "tensor<float32[3]>",
        f"{twos} %2: tensor<float32[3]> = pow %0, %1 return %2",
        f"{twos} %2: tensor<float32[3]> = mul %0, %0 return %2",
    )


@pytest.mark.parametrize(
    ("source", "through", "target", "kept"),
    [
        ("int32", "int64", "int32", ""),
        ("float32", "float", "float32", ""),
        ("int", "int64", "int", ""),
        ("int16", "float32", "float", "float"),
        ("uint8", "int", "float32", "float32"),
        ("int16", "float", "int", "int"),
    ],
)
def test_a_lossless_conversion_on_the_way_is_skipped(source: str, through: str, target: str, kept: str) -> None:
    first = f"%1: {through} = convert %0 {{dtype = {through}}}"
    wanted = f"%2: {target} = convert %0 {{dtype = {kept}}} return %2" if kept else "return %0"
    check_lines(source, f"{first} %2: {target} = convert %1 {{dtype = {target}}} return %2", f"{first} {wanted}")


@pytest.mark.parametrize(
    ("source", "through", "target"),
    [("int", "float", "int"), ("float", "float32", "float"), ("int", "int32", "int"), ("uint32", "float", "int32")],
)
def test_a_conversion_that_may_lose_something_is_kept(source: str, through: str, target: str) -> None:
    check_lines_unchanged(
        source,
        f"%1: {through} = convert %0 {{dtype = {through}}} %2: {target} = convert %1 {{dtype = {target}}} return %2",
    )


def test_a_selection_between_equals_vanishes_and_a_negated_one_turns() -> None:
    check_lines("bool int", "%2: int = select %0, %1, %1 return %2", "return %1")
    check_lines("bool int", "%2: bool = logical_not %0 %3: int = select %2, %1, 7 return %3",
                "%2: bool = logical_not %0 %3: int = select %0, 7, %1 return %3")  # fmt: skip


def test_results_that_a_branch_does_not_decide_come_from_outside() -> None:
    check(
        """
        function @f(%0: bool, %1: int) {
          %2: int, %3: bool, %4: bool, %5: int = if %0 do {
            print %1 {format = "a"}
            yield %1, True, False, 1
          } do {
            yield %1, False, True, 2
          }
          return %2, %3, %4, %5
        }
        """,
        """
        function @f(%0: bool, %1: int) {
          %4: bool = logical_not %0
          %5: int = if %0 do {
            print %1 {format = "a"}
            yield 1
          } do {
            yield 2
          }
          return %1, %0, %4, %5
        }
        """,
        Simplify(),
    )


def test_a_condition_is_known_inside_its_branch() -> None:
    check(
        """
        function @f(%0: bool, %1: bool, %2: int) {
          %3: bool = logical_and %0, %1
          if %3 do {
            %4: int = select %1, %2, 0
            print %4 {format = "{}"}
            yield
          } do {
            %5: bool = logical_or %3, %1
            check %5 {error = "ValueError", message = "no"}
            yield
          }
          return %3
        }
        """,
        """
        function @f(%0: bool, %1: bool, %2: int) {
          %3: bool = logical_and %0, %1
          if %3 do {
            %4: int = select True, %2, 0
            print %4 {format = "{}"}
            yield
          } do {
            check %1 {error = "ValueError", message = "no"}
            yield
          }
          return %3
        }
        """,
        Simplify(),
    )


def test_a_condition_is_known_after_its_check_in_the_same_block() -> None:
    check(
        """
        function @f(%0: bool, %1: bool) {
          if %1 do {
            check %0 {error = "ValueError", message = "no"}
            check %0 {error = "IndexError", message = "again"}
            yield
          } do {
            yield
          }
          check %0 {error = "ValueError", message = "outside"}
          return %0
        }
        """,
        """
        function @f(%0: bool, %1: bool) {
          if %1 do {
            check %0 {error = "ValueError", message = "no"}
            yield
          } do {
            yield
          }
          check %0 {error = "ValueError", message = "outside"}
          return True
        }
        """,
        Simplify(),
    )


def test_a_negated_branch_turns() -> None:
    check(
        """
        function @f(%0: bool) {
          %1: bool = logical_not %0
          %2: int = if %1 do {
            yield 1
          } do {
            yield 2
          }
          return %2
        }
        """,
        """
        function @f(%0: bool) {
          %1: bool = logical_not %0
          %2: int = if %0 do {
            yield 2
          } do {
            yield 1
          }
          return %2
        }
        """,
        Simplify(),
    )


def test_values_carried_unchanged_come_from_outside() -> None:
    check(
        """
        function @f(%0: int, %1: int) {
          %2: int, %3: int, %4: int = for 0, %0, 1, %1, 0, 7 do(%5: int, %6: int, %7: int, %8: int) {
            %9: int = add %7, %6
            yield %6, %9, 7
          }
          return %2, %3, %4
        }
        """,
        """
        function @f(%0: int, %1: int) {
          %3: int = for 0, %0, 1, 0 do(%5: int, %7: int) {
            %9: int = add %7, %1
            yield %9
          }
          return %1, %3, 7
        }
        """,
        Simplify(),
    )


def test_a_flag_that_ends_a_loop_is_known_within_and_after() -> None:
    check(
        """
        function @f(%0: int) {
          %1: bool, %2: int = while True, 0 do(%3: bool, %4: int) {
            yield %3
          } do(%5: bool, %6: int) {
            %7: int = select %5, 1, 2
            %8: int = add %6, %7
            %9: bool = lt %8, %0
            yield %9, %8
          }
          return %1, %2
        }
        """,
        """
        function @f(%0: int) {
          %1: bool, %2: int = while True, 0 do(%3: bool, %4: int) {
            yield %3
          } do(%5: bool, %6: int) {
            %7: int = select True, 1, 2
            %8: int = add %6, %7
            %9: bool = lt %8, %0
            yield %9, %8
          }
          return False, %2
        }
        """,
        Simplify(),
    )
