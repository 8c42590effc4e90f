"""Optimisers in staged code: `torch.optim.SGD`, and `zero_grad` of all.

While a program is traced, `step` and `zero_grad` build IR instead of running. The learning rate is read anew before
each run of the compiled code; momentum lives in PyTorch's own `optimizer.state`, so PyTorch can go on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn
from unittest import mock

import torch
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.optimizer import Optimizer, register_optimizer_step_pre_hook

from ..errors import ArgumentError, TorchFeatureError
from ..ir.node import Atom, Const
from ..ir.ops.arithmetic import ADD, CONVERT, EQ, MUL, NEG, SELECT, SUB
from ..ir.ops.buffers import LOAD_ELEMENT, STORE_ELEMENT
from ..ir.ops.tensors import BROADCAST
from ..ir.types import INT, INT64, TensorType
from ..loc import caller_loc
from ..staging.rep import Rep
from .context import TorchContext
from .tensor import StagedTensor

Group = dict[str, Any]
_CHANGE_BETWEEN_CALLS = "change it between calls of the staged function"


@dataclass(frozen=True)
class _Settings:
    """The hyperparameters of a group that are compiled in."""

    momentum: float
    dampening: float
    weight_decay: float
    nesterov: bool
    maximize: bool


def _groups_of(optimizer: Optimizer) -> list[tuple[object, ...]]:
    """What is compiled in of an optimiser: settings, and parameters by identity."""
    groups = optimizer.param_groups
    return [(_settings(group), *map(id, group["params"])) if "momentum" in group else () for group in groups]


def _settings(group: Group) -> _Settings:
    return _Settings(
        float(group["momentum"]),
        float(group["dampening"]),
        float(group["weight_decay"]),
        bool(group["nesterov"]),
        bool(group.get("maximize", False)),
    )


def _require_plain_settings(group: Group) -> None:
    for name, value in group.items():
        if isinstance(value, (Rep, StagedTensor)):
            raise TorchFeatureError(
                f"`{name}` of an optimiser is computed in staged code, which cannot be staged yet",
                loc=caller_loc(),
                hint=_CHANGE_BETWEEN_CALLS,
            )


class StagedOptimizers:
    """The optimisers used in one trace."""

    def __init__(self, context: TorchContext) -> None:
        self._context = context
        self._rates: dict[int, _Rate] = {}
        self._momenta: dict[int, _Momentum] = {}
        self.made_while_staging: list[Optimizer] = []

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
            self._context.owns(parameter) for group in optimizer.param_groups for parameter in group["params"]
        )

    def step_sgd(self, optimizer: Optimizer) -> None:
        """One step of `torch.optim.SGD`: for each parameter that has a gradient, PyTorch's own update rule."""
        if optimizer._optimizer_step_pre_hooks or optimizer._optimizer_step_post_hooks:
            raise TorchFeatureError("an optimiser with step hooks cannot be staged yet", loc=caller_loc())
        for group in optimizer.param_groups:
            _require_plain_settings(group)
            if group.get("differentiable"):
                raise TorchFeatureError("`differentiable=True` of SGD cannot be staged yet", loc=caller_loc())
            for parameter in group["params"]:
                found = self._context.gradients.read_possible(parameter) if parameter.requires_grad else None
                if found is not None:
                    self._update(optimizer, group, parameter, *found)

    def check(self) -> None:
        """A located error if staged code changed a learning rate: it would have changed once, while tracing."""
        for rate in self._rates.values():
            rate.check_unchanged()

    def _update(
        self, optimizer: Optimizer, group: Group, parameter: torch.Tensor, gradient: StagedTensor, presence: object
    ) -> None:
        """`presence`: whether there is a gradient; zeros stand for it where there is none."""
        context, settings = self._context, _settings(group)
        # Zeros move nothing by themselves; momentum and decay do.
        choice = _Choice(context, presence if settings.momentum or settings.weight_decay else True)
        rate = self._rate(group)
        type_ = context.type_of(parameter)
        value, slope = context.atom(parameter), gradient.atom
        if settings.maximize:
            slope = context.emit(NEG, slope)
        if settings.weight_decay:
            slope = context.emit(ADD, slope, _times(context, value, settings.weight_decay))
        if settings.momentum:
            average = self._momentum(optimizer, parameter, settings).advance(context, slope, settings, choice)
            nesterov = settings.nesterov
            slope = context.emit(ADD, slope, _times(context, average, settings.momentum)) if nesterov else average
        scaled = context.emit(MUL, rate.tensor(context, type_), slope)
        context.buffers.store(parameter, choice.of(context.emit(SUB, value, scaled), value))

    def _rate(self, group: Group) -> _Rate:
        rate = self._rates.get(id(group))
        if rate is None:
            rate = _Rate(group)
            self._rates[id(group)] = rate
            self._context.trace.before_run.append(rate.refresh)
        rate.check_unchanged()
        return rate

    def _momentum(self, optimizer: Optimizer, parameter: torch.Tensor, settings: _Settings) -> _Momentum:
        momentum = self._momenta.get(id(parameter))
        if momentum is None:
            if any(optimizer is made for made in self.made_while_staging):
                self._context.guards.note_made_anew("an optimiser with momentum")
            momentum = _Momentum(optimizer, parameter, has_flag=settings.dampening != 0)
            self._momenta[id(parameter)] = momentum
            self._context.trace.before_run.append(momentum.prepare)
            self._context.trace.after_run.append(momentum.finish)
        return momentum


class _Choice:
    """Between what a step makes and what was before, for a parameter that may have no gradient."""

    def __init__(self, context: TorchContext, presence: object) -> None:
        self._context = context
        self._presence = None if presence is True else context.trace.lift(presence)

    def of(self, new: Atom, old: Atom) -> Atom:
        """Scalars, or tensors of one type."""
        condition = self._presence
        if condition is None:
            return new
        if isinstance(new.type, TensorType):
            condition = self._context.emit(BROADCAST, condition, shape=new.type.shape, axes=())
        return self._context.emit(SELECT, condition, new, old)


class _Rate:
    """The learning rate of a group, as memory that is filled before each run."""

    def __init__(self, group: Group) -> None:
        self._group = group
        self._traced_rate = group["lr"]
        self._traced_value = float(group["lr"])
        self._loc = caller_loc()
        self._memory = torch.zeros(1, dtype=torch.float64)

    def tensor(self, context: TorchContext, type_: TensorType) -> Atom:
        """The rate spread over a tensor type."""
        context.buffers.give_name(self._memory, "lr")
        symbol = context.buffers.capture(self._memory).symbol
        number: Atom = context.emit(LOAD_ELEMENT, symbol, Const(0, INT))
        if type_.dtype != number.type:
            number = context.emit(CONVERT, number, dtype=type_.dtype)
        return context.emit(BROADCAST, number, shape=type_.shape, axes=())

    def check_unchanged(self) -> None:
        """A located error if the rate is not what it was when staged code first used it."""
        if isinstance(self._group["lr"], Rep) or float(self._group["lr"]) != self._traced_value:
            # The user's own assignment ran, once; the error must leave things as they were.
            self._group["lr"] = self._traced_rate
            raise TorchFeatureError(
                "the learning rate is changed between steps in staged code, which cannot be staged yet",
                loc=self._loc,
                hint=_CHANGE_BETWEEN_CALLS,
            )

    def refresh(self) -> None:
        """Before each run: the rate of now."""
        self._memory[0] = float(self._group["lr"])


class _Momentum:
    """The running average of a parameter's gradients, in `optimizer.state`.

    PyTorch starts it with the first gradient undamped. Zeros give the same where there is no damping; with damping, a
    flag in memory tells whether the first step has been.
    """

    def __init__(self, optimizer: Optimizer, parameter: torch.Tensor, *, has_flag: bool) -> None:
        self._optimizer = optimizer
        self._parameter = parameter
        self._shape_holder = torch.empty_like(parameter, memory_format=torch.contiguous_format)
        self._flag = torch.zeros(1, dtype=torch.int64) if has_flag else None
        self._is_new = True

    def prepare(self) -> None:
        """Before each run: make the state where PyTorch has none yet."""
        state = self._optimizer.state[self._parameter]
        self._is_new = state.get("momentum_buffer") is None
        if self._is_new:
            state["momentum_buffer"] = torch.zeros_like(self._shape_holder)
        if self._flag is not None:
            self._flag[0] = not self._is_new

    def finish(self) -> None:
        """After each run: no state where there was no step, as PyTorch begins damping after the first."""
        if self._is_new and self._flag is not None and not self._flag[0]:
            del self._optimizer.state[self._parameter]["momentum_buffer"]

    def _address(self) -> int:
        memory = self._optimizer.state[self._parameter]["momentum_buffer"]
        if memory.shape != self._parameter.shape or memory.dtype != self._parameter.dtype or not memory.is_contiguous():
            raise ArgumentError("the momentum of a parameter no longer has the parameter's shape and dtype")
        return int(memory.data_ptr())

    def advance(self, context: TorchContext, slope: Atom, settings: _Settings, choice: _Choice) -> Atom:
        """Take in a gradient; the new average."""
        # The holder stands for the state's memory, which may be another tensor at every run.
        context.buffers.capture(self._shape_holder, address=self._address)
        before = context.buffers.load(self._shape_holder)
        taken = _times(context, slope, 1 - settings.dampening) if settings.dampening else slope
        after = context.emit(ADD, _times(context, before, settings.momentum), taken)
        if self._flag is not None:
            flag = context.buffers.capture(self._flag).symbol
            zero = Const(0, INT)
            steps = context.emit(LOAD_ELEMENT, flag, zero)
            is_first = context.emit(EQ, steps, Const(0, INT64))
            after = context.emit(SELECT, is_first, slope, after)
            context.trace.emit(STORE_ELEMENT, [flag, choice.of(Const(1, INT64), steps), zero])
        context.buffers.store(self._shape_holder, choice.of(after, before))
        return after


def _times(context: TorchContext, atom: Atom, factor: float) -> Atom:
    assert isinstance(atom.type, TensorType)
    return context.emit(MUL, atom, context.full(factor, atom.type))


@contextmanager
def staged_optimizers(context: TorchContext) -> Iterator[StagedOptimizers]:
    """While this is open, optimisers build IR. What cannot be staged raises `TorchFeatureError` with its name."""
    staged = StagedOptimizers(context)
    collect_for_real: Callable[..., object] = torch.optim.SGD._init_group
    initialise: Callable[..., None] = Optimizer.__init__

    zero_for_real: Callable[..., None] = Optimizer.zero_grad
    zero_module_for_real: Callable[..., None] = torch.nn.Module.zero_grad

    def note_made(optimizer: Optimizer, *args: object, **kwargs: object) -> None:
        staged.made_while_staging.append(optimizer)
        initialise(optimizer, *args, **kwargs)

    def before_step(optimizer: Optimizer, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
        """PyTorch calls this first in every step of every optimiser."""
        with torch._C.DisableTorchFunction():
            if staged.owns(optimizer):
                context.guards.watch(optimizer)
                context.guards.expect(optimizer, "the settings of an optimiser", partial(_groups_of, optimizer))
                _require_plain_sgd(optimizer, (*args, *kwargs.values()))
                staged.step_sgd(optimizer)

    def collect(optimizer: Optimizer, *args: object, **kwargs: object) -> object:
        """What PyTorch's step works on: nothing, where the step was staged."""
        with torch._C.DisableTorchFunction():
            return False if staged.owns(optimizer) else collect_for_real(optimizer, *args, **kwargs)

    def zero_grad(optimizer: Optimizer, set_to_none: bool = True) -> None:
        if not context.is_here:
            zero_for_real(optimizer, set_to_none)
            return
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
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
        stack.enter_context(mock.patch.object(torch.optim.SGD, "_init_group", collect))
        stack.enter_context(mock.patch.object(Optimizer, "__init__", note_made))
        stack.enter_context(mock.patch.object(Optimizer, "zero_grad", zero_grad))
        stack.enter_context(mock.patch.object(torch.nn.Module, "zero_grad", zero_grad_of_module))
        for kind in _with_subclasses(LRScheduler):
            if "step" in kind.__dict__:
                stack.enter_context(mock.patch.object(kind, "step", _checked_scheduler_step(staged, kind)))
        yield staged


def _require_plain_sgd(optimizer: Optimizer, arguments: tuple[object, ...]) -> None:
    kind = type(optimizer)
    definer = next(base for base in kind.__mro__ if "step" in base.__dict__)
    if definer is not torch.optim.SGD:
        _refuse(kind, "torch.optim.SGD is the optimiser that can be")
    if any(argument is not None and argument is not optimizer for argument in arguments):
        raise TorchFeatureError("step(closure) cannot be staged yet", loc=caller_loc(), hint="call step()")


def _with_subclasses(kind: type) -> list[type]:
    found = [kind]
    subclasses: list[type] = type.__subclasses__(kind)
    for direct in subclasses:
        found.extend(_with_subclasses(direct))
    return found


def _checked_scheduler_step(staged: StagedOptimizers, kind: type) -> Callable[..., object]:
    """The scheduler's step, refused where its optimiser is staged. A scheduler that is being made takes one as well."""
    step: Callable[..., object] = kind.__dict__["step"]

    def checked(scheduler: LRScheduler, *args: object, **kwargs: object) -> object:
        with torch._C.DisableTorchFunction():
            if staged.owns(scheduler.optimizer) and scheduler._step_count > 0:
                _refuse(type(scheduler), "change the learning rate between calls of the staged function")
        return step(scheduler, *args, **kwargs)

    return checked


def _refuse(kind: type, hint: str) -> NoReturn:
    raise TorchFeatureError(f"`{kind.__module__}.{kind.__name__}` cannot be staged yet", loc=caller_loc(), hint=hint)
