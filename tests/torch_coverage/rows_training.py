"""Optimisers, schedulers, loaders, and the loop around them: scripts that end as they do in PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import inf
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn, optim
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader

from tests.torch_front.compare import Script, classification, train_script

from .rows import Section

SECTION = Section("Training")

SECTION.script("`optim.SGD`", lambda: train_script({"momentum": 0.9, "weight_decay": 0.01}))


def training(
    make_optimizer: Callable[..., optim.Optimizer] = partial(optim.SGD, lr=0.1),
    make_scheduler: Callable[[optim.Optimizer], Any] | None = None,
    layer: Callable[[], nn.Module] = nn.Tanh,
    clip: Callable[[nn.Module], object] = lambda model: None,
) -> Script:
    """Two epochs of a classifier in float64; the scheduler steps with each batch."""
    model = nn.Sequential(nn.Linear(6, 4), layer(), nn.Linear(4, 3)).double()
    optimizer = make_optimizer(model.parameters())
    scheduler = None if make_scheduler is None else make_scheduler(optimizer)
    loader = DataLoader(classification(24, dtype=torch.float64), batch_size=8)

    def run(_: object) -> None:
        for _epoch in range(2):
            for x, y in loader:
                optimizer.zero_grad()
                F.cross_entropy(model(x), y).backward()
                clip(model)
                optimizer.step()
                if scheduler is not None:
                    scheduler.step()
                    print(f"{scheduler.get_last_lr()[0]:.6f}")

    return Script(run, {"model": model, "optimizer": optimizer})


for _optimizer in (optim.Adam, optim.AdamW, optim.Adagrad, optim.RMSprop):
    SECTION.script(f"`optim.{_optimizer.__name__}`", partial(training, _optimizer))

_SCHEDULERS: dict[str, Callable[[optim.Optimizer], Any]] = {
    "StepLR": lambda o: lr_scheduler.StepLR(o, 2),
    "MultiStepLR": lambda o: lr_scheduler.MultiStepLR(o, [1, 3]),
    "ExponentialLR": lambda o: lr_scheduler.ExponentialLR(o, 0.8),
    "LinearLR": lambda o: lr_scheduler.LinearLR(o, 0.1, total_iters=3),
    "PolynomialLR": lambda o: lr_scheduler.PolynomialLR(o, 4),
    "CosineAnnealingLR": lambda o: lr_scheduler.CosineAnnealingLR(o, 5),
    "CosineAnnealingWarmRestarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 2),
    "LambdaLR": lambda o: lr_scheduler.LambdaLR(o, lambda step: 1 / (step + 1)),
    "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(o, 0.2, total_steps=24),
    "CyclicLR": lambda o: lr_scheduler.CyclicLR(o, 0.01, 0.2, 2),
}
for _name, _scheduler in _SCHEDULERS.items():
    SECTION.script(
        f"`lr_scheduler.{_name}`", partial(training, partial(optim.SGD, lr=0.1, momentum=0.9), _scheduler), calls=1
    )
SECTION.script("`nn.Dropout`", partial(training, layer=lambda: nn.Dropout(0.3)), note="PyTorch's own masks")


def clipping(model: nn.Module) -> None:
    """By four norms, one after the other."""
    for norm, most in ((2.0, 0.5), (1.0, 0.8), (inf, 0.1), (3.0, 0.1)):
        total = nn.utils.clip_grad_norm_(model.parameters(), most, norm_type=norm)
        print(f"{total.item():.5f}")


SECTION.script("`clip_grad_norm_`", partial(training, clip=clipping))
SECTION.script(
    "`clip_grad_value_`", partial(training, clip=lambda model: nn.utils.clip_grad_value_(model.parameters(), 0.05))
)


def penalty() -> Script:
    """Each loss has the squares of its slopes by the inputs in it."""
    model = nn.Sequential(nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 3)).double()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    loader = DataLoader(classification(24, dtype=torch.float64), batch_size=8)

    def run(_: object) -> None:
        for x, y in loader:
            x.requires_grad_()
            loss = F.cross_entropy(model(x), y)
            (slopes,) = torch.autograd.grad(loss, x, create_graph=True)
            optimizer.zero_grad()
            (loss + slopes.pow(2).sum()).backward()
            optimizer.step()

    return Script(run, {"model": model, "optimizer": optimizer})


SECTION.script("`autograd.grad`, `create_graph`, `retain_graph`, `requires_grad_()` of computed tensors", penalty)
