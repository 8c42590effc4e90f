"""Datasets that the compiled code reads itself: rows of tensors, and the transforms compiled into the loop.

Known are `TensorDataset`, and MNIST-like datasets of `torchvision` or `pylms.data` (told by class name and module, so
torchvision is not imported) under `Compose`, `ToTensor` and `Normalize`. Each arithmetic step is done in torchvision's
order on float32, so the values are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch.utils.data import DataLoader, TensorDataset, default_collate

from ..errors import OutdatedError
from ..ir.node import Atom
from ..ir.ops.arithmetic import SUB, TRUEDIV
from ..ir.primitive import Primitive
from ..ir.types import TensorType
from .context import TorchContext
from .dtypes import scalar_type
from .tensor import Bounds

Transform = Callable[[TorchContext, Atom], Atom]

_IMAGE_DATASETS = frozenset({"MNIST", "FashionMNIST", "KMNIST"})
_MODULES = ("torchvision.", "pylms.data.")


def _unchanged(_context: TorchContext, rows: Atom) -> Atom:
    return rows


@dataclass
class RowSource:
    """A tensor whose rows are samples, and what is done to the rows of a batch."""

    tensor: torch.Tensor
    transform: Transform = _unchanged
    bounds: Bounds | None = None
    _version: int = field(init=False)

    def __post_init__(self) -> None:
        self._version = self.tensor._version

    def check(self) -> None:
        """Before each run: what is known of the elements still holds, or ArgumentError."""
        if self.bounds is None or self.tensor._version == self._version:
            return
        found = _bounds(self.tensor)
        if found is not None and (found.low < self.bounds.low or found.high > self.bounds.high):
            raise OutdatedError(
                f"the classes of a dataset were {self.bounds.low} to {self.bounds.high} when the function was "
                f"compiled, and are {found.low} to {found.high} now",
            )
        self._version = self.tensor._version


def row_sources(loader: DataLoader[object]) -> list[RowSource] | None:
    """The tensors that a loader's batches are rows of; None where only Python can make the batches."""
    if loader.collate_fn is not default_collate:
        return None
    dataset: object = loader.dataset
    if type(dataset) is TensorDataset:
        tensors = dataset.tensors
        return [_plain_source(tensor) for tensor in tensors] if all(map(_is_dense, tensors)) else None
    if _is_known(dataset, _IMAGE_DATASETS):
        return _image_sources(dataset)
    return None


def content_of(loader: DataLoader[object]) -> list[int]:
    """What `row_sources` found in a loader's data set, by identity."""
    dataset: object = loader.dataset
    if type(dataset) is TensorDataset:
        return [id(tensor) for tensor in dataset.tensors]
    if _is_known(dataset, _IMAGE_DATASETS):
        return [id(getattr(dataset, name, None)) for name in ("data", "targets", "transform", "target_transform")]
    return []


def _is_known(value: object, names: frozenset[str]) -> bool:
    kind = type(value)
    return kind.__name__ in names and f"{kind.__module__}.".startswith(_MODULES)


def _is_dense(tensor: torch.Tensor) -> bool:
    return (
        tensor.device.type == "cpu" and tensor.layout is torch.strided and tensor.is_contiguous() and tensor.dim() > 0
    )


def _plain_source(tensor: torch.Tensor) -> RowSource:
    return RowSource(tensor, bounds=_bounds(tensor))


def _bounds(tensor: torch.Tensor) -> Bounds | None:
    if tensor.dtype is not torch.int64 or tensor.numel() == 0:
        return None
    return Bounds(int(tensor.min()), int(tensor.max()))


def _image_sources(dataset: object) -> list[RowSource] | None:
    images, targets = getattr(dataset, "data", None), getattr(dataset, "targets", None)
    if not isinstance(images, torch.Tensor) or not isinstance(targets, torch.Tensor):
        return None
    steps = _steps(getattr(dataset, "transform", None))
    fits = images.dtype is torch.uint8 and images.dim() == 3 and targets.dtype is torch.int64 and targets.dim() == 1
    if steps is None or not fits or getattr(dataset, "target_transform", None) is not None:
        return None
    if not (_is_dense(images) and _is_dense(targets)):
        return None

    def transform(context: TorchContext, rows: Atom) -> Atom:
        for step in steps:
            rows = step(context, rows)
        return rows

    return [RowSource(images, transform), RowSource(targets, bounds=_bounds(targets))]


def _steps(transform: object) -> list[Transform] | None:
    """A transform as steps on a batch: `ToTensor`, then any number of `Normalize`; None for anything else."""
    flat = _flattened(transform)
    if not flat or not _is_known(flat[0], frozenset({"ToTensor"})):
        return None
    steps: list[Transform] = [_to_tensor]
    for normalize in flat[1:]:
        step = _normalize(normalize)
        if step is None:
            return None
        steps.append(step)
    return steps


def _flattened(transform: object) -> list[object]:
    if _is_known(transform, frozenset({"Compose"})):
        return [step for inner in transform.transforms for step in _flattened(inner)]  # type: ignore[attr-defined]
    return [transform]


def _to_tensor(context: TorchContext, rows: Atom) -> Atom:
    """uint8 [B, H, W] to floats [B, 1, H, W] from 0 to 1."""
    assert isinstance(rows.type, TensorType)
    batch, height, width = rows.type.shape
    floats = context.convert(rows, scalar_type(torch.get_default_dtype()))
    return context.reshape(_by(context, floats, TRUEDIV, 255.0), (batch, 1, height, width))


def _normalize(transform: object) -> Transform | None:
    """`(x - mean) / std` with one mean and deviation, as the images have one channel."""
    if not _is_known(transform, frozenset({"Normalize"})):
        return None
    mean, deviation = _single(getattr(transform, "mean", None)), _single(getattr(transform, "std", None))
    if mean is None or deviation is None or not deviation:
        return None

    def step(context: TorchContext, rows: Atom) -> Atom:
        return _by(context, _by(context, rows, SUB, mean), TRUEDIV, deviation)

    return step


def _single(values: object) -> float | None:
    if isinstance(values, (int, float)):
        return float(values)
    if isinstance(values, torch.Tensor):
        values = values.tolist()
    if isinstance(values, Sequence) and len(values) == 1 and isinstance(values[0], (int, float)):
        return float(values[0])
    return None


def _by(context: TorchContext, rows: Atom, primitive: Primitive, number: float) -> Atom:
    assert isinstance(rows.type, TensorType)
    return context.emit(primitive, rows, context.full(number, rows.type))
