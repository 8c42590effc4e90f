"""Cells: the variables of virtualised functions that are assigned more than once (DESIGN D2).

A cell holds a Python value (plain or staged) until staged control flow assigns it; then it is a `Variable`, one IR
variable for each leaf of its value. Which cells a staged construct promotes is decided on entering it, from
the names `virtualize` recorded, and corrected by tracing the construct again (`Retrace`) when tracing finds out more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import NotSupportedYetError, StagedTypeError
from ..loc import caller_loc
from .containers.traced import TracedDict, TracedList
from .context import Trace, current_trace
from .decisions import UNSET, Decision, Poison, Retrace, decide, is_stageable
from .kinds import is_staged_dict, is_staged_list
from .values import constant
from .variables import Variable, assign_variable, read_variable, unbound_message

if TYPE_CHECKING:
    from .constructs import Construct


class Cell:
    """One variable of one activation of a virtualised function."""

    __slots__ = ("birth", "identity", "name", "value", "variable")

    def __init__(self, name: str, value: object = UNSET, *, outside: bool = False) -> None:
        """`outside`: the cell stands for state that is older than any trace (a parameter's gradient)."""
        trace = None if outside else current_trace()
        self.name = name
        self.value = value
        self.variable: Variable | None = None
        self.birth, self.identity = (0, 0) if trace is None else trace.new_cell(self)

    def read(self) -> object:
        """The current value; UnboundLocalError where there is none, as Python raises it."""
        trace = current_trace()
        if trace is not None:
            for watch in trace.watches:
                watch.reads.add(self)
            if trace.frame is not None:
                trace.frame.note_read(self)
            if self.variable is not None:
                return read_variable(trace, self, self.variable)
        if self.value is UNSET:
            raise UnboundLocalError(unbound_message(self.name))
        if isinstance(self.value, Poison):
            return self.read_poison(self.value)
        return self.value

    def read_poison(self, poison: Poison) -> object:
        """What to do when the value depends on staged control flow: an error, unless a subclass knows better."""
        trace = poison.construct.trace
        birth = trace.birth_of(self)
        for value in (poison.value, trace.sites.met.get(birth)):
            if isinstance(value, (TracedList, TracedDict)):
                trace.sites.make_run_time(value.site)
            if type(value) is str and birth not in trace.sites.text_cells:
                trace.sites.make_text_cell(birth)
        decided = [each for each in trace.decisions.values() if each.cells.get(birth) is Decision.LOCAL]
        kinds = [each.met[birth] for each in decided if birth in each.met]
        name = "the result" if "$" in self.name else f"`{self.name}`"
        raise StagedTypeError(
            f"{name} is assigned {kinds[0] if kinds else 'a value'} under staged control flow, and that cannot be "
            "staged: its value here depends on the run",
            loc=caller_loc(),
            hint="assign it before the branch or loop, or use a number, a tensor, or a tuple of them",
        )

    def as_stageable(self, trace: Trace, value: object) -> object:
        """The value a variable holds for `value`; a subclass may stand in something stageable (zeros for None)."""
        if type(value) is str and trace.birth_of(self) in trace.sites.text_cells:
            return trace.wrap(trace.lift(value))
        return value

    def assign(self, value: object) -> None:
        """Give it a value: a Python assignment, or an IR `set` where staged control flow decides."""
        trace = current_trace()
        if trace is None:
            self.value = value
            return
        for watch in trace.watches:
            watch.writes.add(self)
        if self.variable is None and value is self.value and constant(value) is None:
            return  # an object that an in-place operator changed, and gave back
        if trace.frame is not None:
            trace.frame.note_write(self, value)
        constructs = trace.constructs_within(self)
        if not constructs:
            self.rebind(trace, value)
        elif constructs[0].decisions.cells.get(trace.birth_of(self)) is Decision.LOCAL:
            self._assign_locally(trace, constructs, value)
        elif self.variable is not None:
            assign_variable(trace, self, self.variable, value)
        else:
            if isinstance(value, (TracedList, TracedDict)) and (
                is_staged_list(self.value) or is_staged_dict(self.value)
            ):
                trace.sites.make_run_time(value.site)
            fits = _can_hold(trace, self, value)
            held_fits = self.value is UNSET or _can_hold(trace, self, self.value)
            decision = Decision.PROMOTE if fits and held_fits else Decision.LOCAL
            decide(trace, self, decision, value if held_fits else self.value)

    def delete(self) -> None:
        """Leave it without a value; UnboundLocalError where it has none. Staged control flow cannot decide about it."""
        self.read()
        trace = current_trace()
        if trace is None:
            self.value = UNSET
            return
        if trace.constructs_within(self):
            raise NotSupportedYetError(
                f"`{self.name}` is deleted under staged control flow: whether it has a value would depend on the run",
                loc=caller_loc(),
                hint="leave out the `del`, or assign a value in its place",
            )
        for watch in trace.watches:
            watch.writes.add(self)
        self.rebind(trace, UNSET)

    def rebind(self, trace: Trace, value: object) -> None:
        """A plain Python assignment, taken back when the surrounding construct is traced again."""
        old_value, old_variable = self.value, self.variable

        def undo() -> None:
            self.value, self.variable = old_value, old_variable

        trace.on_undo(undo)
        self.value, self.variable = value, None

    def restore(self, trace: Trace, value: object, variable: Variable | None) -> None:
        """Bring back what it held before a block that was good only within itself."""
        self.rebind(trace, value)
        self.variable = variable

    def _assign_locally(self, trace: Trace, constructs: Sequence[Construct], value: object) -> None:
        """A value good only within the block: every open construct must begin its blocks without one."""
        for construct in constructs:
            if self not in construct.local_cells:
                construct.decisions.cells[trace.birth_of(self)] = Decision.LOCAL
                raise Retrace(construct)
        self.rebind(trace, value)


def _can_hold(trace: Trace, cell: Cell, value: object) -> bool:
    """Whether a variable for this cell can hold the value."""
    is_text = type(value) is str and trace.birth_of(cell) in trace.sites.text_cells
    return is_text or is_stageable(trace, value)
