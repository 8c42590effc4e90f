"""Elementwise functions."""

from __future__ import annotations

import torch

from .rows import Section

SECTION = Section("Elementwise functions")

A = torch.tensor([[0.5, -1.5, 2.0], [0.0, 3.0, -0.25]])
B = torch.tensor([[1.5, 0.5, 2.0], [2.0, -1.0, 0.75]])
ROW = torch.tensor([1.0, -2.0, 0.5])

SECTION.yes("`+`, `add`", lambda a, b: a + b, A, B, double=True)
SECTION.yes("`+`, `add`", lambda a, b: torch.add(a, b, alpha=0.5) + 2 + b, A, ROW)
SECTION.yes("`relu`", lambda a: torch.relu(a) + a.relu(), A)
SECTION.yes("`max` over a dimension", lambda a: a.max(1), A)
SECTION.no("`sort`", lambda a: a.sort(), A, says="`torch.Tensor.sort` cannot be staged yet")
