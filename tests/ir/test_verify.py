"""Malformed IR is refused, with the fault marked in the printed IR."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from pylms.errors import InternalError
from pylms.ir.effects import IO, PURE, RAISES
from pylms.ir.node import Atom, Block, Const, Function, Node, Sym
from pylms.ir.ops.arithmetic import ADD, MUL
from pylms.ir.ops.control import CHECK
from pylms.ir.ops.host import PRINT
from pylms.ir.parser import parse_function
from pylms.ir.types import BOOL, FLOAT, INT, INT8, UINT8, BufferType, VarType
from pylms.ir.verify import verify
from pylms.loc import Loc
from tests.passes.random_functions import functions

LOC = Loc("f.py", 1)


def add(result: Sym, *args: Atom) -> Node:
    return Node((result,), ADD, args, (), (), RAISES, LOC)


def function(
    params: tuple[Sym, ...], nodes: tuple[Node, ...], results: tuple[Atom, ...], captures: int = 0
) -> Function:
    return Function("f", Block(params, nodes, results), LOC, captures)


def refused(faulty: Function) -> tuple[str, list[str]]:
    """The message of the error, and the printed IR's lines."""
    with pytest.raises(InternalError) as caught:
        verify(faulty)
    assert caught.value.ir is not None
    return caught.value.message.removeprefix("malformed IR in `f`: "), caught.value.ir.splitlines()


@settings(max_examples=30)
@given(functions())
def test_well_formed_functions_pass(staged: Function) -> None:
    verify(staged)


def test_a_use_before_the_definition() -> None:
    x, y, z = Sym(0, INT), Sym(1, INT), Sym(2, INT, "late")
    message, lines = refused(function((x,), (add(y, x, z), add(z, x, x)), (y,)))
    assert message == "%2.late is not defined here"
    assert lines[1:3] == ["  %1: int = add %0, %2.late", "  " + "^" * 25 + " %2.late is not defined here"]


def test_a_use_outside_the_block() -> None:
    text = """
    function @f(%0: bool) {
      if %0 do {
        %1: int = add 1, 2
        yield
      } do {
        yield
      }
      return %1
    }
    """
    message, lines = refused(parse_function(text))
    assert message == "%1 is out of scope here"
    assert lines[-3:-1] == ["  return %1", "  ^^^^^^^^^ %1 is out of scope here"]


def test_two_definitions_of_a_symbol() -> None:
    x, y = Sym(0, INT), Sym(1, INT)
    assert refused(function((x,), (add(y, x, x), add(y, x, x)), ()))[0] == "%1 is defined twice"
    assert refused(function((x,), (add(Sym(0, INT), x, x),), ()))[0] == "two symbols have the id 0"


def test_a_symbol_that_two_blocks_define() -> None:
    y = Sym(1, INT)
    inner = Block((), (add(y, Const(1, INT), Const(2, INT)),), ())
    shared = parse_function("function @f(%0: bool) { if %0 do { yield } do { yield } return }")
    (branch,) = shared.body.nodes
    twice = Node((), branch.primitive, branch.args, (), (inner, inner), RAISES, LOC)
    assert refused(function(shared.params, (twice,), ()))[0] == "%1 is defined twice"


def test_results_of_another_type_than_the_rule_says() -> None:
    x, y = Sym(0, INT), Sym(1, FLOAT)
    message, _lines = refused(function((x,), (add(y, x, x),), ()))
    assert message == "the results have the types (float), and the rule says (int)"


def test_operands_that_do_not_fit() -> None:
    x, y, z = Sym(0, INT), Sym(1, FLOAT), Sym(2, INT)
    assert refused(function((x, y), (add(z, x, y),), ()))[0] == "operands of different types: int and float"


def test_missing_attributes_and_blocks() -> None:
    p = Sym(0, BOOL)
    check = Node((), CHECK, (p,), (), (), RAISES, LOC)
    assert refused(function((p,), (check,), ()))[0] == "KeyError: 'error'"
    (branch,) = parse_function("function @f(%0: bool) { if %0 do { yield } do { yield } return }").body.nodes
    halved = Node((), branch.primitive, (p,), (), branch.blocks[:1], PURE, LOC)
    assert refused(function((p,), (halved,), ()))[0].startswith("ValueError: ")


@pytest.mark.parametrize(
    "loop",
    [
        "%1: int = while 0 do(%2: int) { yield True } do(%3: int) { yield 1.0 }",
        "%1: int = while 0 do(%2: int) { yield %2 } do(%3: int) { yield %3 }",
        "%1: int = while 0 do(%2: int) { yield True } do(%3: float) { yield 0 }",
        "%1: int = for 0, %0, 1, 0 do(%2: int) { yield %2 }",
        "%1: int = for 0, %0, 1, 0 do(%2: int, %3: int) { yield }",
    ],
)
def test_loops_whose_blocks_do_not_fit(loop: str) -> None:
    with pytest.raises(InternalError, match=r"loop|values change type"):
        verify(parse_function(f"function @f(%0: int) {{ {loop} return }}"))


def test_effects_that_say_less_than_the_rule() -> None:
    x, y = Sym(0, INT), Sym(1, INT)
    silent = Node((y,), MUL, (x, x), (), (), PURE, LOC)
    assert refused(function((x,), (silent,), ()))[0] == "the effect lacks raises"
    printed = Node((), PRINT, (x,), (("format", "{}"),), (), RAISES, LOC)
    assert refused(function((x,), (printed,), ()))[0] == "the effect lacks io"


def test_effects_that_say_more_are_fine() -> None:
    x, y = Sym(0, FLOAT), Sym(1, FLOAT)
    verify(function((x,), (Node((y,), MUL, (x, x), (), (), IO | RAISES, LOC),), ()))


def test_effects_of_blocks_count() -> None:
    text = """
    function @f(%0: bool, %1: buffer<int[2]>) captures 1 {
      if %0 do {
        store_element %1, 1, 0
        yield
      } do {
        yield
      }
      return
    }
    """
    sound = parse_function(text)
    (branch,) = sound.body.nodes
    silent = Node((), branch.primitive, branch.args, (), branch.blocks, PURE, LOC)
    assert refused(function(sound.params, (silent,), (), 1))[0] == "the effect lacks writes of %1"


@pytest.mark.parametrize(
    "constant",
    [Const(1, BOOL), Const(True, INT), Const(1, FLOAT), Const(2**63, INT), Const(-1, UINT8), Const(128, INT8)],
    ids=str,
)
def test_constants_that_are_not_values_of_their_type(constant: Const) -> None:
    message, _lines = refused(function((), (), (constant,)))
    assert message == f"{constant.value!r} is not a value of type {constant.type}"


def test_variables_stay_variables() -> None:
    variable = Sym(0, VarType(INT))
    assert refused(function((variable,), (), ()))[0] == "the parameter %0 is a variable"
    text = "function @f() { %0: var<int> = var_new 1 return %0 }"
    assert refused(parse_function(text))[0] == "a var<int> may not leave its block"
    text = "function @f() { %0: var<int> = var_new 1 %1: var<var<int>> = var_new 1 return }"
    with pytest.raises(Exception, match="a type of values"):
        parse_function(text)


def test_buffers_do_not_pass_through_blocks() -> None:
    text = """
    function @f(%0: bool, %1: buffer<int[2]>, %2: buffer<int[2]>) captures 2 {
      %3: buffer<int[2]> = if %0 do {
        yield %1
      } do {
        yield %2
      }
      return
    }
    """
    assert refused(parse_function(text))[0] == "a buffer<int[2]> may not leave its block"


def test_captures_are_the_last_parameters_and_buffers() -> None:
    buffer, x = Sym(0, BufferType(INT, (2,))), Sym(1, INT)
    verify(function((x, buffer), (), (), captures=1))
    assert refused(function((buffer, x), (), (), captures=1))[0] == "the capture %1 is not a buffer but int"
    assert refused(function((buffer,), (), (), captures=2))[0] == "2 captures, but 1 parameters"
