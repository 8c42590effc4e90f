"""`StagedStr`: a string of the run, and `FormattedStr`: one made by formatting. Python's methods; each builds IR."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from ...errors import NotSupportedYetError, StagedTypeError
from ...ir.node import Atom, AttributeValue, Const
from ...ir.ops import arithmetic
from ...ir.ops import texts as ops
from ...ir.primitive import Primitive
from ...ir.types import BOOL, INT, TEXT, LeafType
from ...late import late_module
from ...loc import caller_loc
from ..rep import StagedValue
from ..values import is_maybe
from .base import describe_operand, refuse_use
from .lists import as_int, slice_bounds

if TYPE_CHECKING:
    from .. import maybe
    from ..context import Trace
else:
    maybe = late_module("pylms.staging.maybe")

# What Python computes itself when the code runs: its tables of Unicode are in no other place.
_CALLED: dict[str, LeafType] = {
    **dict.fromkeys(("lower", "upper", "title", "capitalize", "swapcase", "casefold"), TEXT),
    **dict.fromkeys(("strip", "lstrip", "rstrip", "replace", "removeprefix", "removesuffix"), TEXT),
    **dict.fromkeys(("zfill", "ljust", "rjust", "center"), TEXT),
    **dict.fromkeys(("isdigit", "isalpha", "isalnum", "isspace", "isupper", "islower", "isdecimal"), BOOL),
    **dict.fromkeys(("count", "rfind", "index", "rindex"), INT),
}


class StagedStr(StagedValue):
    """A staged string."""

    __slots__ = ()
    LENGTH = ops.TEXT_LENGTH

    def length(self) -> object:
        """What `len()` is."""
        return self._get(self.LENGTH)

    def __getitem__(self, index: object) -> object:
        if isinstance(index, slice):
            start, stop, step = slice_bounds(self.trace, index)
            return self._get(ops.TEXT_SLICE, start, stop, step=step)
        return self._get(ops.TEXT_ITEM, as_int(self.trace, index, "string indices must be integers"))

    def item(self, index: Atom) -> object:
        """The code point at an index that is in range, as a string."""
        return self._get(ops.TEXT_AT, index)

    def __add__(self, other: object) -> object:
        if is_maybe(other):
            other = other.required('can only concatenate str (not "NoneType") to str')
        text = _text_of(self.trace, other)
        if text is None:
            _refuse_operand("can only concatenate str to str", other)
        return self._get(ops.TEXT_CONCAT, text)

    def __radd__(self, other: object) -> object:
        text = _text_of(self.trace, other)
        if text is None:
            return NotImplemented
        return self.trace.wrap(self.trace.emit(ops.TEXT_CONCAT, [text, self._own()])[0])

    def __mul__(self, count: object) -> object:
        return self._get(ops.TEXT_REPEAT, as_int(self.trace, count, "a string is repeated by an int"))

    __rmul__ = __mul__

    # Comparisons

    def __eq__(self, other: object) -> object:  # type: ignore[override]
        if is_maybe(other):
            return NotImplemented
        text = _text_of(self.trace, other)
        return False if text is None else self._get(ops.TEXT_EQUAL, text)

    def __ne__(self, other: object) -> object:  # type: ignore[override]
        if is_maybe(other):
            return NotImplemented
        text = _text_of(self.trace, other)
        if text is None:
            return True
        (equal,) = self.trace.emit(ops.TEXT_EQUAL, [self._own(), text])
        return self.trace.wrap(self.trace.emit(arithmetic.LOGICAL_NOT, [equal])[0])

    def __lt__(self, other: object) -> object:
        return self._compared(arithmetic.LT, other)

    def __le__(self, other: object) -> object:
        return self._compared(arithmetic.LE, other)

    def __gt__(self, other: object) -> object:
        return self._compared(arithmetic.GT, other)

    def __ge__(self, other: object) -> object:
        return self._compared(arithmetic.GE, other)

    def _compared(self, primitive: Primitive, other: object) -> object:
        if is_maybe(other):
            return maybe.ordered(self, primitive.spelling, other)
        text = _text_of(self.trace, other)
        if text is None:
            _refuse_operand("a str is compared with a str only", other)
        (order,) = self.trace.emit(ops.TEXT_COMPARE, [self._own(), text])
        return self.trace.wrap(self.trace.emit(primitive, [order, Const(0, INT)])[0])

    def contains(self, part: object) -> object:
        """`part in self`."""
        (position,) = self.trace.emit(ops.TEXT_FIND, [self._own(), self._argument("`in`", part)])
        return self.trace.wrap(self.trace.emit(arithmetic.GE, [position, Const(0, INT)])[0])

    def find(self, part: object, *bounds: object) -> object:
        """As Python's, without bounds."""
        _refuse_bounds("find()", bounds)
        return self._get(ops.TEXT_FIND, self._argument("find()", part))

    def startswith(self, prefix: object, *bounds: object) -> object:
        """As Python's, by one string."""
        _refuse_bounds("startswith()", bounds)
        text = self._argument("startswith()", prefix)
        (length,) = self.trace.emit(ops.TEXT_LENGTH, [text])
        (start,) = self.trace.emit(ops.TEXT_SLICE, [self._own(), Const(0, INT), length], attrs={"step": 1})
        return self.trace.wrap(self.trace.emit(ops.TEXT_EQUAL, [start, text])[0])

    def endswith(self, suffix: object, *bounds: object) -> object:
        """As Python's, by one string: the string backwards begins with the suffix backwards."""
        _refuse_bounds("endswith()", bounds)
        text = self._argument("endswith()", suffix)
        (length,) = self.trace.emit(ops.TEXT_LENGTH, [text])
        (own_length,) = self.trace.emit(ops.TEXT_LENGTH, [self._own()])
        (start,) = self.trace.emit(arithmetic.SUB, [own_length, length])
        (start,) = self.trace.emit(arithmetic.MAXIMUM, [start, Const(0, INT)])
        (end,) = self.trace.emit(ops.TEXT_SLICE, [self._own(), start, own_length], attrs={"step": 1})
        return self.trace.wrap(self.trace.emit(ops.TEXT_EQUAL, [end, text])[0])

    def ord(self) -> object:
        """What `ord()` is."""
        return self._get(ops.TEXT_ORD)

    def __getattr__(self, name: str) -> object:
        result = _CALLED.get(name)
        if result is not None:
            return lambda *args: self._called(name, result, args)
        if hasattr(str, name) and not name.startswith("__"):
            raise NotSupportedYetError(
                f"the method `{name}` of a staged str is not supported yet",
                loc=caller_loc(),
                hint="write it with what there is: len, indexing, slicing, +, find, replace, strip, ...",
            )
        raise AttributeError(f"'str' object has no attribute '{name}'")

    def _called(self, name: str, result: LeafType, args: tuple[object, ...]) -> object:
        atoms = [self._own(), *map(self.trace.lift, args)]
        attrs: dict[str, AttributeValue] = {"method": name, "result": result}
        return self.trace.wrap(self.trace.emit(ops.TEXT_CALL, atoms, attrs=attrs)[0])

    def __hash__(self) -> int:
        refuse_use("a staged str", "hashed (a key of a plain dict or set)", "use a dict made in the staged function")

    def __iter__(self) -> NoReturn:
        refuse_use("a staged str", "iterated over here", "loop over it with a for statement in a decorated function")

    def __len__(self) -> int:
        refuse_use("a staged str", "asked for its length here", "call len() in a decorated function")

    def __bool__(self) -> bool:
        refuse_use("a staged str", "tested here", "test len(s) > 0 in a decorated function")

    def __contains__(self, part: object) -> bool:
        refuse_use("a staged str", "searched here", "use `in` in a decorated function")

    def __str__(self) -> str:
        refuse_use("a staged str", "turned into a plain one", "print it, or format it, in a decorated function")

    def __format__(self, spec: str) -> str:
        refuse_use("a staged str", "formatted here", "format it in a decorated function")

    # Helpers

    def _own(self) -> Atom:
        self.require_trace(self.trace)
        return self.atom

    def _get(self, primitive: Primitive, *args: Atom, **attrs: AttributeValue) -> object:
        return self.trace.wrap(self.trace.emit(primitive, [self._own(), *args], attrs=attrs)[0])

    def _argument(self, what: str, value: object) -> Atom:
        text = _text_of(self.trace, value)
        if text is None:
            _refuse_operand(f"{what} takes a str here", value)
        return text


def _refuse_operand(rule: str, value: object) -> NoReturn:
    raise StagedTypeError(f"{rule}, not {describe_operand(value)}", loc=caller_loc(), hint="convert it: str(x)")


def _refuse_bounds(what: str, bounds: tuple[object, ...]) -> None:
    if bounds:
        raise NotSupportedYetError(
            f"bounds of {what} of a staged str are not supported yet", loc=caller_loc(), hint="take a slice of it first"
        )


def _text_of(trace: Trace, value: object) -> Atom | None:
    """The atom of a staged or plain string; None for anything else."""
    if not isinstance(value, (str, StagedStr)):
        return None
    return trace.lift(value)


class FormattedStr(StagedStr):
    """A string with staged values in it: a format and the atoms for its fields.

    Printing takes it as it is; any other use makes a string of it.
    """

    __slots__ = ("atoms", "template")

    def __init__(self, template: str, atoms: tuple[Atom, ...], trace: Trace) -> None:
        self.template = template
        self.atoms = atoms
        self.trace = trace

    @property
    def atom(self) -> Atom:  # type: ignore[override]
        """The string itself, made here and now."""
        attrs: dict[str, AttributeValue] = {"format": self.template}
        return self.trace.emit(ops.TEXT_FORMAT, list(self.atoms), attrs=attrs)[0]

    def require_trace(self, trace: Trace) -> None:
        for atom in self.atoms:
            trace.require_usable(atom, self.trace)

    def __add__(self, other: object) -> object:
        both = joined(self.trace, self, other)
        return super().__add__(other) if both is None else both

    def __radd__(self, other: object) -> object:
        both = joined(self.trace, other, self)
        return super().__radd__(other) if both is None else both


def joined(trace: Trace, left: object, right: object) -> FormattedStr | None:
    """The concatenation of formatted and plain strings, as one format; None where another kind is among them."""
    parts = [part for part in (left, right) if isinstance(part, (str, FormattedStr))]
    if len(parts) != 2:
        return None
    texts = [part if isinstance(part, FormattedStr) else FormattedStr(escape(part), (), trace) for part in parts]
    return FormattedStr(texts[0].template + texts[1].template, texts[0].atoms + texts[1].atoms, trace)


def escape(text: str) -> str:
    """The format that gives just this text."""
    return text.replace("{", "{{").replace("}", "}}")
