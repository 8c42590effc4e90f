"""The methods that NumPy's arrays have for computing with all their elements."""

from __future__ import annotations

from . import products, reductions, selections
from .elementwise import copied, store
from .known_arrays import lift_operand
from .rep import StagedValue


class ArrayMethods(StagedValue):
    """Each is the function of that name in NumPy, with the array as its first argument."""

    __slots__ = ()

    def sum(self, axis: object = None, dtype: object = None, *, keepdims: bool = False) -> object:
        return reductions.total(self.trace, self, axis, dtype, keepdims)

    def prod(self, axis: object = None, dtype: object = None, *, keepdims: bool = False) -> object:
        return reductions.product(self.trace, self, axis, dtype, keepdims)

    def min(self, axis: object = None, *, keepdims: bool = False) -> object:
        return reductions.smallest(self.trace, self, axis, keepdims)

    def max(self, axis: object = None, *, keepdims: bool = False) -> object:
        return reductions.largest(self.trace, self, axis, keepdims)

    def any(self, axis: object = None, *, keepdims: bool = False) -> object:
        return reductions.any_true(self.trace, self, axis, keepdims)

    def all(self, axis: object = None, *, keepdims: bool = False) -> object:
        return reductions.all_true(self.trace, self, axis, keepdims)

    def argmin(self, axis: object = None, *, keepdims: bool = False) -> object:
        return reductions.place_of_smallest(self.trace, self, axis, keepdims)

    def argmax(self, axis: object = None, *, keepdims: bool = False) -> object:
        return reductions.place_of_largest(self.trace, self, axis, keepdims)

    def mean(self, axis: object = None, dtype: object = None, *, keepdims: bool = False) -> object:
        return reductions.mean(self.trace, self, axis, dtype, keepdims)

    def var(self, axis: object = None, dtype: object = None, ddof: object = 0, *, keepdims: bool = False) -> object:
        return reductions.variance(self.trace, self, axis, dtype, ddof, keepdims)

    def std(self, axis: object = None, dtype: object = None, ddof: object = 0, *, keepdims: bool = False) -> object:
        return selections.standard_deviation(self.trace, self, axis, dtype, ddof, keepdims)

    def cumsum(self, axis: object = None, dtype: object = None) -> object:
        return products.cumulative_sum(self.trace, self, axis, dtype)

    def cumprod(self, axis: object = None, dtype: object = None) -> object:
        return products.cumulative_product(self.trace, self, axis, dtype)

    def dot(self, other: object) -> object:
        return products.dot(self.trace, self, other)

    def clip(self, min: object = None, max: object = None) -> object:
        return selections.clip(self.trace, self, min, max)

    def astype(self, dtype: object) -> object:
        return selections.astype(self.trace, self.atom, dtype)

    def copy(self) -> object:
        return self.trace.wrap(copied(self.trace, self.atom))

    def fill(self, value: object) -> None:
        store(self.trace, self.atom, lift_operand(self.trace, value, "fill"))
