"""Where Python's batches come from: loaders that the compiled code cannot read itself, and lists of batches.

In: what a script loops over. Out: a `BatchSource`: how an epoch begins, and a few batches to learn the shapes from
while staging. Making those leaves no trace: random numbers that they draw are as if they had not been drawn.
"""

from __future__ import annotations

import copy
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, Protocol

import torch
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    default_collate,
)

from ..errors import TorchFeatureError
from ..loc import caller_loc

Loader = DataLoader[Any]

_BATCHES_LOOKED_AT = 4


class BatchSource(Protocol):
    """What gives batches, epoch after epoch."""

    def iterate(self) -> Iterator[object]:
        """At the start of each epoch: what `for batch in loader` begins with."""

    def samples(self) -> Iterable[object]:
        """Some batches, of all the shapes that are easily told; at least one, unless there are none."""

    def describe(self) -> str:
        """How a message names it."""


class LoaderSource:
    """A `DataLoader`."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader
        if isinstance(loader.dataset, IterableDataset) and iter(loader.dataset) is iter(loader.dataset):
            raise TorchFeatureError(
                "a data loader over an IterableDataset that is its own iterator cannot be staged",
                loc=caller_loc(),
                hint="have its __iter__ begin anew each time, as a generator function does",
            )

    def iterate(self) -> Iterator[object]:
        return iter(self._loader)

    def samples(self) -> Iterable[object]:
        loader = self._loader
        with _nothing_drawn(loader):
            if isinstance(loader.dataset, IterableDataset):
                return list(islice(self._streamed(), 2))
            return [self._made_of(indices) for indices in self._indices()]

    def describe(self) -> str:
        return f"a data loader over a {type(self._loader.dataset).__name__}"

    def _streamed(self) -> Iterator[object]:
        """The first batches of an iterable data set."""
        items = iter(self._loader.dataset)
        size, collate = self._loader.batch_size, self._loader.collate_fn
        if size is None:
            yield from map(collate, items)
            return
        while samples := list(islice(items, size)):
            if len(samples) == size or not self._loader.drop_last:
                yield collate(samples)

    def _made_of(self, indices: Any) -> object:
        dataset, collate = self._loader.dataset, self._loader.collate_fn
        if not self._is_batched:
            return collate(dataset[indices])
        fetch: Callable[[Any], Any] | None = getattr(dataset, "__getitems__", None)
        return collate([dataset[index] for index in indices] if fetch is None else fetch(list(indices)))

    @property
    def _is_batched(self) -> bool:
        return self._loader.batch_sampler is not None

    def _indices(self) -> Iterable[Any]:
        """Numbers of samples that make batches: as few as tell the shapes, where the batches are all made alike."""
        loader = self._loader
        size, sampler = loader.batch_size, loader.sampler
        is_plain = type(loader.batch_sampler) is BatchSampler and type(sampler) in (SequentialSampler, RandomSampler)
        if size is None or not is_plain:
            return list(islice(iter(self._copied_sampler()), _BATCHES_LOOKED_AT))
        samples, count = len(loader.dataset), len(sampler)  # type: ignore[arg-type]
        full, remainder = divmod(count, size)
        alike = size > 1 and loader.collate_fn is default_collate
        starts = range(0, full * size, size)[: 1 if alike else _BATCHES_LOOKED_AT]
        batches = [[number % samples for number in range(start, start + size)] for start in starts]
        if remainder and not loader.drop_last:
            batches.append([number % samples for number in range(remainder)])
        return batches

    def _copied_sampler(self) -> Iterable[Any]:
        """The sampler of batches, or of samples where there are none, in a state of its own."""
        loader = self._loader
        sampler: Any = loader.batch_sampler if self._is_batched else loader.sampler
        shared = {id(each): each for each in (loader.dataset, *_generators(loader))}
        try:
            return copy.deepcopy(sampler, shared)
        except TypeError:  # it holds what cannot be copied
            return [[0] if self._is_batched else 0]


class ListSource:
    """A list or tuple of batches that are there."""

    def __init__(self, batches: Sequence[object]) -> None:
        self._batches = batches

    def iterate(self) -> Iterator[object]:
        return iter(self._batches)

    def samples(self) -> Iterable[object]:
        return self._batches

    def describe(self) -> str:
        return f"a {type(self._batches).__name__} of batches"


@contextmanager
def _nothing_drawn(loader: Loader) -> Iterator[None]:
    """Afterwards the random states are as before."""
    torch_state, python_state = torch.random.get_rng_state(), random.getstate()
    numpy = sys.modules.get("numpy")
    numpy_state = numpy.random.get_state() if numpy is not None else None
    states = [(generator, generator.get_state()) for generator in _generators(loader)]
    try:
        yield
    finally:
        torch.random.set_rng_state(torch_state)
        random.setstate(python_state)
        if numpy is not None:
            numpy.random.set_state(numpy_state)
        for generator, state in states:
            generator.set_state(state)


def _generators(loader: Loader) -> list[torch.Generator]:
    """PyTorch's generators that iterating over a loader draws from, besides the global one."""
    holders = (loader, loader.sampler, loader.batch_sampler, getattr(loader.batch_sampler, "sampler", None))
    found = (value for holder in holders for value in getattr(holder, "__dict__", {}).values())
    return list(dict.fromkeys(value for value in found if isinstance(value, torch.Generator)))
