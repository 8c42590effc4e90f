"""Tracing a native function, until what it assumes of itself holds (DESIGN D5).

In: a function, the structure of its arguments, the values of its first call. Out: its IR, in a `NativeFunction`.

The body is traced in rounds. A round assumes what the function gives and what it takes from around it; a call of itself
whose result is not known yet abandons its path. A round that finds something else is thrown away, with all that was
traced under it, and the next assumes what it found: the type of the result is the join over all paths, reached from
below. What was found is kept by the place of the call, so that tracing it again takes one round.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import NoReturn

from ..errors import StagedTypeError, StagingError
from ..ir.node import Atom, Block, Const, Function, Sym
from ..ir.ops.variables import VAR_GET, VAR_NEW
from ..ir.types import BOOL, FLOAT, INT, Type
from ..loc import caller_loc
from .call_signature import code_of
from .cells import Cell
from .constructs import Construct, Decisions, TracedBlock, decided_cells
from .containers.traced import TracedDict, TracedList
from .contents import Contents
from .context import Trace
from .decisions import Decision, Retrace
from .fitting import as_structure, zero_in
from .frame import CapturedCells, Frame, require_passable
from .native_call import NativeFunction
from .raising import AlwaysRaises
from .values import Leaf, Static, Structure, TupleOf, describe, leaf_types, same_structure
from .variables import Variable
from .widening import joined


@dataclass(slots=True, eq=False)
class Memo:
    """What rounds at one place have found out."""

    decisions: Decisions = field(default_factory=Decisions)
    cells: CapturedCells = field(default_factory=CapturedCells)
    result: Structure | None = None

    def forget(self) -> None:
        """Begin anew: the values that come here are of other types now."""
        self.decisions.forget()
        self.cells = CapturedCells()
        self.result = None


def trace_native(trace: Trace, native: NativeFunction) -> None:
    """Trace a native function and add it to the trace's. AlwaysRaises where that must wait for an outer one."""
    trace.natives.append(native)
    trace.on_undo(lambda: _forget(trace, native))
    try:
        _Rounds(trace, native, trace.memos.setdefault(native.place, Memo())).run()
    except BaseException:
        _forget(trace, native)
        raise


def _forget(trace: Trace, native: NativeFunction) -> None:
    if native in trace.natives:
        trace.natives.remove(native)


class _Waits(Exception):
    """Every path waits for the result of a native function around this one."""


class _Rounds:
    """The rounds of one native function."""

    def __init__(self, trace: Trace, native: NativeFunction, memo: Memo) -> None:
        self._trace = trace
        self._native = native
        self._memo = memo
        self._entry = trace.tick()
        self._first_error: StagedTypeError | None = None
        native.result = memo.result

    def run(self) -> None:
        """Trace until a round confirms what it assumed."""
        restore = self._trace.checkpoint()
        contents = Contents([self._native.python])
        while True:
            construct = Construct(self._trace, "function", self._entry, self._memo.decisions)
            try:
                if self._round(construct):
                    contents.require_unchanged("function")
                    self._memo.result = self._native.result
                    return
            except Retrace as retrace:
                if retrace.construct is not construct:
                    raise
            except StagedTypeError as error:
                self._widen_ints(error)
            except _Waits:
                restore()
                raise AlwaysRaises from None
            contents.restore()
            restore()

    def _round(self, construct: Construct) -> bool:
        """Trace the body once; whether it is what the round assumed."""
        trace, native = self._trace, self._native
        native.was_called = native.gave_up = False
        construct.local_cells.update(decided_cells(trace, construct.decisions, Decision.LOCAL))
        cells = self._captured_cells()
        results: list[Atom] | None = None
        with _apart(trace, construct), _waiting(trace, native) as waits, construct.block(repeats=False) as block:
            frame = trace.frame = Frame(trace, construct, block.scope, self._memo.cells)
            parameters = self._enter(frame, cells)
            results = self._leave(self._call(parameters))
        if block.always_raises:
            results = self._without_result(block, waits)
        construct.close()
        for cell, held in cells.items():
            cell.restore(trace, held.value, held.variable)
        taken = list(frame.values)
        is_confirmed = results is not None and (taken == native.values or not native.was_called)
        native.values, native.fixed = taken, frame.fixed
        if results is None or not is_confirmed:
            return False
        body = Block((*parameters, *frame.values.values()), tuple(block.scope.nodes), tuple(results))
        native.function = Function(native.name, body, native.loc)
        return True

    def _captured_cells(self) -> dict[Cell, _Held]:
        """The cells that the function is known to use, and what they hold where it is called."""
        trace, memo, native = self._trace, self._memo, self._native
        cells: dict[Cell, _Held] = {}
        for birth in memo.cells.used:
            cell = trace.cell_born_at(birth)
            if cell is None:
                continue
            if trace.frame is not None:
                trace.frame.note_read(cell)
            require_passable(cell, is_written=birth in memo.cells.written)
            held = cells[cell] = _held_by(trace, cell)
            held.structure = memo.decisions.widened.get(birth, held.structure)
        native.cells = {cell: held.structure for cell, held in cells.items()}
        native.maybe_unset = {cell for cell, held in cells.items() if held.may_be_unset}
        native.written = [cell for cell in cells if trace.birth_of(cell) in memo.cells.written]
        return cells

    def _enter(self, frame: Frame, cells: dict[Cell, _Held]) -> list[Sym]:
        """The parameters for arguments and cells; the cells become variables that begin as theirs."""
        parameters = [frame.parameter(type_, name) for name, type_ in self._named_leaves()]
        for cell, held in cells.items():
            own = [frame.parameter(type_, cell.name) for type_ in leaf_types(held.structure)]
            if held.may_be_unset:
                own.append(frame.parameter(BOOL, f"{cell.name}_is_set"))
            variables = [self._trace.emit(VAR_NEW, [each], names=[each.name])[0] for each in own]
            flag = variables.pop() if held.may_be_unset else None
            frame.bind(cell, held.structure, held.origin, variables, flag)
            parameters += own
        for value in self._native.values:
            frame.take_in(value)
        return parameters

    def _named_leaves(self) -> list[tuple[str, Type]]:
        """The staged leaves of the arguments, with the names of the parameters that take them."""
        native = self._native
        code = code_of(native.python)
        names = [] if code is None else list(code.co_varnames[: len(native.structure.items) - len(native.keywords)])
        names += native.keywords
        return [
            (name, type_)
            for name, item in zip(chain(names, repeat("")), native.structure.items, strict=False)
            for type_ in leaf_types(item)
        ]

    def _call(self, parameters: Sequence[Sym]) -> object:
        """What the function gives for its parameters."""
        native = self._native
        values = self._trace.unflatten(native.structure, iter(parameters))
        assert isinstance(values, tuple)
        count = len(values) - len(native.keywords)
        return native.python(*values[:count], **dict(zip(native.keywords, values[count:], strict=True)))

    def _leave(self, value: object) -> list[Atom] | None:
        """The results, once the body is traced; None where they are not what the round assumed."""
        trace, native = self._trace, self._native
        atoms, structure = trace.flatten(value)
        _refuse_containers(structure)
        assumed = native.result
        if assumed is None:
            native.result = structure
            if native.was_called:
                return None
        elif not same_structure(assumed, structure):
            origin = [_as_first(trace, type_) for type_ in leaf_types(assumed)]
            native.result = joined(assumed, origin, structure, atoms, takes_literals=True)
            if native.result is None:
                self._refuse_types(assumed, structure)
            if not same_structure(assumed, native.result):
                return None
            atoms = as_structure(trace, assumed, structure, iter(atoms))
        for cell in native.written:
            assert cell.variable is not None
            atoms += [trace.emit(VAR_GET, [symbol], names=[cell.name])[0] for symbol in cell.variable.symbols]
        return atoms

    def _without_result(self, block: TracedBlock, waits: Sequence[NativeFunction]) -> list[Atom]:
        """The results of a body that never comes to its end: any will do, if that is how it is."""
        native = self._native
        if waits:
            raise _Waits
        if native.gave_up:
            raise StagingError(
                f"every path through `{native.python.__name__}` calls it again: it would never return",
                loc=native.loc,
                hint="let it return something, on some path, without calling itself",
            )
        native.always_raises = True
        native.result = native.result or Static(None)
        types = leaf_types(native.result)
        types += [type_ for cell in native.written for type_ in leaf_types(native.cells[cell])]
        return [zero_in(self._trace, block.scope, type_, native.loc) for type_ in types]

    def _refuse_types(self, assumed: Structure, found: Structure) -> NoReturn:
        raise StagedTypeError(
            f"`{self._native.python.__name__}` gives {describe(assumed)} on one path and {describe(found)} on another",
            loc=self._native.loc,
            hint="a function that calls itself gives one type: convert what it returns",
        )

    def _widen_ints(self, error: StagedTypeError) -> None:
        """Try floats where ints did not fit: an int literal may have been all that was known of the result."""
        result = self._native.result
        if self._first_error is not None or result is None or INT not in leaf_types(result):
            raise self._first_error or error
        self._first_error = error
        self._native.result = _with_floats(result)


@dataclass(slots=True)
class _Held:
    """What a cell holds where the function is called; `origin` are the atoms of that, as far as they are known."""

    value: object
    variable: Variable | None
    structure: Structure
    origin: list[Atom]

    @property
    def may_be_unset(self) -> bool:
        return self.variable is not None and self.variable.is_set is not None


def _held_by(trace: Trace, cell: Cell) -> _Held:
    variable = cell.variable
    if variable is None:
        atoms, structure = trace.flatten(cell.value)
        return _Held(cell.value, None, structure, atoms)
    assert variable.structure is not None, "a cell that may have no value was refused"
    known = variable.origin or [trace.builder.fresh(type_) for type_ in leaf_types(variable.structure)]
    return _Held(cell.value, variable, variable.structure, list(known))


@contextmanager
def _apart(trace: Trace, construct: Construct) -> Iterator[None]:
    """Trace as if nothing were open around the function."""
    saved = trace.constructs, trace.probes, trace.frame, trace.outer_depth
    trace.outer_depth = trace.depth
    trace.constructs, trace.probes = [construct], []
    try:
        yield
    finally:
        trace.constructs, trace.probes, trace.frame, trace.outer_depth = saved


@contextmanager
def _waiting(trace: Trace, native: NativeFunction) -> Iterator[list[NativeFunction]]:
    """Collects, of the native functions around this one, those whose result was asked for and is not known yet."""
    around = [each for each in trace.natives if each.function is None and each is not native]
    earlier = [each for each in around if each.gave_up]
    waits: list[NativeFunction] = []
    for each in earlier:
        each.gave_up = False
    try:
        yield waits
    finally:
        waits += [each for each in around if each.gave_up]
        for each in earlier:
            each.gave_up = True


def _as_first(trace: Trace, type_: Type) -> Atom:
    """An atom that widens as a literal does, where it may have been one."""
    if type_ == FLOAT:
        return Const(0.0, FLOAT)
    return Const(0, INT) if type_ == INT else trace.builder.fresh(type_)


def _with_floats(structure: Structure) -> Structure:
    match structure:
        case Leaf(type_):
            return Leaf(FLOAT if type_ == INT else type_)
        case Static():
            return structure
        case TupleOf(items, make, name):
            return TupleOf(tuple(map(_with_floats, items)), make, name)


def _refuse_containers(structure: Structure) -> None:
    """A native function cannot give an object of generation time that each call would make anew."""
    match structure:
        case TupleOf(items, _, _):
            for item in items:
                _refuse_containers(item)
        case Static(TracedList() | TracedDict() as container):
            container.trace.sites.make_run_time(container.site)
        case Static(list() | dict() | set() | bytearray()):
            raise StagedTypeError(
                f"a native function cannot return {describe(structure)}",
                loc=caller_loc(),
                hint="return a number, None, a string, or a tuple of them",
            )
        case _:
            pass
