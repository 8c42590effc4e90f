"""Python's operators on staged arrays, and NumPy's protocols by which its functions find them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..ir.types import element_type
from .elementwise import apply, apply_into
from .numpy_tables import call_function
from .products import matmul
from .rep import StagedValue
from .ufunc_protocol import call_ufunc
from .ufuncs import UFUNCS


def _binary(name: str) -> Callable[[Any, object], object]:
    return lambda self, other: apply(self.trace, UFUNCS[name], self, other)


def _reflected(name: str) -> Callable[[Any, object], object]:
    return lambda self, other: apply(self.trace, UFUNCS[name], other, self)


def _in_place(name: str) -> Callable[[Any, object], object]:
    def operate(self: Any, other: object) -> object:
        apply_into(self.trace, self.atom, UFUNCS[name], self, other)
        return self

    return operate


def _unary(name: str) -> Callable[[Any], object]:
    return lambda self: apply(self.trace, UFUNCS[name], self)


_SPECIAL_POWERS: dict[float, str] = {0.5: "sqrt", 2: "square", -1: "reciprocal"}
"""What NumPy makes of `a ** x` for some numbers x."""


class ArrayOperators(StagedValue):
    """What makes `a + b`, `a += b`, `a < b` and `np.sqrt(a)` work."""

    __slots__ = ()

    __add__, __radd__, __iadd__ = _binary("add"), _reflected("add"), _in_place("add")
    __sub__, __rsub__, __isub__ = _binary("subtract"), _reflected("subtract"), _in_place("subtract")
    __mul__, __rmul__, __imul__ = _binary("multiply"), _reflected("multiply"), _in_place("multiply")
    __truediv__, __rtruediv__, __itruediv__ = _binary("divide"), _reflected("divide"), _in_place("divide")
    __floordiv__, __rfloordiv__ = _binary("floor_divide"), _reflected("floor_divide")
    __ifloordiv__ = _in_place("floor_divide")
    __mod__, __rmod__, __imod__ = _binary("remainder"), _reflected("remainder"), _in_place("remainder")
    __lshift__, __rlshift__, __ilshift__ = _binary("left_shift"), _reflected("left_shift"), _in_place("left_shift")
    __rshift__, __rrshift__, __irshift__ = _binary("right_shift"), _reflected("right_shift"), _in_place("right_shift")
    __and__, __rand__, __iand__ = _binary("bitwise_and"), _reflected("bitwise_and"), _in_place("bitwise_and")
    __or__, __ror__, __ior__ = _binary("bitwise_or"), _reflected("bitwise_or"), _in_place("bitwise_or")
    __xor__, __rxor__, __ixor__ = _binary("bitwise_xor"), _reflected("bitwise_xor"), _in_place("bitwise_xor")
    __lt__, __le__ = _binary("less"), _binary("less_equal")
    __gt__, __ge__ = _binary("greater"), _binary("greater_equal")
    __eq__, __ne__ = _binary("equal"), _binary("not_equal")  # type: ignore[assignment]
    __hash__ = None  # type: ignore[assignment]
    __neg__, __pos__, __abs__, __invert__ = _unary("negative"), _unary("positive"), _unary("absolute"), _unary("invert")

    def __pow__(self, other: object) -> object:
        is_float = element_type(self.atom.type).is_float
        special = _SPECIAL_POWERS.get(other) if is_float and isinstance(other, (int, float)) else None
        return apply(self.trace, UFUNCS[special], self) if special else apply(self.trace, UFUNCS["power"], self, other)

    def __rpow__(self, other: object) -> object:
        return apply(self.trace, UFUNCS["power"], other, self)

    def __ipow__(self, other: object) -> object:
        apply_into(self.trace, self.atom, UFUNCS["power"], self, other)
        return self

    def __matmul__(self, other: object) -> object:
        return matmul(self.trace, self, other)

    def __rmatmul__(self, other: object) -> object:
        return matmul(self.trace, other, self)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: object, **kwargs: Any) -> object:
        """What NumPy's functions of elements ask their arguments to do."""
        return call_ufunc(self.trace, ufunc, method, inputs, kwargs)

    def __array_function__(
        self, function: Any, _types: object, args: Sequence[object], kwargs: Mapping[str, object]
    ) -> object:
        """What NumPy's other functions ask their arguments to do."""
        return call_function(self.trace, function, args, kwargs)
