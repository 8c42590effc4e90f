"""`torch.save` in staged code: Python writes what the tensors hold at that point of each run.

In: what is to be saved, as the script puts it together: weights (`model.state_dict()`), the state of an optimiser or a
scheduler, staged numbers and tensors, and whatever is known while staging; and where to. Out: IR that calls it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn
from unittest import mock

import torch
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.optimizer import Optimizer

from ..errors import StagingError, TorchFeatureError
from ..ir.node import Atom
from ..ir.ops.host import HOST_CALL
from ..ir.types import ScalarType, TextType
from ..loc import caller_loc
from ..staging.rep import StagedValue
from .context import TorchContext
from .tensor import StagedTensor

if TYPE_CHECKING:
    from .optimizers import StagedOptimizers


class LiveState(dict[str, Any]):
    """What `state_dict()` of an optimiser or a scheduler gives in staged code: known when it is saved.

    `make` gives it then; `reads` are the tensors that it is in.
    """

    def __init__(self, make: Callable[[], Mapping[str, Any]], reads: list[torch.Tensor]) -> None:
        super().__init__()
        self.make = make
        self.reads = reads

    def _refuse(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise StagingError(
            "the state of an optimiser or a scheduler is known only when the compiled code runs",
            loc=caller_loc(),
            hint="save it whole with torch.save(), or look into it after calling the staged function",
        )

    __getitem__ = __setitem__ = __iter__ = keys = values = items = get = pop = copy = _refuse


@dataclass(frozen=True, slots=True)
class _Given:
    """A place for the argument of that number, with which the compiled code calls."""

    number: int


@dataclass
class _Content:
    """What is saved, with its staged parts taken out: numbers and strings to pass, and tensors to read."""

    context: TorchContext
    passed: list[Atom] = field(default_factory=list)
    read: list[torch.Tensor] = field(default_factory=list)

    def template(self, value: Any) -> Any:
        """The value with places for what only the run knows."""
        if isinstance(value, LiveState):
            self.read.extend(value.reads)
            return value
        if isinstance(value, StagedTensor):
            memory = torch.zeros(tuple(value.shape), dtype=value.dtype)
            self.context.buffers.store(memory, self.context.without_gradient(value))
            self.read.append(memory)
            return memory
        if isinstance(value, torch.Tensor):
            self.read.append(value)
            return value
        if isinstance(value, StagedValue):
            return self._given(value)
        if isinstance(value, torch.nn.Module):
            self.read.extend([*value.parameters(), *value.buffers()])
            return value
        if isinstance(value, dict):
            return _filled(value, {key: self.template(item) for key, item in value.items()})
        if isinstance(value, (list, tuple)):
            return _sequence(value, [self.template(item) for item in value])
        return value

    def _given(self, value: object) -> _Given:
        atom = self.context.trace.lift(value)
        if not isinstance(atom.type, (ScalarType, TextType)):
            raise TorchFeatureError(
                f"a staged {atom.type} cannot be saved yet", loc=caller_loc(), hint="save numbers, strings and tensors"
            )
        self.passed.append(atom)
        return _Given(len(self.passed) - 1)


def _sequence(old: list[Any] | tuple[Any, ...], items: list[Any]) -> Any:
    if isinstance(old, list):
        return items
    return old._make(items) if hasattr(old, "_make") else tuple(items)


def _filled(old: dict[Any, Any], items: dict[Any, Any]) -> dict[Any, Any]:
    """A dict with other items; that of a module's state keeps its order's class and its metadata."""
    if not isinstance(old, OrderedDict):
        return items
    new: OrderedDict[Any, Any] = OrderedDict(items)
    vars(new).update(vars(old))
    return new


def _resolved(value: Any, given: tuple[object, ...]) -> Any:
    """The content of a run."""
    if isinstance(value, LiveState):
        return value.make()
    if isinstance(value, _Given):
        return given[value.number]
    if isinstance(value, dict):
        return _filled(value, {key: _resolved(item, given) for key, item in value.items()})
    if isinstance(value, (list, tuple)):
        return _sequence(value, [_resolved(item, given) for item in value])
    return value


@contextmanager
def staged_saving(context: TorchContext, optimizers: StagedOptimizers) -> Iterator[None]:
    """While this is open, `torch.save` is staged, and states are known later."""
    save: Callable[..., None] = torch.save
    optimizer_state: Callable[[Optimizer], Mapping[str, Any]] = Optimizer.state_dict

    def save_in_run(obj: object, f: object, *args: object, **kwargs: object) -> None:
        if not context.is_here:
            save(obj, f, *args, **kwargs)
            return
        with torch._C.DisableTorchFunction():
            _stage_save(context, save, obj, f, args, kwargs)

    def state_of_optimizer(optimizer: Optimizer) -> Mapping[str, Any]:
        if not optimizers.owns(optimizer):
            return optimizer_state(optimizer)
        return LiveState(lambda: optimizers.state_now(optimizer, optimizer_state), optimizers.memories_of(optimizer))

    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(torch, "save", save_in_run))
        stack.enter_context(mock.patch.object(Optimizer, "state_dict", state_of_optimizer))
        state_of_scheduler = _scheduler_state(optimizers, LRScheduler.state_dict)
        stack.enter_context(mock.patch.object(LRScheduler, "state_dict", state_of_scheduler))
        yield


def _scheduler_state(
    optimizers: StagedOptimizers, state: Callable[[LRScheduler], Mapping[str, Any]]
) -> Callable[[LRScheduler], Mapping[str, Any]]:
    def state_of_scheduler(scheduler: LRScheduler) -> Mapping[str, Any]:
        if not optimizers.owns(scheduler.optimizer):
            return state(scheduler)
        return LiveState(lambda: state(scheduler), [])

    return state_of_scheduler


def _stage_save(
    context: TorchContext,
    save: Callable[..., None],
    obj: object,
    file: object,
    args: tuple[object, ...],
    kwargs: Mapping[str, object],
) -> None:
    content = _Content(context)
    template = content.template((obj, file))
    passed = len(content.passed)

    def write(*values: object) -> None:
        found, target = _resolved(template, values[:passed])
        save(found, target, *args, **kwargs)

    buffers = [context.buffers.capture(tensor).symbol for tensor in content.read]
    attrs = {"callback": context.trace.host_function(write, "save"), "results": (), "mutates": ()}
    context.trace.emit(HOST_CALL, [*content.passed, *dict.fromkeys(buffers)], attrs=attrs)  # type: ignore[arg-type]
