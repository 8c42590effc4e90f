"""Learning rates that the staged loop changes: by schedulers, by hand, and what is printed of them."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn, optim  # noqa: E402
from torch.optim import lr_scheduler  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402

from pylms import stageTensor  # noqa: E402
from pylms.errors import ArgumentError  # noqa: E402
from tests.torch_front.compare import Script, check, classification  # noqa: E402

SCHEDULERS = {
    "StepLR": lambda o: lr_scheduler.StepLR(o, 2, gamma=0.5),
    "CosineAnnealingLR": lambda o: lr_scheduler.CosineAnnealingLR(o, 5, eta_min=0.01),
    "ExponentialLR": lambda o: lr_scheduler.ExponentialLR(o, 0.8),
    "LambdaLR": lambda o: lr_scheduler.LambdaLR(o, [lambda e: 1 / (e + 1), lambda e: 0.9**e]),
    "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(o, 0.2, total_steps=24),
    "warm-up": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.LinearLR(o, 0.1, total_iters=3), lr_scheduler.CosineAnnealingLR(o, 9)], [3]
    ),
}
OPTIMIZERS = {
    "SGD": lambda groups: optim.SGD(groups, lr=0.1, momentum=0.9),
    "AdamW": lambda groups: optim.AdamW(groups, lr=0.02),
}


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_schedulers_change_the_rate_of_the_running_loop(optimizer, scheduler):
    """OneCycleLR cycles SGD's momentum and AdamW's first beta, too."""

    def make():
        model = nn.Linear(6, 3)
        opt = OPTIMIZERS[optimizer]([{"params": [model.weight]}, {"params": [model.bias], "lr": 0.05}])
        plan = SCHEDULERS[scheduler](opt)
        loader = DataLoader(classification(24), batch_size=6)

        def run(epochs):
            for epoch in range(2):
                for x, y in loader:
                    opt.zero_grad()
                    F.cross_entropy(model(x), y).backward()
                    opt.step()
                    plan.step()
                print(f"{plan.get_last_lr()[0]:.6f} {opt.param_groups[1]['lr']:.6f}")

        return Script(run, {"model": model, "optimizer": opt})

    check(make, tolerance=1e-4)


def test_a_plateau_and_rates_by_hand():
    def make():
        model = nn.Linear(6, 3)
        optimizer = optim.SGD(model.parameters(), lr=0.5)
        plateau = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=0, threshold=0.2)
        loader = DataLoader(classification(24), batch_size=6)

        def run(_):
            for epoch in range(6):
                total = 0.0
                for x, y in loader:
                    optimizer.zero_grad()
                    loss = F.cross_entropy(model(x), y)
                    loss.backward()
                    optimizer.step()
                    total += loss.item()
                if epoch < 4:
                    plateau.step(total)
                else:
                    plateau.step(metrics=loss)
                for group in optimizer.param_groups:
                    group["lr"] *= 0.99
                if total > 4.2:
                    for group in optimizer.param_groups:
                        group["lr"] = 0.25 * group["lr"]
                print(optimizer.param_groups[0]["lr"] * 1000.0)
            return optimizer.param_groups[0]["lr"]

        return Script(run, {"model": model, "optimizer": optimizer})

    check(make)


def test_schedulers_and_optimisers_made_by_the_script():
    def make():
        model = nn.Linear(6, 3)
        loader = DataLoader(classification(24), batch_size=6)

        def run(_):
            optimizer = optim.Adam(model.parameters(), lr=0.1)
            scheduler = lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
            for epoch in range(3):
                for x, y in loader:
                    optimizer.zero_grad()
                    F.cross_entropy(model(x), y).backward()
                    optimizer.step()
                scheduler.step()
            return scheduler.get_last_lr()[0]

        return Script(run, {"model": model})

    check(make, calls=3, tolerance=1e-4)


def test_an_error_of_a_scheduler_is_the_runs():
    """OneCycleLR refuses to go beyond its last step."""
    model = nn.Linear(6, 3)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.5)
    scheduler = lr_scheduler.OneCycleLR(optimizer, 0.2, total_steps=5)
    loader = DataLoader(classification(24), batch_size=4)

    @stageTensor
    def run(_):
        for x, y in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            scheduler.step()

    with pytest.raises(ValueError, match="Tried to step 6 times"):
        run(0)


def test_a_scheduler_that_changes_what_is_compiled_in():
    class Decay(lr_scheduler.LRScheduler):
        def get_lr(self):
            for group in self.optimizer.param_groups:
                group["weight_decay"] = 0.1 * self.last_epoch
            return [group["lr"] for group in self.optimizer.param_groups]

    model = nn.Linear(6, 3)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    scheduler = Decay(optimizer)
    loader = DataLoader(classification(24), batch_size=4)

    @stageTensor
    def run(_):
        for x, y in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            scheduler.step()

    with pytest.raises(ArgumentError, match="a scheduler changed a value of its optimiser that is compiled in"):
        run(0)
