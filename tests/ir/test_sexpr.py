"""The forms that the documents show."""

from __future__ import annotations

from pylms.ir.parser import parse_function
from pylms.ir.sexpr import function_sexpr, let_list

POWER3 = """
function @power3(%0.b: int) {
  %1: int = mul %0, 1
  %2: int = mul %0, %1
  %3: int = mul %0, %2
  return %3
}
"""

LOOP = """
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
"""


def test_power3_as_the_documents_print_it() -> None:
    function = parse_function(POWER3)
    assert repr(let_list(function)) == (
        "[['let', x0, ['*', in, 1]], ['let', x1, ['*', in, x0]], ['let', x2, ['*', in, x1]], x2]"
    )
    assert function_sexpr(function) == (
        "(def power3 (in) (begin (let x0 (* in 1) (let x1 (* in x0) (let x2 (* in x1) x2)))))"
    )


def test_a_loop_as_the_documents_print_it() -> None:
    function = parse_function(LOOP)
    assert repr(let_list(function)) == (
        "[['let', x0, ['new_var']], ['let', x1, ['assign', x0, 0]], "
        "['let', x2, ['while', [['let', x2, ['read', x0]], ['let', x3, ['<', x2, in]], x3], "
        "[['let', x2, ['read', x0]], ['let', x3, ['+', x2, 1]], ['let', x4, ['assign', x0, x3]], None]]], "
        "['let', x3, ['read', x0]], x3]"
    )
    assert function_sexpr(function) == (
        "(def loop (in) (begin (let x0 new (let x1 (set x0 0) "
        "(let x2 (while (begin (let x2 (get x0) (let x3 (< x2 in) x3))) "
        "(begin (let x2 (get x0) (let x3 (+ x2 1) (let x4 (set x0 x3) None))))) "
        "(let x3 (get x0) x3))))))"
    )


def test_the_list_is_made_of_plain_lists() -> None:
    items = let_list(parse_function(POWER3))
    assert type(items) is list
    assert len(items) == 4
    first = items[0]
    assert type(first) is list
    assert [str(part) for part in first] == ["let", "x0", "['*', in, 1]"]


def test_branches_prints_and_several_parameters() -> None:
    text = """
    function @f(%0.a: int, %1.b: float) {
      %2: bool = gt %0, 0
      %3: float = if %2 do {
        print %0, %1 {format = "a {}\\n\\"{}\\""}
        yield %1
      } do {
        yield 0.5
      }
      return %3, True
    }
    """
    function = parse_function(text)
    assert function_sexpr(function) == (
        "(def f (in0 in1) (begin (let x0 (> in0 0) "
        '(let x1 (if x0 (begin (let x1 (printf ("a {}\\n\\"{}\\"" in0 in1)) in1)) (begin 0.5)) (x1 True)))))'
    )
    assert repr(let_list(function)[1]) == (
        "['let', x1, ['if', x0, [['let', x1, ['printf', ('a {}\\n\"{}\"', in0, in1)]], in1], [0.5]]]"
    )


def test_loops_number_their_parameters_before_their_let() -> None:
    text = """
    function @f(%0: int) {
      %1: int = for 0, %0, 1, 5 do(%2: int, %3: int) {
        %4: int = add %3, %2
        yield %4
      }
      %5: int, %6: int = while %1, 0 do(%7: int, %8: int) {
        %9: bool = lt %8, %7
        yield %9
      } do(%10: int, %11: int) {
        yield %11, %10
      }
      return
    }
    """
    assert function_sexpr(parse_function(text)) == (
        "(def f (in) (begin (let x2 (for_range 0 in 1 (x0 (x1 5)) (begin (let x2 (+ x1 x0) x2))) "
        "(let (x5 x6) (while ((x3 x2) (x4 0)) (begin (let x5 (< x4 x3) x5)) (begin (x4 x3))) None))))"
    )


def test_captured_buffers_go_by_their_names() -> None:
    text = """
    function @f(%0: int, %1.fc1.weight: buffer<float32[3]>, %2: buffer<float32[3]>) captures 2 {
      %3: tensor<float32[3]> = load %1
      store %2, %3
      return
    }
    """
    assert function_sexpr(parse_function(text)) == (
        "(def f (in) (begin (let x0 (load fc1.weight) (let x1 (store buffer1 x0) None))))"
    )


def test_attributes_follow_the_operands() -> None:
    text = """
    function @f(%0: float) {
      %1: float32 = convert %0 {dtype = float32}
      %2: tensor<float32[2]> = broadcast %1 {shape = (2,), axes = ()}
      check True {error = "ValueError", message = "no"}
      return
    }
    """
    assert function_sexpr(parse_function(text)) == (
        "(def f (in) (begin (let x0 (convert in float32) (let x1 (broadcast x0 (2) ()) "
        '(let x2 (check True "ValueError" "no") None)))))'
    )


def test_an_empty_function() -> None:
    function = parse_function("function @f() { return }")
    assert function_sexpr(function) == "(def f () (begin None))"
    assert let_list(function) == [None]
