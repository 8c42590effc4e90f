"""Convolutions and pooling."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

from .rows import Function, Section

SECTION = Section("Convolutions and pooling")

_generator = torch.Generator().manual_seed(11)


def _random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=_generator)


IMAGES = _random(3, 2, 6, 7)
WIDE = _random(2, 4, 5, 8)
LINES = _random(3, 2, 20)
EQUAL = torch.tensor([0.0, 1.0, 1.0, -1.0]).repeat(3, 2, 4, 2)
STRANGE = _random(1, 1, 4, 6)
STRANGE[0, 0, 0, 1] = STRANGE[0, 0, 1, 0] = math.nan
STRANGE[0, 0, :2, 2:4] = -math.inf
STRANGE[0, 0, 3, 5] = math.inf

_weight, _bias = _random(4, 2, 3, 2), _random(4)
SECTION.yes("`conv2d`", lambda x, w, b: F.conv2d(x, w, b), IMAGES, _weight, _bias, double=True)
SECTION.yes("`conv2d`", lambda x, w: torch.conv2d(x, w, None, (2, 1), (2, 1), (2, 3)), IMAGES[0], _random(2, 2, 3, 2))
SECTION.yes("`conv2d`", lambda x, w: F.conv2d(x, w, padding="same", dilation=(2, 1)), IMAGES, _random(2, 2, 3, 3))
SECTION.yes("`conv2d`", lambda x, w, b: F.conv2d(x, w, b, 1, 1, 1, 2), WIDE, _random(6, 2, 3, 3), _random(6))
SECTION.yes("`conv2d`", lambda x, w, b: F.conv2d(x, w, b), _random(13, 2, 6, 7), _weight, _bias)
SECTION.yes("`conv2d`", lambda x, w, b: F.conv2d(x, w, b), _random(0, 2, 6, 7), _weight, _bias)
# Panels of some of the rows, and of some of the channels.
SECTION.yes("`conv2d`", lambda x, w: F.conv2d(x, w, padding=1), _random(1, 24, 30, 31) / 50, _random(3, 24, 3, 3) / 20)
SECTION.yes("`conv2d`", lambda x, w: F.conv2d(x, w), _random(1, 7, 3, 900) / 50, _random(2, 7, 3, 3) / 20)
# Panels that are too large for the stack.
SECTION.yes("`conv1d`", lambda x, w: F.conv1d(x, w), _random(2, 2, 70_000).double(), _random(2, 2, 8).double() / 20)
SECTION.yes("`conv1d`", lambda x, w, b: F.conv1d(x, w, b, padding=1), LINES, _random(4, 2, 3), _bias)
SECTION.yes("`conv1d`", lambda x, w: F.conv1d(x, w, stride=3, dilation=2, padding="valid"), LINES[0], _random(4, 2, 3))
CUBES = _random(1, 1, 3, 3, 3)
SECTION.no("`conv3d`", lambda x: F.conv3d(x, x), CUBES, says="`torch.conv3d` cannot be staged yet")
_weight_back = _random(2, 3, 3, 2)
SECTION.yes("`conv_transpose2d`", lambda x, w, b: F.conv_transpose2d(x, w, b), IMAGES, _weight_back, _random(3))
SECTION.yes(
    "`conv_transpose2d`", lambda x, w: F.conv_transpose2d(x, w, None, 2, 1, 1, 2, (1, 2)), WIDE, _random(4, 1, 3, 2)
)
SECTION.yes("`conv_transpose1d`", lambda x, w: F.conv_transpose1d(x, w, stride=3), LINES[0], _random(2, 2, 4))

SECTION.module("`nn.Conv1d`", lambda: nn.Conv1d(2, 3, 4, padding="same"), LINES)
SECTION.module("`nn.Conv2d`", lambda: nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2), IMAGES)

SECTION.yes("`max_pool2d`", lambda x: F.max_pool2d(x, 2), IMAGES, double=True)
SECTION.yes("`max_pool2d`", lambda x: F.max_pool2d(x, 2), _random(2, 3, 8, 40))
SECTION.yes("`max_pool2d`", lambda x: torch.max_pool2d(x, 3, 2, 1, ceil_mode=True), IMAGES)
SECTION.yes("`max_pool2d`", lambda x: F.max_pool2d(x, (2, 3), stride=1, dilation=2), IMAGES[0])
SECTION.yes("`max_pool2d`", lambda x: (F.max_pool2d(x, 2), F.max_pool2d(x, 3, 2, 1)), EQUAL)
SECTION.yes("`max_pool2d`", lambda x: torch.where(F.max_pool2d(x, 2) > 0, F.max_pool2d(x, 2), 0), STRANGE)
SECTION.yes("`max_pool2d`", lambda x: F.max_pool2d(F.relu(x), 2), EQUAL)
SECTION.yes("`max_pool1d`", lambda x: F.max_pool1d(x, 3, 2), LINES)
SECTION.yes("`max_pool1d`", lambda x: F.max_pool1d(x, 2, padding=1), LINES[0])
SECTION.yes("`max_pool2d`, `return_indices`", lambda x: F.max_pool2d(x, 2, return_indices=True), EQUAL)
SECTION.yes("`max_pool1d`, `return_indices`", lambda x: F.max_pool1d_with_indices(x, 3, 2), LINES[0])
SECTION.no(
    "`adaptive_max_pool2d`, `return_indices`",
    lambda x: F.adaptive_max_pool2d(x, 2, return_indices=True),
    IMAGES,
    says="`return_indices=True` of `adaptive_max_pool2d` cannot be staged yet",
)
SECTION.yes("`avg_pool2d`", lambda x: F.avg_pool2d(x, 2), IMAGES, double=True)
SECTION.yes("`avg_pool2d`", lambda x: F.avg_pool2d(x, 3, stride=2, padding=1), IMAGES)
SECTION.yes("`avg_pool2d`", lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True), WIDE)
SECTION.yes("`avg_pool2d`", lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False), WIDE)
SECTION.yes("`avg_pool2d`", lambda x: F.avg_pool2d(x, (1, 2), divisor_override=3), IMAGES[0])
SECTION.yes("`avg_pool1d`", lambda x: F.avg_pool1d(x, 3), LINES)
SECTION.yes("`adaptive_avg_pool2d`", lambda x: F.adaptive_avg_pool2d(x, (2, 1)), IMAGES)
SECTION.yes("`adaptive_avg_pool2d`", lambda x: F.adaptive_avg_pool2d(x, (None, 4)), WIDE)
SECTION.yes("`adaptive_avg_pool1d`", lambda x: F.adaptive_avg_pool1d(x, 4), LINES)
SECTION.yes("`adaptive_max_pool2d`", lambda x: F.adaptive_max_pool2d(x, (3, 1)), IMAGES)
SECTION.yes("`adaptive_max_pool1d`", lambda x: F.adaptive_max_pool1d(x, 5), LINES[0])
SECTION.yes("`adaptive_avg_pool2d`", lambda x: F.adaptive_avg_pool2d(x, (4, 3)), IMAGES)
SECTION.yes("`adaptive_max_pool1d`", lambda x: F.adaptive_max_pool1d(x, 7), LINES)
SECTION.module("`nn.ConvTranspose2d`", lambda: nn.ConvTranspose2d(2, 4, 3, stride=2, padding=1), IMAGES)
SECTION.module("`nn.MaxPool2d`", lambda: nn.MaxPool2d(3, stride=2, padding=1), IMAGES)
SECTION.module("`nn.MaxPool1d`", lambda: nn.MaxPool1d(2), LINES)
SECTION.module("`nn.AvgPool2d`", lambda: nn.AvgPool2d(2), IMAGES)
SECTION.module("`nn.AvgPool1d`", lambda: nn.AvgPool1d(4), LINES)
SECTION.module("`nn.AdaptiveAvgPool2d`", lambda: nn.AdaptiveAvgPool2d(1), IMAGES)
SECTION.module("`nn.AdaptiveMaxPool2d`", lambda: nn.AdaptiveMaxPool2d((2, 7)), IMAGES)


def _refuse(what: str, function: Function, *tensors: torch.Tensor, says: str) -> None:
    SECTION.no(what, function, *tensors, error="StagedTypeError", says=says)


_fits = "groups=1 of tensors of shapes [3, 2, 6, 7], [4, 3, 2, 2]"
_refuse("`conv2d` of channels that do not fit", lambda x, w: F.conv2d(x, w), IMAGES, _random(4, 3, 2, 2), says=_fits)
_refuse("`conv2d` of two dtypes", lambda x, w: F.conv2d(x, w), IMAGES.double(), _weight, says="float64, float32")
_refuse(
    "`conv2d` with a wrong `padding`", lambda x, w: F.conv2d(x, w, padding=-1), IMAGES, _weight, says="an int from 0 on"
)
_refuse("windows larger than the image", lambda x: F.max_pool2d(x, 8), IMAGES, says="max_pool2d() are larger than")
_refuse("`max_pool2d` of ints", lambda x: F.max_pool2d(x, 2), IMAGES.int(), says="convert it to floats first")
