"""The trace: everything one staging run knows, and the explicit stack of traces that are running.

A `Trace` owns the builder, the captured buffers, the host functions, the open staged constructs, and the undo
log that takes Python-side changes back when a construct is traced again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from itertools import chain, count
from types import FunctionType
from typing import TYPE_CHECKING, Any, cast

from ..errors import StagingError
from ..ir.builder import Builder
from ..ir.node import Atom, AttributeValue, Block, Const, Sym
from ..ir.primitive import Primitive
from ..ir.types import ArrayType, BufferType, DictType, ListType, ScalarType, TextType
from ..late import late_module
from ..loc import Loc, caller_loc
from ..options import Options
from ..records import record
from .containers.sites import Sites
from .kinds import is_known_array, is_staged_array
from .notes import Note
from .parameters import is_changeable, items_of, made_of
from .regions import Regions
from .rep import Rep, StagedValue
from .values import (
    INT_MAX,
    INT_MIN,
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
    from . import arrays, ufunc_protocol
    from .activation import Activation
    from .cells import Cell
    from .constructs import Construct, Decisions, Watch
    from .containers import dicts, lists, strings
    from .frame import Frame
    from .native import Memo
    from .native_call import NativeFunction
    from .operators.attempt import Attempt
else:
    texts = late_module("pylms.ir.ops.texts")
    arrays = late_module("pylms.staging.arrays")
    ufunc_protocol = late_module("pylms.staging.ufunc_protocol")
    dicts = late_module("pylms.staging.containers.dicts")
    lists = late_module("pylms.staging.containers.lists")
    strings = late_module("pylms.staging.containers.strings")

_active: ContextVar[tuple[Trace, ...]] = ContextVar("pylms_traces", default=())


def current_trace() -> Trace | None:
    """The innermost running trace, or None when Python just runs."""
    stack = _active.get()
    return stack[-1] if stack else None


@record(frozen=True, slots=True)
class Capture:
    """Memory of the surrounding program that the native code reads or writes in place.

    `owner` keeps it alive; `address()` gives where it is now, at each call.
    """

    symbol: Sym
    owner: object
    address: Callable[[], int]


@record(frozen=True, slots=True)
class HostFunction:
    """A Python function that native code calls back; arguments and results are plain Python numbers."""

    function: Callable[..., object]
    name: str


class Trace:
    """One staging run. `front` says what stands for staged values beyond scalars."""

    def __init__(self, front: Front, options: Options, *, name: str = "", arrays_apart: bool = True) -> None:
        """`name`: that of the main function.

        `arrays_apart`: whether arrays of different origin are taken to share no memory.
        """
        self.front = front
        self.name = name
        self.regions = Regions(arrays_apart=arrays_apart)
        self.sites = Sites()
        self.options = options
        self.builder = Builder()
        self.captures: dict[object, Capture] = {}
        self.host_functions: list[HostFunction] = []
        self.constructs: list[Construct] = []
        self.decisions: dict[tuple[object, ...], Decisions] = {}
        self.watches: list[Watch] = []
        self.clock = 0
        self._cells: dict[int, Cell] = {}
        self._identities: dict[object, int] = {}
        self._counts: dict[tuple[object, ...], int] = {}
        self.emitted_loops = 0
        self.probes: list[object] = []
        """The plain loops around the present point whose first round is being tried, outermost first."""
        self.is_rolling = False
        """Whether the native loop being traced is one only because it is too long to unroll."""
        self.may_roll = True
        self.static_requested = False
        self.attempts: list[Attempt] = []
        """The bodies of `try` statements around the present point, outermost first."""
        self.activations: list[Activation] = []
        """The calls that are being inlined, outermost first."""
        self.natives: list[NativeFunction] = []
        """The native functions, finished or being traced."""
        self.native_places: set[tuple[object, ...]] = set()
        """Where calls were found to be better native."""
        self.memos: dict[tuple[object, ...], Memo] = {}
        """What tracing native functions has found out, by the places of their calls."""
        self.rewritten: dict[FunctionType, FunctionType | None] = {}
        """Functions that were virtualised when they were called, and those that cannot be."""
        self.frame: Frame | None = None
        """The native function that is being traced."""
        self.outer_depth = 0
        self.notes: list[Note] = []
        self.undo_log: list[Callable[[], None]] = []
        self.items_taken = 0
        """How many items `next` has taken from iterators."""
        self.last_checkpoint = 0
        """How long the undo log was at the latest checkpoint."""
        self.remembered: dict[int, int] = {}
        """By the identity of an object that was changed: where in the undo log it is brought back."""
        self.made: dict[int, tuple[object, int]] = {}
        """The objects that staged blocks have made, by identity, and when; kept, so that identities stay theirs."""
        self.fields: dict[int, tuple[object, dict[str, Cell]]] = {}
        """The dataclasses whose fields are cells, by identity, which is theirs as long as this keeps them."""
        self.is_running = True
        self.before_run: list[Callable[[], None]] = []
        """What Python does before each run of the compiled function."""
        self.after_run: list[Callable[[], None]] = []
        """What Python does after each run, whether or not it succeeded."""

    # Emitting

    def emit(
        self,
        primitive: Primitive,
        args: Sequence[Atom],
        *,
        attrs: Mapping[str, AttributeValue] | None = None,
        blocks: Sequence[Block] = (),
        names: Sequence[str] = (),
        loc: Loc | None = None,
    ) -> tuple[Sym, ...]:
        """Append a node at the user's current line and give its result symbols."""
        loc = loc or caller_loc()
        if self.frame is not None:
            args = [self.frame.local(arg) for arg in args]
        results = self.builder.emit(primitive, args, attrs=attrs or {}, blocks=blocks, names=names, loc=loc)
        for attempt in self.attempts:
            attempt.require_safe(self.builder.scope.nodes[-1])
        return results

    def reflect(self, primitive: Primitive, *args: object, **attrs: AttributeValue) -> object:
        """Append a node with one result to Python values and give the Python value that stands for it."""
        (symbol,) = self.emit(primitive, [self.lift(arg) for arg in args], attrs=attrs)
        return self.wrap(symbol)

    def capture(self, key: object, type_: BufferType, name: str, owner: object, address: Callable[[], int]) -> Sym:
        """The parameter that stands for memory of the surrounding program; the same `key` gives the same one."""
        known = self.captures.get(key)
        if known is not None:
            return known.symbol
        symbol = self.builder.fresh(type_, name)
        self.captures[key] = Capture(symbol, owner, address)
        return symbol

    def host_function(self, function: Callable[..., object], name: str) -> int:
        """Register a Python function that native code will call; the result is its number for `host_call`."""
        self.host_functions.append(HostFunction(function, name))
        return len(self.host_functions) - 1

    def call_ufunc(self, ufunc: object, method: str, inputs: Sequence[object], kwargs: Mapping[str, Any]) -> object:
        """A call of one of NumPy's functions of elements, of which staged arguments are asked what it means."""
        return ufunc_protocol.call_ufunc(self, ufunc, method, inputs, kwargs)

    # Python values and atoms

    def wrap(self, atom: Atom) -> object:
        """The Python value that stands for an atom: a `Rep`, an array, a container, or what the front knows."""
        kind = _CLASSES.get(type(atom.type))
        return self.front.value_of(self, atom) if kind is None else kind(atom, self)

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

    def try_lift(self, value: object) -> Atom | None:
        """The atom for a staged value or a plain number; None for what cannot be staged."""
        if isinstance(value, StagedValue):
            value.require_trace(self)
            return self.local(value.atom)
        number = constant(value)
        if number is not None:
            return number
        if is_maybe(value):
            return self.try_lift(value.required())
        atom = self.front.atom_of(self, value)
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
        atoms: list[Atom] = []
        return atoms, self._flatten_into(value, atoms, is_result=is_result)

    def _flatten_into(self, value: object, atoms: list[Atom], *, is_result: bool = False) -> Structure:
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
        atom = self.try_lift(value)
        if atom is None:
            return Static(value)
        atoms.append(atom)
        return Leaf(atom.type)

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

    # Native functions

    def function_name(self, wanted: str) -> str:
        """A name for a native function that no other has, `wanted` if possible."""
        taken = {self.name, *[native.name for native in self.natives]}
        candidates = chain([wanted], (f"{wanted}${number}" for number in count(2)))
        return next(name for name in candidates if name not in taken)

    def local(self, atom: Atom) -> Atom:
        """What stands for an atom in the native function that is being traced, if there is one."""
        return atom if self.frame is None else self.frame.local(atom)

    @property
    def depth(self) -> int:
        """How many staged constructs are open, around native functions as well."""
        return self.outer_depth + len(self.constructs)

    # Cells and constructs

    def new_cell(self, cell: Cell) -> tuple[int, int]:
        """When on this trace's clock a cell is made, and which one it is (see `birth_of`)."""
        identity = self._identify(self.place(cell.name))
        self._cells[identity] = cell
        return self.tick(), identity

    def adopt_cell(self, cell: Cell, birth: int) -> tuple[int, int]:
        """As `new_cell`, for a cell that holds what something made at that time on the clock has in it."""
        identity = self._identify(("what is in", birth))
        self._cells[identity] = cell
        return birth, identity

    def birth_of(self, cell: Cell) -> int:
        """Which cell it is: a number that the same variable has when its function is traced again."""
        return cell.identity if self._is_own(cell) else self._identify(cell)

    def cell_born_at(self, birth: int) -> Cell | None:
        """The cell with that number; None where tracing again has not made it yet."""
        return self._cells.get(birth)

    def constructs_within(self, cell: Cell) -> list[Construct]:
        """The open constructs that the cell is older than, outermost first."""
        birth = cell.birth if self._is_own(cell) else 0
        return [construct for construct in self.constructs if construct.entry > birth]

    def _is_own(self, cell: Cell) -> bool:
        return self._cells.get(cell.identity) is cell

    def _identify(self, what: object) -> int:
        """A number for a place in the program, or for a cell that is older than the trace; 0 is none's."""
        identity = self._identities.setdefault(what, len(self._identities) + 1)
        if not isinstance(what, tuple):
            self._cells[identity] = cast("Cell", what)
        return identity

    # Time and undoing

    def place(self, *what: object) -> tuple[object, ...]:
        """A name for the present point of the program: the innermost open construct, `what`, the how manieth there.

        The same point has the same name when it is traced again, whatever else tracing again does differently.
        """
        counted = (self.constructs[-1].decisions if self.constructs else None, *what)
        count = self._counts.get(counted, 0)
        self._counts[counted] = count + 1
        self.on_undo(lambda: self._counts.__setitem__(counted, count))
        return (*counted, count)

    def tick(self) -> int:
        """A number that grows with the trace, and goes back with it."""
        self.clock += 1
        return self.clock

    def note(self, kind: str, text: str) -> None:
        """Something about the present line for users who ask what became of their function."""
        count = len(self.notes)
        self.on_undo(lambda: self.notes.__delitem__(slice(count, None)))
        self.notes.append(Note(caller_loc(), kind, text))

    def on_undo(self, action: Callable[[], None]) -> None:
        """Record how to take a change back, should the construct around it be traced again."""
        self.undo_log.append(action)

    def checkpoint(self) -> Callable[[], None]:
        """Remember this point; the result brings the trace back to it."""
        scope = self.builder.scope
        node_count, clock, loops = len(scope.nodes), self.clock, self.emitted_loops
        undo_length, host_count = len(self.undo_log), len(self.host_functions)
        self.last_checkpoint = undo_length
        restore_front = self.front.snapshot(self)

        def restore() -> None:
            self.builder.drop_after(scope, node_count)
            while len(self.undo_log) > undo_length:
                self.undo_log.pop()()
            del self.host_functions[host_count:]
            self.clock, self.emitted_loops = clock, loops
            restore_front()

        return restore


_CLASSES: Mapping[type, Callable[[Atom, Trace], object]] = {
    ScalarType: Rep,
    ArrayType: lambda atom, trace: arrays.StagedArray(atom, trace),
    TextType: lambda atom, trace: strings.StagedStr(atom, trace),
    ListType: lambda atom, trace: lists.StagedList(atom, trace),
    DictType: lambda atom, trace: dicts.StagedDict(atom, trace),
}


@contextmanager
def tracing(trace: Trace) -> Iterator[Trace]:
    """Run a `with` body under a trace; its Reps are dead afterwards."""
    token = _active.set((*_active.get(), trace))
    try:
        yield trace
    finally:
        trace.is_running = False
        _active.reset(token)
