"""PyTorch's own LSTM learns to spell: `python -m examples.lantern.lstm`."""

import torch
from torch import nn
from torch.nn import functional as F

from examples.lantern.characters import VOCABULARY, loader
from examples.lantern.rnn import training
from pylms import stageTensor


class CharacterLSTM(nn.Module):
    def __init__(self, hidden=50):
        super().__init__()
        self.lstm = nn.LSTM(VOCABULARY, hidden, batch_first=True)
        self.to_output = nn.Linear(hidden, VOCABULARY)

    def forward(self, characters):
        states, _ = self.lstm(F.one_hot(characters, VOCABULARY).float())
        return self.to_output(states)


if __name__ == "__main__":
    torch.manual_seed(0)
    train = stageTensor(training(CharacterLSTM(), loader(), epochs=100))
    print(f"at the end: {train(0):.4f}")
