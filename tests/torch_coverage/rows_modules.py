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
SECTION.module("`nn.Bilinear`, `nn.CosineSimilarity`", lambda: nn.CosineSimilarity(2), SEQUENCES, SEQUENCES.flip(0))
SECTION.module(
    "`nn.Sequential`, `nn.Flatten`, `nn.Unflatten`, `nn.Identity`",
    lambda: nn.Sequential(nn.Flatten(), nn.Linear(24, 6), nn.Unflatten(1, (2, 3)), nn.Identity()),
    SEQUENCES,
)


class _Residual(nn.Module):
    """As residual networks write it: activations in place, and a sum into the branch."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(2, 2, 3, padding=1), nn.Conv2d(2, 2, 1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        out = self.second(self.relu(self.first(x)))
        out += x
        return self.relu(out)


class _Recurrence(nn.Module):
    """A loop over time by hand, whose outputs are collected in a tensor, and its last state."""

    def __init__(self) -> None:
        super().__init__()
        self.input, self.state = nn.Linear(8, 5), nn.Linear(5, 5, bias=False)

    def forward(self, x):
        state = x.new_zeros(x.shape[0], 5)
        outputs = x.new_zeros(x.shape[0], x.shape[1], 5)
        for t in range(x.shape[1]):
            state = torch.tanh(self.input(x[:, t]) + self.state(state))
            outputs[:, t] = state
        return outputs, outputs[:, -1], torch.stack([state, state * 2], 1)


SECTION.module(
    "modules of the user's: activations in place, sums into a branch, outputs collected in a tensor",
    _Residual,
    torch.arange(64.0).reshape(2, 2, 4, 4).sin(),
)
SECTION.module(
    "modules of the user's: activations in place, sums into a branch, outputs collected in a tensor",
    _Recurrence,
    SEQUENCES,
    double=True,
)
