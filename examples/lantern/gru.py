"""A gated recurrent unit written from its formulas learns to spell: `python -m examples.lantern.gru`."""

import torch
from torch import nn
from torch.nn import functional as F

from examples.lantern.characters import VOCABULARY, loader
from examples.lantern.rnn import training
from pylms import stageTensor


class GRU(nn.Module):
    """h' = (1 - z) n + z h, with z and r gates of input and state, and n of the input and r times the state."""

    def __init__(self, inputs, hidden):
        super().__init__()
        self.from_input = nn.Linear(inputs, 3 * hidden)
        self.from_hidden = nn.Linear(hidden, 3 * hidden)

    def forward(self, inputs):
        hidden = torch.zeros(inputs.size(0), self.from_hidden.in_features, dtype=inputs.dtype)
        given = self.from_input(inputs)
        states = []
        for step in range(inputs.size(1)):
            reset_input, update_input, new_input = given[:, step].chunk(3, dim=1)
            reset_state, update_state, new_state = self.from_hidden(hidden).chunk(3, dim=1)
            reset = torch.sigmoid(reset_input + reset_state)
            update = torch.sigmoid(update_input + update_state)
            new = torch.tanh(new_input + reset * new_state)
            hidden = (1 - update) * new + update * hidden
            states.append(hidden)
        return torch.stack(states, dim=1)


class CharacterGRU(nn.Module):
    def __init__(self, hidden=50):
        super().__init__()
        self.gru = GRU(VOCABULARY, hidden)
        self.to_output = nn.Linear(hidden, VOCABULARY)

    def forward(self, characters):
        return self.to_output(self.gru(F.one_hot(characters, VOCABULARY).float()))


if __name__ == "__main__":
    torch.manual_seed(0)
    train = stageTensor(training(CharacterGRU(), loader(), epochs=100))
    print(f"at the end: {train(0):.4f}")
