"""backward() through functions that call themselves: the gradients are PyTorch's."""

from __future__ import annotations

from collections.abc import Callable

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from tests.torch_front.ways import check_ways, weight  # noqa: E402


def _matrix(seed: int = 1) -> torch.Tensor:
    return (weight(4, 4, seed=seed).double() * 0.5).requires_grad_()


def _check_gradients(make: Callable[[torch.Tensor, torch.Tensor], Callable[[int], torch.Tensor]], *depths: int) -> None:
    """`make` gives the program of two matrices whose loss is differentiated."""

    def script():
        left, right = _matrix(), _matrix(2)
        loss = make(left, right)

        def run(n):
            left.grad = right.grad = None
            found = loss(n)
            found.backward()
            return found.item(), left.grad * 1, right.grad * 1

        return run

    check_ways(script, [(depth,) for depth in depths])


START = weight(1, 4).double()


def test_functions_that_call_each_other() -> None:
    def make(left, right):
        def even(x, n):
            return x if n <= 0 else torch.tanh(odd(x @ left, n - 1)) + x

        def odd(x, n):
            return x * 2 if n <= 0 else even(torch.sin(x @ right), n - 1) * even(x, n - 2)

        return lambda n: even(START, n).sum()

    _check_gradients(make, 2, 3, 6)


def test_no_gradient_passes_where_none_should() -> None:
    def make(left, right):
        def go(x, n):
            if n <= 0:
                return x @ left
            with torch.no_grad():
                scale = go(x * 0.5, n - 2)
            return torch.tanh(go(x.detach() + x @ right, n - 1)) * scale

        return lambda n: go(START, n).sum()

    _check_gradients(make, 1, 2, 4)


def test_a_variable_around_the_function_carries_gradients() -> None:
    def make(left, right):
        def loss(n):
            total = START * 0

            def visit(x, k):
                nonlocal total
                total = total + torch.sin(x @ left) * k
                if k > 0:
                    visit(torch.tanh(x @ right), k - 1)
                    visit(total * 0.5, k - 2)

            visit(START, n)
            return total.sum()

        return loss

    _check_gradients(make, 1, 3)


def test_loops_in_a_function_that_calls_itself() -> None:
    def make(left, right):
        def go(x, n):
            if n <= 0:
                return x
            state = x
            for i in range(n):
                state = torch.tanh(state @ left) + go(x * (i + 1), i - 1)
                rest = n
                while rest > 1:
                    state = state @ right
                    rest -= 1
            return state + go(state, n - 2)

        return lambda n: go(START, n).sum()

    _check_gradients(make, 2, 3)


def test_several_results_of_which_some_have_gradients() -> None:
    def make(left, right):
        def go(x, n, *, is_scaled):
            if n <= 0:
                return x, (x.sum(), n), x.argmax()
            y, (total, depth), place = go(torch.sin(x @ left), n - 1, is_scaled=not is_scaled)
            if is_scaled:
                y = y @ right * total
            return y, (total * 2 + y.max(), depth + 1), place

        def loss(n):
            y, (total, depth), place = go(START, n, is_scaled=True)
            return y.sum() + total * depth + place

        return loss

    _check_gradients(make, 1, 3)


class Counting(nn.Module):
    """Changes its buffers at each call, and computes with them."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.layer = nn.Linear(3, 3)
        self.register_buffer("calls", torch.zeros(1))
        self.register_buffer("mean", torch.zeros(3))

    def forward(self, x, n):
        if n <= 0:
            return x
        self.calls = self.calls + 1
        self.mean = self.mean * 0.9 + x.detach().mean(0) * 0.1
        return torch.tanh(self.layer(self(x * 0.5 + self.mean, n - 1))) + self(x, n - 2) * self.calls


def test_memory_that_changes_between_is_kept_as_it_was() -> None:
    def make():
        model, start = Counting(), weight(2, 3)

        def run(n):
            model.zero_grad()
            model(start, n).sum().backward()
            return model.layer.weight.grad * 1, model.layer.bias.grad * 1, model.calls * 1, model.mean * 1

        return run

    check_ways(make, [(1,), (2,), (4,)])
