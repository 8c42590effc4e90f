"""Passes tested on text: the function before, and the function that is wanted after."""

from __future__ import annotations

import re

from pylms.ir.parser import parse_function
from pylms.ir.printer import print_function
from pylms.ir.verify import verify
from pylms.passes.base import Pass

_SYMBOL = re.compile(r"%(\d+)")


def renumbered(text: str) -> str:
    """The text with symbols numbered in the order in which they are met."""
    numbers: dict[str, int] = {}
    return _SYMBOL.sub(lambda match: f"%{numbers.setdefault(match[1], len(numbers))}", text)


def after(text: str, *passes: Pass) -> str:
    """What the passes make of a function, printed with its symbols renumbered."""
    function = parse_function(text)
    verify(function)
    for each in passes:
        function = each.run(function)
        verify(function)
    return renumbered(print_function(function))


def check(before: str, wanted: str, *passes: Pass) -> None:
    """Asserts what the passes make of `before`, whatever the ids of symbols."""
    found, expected = after(before, *passes), renumbered(print_function(parse_function(wanted)))
    assert found == expected, f"found:\n{found}\nwanted:\n{expected}"


def check_unchanged(text: str, *passes: Pass) -> None:
    check(text, text, *passes)
