"""What a staged function makes: tensors anew in each round, optimisers and schedulers anew in each call."""

from __future__ import annotations

import logging

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn, optim  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402

from pylms import stageTensor  # noqa: E402
from tests.torch_front.compare import Script, check, classification  # noqa: E402


def test_tensors_made_in_a_loop_are_others_in_each_round():
    """Changed in place, kept for the next rounds, seen through views, made by old constructors and new functions."""

    def make():
        weight = nn.Parameter(torch.ones(3))

        def run(rounds):
            total, before, older = torch.zeros(3), torch.zeros(3), torch.zeros(3)
            rows, kept = torch.zeros(4, 3), torch.zeros(4, 3, dtype=torch.float64)
            for i in range(rounds):
                h = torch.zeros(3)
                h[i % 3] = i
                h += 1
                t = torch.Tensor([1.0, 2.0, 3.0])
                t[0] += i
                t.mul_(weight.detach())
                u = torch.tensor([1.0, 2.0, float(i)])
                u[1] += 5
                v = torch.ones_like(h)
                v.add_(before)
                e = torch.full((3,), 0.5)
                e[i % 3] -= before[0]
                total = total + h * t + u * v * e
                print((older - before).sum().item(), total.sum().item())
                older = before
                before = h
                buffer = torch.FloatTensor([[0.0] * 3] * 4)
                row = buffer[i % 4]
                row += i
                rows = rows * 0.5 + buffer
                buffer[0, 0] = 100.0
                kept = kept + torch.LongTensor([[i]]) * torch.DoubleTensor([[1.5, i, 2.0]])
                state = torch.zeros(3)
                for j in range(2):
                    state = state * 0.5 + weight * torch.Tensor([j, 1.0, 2.0])
                state.sum().backward()
                with torch.no_grad():
                    weight.sub_(0.1 * weight.grad)
                weight.grad = None
            return total, before, older, rows, kept

        return Script(run, {"weight": weight})

    check(make, 5)


@pytest.mark.parametrize("kind", ["Adam", "momentum", "loaded"])
def test_an_optimiser_made_in_the_function_is_new_in_each_call(kind, caplog):
    """And is staged once: a second call runs the compiled program."""

    def make():
        model = nn.Linear(6, 3)
        loader = DataLoader(classification(12), batch_size=6)
        older = optim.Adam(model.parameters(), lr=0.2)
        model(torch.ones(2, 6)).sum().backward()
        older.step()
        older.zero_grad()
        state = older.state_dict()

        def run(epochs):
            if kind == "momentum":
                optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)
            else:
                optimizer = optim.Adam(model.parameters(), lr=0.1)
            if kind == "loaded":
                optimizer.load_state_dict(state)
            steps = optim.lr_scheduler.StepLR(optimizer, 2, gamma=0.5)
            for _ in range(epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    loss = F.cross_entropy(model(x), y)
                    loss.backward()
                    optimizer.step()
                steps.step()
                print(f"{loss.item():.5f} {steps.get_last_lr()[0]:.4f}")
            optimizer.zero_grad()
            return loss.item()

        return Script(run, {"model": model})

    check(make, 3, calls=3)
    staged = stageTensor(make().run)
    with caplog.at_level(logging.INFO, logger="pylms"):
        staged(3), staged(2), staged(3)
    assert len(caplog.records) == 1
