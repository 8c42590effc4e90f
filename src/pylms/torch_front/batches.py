"""Batches of datasets that only Python can read: PyTorch iterates, and each batch is copied into memory.

What a batch looks like is found by making one while tracing, from the first samples.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import DataLoader

from ..errors import ArgumentError, TorchFeatureError
from ..loc import caller_loc


class CallbackBatches:
    """The batches of one loader, one epoch after the other."""

    def __init__(self, loader: DataLoader[object]) -> None:
        self._loader = loader
        self._iterator: Iterator[object] = iter(())
        self._memories: dict[int, list[torch.Tensor]] = {}
        self._sample: object = None

    def begin(self) -> None:
        """At the start of each epoch: what `for batch in loader` begins with."""
        self._iterator = iter(self._loader)

    def memories(self, count: int) -> list[torch.Tensor]:
        """Memory for the tensors of a batch of `count` samples; the same at every call."""
        known = self._memories.get(count)
        if known is None:
            self._sample = self._make_sample(count)
            known = [
                torch.zeros_like(part, memory_format=torch.contiguous_format) for part in self._parts(self._sample)
            ]
            self._memories[count] = known
        return known

    def next_into(self, memories: Sequence[torch.Tensor]) -> None:
        """Take the next batch. ArgumentError when it is not shaped as the batch seen while tracing."""
        parts = self._parts(next(self._iterator))
        for memory, part in zip(memories, parts, strict=True):
            if part.shape != memory.shape or part.dtype != memory.dtype:
                raise ArgumentError(
                    f"a data loader gave a tensor {list(part.shape)} of {part.dtype} where the compiled code expects "
                    f"{list(memory.shape)} of {memory.dtype}"
                )
            memory.copy_(part)

    def arranged(self, parts: Sequence[object]) -> object:
        """Staged tensors in the form in which the loader gives its batches."""
        return _rebuilt(self._sample, iter(parts))

    def _make_sample(self, count: int) -> object:
        """A batch of the first samples; the random state is as if it had not been made."""
        torch_state, python_state = torch.random.get_rng_state(), random.getstate()
        try:
            dataset = self._loader.dataset
            size = len(dataset)  # type: ignore[arg-type]
            return self._loader.collate_fn([dataset[number % size] for number in range(count)])
        finally:
            torch.random.set_rng_state(torch_state)
            random.setstate(python_state)

    @staticmethod
    def _parts(batch: object) -> list[torch.Tensor]:
        return list(_tensors_of(batch))


def _tensors_of(batch: object) -> Iterator[torch.Tensor]:
    """The tensors of a batch, in order. TorchFeatureError where there is anything else in it."""
    if isinstance(batch, torch.Tensor):
        yield batch
        return
    if not isinstance(batch, (tuple, list, dict)):
        raise TorchFeatureError(
            f"a data loader that gives a {type(batch).__name__} cannot be staged",
            loc=caller_loc(),
            hint="have the dataset or collate_fn give tensors, or tuples, lists and dicts of tensors",
        )
    for part in batch.values() if isinstance(batch, dict) else batch:
        yield from _tensors_of(part)


def _rebuilt(sample: object, parts: Iterator[object]) -> object:
    """A batch of that form, of other tensors."""
    if isinstance(sample, dict):
        return {key: _rebuilt(item, parts) for key, item in sample.items()}
    if not isinstance(sample, (tuple, list)):
        return next(parts)
    items = [_rebuilt(item, parts) for item in sample]
    if isinstance(sample, list):
        return items
    return sample._make(items) if hasattr(sample, "_make") else tuple(items)
