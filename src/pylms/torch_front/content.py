"""What is in a staged tensor: a value (DESIGN D8), which in-place operations replace by another.

In Python a staged tensor is an object that can change, and so can what is seen through a view of it. In the IR
there are only values. A tensor that is changed keeps its present one in a cell, so that staged loops and branches carry
it as they carry a variable; a view is read anew from the tensor it is of where that may have changed, and writing to it
writes to that tensor. A variable of the run (a cell that staged control flow assigns) gives a new object at each read:
those of one assignment share a `Home`, through which a change of one reaches the variable and the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from ..errors import StagedTypeError, TorchFeatureError
from ..ir.node import Atom, Sym
from ..loc import caller_loc
from ..staging.cells import Cell
from ..staging.context import Trace
from ..staging.variables import Variable
from .view_steps import Step, View

if TYPE_CHECKING:
    from .context import TorchContext
    from .tensor import StagedTensor


class _Gone:
    """What is in a tensor that a trace made and took back."""


_GONE = _Gone()


class ContentCell(Cell):
    """The present value of one staged tensor, which is as old as the tensor."""

    __slots__ = ()

    def __init__(self, name: str, value: StagedTensor, context: TorchContext, birth: int) -> None:
        super().__init__(name, value, outside=True)
        self.birth, self.identity = context.trace.adopt_cell(self, birth)

    def as_stageable(self, trace: Trace, value: object) -> object:
        """Nothing, where tracing again has made another tensor in place of this one, which is gone."""
        content = getattr(value, "content", None)
        return _GONE if isinstance(content, Content) and not content.is_there else value


@dataclass(eq=False, slots=True)
class Home:
    """A variable of the run that holds a tensor. changes: how often each tensor assigned to it was changed in place.

    `is_memory`: a real tensor was assigned to it, whose memory a change would have to reach.
    """

    cell: Cell
    variable: Variable
    is_memory: bool
    changes: list[int] = field(default_factory=lambda: [0])
    is_changing: bool = False

    def holds(self, number: int) -> bool:
        """Whether it is tensor number `number` that the variable holds now."""
        return number == len(self.changes) - 1 and self.cell.variable is self.variable

    def note_assignment(self, trace: Trace, *, is_memory: bool) -> None:
        """It holds another tensor from now on."""
        self.is_memory |= is_memory
        trace.on_undo(lambda: self.changes.__delitem__(-1))
        self.changes.append(0)

    def change(self, trace: Trace, number: int, new: StagedTensor) -> int:
        """The tensor that it holds has another content; how often it has been changed now."""
        self.is_changing = True
        try:
            self.cell.assign(new)
        finally:
            self.is_changing = False
        before = self.changes[number]
        trace.on_undo(lambda: self.changes.__setitem__(number, before))
        self.changes[number] = before + 1
        return before + 1


@dataclass(frozen=True, slots=True)
class Held:
    """One of the tensors that a variable of the run has held, and how often it had been changed in place."""

    home: Home
    number: int
    changes: int


@dataclass(frozen=True, slots=True)
class Seen:
    """The tensor that a view is of: no view itself, staged or real. `changes` is how often it had been changed."""

    tensor: torch.Tensor
    view: View
    changes: int

    @staticmethod
    def of(context: TorchContext, tensor: torch.Tensor, *steps: Step) -> Seen:
        """What a view of `tensor` by these steps is of."""
        outer = getattr(tensor, "content", None)
        if isinstance(outer, Content) and outer.seen is not None:
            base, view = outer.seen.tensor, outer.seen.view.then(*steps)
        else:
            base, view = tensor, View(steps)
        return Seen(base, view, changes_of(context, base))


def changes_of(context: TorchContext, tensor: torch.Tensor) -> int:
    """How often a tensor that is no view has been changed so far in the program, as it stands."""
    content = getattr(tensor, "content", None)
    return content.changes if isinstance(content, Content) else context.buffers.changes_of(tensor)


class Content:
    """What is in one staged tensor. `first`: what was in it when it was made."""

    __slots__ = ("_birth", "_cell", "_context", "changes", "first", "held", "seen")

    def __init__(self, atom: Atom, context: TorchContext, seen: Seen | None) -> None:
        self.first = atom
        self._context = context
        self._birth = context.trace.tick()
        self._cell: ContentCell | None = None
        self.seen = seen
        self.held: Held | None = None
        self.changes = 0

    def read(self) -> Atom:
        """The present value."""
        if self.seen is not None:
            if self.is_current:
                return self.first
            return self.seen.view.read(self._context, self._context.atom(self.seen.tensor))
        if self.held is not None and self._was_changed_elsewhere(self.held):
            return self._context.atom(self.held.home.cell.read())
        if self._cell is None:
            return self.first
        value = self._cell.read()
        return self._context.atom(value)

    def write(self, old: StagedTensor, new: StagedTensor) -> None:
        """Let `new` be in the tensor, which is no view; `old` is what was first in it. Both are fresh."""
        held = self.held
        if held is not None and held.home.is_memory:
            raise TorchFeatureError(
                f"the tensor in `{held.home.cell.name}` is changed in place, and may be one in memory",
                loc=caller_loc(),
                hint="use a name that no loop or branch assigns, or make a new tensor: x = x + y",
            )
        if self._cell is None:
            self._cell = ContentCell("tensor", old, self._context, self._birth)
        self._remember("changes", self.changes + 1)
        self._cell.assign(new)
        if held is not None and held.home.holds(held.number):
            changes = held.home.change(self._context.trace, held.number, new)
            self._remember("held", Held(held.home, held.number, changes))

    def live_in(self, home: Home) -> None:
        """The variable holds this tensor now."""
        self._remember("held", Held(home, len(home.changes) - 1, home.changes[-1]))

    def _remember(self, name: str, value: object) -> None:
        """Change an attribute, until the trace goes back."""
        before = getattr(self, name)
        undo: Callable[[], None] = lambda: setattr(self, name, before)  # noqa: E731
        self._context.trace.on_undo(undo)
        setattr(self, name, value)

    def _was_changed_elsewhere(self, held: Held) -> bool:
        """Whether the variable holds another value of this tensor than this object knows."""
        changes = held.home.changes[held.number]
        if held.home.holds(held.number):
            return changes != held.changes or (changes > 0 and self._is_older_than_block)
        if changes == held.changes:
            return False
        raise StagedTypeError(
            f"a tensor that was in `{held.home.cell.name}` and was changed in place there is used after another one "
            "was assigned to it",
            loc=caller_loc(),
            hint=".clone() it before it is changed",
        )

    @property
    def _is_older_than_block(self) -> bool:
        constructs = self._context.trace.constructs
        return bool(constructs) and constructs[-1].entry > self._birth

    @property
    def may_vary(self) -> bool:
        """Whether its value is a variable of the run."""
        return self.held is not None or (self._cell is not None and self._cell.variable is not None)

    @property
    def is_there(self) -> bool:
        """Whether the block is open that its first value was made in."""
        return not isinstance(self.first, Sym) or self._context.trace.builder.is_in_scope(self.first)

    def require_usable(self) -> None:
        """A located error when its value is of another staging run, or of a block that is closed."""
        if self._cell is None and self.held is None and self.is_current:
            self._context.trace.require_usable(self.first, self._context.trace)

    @property
    def is_current(self) -> bool:
        """Whether what was seen is still there: an earlier round of a loop may have changed it later in the loop."""
        seen = self.seen
        if seen is None:
            return True
        if seen.changes != changes_of(self._context, seen.tensor):
            return False
        if not self._is_older_than_block:
            return True
        content = getattr(seen.tensor, "content", None)
        if isinstance(content, Content):
            return not content.may_vary
        return not self._context.buffers.may_change_in_rounds(seen.tensor)
