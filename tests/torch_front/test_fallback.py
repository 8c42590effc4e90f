"""`fallback="torch"`: the compiled code calls PyTorch for what cannot be staged, its derivatives too."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn, optim  # noqa: E402

from pylms import stageTensor  # noqa: E402
from pylms.errors import ArgumentError, TorchFeatureError  # noqa: E402

A = torch.tensor([[2.0, 0.5], [0.25, 1.5]])


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([[0.5, -1.0], [1.5, 2.0]]))

    def forward(self, x):
        values, positions = torch.cummax(x @ self.weight, dim=1)
        kept = torch.linalg.inv(values.t() @ values + torch.eye(2))
        distance = torch.trapz(values @ kept).sum() + F.multi_margin_loss(x @ kept, torch.tensor([0, 1]))
        return torch.logdet(kept @ kept.t() + torch.eye(2)) + distance, positions


def train(model, steps):
    optimizer = optim.SGD(model.parameters(), lr=0.05)
    losses = []
    for step in range(steps):
        x = A * (step + 1)
        optimizer.zero_grad()
        loss, positions = model(x)
        (loss + positions.sum() * 0.0).backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_a_model_with_functions_that_are_not_staged_trains() -> None:
    torch.manual_seed(0)
    model, reference = Model(), Model()
    optimizer = optim.SGD(model.parameters(), lr=0.05)
    total = torch.zeros(())

    @stageTensor(fallback="torch")
    def run(steps):
        last = 0.0
        for step in range(steps):
            x = A * (step + 1.0)
            optimizer.zero_grad()
            loss, positions = model(x)
            (loss + positions.sum() * 0.0).backward()
            optimizer.step()
            total.add_(positions.sum())
            last = loss.item()
        return last

    losses = train(reference, 4)
    assert run(4) == pytest.approx(losses[-1], rel=1e-5)
    torch.testing.assert_close(model.weight, reference.weight, rtol=1e-5, atol=1e-6)
    assert "tensor_call" in run.inspect_ir()


def test_numbers_of_the_run_and_empty_results() -> None:
    data = A.clone()
    out, empty = torch.zeros(2, 2), torch.zeros(2, 0)

    @stageTensor(fallback="torch")
    def run(n):
        for step in range(n):
            out.copy_(torch.special.zeta(data + 1.0, step + 1.5))
            empty.copy_(torch.kron(data, data[:1, :0]))
        return n

    run(3)
    torch.testing.assert_close(out, torch.special.zeta(data + 1.0, 3.5))


def refused(function):
    with pytest.raises(TorchFeatureError) as caught:
        stageTensor(fallback="torch")(function)(1)
    assert caught.value.loc is not None and caught.value.loc.file == __file__
    return caught.value.message


def test_what_cannot_be_called_either() -> None:
    data = A.clone()

    def depends_on_content(n):
        for _ in range(n):
            print(torch.nonzero(data).sum().item())

    def draws(n):
        for _ in range(n):
            print(F.rrelu(data, training=True).sum().item())

    assert refused(depends_on_content) == "`torch.nonzero` cannot be staged yet"
    assert "rrelu` cannot be staged yet" in refused(draws)


def test_the_option_is_torch_or_nothing() -> None:
    with pytest.raises(ArgumentError, match="fallback='numpy': it is 'torch' or nothing"):
        stageTensor(fallback="numpy")


def test_an_error_in_the_call_reaches_the_caller() -> None:
    data = torch.zeros(2, 2)

    @stageTensor(fallback="torch")
    def run(n):
        for _ in range(n):
            print(torch.linalg.inv(data).sum().item())

    with pytest.raises(RuntimeError, match="singular"):
        run(1)
