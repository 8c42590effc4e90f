"""Every pass keeps what a function does: interpret(f) == interpret(pass(f))."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from pylms.ir.node import Function, walk
from pylms.ir.ops.variables import PRIMITIVES as VARIABLE_PRIMITIVES
from pylms.passes.base import Pass
from pylms.passes.cse import EliminateCommonSubexpressions
from pylms.passes.dce import EliminateDeadCode
from pylms.passes.eliminate_checks import EliminateChecks
from pylms.passes.fold import Fold
from pylms.passes.licm import HoistLoopInvariants
from pylms.passes.pipeline import SCALAR_PASSES, VALUE_PASSES, run_passes
from pylms.passes.promote_variables import PromoteVariables
from pylms.passes.simplify import Simplify
from tests.passes.random_functions import arguments, check_same_behaviour, functions

PASSES = (
    PromoteVariables(),
    Fold(),
    Simplify(),
    EliminateCommonSubexpressions(),
    EliminateDeadCode(),
    HoistLoopInvariants(),
    EliminateChecks(),
)


@pytest.mark.parametrize("each", PASSES, ids=lambda each: each.name)
@settings(max_examples=60)
@given(function=functions(), scalars=arguments())
def test_a_pass_keeps_behaviour(each: Pass, function: Function, scalars: tuple[object, ...]) -> None:
    check_same_behaviour(function, each.run(function), scalars)


@pytest.mark.parametrize("each", PASSES, ids=lambda each: each.name)
@settings(max_examples=60)
@given(function=functions(), scalars=arguments())
def test_a_pass_keeps_behaviour_of_values(each: Pass, function: Function, scalars: tuple[object, ...]) -> None:
    promoted = PromoteVariables().run(function)
    check_same_behaviour(promoted, each.run(promoted), scalars)


@settings(max_examples=150)
@given(function=functions(size=9), scalars=arguments())
def test_the_pipeline_keeps_behaviour(function: Function, scalars: tuple[object, ...]) -> None:
    check_same_behaviour(function, run_passes(function, (*VALUE_PASSES, *SCALAR_PASSES)), scalars)


@settings(max_examples=60)
@given(function=functions())
def test_promotion_leaves_no_variables(function: Function) -> None:
    promoted = PromoteVariables().run(function)
    assert not any(node.primitive in VARIABLE_PRIMITIVES for node in walk(promoted.body))
