"""The MNIST script on the real data: every logged loss, the weights and the test accuracy are PyTorch's."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn, optim  # noqa: E402
from torch.utils.data import DataLoader, Dataset, Subset  # noqa: E402

from pylms import lms, stageTensor  # noqa: E402
from pylms.data import datasets, transforms  # noqa: E402

MEAN, DEVIATION = 0.1307, 0.3081
LOG_EVERY_SAMPLES = 600


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        x1 = x.view(-1, 784)
        x2 = F.relu(self.fc1(x1))
        x3 = self.fc2(x2)
        return F.log_softmax(x3, dim=1)


@dataclass
class Trained:
    printed: str
    model: nn.Module
    random_state: torch.Tensor


@pytest.fixture(scope="module")
def training_set(mnist_root: Path) -> Dataset:
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((MEAN,), (DEVIATION,))])
    return datasets.MNIST(str(mnist_root), train=True, transform=transform)


@pytest.fixture(scope="module")
def test_images(mnist_root: Path) -> tuple[torch.Tensor, torch.Tensor]:
    data = datasets.MNIST(str(mnist_root), train=False)
    return (data.data.float() / 255 - MEAN) / DEVIATION, data.targets


class Prepared(Dataset):
    """The same samples made once: what PyTorch trains on here, as its transforms would take most of the time."""

    def __init__(self, data: Dataset, samples: int):
        images = data.data[:samples].unsqueeze(1).to(torch.get_default_dtype()).div(255)
        self.images = images.sub_(MEAN).div_(DEVIATION)
        self.targets = data.targets[:samples]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.images[index], self.targets[index]


def _train(
    data: Dataset,
    batch_size: int,
    rate: float,
    *,
    shuffle: bool,
    decorate: Callable[..., Callable[[int], None]],
    capsys,
) -> Trained:
    torch.manual_seed(42)
    model = Net()
    loader = DataLoader(data, batch_size=batch_size, shuffle=shuffle)
    optimizer = optim.SGD(model.parameters(), lr=rate, momentum=0.0)
    log_interval = max(1, round(LOG_EVERY_SAMPLES / batch_size))

    def run(epochs):
        idx = 0
        while idx < epochs:
            idx = idx + 1
            tloss = 0.0
            for batch_idx, (images, target) in enumerate(loader):
                optimizer.zero_grad()
                loss = F.nll_loss(model(images), target)
                tloss += loss.item()
                loss.backward()
                optimizer.step()
                if (batch_idx + 1) % log_interval == 0:
                    print("Train Epoch: {} {}\tLoss: {:.8f}".format(idx, batch_idx + 1, tloss / (batch_idx + 1)))

    capsys.readouterr()
    decorate(run)(1)
    return Trained(capsys.readouterr().out, model, torch.get_rng_state())


def _losses(printed: str) -> tuple[list[str], list[float]]:
    found = re.findall(r"(Train Epoch: \d+ \d+)\tLoss: (\S+)", printed)
    return [line for line, _ in found], [float(loss) for _, loss in found]


def _accuracy(model: nn.Module, test_images: tuple[torch.Tensor, torch.Tensor]) -> float:
    images, targets = test_images
    with torch.no_grad():
        return (model(images).argmax(dim=1) == targets).float().mean().item()


@pytest.mark.parametrize(
    "samples, batch_size, rate, shuffle",
    [(60000, 64, 0.05, False), (60000, 64, 0.05, True), (6000, 1, 5e-4, False)],
    ids=["batch 64", "batch 64 shuffled", "batch 1"],
)
def test_one_epoch(training_set, test_images, samples, batch_size, rate, shuffle, capsys):
    data = training_set
    if samples < len(data):
        data = copy.copy(training_set)
        data.data, data.targets = data.data[:samples], data.targets[:samples]
    settings = {"batch_size": batch_size, "rate": rate, "shuffle": shuffle, "capsys": capsys}
    real = _train(Prepared(training_set, samples), decorate=lambda run: run, **settings)
    native = _train(data, decorate=lambda run: stageTensor(lms(run)), **settings)

    lines, losses = _losses(real.printed)
    native_lines, native_losses = _losses(native.printed)
    assert native_lines == lines and len(lines) == samples // (round(LOG_EVERY_SAMPLES / batch_size) * batch_size)
    assert native_losses == pytest.approx(losses, rel=1e-3)
    for mine, theirs in zip(native.model.parameters(), real.model.parameters(), strict=True):
        assert (mine - theirs).norm() <= 1e-3 * theirs.norm()
    assert torch.equal(native.random_state, real.random_state)
    assert _accuracy(native.model, test_images) == pytest.approx(_accuracy(real.model, test_images), abs=0.002)


def test_transforms_in_the_loop_give_torchvisions_values(training_set, capsys):
    """Sample by sample through Python, on the first ones, against the compiled transforms."""
    data = copy.copy(training_set)
    data.data, data.targets = data.data[:320], data.targets[:320]
    settings = {"batch_size": 64, "rate": 0.05, "shuffle": True, "capsys": capsys}
    real = _train(Subset(training_set, range(320)), decorate=lambda run: run, **settings)
    native = _train(data, decorate=stageTensor, **settings)
    for mine, theirs in zip(native.model.parameters(), real.model.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-6)
