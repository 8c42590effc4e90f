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
