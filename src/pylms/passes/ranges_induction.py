"""What holds of the values that a loop carries, each time it goes round: guessed, then verified.

In: facts before a loop, and at the ends of its body when it is walked under the guesses. Out: guesses that are true of
the initial values and that the body keeps. A guess that the body breaks is given up; once all hold, bounds are made
narrower by what the walk found and verified again. Nothing that has not been verified leaves this file.

A value that grows by bounded steps is bounded by as many steps as the loop makes (`_Budget`), by induction over the
iterations: after k of them it is at most k steps from where it began, and the loop has run at least k times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..ir.node import Atom, Sym
from .ranges_facts import FURTHEST, Facts, interval_of_type, is_integer

# Relations guessed for one carried value, and values carried by one loop that are related to each other.
_RELATIONS_OF_ONE = 6
_LARGEST_PAIRED = 6
# The position of the index of a `for` among what is carried.
INDEX = -1

Term = Sym | int
"""A value from outside the loop, or the position of one that it carries."""


@dataclass(frozen=True, slots=True)
class Relation:
    """left - right <= bound."""

    left: Term
    right: Term
    bound: int


@dataclass(frozen=True, slots=True)
class _Budget:
    """A value moves by at most `step` an iteration, of which there are at most `trips`, from `start`."""

    start: int
    step: int
    trips: int

    @property
    def end(self) -> int:
        return self.start + self.step * self.trips

    @property
    def last(self) -> int:
        """Where it is at most when the last iteration begins."""
        return self.start + self.step * max(self.trips - 1, 0)


@dataclass(slots=True)
class Values:
    """What the positions stand for at one place: before the loop, in its body, or after one iteration.

    `index_step`: how far the index has moved on from the symbol that stands for it.
    """

    carried: Sequence[Atom]
    index: Atom | None = None
    index_step: int = 0

    def atom(self, term: Term) -> Atom | None:
        """None: there is no such value."""
        if isinstance(term, Sym):
            return term
        return self.index if term == INDEX else self.carried[term]

    def shift(self, relation: Relation) -> int:
        """What the bound of a relation becomes where the index has moved on."""
        return self.index_step * ((relation.right == INDEX) - (relation.left == INDEX))


@dataclass(slots=True)
class Induction:
    """The guesses about one loop: an upper (index 1) and a lower (index 0) bound for each position, and relations."""

    bounds: list[tuple[list[int | None], ...]] = field(default_factory=list)
    budgets: dict[tuple[int, int], _Budget] = field(default_factory=dict)
    relations: set[Relation] = field(default_factory=set)
    given_up: set[tuple[Term, Term]] = field(default_factory=set)

    @staticmethod
    def guess(initial: Values, facts: Facts) -> Induction:
        """That all stays as it is."""
        induction = Induction()
        for atom in initial.carried:
            low, high = facts.interval(atom) if is_integer(atom) else (0, 0)
            induction.bounds.append(([low], [high]))
        integers = _positions(initial)
        for position in integers:
            induction._relate_outside(position, initial, facts)
        if len(integers) <= _LARGEST_PAIRED:
            pairs = [*integers, *([INDEX] if initial.index is not None else [])]
            for left in pairs:
                induction.relations.update(_related(left, right, initial, facts) for right in pairs if left != right)
        induction.relations = {relation for relation in induction.relations if relation.bound < FURTHEST}
        return induction

    @staticmethod
    def nothing(initial: Values) -> Induction:
        """No guess at all, which is always right."""
        return Induction([([None], [None]) for _ in initial.carried])

    def _relate_outside(self, position: int, initial: Values, facts: Facts) -> None:
        for upwards in (True, False):
            reached = facts.reach(initial.carried[position], upwards=upwards)
            for symbol in list(reached)[:_RELATIONS_OF_ONE]:
                bound = reached[symbol]
                self.relations.add(Relation(position, symbol, bound) if upwards else Relation(symbol, position, bound))

    def begin(self, initial: Values, facts: Facts) -> None:
        """Give up or widen what is not true of the initial values (of another walk over the same loop)."""
        for position in _positions(initial):
            low, high = facts.interval(initial.carried[position])
            lows, highs = self.bounds[position]
            lows[0] = None if lows[0] is None else min(lows[0], low)
            highs[0] = None if highs[0] is None else max(highs[0], high)
            for side, start in ((0, low), (1, high)):
                budget = self.budgets.get((position, side))
                if budget is not None:
                    self.budgets[position, side] = _Budget(start, budget.step, budget.trips)
                    self.bounds[position][side][0] = self.budgets[position, side].end
        self.relations = {relation for relation in self.relations if _holds(relation, initial, facts)}

    def assume(self, at: Values, facts: Facts) -> None:
        """Let the guesses hold of the carried values there."""
        for position in _positions(at):
            atom = at.carried[position]
            low, high = self._interval(position, atom)
            facts.restrict(atom, low, high)
        for relation in self.relations:
            left, right = at.atom(relation.left), at.atom(relation.right)
            if left is not None and right is not None:
                facts.relate(left, right, relation.bound + at.shift(relation))

    def assume_in_body(self, at: Values, facts: Facts) -> None:
        """What holds besides where one more iteration begins: there is a step left for it."""
        for (position, side), budget in self.budgets.items():
            low, high = facts.interval(at.carried[position])
            facts.restrict(at.carried[position], *((low, budget.last) if side else (budget.last, high)))

    def relate_to_start(self, results: Values, initial: Values, facts: Facts) -> None:
        """What budgets tell of the distance from where the values began."""
        for (position, side), budget in self.budgets.items():
            result, start = results.carried[position], initial.carried[position]
            change = budget.step * budget.trips
            if side:
                facts.relate(result, start, change)
            else:
                facts.relate(start, result, -change)

    def _interval(self, position: int, atom: Atom) -> tuple[int, int]:
        low, high = interval_of_type(atom.type)
        (lows, highs) = self.bounds[position]
        return low if lows[0] is None else lows[0], high if highs[0] is None else highs[0]

    def verify(self, before: Values, after: Values, trips: int | None, facts: Facts) -> bool:
        """Whether an iteration keeps all guesses; those that it breaks are given up."""
        holds = True
        for position in _positions(after):
            for side in (0, 1):
                if not self._keeps(position, side, before, after, trips, facts):
                    self.bounds[position][side][0] = None
                    self.budgets.pop((position, side), None)
                    holds = False
        broken = {relation for relation in self.relations if not _holds(relation, after, facts)}
        for relation in broken:
            self.relations.discard(relation)
            # Once more with what the iteration makes of it, then never again.
            again = _related(relation.left, relation.right, after, facts)
            if (relation.left, relation.right) not in self.given_up and again.bound < FURTHEST:
                self.relations.add(Relation(again.left, again.right, max(again.bound, relation.bound)))
            self.given_up.add((relation.left, relation.right))
        return holds and not broken

    def _keeps(self, position: int, side: int, before: Values, after: Values, trips: int | None, facts: Facts) -> bool:
        bound = self.bounds[position][side][0]
        if bound is None:
            return True
        budget = self.budgets.get((position, side))
        if budget is not None:
            step = _step(position, side, before, after, facts)
            in_steps = step is not None and (step <= budget.step if side else step >= budget.step)
            return in_steps and trips is not None and trips <= budget.trips
        found = facts.interval(after.carried[position])[side]
        return found <= bound if side else found >= bound

    def narrow(
        self, *, initial: Values, before: Values, after: Values, trips: int | None, facts: Facts, since: int
    ) -> bool:
        """Bounds, in place of those given up, that one more walk may verify; whether there are any.

        `initial` is asked about as it was before the loop; `since` tells values from outside, which began earlier.
        """
        found = False
        for position in _positions(after):
            start = facts.interval(initial.carried[position])
            new = facts.interval(after.carried[position])
            limits = interval_of_type(after.carried[position].type)
            for side, outermost in ((0, min), (1, max)):
                if self.bounds[position][side][0] is not None:
                    continue
                hull = outermost(start[side], new[side])
                if hull != limits[side]:
                    self.bounds[position][side][0] = hull
                    found = True
                    continue
                step = _step(position, side, before, after, facts)
                if step is None or trips is None:
                    continue
                budget = _Budget(start[side], max(step, 0) if side else min(step, 0), trips)
                if limits[0] <= budget.end <= limits[1]:
                    self.budgets[position, side] = budget
                    self.bounds[position][side][0] = budget.end
                    found = True
            found = self._relate_result(position, initial, after, facts, since) or found
        return found

    def _relate_result(self, position: int, initial: Values, after: Values, facts: Facts, since: int) -> bool:
        """Guess that the carried value stays within what its next value is within."""
        found = False
        for upwards in (True, False):
            reached = facts.reach(after.carried[position], upwards=upwards)
            outside = [symbol for symbol in reached if facts.order(symbol) < since]
            for symbol in outside[:_RELATIONS_OF_ONE]:
                left, right = (position, symbol) if upwards else (symbol, position)
                known = any((each.left, each.right) == (left, right) for each in self.relations)
                if known or (left, right) in self.given_up:
                    continue
                bound = max(_related(left, right, initial, facts).bound, reached[symbol])
                if bound < FURTHEST:
                    self.relations.add(Relation(left, right, bound))
                    found = True
        return found


def _positions(values: Values) -> list[int]:
    """The positions of carried integers."""
    return [position for position, atom in enumerate(values.carried) if is_integer(atom)]


def _related(left: Term, right: Term, values: Values, facts: Facts) -> Relation:
    """The closest relation between two terms there; of no use from `FURTHEST` on."""
    left_atom, right_atom = values.atom(left), values.atom(right)
    if left_atom is None or right_atom is None:
        return Relation(left, right, FURTHEST)
    distance = facts.distance(left_atom, right_atom)
    if distance is None:
        return Relation(left, right, FURTHEST)
    unshifted = Relation(left, right, distance)
    return Relation(left, right, distance - values.shift(unshifted))


def _holds(relation: Relation, values: Values, facts: Facts) -> bool:
    left, right = values.atom(relation.left), values.atom(relation.right)
    if left is None or right is None:
        return False
    return facts.is_at_most(left, right, relation.bound + values.shift(relation))


def _step(position: int, side: int, before: Values, after: Values, facts: Facts) -> int | None:
    """How far an iteration moves a value at most: upwards (side 1), or down (side 0, not positive)."""
    old, new = before.carried[position], after.carried[position]
    distance = facts.distance(new, old) if side else facts.distance(old, new)
    if distance is None:
        return None
    return distance if side else -distance
