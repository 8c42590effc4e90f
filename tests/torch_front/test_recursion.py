"""Functions over tensors that call themselves: PyTorch = the interpreter = compiled code."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from pylms import stageTensor  # noqa: E402
from pylms.errors import TorchFeatureError  # noqa: E402
from tests.torch_front.ways import check_ways, weight  # noqa: E402


def test_tensors_go_in_and_come_out() -> None:
    def make():
        matrix, start = weight(4, 4), weight(1, 4)

        def go(x, n):
            if n <= 0:
                return x
            return torch.tanh(go(x @ matrix, n - 1) + x)

        return lambda n: go(start, n)

    native = check_ways(make, [(0,), (1,), (-1,), (2,), (7,)])
    assert native.Ccode.count("go(ctx, ") == 2


def test_several_results_of_all_ranks() -> None:
    def make():
        matrix, start = weight(3, 3), weight(2, 3)

        def go(x, n, scale):
            if n <= 0:
                return x, x.sum(), n, (x.t(), scale)
            a, total, depth, (b, s) = go(torch.sigmoid(x @ matrix), n - 1, scale * 2)
            c, other, _, _ = go(x * scale, n - 2, s)
            return a + c, total - other, depth + 1, (b, s)

        return lambda n, scale: go(start, n, scale)

    check_ways(make, [(0, 0.5), (3, 0.5), (4, -1.0)])


def test_mutual_recursion_with_different_tensors() -> None:
    def make():
        down, up, start = weight(4, 2), weight(2, 4, seed=4), weight(1, 4)

        def narrow(x, n):
            return x if n <= 0 else wide(torch.tanh(x @ up), n - 1) @ down

        def wide(x, n):
            return x if n <= 0 else narrow(x @ down, n - 1) @ up + x

        return lambda n: wide(start, n)

    check_ways(make, [(0,), (1,), (2,), (5,)])


class Tower(nn.Module):
    """Calls itself, and counts its calls in a buffer."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.layer = nn.Linear(3, 3)
        self.register_buffer("calls", torch.zeros(3))

    def forward(self, x, n):
        if n <= 0:
            return x
        self.calls = self.calls + 1
        below = self(torch.tanh(self.layer(x)), n - 1)
        return below * 2 if self.training else below + self.calls


def test_a_module_calls_itself_and_changes_its_buffer() -> None:
    def make():
        tower, start = Tower(), weight(1, 3)

        def run(n):
            with torch.no_grad():
                return tower(start, n) + tower(start, n - 1), tower.calls * 1

        return run

    check_ways(make, [(0,), (1,), (4,), (4,)])


def test_a_tensor_from_memory_that_the_callee_changes_stays_what_it_was() -> None:
    def make():
        tower = Tower()

        def go(x, n):
            if n <= 0:
                return x
            tower.calls = tower.calls * 2 + 1
            return go(x, n - 1) + x

        def run(n):
            tower.calls = tower.calls + n
            before = tower.calls.reshape(1, 3)
            return go(before, n) + before

        return run

    check_ways(make, [(0,), (1,), (3,), (2,)])


def test_modes_are_those_of_the_call() -> None:
    def make():
        tower, start = Tower(), weight(1, 3)

        def run(n):
            with torch.no_grad():
                tower.train()
                first = tower(start, n)
                tower.eval()
                second = tower(start, n)
                tower.train()
                return first, second

        return run

    check_ways(make, [(0,), (2,)])


def test_a_variable_around_the_function_holds_a_tensor() -> None:
    def make():
        matrix, start = weight(3, 3), weight(1, 3)

        def run(n):
            total = start * 0

            def visit(x, k):
                nonlocal total
                total = total + x
                if k > 0:
                    visit(x @ matrix, k - 1)
                    visit(x * 0.5, k - 2)

            visit(start, n)
            return total

        return run

    check_ways(make, [(0,), (1,), (4,)])


def test_too_deep_is_an_error_and_the_next_call_works() -> None:
    start = weight(1, 3)

    def go(x, n):
        return x if n == 0 else go(x * 0.5, n - 1) + x

    run = stageTensor(lambda n: go(start, n))
    assert torch.isfinite(run(500)).all()
    for depth in (10**9, -1):
        with pytest.raises(RecursionError):
            run(depth)
    torch.testing.assert_close(run(3), start * 1.875)


def test_gradients_within_are_refused() -> None:
    layer = nn.Linear(1, 1)

    def go(n):
        if n > 0:
            layer(torch.ones(1, 1)).sum().backward()
            go(n - 1)

    with pytest.raises(TorchFeatureError, match=r"backward\(\) and `.grad` in a function that calls itself"):
        stageTensor(lambda n: go(n))(2)


def test_large_tensors_of_each_call_are_apart() -> None:
    """Each call needs 64 KB, so that a thread's stack would hold no hundred of them."""
    start = torch.ones(128, 128)

    def go(x, n):
        if n <= 0:
            return x
        half = x * 0.5
        return torch.tanh(half + go(half * 0.5 + x, n - 1) * 0.1) + half

    native = stageTensor(lambda n: go(start, n))
    for n in (0, 1, 2, 300):
        torch.testing.assert_close(native(n), go(start, n))
    with pytest.raises(RecursionError):
        native(10**9)
    torch.testing.assert_close(native(2), go(start, 2))


def test_results_are_made_where_the_caller_wants_them() -> None:
    def make():
        matrix, start = weight(3, 3), weight(1, 3)

        def go(x, n):
            if n <= 0:
                return x @ matrix, x.reshape(3)
            y, z = go(torch.tanh(x), n - 1)
            for _ in range(n):
                y = torch.sin(y) + x
            return y, (z * 2).reshape(3)

        return lambda n: go(start, n)

    native = check_ways(make, [(0,), (1,), (4,)])
    body = native.Ccode[native.Ccode.index("// go,") :].split("\n}")[0]
    assert "(result, " not in body, "the first result is never copied"
    assert "if (" in body and "!= result_2) __builtin_memcpy(result_2, " in body, "the second may be an argument"
