"""backward() through control flow: the gradients are PyTorch's."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from tests.torch_front.ways import check_ways, weight  # noqa: E402


def test_weights_of_one_side_of_a_branch_in_a_loop_add_up_where_they_are_used() -> None:
    def make():
        even, odd = (weight(4, 4, seed=seed, requires_grad=True) for seed in (1, 2))
        start = weight(1, 4)

        def run(n):
            even.grad = odd.grad = None
            x = start * 1
            for i in range(n):
                x = torch.tanh(x @ even) if i % 3 == 0 else x @ odd
            x.sum().backward()
            return even.grad * 1, odd.grad * 1

        return run

    native = check_ways(make, [(2,), (5,)])
    reverse = native.Ccode[native.Ccode.index("pylms::pop") :]
    assert reverse.count("memset") == 0, "no zeros stand for gradients"


def test_loops_and_recursion_in_a_training_loop():
    """A loop over steps with a `while` and a branch within, and a function that calls itself twice."""

    def make():
        w, u = (weight(4, 4, seed=seed, requires_grad=True) for seed in (1, 2))
        b = weight(1, 4, requires_grad=True)
        start = weight(1, 4)

        def descend(x, n):
            if n <= 0:
                return x + b
            return torch.tanh(descend(x @ w, n - 1) + descend(x * 0.5, n - 2) @ u)

        def run(n):
            total = 0.0
            for _ in range(3):
                w.grad = u.grad = b.grad = None
                h = start * 1
                for t in range(n):
                    h = torch.tanh(h @ w + b) if t % 2 == 0 else torch.sigmoid(h @ u) + h
                    j = 0
                    while j < n:
                        h = h * torch.cos(b)
                        j += 2
                loss = (h * h).sum() + descend(h, n).sum()
                loss.backward()
                total += loss.item()
                with torch.no_grad():
                    for each in (w, u, b):
                        each -= 0.05 * each.grad
            return total, w * 1, u * 1, b * 1

        return run

    check_ways(make, [(2,), (5,)])


def test_sum_of_losses_over_a_loader():
    def make():
        w = weight(4, 4, requires_grad=True)
        batches = torch.utils.data.TensorDataset(weight(6, 4, seed=5))
        loader = torch.utils.data.DataLoader(batches, batch_size=2)

        def run():
            w.grad = None
            total = torch.zeros(())
            for (x,) in loader:
                total = total + torch.tanh(x @ w).sum()
            total.backward()
            return w.grad * 1

        return run

    check_ways(make, [()])
