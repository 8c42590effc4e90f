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

from ..ir.builder import NO_ATTRIBUTES, Builder
from ..ir.node import Atom, AttributeValue, Block, Sym
from ..ir.primitive import Primitive
from ..ir.types import BufferType
from ..late import late_module
from ..loc import Loc, caller_loc
from ..options import Options
from ..records import record
from .containers.sites import Sites
from .lifting import Lifting
from .notes import Note
from .regions import Regions
from .values import Front

if TYPE_CHECKING:
    from . import ufunc_protocol
    from .activation import Activation
    from .cells import Cell
    from .constructs import Construct, Decisions, Watch
    from .frame import Frame
    from .native import Memo
    from .native_call import NativeFunction
    from .operators.attempt import Attempt
    from .reify import Staged
else:
    ufunc_protocol = late_module("pylms.staging.ufunc_protocol")

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


class Trace(Lifting):
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
        self.native_places: dict[tuple[object, ...], frozenset[int]] = {}
        """Where calls were found to be better native; the arguments in which known numbers are staged there."""
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
        self.generators: dict[int, tuple[object, partial[Iterator[object]]]] = {}
        """The generators of the user's that were made while tracing, by identity, and how to make them again."""
        self.is_running = True
        self.compile_late: Callable[[Staged], Callable[..., object]] | None = None
        """Makes what is staged while the compiled function runs a function of its own."""
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
        attrs: Mapping[str, AttributeValue] = NO_ATTRIBUTES,
        blocks: Sequence[Block] = (),
        names: Sequence[str] = (),
        loc: Loc | None = None,
    ) -> tuple[Sym, ...]:
        """Append a node at the user's current line and give its result symbols."""
        loc = loc or caller_loc()
        if self.frame is not None:
            args = [self.frame.local(arg) for arg in args]
        results = self.builder.emit(primitive, args, loc=loc, attrs=attrs, blocks=blocks, names=names)
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

    # Native functions

    def function_name(self, wanted: str) -> str:
        """A name for a native function that no other has, `wanted` if possible."""
        taken = {self.name, *[native.name for native in self.natives]}
        candidates = chain([wanted], (f"{wanted}${number}" for number in count(2)))
        return next(name for name in candidates if name not in taken)

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

    def known_cells(self) -> list[Cell]:
        """The cells that the trace has met."""
        return list(self._cells.values())

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

    def places(self) -> dict[tuple[object, ...], int]:
        """How often each place has been named so far."""
        return dict(self._counts)

    def set_places(self, counts: Mapping[tuple[object, ...], int]) -> None:
        """Go back, or forward, to what `places` gave."""
        self._counts = dict(counts)

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

    def undo_to(self, length: int) -> None:
        """Take back the changes beyond so many."""
        while len(self.undo_log) > length:
            self.undo_log.pop()()

    def checkpoint(self) -> Callable[[], None]:
        """Remember this point; the result brings the trace back to it."""
        scope = self.builder.scope
        node_count, clock, loops = len(scope.nodes), self.clock, self.emitted_loops
        undo_length, host_count = len(self.undo_log), len(self.host_functions)
        self.last_checkpoint = undo_length
        restore_front = self.front.snapshot(self)

        def restore() -> None:
            self.builder.drop_after(scope, node_count)
            self.undo_to(undo_length)
            del self.host_functions[host_count:]
            self.clock, self.emitted_loops = clock, loops
            restore_front()

        return restore


@contextmanager
def tracing(trace: Trace) -> Iterator[Trace]:
    """Run a `with` body under a trace; its Reps are dead afterwards."""
    token = _active.set((*_active.get(), trace))
    try:
        yield trace
    finally:
        trace.is_running = False
        _active.reset(token)
