"""How functions read as text."""

from __future__ import annotations

from pylms.ir.parser import parse_function
from pylms.ir.printer import print_function

LOOP = """\
function @loop(%0.n: int, %1.w: buffer<float32[2x3]>) captures 1 {
  %2.x: int, %3.y: float = while 0, 1.5 do(%4.x: int, %5: float) {
    %6: bool = lt %4.x, %0.n
    yield %6
  } do(%7.x: int, %8: float) {
    print %7.x, 2:int32 {format = "{} {}\\n"}
    %9: int = add %7.x, 1
    if True do {
      yield
    } do {
      yield
    }
    yield %9, %8
  }
  %10: tensor<float32[2x3]> = broadcast -0.0:float32 {shape = (2, 3), axes = ()}
  return %2.x, %3.y
}"""


def test_a_function_prints_one_node_a_line_with_blocks_indented() -> None:
    assert print_function(parse_function(LOOP)) == LOOP


def test_locations_are_comments_that_parse() -> None:
    text = print_function(parse_function(LOOP), locations=True)
    assert "    %6: bool = lt %4.x, %0.n  // <ir>:3" in text.splitlines()
    assert print_function(parse_function(text)) == LOOP


def test_a_fault_is_marked_in_place() -> None:
    function = parse_function(LOOP)
    (add,) = [node for node in function.body.nodes[0].blocks[1].nodes if node.primitive.name == "add"]
    lines = print_function(function, fault=add, message="too much").splitlines()
    marked = lines.index("    %9: int = add %7.x, 1")
    assert lines[marked + 1] == "    " + "^" * 21 + " too much"


def test_a_fault_of_a_block_is_marked_at_its_results() -> None:
    function = parse_function(LOOP)
    lines = print_function(function, fault=function.body, message="wrong").splitlines()
    assert lines[lines.index("  return %2.x, %3.y") + 1] == "  " + "^" * 17 + " wrong"
