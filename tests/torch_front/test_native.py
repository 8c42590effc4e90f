"""The same programs compiled: `@stageTensor` from the decorator to machine code."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn, optim  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

from pylms import stageTensor  # noqa: E402
from tests.torch_front.programs import assert_same_weights, copied  # noqa: E402


def _data() -> TensorDataset:
    generator = torch.Generator().manual_seed(5)
    return TensorDataset(torch.randn(22, 2, 3, generator=generator), torch.randint(0, 3, (22,), generator=generator))


def _train(model: nn.Module, settings: dict[str, object], *, native: bool, capsys) -> tuple[list[object], str]:
    loader = DataLoader(_data(), batch_size=4, shuffle=True)
    optimizer = optim.SGD(model.parameters(), lr=0.05, **settings)
    criterion = nn.CrossEntropyLoss()

    def run(epochs):
        total = 0.0
        epoch = 0
        while epoch < epochs:
            for i, (data, target) in enumerate(loader):
                optimizer.zero_grad()
                loss = criterion(model(data), target)
                loss.backward()
                optimizer.step()
                total += loss.item()
                if i % 2 == 0:
                    print("{} {} {:.3f}".format(epoch, i, loss.item()))
            epoch += 1
        return total

    program = stageTensor(run) if native else run
    torch.manual_seed(8)
    results = [program(2), program(1)]
    return results, capsys.readouterr().out


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"momentum": 0.9, "weight_decay": 0.01},
        {"momentum": 0.9, "dampening": 0.5},
        {"momentum": 0.8, "nesterov": True},
    ],
    ids=str,
)
def test_training_is_pytorchs(settings: dict[str, object], capsys) -> None:
    torch.manual_seed(1)
    real = nn.Sequential(nn.Flatten(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3))
    staged = copied(real)
    expected, text = _train(real, settings, native=False, capsys=capsys)
    found, printed = _train(staged, settings, native=True, capsys=capsys)
    assert printed == text
    assert found == pytest.approx(expected, rel=1e-5)
    assert_same_weights(real, staged)


class Gate(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.other = nn.Linear(6, 4), nn.Linear(4, 3), nn.Linear(4, 3)

    def forward(self, x):
        hidden = torch.sigmoid(self.first(x.view(-1, 6)))
        if hidden.mean() > 0.5:
            scores = self.second(hidden * hidden)
        else:
            scores = self.other(torch.tanh(hidden)) + hidden.sum()
        return F.log_softmax(scores, dim=1)


def test_gradients_through_a_native_branch(capsys) -> None:
    torch.manual_seed(3)
    real = Gate()
    staged = copied(real)
    expected, text = _train(real, {}, native=False, capsys=capsys)
    found, printed = _train(staged, {}, native=True, capsys=capsys)
    assert printed == text
    assert found == pytest.approx(expected, rel=1e-5)
    assert_same_weights(real, staged)


def test_accumulated_gradients(capsys) -> None:
    torch.manual_seed(3)
    real = nn.Linear(6, 3)
    staged = copied(real)
    for model, native in ((real, False), (staged, True)):
        loader = DataLoader(_data(), batch_size=4)
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        def run(dummy):
            optimizer.zero_grad()
            for i, (data, target) in enumerate(loader):
                (F.cross_entropy(model(data.view(-1, 6)), target) / 2).backward()
                if i % 2 == 1:
                    optimizer.step()
                    optimizer.zero_grad()

        (stageTensor(run) if native else run)(0)
    assert_same_weights(real, staged)


def test_tensors_come_back(capsys) -> None:
    w = nn.Parameter(torch.tensor([1.0, 2.0]))

    @stageTensor
    def run(scale):
        return w * scale, (w.sum().item(), w)

    tensor, (number, same) = run(3.0)
    torch.testing.assert_close(tensor, torch.tensor([3.0, 6.0]))
    assert number == 3.0 and same is w
