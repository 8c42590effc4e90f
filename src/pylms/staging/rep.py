"""`Rep`: a scalar that will be known when the compiled code runs. Arithmetic on it builds IR."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from ..errors import StagingError
from ..ir.node import Atom
from ..ir.ops import arithmetic as ops
from ..loc import caller_loc
from . import arithmetic

if TYPE_CHECKING:
    from .context import Trace


class Rep:
    """A staged scalar: an IR atom in a running trace.

    It has Python's operators. Where Python itself needs a plain value (an index, a condition in code that was
    not virtualised) it raises `StagingError` at the user's line.
    """

    __slots__ = ("atom", "trace")

    def __init__(self, atom: Atom, trace: Trace) -> None:
        self.atom = atom
        self.trace = trace

    def __repr__(self) -> str:
        return f"Rep({self.atom!r}: {self.atom.type})"

    def require_trace(self, trace: Trace) -> None:
        """A located error when this value belongs to a staging run that is over, or to another one."""
        if self.trace is trace and trace.is_running:
            return
        raise StagingError(
            "a staged value was kept after the staging run that made it",
            loc=caller_loc(),
            hint="staged values mean nothing outside the function being staged; return them instead of storing them",
        )

    def __add__(self, other: object) -> object:
        return arithmetic.binary(self, ops.ADD, self, other)

    def __radd__(self, other: object) -> object:
        return arithmetic.binary(self, ops.ADD, other, self)

    def __sub__(self, other: object) -> object:
        return arithmetic.binary(self, ops.SUB, self, other)

    def __rsub__(self, other: object) -> object:
        return arithmetic.binary(self, ops.SUB, other, self)

    def __mul__(self, other: object) -> object:
        return arithmetic.binary(self, ops.MUL, self, other)

    def __rmul__(self, other: object) -> object:
        return arithmetic.binary(self, ops.MUL, other, self)

    def __truediv__(self, other: object) -> object:
        return arithmetic.true_division(self, self, other)

    def __rtruediv__(self, other: object) -> object:
        return arithmetic.true_division(self, other, self)

    def __floordiv__(self, other: object) -> object:
        return arithmetic.binary(self, ops.FLOORDIV, self, other)

    def __rfloordiv__(self, other: object) -> object:
        return arithmetic.binary(self, ops.FLOORDIV, other, self)

    def __mod__(self, other: object) -> object:
        return arithmetic.binary(self, ops.MOD, self, other)

    def __rmod__(self, other: object) -> object:
        return arithmetic.binary(self, ops.MOD, other, self)

    def __divmod__(self, other: object) -> object:
        return self // other, self % other

    def __rdivmod__(self, other: object) -> object:
        return other // self, other % self

    def __pow__(self, other: object) -> object:
        return arithmetic.power(self, self, other)

    def __rpow__(self, other: object) -> object:
        return arithmetic.power(self, other, self)

    def __neg__(self) -> object:
        return arithmetic.unary(self, ops.NEG)

    def __pos__(self) -> object:
        return arithmetic.positive(self)

    def __abs__(self) -> object:
        return arithmetic.unary(self, ops.ABS)

    def __eq__(self, other: object) -> object:  # type: ignore[override]
        return arithmetic.comparison(self, ops.EQ, self, other)

    def __ne__(self, other: object) -> object:  # type: ignore[override]
        return arithmetic.comparison(self, ops.NE, self, other)

    def __lt__(self, other: object) -> object:
        return arithmetic.comparison(self, ops.LT, self, other)

    def __le__(self, other: object) -> object:
        return arithmetic.comparison(self, ops.LE, self, other)

    def __gt__(self, other: object) -> object:
        return arithmetic.comparison(self, ops.GT, self, other)

    def __ge__(self, other: object) -> object:
        return arithmetic.comparison(self, ops.GE, self, other)

    def __hash__(self) -> int:
        self._refuse("hashed (a dict key or a member of a set)")

    def __bool__(self) -> bool:
        raise StagingError(
            "Python cannot branch on a staged value here: this function was not virtualised",
            loc=caller_loc(),
            hint="decorate the function with @lms (or @stage), so that its if, while, and, or, not, assert are staged",
        )

    def __index__(self) -> int:
        self._refuse("used as an index or a size")

    def __int__(self) -> int:
        self._refuse("turned into a plain int")

    def __float__(self) -> float:
        self._refuse("turned into a plain float")

    def __complex__(self) -> complex:
        self._refuse("turned into a plain complex")

    def __iter__(self) -> NoReturn:
        self._refuse("iterated over")

    def __len__(self) -> int:
        self._refuse("asked for its length")

    def __format__(self, spec: str) -> str:
        self._refuse("formatted outside a print")

    def __str__(self) -> str:
        self._refuse("turned into a string outside a print")

    def _refuse(self, use: str) -> NoReturn:
        raise StagingError(
            f"a staged {self.atom.type} cannot be {use}: Python needs its value now, and it is known only when the "
            "compiled code runs",
            loc=caller_loc(),
            hint="compute it from plain values, or keep the computation staged",
        )
