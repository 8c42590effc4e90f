"""Gradients: `loss.backward()`, and the `.grad` of every leaf tensor while tracing.

A gradient is None or a tensor in Python and a value in the IR. While tracing it is a cell that holds a staged tensor
or `Absent`, and what the loop body does with it is found out by tracing: where the body starts and ends without
a gradient (`zero_grad` first or last), no gradient is carried from one iteration to the next, and none needs memory.
Where one is carried (accumulation over several batches, or a `backward` in a branch), the cell becomes two IR
variables: the gradient, zeros where it is None, and whether it is there.

What `.grad` was before a run matters only to a program that uses it before clearing it. Such a program either takes it
from memory and leaves its own there, as PyTorch would; or it was traced for None, which is checked before each run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, cast

import torch

from ..errors import StagedTypeError, StagingError, TorchFeatureError
from ..ir.node import Const, Sym
from ..ir.ops.arithmetic import ADD, NE
from ..ir.ops.buffers import LOAD_ELEMENT, STORE_ELEMENT
from ..ir.ops.differentiation import BACKWARD
from ..ir.types import INT, INT64, TensorType
from ..loc import caller_loc
from ..staging.cells import Cell
from ..staging.constructs import Construct
from ..staging.context import Trace
from ..staging.decisions import Decision, Poison, Retrace
from ..staging.variables import Variable
from .buffers import Extent
from .computed_leaves import ComputedLeaves
from .dtypes import scalar_type
from .gradient_memory import GradientMemory
from .graphs import Graphs
from .tensor import Place, StagedTensor

if TYPE_CHECKING:
    from .context import TorchContext


@dataclass(frozen=True, slots=True)
class Absent:
    """The value of a gradient that is None; where a variable must hold it, it is zeros of this type."""

    type: TensorType


class Leftover:
    """The value of a gradient that was there before the staged function, until something is assigned to it."""


class GradientCell(Cell):
    """The `.grad` of one leaf tensor."""

    __slots__ = ("_absent_at_start", "_none_before", "_table", "absent", "memory")

    def __init__(self, table: GradientTable, leaf: torch.Tensor, name: str) -> None:
        self.absent = Absent(TensorType(scalar_type(leaf.dtype), tuple(leaf.shape)))
        self.memory = GradientMemory(leaf, name)
        self._none_before = Absent(self.absent.type)
        super().__init__(name, Leftover() if self.memory.holds_gradient else self._none_before, outside=True)
        self._table = table
        self._absent_at_start: set[Construct] = set()

    def is_from_before(self, value: object) -> bool:
        """Whether the value is what the program starts with."""
        return value is self._none_before or isinstance(value, Leftover)

    @property
    def has_value_from_before(self) -> bool:
        """Whether nothing was assigned to it so far."""
        return self.variable is None and self.is_from_before(self.value)

    def as_stageable(self, trace: Trace, value: object) -> object:
        if self.is_from_before(value):
            return self._table.gradient_before(self)
        if isinstance(value, Absent):
            return self._table.zeros(self.absent.type), False
        return value

    def assign(self, value: object) -> None:
        trace = self._table.trace
        if self.variable is None:
            self._table.make_local(trace.constructs_within(self))
        super().assign(value)

    def rebind(self, trace: Trace, value: object) -> None:
        """Besides assigning: what blocks do to a cell whose value is good only within them."""
        if isinstance(value, Poison) and value.construct in self._absent_at_start:
            value = self.absent
        super().rebind(trace, value)

    def restore(self, trace: Trace, value: object, variable: Variable | None) -> None:
        """At the end of a block. A loop whose rounds were traced as beginning without a gradient must end so."""
        if self._must_end_absent(trace):
            self._table.carry(self)
        super().restore(trace, value, variable)

    def _must_end_absent(self, trace: Trace) -> bool:
        if not trace.constructs or trace.constructs[-1] not in self._absent_at_start:
            return False
        unchanged = isinstance(self.value, Poison) and self.value.construct is trace.constructs[-1]
        return not isinstance(self.value, Absent) and not unchanged

    def read_poison(self, poison: Poison) -> object:
        """At the start of a loop's body: what the loop began with, if that was nothing; else it is carried."""
        trace = self._table.trace
        layer: object = poison
        while isinstance(layer, Poison):
            if layer.construct not in trace.constructs or layer.construct.kind != "loop":
                self._table.carry(self)
            layer = layer.value
        if not isinstance(layer, Absent):
            self._table.carry(self)
        if self.is_from_before(layer):
            self._table.expect_none(self)
        layer = poison
        while isinstance(layer, Poison):
            self._absent_at_start.add(layer.construct)
            layer = layer.value
        return self.absent


class GradientTable:
    """The gradients of one trace."""

    def __init__(self, context: TorchContext) -> None:
        self._context = context
        self._cells: dict[Extent, GradientCell] = {}
        self._expecting_none: set[GradientCell] = set()
        self._starting_from_memory: set[GradientCell] = set()
        self._arguments: set[Sym] = set()
        self._graphs = Graphs(context.trace)
        self._has_graphs = False
        """Whether derivatives of gradients may be taken: what a variable gives does not tell."""
        self.computed = ComputedLeaves(context)

    def note_argument(self, symbol: Sym) -> None:
        """The tensor that the staged function is given as this parameter requires a gradient."""
        self._arguments.add(symbol)

    @property
    def trace(self) -> Trace:
        return self._context.trace

    # `.grad`

    def read(self, leaf: torch.Tensor) -> StagedTensor | None:
        """`leaf.grad`; zeros where it depends on the run whether there is one."""
        found = self.read_possible(leaf)
        if found is None:
            return None
        gradient, presence = found
        place = Place(lambda new: self._set(leaf, (new, presence)))
        tracks = self._has_graphs and gradient.tracks_gradient
        return StagedTensor(gradient.atom, self._context, tracks_gradient=tracks, place=place)

    def read_possible(self, leaf: torch.Tensor) -> tuple[StagedTensor, object] | None:
        """`leaf.grad`, and whether it is there: True, or a staged bool where that depends on the run."""
        cell = self._cell(leaf)
        value = cell.read()
        if isinstance(value, Absent):
            if cell.is_from_before(value):
                self.expect_none(cell)
            return None
        if isinstance(value, Leftover):
            value = self.gradient_before(cell)
        gradient, presence = cast(tuple[StagedTensor, object], value)
        return gradient, presence

    def write(self, leaf: torch.Tensor, value: object) -> None:
        """`leaf.grad = value`: None, or a tensor of the leaf's type."""
        if value is None:
            self._set(leaf, None)
            return
        type_ = self._context.type_of(leaf)
        if not isinstance(value, torch.Tensor) or self._context.type_of(value) != type_:
            raise StagedTypeError(f"a gradient of {type_} must be None or of the same type", loc=caller_loc())
        self._set(leaf, (StagedTensor(self._context.without_gradient(value), self._context), True))

    def clear(self, leaf: torch.Tensor, *, set_to_none: bool) -> None:
        """What `zero_grad` does to one parameter."""
        if set_to_none or self._cell(leaf).has_value_from_before:
            self.write(leaf, None)
            return
        found = self.read_possible(leaf)
        if found is not None:
            self._set(leaf, (self.zeros(self._context.type_of(leaf)), found[1]))

    def zeros(self, type_: TensorType) -> StagedTensor:
        """What stands for a missing gradient where a variable must hold it."""
        return StagedTensor(self._context.full(0, type_), self._context)

    # Before and after a run

    def expect_none(self, cell: GradientCell) -> None:
        """The program is traced as if there were no gradient before the run."""
        self._note(self._expecting_none, cell)

    def gradient_before(self, cell: GradientCell) -> tuple[StagedTensor, object]:
        """The gradient of before the run and whether there is one; the program leaves that of after it in its place."""
        self._note(self._starting_from_memory, cell)
        context = self._context
        gradient = StagedTensor(context.buffers.load(cell.memory.content), context)
        flag = context.buffers.capture(cell.memory.presence).symbol
        number = context.emit(LOAD_ELEMENT, flag, Const(0, INT))
        return gradient, self.trace.wrap(context.emit(NE, number, Const(0, INT64)))

    def _note(self, cells: set[GradientCell], cell: GradientCell) -> None:
        if cell not in cells:
            cells.add(cell)
            self.trace.on_undo(lambda: cells.discard(cell))

    def finish(self) -> None:
        """At the end of the program: gradients that it used from before are left for what comes after."""
        for cell in self._cells.values():
            if cell in self._expecting_none:
                self.trace.before_run.append(cell.memory.require_none)
            if cell in self._starting_from_memory:
                self.trace.before_run.append(cell.memory.fill)
            if cell in self._expecting_none | self._starting_from_memory:
                self.trace.after_run.append(self._leave(cell))

    def _leave(self, cell: GradientCell) -> Callable[[], None]:
        """Emit what keeps the last gradient; the result puts it into `.grad`."""
        if cell.variable is None and isinstance(cell.value, Poison):
            return cell.memory.lose
        value = cell.read()
        if isinstance(value, Absent) and cell not in self._starting_from_memory:
            return _nothing
        gradient, presence = cast(tuple[StagedTensor, object], cell.as_stageable(self.trace, value))
        flag = self._context.buffers.capture(cell.memory.presence).symbol
        number = self._context.convert(self.trace.lift(presence), INT64)
        self.trace.emit(STORE_ELEMENT, [flag, number, Const(0, INT)])
        self._context.buffers.store(cell.memory.content, gradient.atom)
        return cell.memory.leave

    def _set(self, leaf: torch.Tensor, value: tuple[StagedTensor, object] | None) -> None:
        cell = self._cell(leaf)
        cell.assign(cell.absent if value is None else value)

    def _cell(self, leaf: torch.Tensor) -> GradientCell:
        self._refuse_within_function()
        extent = Extent.of(leaf)
        cell = self._cells.get(extent)
        if cell is None:
            name = f"{self._context.buffers.name_of(leaf) or 'tensor'}.grad"
            cell = GradientCell(self, leaf, name)
            self._cells[extent] = cell
        return cell

    def _refuse_within_function(self) -> None:
        """Gradients belong to the program: what a native function does to them would have to be passed out of it."""
        if self.trace.frame is not None:
            raise TorchFeatureError(
                "backward() and `.grad` in a function that calls itself cannot be staged yet",
                loc=caller_loc(),
                hint="let the function return the loss, and call backward() outside of it",
            )

    # `backward`

    def backward(
        self, loss: StagedTensor, *, among: Sequence[Sym] | None, retain_graph: bool, create_graph: bool
    ) -> None:
        """`loss.backward()` of one element: adds the gradients to those of the leaves the loss depends on.

        `among`: the only leaves that get some.
        """
        self._refuse_within_function()
        leaves = self.leaves(loss)
        if among is not None:
            leaves = {symbol: leaf for symbol, leaf in leaves.items() if symbol in among}
        if not leaves:
            raise StagingError(
                "backward() of a tensor that depends on nothing which requires a gradient",
                loc=caller_loc(),
                hint="compute the loss from a module's parameters, outside torch.no_grad() and without .detach()",
            )
        gradients = self.differentiate(loss, leaves, retain_graph=retain_graph, create_graph=create_graph)
        for leaf, gradient in zip(leaves.values(), gradients, strict=True):
            if isinstance(leaf, StagedTensor):
                self.computed.accumulate(leaf, gradient)
            else:
                self._accumulate(leaf, gradient)

    def _accumulate(self, leaf: torch.Tensor, gradient: StagedTensor) -> None:
        before = self.read(leaf)
        if before is not None:
            tracks = before.tracks_gradient or gradient.tracks_gradient
            total = self._context.emit(ADD, before.atom, gradient.atom)
            gradient = StagedTensor(total, self._context, tracks_gradient=tracks)
        self._set(leaf, (gradient, True))

    def differentiate(
        self, loss: StagedTensor, leaves: Mapping[Sym, torch.Tensor], *, retain_graph: bool, create_graph: bool
    ) -> list[StagedTensor]:
        """The gradients of a tensor of one element by leaves that it depends on, given with their symbols."""
        context, atom = self._context, loss.atom
        assert isinstance(atom, Sym)
        for leaf in leaves.values():
            _refuse_hooks(leaf)
        self._has_graphs |= create_graph
        self._graphs.go_back(atom, list(leaves), keep=retain_graph or create_graph)
        atom = context.reshape(atom, ())
        # A training step counts as a loop: `for i in range(500)` around it becomes native instead of 500 copies.
        # What has derivatives itself is a part of one.
        self.trace.emitted_loops += not create_graph
        gradients = self.trace.emit(
            BACKWARD,
            [atom, *leaves],
            attrs={"create_graph": True} if create_graph else {},
            names=[f"{symbol.name}_grad" if symbol.name else "" for symbol in leaves],
        )
        context.anomalies.check(gradients)
        return [StagedTensor(gradient, context, tracks_gradient=create_graph) for gradient in gradients]

    def leaves(self, tensor: StagedTensor) -> dict[Sym, torch.Tensor]:
        """The tensors requiring gradients that a staged tensor depends on, as the program stands, by their symbols."""
        if not tensor.tracks_gradient or not isinstance(tensor.atom, Sym):
            return {}
        behind = self._graphs.symbols_behind(tensor.atom)
        if not self._arguments.isdisjoint(behind):
            raise TorchFeatureError(
                "backward() to a tensor that is an argument of the staged function, and requires a gradient",
                loc=caller_loc(),
                hint="use a tensor from around the function, or grad() of a function of it; or pass x.detach()",
            )
        buffers = [capture.symbol for capture in self.trace.captures.values() if capture.symbol in behind]
        found = {symbol: self._context.buffers.leaf_of(symbol) for symbol in buffers}
        leaves = {symbol: leaf for symbol, leaf in found.items() if leaf is not None}
        return leaves | self.computed.among(behind)

    def parts(self, tensor: StagedTensor, symbols: Sequence[Sym]) -> list[bool]:
        """Which of these values a staged tensor depends on."""
        if not tensor.tracks_gradient or not isinstance(tensor.atom, Sym):
            return [False for _ in symbols]
        behind = self._graphs.symbols_behind(tensor.atom)
        return [symbol in behind or self._graphs.variable_read_as(symbol) in behind for symbol in symbols]

    # How loops treat gradients

    def make_local(self, constructs: Sequence[Construct]) -> None:
        """Have these constructs treat all gradients as good only within their blocks; they are traced again for it."""
        undecided = [construct for construct in constructs if self._undecided(construct)]
        for construct in undecided:
            for cell in self._undecided(construct):
                construct.decisions.cells[self.trace.birth_of(cell)] = Decision.LOCAL
        if undecided:
            raise Retrace(undecided[0])

    def _undecided(self, construct: Construct) -> list[GradientCell]:
        decided = construct.decisions.cells
        return [
            cell for cell in self._cells.values() if cell.variable is None and self.trace.birth_of(cell) not in decided
        ]

    def carry(self, cell: GradientCell) -> NoReturn:
        """Trace the outermost construct again with this gradient as an IR variable."""
        trace = self.trace
        if not trace.constructs:
            raise StagingError(
                f"`{cell.name}` is used after the loop or branch that computes it: it may or may not be None there",
                loc=caller_loc(),
                hint="use it inside the loop, or call zero_grad() first",
            )
        birth = trace.birth_of(cell)
        for decisions in trace.decisions.values():
            decisions.cells.pop(birth, None)
        outermost = trace.constructs[0]
        outermost.decisions.cells[birth] = Decision.PROMOTE
        raise Retrace(outermost)


def _refuse_hooks(leaf: torch.Tensor) -> None:
    if leaf._backward_hooks or getattr(leaf, "_post_accumulate_grad_hooks", None):
        raise TorchFeatureError(
            "a hook on the gradient of a tensor cannot be staged",
            loc=caller_loc(),
            hint="change `.grad` between backward() and step() instead",
        )


def _nothing() -> None:
    """After a run that began and ended without a gradient."""
