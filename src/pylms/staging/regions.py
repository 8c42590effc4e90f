"""Which arrays may overlap: those of one region (see `ir.types.Region`)."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from ..ir.types import SHARED_REGION, ArrayType, Region, Type


class RegionsMeet(BaseException):
    """One variable is to hold arrays of different regions: nothing is known of what it overlaps."""


class Regions:
    """Hands out the regions of one trace. Where arrays are not known to be apart, there is one for all."""

    def __init__(self, *, arrays_apart: bool) -> None:
        self._arrays_apart = arrays_apart
        self._numbers = count(1)
        self.of_parameters: set[Region] = set()
        self.known: list[tuple[object, Region]] = []
        """The arrays of generation time that were captured, each with its region."""

    def fresh(self) -> Region:
        """The region of memory that is made now."""
        return Region(next(self._numbers)) if self._arrays_apart else SHARED_REGION

    def of_parameter(self, type_: Type) -> Type:
        """A parameter's type, its arrays in a region of their own unless they may overlap others."""
        if not isinstance(type_, ArrayType):
            return type_
        region = SHARED_REGION if type_.region == SHARED_REGION else self.fresh()
        self.of_parameters.add(region)
        return replace(type_, region=region)
