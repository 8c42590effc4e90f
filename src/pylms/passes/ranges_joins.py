"""What is known of a value that comes from one of two sides.

In: the values that either side gives, and the facts at its end. Out: facts about the results that hold whichever side
ran, in terms of values that began before both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..ir.node import Atom, Sym
from .ranges_facts import FURTHEST, Facts, Interval, is_integer

_RELATED_RESULTS = 4
_RELATIONS_OF_A_RESULT = 8


@dataclass(frozen=True, slots=True)
class Arm:
    """What is known, at the end of one side of a branch, of the values it gives; None for other than integers."""

    intervals: list[Interval | None]
    above: list[dict[Sym, int]]
    below: list[dict[Sym, int]]
    distances: dict[tuple[int, int], int]


def arm(values: Sequence[Atom], since: int, facts: Facts) -> Arm | None:
    """What is known of values here, in terms of those that began before `since`; None if this is never reached."""
    if facts.is_dead:
        return None
    intervals = [facts.interval(value) if is_integer(value) else None for value in values]
    reached: list[list[dict[Sym, int]]] = []
    for upwards in (True, False):
        found = [facts.reach(value, upwards=upwards) if is_integer(value) else {} for value in values]
        reached.append([{z: bound for z, bound in each.items() if facts.order(z) < since} for each in found])
    integers = [position for position, interval in enumerate(intervals) if interval is not None]
    distances: dict[tuple[int, int], int] = {}
    if len(integers) <= _RELATED_RESULTS:
        for left in integers:
            for right in integers:
                distance = facts.distance(values[left], values[right]) if left != right else None
                if distance is not None:
                    distances[left, right] = distance
    return Arm(intervals, reached[0], reached[1], distances)


def join(results: Sequence[Sym], arms: Sequence[Arm | None], facts: Facts) -> None:
    """What holds of the results whichever side they are from."""
    possible = [arm for arm in arms if arm is not None]
    if not possible:
        facts.die()
        return
    first, second = possible[0], possible[-1]
    for position, result in enumerate(results):
        one, other = first.intervals[position], second.intervals[position]
        if one is None or other is None:
            continue
        facts.restrict(result, min(one[0], other[0]), max(one[1], other[1]))
        above, others = first.above[position], second.above[position]
        for symbol in list(dict.fromkeys((*above, *others)))[:_RELATIONS_OF_A_RESULT]:
            low = facts.interval(symbol)[0]
            bound = max(above.get(symbol, one[1] - low), others.get(symbol, other[1] - low))
            if bound < FURTHEST:
                facts.relate(result, symbol, bound)
        below, others = first.below[position], second.below[position]
        for symbol in list(dict.fromkeys((*below, *others)))[:_RELATIONS_OF_A_RESULT]:
            high = facts.interval(symbol)[1]
            bound = max(below.get(symbol, high - one[0]), others.get(symbol, high - other[0]))
            if bound < FURTHEST:
                facts.relate(symbol, result, bound)
    for (left, right), distance in first.distances.items():
        if (left, right) in second.distances:
            facts.relate(results[left], results[right], max(distance, second.distances[left, right]))
