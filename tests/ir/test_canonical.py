"""Equal canonical forms mean that the same native code will do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pylms.ir.canonical import canonical_form
from pylms.ir.parser import parse_function

TEXT = """
function @f(%0.n: int, %1.w: buffer<int[2]>) captures 1 {
  %2.x: int = add %0, 1
  %3: int = for 0, %2, 1, 0 do(%4: int, %5: int) {
    print %4 {format = "{}"}
    yield %4
  }
  store_element %1, %3, 0
  return %3
}
"""


def test_symbol_ids_and_names_do_not_matter() -> None:
    renamed = TEXT.replace("%2.x", "%20.y").replace("%2", "%20").replace("%200", "%20").replace("%1.w", "%1.v")
    assert parse_function(renamed).params[1].name == "v"
    assert canonical_form(parse_function(renamed)) == canonical_form(parse_function(TEXT))


def test_names_matter_with_locations() -> None:
    renamed = parse_function(TEXT.replace("%1.w", "%1.v"))
    assert canonical_form(renamed, with_locations=True) != canonical_form(parse_function(TEXT), with_locations=True)


def test_positions_matter_only_with_locations() -> None:
    function, moved = parse_function(TEXT), parse_function("\n" + TEXT)
    assert canonical_form(function) == canonical_form(moved)
    assert canonical_form(function, with_locations=True) != canonical_form(moved, with_locations=True)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("add %0, 1", "add %0, 2"),
        ("add %0, 1", "sub %0, 1"),
        ("add %0, 1", "add 1, %0"),
        ('"{}"', '"{} "'),
        ("int[2]", "int[3]"),
        ("yield %4", "yield %5"),
        ("return %3", "return %2"),
        ("captures 1", "captures 0"),
        ("print %4", "print %5"),
    ],
)
def test_what_is_computed_matters(old: str, new: str) -> None:
    assert canonical_form(parse_function(TEXT)) != canonical_form(parse_function(TEXT.replace(old, new)))


def test_constants_differ_by_type_and_sign_of_zero() -> None:
    texts = ("return 0", "return 0.0", "return -0.0", "return False", "return 0:int32")
    forms = {canonical_form(parse_function(f"function @f() {{ {text} }}")) for text in texts}
    assert len(forms) == len(texts)


def test_the_name_of_the_function_is_no_part_of_what_it_computes() -> None:
    function = parse_function(TEXT)
    assert canonical_form(function) == canonical_form(replace(function, name="g"))
