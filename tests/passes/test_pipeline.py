"""Passes run in order, and what they make is checked."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from pylms.errors import InternalError
from pylms.ir.node import Block, Function
from pylms.ir.parser import parse_function
from pylms.passes.fold import Fold
from pylms.passes.pipeline import SCALAR_PASSES, VALUE_PASSES, run_passes
from pylms.passes.simplify import Simplify
from tests.passes.before_after import check

POWER3 = """
function @power3(%0.b: int) {
  %1: int = mul %0, 1
  %2: int = mul %0, %1
  %3: int = mul %0, %2
  return %3
}
"""


@dataclass(frozen=True)
class ForgetNodes:
    """A pass with a bug."""

    name: str = "forget_nodes"

    def run(self, function: Function) -> Function:
        body = Block(function.params, (), function.body.results)
        return Function(function.name, body, function.loc)


def test_power3_is_two_multiplications() -> None:
    check(
        POWER3,
        "function @power3(%0.b: int) { %1: int = mul %0, %0 %2: int = mul %0, %1 return %2 }",
        *VALUE_PASSES,
        *SCALAR_PASSES,
    )


def test_a_loop_with_flags_becomes_one_over_values() -> None:
    check(
        """
        function @first_multiple(%0.n: int, %1.d: int) {
          %2.broke: var<bool> = var_new False
          %3.i: var<int> = var_new 1
          while do {
            %4: bool = var_get %2
            %5: bool = logical_not %4
            %6: bool = if %5 do {
              %7: int = var_get %3
              %8: bool = lt %7, %0
              yield %8
            } do {
              yield False
            }
            yield %6
          } do {
            %9: int = var_get %3
            %10: int = mod %9, %1
            %11: bool = eq %10, 0
            if %11 do {
              var_set %2, True
              yield
            } do {
              yield
            }
            %12: bool = var_get %2
            %13: bool = logical_not %12
            if %13 do {
              %14: int = var_get %3
              %15: int = add %14, 1
              var_set %3, %15
              yield
            } do {
              yield
            }
            yield
          }
          %16: int = var_get %3
          return %16
        }
        """,
        """
        function @first_multiple(%0.n: int, %1.d: int) {
          %2.broke: bool, %3.i: int = while False, 1 do(%4.broke: bool, %5.i: int) {
            %6: bool = if %4.broke do {
              yield False
            } do {
              %7: bool = lt %5.i, %0.n
              yield %7
            }
            yield %6
          } do(%8.broke: bool, %9.i: int) {
            %10: int = mod %9.i, %1.d
            %11: bool = eq %10, 0
            %12.i: int = if %11 do {
              yield %9.i
            } do {
              %13: int = add %9.i, 1 {unchecked = True}
              yield %13
            }
            yield %11, %12.i
          }
          return %3.i
        }
        """,
        *VALUE_PASSES,
        *SCALAR_PASSES,
    )


def test_each_pass_is_reported_with_what_it_gave() -> None:
    seen: list[str] = []
    result = run_passes(parse_function(POWER3), (Fold(), Simplify()), on_pass=lambda name, _function: seen.append(name))
    assert seen == ["fold", "simplify"]
    assert len(result.body.nodes) == 2


def test_a_pass_that_breaks_the_ir_is_named() -> None:
    with pytest.raises(InternalError, match="the pass `forget_nodes` made malformed IR in `power3`") as caught:
        run_passes(parse_function(POWER3), (Fold(), ForgetNodes()))
    assert "^" in str(caught.value)


def test_verification_can_be_left_out() -> None:
    broken = run_passes(parse_function(POWER3), (ForgetNodes(),), verify=False)
    assert broken.body.nodes == ()
