"""Normalisation layers in training loops: values, gradients and running statistics are PyTorch's."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn, optim  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402

from pylms import stageTensor  # noqa: E402
from pylms.errors import StagedTypeError  # noqa: E402
from tests.torch_front.compare import Script, check, classification  # noqa: E402


class _Images(nn.BatchNorm2d):
    def __init__(self):
        super().__init__(2)

    def forward(self, x):
        return super().forward(x.view(-1, 2, 1, 2)).flatten(1)


LAYERS = {
    "batch": lambda: nn.BatchNorm1d(4),
    "batch, momentum": lambda: nn.BatchNorm1d(4, momentum=0.3, eps=1e-3, affine=False),
    "batch, cumulative": lambda: nn.BatchNorm1d(4, momentum=None),
    "batch, no statistics": lambda: nn.BatchNorm1d(4, track_running_stats=False),
    "images": lambda: _Images(),
    "layer": lambda: nn.LayerNorm(4),
    "group": lambda: nn.GroupNorm(2, 4),
}


@pytest.mark.parametrize("layer", LAYERS)
def test_training_and_evaluating(layer):
    """The statistics move once a step of training, and not while evaluating."""

    def make():
        model = nn.Sequential(nn.Linear(6, 4), LAYERS[layer](), nn.ReLU(), nn.Linear(4, 3)).double()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        loader = DataLoader(classification(23, dtype=torch.float64), batch_size=5)

        def run(_):
            for epoch in range(2):
                model.train()
                for x, y in loader:
                    optimizer.zero_grad()
                    F.cross_entropy(model(x), y).backward()
                    optimizer.step()
                model.eval()
                with torch.no_grad():
                    for x, y in loader:
                        print(f"{F.cross_entropy(model(x), y).item():.6f}")

        return Script(run, {"model": model})

    check(make, tolerance=1e-9)


def test_a_batch_of_one_while_training():
    model = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4))
    loader = DataLoader(classification(9), batch_size=4)

    def run(_):
        for x, y in loader:
            print(model(x).sum().item())  # here

    with pytest.raises(
        StagedTypeError, match=r"of shape \[1, 4\] while training: it needs more than 1 value"
    ) as caught:
        stageTensor(run)(0)
    assert caught.value.loc is not None and "# here" in caught.value.loc.text
    assert "drop_last=True" in (caught.value.hint or "")
