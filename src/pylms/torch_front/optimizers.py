"""Optimisers in staged code: `step` by the rules of `update_rules.py`, and `zero_grad` of all.

While a program is traced, `step` and `zero_grad` build IR instead of running. What a run may change of a parameter
group is read anew before each run of the compiled code; state lives in PyTorch's own `optimizer.state`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any
from unittest import mock

import torch
from torch.optim.optimizer import Optimizer, register_optimizer_step_pre_hook

from ..errors import TorchFeatureError
from ..loc import caller_loc
from ..staging.rep import Rep
from .context import TorchContext
from .optimizer_state import ParameterState, State
from .parameter_groups import Group, GroupNumbers, GroupTable, groups_of, running_names, staged_groups
from .schedulers import SchedulerTable, staged_schedulers
from .tensor import StagedTensor
from .update import Update
from .update_rules import UPDATE_RULES, UpdateRule, rule_of


def _compiled_in(optimizer: Optimizer) -> list[tuple[object, ...]]:
    """What is compiled in of an optimiser: settings, and parameters by identity."""
    rule = rule_of(optimizer)
    return [_compiled_in_of_group(rule, group) for group in groups_of(optimizer)] if rule is not None else []


def _compiled_in_of_group(rule: UpdateRule, group: Group) -> tuple[object, ...]:
    running = running_names(group)
    settings = [group.get(name) for name in rule.settings if name not in running]
    return (running, *settings, *map(id, group["params"]))


def _require_plain_settings(group: Group) -> None:
    for name, value in group.items():
        if isinstance(value, (Rep, StagedTensor)):
            raise TorchFeatureError(
                f"`{name}` of an optimiser is computed in staged code, which cannot be staged yet",
                loc=caller_loc(),
                hint="assign it to the group after making the optimiser, or change it between calls",
            )
        if name in ("differentiable", "capturable") and value:
            raise TorchFeatureError(f"`{name}=True` of an optimiser cannot be staged yet", loc=caller_loc())


class StagedOptimizers:
    """The optimisers used in one trace."""

    def __init__(self, context: TorchContext) -> None:
        self._context = context
        self._states: dict[tuple[int, int], ParameterState] = {}
        self.groups = GroupTable(context)
        self.schedulers = SchedulerTable(context, self.groups, _compiled_in)

    def zero_grad(self, parameters: list[torch.Tensor], *, set_to_none: bool) -> None:
        """Clear gradients: staged ones, and those of parameters that are not staged yet for real."""
        for parameter in parameters:
            if not parameter.requires_grad:
                continue
            if self._context.owns(parameter):
                self._context.gradients.clear(parameter, set_to_none=set_to_none)
            elif set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                parameter.grad.zero_()

    def owns(self, optimizer: Optimizer) -> bool:
        """Whether a step of this optimiser is staged."""
        return self._context.is_here and any(
            self._context.owns(parameter) for group in groups_of(optimizer) for parameter in group["params"]
        )

    def begin_step(self, optimizer: Optimizer) -> None:
        """A located error for what a step cannot be staged of."""
        kind = type(optimizer)
        if rule_of(optimizer) is None:
            known = ", ".join(rule_kind.__name__ for rule_kind in UPDATE_RULES)
            raise TorchFeatureError(
                f"`{kind.__module__}.{kind.__name__}` cannot be staged yet",
                loc=caller_loc(),
                hint=f"optimisers of torch.optim that can be: {known}, AdamW",
            )
        if optimizer._optimizer_step_pre_hooks or optimizer._optimizer_step_post_hooks:
            raise TorchFeatureError("an optimiser with step hooks cannot be staged yet", loc=caller_loc())
        for group in groups_of(optimizer):
            _require_plain_settings(group)
        self._context.guards.watch(optimizer)
        self._context.guards.expect(optimizer, "the settings of an optimiser", partial(_compiled_in, optimizer))

    def step_group(self, optimizer: Optimizer, group: Group) -> None:
        """One step for each parameter of a group that has a gradient."""
        rule = rule_of(optimizer)
        assert rule is not None
        index = next(index for index, known in enumerate(groups_of(optimizer)) if known is group)
        numbers = self.groups.of(optimizer, index)
        for parameter in group["params"]:
            if not parameter.requires_grad:
                _require_no_gradient(parameter)
                continue
            found = self._context.gradients.read_possible(parameter)
            if found is not None:
                self._update(rule, optimizer, numbers, parameter, found)

    def _update(
        self,
        rule: UpdateRule,
        optimizer: Optimizer,
        numbers: GroupNumbers,
        parameter: torch.Tensor,
        gradient: tuple[StagedTensor, object],
    ) -> None:
        find_state = partial(self._state, optimizer, parameter)
        with torch.no_grad():
            rule.apply(Update(self._context, numbers, parameter, gradient, find_state))

    def memories_of(self, optimizer: Optimizer) -> list[torch.Tensor]:
        """The tensors that an optimiser's state is in, those of its groups' numbers included."""
        states = [state for (owner, _), state in self._states.items() if owner == id(optimizer)]
        numbers = [numbers.memory for numbers in self.groups.all_of(optimizer)]
        return [*numbers, *[holder for state in states for holder in state.holders]]

    def state_now(
        self, optimizer: Optimizer, state_dict: Callable[[Optimizer], Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        """What `state_dict` gives in the middle of a run."""
        for numbers in self.groups.all_of(optimizer):
            numbers.leave()
        not_begun = {key for key, state in self._states.items() if state.is_not_begun}
        begun = {key: value for key, value in optimizer.state.items() if (id(optimizer), id(key)) not in not_begun}
        with mock.patch.object(optimizer, "state", begun):
            return state_dict(optimizer)

    def _state(self, optimizer: Optimizer, parameter: torch.Tensor, make: Callable[[], State]) -> ParameterState:
        key = id(optimizer), id(parameter)
        state = self._states.get(key)
        if state is None:
            self.groups.note_change(optimizer)
            state = ParameterState(self._context, optimizer, parameter, make)
            self._states[key] = state
        return state


def _require_no_gradient(parameter: torch.Tensor) -> None:
    """PyTorch goes on moving a frozen parameter while it has the gradient of before."""
    if parameter.grad is not None:
        raise TorchFeatureError(
            "an optimiser's parameter requires no gradient any more, but still has one",
            loc=caller_loc(),
            hint="set its `.grad` to None when freezing it",
        )


@contextmanager
def staged_optimizers(context: TorchContext, staged: StagedOptimizers) -> Iterator[None]:
    """While this is open, optimisers build IR. What cannot be staged raises `TorchFeatureError` with its name."""
    initialise: Callable[..., None] = Optimizer.__init__
    zero_for_real: Callable[..., None] = Optimizer.zero_grad
    zero_module_for_real: Callable[..., None] = torch.nn.Module.zero_grad

    def note_made(optimizer: Optimizer, *args: object, **kwargs: object) -> None:
        staged.groups.renewals.note_made(optimizer, under_control=context.is_under_control)
        initialise(optimizer, *args, **kwargs)

    def before_step(optimizer: Optimizer, _args: tuple[object, ...], _kwargs: dict[str, object]) -> None:
        """PyTorch calls this first in every step of every optimiser."""
        with torch._C.DisableTorchFunction():
            if staged.owns(optimizer):
                staged.begin_step(optimizer)

    def zero_grad(optimizer: Optimizer, set_to_none: bool = True) -> None:
        if not context.is_here:
            zero_for_real(optimizer, set_to_none)
            return
        parameters = [parameter for group in groups_of(optimizer) for parameter in group["params"]]
        with torch._C.DisableTorchFunction():
            staged.zero_grad(parameters, set_to_none=set_to_none)

    def zero_grad_of_module(module: torch.nn.Module, set_to_none: bool = True) -> None:
        if not context.is_here:
            zero_module_for_real(module, set_to_none)
            return
        with torch._C.DisableTorchFunction():
            staged.zero_grad(list(module.parameters()), set_to_none=set_to_none)

    with ExitStack() as stack:
        stack.callback(register_optimizer_step_pre_hook(before_step).remove)
        for kind in UPDATE_RULES:
            stack.enter_context(mock.patch.object(kind, "_init_group", _collecting(staged, kind)))
        stack.enter_context(mock.patch.object(Optimizer, "__init__", note_made))
        stack.enter_context(mock.patch.object(Optimizer, "zero_grad", zero_grad))
        stack.enter_context(mock.patch.object(torch.nn.Module, "zero_grad", zero_grad_of_module))
        stack.enter_context(staged_groups(staged.groups, staged.owns))
        stack.enter_context(staged_schedulers(staged.schedulers, staged.owns))
        yield


def _collecting(staged: StagedOptimizers, kind: type[Optimizer]) -> Callable[..., object]:
    """What PyTorch's step asks for what it works on in a group: nothing where that is staged, which happens then.

    A closure given to the step has run by now.
    """
    collect_for_real: Callable[..., object] = vars(kind)["_init_group"]

    def collect(optimizer: Optimizer, group: Group, *lists: object, **named: object) -> object:
        with torch._C.DisableTorchFunction():
            if not staged.owns(optimizer):
                return collect_for_real(optimizer, group, *lists, **named)
            staged.step_group(optimizer, group)
            return (False, False) if kind is torch.optim.Adagrad else False

    return collect
