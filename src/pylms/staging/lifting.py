"""Between Python values and atoms, in one staging run: what stands for what, and taking values apart into leaves.

In: Python values, plain and staged. Out: atoms, and the structures that make values of them again. `Trace` is this, and
has what it needs: the front, the builder, the native function that is being traced.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from ..errors import StagingError
from ..ir.builder import NO_ATTRIBUTES, Builder
from ..ir.node import Atom, AttributeValue, Const, Sym
from ..ir.primitive import Primitive
from ..ir.types import FLOAT, INT, ArrayType, DictType, ListType, ScalarType, TextType, Type
from ..late import late_module
from ..loc import caller_loc
from .kinds import is_known_array, is_staged_array
from .parameters import is_changeable, items_of, made_of
from .rep import Rep, StagedValue
from .values import (
    INT_MAX,
    INT_MIN,
    LEAVES,
    Front,
    Leaf,
    MadeAnew,
    Maybe,
    Static,
    Structure,
    TupleOf,
    constant,
    describe_static,
    is_maybe,
    maybe_of,
)

if TYPE_CHECKING:
    from ..ir.ops import texts
    from . import arrays
    from .containers import dicts, lists, strings
    from .context import Trace
    from .frame import Frame
else:
    texts = late_module("pylms.ir.ops.texts")
    arrays = late_module("pylms.staging.arrays")
    dicts = late_module("pylms.staging.containers.dicts")
    lists = late_module("pylms.staging.containers.lists")
    strings = late_module("pylms.staging.containers.strings")


class Lifting(ABC):
    """What a trace knows of Python values."""

    front: Front
    builder: Builder
    frame: Frame | None
    is_running: bool

    @abstractmethod
    def emit(
        self, primitive: Primitive, args: Sequence[Atom], *, attrs: Mapping[str, AttributeValue] = NO_ATTRIBUTES
    ) -> tuple[Sym, ...]:
        """Append a node."""

    def local(self, atom: Atom) -> Atom:
        """What stands for an atom in the native function that is being traced, if there is one."""
        return atom if self.frame is None else self.frame.local(atom)

    def wrap(self, atom: Atom) -> object:
        """The Python value that stands for an atom: a `Rep`, an array, a container, or what the front knows."""
        kind = _CLASSES.get(type(atom.type))
        trace: Trace = self  # type: ignore[assignment]  # every one is a trace
        return self.front.value_of(trace, atom) if kind is None else kind(atom, trace)

    def number(self, primitive: Primitive, operands: Sequence[Atom]) -> Rep:
        """What a primitive gives of operands, where that is one number."""
        trace: Trace = self  # type: ignore[assignment]  # as above
        return Rep(self.emit(primitive, operands)[0], trace)

    def is_staged(self, value: object) -> bool:
        """Whether the value stands for an IR value (D1)."""
        return isinstance(value, (StagedValue, Maybe)) or self.front.is_staged(value)

    def is_array(self, value: object) -> bool:
        """Whether the value is an array, staged or of generation time."""
        return is_staged_array(value) or is_known_array(value)

    def require_usable(self, atom: Atom, made_by: Trace) -> None:
        """A located error for a staged value that has outlived its staging run, or the block it was made in."""
        if made_by is not self or not self.is_running:
            raise StagingError(
                "a staged value was kept after the staging run that made it",
                loc=caller_loc(),
                hint="staged values mean nothing outside the staged function; return them instead of storing them",
            )
        if isinstance(atom, Sym) and not self.builder.is_in_scope(atom):
            raise StagingError(
                "this value was made inside a staged loop or branch, and is used outside it",
                loc=caller_loc(),
                hint="assign it to a variable there (a list or an object does not carry staged values out of a loop); "
                "to keep a sum, write total += value",
            )

    def usable(self, rep: Rep) -> Atom:
        """The atom of a staged number, if it may be used here."""
        atom = rep.atom
        self.require_usable(atom, rep.trace)
        return atom if self.frame is None else self.frame.local(atom)

    def alike(self, type_: Type, left: object, right: object) -> list[Atom] | None:
        """Two operands as numbers of that type, where they are it as they stand, found fast: most are; else None."""
        atoms: list[Atom] = []
        for each in (left, right):
            kind = each.__class__
            if kind is Rep:
                if each.atom.type is not type_:  # type: ignore[attr-defined]  # mypy does not know the class by this
                    return None
                atoms.append(self.usable(each))  # type: ignore[arg-type]
            elif (type_ is INT and kind is int and INT_MIN <= each <= INT_MAX) or (type_ is FLOAT and kind is float):  # type: ignore[operator]
                atoms.append(Const(each, type_))  # type: ignore[arg-type]
            elif type_ is FLOAT and kind is int:
                atoms.append(Const(float(each), type_))  # type: ignore[arg-type]
            else:
                return None
        return atoms

    def try_lift(self, value: object) -> Atom | None:
        """The atom for a staged value or a plain number; None for what cannot be staged."""
        if isinstance(value, StagedValue):
            value.require_trace(self)  # type: ignore[arg-type]  # as above
            return self.local(value.atom)
        number = constant(value)
        if number is not None:
            return number
        if is_maybe(value):
            return self.try_lift(value.required())
        atom = self.front.atom_of(self, value)  # type: ignore[arg-type]  # as above
        return None if atom is None else self.local(atom)

    def lift(self, value: object) -> Atom:
        """As `try_lift`, and for plain strings; a located error for what cannot be staged."""
        if type(value) is str:
            return self.emit(texts.TEXT_VALUE, [], attrs={"value": value})[0]
        atom = self.try_lift(value)
        if atom is not None:
            return atom
        if isinstance(value, int) and not INT_MIN <= value <= INT_MAX:
            raise StagingError(
                f"{value} does not fit a 64-bit staged int",
                loc=caller_loc(),
                hint="use a float, or keep the computation among plain ints",
            )
        raise StagingError(
            f"{describe_static(value)} exists only while generating and cannot be used as a staged value",
            loc=caller_loc(),
            hint="staged values are bools, ints, floats, tensors, and tuples of them",
        )

    def flatten(self, value: object, *, is_result: bool = False) -> tuple[list[Atom], Structure]:
        """Take a value apart into atoms and the structure that holds them; what cannot be staged stays static.

        `is_result`: nobody else has the value, and dataclasses whose fields can be assigned are taken apart too.
        """
        if value.__class__ is Rep:
            atom = self.usable(value)
            return [atom], LEAVES[atom.type]
        atoms: list[Atom] = []
        return atoms, self._flatten_into(value, atoms, is_result=is_result)

    def _flatten_into(self, value: object, atoms: list[Atom], *, is_result: bool = False) -> Structure:
        if isinstance(value, StagedValue):
            atom = self.lift(value)
            atoms.append(atom)
            return Leaf(atom.type)
        if value is None:
            return _NONE
        kind = value.__class__
        if isinstance(value, MadeAnew):
            items = tuple(self._flatten_into(item, atoms, is_result=is_result) for item in value.items)
            return TupleOf(items, value.make, "list")
        if is_maybe(value):
            atoms.append(self.lift(value.present))
            return maybe_of(self._flatten_into(value.value, atoms, is_result=is_result))
        if isinstance(value, tuple):
            items = tuple(self._flatten_into(item, atoms, is_result=is_result) for item in value)
            make: Callable[[list[object]], object] = getattr(kind, "_make", tuple)
            return TupleOf(items, make, kind.__name__)
        # What can be changed, and is shared, is not taken apart: it would be several objects where Python has one.
        if (is_result or not is_changeable(value)) and self._is_record(value):
            fields = [self._flatten_into(item, atoms, is_result=is_result) for item in items_of(value) or ()]
            return TupleOf(tuple(fields), partial(made_of, kind), kind.__name__)
        number = self.try_lift(value)
        if number is None:
            return Static(value)
        atoms.append(number)
        return Leaf(number.type)

    def _is_record(self, value: object) -> bool:
        """Whether it is a dataclass that has staged values in it, or nothing but numbers."""
        items = items_of(value)
        if items is None:
            return False
        return any(self._has_staged(item) for item in items) or all(map(self._is_made_of_numbers, items))

    def _has_staged(self, value: object) -> bool:
        return self.is_staged(value) or any(self._has_staged(item) for item in items_of(value) or ())

    def _is_made_of_numbers(self, value: object) -> bool:
        items = items_of(value)
        return constant(value) is not None if items is None else all(map(self._is_made_of_numbers, items))

    def unflatten(self, structure: Structure, atoms: Iterator[Atom]) -> object:
        """The Python value of that structure over these atoms; constants become plain numbers again."""
        match structure:
            case Leaf():
                atom = next(atoms)
                return atom.value if isinstance(atom, Const) else self.wrap(atom)
            case Static(value):
                return value
            case TupleOf(items, make, _):
                return make([self.unflatten(item, atoms) for item in items])


_NONE = Static(None)
_CLASSES: Mapping[type, Callable[[Atom, Trace], object]] = {
    ScalarType: Rep,
    ArrayType: lambda atom, trace: arrays.StagedArray(atom, trace),
    TextType: lambda atom, trace: strings.StagedStr(atom, trace),
    ListType: lambda atom, trace: lists.StagedList(atom, trace),
    DictType: lambda atom, trace: dicts.StagedDict(atom, trace),
}
