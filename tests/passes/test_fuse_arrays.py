"""Elements are computed where they are used; what overlaps is stored first, as NumPy does."""

from __future__ import annotations

import numpy as np
import pytest

from pylms import generate
from pylms.ir.node import walk
from pylms.ir.ops.array_nests import ARRAY_BUILD, ARRAY_REDUCE, ARRAY_UPDATE
from pylms.passes.fuse_arrays import FuseArrays
from tests.harness.array_law import types_of
from tests.harness.law import OPTIONS, staged_of
from tests.passes.before_after import check, check_unchanged

FUSE = FuseArrays()


def test_an_array_that_is_used_once_is_computed_on_the_way() -> None:
    check(
        """
        function @f(%0: array<float64[:]@1>, %1: array<float64[:]@2>, %2: int) {
          %3: array<float64[:]@3> = array_build %2 {region = 3} do(%4: int) {
            %5: float64 = array_load %0, %4
            %6: float64 = sqrt %5
            yield %6
          }
          array_update %1 do(%7: int) {
            %8: float64 = array_load %3, %7
            yield %8
          }
          return
        }
        """,
        """
        function @f(%0: array<float64[:]@1>, %1: array<float64[:]@2>, %2: int) {
          array_update %1 do(%7: int) {
            %5: float64 = array_load %0, %7
            %6: float64 = sqrt %5
            yield %6
          }
          return
        }
        """,
        FUSE,
    )


def test_what_is_written_in_between_is_computed_before() -> None:
    check_unchanged(
        """
        function @f(%0: array<float64[:]@1>, %1: array<float64[:]@2>, %2: int) {
          %3: array<float64[:]@3> = array_build %2 {region = 3} do(%4: int) {
            %5: float64 = array_load %0, %4
            yield %5
          }
          array_store %0, 1.0:float64, 0
          array_update %1 do(%7: int) {
            %8: float64 = array_load %3, %7
            yield %8
          }
          return
        }
        """,
        FUSE,
    )


def test_what_is_needed_again_and_again_is_stored() -> None:
    check_unchanged(
        """
        function @f(%0: array<float64[:]@1>, %1: array<float64[:,:]@2>, %2: int) {
          %3: array<float64[:]@3> = array_build %2 {region = 3} do(%4: int) {
            %5: float64 = array_load %0, %4
            %6: float64 = exp %5
            yield %6
          }
          array_update %1 do(%7: int, %8: int) {
            %9: float64 = array_load %3, %8
            yield %9
          }
          return
        }
        """,
        FUSE,
    )


def test_an_index_that_reaches_as_far_as_its_dimension_is_not_broadcast() -> None:
    check(
        """
        function @f(%0: array<float64[:]@1>) {
          %1: int = array_dim %0 {axis = 0}
          array_update %0 do(%2: int) {
            %3: int = broadcast_index %2, %1
            %4: float64 = array_load %0, %3
            %5: float64 = neg %4
            yield %5
          }
          return
        }
        """,
        """
        function @f(%0: array<float64[:]@1>) {
          %1: int = array_dim %0 {axis = 0}
          array_update %0 do(%2: int) {
            %4: float64 = array_load %0, %2
            %5: float64 = neg %4
            yield %5
          }
          return
        }
        """,
        FUSE,
    )


def nests(function, *arguments):
    """How many arrays are built, reductions made and arrays updated by the optimised function."""
    optimised = generate.optimise(staged_of(function, *types_of(arguments)).function, OPTIONS)
    found = [node.primitive for node in walk(optimised.body)]
    return tuple(found.count(primitive) for primitive in (ARRAY_BUILD, ARRAY_REDUCE, ARRAY_UPDATE))


def expression(a, b, c):
    c[:] = a * b + np.sqrt(a) - np.where(b > 0, b, 1)


def reduced(a, b, c):
    return (a * b - c).sum() + np.max(abs(a))


def in_place(a, b, c):
    a += b * 2
    a[a > 0] = 0
    a[1:] *= c[1:]


def centred(a, b, c):
    c[:] = (a - a.mean()) / a.std()


def shifted(a, b, c):
    a[1:] = a[:-1]


def filled(a, b, c):
    c[:] = np.ones(len(c)) * 3 + np.arange(len(c))


def product(a, b, c):
    c[:] = np.outer(a, b) @ c


@pytest.mark.parametrize(
    "function, wanted",
    [
        (expression, (0, 0, 1)),
        (reduced, (0, 2, 0)),
        (in_place, (0, 0, 3)),
        (centred, (0, 3, 1)),
        (shifted, (1, 0, 1)),
        (filled, (0, 0, 1)),
        (product, (1, 1, 1)),
    ],
)
def test_expressions_need_no_arrays_in_between(function, wanted) -> None:
    assert nests(function, np.zeros(4), np.zeros(4), np.zeros(4)) == wanted


def test_arrays_that_may_overlap_are_read_before_they_are_written() -> None:
    base = np.zeros(6)
    assert nests(expression, base[:4], base[1:5], base[2:]) == (1, 0, 1)
