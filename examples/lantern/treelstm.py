"""A TreeLSTM (Tai and others, ACL 2015) reads sentences along their trees: `python -m examples.lantern.treelstm`."""

import torch
from torch import nn, optim
from torch.nn import functional as F

from examples.lantern.trees import CLASSES, draw_vectors, read_forest
from pylms import lms, stageTensor


class TreeLSTM(nn.Module):
    """Classifies every node of a tree. The vectors of the words are given, and stay as they are."""

    def __init__(self, vectors, hidden=150):
        super().__init__()
        self.register_buffer("vectors", vectors)
        self.leaf = nn.Linear(vectors.shape[1], 3 * hidden)
        self.left = nn.Linear(hidden, 5 * hidden)
        self.right = nn.Linear(hidden, 5 * hidden, bias=False)
        self.classify = nn.Linear(hidden, CLASSES)

    def forward(self, forest, node):
        """A node's hidden state and cell, and the sum of the losses of all nodes from there on down."""
        if forest.left[node] < 0:
            hidden, cell = self.read(self.vectors[forest.words[node]])
            below = 0.0
        else:
            left, left_cell, left_loss = self(forest, forest.left[node])
            right, right_cell, right_loss = self(forest, forest.right[node])
            hidden, cell = self.combine(left, left_cell, right, right_cell)
            below = left_loss + right_loss
        return hidden, cell, below + self.loss(hidden, forest.labels[node])

    def read(self, vector):
        """The hidden state and cell of a word."""
        i, o, u = self.leaf(vector).chunk(3)
        cell = i.sigmoid() * u.tanh()
        return o.sigmoid() * cell.tanh(), cell

    def combine(self, left, left_cell, right, right_cell):
        """The hidden state and cell of a node, from those of its children."""
        i, f, g, o, u = (self.left(left) + self.right(right)).chunk(5)
        cell = i.sigmoid() * u.tanh() + f.sigmoid() * left_cell + g.sigmoid() * right_cell
        return o.sigmoid() * cell.tanh(), cell

    def loss(self, hidden, label):
        return F.cross_entropy(self.classify(hidden), label)


def training(model, forest, epochs, *, every=100):
    """A program that trains tree by tree for so many passes and gives the last loss; some it prints."""

    @lms
    def run(dummy):
        optimizer = optim.Adagrad(model.parameters(), lr=0.05)
        last = 0.0
        for epoch in range(epochs):
            for tree in range(len(forest.roots)):
                optimizer.zero_grad()
                _, _, loss = model(forest, forest.roots[tree])
                loss.backward()
                optimizer.step()
                last = loss.item()
                if tree % every == 0:
                    print(f"epoch {epoch}, tree {tree}: loss {last:.6f}")
        return last

    return run


if __name__ == "__main__":
    torch.manual_seed(0)
    forest = read_forest()
    train = stageTensor(training(TreeLSTM(draw_vectors(forest)), forest, epochs=5))
    print(f"at the end: {train(0):.4f}")
