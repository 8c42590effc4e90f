"""Records are frozen dataclasses with slots in all that one can ask of them."""

from __future__ import annotations

import copy
import dataclasses
import math
import pickle

import pytest

from pylms.records import record


@record(frozen=True, slots=True)
class Point:
    """Two numbers, the second with a default."""

    x: object
    y: object = 2

    def __str__(self):
        return f"{self.x}/{self.y}"


@dataclasses.dataclass(frozen=True, slots=True)
class Plain:
    """The same by the library."""

    x: object
    y: object = 2


@record(frozen=True, slots=True)
class Single:
    """One field."""

    value: object


@record(frozen=True, slots=True)
class Nothing:
    """No field."""


@record(frozen=True, slots=True, eq=False)
class Thing:
    """Compared by identity."""

    value: object


@record(frozen=True, slots=True)
class Named:
    """Its own comparison."""

    value: object

    def __eq__(self, other):
        return True

    def __hash__(self):
        return 7


def test_they_are_dataclasses():
    assert dataclasses.is_dataclass(Point)
    assert [field.name for field in dataclasses.fields(Point)] == ["x", "y"]
    assert dataclasses.replace(Point(1), y=5) == Point(1, 5)
    assert dataclasses.astuple(Point(1)) == (1, 2)
    assert Point.__dataclass_params__.frozen
    assert Point.__match_args__ == ("x", "y")
    assert not hasattr(Point(1), "__dict__")


@pytest.mark.parametrize("kind", [Point, Plain])
def test_they_are_made_as_by_the_library(kind):
    assert (kind(1).x, kind(1).y, kind(y=3, x=0).y) == (1, 2, 3)
    assert repr(kind(1, "a")) == f"{kind.__name__}(x=1, y='a')"
    assert kind(1) == kind(1, 2) != kind(1, 3)
    assert hash(kind(1)) == hash((1, 2))
    assert kind(math.nan) == kind(math.nan), "the same object"
    with pytest.raises(TypeError, match=r"missing 1 required positional argument: 'x'"):
        kind()
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'x'"):
        kind(1).x = 2
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'x'"):
        del kind(1).x


def test_one_field_compares_as_the_library_compares_it():
    assert Single(math.nan) == Single(math.nan)
    assert hash(Single(3)) == hash((3,))
    assert Single(1) != Thing(1)


def test_classes_differ():
    assert Point(1) != Plain(1)
    assert Nothing() == Nothing()
    assert repr(Nothing()) == "Nothing()"


def test_comparison_by_identity():
    assert Thing(1) != Thing(1)
    assert len({Thing(1), Thing(1)}) == 2


def test_what_a_class_defines_itself_is_kept():
    assert str(Point(1)) == "1/2"
    assert Named(1) == Named(2)
    assert hash(Named(1)) == 7


def test_they_are_copied_and_pickled():
    for made in (Point([1]), Single("a"), Nothing()):
        assert copy.deepcopy(made) == copy.copy(made) == made
        assert pickle.loads(pickle.dumps(made)) == made


def test_patterns_take_them_apart():
    match Point(3, 4):
        case Point(x, y):
            assert (x, y) == (3, 4)


def test_one_that_holds_itself_is_shown():
    held = []
    made = Single(held)
    held.append(made)
    assert "Single(value=[...])" in repr(made)
