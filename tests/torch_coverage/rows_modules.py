"""Modules of `torch.nn` that hold parameters."""

from __future__ import annotations

import torch
from torch import nn

from .rows import Section

SECTION = Section("Modules")

A = torch.tensor([[0.5, -1.5, 2.0], [0.0, 3.0, -0.25]])

SECTION.module("`nn.Linear`", lambda: nn.Linear(3, 2), A, double=True)
SECTION.module("`nn.Linear`", lambda: nn.Linear(3, 4, bias=False), A)
