"""Slices that the run moves: what they read and write, their gradients, and where they do not fit."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn, optim  # noqa: E402

from pylms import stageTensor  # noqa: E402
from pylms.errors import StagingError  # noqa: E402
from tests.torch_front.compare import Script, check  # noqa: E402
from tests.torch_front.ways import check_ways, weight  # noqa: E402


def test_what_they_read_and_write():
    def make():
        w = weight(10, 4, requires_grad=True)

        def run(i, last):
            y = w.detach() * 2.0
            y[i : i + 2] = y[i + 2 : 2 + i + 2] * 2.0
            y[:, 0:2].mul_(3.0)
            part = y[2 * i : (i + 1) * 2, 1:]
            part += 1.0
            k = 0
            total = torch.zeros(())
            while k < last:
                total = total + (w[k : k + 3] * (k + 1)).sum() * w[k + 1 : 2 + k].sum()
                k += 2
            w.grad = None
            total.backward()
            at = (w > 0.0).sum()
            return y, total, w.grad, w[i + 1 : i + 1], y[at - at : at - at + 2], y[..., None][i - 1 + 1 : i + 5]

        return run

    native = check_ways(make, [(1, 6), (2, 7), (0, 1), (4, 3)])
    for i in (-1, 8):
        with pytest.raises(IndexError, match="a slice of 2 does not lie within dimension 0 with size 10"):
            native(i, 3)


def test_batches_of_a_script():
    def make():
        model = nn.Linear(4, 2)
        optimizer = optim.Adam(model.parameters(), lr=0.1)
        inputs, targets = weight(24, 4), torch.arange(24) % 2

        def run(_):
            for epoch in range(2):
                order, total = torch.randperm(24), 0.0
                for start in range(0, len(inputs), 8):
                    batch = order[start : start + 8]
                    loss = F.cross_entropy(model(inputs[batch]), targets[batch])
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                    total += loss.item()
                for _ in range(2):
                    picked = torch.randint(20, (3,))
                    texts = torch.stack([inputs[i : i + 4] for i in picked])
                    total += texts.sum().item()
                print(f"{epoch} {total:.5f}")

        return Script(run, {"model": model})

    check(make)


X = weight(6, 2)


@pytest.mark.parametrize("part", [lambda i: X[i:], lambda i: X[: i * 2], lambda i: X[i : 2 * i + 1]])
def test_lengths_that_depend_on_the_run(part):
    with pytest.raises(StagingError, match="the length of this slice depends on the run"):
        stageTensor(lambda i: part(i).sum().item())(2)
