"""`Rep`: a scalar that will be known when the compiled code runs. Arithmetic on it builds IR."""

from __future__ import annotations

import dis
import sys
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from ..errors import StagingError
from ..ir.node import Atom
from ..ir.ops import arithmetic as ops
from ..ir.ops import integers
from ..late import late_module
from ..loc import caller_loc, is_user_file
from . import arithmetic
from .comparisons import comparison
from .promotion import refuse_operation

if TYPE_CHECKING:
    from . import bits, number_methods, numpy_scalars
    from .context import Trace
else:
    bits = late_module("pylms.staging.bits")
    number_methods = late_module("pylms.staging.number_methods")
    numpy_scalars = late_module("pylms.staging.numpy_scalars")


class StagedValue:
    """What stands for a value of the run: an IR atom in a running trace."""

    __slots__ = ("atom", "trace")

    def __init__(self, atom: Atom, trace: Trace) -> None:
        self.atom = atom
        self.trace = trace

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.atom!r}: {self.atom.type})"

    def require_trace(self, trace: Trace) -> None:
        """A located error when this value is of another staging run, or of a block that is closed."""
        trace.require_usable(self.atom, self.trace)


class Rep(StagedValue):
    """A staged scalar.

    It has Python's operators. Where Python itself needs a plain value (an index, a condition in code that was
    not virtualised) it raises `StagingError` at the user's line.
    """

    __slots__ = ()

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

    def __matmul__(self, other: object) -> object:
        return arithmetic.no_product(self, self, other)

    def __rmatmul__(self, other: object) -> object:
        return arithmetic.no_product(self, other, self)

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
        return comparison(self, ops.EQ, other)

    def __ne__(self, other: object) -> object:  # type: ignore[override]
        return comparison(self, ops.NE, other)

    def __lt__(self, other: object) -> object:
        return comparison(self, ops.LT, other)

    def __le__(self, other: object) -> object:
        return comparison(self, ops.LE, other)

    def __gt__(self, other: object) -> object:
        return comparison(self, ops.GT, other)

    def __ge__(self, other: object) -> object:
        return comparison(self, ops.GE, other)

    def __copy__(self) -> Rep:
        return self  # as Python's numbers, which nothing changes

    def __deepcopy__(self, _memo: dict[int, object]) -> Rep:
        return self

    def __hash__(self) -> int:
        self._refuse("hashed (a dict key or a member of a set)", "choose by it with if and elif")

    def __and__(self, other: object) -> object:
        return bits.bitwise(self, integers.BIT_AND, self, other)

    def __rand__(self, other: object) -> object:
        return bits.bitwise(self, integers.BIT_AND, other, self)

    def __or__(self, other: object) -> object:
        return bits.bitwise(self, integers.BIT_OR, self, other)

    def __ror__(self, other: object) -> object:
        return bits.bitwise(self, integers.BIT_OR, other, self)

    def __xor__(self, other: object) -> object:
        return bits.bitwise(self, integers.BIT_XOR, self, other)

    def __rxor__(self, other: object) -> object:
        return bits.bitwise(self, integers.BIT_XOR, other, self)

    def __lshift__(self, other: object) -> object:
        return bits.shift(self, integers.SHIFT_LEFT, self, other)

    def __rlshift__(self, other: object) -> object:
        return bits.shift(self, integers.SHIFT_LEFT, other, self)

    def __rshift__(self, other: object) -> object:
        return bits.shift(self, integers.SHIFT_RIGHT, self, other)

    def __rrshift__(self, other: object) -> object:
        return bits.shift(self, integers.SHIFT_RIGHT, other, self)

    def __invert__(self) -> object:
        return bits.invert(self)

    def __round__(self, digits: object = None) -> object:
        self._refuse_yet("round")

    def __trunc__(self) -> object:
        self._refuse_yet("trunc")

    def bit_length(self) -> object:
        return number_methods.bit_length(self)

    def bit_count(self) -> object:
        return number_methods.bit_count(self)

    def is_integer(self) -> object:
        return number_methods.is_integer(self)

    def conjugate(self) -> object:
        return number_methods.real(self)

    def item(self) -> object:
        return number_methods.item(self)

    def astype(self, dtype: object) -> object:
        return number_methods.as_type(self, dtype)

    def as_integer_ratio(self) -> NoReturn:
        number_methods.refuse_attribute(self, "as_integer_ratio")

    def hex(self) -> NoReturn:
        number_methods.refuse_attribute(self, "hex")

    @property
    def real(self) -> object:
        return number_methods.real(self)

    @property
    def imag(self) -> object:
        return number_methods.imaginary(self)

    @property
    def numerator(self) -> object:
        return number_methods.numerator(self)

    @property
    def denominator(self) -> object:
        return number_methods.denominator(self)

    def __bool__(self) -> bool:
        self.require_trace(self.trace)
        what, hint = _how_tested()
        raise StagingError(what, loc=caller_loc(), hint=hint)

    def __index__(self) -> int:
        self._refuse(
            "used as an index or a size",
            "choose by it with if and elif; range() in a function decorated with @lms takes staged values",
        )

    def __int__(self) -> int:
        self._refuse("turned into a plain int", _DECORATE)

    def __float__(self) -> float:
        self._refuse("turned into a plain float", _DECORATE)

    def __complex__(self) -> complex:
        self._refuse("turned into a plain complex", "staged values are bools, ints and floats")

    def __iter__(self) -> NoReturn:
        self._refuse("iterated over", "loop over a range: for i in range(n)")

    def __len__(self) -> int:
        self._refuse("asked for its length", "it is a number")

    def __format__(self, spec: str) -> str:
        self._refuse("formatted outside a print", "format it inside the print")

    def __str__(self) -> str:
        self._refuse("turned into a string outside a print", "print it, or format it inside the print, by an f-string")

    def __getitem__(self, index: object) -> object:
        self._refuse("indexed", "it is a number")

    def __call__(self, *args: object, **kwargs: object) -> object:
        self._refuse("called", "it is a number")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: object, **kwargs: Any) -> object:
        """What NumPy asks where one of its functions or numbers meets a staged number."""
        operands = [_number_in(each) for each in inputs]
        if any(self.trace.is_array(each) for each in (*operands, *kwargs.get("out", ()))):
            return self.trace.call_ufunc(ufunc, method, operands, kwargs)
        function = numpy_scalars.NUMPY_FUNCTIONS.get(ufunc.__name__)
        atoms = [self.trace.try_lift(each) for each in operands]
        if function is None or method != "__call__" or kwargs or None in atoms:
            return NotImplemented
        return self.trace.wrap(function(self.trace, *atoms))

    def __array__(self, *_args: object, **_kwargs: object) -> NoReturn:
        self._refuse("turned into an array", "make an array, and assign its elements: a[i] = x")

    def _refuse_yet(self, operator: str) -> NoReturn:
        refuse_operation(operator, self.atom.type)

    def _refuse(self, use: str, hint: str) -> NoReturn:
        raise StagingError(
            f"a staged {self.atom.type} cannot be {use}: Python needs its value now, and it is known only when the "
            "compiled code runs",
            loc=caller_loc(),
            hint=hint,
        )


def _number_in(value: Any) -> object:
    """NumPy hands its own numbers over as arrays of no dimension."""
    return value[()] if type(value).__name__ == "ndarray" and value.ndim == 0 else value


_DECORATE = (
    "decorate the function with @lms: its int() and float() take staged values; "
    "for text, use an f-string or str.format instead of %"
)
_CONTAINS = dis.opmap["CONTAINS_OP"]
_COMPREHENSIONS = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})


def _how_tested() -> tuple[str, str]:
    """What went wrong where Python asked for a truth value, and what to do: by the user's code that asks."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and not is_user_file(frame.f_code.co_filename):
        frame = frame.f_back
    if frame is None:
        return _NEEDED_NOW
    code = frame.f_code
    if code.co_code[frame.f_lasti] == _CONTAINS:
        return (
            "`in` compares with a staged value, and its answer is needed now",
            "write the comparisons out: x == a or x == b",
        )
    # What virtualised functions call are operators, whose names begin so.
    is_virtualised = any(name.startswith("__") for name in code.co_freevars if name != "__class__")
    return _NEEDED_NOW if is_virtualised or code.co_name in _COMPREHENSIONS else _NOT_VIRTUALISED


_NEEDED_NOW = (
    "Python needs the truth of a staged value here, and it is known only when the compiled code runs",
    "in decorated functions if, while, and, or, not and conditional expressions are staged; "
    "conditions of comprehensions are not",
)
_NOT_VIRTUALISED = (
    "Python cannot branch on a staged value here: this function was not virtualised",
    "decorate the function with @lms (or @stage), so that its if, while, and, or, not are staged",
)
