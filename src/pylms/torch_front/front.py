"""`TorchFront`: how staging sees PyTorch (the `Front` of `@stageTensor`)."""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager

import torch

from ..errors import StagingError
from ..ir.node import Atom, Sym
from ..ir.types import TensorType
from ..loc import caller_loc
from ..staging.cells import Cell
from ..staging.context import Trace
from ..staging.exclusive import process_state
from ..staging.values import Deferred, LoopPlan, MadeAnew, TriedPlan
from ..staging.variables import Variable
from .arguments import argument_of, is_argument
from .batch_sources import source_of
from .batches import Batches
from .checkpoints import saving_in_run, staged_saving
from .constructors import made_by_function
from .content import ContentCell, Home
from .context import TorchContext
from .loaders import LoaderTable, staged_loaders
from .mode import call_torch, dispatch, torch_functions
from .modules import staged_modules
from .optimizers import StagedOptimizers, staged_optimizers
from .parameter_groups import StagedGroup
from .progress import ProgressPlan, iterable_behind, staged_progress
from .rounds import RoundsPlan
from .tensor import StagedTensor


class TorchFront:
    """Tensors, data loaders and the state of PyTorch, for one trace."""

    makes_arrays = False

    def __init__(self) -> None:
        self._context: TorchContext | None = None
        self._loaders: LoaderTable | None = None
        self._optimizers: StagedOptimizers | None = None
        self._homes: dict[Variable, Home] = {}

    @contextmanager
    def session(self, trace: Trace) -> Iterator[None]:
        """PyTorch builds IR while this is open."""
        context = self._context = TorchContext(trace, dispatch, call_torch)
        self._loaders = LoaderTable(context)
        self._optimizers = StagedOptimizers(context)
        context.guards.expect(context, "anomaly detection", torch.is_anomaly_enabled)
        with self.resumed(trace):
            try:
                yield
            finally:
                context.modes.restore()
                context.guards.restore()

    @contextmanager
    def resumed(self, trace: Trace) -> Iterator[None]:
        """The same, with what is known already."""
        context, optimizers = self.context, self._optimizers
        assert optimizers is not None
        with (
            process_state,
            staged_optimizers(context, optimizers),
            staged_saving(context, optimizers),
            staged_progress(context),
            staged_modules(context),
            staged_loaders(context),
            torch_functions(context),
        ):
            yield

    def moment(self, trace: Trace) -> Callable[[], None]:
        """Whether gradients are wanted, and which modules train."""
        is_grad_enabled, restore_modes = torch.is_grad_enabled(), self.context.modes.moment()

        def bring_back() -> None:
            with torch._C.DisableTorchFunction():
                torch.set_grad_enabled(is_grad_enabled)
            restore_modes()

        return bring_back

    @property
    def context(self) -> TorchContext:
        """What the trace knows of PyTorch; there while the session is open."""
        assert self._context is not None
        return self._context

    def atom_of(self, trace: Trace, value: object) -> Atom | None:
        """Staged tensors, and the content of real ones at this point."""
        with torch._C.DisableTorchFunction():
            return self.context.atom(value) if isinstance(value, torch.Tensor) else None

    def is_staged(self, value: object) -> bool:
        return isinstance(value, StagedTensor)

    def modes(self) -> Hashable:
        return torch.is_grad_enabled(), self.context.modes.flags()

    def content_of(self, value: object) -> object:
        """A parameter's content, or that of any tensor under staged control."""
        if isinstance(value, StagedTensor) or not isinstance(value, torch.Tensor):
            return value
        with torch._C.DisableTorchFunction():
            context = self.context
            return StagedTensor(context.without_gradient(value), context) if context.owns(value) else value

    def keeps_changes(self, value: object) -> bool:
        return isinstance(value, (torch.Tensor, torch.nn.Module, StagedGroup))

    def value_of(self, trace: Trace, atom: Atom) -> object:
        assert isinstance(atom.type, TensorType)
        with torch._C.DisableTorchFunction():
            return StagedTensor(atom, self.context, tracks_gradient=atom.type.dtype.is_float)

    def argument(self, trace: Trace, atom: Atom, *, requires_grad: bool) -> object:
        assert isinstance(atom, Sym)
        with torch._C.DisableTorchFunction():
            return argument_of(self.context, atom, requires_grad=requires_grad)

    def held(self, cell: Cell, value: object) -> object:
        home = self._home_of(cell)
        if home is not None and isinstance(value, StagedTensor):
            value.content.live_in(home)
        return value

    def hold(self, cell: Cell, value: object) -> None:
        home = self._home_of(cell)
        if home is None or home.is_changing:
            return
        home.note_assignment(self.context.trace, is_memory=_is_memory(value))
        if isinstance(value, StagedTensor):
            value.content.live_in(home)

    def _home_of(self, cell: Cell) -> Home | None:
        """The home that a program's variable is; what a single tensor has in it has none."""
        if isinstance(cell, ContentCell) or cell.variable is None:
            return None
        home = self._homes.get(cell.variable)
        if home is None:
            home = Home(cell, cell.variable, _is_memory(cell.value))
            self._homes[cell.variable] = home
            if isinstance(cell.value, StagedTensor):
                cell.value.content.live_in(home)
        return home

    def loop_plan(self, trace: Trace, iterable: object) -> LoopPlan | None:
        behind = iterable_behind(iterable)
        if behind is not None:
            plan = self.loop_plan(trace, behind)
            return None if plan is None else ProgressPlan(self.context, iterable, plan)
        if self._loaders is None or not isinstance(iterable, torch.utils.data.DataLoader):
            return None
        with torch._C.DisableTorchFunction():
            return self._loaders.plan(iterable)

    def stand_in(self, function: Callable[..., object]) -> Callable[..., object]:
        return saving_in_run(self.context, made_by_function(function))

    def tried_plan(self, trace: Trace, iterable: object) -> TriedPlan | None:
        """For lists of batches, and what the user's code makes batches with."""
        behind = iterable_behind(iterable)
        if behind is not None:
            plan = self.tried_plan(trace, behind)
            return None if plan is None else ProgressPlan(self.context, iterable, plan, plan.first)
        with torch._C.DisableTorchFunction():
            source = source_of(trace, iterable)
            if source is None:
                return None
            return RoundsPlan(self.context, Batches(source, trace.options.shape_limit), owns_batches=False)

    def snapshot(self, trace: Trace) -> Callable[[], None]:
        """Tracing may run modules' initialisation twice, and must draw the same numbers."""
        torch_state, python_state = torch.random.get_rng_state(), random.getstate()

        def restore() -> None:
            with torch._C.DisableTorchFunction():
                torch.random.set_rng_state(torch_state)
            random.setstate(python_state)

        return restore

    def finish(self, trace: Trace, result: object) -> object:
        """Tensors in the result come back as real tensors, copied out of memory that the run fills."""
        if self._loaders is not None:
            self._loaders.check()
        with torch._C.DisableTorchFunction():
            self.context.gradients.finish()
            self._finish_guards(trace)
            return self._finished(result)

    def _finish_guards(self, trace: Trace) -> None:
        guards = self.context.guards
        if self.context.buffers.writes_what_was_made_while_staging():
            guards.note_made_anew("a tensor that it changes")
        assert self._optimizers is not None
        trace.before_run[:0] = [guards.check, *self._optimizers.groups.renewals.finish()]
        self.context.modes.finish()

    def _finished(self, result: object) -> object:
        if isinstance(result, tuple):
            items = [self._finished(item) for item in result]
            make: Callable[[list[object]], object] = getattr(type(result), "_make", tuple)
            return make(items)
        if isinstance(result, StagedTensor):
            memory = torch.empty(tuple(result.shape), dtype=result.dtype)
            self.context.buffers.store(memory, self.context.atom(result))
            return Deferred(memory.clone)
        if isinstance(result, torch.Tensor):
            return Deferred(lambda: result)
        if isinstance(result, (list, dict)) and _holds_staged(result):
            values: Iterable[object] = result.values() if isinstance(result, dict) else result
            return MadeAnew.like(result, [self._finished(item) for item in values])
        if isinstance(result, set) and _holds_staged(result):
            raise StagingError(
                "a staged function cannot return a set of staged values",
                loc=caller_loc(),
                hint="return them in a tuple or a list",
            )
        return result


def _is_memory(value: object) -> bool:
    return isinstance(value, torch.Tensor) and (
        not isinstance(value, StagedTensor) or is_argument(value) or value.is_borrowed
    )


def _holds_staged(value: list[object] | dict[object, object] | set[object]) -> bool:
    items = value.values() if isinstance(value, dict) else value
    return any(isinstance(item, StagedTensor) for item in items)
