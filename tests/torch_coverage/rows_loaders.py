"""Where batches come from: data loaders, their data sets and samplers, and batches made by hand."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn, optim
from torch.utils.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Sampler,
    Subset,
    random_split,
)

from tests.torch_front.compare import Script, classification

from .rows import Section

SECTION = Section("Loaders")

Batches = Iterable[Any]
SAMPLES = classification(14, dtype=torch.float64)


def training(make_batches: Callable[[], Batches]) -> Script:
    """Two epochs of a classifier."""
    model = nn.Linear(6, 3).double()
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    batches = make_batches()

    def run(_: object) -> None:
        for _epoch in range(2):
            for x, y in batches:
                optimizer.zero_grad()
                loss = F.cross_entropy(model(x), y)
                loss.backward()
                optimizer.step()
                print(f"{loss.item():.6f}")

    return Script(run, {"model": model, "optimizer": optimizer})


class _Stream(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        for index in torch.randperm(7).tolist():
            yield SAMPLES[index]


class _Backwards(Sampler[int]):
    def __init__(self) -> None:
        self.epochs = 0

    def __iter__(self) -> Iterator[int]:
        self.epochs += 1
        yield from range(13, self.epochs, -1)


class _Own:
    def __init__(self) -> None:
        self.order = list(range(3))

    def __iter__(self) -> Iterator[Any]:
        random.shuffle(self.order)
        for number in self.order:
            yield SAMPLES[4 * number : 4 * number + 3 + number % 2]


def _doubled(samples: list[Any]) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.stack([2 * x for x, _ in samples]), torch.stack([y for _, y in samples])


_MADE: dict[str, Callable[[], Batches]] = {
    "`DataLoader` with `shuffle`, a smaller last batch": lambda: DataLoader(SAMPLES, 4, shuffle=True),
    "`drop_last`, a `generator`": lambda: DataLoader(
        SAMPLES, 4, shuffle=True, drop_last=True, generator=torch.Generator().manual_seed(1)
    ),
    "`Subset`, `ConcatDataset`, `random_split`": lambda: DataLoader(
        ConcatDataset([Subset(SAMPLES, [3, 1, 5]), random_split(SAMPLES, [9, 5])[0]]), 4
    ),
    "`sampler`, also of the user's": lambda: DataLoader(SAMPLES, 4, sampler=_Backwards()),
    "`batch_sampler`": lambda: DataLoader(SAMPLES, batch_sampler=BatchSampler(RandomSampler(SAMPLES), 4, False)),
    "`collate_fn`": lambda: DataLoader(SAMPLES, 4, collate_fn=_doubled),
    "`batch_size=None`": lambda: DataLoader(SAMPLES, batch_size=None, shuffle=True),
    "`IterableDataset`": lambda: DataLoader(_Stream(), 3),
    "lists and tuples of batches": lambda: [SAMPLES[:4], SAMPLES[4:9], SAMPLES[9:]],
    "objects of the user's with an `__iter__` that yields": _Own,
}
for _what, _make in _MADE.items():
    SECTION.script(_what, partial(training, _make), calls=1)


def _generated() -> Script:
    def shuffled(order: list[int]) -> Iterator[Any]:
        random.shuffle(order)
        for number in order:
            yield SAMPLES[4 * number : 4 * number + 4]

    model = nn.Linear(6, 3).double()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    order = list(range(3))

    def run(_: object) -> None:
        for _epoch in range(2):
            for x, y in shuffled(order):
                optimizer.zero_grad()
                F.cross_entropy(model(x), y).backward()
                optimizer.step()

    return Script(run, {"model": model, "optimizer": optimizer})


SECTION.script("generators that the loop calls", _generated, calls=1)


class _Lengths(Dataset[torch.Tensor]):
    """The last ones are longer."""

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.ones(2 + index // 4)


def _of_many_lengths() -> Script:
    weight = nn.Parameter(torch.ones(1))
    optimizer = optim.Adam([weight], lr=0.1)
    loader = DataLoader(_Lengths(), shuffle=True)

    def run(_: object) -> None:
        for x in loader:
            optimizer.zero_grad()
            (weight * x).tanh().sum().backward()
            optimizer.step()
            print(x.shape[1], f"{weight.item():.5f}")

    return Script(run, {"weight": weight, "optimizer": optimizer})


SECTION.script(
    "batches that change shape from one to the next",
    _of_many_lengths,
    note="a function of its own for each shape, compiled when it comes; past `PYLMS_SHAPE_LIMIT` (8) one warning",
)


class _Named(Dataset[Any]):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Any:
        return torch.ones(2), "a name"


class _Once(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        raise StopIteration


def _over(batches: Batches) -> Callable[[torch.Tensor], object]:
    def run(x: torch.Tensor) -> object:
        total = x
        for batch, _ in batches:
            total = total + batch.sum()
        return total

    return run


SECTION.no(
    "strings in batches",
    _over(DataLoader(_Named())),
    torch.ones(1),
    error="TorchFeatureError",
    says="a data loader that gives a str cannot be staged",
)
SECTION.no(
    "an `IterableDataset` that is its own iterator",
    _over(DataLoader(_Once())),
    torch.ones(1),
    error="TorchFeatureError",
    says="an IterableDataset that is its own iterator cannot be staged",
)
