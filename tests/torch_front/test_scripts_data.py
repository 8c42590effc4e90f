"""Scripts over all kinds of data sets and loaders: the same batches in the same order, same random state after."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn, optim  # noqa: E402
from torch.utils.data import (  # noqa: E402
    DataLoader,
    Dataset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    random_split,
)

from tests.torch_front.compare import Script, check, classification, regression  # noqa: E402


def _check_epochs(make_loader: Callable[[], DataLoader], inputs: int = 6, tolerance: float = 1e-5) -> None:
    """Two epochs of a classifier, with every batch's loss printed."""

    def make():
        loader = make_loader()
        model = nn.Linear(inputs, 3)
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        def run(_):
            seen = 0
            for epoch in range(2):
                for i, (x, y) in enumerate(loader):
                    optimizer.zero_grad()
                    loss = F.cross_entropy(model(x), y)
                    loss.backward()
                    optimizer.step()
                    seen += len(x)
                    print(epoch, i, f"{loss.item():.5f}")
            print("seen", seen)
            return seen

        return Script(run, {"model": model})

    check(make, tolerance=tolerance)


@pytest.mark.parametrize(
    "samples, options",
    [
        (20, {"batch_size": 5}),
        (20, {"batch_size": 6, "shuffle": True}),
        (20, {"batch_size": 6, "shuffle": True, "drop_last": True}),
        (7, {"batch_size": 64, "shuffle": True}),
        (7, {"batch_size": 64, "shuffle": True, "drop_last": True}),
        (1, {"batch_size": 1, "shuffle": True}),
        (20, {"batch_size": 8, "num_workers": 2, "shuffle": True}),
    ],
    ids=str,
)
def test_batches_that_fit_and_do_not(samples, options):
    _check_epochs(lambda: DataLoader(classification(samples), **options))


@pytest.mark.parametrize("drop_last", [False, True])
def test_shuffling_by_a_generator(drop_last):
    def make_loader():
        generator = torch.Generator().manual_seed(3)
        return DataLoader(classification(20), batch_size=6, shuffle=True, drop_last=drop_last, generator=generator)

    _check_epochs(make_loader)


def test_samplers():
    def weighted():
        return DataLoader(classification(24), batch_size=8, sampler=WeightedRandomSampler(torch.rand(24), 20))

    def subset():
        return DataLoader(classification(24), batch_size=8, sampler=SubsetRandomSampler(range(3, 20)))

    _check_epochs(weighted)
    _check_epochs(subset)


class Made(Dataset):
    """Samples that Python makes; the target is a plain int."""

    def __init__(self, *, noise=False):
        self.noise = noise

    def __len__(self):
        return 10

    def __getitem__(self, index):
        if self.noise:
            return torch.randn(6) + index / 10, random.randrange(3)
        return torch.full((6,), index / 10), index % 3


@pytest.mark.parametrize("noise", [False, True])
def test_a_data_set_of_the_users_own(noise):
    _check_epochs(lambda: DataLoader(Made(noise=noise), batch_size=4, shuffle=True))


def test_collate_fn_and_random_split():
    def collate(samples):
        return torch.stack([x * 2 for x, _ in samples]), torch.tensor([int(y) for _, y in samples])

    _check_epochs(lambda: DataLoader(classification(17), batch_size=7, collate_fn=collate))
    _check_epochs(lambda: DataLoader(random_split(classification(20), [13, 7])[0], batch_size=4, shuffle=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_regression_targets(dtype):
    def make():
        features, values = regression(dtype=dtype).tensors
        loader = DataLoader(TensorDataset(features, values.squeeze(1)), batch_size=6, shuffle=True)
        model = nn.Linear(4, 1, dtype=dtype)
        optimizer = optim.SGD(model.parameters(), lr=0.1, weight_decay=0.1)
        criterion = nn.MSELoss()

        def run(_):
            for x, y in loader:
                optimizer.zero_grad()
                loss = criterion(model(x).squeeze(-1), y)
                loss.backward()
                optimizer.step()
                print(f"{loss.item():.6f}")

        return Script(run, {"model": model, "optimizer": optimizer})

    check(make, tolerance=1e-5 if dtype is torch.float32 else 1e-11)


def test_float32_model_and_float64_targets():
    """The loss is float64, as PyTorch's promotion has it."""

    def make():
        features, values = regression().tensors
        loader = DataLoader(TensorDataset(features, values.double()), batch_size=6)
        model = nn.Linear(4, 1)
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        def run(_):
            for x, y in loader:
                optimizer.zero_grad()
                difference = model(x) - y
                loss = (difference * difference).mean()
                loss.backward()
                optimizer.step()
                print(loss.item())

        return Script(run, {"model": model})

    check(make)


def test_batches_taken_apart_by_hand():
    def make():
        model = nn.Linear(6, 3)
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        loader = DataLoader(classification(), batch_size=5)

        def run(_):
            for batch in loader:
                x, y = batch
                x, y = x.to("cpu"), y.to(torch.device("cpu"))
                optimizer.zero_grad()
                loss = F.cross_entropy(model(batch[0]), y) + (model(x) ** 2).mean()
                loss.backward()
                optimizer.step()
                print(f"{loss.item():.5f}")

        return Script(run, {"model": model})

    check(make)


def test_training_and_validation_set():
    def make():
        model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
        optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True)
        train = DataLoader(classification(30), batch_size=8, shuffle=True)
        validation = DataLoader(classification(17, seed=9), batch_size=5)
        criterion = nn.CrossEntropyLoss()

        def run(_):
            best = 0.0
            for epoch in range(3):
                model.train()
                train_loss = 0.0
                for x, y in train:
                    optimizer.zero_grad()
                    loss = criterion(model(x), y)
                    loss.backward()
                    optimizer.step()
                    train_loss += loss.item()
                model.eval()
                correct = total = 0
                with torch.no_grad():
                    for x, y in validation:
                        correct += int((model(x).argmax(dim=1) == y).sum())
                        total += y.size(0)
                accuracy = correct / total
                if accuracy > best:
                    best = accuracy
                print(f"Epoch {epoch + 1}: {train_loss / len(train):.4f} best {best:.3f}", round(accuracy, 3))
            return best

        return Script(run, {"model": model, "optimizer": optimizer})

    check(make)


def test_one_loader_in_nested_loops():
    """Each loop has its own order."""

    def make():
        model = nn.Linear(6, 3)
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        loader = DataLoader(classification(20), batch_size=6, shuffle=True)

        def run(_):
            for x, y in loader:
                optimizer.zero_grad()
                loss = F.cross_entropy(model(x), y)
                loss.backward()
                optimizer.step()
                correct = 0
                for other_x, other_y in loader:
                    correct += (model(other_x).argmax(dim=1) == other_y).sum().item()
                print(f"{loss.item():.5f}", correct)

        return Script(run, {"model": model})

    check(make)


def test_tensors_added_to_numbers_and_formatted():
    def make():
        model = nn.Linear(6, 3)
        loader = DataLoader(classification(23), batch_size=5)

        def run(_):
            for epoch in range(2):
                correct, total, count = 0, 0.0, 0
                for x, y in loader:
                    out = model(x)
                    loss = F.cross_entropy(out, y)
                    correct += (out.argmax(1) == y).sum()
                    total += loss
                    count += len(x)
                    print(f"{loss:.4f} {loss} {correct}")
                print(f"{100.0 * correct / count:.1f}% {total / len(loader):.5f} {correct > 3}")
            return correct

        return Script(run, {})

    check(make)
