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
from functools import partial
from inspect import CO_GENERATOR, GEN_CREATED, getgeneratorstate
from itertools import islice
from types import FunctionType, GeneratorType
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
from ..loc import caller_loc, is_library_file
from ..staging.contents import Contents, named_values
from ..staging.context import Trace

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
        with _nothing_drawn(*_holders(loader)):
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
        generators = [each for each in _with_attributes(_holders(loader)) if isinstance(each, torch.Generator)]
        shared = {id(each): each for each in (loader.dataset, *generators)}
        try:
            return copy.deepcopy(sampler, shared)
        except TypeError:  # it holds what cannot be copied
            return [[0] if self._is_batched else 0]


class PythonSource:
    """A list of batches, or what the user's code makes batches with."""

    def __init__(self, iterate: Callable[[], Iterator[object]], samples: Sequence[object], name: str) -> None:
        self._iterate = iterate
        self._samples = samples
        self._name = name

    def iterate(self) -> Iterator[object]:
        return self._iterate()

    def samples(self) -> Iterable[object]:
        return self._samples

    def describe(self) -> str:
        return self._name


def source_of(trace: Trace, iterable: Any) -> PythonSource | None:
    """The source that a list, a generator that staged code made, or an object of the user's may be of batches."""
    if type(iterable) in (list, tuple):
        source = PythonSource(partial(iter, iterable), iterable, f"a {type(iterable).__name__} of batches")
        return source if len(iterable) > 1 and all(map(_is_batch, iterable)) else None
    _, make = trace.generators.get(id(iterable), (None, None))
    if make is None:
        iterable = _iterated(iterable)
        make, name = _maker_of(iterable), f"a {type(iterable).__name__}"
    else:
        name = f"the generator `{iterable.__name__}`"
    if make is None:
        return None
    samples = _first_batches(make)
    return PythonSource(make, samples, name) if samples and all(map(_is_batch, samples)) else None


def _iterated(iterable: object) -> object:
    """The object whose `__iter__` has just made this generator, as `enumerate` has it do; else what is given."""
    if not isinstance(iterable, GeneratorType) or getgeneratorstate(iterable) != GEN_CREATED:
        return iterable
    code, frame = iterable.gi_code, iterable.gi_frame
    owner = frame.f_locals.get(code.co_varnames[0]) if frame is not None and code.co_argcount == 1 else None
    method = getattr(type(owner), "__iter__", None)
    return owner if getattr(method, "__code__", None) is code else iterable


def _maker_of(iterable: object) -> partial[Iterator[object]] | None:
    """How to begin iterating over an object of a class of the user's, whose `__iter__` is a generator function."""
    method = getattr(type(iterable), "__iter__", None)
    if not isinstance(method, FunctionType) or not method.__code__.co_flags & CO_GENERATOR:
        return None
    return None if is_library_file(method.__code__.co_filename) else partial(method, iterable)


def _first_batches(make: partial[Iterator[object]]) -> list[object]:
    """What a generator gives first. It works on copies, and what it changes besides is put back; none where neither can
    be done.
    """
    contents = Contents([make.func])
    tensors = [leaf for value in _with_attributes((*make.args, *make.keywords.values())) for leaf in _leaves(value)]
    shared: dict[int, Any] = {id(tensor): tensor for tensor in tensors if isinstance(tensor, torch.Tensor)}
    try:
        args, kwargs = copy.deepcopy((make.args, make.keywords), shared)
    except (TypeError, RuntimeError):  # there is what cannot be copied
        return []
    if not contents.is_complete:
        return []
    try:
        with _nothing_drawn(*named_values([make.func])):
            return list(islice(make.func(*args, **kwargs), _BATCHES_LOOKED_AT))
    finally:
        contents.restore()


def _with_attributes(values: Iterable[object]) -> Iterator[object]:
    for value in values:
        yield value
        yield from getattr(value, "__dict__", {}).values()


def _is_batch(value: object) -> bool:
    """Whether it is made of tensors that are no parameters, and of numbers, and has a tensor in it."""
    parts = list(_leaves(value))
    tensors = [part for part in parts if isinstance(part, torch.Tensor)]
    plain = all(isinstance(part, (torch.Tensor, bool, int, float, type(None))) for part in parts)
    return plain and bool(tensors) and all(_is_data(tensor) for tensor in tensors)


def _is_data(tensor: torch.Tensor) -> bool:
    is_real = type(tensor) is torch.Tensor and tensor.layout is torch.strided and tensor.device.type == "cpu"
    return is_real and not tensor.requires_grad


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, (tuple, list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _leaves(item)
    else:
        yield value


@contextmanager
def _nothing_drawn(*holders: object) -> Iterator[None]:
    """Afterwards the random states are as before: the global ones, and those of generators among these and in them."""
    numpy = sys.modules.get("numpy")
    restorers: list[Callable[[], object]] = [
        partial(torch.random.set_rng_state, torch.random.get_rng_state()),
        partial(random.setstate, random.getstate()),
        *([partial(numpy.random.set_state, numpy.random.get_state())] if numpy is not None else []),
    ]
    for value in dict.fromkeys(each for each in _with_attributes(holders) if isinstance(each, _RANDOM)):
        restorers.append(_restorer(value))
    try:
        yield
    finally:
        for restore in restorers:
            restore()


_RANDOM = (torch.Generator, random.Random)


def _restorer(generator: Any) -> Callable[[], object]:
    if isinstance(generator, torch.Generator):
        return partial(generator.set_state, generator.get_state())
    return partial(generator.setstate, generator.getstate())


def _holders(loader: Loader) -> tuple[object, ...]:
    """What may hold generators that iterating over a loader draws from."""
    return (loader, loader.sampler, loader.batch_sampler, getattr(loader.batch_sampler, "sampler", None))
