"""Data loaders in staged code: a native loop over batches, in PyTorch's own order.

In: a `torch.utils.data.DataLoader`. Out: a `LoopPlan`: what happens at the start of an epoch (a call into Python that
draws the random numbers that iterating the loader draws), and the batches as staged tensors. Datasets whose
content is known as tensors (`TensorDataset`, MNIST with known transforms) are read natively; any other is
asked for its batches by calling back into Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from unittest import mock

import torch
from torch.utils.data import BatchSampler, DataLoader, IterableDataset, RandomSampler, SequentialSampler
from torch.utils.data.dataloader import _BaseDataLoaderIter

from ..errors import ArgumentError, StagingError
from ..ir.node import Atom, Sym
from ..ir.ops.buffers import GATHER_ROWS, SLICE_ROWS
from ..loc import Loc, caller_loc
from ..staging.context import Trace
from ..staging.operators.native_loop import Item, LoopBody, run_segments
from ..staging.values import LoopPlan, Segment
from .batch_sources import LoaderSource
from .batches import Batches
from .context import TorchContext
from .datasets import RowSource, content_of, row_sources
from .rounds import RoundsPlan
from .tensor import StagedTensor

Loader = DataLoader[object]


@dataclass(frozen=True, slots=True)
class BatchShape:
    """How a loader cuts its samples into batches: `full` batches of `size`, then one of `remainder` (0: none)."""

    samples: int
    size: int
    full: int
    remainder: int

    @property
    def batches(self) -> int:
        """What `len(loader)` is."""
        return self.full + (self.remainder > 0)


class LoaderTable:
    """The loaders used in one trace."""

    def __init__(self, context: TorchContext) -> None:
        self._context = context
        self._plans: dict[tuple[int, Loc], LoopPlan] = {}
        self._sources: list[RowSource] = []

    def plan(self, loader: Loader) -> LoopPlan:
        """How to loop over a loader natively. TorchFeatureError names what cannot be staged."""
        self._context.guards.watch(loader)
        self._context.guards.expect(loader, "a data loader or its data set", partial(_form_of, loader))
        # Loops over one loader may be nested: each statement has its own order of samples.
        key = id(loader), caller_loc()
        known = self._plans.get(key)
        if known is None:
            known = self._new_plan(loader)
            self._plans[key] = known
        return known

    def check(self) -> None:
        """A located error if staged code writes to the data it reads: what was known of the data would not hold."""
        for source in self._sources:
            if self._context.buffers.capture(source.tensor).symbol in self._context.buffers.written:
                raise StagingError("a data set is changed in place in the staged code that reads it", loc=caller_loc())

    def _new_plan(self, loader: Loader) -> LoopPlan:
        shape = batch_shape(loader)
        sources = None if shape is None else row_sources(loader)
        if shape is None or sources is None:
            return RoundsPlan(self._context, Batches(LoaderSource(loader), self._context.trace.options.shape_limit))
        self._sources.extend(sources)
        for source in sources:
            self._context.trace.before_run.append(source.check)
        return NativePlan(self._context, loader, shape, sources)


def _form_of(loader: Loader) -> object:
    return batch_shape(loader), content_of(loader)


def batch_shape(loader: Loader) -> BatchShape | None:
    """The batches of a loader; None where that is not known before they come."""
    size = loader.batch_size
    if isinstance(loader.dataset, IterableDataset) or size is None or type(loader.batch_sampler) is not BatchSampler:
        return None
    try:
        samples = len(loader.sampler)  # type: ignore[arg-type]
    except TypeError:
        return None
    full, remainder = divmod(samples, size)
    return BatchShape(samples, size, full, 0 if loader.drop_last else remainder)


@contextmanager
def staged_loaders(context: TorchContext) -> Iterator[None]:
    """While this is open, only native loops run over loaders: Python's own would make constants of the batches."""

    iterate: Callable[[Loader], Iterator[object]] = DataLoader.__iter__

    def refuse(loader: Loader) -> Iterator[object]:
        if not context.is_here:
            return iterate(loader)
        raise StagingError(
            "Python itself iterates over a data loader here, in code that was not virtualised",
            loc=caller_loc(),
            hint="decorate the function with @lms, and loop over the loader with a for statement",
        )

    with mock.patch.object(DataLoader, "__iter__", refuse):
        yield


class NativePlan:
    """Batches taken from tensors by the compiled code itself."""

    def __init__(self, context: TorchContext, loader: Loader, shape: BatchShape, sources: Sequence[RowSource]) -> None:
        self._context = context
        self._loader = loader
        self._shape = shape
        self._sources = sources
        self._order = (
            None if type(loader.sampler) is SequentialSampler else torch.zeros(shape.samples, dtype=torch.int64)
        )

    def run(self, trace: Trace, item_of: Item, body: LoopBody) -> None:
        """An epoch: its order, drawn by PyTorch's own sampler, then a native loop for each size of batches."""
        with torch._C.DisableTorchFunction():
            order = [] if self._order is None else [self._order_symbol(self._order)]
        function = partial(begin_epoch, self._loader, self._order)
        self._context.random.call_python(function, "begin_epoch", writes=order)
        run_segments(trace, self._segments(), item_of, body)

    def _segments(self) -> list[Segment]:
        """Full batches, then the smaller last one."""
        shape, segments = self._shape, []
        if shape.full:
            segments.append(Segment(0, shape.full, lambda number: self._batch(number, shape.size)))
        if shape.remainder:
            segments.append(Segment(shape.full, 1, lambda number: self._batch(number, shape.remainder)))
        return segments

    def _order_symbol(self, order: torch.Tensor) -> Sym:
        self._context.buffers.give_name(order, "order")
        return self._context.buffers.capture(order).symbol

    def _batch(self, number: object, count: int) -> object:
        with torch._C.DisableTorchFunction():
            start = self._context.trace.lift(number * self._shape.size)  # type: ignore[operator]
            return [self._rows(index, source, start, count) for index, source in enumerate(self._sources)]

    def _rows(self, index: int, source: RowSource, start: Atom, count: int) -> StagedTensor:
        context = self._context
        context.buffers.give_name(source.tensor, ("inputs", "targets")[index] if index < 2 else f"column{index}")
        buffer = context.buffers.capture(source.tensor).symbol
        if self._order is None:
            rows = context.emit(SLICE_ROWS, buffer, start, count=count)
        else:
            rows = context.emit(GATHER_ROWS, buffer, self._order_symbol(self._order), start, count=count)
        return StagedTensor(source.transform(context, rows), context, bounds=source.bounds)


def begin_epoch(loader: Loader, order: torch.Tensor | None) -> None:
    """Draw the random numbers that iterating the loader draws, and write the samples' order.

    IndexError where a sampler names a sample that the dataset does not have.
    """
    iterator = _BaseDataLoaderIter(loader)
    if order is None:
        return
    sampler = loader.sampler
    is_plain_shuffle = (
        type(sampler) is RandomSampler
        and not sampler.replacement
        and sampler.generator is None
        and sampler.num_samples == len(order)
        and len(sampler.data_source) == len(order)
    )
    if is_plain_shuffle:
        # As RandomSampler does it, without a Python list of all numbers.
        generator = torch.Generator()
        generator.manual_seed(int(torch.empty((), dtype=torch.int64).random_().item()))
        torch.randperm(len(order), generator=generator, out=order)
        return
    numbers = torch.tensor([number for batch in iterator._sampler_iter for number in batch], dtype=torch.int64)
    size = len(loader.dataset)  # type: ignore[arg-type]
    if len(numbers) > len(order) or len(numbers) < len(order) - len(order) % (loader.batch_size or 1):
        raise ArgumentError(f"a sampler gave {len(numbers)} samples where {len(order)} were expected")
    if len(numbers) and not (-size <= int(numbers.min()) and int(numbers.max()) < size):
        raise IndexError(f"a sampler names a sample beyond the {size} of the dataset")
    order[: len(numbers)] = torch.where(numbers < 0, numbers + size, numbers)
