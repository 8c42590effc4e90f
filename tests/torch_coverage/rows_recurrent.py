"""Recurrent layers and cells, and embeddings."""

from __future__ import annotations

import torch
from torch import nn

from .rows import Section

SECTION = Section("Recurrent layers and embeddings")

X = (2 * (torch.arange(3 * 2 * 3.0) * 37).sin()).reshape(3, 2, 3)
H = (torch.arange(4 * 2 * 4.0) * 17).sin().reshape(4, 2, 4)

for _kind in (nn.RNN, nn.LSTM, nn.GRU):
    _name = f"`nn.{_kind.__name__}`"
    SECTION.module(_name, lambda kind=_kind: kind(3, 4, batch_first=True), X)
    SECTION.module(_name, lambda kind=_kind: kind(3, 4, bias=False), X[:2, 0])
SECTION.module("`nn.RNN`", lambda: nn.RNN(3, 4, num_layers=2, bidirectional=True), X, double=True)
SECTION.module("`nn.RNN`", lambda: nn.RNN(3, 4, nonlinearity="relu"), X)


class _Started(nn.Module):
    """A layer that begins with a given state."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor, *state: torch.Tensor) -> object:
        return self.layer(x, state if len(state) > 1 else state[0])


SECTION.module("`nn.LSTM`", lambda: _Started(nn.LSTM(3, 4, bidirectional=True)), X, H[:2], H[2:])
SECTION.module("`nn.GRU`", lambda: _Started(nn.GRU(3, 4, 2)), X, H[:2])
SECTION.module("`nn.RNNCell`", lambda: nn.RNNCell(3, 4), X[0], H[0])
SECTION.module("`nn.RNNCell`", lambda: nn.RNNCell(3, 4, bias=False, nonlinearity="relu"), X[0])
SECTION.module("`nn.LSTMCell`", lambda: _Started(nn.LSTMCell(3, 4)), X[0], H[0], H[1])
SECTION.module("`nn.GRUCell`", lambda: nn.GRUCell(3, 4), X[0], H[0])
_PROJECTED, _PACKED = nn.LSTM(3, 4, proj_size=2), nn.utils.rnn.pack_padded_sequence(X, torch.tensor([3, 2]))
_RNN = nn.RNN(3, 4)
SECTION.no("packed sequences", lambda x: _RNN(_PACKED), X, says="packed sequences cannot be staged")
SECTION.no(
    "`proj_size` of `nn.LSTM`",
    lambda x: _PROJECTED(x),
    X,
    says="`proj_size` of nn.LSTM cannot be staged",
)

WORDS = torch.tensor([[1, 0, 3], [3, 3, 4]])

SECTION.module("`nn.Embedding`", lambda: nn.Embedding(5, 3), WORDS)
SECTION.module("`nn.Embedding`", lambda: nn.Embedding(5, 3, padding_idx=3), WORDS)
SECTION.module("`nn.Embedding`", lambda: nn.Embedding(5, 3, padding_idx=-2), WORDS[0, 0])
_NORMED, _EMBEDDING = nn.Embedding(5, 3, max_norm=1.0), nn.Embedding(4, 3)
SECTION.no("`max_norm` of `nn.Embedding`", lambda x: _NORMED(x), WORDS, says="`max_norm=1.0` of `embedding` cannot")
