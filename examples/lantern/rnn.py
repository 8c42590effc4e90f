"""A recurrent network written by hand learns to spell: `python -m examples.lantern.rnn`."""

import torch
from torch import nn, optim
from torch.nn import functional as F

from examples.lantern.characters import VOCABULARY, loader
from pylms import lms, stageTensor


class CharacterRNN(nn.Module):
    def __init__(self, hidden=50):
        super().__init__()
        self.from_input = nn.Linear(VOCABULARY, hidden)
        self.from_hidden = nn.Linear(hidden, hidden)
        self.to_output = nn.Linear(hidden, VOCABULARY)

    def forward(self, characters):
        inputs = self.from_input(F.one_hot(characters, VOCABULARY).to(self.from_input.weight.dtype))
        hidden = torch.zeros(characters.size(0), self.from_hidden.in_features, dtype=inputs.dtype)
        states = []
        for step in range(characters.size(1)):
            hidden = torch.tanh(inputs[:, step] + self.from_hidden(hidden))
            states.append(hidden)
        return self.to_output(torch.stack(states, dim=1))


def training(model, batches, epochs, *, every=50):
    """A program that trains for so many passes over the batches and gives the last loss; some it prints.

    `batches` gives characters and the characters after them, [batch, time] each.
    """

    @lms
    def run(dummy):
        optimizer = optim.Adagrad(model.parameters(), lr=0.1)
        last = 0.0
        for epoch in range(epochs):
            for step, (characters, following) in enumerate(batches):
                optimizer.zero_grad()
                scores = model(characters)
                loss = F.cross_entropy(scores.reshape(-1, VOCABULARY), following.reshape(-1))
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 5.0, norm_type=1)
                optimizer.step()
                last = loss.item()
                if step % every == 0:
                    print(f"epoch {epoch}, step {step}: loss {last:.6f}")
        return last

    return run


if __name__ == "__main__":
    torch.manual_seed(0)
    train = stageTensor(training(CharacterRNN(), loader(), epochs=100))
    print(f"at the end: {train(0):.4f}")
