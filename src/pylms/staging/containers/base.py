"""What staged lists and dicts have in common: a reference, a length, and what Python cannot ask of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NoReturn

from ...errors import StagingError
from ...ir.node import Atom, AttributeValue
from ...ir.primitive import Primitive
from ...loc import Loc, caller_loc
from ..rep import StagedValue
from ..values import describe_static

if TYPE_CHECKING:
    from ..context import Trace


class StagedContainer(StagedValue):
    """A staged list or dict. `site`: where the program makes it, if that is known here."""

    __slots__ = ("site",)
    __hash__ = None  # type: ignore[assignment]  # as Python's
    KIND: ClassVar[str]
    LENGTH: ClassVar[Primitive]

    def __init__(self, atom: Atom, trace: Trace, site: Loc | None = None) -> None:
        super().__init__(atom, trace)
        self.site = site

    def length(self) -> object:
        """What `len()` is."""
        return self._get(self.LENGTH)

    def __iter__(self) -> NoReturn:
        self._refuse("iterated over here", "loop over it with a for statement in a decorated function")

    def __len__(self) -> int:
        self._refuse("asked for its length here", "call len() in a decorated function")

    def __bool__(self) -> bool:
        self._refuse("tested here", "test len(x) > 0 in a decorated function")

    def __contains__(self, value: object) -> bool:
        self._refuse("searched here", "use `in` in a decorated function")

    def _refuse(self, use: str, hint: str) -> NoReturn:
        refuse_use(f"a staged {self.KIND}", use, hint)

    def _own(self) -> Atom:
        self.require_trace(self.trace)
        return self.atom

    def _get(self, primitive: Primitive, *args: Atom, **attrs: AttributeValue) -> object:
        return self.trace.wrap(self.trace.emit(primitive, [self._own(), *args], attrs=attrs)[0])

    def _do(self, primitive: Primitive, *args: Atom) -> None:
        self.trace.emit(primitive, [self._own(), *args])


def describe_operand(value: object) -> str:
    """How messages name a staged or plain value."""
    return f"a staged {value.atom.type}" if isinstance(value, StagedValue) else describe_static(value)


def refuse_use(what: str, use: str, hint: str) -> NoReturn:
    """The error where Python needs of a staged container what only the run knows."""
    raise StagingError(
        f"{what} cannot be {use}: Python needs its content now, and it is known only when the compiled code runs",
        loc=caller_loc(),
        hint=hint,
    )
