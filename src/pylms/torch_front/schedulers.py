"""Schedulers of the learning rate in staged code: PyTorch's own `step`, called back by the compiled code.

In: a scheduler that is stepped while tracing. Out: IR that calls Python there, where the scheduler changes its
optimiser's groups for real, and that reads the new numbers of the groups afterwards.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from unittest import mock

import torch
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.optimizer import Optimizer

from ..errors import ArgumentError, TorchFeatureError
from ..ir.node import Atom, Const, Sym
from ..ir.ops.buffers import LOAD_ELEMENT
from ..ir.ops.host import HOST_CALL
from ..ir.types import FLOAT, INT, ScalarType
from ..loc import caller_loc, is_called_by_user
from ..staging.exclusive import process_state
from .context import TorchContext
from .parameter_groups import GroupTable

Owns = Callable[[Optimizer], bool]


class SchedulerTable:
    """The schedulers used in one trace."""

    def __init__(self, context: TorchContext, groups: GroupTable, compiled_in: Callable[[Optimizer], object]) -> None:
        """`compiled_in` gives what must stay as it is in an optimiser."""
        self._context = context
        self._groups = groups
        self._compiled_in = compiled_in
        self._last_rates: dict[int, tuple[LRScheduler, torch.Tensor]] = {}

    def note_made(self, scheduler: LRScheduler) -> None:
        """The script makes it."""
        self._groups.renewals.note_made(scheduler, under_control=self._context.is_under_control)

    def step(self, scheduler: LRScheduler, step: Callable[..., object], arguments: Mapping[str, object]) -> None:
        """Have the compiled code call `step(scheduler, **arguments)` here; the arguments are numbers."""
        context, groups = self._context, self._groups.all_of(scheduler.optimizer)
        self._note_change(scheduler)
        atoms = [self._argument(argument) for argument in arguments.values()]
        rates = self._last_rates_of(scheduler)
        memories = [*[numbers.memory for numbers in groups], rates]
        buffers = [context.buffers.capture(memory).symbol for memory in memories]
        loc = caller_loc()

        def run(*values: object) -> None:
            with process_state, torch.no_grad():
                for numbers in groups:
                    numbers.leave()
                settings = self._compiled_in(scheduler.optimizer)
                step(scheduler, **dict(zip(arguments, values, strict=False)))
                if self._compiled_in(scheduler.optimizer) != settings:
                    raise ArgumentError("a scheduler changed a value of its optimiser that is compiled in", loc=loc)
                for numbers in groups:
                    numbers.fill()
                _fill_rates(scheduler, rates)

        callback = context.trace.host_function(run, f"{type(scheduler).__name__}.step")
        mutates = tuple(range(len(atoms), len(atoms) + len(buffers)))
        context.trace.emit(
            HOST_CALL, [*atoms, *buffers], attrs={"callback": callback, "results": (), "mutates": mutates}
        )

    def _note_change(self, scheduler: LRScheduler) -> None:
        self._context.guards.watch(scheduler)
        self._groups.note_change(scheduler.optimizer)
        self._groups.renewals.note_change(scheduler)

    def _argument(self, argument: object) -> Atom:
        if isinstance(argument, torch.Tensor):
            argument = self._context.dispatch(torch.Tensor.item, (argument,), {})
        atom = self._context.trace.try_lift(argument)
        if atom is None or not isinstance(atom.type, ScalarType):
            raise TorchFeatureError("a scheduler's step takes a number here", loc=caller_loc())
        return atom

    def last_rates(self, scheduler: LRScheduler) -> list[object]:
        """What `get_last_lr()` gives at this point of the program."""
        context = self._context
        symbol = self._rates_symbol(self._last_rates_of(scheduler))
        loads = [context.emit(LOAD_ELEMENT, symbol, Const(index, INT)) for index in range(len(scheduler._last_lr))]
        return [context.trace.wrap(context.convert(load, FLOAT)) for load in loads]

    def _rates_symbol(self, rates: torch.Tensor) -> Sym:
        self._context.buffers.give_name(rates, "last_lr")
        return self._context.buffers.capture(rates).symbol

    def _last_rates_of(self, scheduler: LRScheduler) -> torch.Tensor:
        known = self._last_rates.get(id(scheduler))
        if known is None:
            rates = torch.zeros(len(scheduler._last_lr), dtype=torch.float64)
            known = self._last_rates[id(scheduler)] = (scheduler, rates)
            self._context.trace.before_run.append(lambda: _fill_rates(scheduler, rates))
        return known[1]


def _fill_rates(scheduler: LRScheduler, rates: torch.Tensor) -> None:
    for index, rate in enumerate(scheduler._last_lr):
        rates[index] = float(rate)


@contextmanager
def staged_schedulers(table: SchedulerTable, owns: Owns) -> Iterator[None]:
    """While this is open, steps of schedulers of staged optimisers are staged."""
    get_last_rates: Callable[[LRScheduler], object] = LRScheduler.get_last_lr

    def get_last_lr(scheduler: LRScheduler) -> object:
        with torch._C.DisableTorchFunction():
            if not owns(scheduler.optimizer) or not is_called_by_user(sys._getframe()):
                return get_last_rates(scheduler)
            return table.last_rates(scheduler)

    with ExitStack() as stack:
        for kind in _with_subclasses(LRScheduler):
            if "step" in kind.__dict__:
                stack.enter_context(mock.patch.object(kind, "step", _staged_step(table, owns, kind)))
            if "__init__" in kind.__dict__:
                stack.enter_context(mock.patch.object(kind, "__init__", _noting_made(table, kind)))
        stack.enter_context(mock.patch.object(LRScheduler, "get_last_lr", get_last_lr))
        yield


def _staged_step(table: SchedulerTable, owns: Owns, kind: type) -> Callable[..., object]:
    """A scheduler's step. One that is being made takes a step as well, for real."""
    step: Callable[..., object] = kind.__dict__["step"]

    signature = inspect.signature(step)

    def staged(scheduler: LRScheduler, *args: object, **kwargs: object) -> object:
        # Not every version of PyTorch says so, and not every scheduler counts its steps.
        is_being_made = getattr(scheduler, "_is_initial", getattr(scheduler, "_step_count", 1) == 0)
        with torch._C.DisableTorchFunction():
            if is_being_made or not owns(scheduler.optimizer):
                return step(scheduler, *args, **kwargs)
            _, *given = signature.bind(scheduler, *args, **kwargs).arguments.items()
            table.step(scheduler, step, {name: value for name, value in given if value is not None})
            return None

    return staged


def _noting_made(table: SchedulerTable, kind: type) -> Callable[..., None]:
    initialise: Callable[..., None] = kind.__dict__["__init__"]

    def note_made(scheduler: LRScheduler, *args: object, **kwargs: object) -> None:
        table.note_made(scheduler)
        initialise(scheduler, *args, **kwargs)

    return note_made


def _with_subclasses(kind: type) -> list[type]:
    found = [kind]
    subclasses: list[type] = type.__subclasses__(kind)
    for direct in subclasses:
        found.extend(_with_subclasses(direct))
    return found
