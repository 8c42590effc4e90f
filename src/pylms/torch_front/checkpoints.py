"""`torch.save` in staged code: Python writes what the tensors hold at that point of each run.

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

from .context import TorchContext
from .python_calls import LiveState, stage_call

if TYPE_CHECKING:
    from .optimizers import StagedOptimizers


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
            stage_call(context, save, (obj, f, *args), kwargs)

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
