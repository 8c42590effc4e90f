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


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_products_of_rows_wait_to_be_added_to_a_large_matrix(rows: int) -> None:
    def make():
        large = (weight(100, 96).double() * 0.1).requires_grad_()
        start, back = weight(rows, 96).double(), weight(100, 96, seed=5).double() * 0.1

        def run(n):
            large.grad = None
            x = start * 1
            for _ in range(n):
                x = torch.tanh(x @ large.t()) @ back
            x.sum().backward()
            return large.grad * 1

        return run

    native = check_ways(make, [(1,), (16,), (17,), (40,)])
    assert ("add_later<100, 96, 16>" in native.Ccode) is (rows < 5)


def test_gradients_of_large_matrices_through_recursion() -> None:
    def make():
        large = (weight(100, 96).double() * 0.1).requires_grad_()
        bias = weight(100, seed=4).double().requires_grad_()
        start, back = weight(1, 96).double(), weight(100, 96, seed=5).double() * 0.1

        def visit(x, n):
            if n <= 0:
                return torch.sin(x), x.sum()
            y, below = visit(torch.tanh(x @ large.t() + bias) @ back, n - 1)
            z, other = visit(y * 0.5, n - 2)
            return torch.nn.functional.linear(z + y, large, bias) @ back, below * other + y.sum()

        def run(n):
            large.grad = bias.grad = None
            y, loss = visit(start, n)
            (loss + y.sum()).backward()
            return loss.item(), large.grad * 1, bias.grad * 1

        return run

    native = check_ways(make, [(1,), (2,), (5,)])
    assert "add_later<100, 96, 16>" in native.Ccode


def test_rows_of_an_embedding_are_added_where_they_were_taken() -> None:
    def make():
        table = weight(50, 6, requires_grad=True)
        numbers = torch.tensor([3, 1, 3, 49, 0, 7])

        def visit(n):
            if n <= 0:
                return table[numbers[n]].sum()
            return torch.tanh(table[numbers[n]] * table[numbers[n - 1]]).sum() * visit(n - 1) + visit(n - 2)

        def run(n):
            table.grad = None
            total = visit(n)
            for i in range(n):
                total = total + (table[numbers] * table[i]).sum()
            total.backward()
            with torch.no_grad():
                table.sub_(table.grad, alpha=0.1)
            return total.item(), table.grad * 1, table * 1

        return run

    native = check_ways(make, [(1,), (2,), (5,)])
    assert native.Ccode.count("memset") == 2, "one table of gradients for the calls, one for the loop"


def test_an_embedding_learns_in_place() -> None:
    def make():
        table = weight(50, 6, requires_grad=True)
        numbers = torch.tensor([3, 1, 3, 49])

        def run(n):
            for i in range(n):
                table.grad = None
                torch.sin(table[numbers] * i).sum().backward()
                with torch.no_grad():
                    table.sub_(table.grad, alpha=0.1)
            return table * 1

        return run

    assert "memset" not in check_ways(make, [(1,), (4,)]).Ccode


def test_numbers_and_tensors_of_no_dimensions_meet() -> None:
    """A sum of losses begins with 0, a count of hits too; one side of a branch has a number; so has a base case."""

    def make():
        w = weight(3, requires_grad=True)
        y = torch.tensor([1, 0, 1])

        def descend(n):
            return 0.0 if n <= 0 else (w * n).sum() + descend(n - 1) * 0.5 + descend(n - 2)

        def run(n):
            w.grad = None
            loss, hits = 0, 0
            for i in range(n):
                below = 0.5 if i % 2 == 0 else w.sum() * 2
                loss = loss + (w * i).sum() + below
                hits += (y == i).sum()
            (loss + descend(n)).backward()
            return loss.detach(), hits, w.grad * 1

        return run

    check_ways(make, [(1,), (2,), (5,)])
