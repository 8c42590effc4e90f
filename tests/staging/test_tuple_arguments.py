"""Tuples, named tuples and dataclasses as arguments and results of staged functions."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import pytest

from pylms import lms, stage
from pylms.errors import ArgumentError, StagedTypeError


class Point(NamedTuple):
    x: float
    y: float


@dataclasses.dataclass(frozen=True)
class Body:
    mass: float
    places: np.ndarray
    origin: Point


@dataclasses.dataclass
class Account:
    balance: int
    rate: float = 0.5

    def __post_init__(self):
        assert not hasattr(self, "checked"), "made again"

    @lms
    def grown(self, years):
        balance = self.balance + 0.0
        for _ in range(years):
            balance += balance * self.rate
        return balance


def test_tuples_are_taken_and_given():
    @stage
    def swapped(pair, n):
        (a, b), c = pair
        return (b, a), c + n

    for _ in range(2):
        assert swapped(((1, 2.0), 3), 4) == ((2.0, 1), 7)
    assert [str(type_) for type_ in swapped.signatures[0]] == ["tuple(tuple(int, float), int)", "int"]


def test_named_tuples_keep_their_class():
    @stage
    def moved(p, by):
        return Point(p.x + by, p.y)

    result = moved(Point(1.0, 2.0), 0.5)
    assert result == Point(1.5, 2.0) and type(result) is Point


def test_arrays_within_are_shared():
    @stage
    def settle(body):
        for i in range(len(body.places)):
            body.places[i] = body.places[i] * body.mass + body.origin.x
        return body.places[1:]

    places = np.arange(3.0)
    rest = settle(Body(2.0, places, Point(1.0, 0.0)))
    assert places.tolist() == [1.0, 3.0, 5.0]
    assert np.shares_memory(rest, places)


def test_overlap_is_seen_within():
    @stage
    def shift(pair):
        source, target = pair
        for i in range(len(source)):
            target[i] = source[i] + 1.0

    array = np.zeros(4)
    shift((array[:-1], array[1:]))
    assert array.tolist() == [0.0, 1.0, 2.0, 3.0]
    shift((np.zeros(2), array[:2]))
    assert array.tolist() == [1.0, 1.0, 2.0, 3.0]
    assert len(shift.signatures) == 2


def test_a_dataclass_has_its_methods_and_is_not_initialised_again():
    @stage
    def later(account, years):
        return account.grown(years)

    account = Account(100)
    account.checked = True
    assert later(account, 2) == Account(100).grown(2) == 225.0


def test_dataclasses_are_results():
    @stage
    def paid(account, amount):
        return dataclasses.replace(account, balance=account.balance + amount), Account(amount)

    assert paid(Account(1, 0.25), 2) == (Account(3, 0.25), Account(2))


@pytest.mark.parametrize("make", [lambda x, y: (x, y), Point, lambda x, y: Body(x, y, Point(x, x))])
def test_variables_hold_tuples_and_frozen_dataclasses(make):
    def grown(n):
        value = make(0.0, 1.0)
        for i in range(n):
            first, second = (value[0], value[1]) if isinstance(value, tuple) else (value.mass, value.places)
            value = make(first + i, second * 2.0) if i < 3 else value
        return value

    assert stage(grown)(5) == grown(5)


@dataclasses.dataclass
class Loose:
    a: object = None


def fields_error(value: Any):
    @stage
    def f(x):
        return 0

    with pytest.raises(ArgumentError) as caught:
        f(value)
    return str(caught.value)


def test_what_cannot_be_taken_is_named_by_its_place():
    assert "item `1` of argument `x` of f is a bytes, which compiled code cannot take" in fields_error((1, b"b"))
    assert "field `y` of argument `x` of f is a complex" in fields_error(Point(1.0, 1j))
    assert "field `a` of item `0` of argument `x` of f is a set" in fields_error((Loose({1}),))
    assert "field `a` of item `0` of argument `x` of f holds a set" in fields_error((Loose([{1}]),))
    assert "field `a` of argument `x` of f is 18446744073709551616, which does not fit" in fields_error(Loose(2**64))
    assert "item `0` of argument `x` of f is an array of complex128" in fields_error((np.zeros(1, complex),))


def test_an_array_within_can_be_read_only():
    @stage
    def clear(pair):
        pair[1][0] = 0.0

    array = np.ones(2)
    array.flags.writeable = False
    with pytest.raises(StagedTypeError, match="read-only: the array passed as `pair_1`"):
        clear((1, array))


def test_none_is_known_while_staging():
    @stage
    def scaled(a, weights=None):
        return a[0] if weights is None else a[0] * weights[0]

    array = np.array([3.0])
    for _ in range(2):
        assert [scaled(array), scaled(array, None), scaled(array, np.array([2.0]))] == [3.0, 3.0, 6.0]
    assert [str(type_[1]) for type_ in scaled.signatures] == ["None", "array<float64[:]@2>"]


def test_lengths_and_classes_are_part_of_the_signature():
    @stage
    def total(values):
        s = 0
        for value in values:
            s = s + value
        return s

    assert [total((1, 2)), total((1, 2, 3)), total(()), total((1.5,)), total(Point(1.0, 2.0))] == [3, 6, 0, 1.5, 3.0]
    assert len(total.signatures) == 5
