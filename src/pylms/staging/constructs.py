"""Staged constructs: tracing the blocks of a native branch or loop, again where a decision about a cell changes.

In: the block functions of a branch or loop. Out: whatever `attempt` emits, with the cells that the blocks assign
promoted first. Decisions are kept by the construct's place in the trace, so that tracing an outer construct
again does not repeat the discoveries of inner ones: the cost stays linear in the nesting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FunctionType
from typing import TYPE_CHECKING, TypeVar

from ..errors import NotSupportedYetError
from ..ir.node import Atom, Block, Sym
from ..loc import caller_loc
from ..records import record
from .cells import Cell
from .containers.sites import Restart
from .contents import Contents
from .decisions import UNSET, Decision, Poison, Retrace
from .raising import AlwaysRaises, stage_error
from .values import Structure, constant
from .variables import Variable, promote

if TYPE_CHECKING:
    from .context import Trace

Result = TypeVar("Result")


@record(frozen=True, slots=True)
class Assigned:
    """What each block function assigns, by its name: cells, and variables of functions around the virtualised one."""

    cells: Mapping[str, tuple[str, ...]]
    outside: Mapping[str, tuple[str, ...]]


NOTHING_ASSIGNED = Assigned({}, {})


@dataclass(slots=True, eq=False)
class Decisions:
    """What tracing has found out about the cells a construct assigns, by `Trace.birth_of`."""

    cells: dict[int, Decision] = field(default_factory=dict)
    met: dict[int, str] = field(default_factory=dict)
    """What kind of value decided that a cell is good within its block only."""
    widened: dict[int, Structure] = field(default_factory=dict)
    structures: dict[int, Structure] = field(default_factory=dict)

    def forget(self) -> None:
        """Begin anew: the values that cells hold are others now."""
        for known in (self.cells, self.met, self.widened, self.structures):
            known.clear()


@dataclass(slots=True)
class Watch:
    """The cells read and assigned while it is on; for loops that may turn out to be native."""

    reads: set[Cell] = field(default_factory=set)
    writes: set[Cell] = field(default_factory=set)


class TracedBlock:
    """A block of a construct while and after it is traced: a context manager, within which the block is open.

    `always_raises` when what follows the block is never reached: an exception that it raises ends it, and is raised
    when the compiled block runs.
    """

    __slots__ = ("_before", "_construct", "_repeats", "always_raises", "scope")

    def __init__(self, construct: Construct, params: Sequence[Sym], *, repeats: bool) -> None:
        self.scope = construct.trace.builder.block(params)
        self.always_raises = False
        self._construct = construct
        self._repeats = repeats
        self._before: dict[Cell, tuple[object, Variable | None]] = {}

    def __enter__(self) -> TracedBlock:
        construct = self._construct
        if construct.local_cells:
            self._before = {cell: (cell.value, cell.variable) for cell in construct.local_cells}
            if self._repeats:
                construct.close()
        self.scope.__enter__()
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> bool:
        try:
            if error is not None and not isinstance(error, AlwaysRaises):
                if not isinstance(error, Exception):
                    return False
                stage_error(self._construct.trace, error)
            self.always_raises = error is not None
        finally:
            self.scope.__exit__()
        for cell, state in self._before.items():
            cell.restore(self._construct.trace, *state)
        return True

    def finish(self, results: Sequence[Atom]) -> Block:
        """The block with these results."""
        return self.scope.finish(results)


class Construct:
    """One staged branch or loop while it is traced. `entry` tells older cells from those its blocks make."""

    def __init__(self, trace: Trace, kind: str, entry: int, decisions: Decisions) -> None:
        self.trace = trace
        self.kind = kind
        self.entry = entry
        self.decisions = decisions
        self.promoted: list[Cell] = []
        self.local_cells: set[Cell] = set()

    def promote(self, candidates: Sequence[Cell]) -> None:
        """Promote the cells that the blocks are known to assign."""
        for cell in dict.fromkeys(candidates):
            birth = self.trace.birth_of(cell)
            outer = self.trace.constructs_within(cell)
            if outer and cell in outer[0].local_cells:
                self.decisions.cells[birth] = Decision.LOCAL
            if cell.variable is not None and birth in self.decisions.widened:
                cell.rebind(self.trace, cell.read())  # the variable of a construct that is closed
            if cell.variable is not None or self.decisions.cells.get(birth) in (Decision.KEEP, Decision.LOCAL):
                continue
            if self.decisions.cells.get(birth) is None and _may_change_in_place(self.trace, cell.value):
                continue  # only assigning another object decides about it
            if outer:
                continue  # the outermost construct that the cell outlives decides about it
            if promote(self.trace, cell, self):
                self.promoted.append(cell)

    def block(self, params: Sequence[Sym] = (), *, repeats: bool) -> TracedBlock:
        """To trace one of the construct's blocks; `repeats` where values of one round reach the next."""
        return TracedBlock(self, params, repeats=repeats)

    def close(self) -> None:
        """After the last block: what was good only within a block is not known any more."""
        for cell in self.local_cells:
            cell.rebind(self.trace, Poison(self, cell.value))


def trace_construct(
    trace: Trace,
    kind: str,
    functions: Sequence[object],
    assigned: Assigned,
    attempt: Callable[[Construct], Result],
) -> Result:
    """Trace a staged construct with `attempt`, until no decision about its cells changes.

    `functions` are its block functions; `assigned` the names of cells that each of them assigns.
    """
    _refuse_outside_assignments(functions, assigned)
    for covering in trace.attempts:
        covering.refuse(f"which way this staged {kind} goes is decided", caller_loc())
    place = trace.place(kind, *map(_code_of, functions))
    decisions = trace.decisions.get(place) or trace.decisions.setdefault(place, Decisions())
    entry = trace.tick()
    restore = trace.checkpoint()
    contents = Contents(functions)
    while True:
        construct = Construct(trace, kind, entry, decisions)
        construct.promote(_assigned_cells(functions, assigned) + decided_cells(trace, decisions, Decision.PROMOTE))
        construct.local_cells.update(decided_cells(trace, decisions, Decision.LOCAL))
        trace.constructs.append(construct)
        try:
            result = attempt(construct)
        except Restart:
            contents.restore()
            raise
        except Retrace as retrace:
            contents.restore()
            if retrace.construct is not construct:
                raise
            restore()
            continue
        finally:
            trace.constructs.pop()
        unassigned = [cell for cell in construct.promoted if cell.variable and not cell.variable.was_assigned]
        contents.require_unchanged(kind)
        if not unassigned:
            construct.close()
            return result
        for cell in unassigned:
            decisions.cells[trace.birth_of(cell)] = Decision.KEEP
        restore()


def _may_change_in_place(trace: Trace, value: object) -> bool:
    """Whether `x += y` may leave the variable as it is and change the object: a real tensor, a list."""
    is_value = value is UNSET or value is None or isinstance(value, tuple) or constant(value) is not None
    return not is_value and not trace.is_staged(value)


def _refuse_outside_assignments(functions: Sequence[object], assigned: Assigned) -> None:
    if not assigned.outside:
        return
    for function in functions:
        for name in assigned.outside.get(getattr(function, "__name__", ""), ()):
            raise NotSupportedYetError(
                f"`{name}` belongs to a function around the staged one, and staged control flow cannot assign it",
                loc=caller_loc(),
                hint="assign a variable of the staged function and return it",
            )


def _code_of(function: object) -> object:
    return getattr(function, "__code__", None)


def _assigned_cells(functions: Sequence[object], assigned: Assigned) -> list[Cell]:
    """The cells that block functions assign, by the names recorded for them, looked up in their closures."""
    found: dict[Cell, None] = {}
    for function in functions:
        if not isinstance(function, FunctionType) or function.__closure__ is None:
            continue
        names = assigned.cells.get(function.__name__, ())
        for name, closure_cell in zip(function.__code__.co_freevars, function.__closure__, strict=True):
            if name in names and isinstance(closure_cell.cell_contents, Cell):
                found[closure_cell.cell_contents] = None
    return list(found)


def decided_cells(trace: Trace, decisions: Decisions, decision: Decision) -> list[Cell]:
    """The cells about which an earlier attempt decided so."""
    if not decisions.cells:
        return []
    cells = (trace.cell_born_at(birth) for birth, found in decisions.cells.items() if found is decision)
    return [cell for cell in cells if cell is not None]
