"""Codes: of arguments and of results, parsed."""

from __future__ import annotations

import pytest

from pylms.runtime.arguments import parse_arguments, slots_of_arguments
from pylms.runtime.arrays import ArrayCode, NumberCode
from pylms.runtime.marshal import parse_codes, slot_count


class Number(int):
    pass


@pytest.mark.parametrize(
    ("codes", "arguments", "slots"),
    [
        ("", (), []),
        ("ifb", (1, 2.0, True), [1, 2.0, True]),
        ("ii", (2**63 - 1, -(2**63)), [2**63 - 1, -(2**63)]),
        ("i", (2**63,), None),
        ("if", (1, "text"), None),
        ("i", (Number(1),), None),
        ("i", (True,), None),
        ("i", (), None),
        ("i", (1, 2), None),
        ("[f8,1,C,r]", (1.0,), None),
    ],
)
def test_slots_of_arguments(codes, arguments, slots):
    assert slots_of_arguments(parse_arguments(codes), arguments, overlap=None) == slots


def test_argument_codes_parse():
    assert parse_arguments("i[f8,2,C,w]b[b1,0,S,r]") == (
        "i",
        ArrayCode("f8", 2, is_strided=False, is_written=True),
        "b",
        ArrayCode("b1", 0, is_strided=True, is_written=False),
    )


def test_codes_parse_to_trees():
    assert parse_codes("i(f(bn)())p[i4,3,C][u1]") == (
        "i",
        ("f", ("b", "n"), ()),
        "p",
        ArrayCode("i4", 3),
        NumberCode("u1"),
    )
    assert [slot_count(tree) for tree in parse_codes("i(f(bn)())p[i4,3,C][u1]")] == [1, 2, 1, 4, 1]


@pytest.mark.parametrize(
    "codes",
    [
        "y",
        "<",
        "<i",
        "<ii>",
        "{i}",
        "{ii",
        "<>",
        "(",
        ")",
        "(i",
        "i)",
        "((i)",
        "[f8",
        "[f8,1]",
        "[f2,1,C]",
        "[f8,33,C]",
        "[f8,1,C,r]",
    ],
)
def test_malformed_codes_are_refused(codes):
    with pytest.raises(ValueError, match="malformed codes"):
        parse_codes(codes)


@pytest.mark.parametrize(
    "codes", ["x", "p", "(i)", "n", "[f8,1,C]", "[f8,1,C,r", "[f8,1,F,r]", "[f8,1,C,x]", "[c8,1,C,r]"]
)
def test_malformed_argument_codes_are_refused(codes):
    with pytest.raises(ValueError, match="malformed argument codes"):
        parse_arguments(codes)
