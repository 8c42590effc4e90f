"""Modules of `torch.nn` that hold parameters."""

from __future__ import annotations

import torch
from torch import nn

from .rows import Section

SECTION = Section("Modules")

A = torch.tensor([[0.5, -1.5, 2.0], [0.0, 3.0, -0.25]])

SECTION.module("`nn.Linear`", lambda: nn.Linear(3, 2), A, double=True)
SECTION.module("`nn.Linear`", lambda: nn.Linear(3, 4, bias=False), A)

SEQUENCES = torch.arange(48.0).reshape(2, 3, 8).sin()


class _Attention(nn.Module):
    """Self-attention, and what it attends to."""

    def __init__(self, **options: bool) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True, **options)

    def forward(self, x):
        return self.attention(x, x.flip(1), x)


SECTION.module("`nn.MultiheadAttention`", _Attention, SEQUENCES, double=True)
SECTION.module("`nn.MultiheadAttention`", lambda: _Attention(bias=False, add_bias_kv=False), SEQUENCES)
SECTION.module("`nn.TransformerEncoderLayer`", lambda: nn.TransformerEncoderLayer(8, 2, 16, 0.0), SEQUENCES)
SECTION.module(
    "`nn.TransformerDecoderLayer`",
    lambda: nn.TransformerDecoderLayer(8, 2, 16, 0.0, activation="gelu", batch_first=True),
    SEQUENCES,
    SEQUENCES.flip(0),
)
SECTION.module("`nn.Bilinear`, `nn.CosineSimilarity`", lambda: nn.Bilinear(8, 8, 3), SEQUENCES, SEQUENCES.flip(0))
SECTION.module(
    "`nn.Sequential`, `nn.Flatten`, `nn.Unflatten`, `nn.Identity`",
    lambda: nn.Sequential(nn.Flatten(), nn.Linear(24, 6), nn.Unflatten(1, (2, 3)), nn.Identity()),
    SEQUENCES,
)
