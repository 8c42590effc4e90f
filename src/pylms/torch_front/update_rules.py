"""The update rules of PyTorch's optimisers, operation by operation as its loops over single tensors compute them.

Sources: torch.optim of PyTorch 2; Kingma and Ba, 2015 (Adam); Loshchilov and Hutter, 2019 (AdamW); Reddi et al., 2018
(AMSGrad); Duchi et al., 2011 (Adagrad); Tieleman and Hinton, 2012 (RMSprop). Numbers are computed in float64 as Python
does, tensors in their own dtype. Results differ from PyTorch's by no more than the last bits of an operation, where one
of the two compilers fuses a product and a sum and the other does not.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.optim.optimizer import Optimizer

from ..staging.rep import Rep
from .tensor import StagedTensor
from .update import Number, Update


@dataclass(frozen=True, slots=True)
class UpdateRule:
    """An optimiser's step for one parameter, and the values of a group that it compiles in unless they run."""

    apply: Callable[[Update], None]
    settings: tuple[str, ...]


def _sgd(update: Update) -> None:
    decay = update.setting("weight_decay")
    momentum, rate = update.factor(update.number("momentum")), update.factor(update.number("lr"))
    gradient, value = update.gradient, update.value
    if decay:
        gradient = gradient + value * decay
    if _is_zero(momentum):
        if not decay:
            update.ignore_absence()
        update.move(value - gradient * rate)
        return
    dampening = update.setting("dampening")
    update.begin_state(momentum_buffer=0.0)
    average = update.read("momentum_buffer") * momentum + _times(gradient, 1 - dampening)
    if dampening:
        average = update.first_or(gradient, average)
    else:
        update.note_step()
    update.keep("momentum_buffer", average)
    update.move(value - (gradient + average * momentum if update.setting("nesterov") else average) * rate)


def _adam(update: Update) -> None:
    """Adam and AdamW."""
    decay, (beta1, beta2), rate = update.setting("weight_decay"), update.pair("betas"), update.number("lr")
    has_maximum = bool(update.setting("amsgrad"))
    update.begin_state(step=0.0, exp_avg=0.0, exp_avg_sq=0.0, **({"max_exp_avg_sq": 0.0} if has_maximum else {}))
    step = update.count_step()
    is_decoupled = bool(update.setting("decoupled_weight_decay"))
    step_size = update.factor(-rate / (1 - beta1**step))
    correction = update.factor((1 - beta2**step) ** 0.5)
    kept = update.factor(1 - rate * decay) if decay and is_decoupled else 1.0
    beta2, square_share, share = update.factor(beta2), update.factor(1 - beta2), update.factor(1 - beta1)
    gradient, value = update.gradient, _times(update.value, kept)
    if decay and not is_decoupled:
        gradient = gradient + value * decay
    average = update.keep("exp_avg", _between(update, update.read("exp_avg"), gradient, share))
    square = update.read("exp_avg_sq") * beta2 + gradient * square_share * gradient
    update.keep("exp_avg_sq", square)
    if has_maximum:
        square = update.keep("max_exp_avg_sq", update.apply(torch.maximum, update.read("max_exp_avg_sq"), square))
    update.move(value + average * step_size / (update.apply(torch.sqrt, square) / correction + update.setting("eps")))


def _adagrad(update: Update) -> None:
    decay, rate = update.setting("weight_decay"), update.number("lr")
    update.begin_state(step=0.0, sum=update.default("initial_accumulator_value"))
    step = update.count_step()
    step_size = update.factor(-rate / ((step - 1) * update.setting("lr_decay") + 1))
    gradient, value = update.gradient, update.value
    if decay:
        gradient = gradient + value * decay
    total = update.keep("sum", update.read("sum") + gradient * gradient)
    update.move(value + gradient * step_size / (update.apply(torch.sqrt, total) + update.setting("eps")))


def _rmsprop(update: Update) -> None:
    decay, alpha, is_centered = (
        update.setting("weight_decay"),
        update.setting("alpha"),
        bool(update.setting("centered")),
    )
    momentum, rate = update.factor(update.number("momentum")), update.factor(-update.number("lr"))
    names = ["square_avg", *(["momentum_buffer"] if not _is_zero(momentum) else []), *(["grad_avg"] * is_centered)]
    update.begin_state(step=0.0, **dict.fromkeys(names, 0.0))
    update.count_step()
    gradient, value = update.gradient, update.value
    if decay:
        gradient = gradient + value * decay
    square = update.keep("square_avg", update.read("square_avg") * alpha + gradient * (1 - alpha) * gradient)
    if is_centered:
        average = update.keep("grad_avg", _between(update, update.read("grad_avg"), gradient, 1 - alpha))
        square = square - average * average
    scale = update.apply(torch.sqrt, square) + update.setting("eps")
    if _is_zero(momentum):
        update.move(value + gradient * rate / scale)
        return
    moved = update.keep("momentum_buffer", update.read("momentum_buffer") * momentum + gradient / scale)
    update.move(value + moved * rate)


def _is_zero(number: Number) -> bool:
    """Whether a number is known to be 0. One that runs is not."""
    return not isinstance(number, Rep) and number == 0


def _times(tensor: StagedTensor, factor: Number) -> StagedTensor:
    is_one = not isinstance(factor, Rep) and factor == 1
    return tensor if is_one else tensor * factor


def _between(update: Update, start: StagedTensor, end: StagedTensor, weight: Number) -> StagedTensor:
    """`torch.lerp`, which computes from the nearer end."""
    near: StagedTensor = start + (end - start) * weight
    far: StagedTensor = end - (end - start) * (1 - weight)
    if isinstance(weight, Rep):
        return update.choose(weight < 0.5, near, far)
    return near if abs(weight) < 0.5 else far


UPDATE_RULES: dict[type[Optimizer], UpdateRule] = {
    torch.optim.SGD: UpdateRule(_sgd, ("momentum", "dampening", "weight_decay", "nesterov", "maximize")),
    torch.optim.Adam: UpdateRule(
        _adam, ("betas", "eps", "weight_decay", "amsgrad", "maximize", "decoupled_weight_decay")
    ),
    torch.optim.Adagrad: UpdateRule(_adagrad, ("lr_decay", "weight_decay", "eps", "maximize")),
    torch.optim.RMSprop: UpdateRule(_rmsprop, ("momentum", "alpha", "eps", "centered", "weight_decay", "maximize")),
}
"""By the class that defines the step: AdamW has Adam's."""


def rule_of(optimizer: Optimizer) -> UpdateRule | None:
    """The rule of an optimiser's own `step`; None where there is none."""
    # PyTorch wraps the `step` of each class, inherited or not.
    step = inspect.unwrap(type(optimizer).step)
    return next((rule for kind, rule in UPDATE_RULES.items() if inspect.unwrap(kind.step) is step), None)
