"""What an old CPython does wrong, so that it is no measure of a program there."""

from __future__ import annotations


def _last_of(first: int, second: int) -> int:
    name, name = first, second
    return name


STORES_ONE_NAME_TWICE = _last_of(1, 2) == 2
"""Whether `a, a = x, y` leaves y in `a`, as the language says; early versions of 3.11 leave x."""
