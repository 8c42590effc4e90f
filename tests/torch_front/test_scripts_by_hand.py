"""Scripts that write losses, updates and loops by hand."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn, optim  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

from tests.torch_front.compare import Script, check, classification, regression  # noqa: E402


class HandLinear(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs) * 0.3)
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x):
        return x @ self.weight + self.bias


@pytest.mark.parametrize("loss_name", ["one_hot", "gather", "exp"])
def test_losses_written_by_hand(loss_name):
    def one_hot(logits, y):
        return -(F.log_softmax(logits, dim=1) * F.one_hot(y, num_classes=3).float()).sum(dim=1).mean()

    def gather(logits, y):
        return -F.log_softmax(logits, dim=-1).gather(1, y.unsqueeze(1)).mean()

    def exp(logits, y):
        shifted = logits - logits.max(dim=1, keepdim=True).values
        logp = shifted - shifted.exp().sum(dim=1, keepdim=True).log()
        return F.nll_loss(logp, y)

    loss_function = {"one_hot": one_hot, "gather": gather, "exp": exp}[loss_name]

    def make():
        model = HandLinear(6, 3)
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        loader = DataLoader(classification(), batch_size=4)

        def run(_):
            for x, y in loader:
                optimizer.zero_grad()
                loss = loss_function(model(x), y)
                loss.backward()
                optimizer.step()
                print(f"{loss.item():.5f}")

        return Script(run, {"model": model})

    check(make)


@pytest.mark.parametrize("zeros", [False, True], ids=["random", "zero logits"])
def test_binary_classification(zeros):
    def make():
        model = nn.Linear(4, 1)
        if zeros:
            nn.init.zeros_(model.weight)
            nn.init.zeros_(model.bias)
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        features, values = regression().tensors
        loader = DataLoader(TensorDataset(features, (values > 0).float()), batch_size=6)
        criterion = nn.BCEWithLogitsLoss()

        def run(_):
            correct = 0
            for x, y in loader:
                scores = model(x)
                p = torch.sigmoid(scores)
                by_hand = -(y * torch.log(p) + (1 - y) * torch.log(1 - p)).mean()
                loss = 0.5 * criterion(scores, y) + 0.5 * by_hand
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                correct += ((p > 0.5).float() == y).sum().item()
            print(f"{correct}/{len(loader.dataset)} {loss.item():.5f}")

        return Script(run, {"model": model})

    check(make)


def test_gradient_descent_on_the_whole_set_in_a_plain_range():
    """One native loop, however many rounds."""

    def make():
        model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        x, y = classification(30).tensors

        def run(_):
            for step in range(60):
                optimizer.zero_grad()
                loss = F.cross_entropy(model(x), y)
                loss.backward()
                optimizer.step()
                if step % 20 == 0:
                    print(step, f"{loss.item():.4f}")
            return loss.item()

        return Script(run, {"model": model})

    check(make)


def test_polynomial_of_the_pytorch_tutorial():
    def make():
        x = torch.linspace(-3.0, 3.0, 200)
        y = torch.sin(x)
        a, b, c = (torch.randn((), requires_grad=True) for _ in range(3))

        def run(_):
            rate = 1e-5
            for t in range(60):
                y_pred = a + b * x + c * x**2
                loss = (y_pred - y).pow(2).sum()
                if t % 20 == 19:
                    print(t, loss.item())
                loss.backward()
                with torch.no_grad():
                    a.sub_(rate * a.grad)
                    b.sub_(rate * b.grad)
                    c.sub_(rate * c.grad)
                    a.grad = None
                    b.grad = None
                    c.grad = None
            print(f"Result: y = {a.item():.5f} + {b.item():.5f} x + {c.item():.5f} x^2")

        return Script(run, {"a": a, "b": b, "c": c})

    check(make)


def test_learning_rate_as_a_number_of_the_loop():
    def make():
        model = nn.Linear(6, 3)
        loader = DataLoader(classification(24), batch_size=8)

        def run(rate):
            for epoch in range(3):
                for x, y in loader:
                    model.zero_grad()
                    loss = F.cross_entropy(model(x), y)
                    loss.backward()
                    with torch.no_grad():
                        for parameter in model.parameters():
                            parameter -= rate * parameter.grad
                rate *= 0.5
                print(epoch, rate, f"{loss.item():.5f}")

        return Script(run, {"model": model})

    check(make, 0.1)


def test_momentum_and_clipping_written_by_hand():
    def make():
        model = nn.Linear(6, 3)
        velocities = [torch.zeros_like(parameter) for parameter in model.parameters()]
        loader = DataLoader(classification(24), batch_size=8)

        def run(_):
            for x, y in loader:
                model.zero_grad()
                F.cross_entropy(model(x), y).backward()
                print(f"{model.weight.grad.norm().item():.5f} {model.bias.grad.abs().max().item():.5f}")
                with torch.no_grad():
                    for parameter, velocity in zip(model.parameters(), velocities, strict=True):
                        parameter.grad.clamp_(-0.05, 0.05)
                        velocity.mul_(0.9).add_(parameter.grad)
                        parameter.add_(velocity, alpha=-0.1)

        return Script(run, {"model": model, "first": velocities[0], "second": velocities[1]})

    check(make)


def test_parameters_made_and_updated_by_hand_as_in_the_pytorch_tutorial():
    def make():
        features, values = regression().tensors

        def run(_):
            w = torch.zeros(4, 1, requires_grad=True)
            b = torch.zeros((), requires_grad=True)
            for _step in range(30):
                loss = (features @ w + b - values).pow(2).mean()
                loss.backward()
                with torch.no_grad():
                    w -= 0.1 * w.grad
                    b -= 0.1 * b.grad
                    w.grad.zero_()
                    b.grad.zero_()
            print(f"{loss.item():.5f} {b.item():.5f} {w.sum().item():.5f}")

        return Script(run, {})

    check(make)


def test_backward_from_a_given_gradient():
    def make():
        model = nn.Linear(6, 3)
        loader = DataLoader(classification(24), batch_size=8)

        def run(_):
            for x, y in loader:
                model.zero_grad()
                out = model(x)
                out.backward(gradient=torch.tanh(out) + 1.0)
                with torch.no_grad():
                    for p in model.parameters():
                        p -= 0.1 * p.grad
                print(f"{out.sum():.5f}")

        return Script(run, {"model": model})

    check(make)
