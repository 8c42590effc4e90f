"""A native training loop while it runs: Ctrl-C, memory, prints, errors from Python it calls, threads."""

from __future__ import annotations

import copy
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn, optim  # noqa: E402
from torch.utils.data import DataLoader, Dataset, Sampler, TensorDataset  # noqa: E402

from pylms import stageTensor  # noqa: E402
from tests.torch_front.compare import classification  # noqa: E402
from tests.torch_front.programs import assert_same_weights  # noqa: E402

SAMPLES = 70
ENDLESS = 10**12


@dataclass
class Training:
    """A classifier that trains batch by batch and counts its steps; `compiled(epochs)` is the native loop."""

    model: nn.Module
    optimizer: optim.Optimizer
    steps: torch.Tensor
    loader: DataLoader
    compiled: Callable[[int], None]

    def reset(self, initial: dict[str, Any]) -> None:
        self.model.load_state_dict(initial)
        for state in self.optimizer.state.values():
            state["momentum_buffer"].zero_()

    def step(self, x: torch.Tensor, y: torch.Tensor) -> None:
        """One step by PyTorch."""
        self.optimizer.zero_grad()
        F.cross_entropy(self.model(x), y).backward()
        self.optimizer.step()


def _training(momentum: float = 0.0, **options: bool) -> Training:
    torch.manual_seed(1)
    data = TensorDataset(torch.randn(SAMPLES, 784), torch.randint(0, 10, (SAMPLES,)))
    loader = DataLoader(data, batch_size=1)
    model = nn.Sequential(nn.Linear(784, 16), nn.ReLU(), nn.Linear(16, 10))
    optimizer = optim.SGD(model.parameters(), lr=1e-4, momentum=momentum)
    steps = torch.zeros((), dtype=torch.int64)

    def run(epochs):
        epoch = 0
        while epoch < epochs:
            for x, y in loader:
                optimizer.zero_grad()
                loss = F.cross_entropy(model(x), y)
                loss.backward()
                optimizer.step()
                steps.add_(1)
            epoch += 1

    compiled = stageTensor(**options)(run) if options else stageTensor(run)
    return Training(model, optimizer, steps, loader, compiled)


# Ctrl-C


@pytest.fixture
def _python_sigint_handler() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def _press_ctrl_c(after: float) -> threading.Thread:
    def press() -> None:
        time.sleep(after)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    return thread


@pytest.mark.usefixtures("_python_sigint_handler")
@pytest.mark.parametrize(
    "momentum, options", [(0.0, {}), (0.9, {}), (0.0, {"reassociate": True})], ids=["plain", "momentum", "reassociated"]
)
def test_ctrl_c_leaves_the_weights_of_some_whole_step(momentum: float, options: dict[str, bool]) -> None:
    training = _training(momentum, **options)
    initial = copy.deepcopy(training.model.state_dict())
    training.compiled(1)
    for attempt in range(3):
        training.reset(initial)
        training.steps.zero_()
        presser = _press_ctrl_c(after=0.01 + 0.007 * attempt)
        started = time.perf_counter()
        with pytest.raises(KeyboardInterrupt):
            training.compiled(ENDLESS)
        assert time.perf_counter() - started < 10
        presser.join()
        interrupted = copy.deepcopy(training.model)
        momenta = [state["momentum_buffer"].clone() for state in training.optimizer.state.values() if momentum]
        epochs, rest = divmod(int(training.steps), SAMPLES)
        assert epochs > 0
        training.reset(initial)
        training.compiled(epochs)
        for x, y in list(training.loader)[:rest]:
            training.step(x, y)
        assert_same_weights(interrupted, training.model, tolerance=1e-5)
        for state, found in zip(training.optimizer.state.values(), momenta, strict=momentum > 0):
            torch.testing.assert_close(found, state["momentum_buffer"], rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("_python_sigint_handler")
def test_training_goes_on_after_ctrl_c() -> None:
    training = _training()
    presser = _press_ctrl_c(after=0.02)
    with pytest.raises(KeyboardInterrupt):
        training.compiled(ENDLESS)
    presser.join()
    before = int(training.steps)
    training.compiled(2)
    assert int(training.steps) == before + 2 * SAMPLES


# Memory


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize("shuffle", [False, True])
def test_memory_does_not_grow_with_steps(shuffle: bool) -> None:
    torch.manual_seed(1)
    loader = DataLoader(classification(500), batch_size=2, shuffle=shuffle)
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))
    optimizer = optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)

    @stageTensor
    def run(epochs):
        total = 0.0
        epoch = 0
        while epoch < epochs:
            for x, y in loader:
                optimizer.zero_grad()
                loss = F.cross_entropy(model(x), y)
                loss.backward()
                optimizer.step()
                total += loss.item()
            epoch += 1
        return total

    run(20)
    before = _resident_bytes()
    run(800)
    assert _resident_bytes() - before < 2 * 2**20


def test_scratch_memory_is_one_block_of_known_size() -> None:
    source = _training(0.9).compiled.Ccode
    allocations = re.findall(r"allocate\(([^;]*)\);", source)
    assert len(allocations) == 1
    assert re.fullmatch(r"\w+, \d+", allocations[0]), "the size is a constant of the program"


# Prints and callbacks


def _printing(loader: DataLoader) -> tuple[nn.Module, torch.Tensor, Callable[[int], object]]:
    torch.manual_seed(1)
    model = nn.Linear(6, 3)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    steps = torch.zeros((), dtype=torch.int64)

    def run(epochs):
        for epoch in range(epochs):
            for i, (x, y) in enumerate(loader):
                optimizer.zero_grad()
                F.cross_entropy(model(x), y).backward()
                optimizer.step()
                steps.add_(1)
                print("epoch", epoch, "batch", i)
            print(f"end of {epoch}")

    return model, steps, stageTensor(run)


def test_prints_come_in_order_with_those_around(capsys) -> None:
    _, _, run = _printing(DataLoader(classification(9), batch_size=4))
    print("before")
    run(2)
    print("after")
    expected = ["before"]
    for epoch in range(2):
        expected += [*(f"epoch {epoch} batch {i}" for i in range(3)), f"end of {epoch}"]
    assert capsys.readouterr().out.splitlines() == [*expected, "after"]


class _FullDisk:
    """A `sys.stdout` that fails from some line on."""

    def __init__(self, lines: int) -> None:
        self.left = lines
        self.text = ""

    def write(self, text: str) -> int:
        if self.left == 0:
            raise OSError("no space left")
        self.left -= text.count("\n")
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass


def test_an_error_of_stdout_ends_the_run_after_that_step(monkeypatch, capsys) -> None:
    model, steps, run = _printing(DataLoader(classification(9), batch_size=4))
    reference = copy.deepcopy(model)
    out = _FullDisk(5)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        with pytest.raises(OSError, match="no space left"):
            run(3)
    assert out.text.splitlines() == [
        "epoch 0 batch 0",
        "epoch 0 batch 1",
        "epoch 0 batch 2",
        "end of 0",
        "epoch 1 batch 0",
    ]
    assert int(steps) == 5
    optimizer = optim.SGD(reference.parameters(), lr=0.1)
    batches = list(DataLoader(classification(9), batch_size=4))
    for x, y in [*batches, *batches[:2]]:
        optimizer.zero_grad()
        F.cross_entropy(reference(x), y).backward()
        optimizer.step()
    assert_same_weights(reference, model)
    capsys.readouterr()
    run(1)
    assert capsys.readouterr().out.endswith("end of 0\n")


class _FailsInSecondEpoch(Sampler):
    def __init__(self) -> None:
        self.epochs = 0

    def __len__(self) -> int:
        return 9

    def __iter__(self):
        self.epochs += 1
        if self.epochs == 2:
            raise RuntimeError("the sampler is broken")
        return iter(range(9))


class _FailsAtSample(Dataset):
    def __init__(self) -> None:
        self.calls = 0

    def __len__(self) -> int:
        return 9

    def __getitem__(self, index: int):
        if self.calls == 9 + 6:
            raise ValueError("a bad sample")
        self.calls += 1
        return torch.full((6,), float(index)), index % 3


def test_an_error_of_the_sampler_comes_out_of_the_call(capsys) -> None:
    sampler = _FailsInSecondEpoch()
    _, steps, run = _printing(DataLoader(classification(9), batch_size=4, sampler=sampler))
    with pytest.raises(RuntimeError, match="the sampler is broken"):
        run(3)
    assert int(steps) == 3
    assert capsys.readouterr().out.splitlines()[-1] == "end of 0"
    run(1)
    assert int(steps) == 6


def test_an_error_of_the_data_set_comes_out_of_the_call() -> None:
    data = _FailsAtSample()
    _, steps, run = _printing(DataLoader(data, batch_size=4))
    _ = run.code  # makes batches to see their shapes
    data.calls = 0
    with pytest.raises(ValueError, match="a bad sample"):
        run(3)
    assert int(steps) == 4
    data.calls = 0
    run(1)


# Threads


def test_two_threads_train_their_own_models() -> None:
    results: dict[str, nn.Module] = {}

    def train(name: str) -> None:
        trainings[name].compiled(40)
        results[name] = trainings[name].model

    trainings = {"first": _training(), "second": _training(0.9)}
    alone = {name: copy.deepcopy(training.model.state_dict()) for name, training in trainings.items()}
    threads = [threading.Thread(target=train, args=(name,)) for name in trainings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, training in trainings.items():
        together = copy.deepcopy(results[name])
        training.reset(alone[name])
        training.compiled(40)
        assert_same_weights(together, training.model, tolerance=1e-6)


def test_a_function_is_staged_while_another_draws_random_numbers() -> None:
    """Epochs draw from the process's random state; staging, in another thread, puts it back."""
    training, stop = _training(), threading.Event()
    training.compiled(1)
    model = nn.Linear(6, 3)
    loader = DataLoader(classification(14), batch_size=7, shuffle=True)

    @stageTensor
    def slow_to_stage(epochs):
        total = 0.0
        epoch = 0
        while epoch < epochs:
            for x, _ in loader:
                time.sleep(0.05)  # while it is staged
                total += model(x).sum().item()
            epoch += 1
        return total

    def train() -> None:
        while not stop.is_set():
            training.compiled(20)

    thread = threading.Thread(target=train)
    thread.start()
    try:
        first = slow_to_stage(1)
        assert slow_to_stage(1) == pytest.approx(first)
    finally:
        stop.set()
        thread.join()


def test_two_threads_call_one_function() -> None:
    model = nn.Linear(6, 3)
    loader = DataLoader(classification(600), batch_size=7)

    @stageTensor
    def evaluate(rounds):
        correct = 0
        done = 0
        while done < rounds:
            with torch.no_grad():
                for x, y in loader:
                    correct += (model(x).argmax(dim=1) == y).sum().item()
            done += 1
        return correct

    expected = evaluate(1)
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(evaluate(50))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [50 * expected] * 4


def test_pytorch_in_another_thread_while_functions_are_staged() -> None:
    """Staging touches PyTorch's classes while it traces; only for its own thread."""

    def train_by_pytorch(rounds: int) -> nn.Module:
        model = nn.Sequential(nn.Linear(6, 4), nn.Linear(4, 3))
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.fill_(0.1)
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        loader = DataLoader(classification(24), batch_size=8, generator=torch.Generator())
        for _ in range(rounds):
            model.train()
            for x, y in loader:
                optimizer.zero_grad()
                F.cross_entropy(model(x), y).backward()
                optimizer.step()
            model.zero_grad()
        return model

    expected = train_by_pytorch(60)
    found: list[nn.Module] = []
    threads = [threading.Thread(target=lambda: found.append(train_by_pytorch(60)))]
    threads += [threading.Thread(target=lambda: _printing(_loader_of_its_own())[2].code) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 1
    assert_same_weights(expected, found[0])
    assert "pylms" not in nn.Module.__call__.__module__ and "pylms" not in DataLoader.__iter__.__module__


def _loader_of_its_own() -> DataLoader:
    return DataLoader(classification(9), batch_size=4)


def test_a_number_that_is_reshaped_has_memory_of_its_own() -> None:
    w, x = torch.randn(1, 3), torch.randn(4)

    def run(n):
        total = (x * n).sum()
        return total.reshape(1, 1) @ w, total

    torch.testing.assert_close(stageTensor(run)(2), run(2))
