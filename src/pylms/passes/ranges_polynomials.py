"""Sums of products of integers, for what intervals and differences of two values cannot tell: i * width + j < size.

In: values, which are expanded by their exact definitions, and `Facts`. Out: whether a polynomial is surely not
positive, or the largest value it can have in terms of values that do not change in a loop. Both work from the value
that began last to earlier ones, putting a bound in place of each; the work is bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from ..ir.node import Atom, Const, Node, Sym
from ..ir.ops.arithmetic import ADD, MUL, NEG, SUB
from .ranges_facts import FURTHEST, Facts, is_integer

Monomial = tuple[Sym, ...]
Polynomial = Mapping[Monomial, int]

_LARGEST_TERMS = 8
_LARGEST_DEGREE = 3
# Bounds tried in place of one value, and polynomials looked at for one question.
_BOUNDS_TRIED = 3
_QUESTIONS = 20


def constant(value: int) -> Polynomial:
    """A number."""
    return {(): value} if value else {}


def at_most(facts: Facts, left: Atom, right: Atom, bound: int) -> bool:
    """Whether left - right <= bound for sure, by any means."""
    return facts.is_at_most(left, right, bound) or is_not_positive(difference(left, right, bound, facts), facts)


def not_negative(facts: Facts, atom: Atom) -> bool:
    """Whether 0 <= atom for sure, by any means."""
    return facts.interval(atom)[0] >= 0 or is_not_positive(add({}, expand(atom, facts), -1), facts)


def difference(left: Atom, right: Atom, bound: int, facts: Facts) -> Polynomial:
    """left - right - bound."""
    return add(add(expand(left, facts), expand(right, facts), -1), constant(-bound))


def add(left: Polynomial, right: Polynomial, factor: int = 1) -> Polynomial:
    """left + factor * right."""
    total = dict(left)
    for monomial, coefficient in right.items():
        total[monomial] = total.get(monomial, 0) + factor * coefficient
        if not total[monomial]:
            del total[monomial]
    return total


def multiply(left: Polynomial, right: Polynomial) -> Polynomial:
    """left * right."""
    total: dict[Monomial, int] = {}
    for one, first in left.items():
        for other, second in right.items():
            monomial = tuple(sorted((*one, *other), key=lambda symbol: symbol.id))
            total[monomial] = total.get(monomial, 0) + first * second
    return {monomial: coefficient for monomial, coefficient in total.items() if coefficient}


def symbols(polynomial: Polynomial) -> set[Sym]:
    """The values in it."""
    return {symbol for monomial in polynomial for symbol in monomial}


def degree(polynomial: Polynomial) -> int:
    """How many values are multiplied at most."""
    return max(map(len, polynomial), default=0)


def _is_small(polynomial: Polynomial) -> bool:
    return len(polynomial) <= _LARGEST_TERMS and degree(polynomial) <= _LARGEST_DEGREE


def define(symbol: Sym, node: Node, facts: Facts) -> None:
    """The symbol is exactly the sum or product that a node computes."""
    result = _combine(node, [expand(arg, facts) for arg in node.args])
    facts.note(symbol, result if _is_small(result) else {(symbol,): 1})


def equate(new: Sym, old: Atom, facts: Facts) -> None:
    """new == old, where they are integers."""
    if is_integer(new):
        facts.note(new, expand(old, facts))
        facts.equate(new, old)


def expand(atom: Atom, facts: Facts) -> Polynomial:
    """A value as a polynomial of values that are not sums or products themselves, as far as that is small."""
    if isinstance(atom, Const):
        return constant(int(atom.value))
    known: Polynomial | None = facts.noted(atom)
    return {(atom,): 1} if known is None else known


def is_exact(atom: Atom, facts: Facts) -> bool:
    """Whether a value is known to be the sum or product that its node computes, which did not wrap."""
    return isinstance(atom, Sym) and facts.noted(atom) is not None


def _combine(node: Node, operands: list[Polynomial]) -> Polynomial:
    if node.primitive is ADD:
        return add(operands[0], operands[1])
    if node.primitive is SUB:
        return add(operands[0], operands[1], -1)
    if node.primitive is MUL:
        return multiply(operands[0], operands[1])
    assert node.primitive is NEG
    return add({}, operands[0], -1)


def upper_bound(polynomial: Polynomial, facts: Facts) -> int:
    """What it is at most, by the intervals of its values."""
    total = 0
    for monomial, coefficient in polynomial.items():
        low, high = 1, 1
        for symbol in monomial:
            symbol_low, symbol_high = facts.interval(symbol)
            corners = (low * symbol_low, low * symbol_high, high * symbol_low, high * symbol_high)
            low, high = min(corners), max(corners)
        if len(monomial) == 2 and monomial[0] is monomial[1]:
            low = max(low, 0)
        total += coefficient * (high if coefficient > 0 else low)
    return total


def is_not_positive(polynomial: Polynomial, facts: Facts) -> bool:
    """Whether it is surely at most 0."""
    return any(upper_bound(bound, facts) <= 0 or _is_stated(bound, facts) for bound in _bounds(polynomial, facts, None))


def largest(polynomial: Polynomial, facts: Facts, is_invariant: Callable[[Sym], bool]) -> Polynomial | None:
    """A polynomial of invariant values only that is never less, and that may be at most 0; None if none is found."""
    for bound in _bounds(polynomial, facts, is_invariant):
        variables = symbols(bound)
        if variables and all(map(is_invariant, variables)) and upper_bound(add({}, bound, -1), facts) >= 0:
            return bound
    return None


def state_not_positive(polynomial: Polynomial, facts: Facts) -> None:
    """Let it be known that the polynomial is at most 0."""
    key, bound = _split(polynomial)
    known = facts.noted(("stated", key))
    if known is None or bound > known:
        facts.note(("stated", key), bound)


def _is_stated(polynomial: Polynomial, facts: Facts) -> bool:
    key, bound = _split(polynomial)
    known = facts.noted(("stated", key))
    return known is not None and bound <= known


def _split(polynomial: Polynomial) -> tuple[frozenset[tuple[Monomial, int]], int]:
    """The terms with values in them, and the constant one."""
    return frozenset(item for item in polynomial.items() if item[0]), polynomial.get((), 0)


def _bounds(polynomial: Polynomial, facts: Facts, is_invariant: Callable[[Sym], bool] | None) -> Iterator[Polynomial]:
    """The polynomial and others that are never less, each with one value less that began late."""
    pending = [polynomial]
    for _ in range(_QUESTIONS):
        if not pending:
            return
        current = pending.pop()
        yield current
        variables = symbols(current)
        if is_invariant is not None:
            variables = {symbol for symbol in variables if not is_invariant(symbol)}
        if not variables:
            continue
        last = max(variables, key=facts.order)
        pending.extend(reversed(list(_without(current, last, facts))))


def _without(polynomial: Polynomial, symbol: Sym, facts: Facts) -> Iterator[Polynomial]:
    """The polynomial with bounds in place of a symbol that it is linear in."""
    factor: dict[Monomial, int] = {}
    rest: dict[Monomial, int] = {}
    for monomial, coefficient in polynomial.items():
        times = monomial.count(symbol)
        if times > 1:
            return
        if times:
            factor[tuple(each for each in monomial if each is not symbol)] = coefficient
        else:
            rest[monomial] = coefficient
    if upper_bound(add({}, factor, -1), facts) <= 0:
        upwards = True
    elif upper_bound(factor, facts) <= 0:
        upwards = False
    else:
        return
    for bound in _replacements(symbol, facts, upwards=upwards):
        replaced = add(rest, multiply(factor, bound))
        if _is_small(replaced):
            yield replaced


def _replacements(symbol: Sym, facts: Facts, *, upwards: bool) -> Iterator[Polynomial]:
    """What a value is at most, or at least: earlier values with a distance, then a number."""
    reached = facts.reach(symbol, upwards=upwards)
    earlier = [other for other in reached if facts.order(other) < facts.order(symbol)]
    earlier.sort(key=facts.order, reverse=True)
    for other in earlier[:_BOUNDS_TRIED]:
        distance = reached[other]
        yield add(expand(other, facts), constant(distance if upwards else -distance))
    number = facts.interval(symbol)[upwards]
    if abs(number) < FURTHEST:
        yield constant(number)
