"""Programs of several native functions: text, checks, effects, and what the passes make of calls."""

from __future__ import annotations

import re

import pytest

from pylms import Options
from pylms.errors import InternalError
from pylms.generate import generate, optimise
from pylms.ir.call_graph import recursive_names, with_call_effects
from pylms.ir.canonical import canonical_form
from pylms.ir.interpret import interpret
from pylms.ir.node import walk
from pylms.ir.ops.functions import CALL
from pylms.ir.parser import parse_function
from pylms.ir.printer import print_function
from pylms.ir.sexpr import function_sexpr
from pylms.ir.verify import verify

ATTRIBUTES = "results = (int,), effect = (), reads = (), writes = (), mutates = ()"
FIB = f"""function @main(%0.n: int) {{
  %1: int = call %0.n {{callee = "fib", {ATTRIBUTES}}}
  %2: int = call %0.n {{callee = "fib", {ATTRIBUTES}}}
  return %1
}}
function @fib(%0.n: int) {{
  %1: bool = lt %0.n, 2
  %2: int = if %1 do {{
    yield %0.n
  }} do {{
    %3: int = sub %0.n, 1
    %4: int = call %3 {{callee = "fib", {ATTRIBUTES}}}
    %5: int = sub %0.n, 2
    %6: int = call %5 {{callee = "fib", {ATTRIBUTES}}}
    %7: int = add %4, %6
    yield %7
  }}
  return %2
}}"""


def with_body(body):
    """`main` calls `f`, whose body that is, and ignores what it gives."""
    text = f"""function @main(%0.n: int) {{
      %1: int = call %0.n {{callee = "f", {ATTRIBUTES}}}
      return %0.n
    }}
    function @f(%0.n: int) {{ {body} }}"""
    return with_call_effects(parse_function(text))


def calls_of(function):
    return [node for node in walk(function.body) if node.primitive is CALL]


def test_text_is_read_back():
    program = with_call_effects(parse_function(FIB))
    text = print_function(program)
    assert print_function(parse_function(text)) == text
    assert canonical_form(parse_function(text)) == canonical_form(program)


def test_the_s_expression_shows_every_function():
    main, fib = function_sexpr(with_call_effects(parse_function(FIB))).split("\n")
    assert main == "(def main (in) (begin (let x0 (call fib in) (let x1 (call fib in) x0))))"
    assert fib.startswith("(def fib (in) (begin (let x0 (< in 2)")


def test_a_call_runs_the_callee_with_symbols_of_its_own():
    assert interpret(with_call_effects(parse_function(FIB)), [15], host=None) == (610,)


def test_recursion_is_found_through_others():
    program = parse_function(FIB)
    assert recursive_names(program) == {"fib"}


def test_equal_calls_of_a_function_that_only_computes_are_made_once():
    optimised = optimise(with_call_effects(parse_function(FIB)), Options())
    assert len(calls_of(optimised)) == 1


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ("%1: int = add %0.n, 1 return %1", False),
        ('print %0.n {format = "{}"} return %0.n', True),
        (f'%1: int = sub %0.n, 1 %2: int = call %1 {{callee = "f", {ATTRIBUTES}}} return %2', False),
        (f'%1: int = mul %0.n, 2 %2: int = call %1 {{callee = "f", {ATTRIBUTES}}} return %2', True),
        ("%1: int = floordiv 1, %0.n return %1", True),
    ],
    ids=["computes", "prints", "counts down", "may not end", "may raise"],
)
def test_an_unused_call_stays_only_where_it_does_something(body, kept):
    program = with_body(body)
    verify(program)
    optimised = optimise(program, Options())
    assert bool(calls_of(optimised)) is kept
    assert bool(optimised.functions) is kept


@pytest.mark.parametrize(
    ("found", "replacement", "message"),
    [
        ('callee = "fib"', 'callee = "fob"', "there is no function `fob` to call"),
        ("call %0.n", "call", "`fib` takes (int), and is given ()"),
        (
            '%1: int = call %0.n {callee = "fib", results = (int,)',
            '%1: float = call %0.n {callee = "fib", results = (float,)',
            "`fib` gives (int)",
        ),
    ],
)
def test_a_call_that_does_not_fit_is_found(found, replacement, message):
    text = print_function(with_call_effects(parse_function(FIB))).replace(found, replacement, 1)
    with pytest.raises(InternalError, match=re.escape(message)):
        verify(parse_function(text))


def test_a_call_must_say_what_its_callee_does():
    text = print_function(with_call_effects(parse_function(FIB))).replace('("raises",)', "()", 1)
    with pytest.raises(InternalError, match="the effect lacks what `fib` does: raises"):
        verify(parse_function(text))


def test_names_are_taken_once():
    text = print_function(with_call_effects(parse_function(FIB))).replace("@main", "@fib")
    with pytest.raises(InternalError, match="two functions have one name"):
        verify(parse_function(text))


def test_each_function_is_one_of_its_own_in_the_generated_code():
    listing = generate(with_call_effects(parse_function(FIB)), Options()).listing
    assert "static long long fib(pylms_context *ctx, long long n) {" in listing
    assert "const long long t4 = fib(ctx, n - 1);" in listing
    assert "1: RecursionError at line" in listing
