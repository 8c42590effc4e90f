"""Recurrent layers and embeddings in training loops."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn, optim  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

from pylms import stageTensor  # noqa: E402
from tests.torch_front.compare import Script, check  # noqa: E402


def _texts():
    """Texts [N, 4] of ten words, and one of three classes [N]."""
    generator = torch.Generator().manual_seed(4)
    return TensorDataset(
        torch.randint(0, 10, (10, 4), generator=generator), torch.randint(0, 3, (10,), generator=generator)
    )


class _Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(10, 3, padding_idx=0)
        self.layers = nn.LSTM(3, 4, num_layers=2, dropout=0.4, batch_first=True)
        self.cell = nn.GRUCell(4, 2)
        self.head = nn.Linear(2, 3)

    def forward(self, words):
        outputs, (h, c) = self.layers(self.embedding(words))
        state = self.cell(outputs[:, -1] + h[0] * c[1])
        return self.head(state)


def test_training_with_dropout_between_layers():
    """The masks are PyTorch's own, so that weights are, too."""

    def make():
        model = _Tagger().double()
        optimizer = optim.Adam(model.parameters(), lr=0.05)
        loader = DataLoader(_texts(), batch_size=5, shuffle=True)

        def run(_):
            for epoch in range(2):
                for words, y in loader:
                    optimizer.zero_grad()
                    loss = F.cross_entropy(model(words), y)
                    loss.backward()
                    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                    optimizer.step()
                    print(f"{loss:.6f}")

        return Script(run, {"model": model, "optimizer": optimizer})

    check(make, tolerance=1e-8)


def test_a_word_that_is_not_there():
    embedding = nn.Embedding(9, 3)
    loader = DataLoader(_texts(), batch_size=5)

    @stageTensor
    def run(_):
        for words, _y in loader:
            print(embedding(words).sum().item())

    with pytest.raises(IndexError, match=r"embedding\(\) of a number that is not one of 9"):
        run(0)
