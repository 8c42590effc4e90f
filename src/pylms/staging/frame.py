"""The body of a native function while it is traced: what it takes from around it becomes its parameters.

In: symbols and cells of the code around the function, as its body meets them. Out: the parameters that stand for them.
A cell that the body reads or assigns travels by value: in as a parameter and, where it is assigned, out as a result.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import NotSupportedYetError
from ..ir.builder import BlockScope
from ..ir.node import Atom, Sym
from ..ir.ops.variables import VAR_GET
from ..ir.types import Type
from ..loc import caller_loc
from .cells import Cell
from .decisions import UNSET, Decision, Poison, Retrace, is_stageable
from .fitting import as_structure
from .values import Structure
from .variables import Variable

if TYPE_CHECKING:
    from .constructs import Construct
    from .context import Trace


@dataclass(slots=True)
class CapturedCells:
    """The cells, by `Trace.birth_of`, that a native function was found to use, and those that it assigns."""

    used: dict[int, None] = field(default_factory=dict)
    written: set[int] = field(default_factory=set)


class Frame:
    """One tracing of a native function's body.

    `values`: the parameters that stand for symbols from around the function. `fixed`: cells that hold what cannot be
    staged, and what they held.
    """

    def __init__(self, trace: Trace, construct: Construct, scope: BlockScope, cells: CapturedCells) -> None:
        self.trace = trace
        self.construct = construct
        self.scope = scope
        self.cells = cells
        self.values: dict[Sym, Sym] = {}
        self.fixed: dict[Cell, object] = {}
        self.bound: dict[Cell, Structure] = {}

    def local(self, atom: Atom) -> Atom:
        """What stands for an atom inside the function."""
        if not isinstance(atom, Sym) or self.trace.builder.is_within(atom, self.scope):
            return atom
        return self.values.get(atom) or self.take_in(atom)

    def take_in(self, symbol: Sym) -> Sym:
        """A parameter for a symbol from around the function."""
        self.values[symbol] = parameter = self.parameter(symbol.type, symbol.name)
        return parameter

    def parameter(self, type_: Type, name: str) -> Sym:
        """A new parameter."""
        parameter = self.trace.builder.fresh(type_, name)
        self.trace.builder.place_in(parameter, self.scope)
        return parameter

    def note_read(self, cell: Cell) -> None:
        """Before a cell is read: Retrace where the function has to be traced again, the cell being a parameter."""
        if not self._is_from_around(cell) or cell in self.bound:
            return
        if cell.variable is None and not is_stageable(self.trace, cell.value):
            self.fixed.setdefault(cell, cell.value)
            return
        self.cells.used[self.trace.birth_of(cell)] = None
        raise Retrace(self.construct)

    def note_write(self, cell: Cell, value: object) -> None:
        """Before a cell is assigned, likewise."""
        birth = self.trace.birth_of(cell)
        if not self._is_from_around(cell) or birth in self.cells.written:
            return
        if self.construct.decisions.cells.get(birth) is Decision.LOCAL or not is_stageable(self.trace, value):
            return
        if cell.value is UNSET and cell.variable is None:
            _refuse_unset(cell)
        self.cells.used[birth] = None
        self.cells.written.add(birth)
        raise Retrace(self.construct)

    def _is_from_around(self, cell: Cell) -> bool:
        return self.construct in self.trace.constructs_within(cell)

    def bind(
        self, cell: Cell, structure: Structure, origin: list[Atom], symbols: list[Sym], is_set: Sym | None
    ) -> None:
        """Let the cell be those variables of the function's own; `is_set` tells whether it has a value."""
        variable = Variable(self.construct, self.scope, caller_loc())
        variable.structure, variable.symbols, variable.origin = structure, symbols, origin
        variable.is_set = is_set
        variable.takes_int_literals = self.trace.birth_of(cell) in self.construct.decisions.widened
        cell.restore(self.trace, cell.value, variable)
        self.bound[cell] = structure


def require_passable(cell: Cell, *, is_written: bool) -> None:
    """A located error for a cell that may have no value where a native function is called that assigns it.

    One that is only read may be without, if it is known what it would hold.
    """
    variable = cell.variable
    if variable is None and (cell.value is UNSET or isinstance(cell.value, Poison)):
        _refuse_unset(cell)
    if variable is not None and (variable.structure is None or (is_written and variable.is_set is not None)):
        _refuse_unset(cell)


def content_of(trace: Trace, cell: Cell, structure: Structure) -> list[Atom]:
    """What a cell holds as that structure, and whether it has a value, where it may have none."""
    variable = cell.variable
    if variable is None or variable.is_set is None:
        atoms, found = trace.flatten(cell.read())
        return as_structure(trace, structure, found, iter(atoms))
    if trace.frame is not None:
        trace.frame.note_read(cell)
    return [trace.emit(VAR_GET, [symbol])[0] for symbol in (*variable.symbols, variable.is_set)]


def _refuse_unset(cell: Cell) -> None:
    raise NotSupportedYetError(
        f"`{cell.name}` may have no value where a native function that uses it is called",
        loc=caller_loc(),
        hint="give it a value before the function is called",
    )
