"""Normalisation layers, and the norms of vectors."""

from __future__ import annotations

from math import inf

import torch
import torch.nn.functional as F
from torch import nn

from .rows import Section

SECTION = Section("Normalisation and norms")

A = torch.tensor([[0.5, -1.5, 2.0, 1.0], [0.25, 3.0, -0.25, -2.0], [1.5, 0.75, -1.0, 0.125]])
IMAGES = (2 * (torch.arange(48.0) * 37).sin()).reshape(2, 4, 3, 2)

SECTION.module("`nn.BatchNorm1d`", lambda: nn.BatchNorm1d(4), A, double=True)
SECTION.module("`nn.BatchNorm1d`", lambda: nn.BatchNorm1d(3), IMAGES.reshape(4, 3, 4))
SECTION.module("`nn.BatchNorm1d`", lambda: nn.BatchNorm1d(4).eval(), A)
SECTION.module("`nn.BatchNorm2d`", lambda: nn.BatchNorm2d(4, momentum=None), IMAGES)
SECTION.module("`nn.BatchNorm2d`", lambda: nn.BatchNorm2d(4, track_running_stats=False, affine=False), IMAGES)
SECTION.module("`nn.LayerNorm`", lambda: nn.LayerNorm(4), A, double=True)
SECTION.module("`nn.LayerNorm`", lambda: nn.LayerNorm((3, 2), bias=False), IMAGES)
SECTION.module("`nn.RMSNorm`", lambda: nn.RMSNorm(4), A)
SECTION.module("`nn.GroupNorm`", lambda: nn.GroupNorm(2, 4), IMAGES)
SECTION.module("`nn.GroupNorm`", lambda: nn.GroupNorm(2, 4, affine=False), A)
SECTION.module("`nn.InstanceNorm2d`", lambda: nn.InstanceNorm2d(4, affine=True), IMAGES, note="with its own statistics")
SECTION.yes("`norm`", lambda x: (x.norm(), torch.norm(x, dim=1, keepdim=True), x.norm(p=1), x.norm(3, dim=0)), A)
SECTION.yes(
    "`linalg.vector_norm`",
    lambda x: (
        torch.linalg.vector_norm(x),
        torch.linalg.vector_norm(x, 1, dim=(0, 1)),
        torch.linalg.vector_norm(x, inf, dim=1),
        torch.linalg.vector_norm(x, -inf, dim=0, keepdim=True),
        torch.linalg.vector_norm(x, 1.5),
    ),
    A,
    double=True,
)
SECTION.yes("`linalg.vector_norm`", lambda x: torch.linalg.vector_norm(x), torch.zeros(3))
SECTION.yes("`linalg.vector_norm`", lambda x: torch.linalg.vector_norm(x.detach(), 0, dim=1), A)
SECTION.no(
    "norms of ints",
    lambda x: torch.linalg.vector_norm(x),
    torch.tensor([3, 4]),
    error="StagedTypeError",
    says="convert it to floats first",
)
SECTION.no(
    "`layer_norm` over other dimensions than the last",
    lambda x: F.layer_norm(x, (3,)),
    A,
    error="StagedTypeError",
    says="layer_norm() over [3] was given a tensor of shape [3, 4]",
)
SECTION.no(
    "groups that do not fit",
    lambda x: F.group_norm(x, 3),
    A,
    error="StagedTypeError",
    says="its channels do not make 3 groups",
)
