"""What is known is evaluated, exactly or not at all."""

from __future__ import annotations

import pytest

from pylms.passes.fold import Fold
from tests.passes.before_after import after, check, check_unchanged


def folded(operation: str, type_: str) -> str:
    """What `return` gives of a function that returns one operation on constants; '' where it was not folded."""
    text = after(f"function @f() {{ %0: {type_} = {operation} return %0 }}", Fold())
    *nodes, last, _end = text.splitlines()[1:]
    return "" if nodes else last.split(maxsplit=1)[1]


@pytest.mark.parametrize(
    ("operation", "type_", "wanted"),
    [
        ("add 2, 3", "int", "5"),
        ("mul 1.5, 2.0", "float", "3.0"),
        ("floordiv -7, 2", "int", "-4"),
        ("mod -7, 2", "int", "1"),
        ("mod -7.5, 2.0", "float", "0.5"),
        ("truediv 1.0, 3.0", "float", repr(1.0 / 3.0)),
        ("pow 2, 10", "int", "1024"),
        ("pow 2.0, 0.5", "float", repr(2.0**0.5)),
        ("neg 0.0", "float", "-0.0"),
        ("abs -3", "int", "3"),
        ("minimum nan, 1.0", "float", "nan"),
        ("maximum 2, 3", "int", "3"),
        ("lt nan, 1.0", "bool", "False"),
        ("ne nan, nan", "bool", "True"),
        ("logical_and True, False", "bool", "False"),
        ("logical_not False", "bool", "True"),
        ("select True, 1, 2", "int", "1"),
        ("exp 0.0", "float", "1.0"),
        ("add 127:int8, 1:int8", "int8", "-128:int8"),
        ("sub 0:uint8, 1:uint8", "uint8", "255:uint8"),
        ("mul 1e30:float32, 1e30:float32", "float32", "inf:float32"),
        ("add 0.1:float32, 0.2:float32", "float32", "0.30000001192092896:float32"),
        ("convert 3 {dtype = float}", "float", "3.0"),
        ("convert -1 {dtype = uint8}", "uint8", "255:uint8"),
        ("convert -2.7 {dtype = int}", "int", "-2"),
        ("convert nan {dtype = bool}", "bool", "True"),
        ("convert 0.1 {dtype = float32}", "float32", "0.10000000149011612:float32"),
    ],
)
def test_operations_on_constants_are_evaluated(operation: str, type_: str, wanted: str) -> None:
    assert folded(operation, type_) == wanted


@pytest.mark.parametrize(
    ("operation", "type_"),
    [
        ("add 9223372036854775807, 1", "int"),
        ("neg -9223372036854775808", "int"),
        ("floordiv 1, 0", "int"),
        ("mod 1.0, 0.0", "float"),
        ("truediv 1.0, 0.0", "float"),
        ("pow 2, -1", "int"),
        ("pow 10, 30", "int"),
        ("pow -2.0, 0.5", "float"),
        ("pow 10.0, 400.0", "float"),
        ("log -1.0", "float"),
        ("exp 1000.0", "float"),
        ("convert nan {dtype = int}", "int"),
        ("convert 1e300 {dtype = int}", "int"),
    ],
)
def test_what_would_raise_is_left_to_run(operation: str, type_: str) -> None:
    assert folded(operation, type_) == ""


@pytest.mark.parametrize(
    ("operation", "type_"),
    [
        ("maximum 0.0, -0.0", "float"),
        ("exp 1.0:float32", "float32"),
        ("sigmoid 1.0", "float"),
        ("floordiv 1:int32, 0:int32", "int32"),
        ("convert 300.0 {dtype = int8}", "int8"),
        ("convert 9007199254740993 {dtype = float32}", "float32"),
    ],
)
def test_what_is_not_known_exactly_is_left_to_run(operation: str, type_: str) -> None:
    assert folded(operation, type_) == ""


def test_a_decided_branch_is_replaced_by_its_block() -> None:
    check(
        """
        function @f(%0: int) {
          %1: bool = lt 1, 2
          %2: int = if %1 do {
            print %0 {format = "then"}
            %3: int = add %0, 1
            yield %3
          } do {
            yield 0
          }
          return %2
        }
        """,
        """
        function @f(%0: int) {
          print %0 {format = "then"}
          %3: int = add %0, 1
          return %3
        }
        """,
        Fold(),
    )


def test_a_counted_loop_that_never_runs_gives_its_initial_values() -> None:
    check(
        """
        function @f(%0: int) {
          %1: int = for 3, 3, 1, %0 do(%2: int, %3: int) {
            yield %2
          }
          return %1
        }
        """,
        "function @f(%0: int) { return %0 }",
        Fold(),
    )


def test_a_while_whose_first_test_fails_runs_only_its_condition() -> None:
    check(
        """
        function @f(%0: int) {
          %1: int = while 5 do(%2: int) {
            print %0 {format = "asked"}
            %3: bool = lt %2, 5
            yield %3
          } do(%4: int) {
            yield %0
          }
          return %1
        }
        """,
        """
        function @f(%0: int) {
          print %0 {format = "asked"}
          return 5
        }
        """,
        Fold(),
    )


def test_a_while_that_runs_is_kept() -> None:
    check_unchanged(
        """
        function @f() {
          %1: int = while 0 do(%2: int) {
            %3: bool = lt %2, 5
            yield %3
          } do(%4: int) {
            %5: int = add %4, 1
            yield %5
          }
          return %1
        }
        """,
        Fold(),
    )


def test_a_check_that_holds_is_dropped_and_one_that_fails_is_kept() -> None:
    check(
        """
        function @f() {
          %0: bool = lt 1, 2
          check %0 {error = "ValueError", message = "never"}
          check False {error = "ValueError", message = "always"}
          return
        }
        """,
        'function @f() { check False {error = "ValueError", message = "always"} return }',
        Fold(),
    )
