"""Regular expressions and their derivatives (Brzozowski, 1964): from a pattern to the states of a matcher.

The syntax: literals, `.`, `[a-z]`, `[^...]`, `\\d \\w \\s`, groups, `|`, `*`, `+`, `?`. No captures or back-references.
"""

from dataclasses import dataclass
from functools import reduce

ANY = frozenset(range(256))
CLASSES = {"d": frozenset(b"0123456789"), "s": frozenset(b" \t\n\r\f\v")}
CLASSES["w"] = CLASSES["d"] | frozenset(b"_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")

# Expressions: ("empty",), ("none",), ("set", bytes), ("then", a, b), ("or", frozenset of expressions), ("star", a).
EMPTY, NONE = ("empty",), ("none",)


def then(left, right):
    if NONE in (left, right):
        return NONE
    return right if left == EMPTY else left if right == EMPTY else ("then", left, right)


def either(*options):
    flat = frozenset(part for each in options for part in (each[1] if each[0] == "or" else [each])) - {NONE}
    return ("or", flat) if len(flat) > 1 else next(iter(flat), NONE)


def parse(pattern):
    """The expression of a pattern. Raises ValueError where it is malformed."""
    rest = list(pattern)

    def alternatives():
        found = [sequence()]
        while rest and rest[0] == "|":
            rest.pop(0)
            found.append(sequence())
        return either(*found)

    def sequence():
        parts = []
        while rest and rest[0] not in "|)":
            part = atom()
            while rest and rest[0] in "*+?":
                mark = rest.pop(0)
                star = ("star", part)
                part = star if mark == "*" else then(part, star) if mark == "+" else either(EMPTY, part)
            parts.append(part)
        return reduce(then, parts, EMPTY)

    def atom():
        letter = rest.pop(0)
        if letter == "(":
            inside = alternatives()
            if not rest or rest.pop(0) != ")":
                raise ValueError("a group is not closed")
            return inside
        if letter == "[":
            return ("set", bracket())
        if letter == ".":
            return ("set", ANY - {10})
        return ("set", escaped() if letter == "\\" else frozenset(letter.encode()))

    def escaped():
        letter = rest.pop(0)
        return CLASSES.get(letter) or frozenset(letter.encode())

    def bracket():
        negated = rest[0] == "^" and bool(rest.pop(0))
        found = frozenset()
        while rest and rest[0] != "]":
            letter = rest.pop(0)
            if letter == "\\":
                found |= escaped()
            elif len(rest) > 1 and rest[0] == "-" and rest[1] != "]":
                found |= frozenset(range(ord(letter), ord(rest[1]) + 1))
                del rest[:2]
            else:
                found |= frozenset(letter.encode())
        if not rest or rest.pop(0) != "]":
            raise ValueError("a set is not closed")
        return ANY - found if negated else found

    expression = alternatives()
    if rest:
        raise ValueError(f"`{rest[0]}` is not expected")
    return expression


def is_nullable(expression):
    """Whether an expression matches nothing at all."""
    kind = expression[0]
    if kind == "then":
        return is_nullable(expression[1]) and is_nullable(expression[2])
    return any(map(is_nullable, expression[1])) if kind == "or" else kind in ("empty", "star")


def derivative(expression, byte):
    """What is left to match after one byte."""
    match expression:
        case ("set", members):
            return EMPTY if byte in members else NONE
        case ("or", options):
            return either(*(derivative(option, byte) for option in options))
        case ("star", inside):
            return then(derivative(inside, byte), expression)
        case ("then", left, right):
            first = then(derivative(left, byte), right)
            return either(first, derivative(right, byte)) if is_nullable(left) else first
    return NONE


@dataclass(frozen=True)
class Machine:
    """For each state: ranges (first byte, last byte, next state), and whether the pattern matches there."""

    moves: tuple
    accepts: tuple


def machine_of(expression):
    """The states that are reached from an expression; bytes without a range lead nowhere."""
    states, moves = [expression], []
    for state in states:
        ranges = []
        for byte in range(256):
            following = derivative(state, byte)
            if following == NONE:
                continue
            if following not in states:
                states.append(following)
            target = states.index(following)
            if ranges and ranges[-1][1:] == (byte - 1, target):
                ranges[-1] = (ranges[-1][0], byte, target)
            else:
                ranges.append((byte, byte, target))
        moves.append(tuple(ranges))
    return Machine(tuple(moves), tuple(map(is_nullable, states)))
