"""Codes: of arguments, and parsed."""

from __future__ import annotations

import pytest

from pylms.runtime.marshal import codes_of_arguments, parse_codes, slot_count


class Number(int):
    pass


@pytest.mark.parametrize(
    ("arguments", "codes"),
    [
        ((), ""),
        ((1, 2.0, True), "ifb"),
        ((2**63 - 1, -(2**63)), "ii"),
        ((2**63,), None),
        ((1, "text"), None),
        ((Number(1),), None),
        ((None,), None),
    ],
)
def test_codes_of_arguments(arguments, codes):
    assert codes_of_arguments(arguments) == codes


def test_codes_parse_to_trees():
    assert parse_codes("i(f(bn)())p") == ("i", ("f", ("b", "n"), ()), "p")
    assert [slot_count(tree) for tree in parse_codes("i(f(bn)())p")] == [1, 2, 1]


@pytest.mark.parametrize("codes", ["x", "(", ")", "(i", "i)", "((i)"])
def test_malformed_codes_are_refused(codes):
    with pytest.raises(ValueError, match="malformed codes"):
        parse_codes(codes)
