"""`match`: every kind of pattern, guards, captures, in and around loops and returns."""

# Written oddly, and wrongly, on purpose.
# mypy: ignore-errors
# ruff: noqa: E731

import collections
import enum
from dataclasses import dataclass

from tests.virtualize.corpus.record import case, note


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@dataclass
class Point:
    x: object
    y: object = 0


class Plain:
    def __repr__(self):
        return type(self).__name__


class Odd(Plain):
    __match_args__ = ["x"]


@case((0,), (1,), (True,), (None,), ("a",), (2.5,), (Colour.RED,), (Colour.BLUE,), (-3,), ([],))
def values(v):
    match note(v):
        case 0 | -3:
            return "number"
        case True:
            return "true"
        case 1 | 2.5:
            return "more"
        case "a" | "b":
            return "text"
        case None:
            return "none"
        case Colour.RED:
            return "red"
        case other:
            note(other)
    return other


@case(([],), ([1],), ((1, 2),), ([1, 2, 3],), ([0, [1, 2], 3, 4],), ("ab",), (range(5),), (collections.deque([1, 2]),))
def sequences(v):
    match v:
        case []:
            return "empty"
        case [x]:
            return x
        case (0, [a, *b], *c, d):
            return a, b, c, d
        case [x, 2]:
            return "two", x
        case [_, *rest, _]:
            return rest
        case str() as s:
            return s
    return None


@case(({},), ({"a": 1},), ({"a": 2, "b": [3, 4], "c": 5},), (collections.defaultdict(list),), (0,))
def mappings(v):
    match v:
        case {"a": 1}:
            return "one"
        case {"a": x, "b": [y, *_], **rest}:
            return x, y, rest
        case {"z": _}:
            return "never"
        case {**everything}:
            return everything
    return "no mapping"


@case((Point(0, 1),), (Point(1, 2),), (Point(3, Point(4)),), (5,), (True,), ("s",), ([1, 2],), (Odd(),), (Plain(),))
def classes(v):
    match v:
        case Point(0, y=yy):
            return "on the axis", yy
        case Point(x, 2) | Point(x=3, y=Point(x)):
            return "either", x
        case Point(z=_):
            return "never"
        case bool(b):
            return "bool", b
        case int(i) | str(i):
            return i
        case list([first, *_]):
            return first
        case Plain(missing=_):
            return "never"
        case Odd():
            return "odd"
        case Plain():
            return "plain"
    return "none"


@case((Point(1),), (Odd(),), (1,), (Plain(),))
def bad_patterns(v):
    match v:
        case Point(1, 2, 3):
            return "never"
        case Odd(1):
            return "never"
        case int(1, 2):
            return "never"
        case Plain(1):
            return "never"


@case((3, 1), (1, 3), (2, 2), (0, 0))
def guards(a, b):
    match (a, b):
        case (x, y) if x > y:
            return "more", x
        case (x, y) if note(x) == 0:
            note((x, y))
        case (x, x2) if (z := x + x2) == 4 and x2 == 3:
            return z, x, x2
        case _ if b > 1:
            x = "wildcard"
    return x, y


@case(([1, (2, 3), "stop", 5],), ([(1, 2), (0, 7), 9],), ([],), (["go", None, -1],))
def in_loops(xs):
    seen = []
    for x in xs:
        match x:
            case (a, b) if a:
                seen.append(a + b)
            case (_, b):
                continue
            case "stop":
                break
            case None:
                return "none", seen
            case -1 | 9 as end:
                note(end)
            case x:
                pass
        seen.append(x)
    else:
        return "all", seen
    return seen


@case((((1, 2), 3),), ((0, (4, 5)),), ((6, 7),))
def alternatives_that_capture(v):
    match v:
        case ((a, b) as pair, c) | (c, (a, b) as pair):
            match pair:
                case (1, _):
                    c += 1
            return a, b, c, pair
        case (a, b):
            f = lambda: a + b
            a = 10
    return f()


@case((1,))
def subject_is_rebound(x):
    match (x, x + 1):
        case (2, y):
            return "no"
        case (y, x):
            x += y
    match x:
        case x if x > 100:
            return "no"
        case x:
            return x


class Private:
    __secret = 5

    def run(self, value):
        match value:
            case self.__secret:
                return "secret"
            case {"__a": __b}:
                return __b
        return self


@case((5,), ({"__a": 1},))
def in_methods(v):
    return Private().run(v)
