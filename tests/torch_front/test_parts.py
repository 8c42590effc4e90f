"""Parts of tensors in loops: read and written at staged positions, in memory and in values that loops carry."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn, optim  # noqa: E402

from pylms import PylmsError, stageTensor  # noqa: E402
from tests.torch_front.compare import Script, check, classification  # noqa: E402

A = torch.arange(12.0).reshape(4, 3) / 5 - 1


def test_a_loop_reads_rows_of_a_tensor_in_memory() -> None:
    def make() -> Script:
        data, weight = A.clone(), nn.Parameter(torch.ones(3))

        def run(n):
            total = 0.0
            for i in range(n):
                total += (data[i] * weight + data[-i - 1, 1]).sum().item()
            return total

        return Script(run, {"data": data, "weight": weight})

    check(make, 4)


def test_a_loop_writes_rows_of_a_tensor_in_memory() -> None:
    def make() -> Script:
        data, other, cube = A.clone(), torch.zeros(4, 3), torch.zeros(2, 4, 3)

        def run(n):
            for i in range(n):
                other[i] = data[i] * 2
                other[-i, 0] += 1
                data[1:3] = data[:2] * 0.5
                cube[0, i] = data[i]
                cube[1, 1:, i % 3] = i
            return n

        return Script(run, {"data": data, "other": other, "cube": cube})

    check(make, 4)


def test_a_loop_carries_a_tensor_that_it_changes() -> None:
    def make() -> Script:
        data = A.clone()

        def run(n):
            for _ in range(2):
                state = torch.zeros(4, 3)
                first = state[0]
                for i in range(n):
                    state[i] = data[i] + first
                    state[:, 1] += 1
                    first.mul_(0.5)
                print(f"{state.sum().item():.4f} {first.sum().item():.4f}")
            return state.sum().item()

        return Script(run, {"data": data})

    check(make, 4)


def test_a_view_taken_before_a_loop_sees_what_its_rounds_change() -> None:
    def make() -> Script:
        data, other = A.clone(), A.clone() * 3

        def run(n):
            flat = other.view(-1)
            for _ in range(2):
                x = data * 2
                view = x.t()
                for _ in range(n):
                    print(f"{view[0, 0].item():.4f} {flat[0].item():.4f}")
                    x.add_(1)
                    other.mul_(0.5)
            return n

        return Script(run, {"data": data, "other": other})

    check(make, 3)


def test_variables_of_loops_and_their_other_names() -> None:
    def make() -> Script:
        weight = nn.Parameter(A.clone())

        def run(n):
            state = weight * 2
            for i in range(n):
                state.add_(1)
                part = state[0]
                for j in range(i):
                    state[j] += 0.5
                    part.mul_(0.9)
                print(f"{part.sum().item():.4f} {state.sum().item():.4f}")
                if i > 1:
                    state = state * 0.5
                    state.sub_(0.25)
            state += 1
            kept = state
            kept[1] = 0
            return state.sum().item()

        return Script(run, {"weight": weight})

    check(make, 4)


def test_an_old_name_of_a_tensor_that_a_loop_changed_and_replaced() -> None:
    data, weight = A.clone(), nn.Parameter(A.clone())

    def run(n):
        state = weight * 2
        other = state
        for _ in range(n):
            state.add_(1)
            state = state * 0.5
        print(other.sum().item())
        return n

    assert refused(run, 1).startswith("a tensor that was in `state` and was changed in place there is used after")

    def in_memory(n):
        state = data
        for _ in range(n):
            state.add_(1)
            state = state * 0.5
        return n

    assert refused(in_memory, 1) == "the tensor in `state` is changed in place, and may be one in memory"


def test_a_training_step_through_parts() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight, self.linear = nn.Parameter(torch.randn(4, 6)), nn.Linear(6, 3)

        def forward(self, x):
            out = torch.zeros(x.shape[0], 6)
            out[:, :3] = x[:, 3:] * self.weight[0, :3]
            out[:, 3:] = x[:, :3] + self.weight[1:3, 0].sum()
            return self.linear(torch.tanh(out) * self.weight[-1])

    def make() -> Script:
        model = Model()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        loader = torch.utils.data.DataLoader(classification(24), batch_size=8)

        def run(_):
            for x, y in loader:
                optimizer.zero_grad()
                loss = F.cross_entropy(model(x), y)
                loss.backward()
                optimizer.step()
                print(f"{loss.item():.5f}")

        return Script(run, {"model": model, "optimizer": optimizer})

    check(make)


def test_a_recurrence_by_hand_collects_its_outputs_in_a_tensor() -> None:
    def make() -> Script:
        data = torch.arange(48.0).reshape(2, 3, 8).sin()
        cell, inputs = nn.Linear(5, 5, bias=False), nn.Linear(8, 5)
        optimizer = optim.SGD([*cell.parameters(), *inputs.parameters()], lr=0.1)

        def run(n):
            for _ in range(3):
                state = torch.zeros(2, 5)
                outputs = torch.zeros(2, 3, 5)
                for t in range(n):
                    state = torch.tanh(inputs(data[:, t]) + cell(state))
                    outputs[:, t] = state
                optimizer.zero_grad()
                loss = (outputs * outputs).sum() + state[0].sum()
                loss.backward()
                optimizer.step()
                print(f"{loss.item():.5f}")

        return Script(run, {"cell": cell, "inputs": inputs})

    check(make, 3)


def test_gradients_changed_in_place_under_several_names() -> None:
    def make() -> Script:
        weight = nn.Parameter(A.clone())

        def run(n):
            for i in range(n):
                weight.grad = None
                (weight * weight).sum().backward()
                gradient = weight.grad
                with torch.no_grad():
                    gradient.mul_(0.5)
                    gradient[0] = 1.0
                    gradient.view(-1)[-1:].add_(3)
                    print(
                        f"{gradient.sum().item():.4f} {weight.grad.sum().item():.4f} {gradient.data[0, 0].item():.4f}"
                    )
                    weight.sub_(weight.grad, alpha=0.1)

        return Script(run, {"weight": weight})

    check(make, 3)


def test_a_position_that_is_not_there_is_an_index_error_at_the_line() -> None:
    data = A.clone()

    @stageTensor
    def read(n):
        total = 0.0
        for i in range(n):
            total += data[i].sum().item()
        return total

    assert read(4) == pytest.approx(A.sum().item())
    with pytest.raises(IndexError, match="index is out of bounds for dimension 0 with size 4"):
        read(5)

    @stageTensor
    def write(n):
        for i in range(n):
            data[i - 6, 0] = 1.0

    with pytest.raises(IndexError, match="out of bounds for dimension 0 with size 4"):
        write(1)

    positions = torch.tensor([1, 7])

    @stageTensor
    def gather(n):
        for _ in range(n):
            print(data[:, positions].sum().item())

    with pytest.raises(IndexError, match="index is out of bounds for dimension 1 with size 3"):
        gather(1)


def refused(function, *arguments):
    with pytest.raises(PylmsError) as caught:
        stageTensor(function)(*arguments)
    assert caught.value.loc is not None and caught.value.loc.file == __file__
    return caught.value.message


def test_a_transposed_name_of_a_tensor_in_memory() -> None:
    data = A.clone()
    transposed = data.t()

    def run(n):
        for _ in range(n):
            data.add_(1)
            print(transposed[0].sum().item())

    assert "whose elements are not in order" in refused(run, 1)


def test_subscripts_that_do_not_fit() -> None:
    data, weight = A.clone(), nn.Parameter(A.clone())

    def too_many(n):
        for _ in range(n):
            print(data[0, 0, 0].item())

    def beyond(n):
        for _ in range(n):
            print(data[4].sum().item())

    def floats(n):
        for _ in range(n):
            print(data[data[0]].sum().item())

    def shapes(n):
        for _ in range(n):
            data[1:] = data[:2]

    def into_integers(n):
        for _ in range(n):
            counts = torch.zeros(3, dtype=torch.int64)
            counts += data[0]

    def gradient_into_memory(n):
        for _ in range(n):
            data[0] = weight[0] * 2

    assert refused(too_many, 1) == "too many indices for a tensor of 2 dimensions: 3"
    assert refused(beyond, 1) == "index 4 is out of bounds for dimension 0 with size 4"
    assert refused(floats, 1) == "tensors used as indices are of int64, int32 or bool, not torch.float32"
    assert refused(shapes, 1) == "a tensor of shape [2, 3] is assigned to a part of shape [3, 3]"
    assert refused(into_integers, 1) == "`add_` of a tensor of int64 gives float32, which it cannot hold"
    assert "changed to one that leads to a gradient" in refused(gradient_into_memory, 1)
