"""`torch.save` and `safetensors` in staged code: Python writes what the tensors hold at that point of each run.

In: what is to be saved, as the script puts it together: weights (`model.state_dict()`), the state of an optimiser or a
scheduler, staged numbers and tensors, and whatever is known while staging; and where to. Out: IR that calls it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

import torch
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.optimizer import Optimizer

from ..errors import TorchFeatureError
from ..loc import caller_loc
from .context import TorchContext
from .python_calls import LiveState, stage_call

if TYPE_CHECKING:
    from .optimizers import StagedOptimizers


_WRITING = {
    "torch.serialization": ("save",),
    "safetensors.torch": ("save_file", "save_model"),
}
"""The functions that write tensors to a file, by the name of their module: `safetensors` need not be there."""
_GIVING_BYTES = {"safetensors.torch": ("save",), "_pickle": ("dumps",), "pickle": ("dumps",)}


def saving_in_run(context: TorchContext, function: Callable[..., object]) -> Callable[..., object]:
    """What the compiled code does in place of a function that writes tensors; any other function as it is."""
    module, name = getattr(function, "__module__", None), getattr(function, "__name__", "")

    def save_in_run(*args: object, **kwargs: object) -> object:
        if not context.is_here:
            return function(*args, **kwargs)
        with torch._C.DisableTorchFunction():
            stage_call(context, function, args, kwargs)
        return None

    def refuse(*args: object, **kwargs: object) -> object:
        if not (context.is_here and context.is_under_control):
            return function(*args, **kwargs)
        raise TorchFeatureError(
            f"`{module}.{name}` in a staged loop would give what was there while staging",
            loc=caller_loc(),
            hint="write a file instead: torch.save(obj, path), or safetensors.torch.save_file(tensors, path)",
        )

    if not isinstance(module, str):
        return function
    if name in _WRITING.get(module, ()):
        return save_in_run
    return refuse if name in _GIVING_BYTES.get(module, ()) else function


@contextmanager
def staged_saving(context: TorchContext, optimizers: StagedOptimizers) -> Iterator[None]:
    """While this is open, `torch.save` is staged, and states are known later."""
    optimizer_state: Callable[[Optimizer], Mapping[str, Any]] = Optimizer.state_dict

    def state_of_optimizer(optimizer: Optimizer) -> Mapping[str, Any]:
        if not optimizers.owns(optimizer):
            return optimizer_state(optimizer)
        return LiveState(lambda: optimizers.state_now(optimizer, optimizer_state), optimizers.memories_of(optimizer))

    with ExitStack() as stack:
        # For code that is not virtualised, of which calls are not seen.
        stack.enter_context(mock.patch.object(torch, "save", saving_in_run(context, torch.save)))
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
