"""Whole training loops: losses, printed lines and final weights are PyTorch's."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn, optim  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

from pylms.ir.node import walk  # noqa: E402
from pylms.ir.ops.control import FOR, WHILE  # noqa: E402
from tests.torch_front.programs import assert_same_weights, copied, stage  # noqa: E402


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(6, 5)
        self.fc2 = nn.Linear(5, 3)

    def forward(self, x):
        x = x.view(-1, 6)
        x = F.relu(self.fc1(x))
        return F.log_softmax(self.fc2(x), dim=1)


def _loader(batch_size: int = 4, **options: object) -> DataLoader:
    generator = torch.Generator().manual_seed(5)
    images = torch.randn(22, 2, 3, generator=generator)
    targets = torch.randint(0, 3, (22,), generator=generator)
    return DataLoader(TensorDataset(images, targets), batch_size=batch_size, **options)


def _check(make: Callable[[nn.Module], Callable[[int], object]], calls: int = 1, tolerance: float = 1e-5) -> nn.Module:
    """Train twice from the same weights and random state: by PyTorch, and staged."""
    torch.manual_seed(1)
    real = Net()
    staged = copied(real)
    text = io.StringIO()
    torch.manual_seed(2)
    run_real = make(real)
    with contextlib.redirect_stdout(text):
        expected = [run_real(0) for _ in range(calls)]
    after = torch.random.get_rng_state()
    torch.manual_seed(2)
    compiled = stage(make(staged), 0)
    found = [compiled(0) for _ in range(calls)]
    assert compiled.printed == text.getvalue()
    assert_same_weights(real, staged, tolerance)
    assert torch.equal(torch.random.get_rng_state(), after)
    for mine, theirs in zip(found, expected, strict=True):
        assert mine == pytest.approx(theirs, rel=1e-4) if theirs is not None else mine is None
    return staged


@pytest.mark.parametrize("options", [{}, {"shuffle": True}, {"drop_last": True}, {"shuffle": True, "drop_last": True}])
@pytest.mark.parametrize("batch_size", [1, 4, 11, 30])
def test_any_batch_size(batch_size: int, options: dict[str, object]) -> None:
    def make(model):
        loader = _loader(batch_size, **options)
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        def run(dummy):
            total = 0.0
            epoch = 0
            while epoch < 2:
                for i, (data, target) in enumerate(loader):
                    optimizer.zero_grad()
                    loss = F.nll_loss(model(data), target)
                    loss.backward()
                    optimizer.step()
                    total += loss.item()
                    if i % 3 == 0:
                        print("{} {}/{} {:.4f}".format(epoch, i * len(data), len(loader.dataset), loss.item()))
                epoch += 1
            return total

        return run

    _check(make)


SETTINGS = [
    {"momentum": 0.9},
    {"momentum": 0.9, "nesterov": True},
    {"momentum": 0.8, "dampening": 0.3},
    {"weight_decay": 0.1},
    {"momentum": 0.9, "weight_decay": 0.05, "nesterov": True, "maximize": True},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_sgd_settings_and_continuing_in_pytorch(settings: dict[str, object]) -> None:
    """The second call continues, and so does PyTorch with the optimiser's own state."""
    optimizers = []

    def make(model):
        loader = _loader()
        optimizer = optim.SGD(model.parameters(), lr=0.05, **settings)
        optimizers.append((model, optimizer))

        def run(dummy):
            for data, target in loader:
                optimizer.zero_grad()
                F.nll_loss(model(data), target).backward()
                optimizer.step()

        return run

    _check(make, calls=2)
    for model, optimizer in optimizers:
        for data, target in _loader():
            optimizer.zero_grad()
            F.nll_loss(model(data), target).backward()
            optimizer.step()
    assert_same_weights(optimizers[0][0], optimizers[1][0])


def _steps(first: str, last: str) -> Callable[[nn.Module], Callable[[int], object]]:
    def make(model):
        loader = _loader(shuffle=True)
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.5)
        clear = {
            "optimizer": lambda: optimizer.zero_grad(),
            "module": lambda: model.zero_grad(),
            "zeros": lambda: optimizer.zero_grad(set_to_none=False),
            "nothing": lambda: None,
        }
        clear_first, clear_last = clear[first], clear[last]

        def run(dummy):
            for epoch in range(2):
                for data, target in loader:
                    clear_first()
                    loss = F.nll_loss(model(data), target)
                    loss.backward()
                    optimizer.step()
                    clear_last()

        return run

    return make


@pytest.mark.parametrize("first", ["optimizer", "module", "zeros", "nothing"])
@pytest.mark.parametrize("last", ["optimizer", "zeros", "nothing"])
def test_zero_grad_anywhere(first: str, last: str) -> None:
    _check(_steps(first, last))


@pytest.mark.parametrize("first, last", [("optimizer", "nothing"), ("nothing", "optimizer")])
def test_gradients_cleared_every_step_are_carried_by_no_loop(first: str, last: str) -> None:
    torch.manual_seed(1)
    compiled = stage(_steps(first, last)(Net()), 0)
    loops = [node for node in walk(compiled.function.body) if node.primitive in (FOR, WHILE)]
    assert len(loops) == 3 and all(node.results == () for node in loops)


def test_accumulating_over_several_batches() -> None:
    def make(model):
        loader = _loader()
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        def run(dummy):
            optimizer.zero_grad()
            for i, (data, target) in enumerate(loader):
                loss = F.nll_loss(model(data), target) / 3
                loss.backward()
                if (i + 1) % 3 == 0:
                    optimizer.step()
                    optimizer.zero_grad()

        return run

    _check(make)


def test_clearing_once_an_epoch() -> None:
    def make(model):
        loader = _loader(shuffle=True)
        optimizer = optim.SGD(model.parameters(), lr=0.02)

        def run(dummy):
            epoch = 0
            while epoch < 3:
                optimizer.zero_grad()
                for data, target in loader:
                    F.nll_loss(model(data), target).backward()
                optimizer.step()
                epoch += 1

        return run

    _check(make)


def test_two_groups_and_a_frozen_parameter() -> None:
    def make(model):
        model.fc1.bias.requires_grad_(False)
        optimizer = optim.SGD(
            [{"params": [model.fc1.weight, model.fc1.bias], "lr": 0.2}, {"params": model.fc2.parameters()}],
            lr=0.05,
            weight_decay=0.01,
        )
        loader = _loader()

        def run(dummy):
            for data, target in loader:
                optimizer.zero_grad()
                F.cross_entropy(model(data), target).backward()
                optimizer.step()

        return run

    _check(make)


def test_learning_rate_changed_between_calls() -> None:
    torch.manual_seed(1)
    real = Net()
    staged = copied(real)

    def make(model, optimizer, loader):
        def run(dummy):
            for data, target in loader:
                optimizer.zero_grad()
                F.nll_loss(model(data), target).backward()
                optimizer.step()

        return run

    pairs = [(model, optim.SGD(model.parameters(), lr=0.1)) for model in (real, staged)]
    runs = [make(model, optimizer, _loader()) for model, optimizer in pairs]
    runs[1] = stage(runs[1], 0)
    for rate in (0.1, 0.01):
        for (_, optimizer), run in zip(pairs, runs, strict=True):
            optimizer.param_groups[0]["lr"] = rate
            run(0)
    assert_same_weights(real, staged)


def test_model_made_inside_from_the_same_seed() -> None:
    loader = _loader(shuffle=True)

    def run(dummy):
        torch.manual_seed(9)
        model = Net()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        idx = 0
        while idx < 2:
            for batch, (data, target) in enumerate(loader):
                optimizer.zero_grad()
                loss = F.nll_loss(model(data), target)
                loss.backward()
                optimizer.step()
            idx = idx + 1
        return model

    expected = run(0)
    compiled = stage(run, 0)
    assert_same_weights(expected, compiled(0))


def test_updates_written_by_hand() -> None:
    def make(model):
        loader = _loader()
        parameters = list(model.parameters())

        def run(dummy):
            for data, target in loader:
                loss = F.nll_loss(model(data), target)
                loss.backward()
                with torch.no_grad():
                    for p in parameters:
                        p -= 0.1 * p.grad
                        p.grad = None

        return run

    _check(make)


def test_updates_written_by_hand_on_data() -> None:
    def make(model):
        loader = _loader()
        parameters = list(model.parameters())

        def run(dummy):
            for data, target in loader:
                for p in parameters:
                    if p.grad is not None:
                        p.grad.data.zero_()
                loss = F.nll_loss(model(data), target)
                loss.backward()
                for p in parameters:
                    p.data.add_(p.grad.data, alpha=-0.1)

        return run

    _check(make)


def test_updates_through_aliases_made_before() -> None:
    """The alias and the parameter are one memory, and only the parameter leads to a gradient."""

    def make(model):
        loader = _loader()
        aliases = [(p, p.data) for p in model.parameters()]

        def run(dummy):
            for data, target in loader:
                for p, alias in aliases:
                    alias.mul_(0.99)
                    p.grad = None
                (F.nll_loss(model(data), target) + 0.1 * (aliases[0][1] * aliases[0][0]).sum()).backward()
                for p, alias in aliases:
                    alias -= 0.1 * p.grad

        return run

    _check(make)


class Gate(Net):
    """A forward that branches on a staged value, and one on a plain one."""

    def forward(self, x):
        x = self.fc1(x.view(-1, 6))
        if self.training:
            x = torch.tanh(x)
        if x.sum() > 0:
            x = x * 2
        else:
            x = torch.sigmoid(x)
        return F.log_softmax(self.fc2(x), dim=1)


def test_forward_that_branches_on_its_data() -> None:
    torch.manual_seed(1)
    real = Gate()
    staged = copied(real)

    def make(model):
        optimizer, loader = optim.SGD(model.parameters(), lr=0.1), _loader(batch_size=2)

        def run(dummy):
            for data, target in loader:
                optimizer.zero_grad()
                F.nll_loss(model(data), target).backward()
                optimizer.step()

        return run

    make(real)(0)
    stage(make(staged), 0)(0)
    assert_same_weights(real, staged)


def test_evaluation_under_no_grad() -> None:
    def make(model):
        loader = _loader(batch_size=5)

        def run(dummy):
            model.eval()
            correct = 0
            with torch.no_grad():
                for data, target in loader:
                    correct += model(data).argmax(dim=1).eq(target).sum().item()
            return correct

        return run

    _check(make)


def test_two_models_trained_against_each_other() -> None:
    """Each optimiser moves its own parameters; the loss of one depends on both."""

    def make(model):
        torch.manual_seed(4)
        other = nn.Linear(3, 1)
        first, second = optim.SGD(model.parameters(), lr=0.1), optim.SGD(other.parameters(), lr=0.1)
        loader = _loader()

        def run(dummy):
            for data, target in loader:
                first.zero_grad()
                loss = other(model(data)).mean()
                loss.backward()
                first.step()
                second.zero_grad()
                loss = -other(model(data).detach()).mean()
                loss.backward()
                second.step()

        return run

    _check(make)


def test_calling_again_continues() -> None:
    _check(_steps("optimizer", "nothing"), calls=3)


def test_tensors_in_the_result_are_real_tensors() -> None:
    w = nn.Parameter(torch.tensor([1.0, 2.0]))

    def run(scale):
        return w * scale, (w.sum().item(), w)

    tensor, (number, same) = stage(run, 3.0)(3.0)
    torch.testing.assert_close(tensor, torch.tensor([3.0, 6.0]))
    assert number == 3.0 and same is w and type(tensor) is torch.Tensor


def test_an_optimiser_with_state_is_made_in_the_program() -> None:
    def make(model):
        loader = _loader(4)

        def run(dummy):
            optimizer = optim.Adagrad(model.parameters(), lr=0.1, initial_accumulator_value=0.5)
            total = 0.0
            for data, target in loader:
                optimizer.zero_grad()
                loss = F.nll_loss(model(data), target)
                loss.backward()
                optimizer.step()
                total += loss.item()
            return total

        return run

    _check(make)
