"""`StagedMaybe`: what is None or a value, which the run knows (DESIGN D6). It travels as a bool and the value.

Where the run finds None, a use of the value raises the TypeError that Python raises. What needs no value (`is None`,
`==`, a condition, text) takes both.
"""

from __future__ import annotations

import dis
import operator
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from ..errors import StagingError
from ..ir.node import Atom
from ..ir.ops.arithmetic import LOGICAL_AND, LOGICAL_NOT, LOGICAL_OR
from ..ir.ops.control import CHECK
from ..ir.types import BOOL, DictType, ListType, ScalarType, TextType
from ..loc import caller_loc, is_user_file
from .rep import Rep, StagedValue
from .truth import truth
from .values import Maybe

if TYPE_CHECKING:
    from .context import Trace

_USED = "'NoneType' object has no value that could be used here"
_NOT_ITERABLE = "'NoneType' object is not iterable"
_NOT_SUBSCRIPTABLE = "'NoneType' object is not subscriptable"
_NO_INDEX = "'NoneType' object cannot be interpreted as an integer"

_CALLED_WITH_NONE = {
    "int": "int() argument must be a string, a bytes-like object or a real number, not 'NoneType'",
    "float": "float() argument must be a string or a real number, not 'NoneType'",
    "len": "object of type 'NoneType' has no len()",
    "abs": "bad operand type for abs(): 'NoneType'",
    "round": "type NoneType doesn't define __round__ method",
    "reversed": "'NoneType' object is not reversible",
    "ord": "ord() expected string of length 1, but NoneType found",
    **dict.fromkeys(("range", "chr"), _NO_INDEX),
    **dict.fromkeys(("sum", "any", "all", "sorted", "enumerate", "zip", "list", "dict"), _NOT_ITERABLE),
}
"""What Python says of None as an argument of its builtins."""


class StagedMaybe(Maybe):
    """None, or `value` where `present` holds."""

    __slots__ = ("present", "value")
    __hash__ = None  # type: ignore[assignment]  # as other values of the run

    def __init__(self, present: Rep, value: object) -> None:
        self.present = present
        self.value = value

    def __repr__(self) -> str:
        return f"StagedMaybe({self.present!r}, {self.value!r})"

    @property
    def trace(self) -> Trace:
        """The staging run that it belongs to."""
        return self.present.trace

    def parts(self) -> tuple[Rep, object]:
        """What it travels as."""
        return self.present, self.value

    def required(self, message: str = _USED, *, error: str = "TypeError") -> object:
        """The value; where the run finds None, it raises that error."""
        self.trace.emit(CHECK, [self.trace.lift(self.present)], attrs={"error": error, "message": message})
        return self.value

    def is_absent(self) -> object:
        """Whether it is None."""
        return self.trace.wrap(self.trace.emit(LOGICAL_NOT, [self.trace.lift(self.present)])[0])

    def truth(self) -> Atom:
        """`bool(self)`."""
        return self._present_and(truth(self.trace, self.value))

    def _present_and(self, condition: Atom) -> Atom:
        return self.trace.emit(LOGICAL_AND, [self.trace.lift(self.present), condition])[0]

    def __eq__(self, other: object) -> object:  # type: ignore[override]
        if other is None:
            return self.is_absent()
        inner = other.value if isinstance(other, StagedMaybe) else other
        equal = self._present_and(truth(self.trace, self.value == inner))
        if isinstance(other, StagedMaybe):
            return self._equal_to_maybe(other, equal)
        return self.trace.wrap(equal)

    def _equal_to_maybe(self, other: StagedMaybe, equal: Atom) -> object:
        trace = self.trace
        (equal,) = trace.emit(LOGICAL_AND, [trace.lift(other.present), equal])
        (some,) = trace.emit(LOGICAL_OR, [trace.lift(self.present), trace.lift(other.present)])
        (none,) = trace.emit(LOGICAL_NOT, [some])
        return trace.wrap(trace.emit(LOGICAL_OR, [none, equal])[0])

    def __ne__(self, other: object) -> object:  # type: ignore[override]
        return self.trace.wrap(self.trace.emit(LOGICAL_NOT, [truth(self.trace, self == other)])[0])

    def __lt__(self, other: object) -> object:
        return _ordered_around(self, "<", other)

    def __le__(self, other: object) -> object:
        return _ordered_around(self, "<=", other)

    def __gt__(self, other: object) -> object:
        return _ordered_around(self, ">", other)

    def __ge__(self, other: object) -> object:
        return _ordered_around(self, ">=", other)

    def __neg__(self) -> object:
        return -self.required("bad operand type for unary -: 'NoneType'")  # type: ignore[operator]

    def __pos__(self) -> object:
        return +self.required("bad operand type for unary +: 'NoneType'")  # type: ignore[operator]

    def __invert__(self) -> object:
        return ~self.required("bad operand type for unary ~: 'NoneType'")  # type: ignore[operator]

    def __getitem__(self, index: object) -> object:
        return self.required(_NOT_SUBSCRIPTABLE)[index]  # type: ignore[index]

    def __setitem__(self, index: object, value: object) -> None:
        self.required("'NoneType' object does not support item assignment")[index] = value  # type: ignore[index]

    def __delitem__(self, index: object) -> None:
        del self.required("'NoneType' object does not support item deletion")[index]  # type: ignore[attr-defined]

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self.value, name)
        self.required(f"'NoneType' object has no attribute '{name}'", error="AttributeError")
        return found

    def __iter__(self) -> Iterator[object]:
        if not isinstance(self.value, tuple):
            self._refuse("iterated over or unpacked")
        self.required("cannot unpack non-iterable NoneType object")
        return iter(self.value)

    def __bool__(self) -> NoReturn:
        self._refuse("tested")

    def __index__(self) -> NoReturn:
        self._refuse("used as an index or a size")

    def __int__(self) -> NoReturn:
        self._refuse("turned into a plain int")

    def __float__(self) -> NoReturn:
        self._refuse("turned into a plain float")

    def _refuse(self, use: str) -> NoReturn:
        raise StagingError(
            f"what is None or a value, as the run finds, cannot be {use} here: Python needs it now",
            loc=caller_loc(),
            hint="give a variable its value by an operation first: y = x + 0, where x is not None",
        )


def python_name(value: object) -> str:
    """What Python's messages call the type of a value, staged or plain."""
    if isinstance(value, StagedMaybe):
        return python_name(value.value)
    if not isinstance(value, StagedValue):
        return type(value).__name__
    match value.atom.type:
        case ScalarType() as type_:
            return "bool" if type_ == BOOL else "float" if type_.is_float else "int"
        case TextType():
            return "str"
        case ListType():
            return "list"
        case DictType():
            return "dict"
        case _:
            return "numpy.ndarray"


def unsupported_operands(symbol: str, left: str, right: str) -> str:
    """Python's message for operands of those types."""
    symbol = "** or pow()" if symbol == "**" else symbol
    return f"unsupported operand type(s) for {symbol}: '{left}' and '{right}'"


def not_ordered(symbol: str, left: str, right: str) -> str:
    """The same for a comparison."""
    return f"'{symbol}' not supported between instances of '{left}' and '{right}'"


def _required_both(
    left: object, right: object, message: Callable[[str, str, str], str], symbol: str
) -> tuple[object, object]:
    """Two operands, with Python's error where one that may be None is."""
    names = python_name(left), python_name(right)
    if isinstance(left, StagedMaybe) and isinstance(right, StagedMaybe):
        trace = left.trace
        (some,) = trace.emit(LOGICAL_OR, [trace.lift(left.present), trace.lift(right.present)])
        neither = message(symbol, "NoneType", "NoneType")
        trace.emit(CHECK, [some], attrs={"error": "TypeError", "message": neither})
    if isinstance(left, StagedMaybe):
        left = left.required(message(symbol, "NoneType", names[1]))
    if isinstance(right, StagedMaybe):
        right = right.required(message(symbol, names[0], "NoneType"))
    return left, right


_ORDERS: dict[str, Callable[[Any, Any], object]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def ordered(left: object, symbol: str, right: object) -> object:
    """`left < right` and its like, where one of them may be None."""
    return _ORDERS[symbol](*_required_both(left, right, not_ordered, symbol))


def _ordered_around(maybe: StagedMaybe, symbol: str, other: object) -> object:
    """`maybe < other`; or `other > maybe`, which Python asks of `maybe` where `other` does not know it."""
    if not isinstance(other, (StagedValue, Maybe)) and _comparison_in_user_code() == _MIRRORED[symbol]:
        return ordered(other, _MIRRORED[symbol], maybe)
    return ordered(maybe, symbol, other)


def _comparison_in_user_code() -> str | None:
    """The comparison that the user's code is making, from its bytecode."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and not is_user_file(frame.f_code.co_filename):
        frame = frame.f_back
    if frame is None or frame.f_code.co_code[frame.f_lasti] != dis.opmap["COMPARE_OP"]:
        return None
    shift = {11: 0, 12: 4}.get(sys.version_info.minor, 5)
    return dis.cmp_op[frame.f_code.co_code[frame.f_lasti + 1] >> shift]


def require_arguments(function: Callable[..., object], args: tuple[object, ...]) -> tuple[object, ...]:
    """The arguments of a builtin or a function of a library, with Python's error where one that may be None is."""
    name = getattr(function, "__name__", "")
    if getattr(function, "__module__", None) == "builtins":
        message = _CALLED_WITH_NONE.get(name, _USED)
    else:
        message = "must be real number, not NoneType"
    return tuple([arg.required(message) if isinstance(arg, StagedMaybe) else arg for arg in args])


_ARITHMETIC: dict[str, tuple[str, Callable[[object, object], object]]] = {
    "add": ("+", operator.add),
    "sub": ("-", operator.sub),
    "mul": ("*", operator.mul),
    "matmul": ("@", operator.matmul),
    "truediv": ("/", operator.truediv),
    "floordiv": ("//", operator.floordiv),
    "mod": ("%", operator.mod),
    "pow": ("**", operator.pow),
    "and": ("&", operator.and_),
    "or": ("|", operator.or_),
    "xor": ("^", operator.xor),
    "lshift": ("<<", operator.lshift),
    "rshift": (">>", operator.rshift),
}


def _give_operators(name: str, symbol: str, function: Callable[[object, object], object]) -> None:
    """Python's three methods for one operator."""

    def forward(self: StagedMaybe, other: object) -> object:
        return function(*_required_both(self, other, unsupported_operands, symbol))

    def reflected(self: StagedMaybe, other: object) -> object:
        return function(*_required_both(other, self, unsupported_operands, symbol))

    def in_place(self: StagedMaybe, other: object) -> object:
        return function(*_required_both(self, other, unsupported_operands, f"{symbol}="))

    for prefix, method in (("", forward), ("r", reflected), ("i", in_place)):
        setattr(StagedMaybe, f"__{prefix}{name}__", method)


for _name, (_symbol, _function) in _ARITHMETIC.items():
    _give_operators(_name, _symbol, _function)
