"""Image transforms under torchvision's names, with its results bit for bit.

In: images (the ones `datasets.MNIST` yields, PIL images, NumPy arrays) and float tensors. Out: float tensors. What is
here is what the MNIST scripts use: `Compose`, `ToTensor`, `Normalize`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn


class GreyImage:
    """A greyscale image: what `MNIST` yields where no transform is given, as torchvision yields a PIL image.

    `pixels` is a uint8 tensor [height, width]. `mode`, `size` and conversion by `numpy.asarray` are as for a PIL image
    of mode "L".
    """

    __slots__ = ("pixels",)

    mode = "L"

    def __init__(self, pixels: torch.Tensor) -> None:
        self.pixels = pixels

    @property
    def size(self) -> tuple[int, int]:
        """(width, height), in PIL's order."""
        height, width = self.pixels.shape
        return width, height

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        array = self.pixels.numpy()
        return array.astype(array.dtype if dtype is None else dtype, copy=bool(copy))

    def __repr__(self) -> str:
        width, height = self.size
        return f"GreyImage(size={width}x{height})"


class Compose:
    """Apply the transforms of the sequence `transforms` one after the other."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]) -> None:
        self.transforms = transforms

    def __call__(self, img: Any) -> Any:
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self) -> str:
        lines = "".join(f"\n    {transform}" for transform in self.transforms)
        return f"{type(self).__name__}({lines}\n)"


class ToTensor:
    """Turn an image [H, W] or [H, W, C] into a tensor [C, H, W].

    uint8 values are scaled to the range 0 to 1 in the default dtype; other dtypes keep their values. TypeError for
    anything but an image or a NumPy array of two or three dimensions.
    """

    def __call__(self, pic: Any) -> torch.Tensor:
        if isinstance(pic, GreyImage):
            return _scaled(pic.pixels.unsqueeze(0))
        # Imported here: MNIST images need no NumPy, and it is slow to import.
        import numpy

        if not isinstance(pic, numpy.ndarray) and not (hasattr(pic, "mode") and hasattr(pic, "__array_interface__")):
            raise TypeError(f"ToTensor takes an image or a NumPy array, not {type(pic).__name__}")
        array = numpy.array(pic)
        if array.ndim not in (2, 3):
            raise TypeError(f"ToTensor takes an array of 2 or 3 dimensions, not {array.ndim}")
        mode = getattr(pic, "mode", None)
        if mode == "1":
            array = array.astype(numpy.uint8) * numpy.uint8(255)
        elif mode == "I;16":
            array = array.astype(numpy.int16)
        if array.ndim == 2:
            array = array[:, :, None]
        return _scaled(torch.from_numpy(array.transpose((2, 0, 1))).contiguous())

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Normalize(nn.Module):
    """Subtract `mean` and divide by `std`, a value for each channel of a float tensor [..., C, H, W].

    TypeError for what is no float tensor, ValueError for fewer than three dimensions or a zero in `std`.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> None:
        super().__init__()
        self.mean = mean
        self.std = std
        self.inplace = inplace

    def forward(self, tensor: torch.Tensor) -> torch.Tensor:
        """The normalised tensor; `tensor` itself, overwritten, where `inplace` is set."""
        if not isinstance(tensor, torch.Tensor):
            raise TypeError(f"Normalize takes a tensor, not {type(tensor).__name__}")
        if not tensor.is_floating_point():
            raise TypeError(f"Normalize takes a float tensor, not one of {tensor.dtype}")
        if tensor.ndim < 3:
            raise ValueError(f"Normalize takes a tensor [..., C, H, W], not one of shape {tuple(tensor.shape)}")
        mean = _by_channel(self.mean, tensor)
        std = _by_channel(self.std, tensor)
        if (std == 0).any():
            raise ValueError(f"std is zero as {tensor.dtype}: normalising would divide by it")
        result = tensor if self.inplace else tensor.clone()
        return result.sub_(mean).div_(std)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(mean={self.mean}, std={self.std})"


def _scaled(values: torch.Tensor) -> torch.Tensor:
    if values.dtype != torch.uint8:
        return values
    return values.to(torch.get_default_dtype()).div(255)


def _by_channel(values: Sequence[float], like: torch.Tensor) -> torch.Tensor:
    tensor = torch.as_tensor(values, dtype=like.dtype, device=like.device)
    return tensor.view(-1, 1, 1) if tensor.ndim == 1 else tensor
