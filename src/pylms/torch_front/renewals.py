"""Optimisers and schedulers that a script makes at each call, and changes: each run begins with them as they were made.

In: such an object, while tracing. Out: what to do before each run, so that the one that tracing made stands for a new
one. In a staged loop none is made in each round: what would change it there is refused.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.optimizer import Optimizer

from ..errors import TorchFeatureError
from ..loc import caller_loc


class Renewals:
    """The objects of one trace that runs make anew."""

    def __init__(self, was_made: Callable[[torch.Tensor], bool]) -> None:
        """`was_made`: whether a tensor was made while tracing, so that it stands for one that each run makes."""
        self._was_made = was_made
        self._made: dict[int, Optimizer | LRScheduler] = {}
        self._made_once: set[int] = set()
        self._changed: dict[int, Optimizer | LRScheduler] = {}

    def note_made(self, value: Optimizer | LRScheduler, *, under_control: bool) -> None:
        """The script has just made it, in a staged loop or branch if `under_control`."""
        self._made[id(value)] = value
        if under_control:
            self._made_once.add(id(value))

    def note_change(self, value: Optimizer | LRScheduler) -> None:
        """Runs change what is in it."""
        if id(value) in self._made_once:
            raise TorchFeatureError(
                f"an object `{type(value).__name__}` that is made inside a staged loop or branch changes: it is made "
                "once, while staging, and not in each round",
                loc=caller_loc(),
                hint="make it before the loop, or make the loop's body a staged function that is called in each round",
            )
        if id(value) in self._made:
            self._changed[id(value)] = value

    def finish(self) -> list[Callable[[], None]]:
        """At the end of the trace, when all are as runs begin with them: what to do before each."""
        return [
            self._optimizer_renewal(value) if isinstance(value, Optimizer) else self._scheduler_renewal(value)
            for value in self._changed.values()
        ]

    def _optimizer_renewal(self, optimizer: Optimizer) -> Callable[[], None]:
        groups: list[dict[str, Any]] = vars(optimizer)["param_groups"]
        saved = list(map(self._copied, groups))
        states = {parameter: self._copied(state) for parameter, state in optimizer.state.items()}

        def renew() -> None:
            vars(optimizer)["param_groups"] = groups
            optimizer.state.clear()
            optimizer.state.update({parameter: self._copied(state) for parameter, state in states.items()})
            for group, values in zip(groups, saved, strict=True):
                group.clear()
                group.update(self._copied(values))

        return renew

    def _scheduler_renewal(self, scheduler: LRScheduler) -> Callable[[], None]:
        saved = self._copied(vars(scheduler))

        def renew() -> None:
            vars(scheduler).clear()
            vars(scheduler).update(self._copied(saved))

        return renew

    def _copied(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The same values; those that the script made have a content of their own, where it may be changed."""
        return {name: self._copied_value(value) for name, value in values.items()}

    def _copied_value(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return value.clone() if self._was_made(value) else value
        return copy.copy(value) if isinstance(value, (list, dict)) else value
