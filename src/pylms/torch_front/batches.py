"""Batches that Python makes: it iterates, and copies each batch into memory that the compiled code reads.

In: a `BatchSource`. Out: the forms that its batches come in (how they are nested, and the shapes and dtypes of
their tensors), each with memory of its own. Forms are numbered as they are met, first while staging, then during runs.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass

import torch

from ..errors import TorchFeatureError
from ..loc import caller_loc
from .batch_sources import BatchSource
from .tensor import StagedTensor

NO_BATCH = -1

_NUMBERS = {bool: torch.bool, int: torch.int64, float: torch.float64}


@dataclass(frozen=True, slots=True)
class BatchForm:
    """Batches of one nesting, and of these shapes and dtypes; `sample` is one of them."""

    sample: object
    memories: tuple[torch.Tensor, ...]

    def arranged(self, tensor: Callable[[torch.Tensor], object], number: Callable[[torch.Tensor], object]) -> object:
        """A batch of that form, made of what these give for each memory, of a tensor or of a plain number."""
        return _arranged(self.sample, iter(self.memories), tensor, number)

    def describe(self) -> str:
        """The shapes, as a message lists them."""
        return " and ".join(str(list(memory.shape)) for memory in self.memories)


class Batches:
    """The batches of one source, one epoch after the other."""

    def __init__(self, source: BatchSource, most_forms: int) -> None:
        """`most_forms`: how many to know at most before the first run."""
        self._source = source
        self._iterator: Iterator[object] = iter(())
        self._numbers: dict[Hashable, int] = {}
        self.forms: list[BatchForm] = []
        for sample in source.samples():
            if len(self.forms) < most_forms:
                self._number_of(sample)

    def describe(self) -> str:
        """How a message names where they come from."""
        return self._source.describe()

    def begin(self) -> None:
        """At the start of each epoch."""
        self._iterator = self._source.iterate()

    def take(self) -> int:
        """Put the next batch into the memory of its form; the number of the form, or NO_BATCH."""
        try:
            batch = next(self._iterator)
        except StopIteration:
            return NO_BATCH
        number = self._number_of(batch)
        for memory, part in zip(self.forms[number].memories, _parts(batch), strict=True):
            memory.copy_(part)
        return number

    def _number_of(self, batch: object) -> int:
        key = _form_key(batch)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.forms)
            memories = tuple(torch.zeros(tuple(part.shape), dtype=part.dtype) for part in _parts(batch))
            self.forms.append(BatchForm(batch, memories))
        return number


def _form_key(batch: object) -> Hashable:
    """What two batches of one form have in common. TorchFeatureError where there is what cannot be in a batch."""
    if isinstance(batch, torch.Tensor):
        _require_plain(batch)
        return batch.dtype, tuple(batch.shape)
    if batch is None or type(batch) in _NUMBERS:
        return type(batch).__name__
    if isinstance(batch, dict):
        return dict, tuple((key, _form_key(item)) for key, item in batch.items())
    if isinstance(batch, (tuple, list)):
        return type(batch), tuple(map(_form_key, batch))
    raise TorchFeatureError(
        f"a data loader that gives a {type(batch).__name__} cannot be staged",
        loc=caller_loc(),
        hint="have the dataset or collate_fn give tensors and numbers, or tuples, lists and dicts of them",
    )


def _require_plain(tensor: torch.Tensor) -> None:
    if isinstance(tensor, StagedTensor):
        raise TorchFeatureError(
            "a data loader over tensors that staged code computes cannot be staged",
            loc=caller_loc(),
            hint="make the data set outside the staged loop or branch",
        )
    if tensor.layout is not torch.strided or tensor.device.type != "cpu" or tensor.requires_grad:
        what = "requires a gradient" if tensor.requires_grad else f"is {tensor.layout} on {tensor.device}"
        raise TorchFeatureError(
            f"a data loader that gives a tensor which {what} cannot be staged",
            loc=caller_loc(),
            hint="have it give dense tensors on the CPU, detached from what they were computed from",
        )


def _parts(batch: object) -> Iterator[torch.Tensor]:
    """The tensors of a batch, in order, and its numbers as tensors."""
    if isinstance(batch, torch.Tensor):
        yield batch
    elif type(batch) in _NUMBERS:
        yield torch.tensor(batch, dtype=_NUMBERS[type(batch)])
    elif isinstance(batch, (tuple, list, dict)):
        for item in batch.values() if isinstance(batch, dict) else batch:
            yield from _parts(item)


def _arranged(
    sample: object,
    memories: Iterator[torch.Tensor],
    tensor: Callable[[torch.Tensor], object],
    number: Callable[[torch.Tensor], object],
) -> object:
    if isinstance(sample, torch.Tensor):
        return tensor(next(memories))
    if type(sample) in _NUMBERS:
        return number(next(memories))
    if isinstance(sample, dict):
        return {key: _arranged(item, memories, tensor, number) for key, item in sample.items()}
    if not isinstance(sample, (tuple, list)):
        return sample
    items = [_arranged(item, memories, tensor, number) for item in sample]
    if isinstance(sample, list):
        return items
    return sample._make(items) if hasattr(sample, "_make") else tuple(items)
