"""A convolutional network learns to read digits: `python -m examples.lantern.mnist_cnn [BATCH]`."""

import sys

import torch
from torch import nn, optim
from torch.nn import functional as F

from examples.lantern.digits import loader
from pylms import lms, stageTensor


class CNN(nn.Module):
    def __init__(self, dropout=0.5):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, kernel_size=5)
        self.conv2 = nn.Conv2d(10, 20, kernel_size=5)
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, 10)
        self.dropout = nn.Dropout(dropout)

    def forward(self, images):
        x = F.relu(F.max_pool2d(self.conv1(images), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = F.relu(self.fc1(x.view(-1, 320)))
        return F.log_softmax(self.fc2(self.dropout(x)), dim=1)


def training(model, batches, epochs, make_optimizer, *, every=100):
    """A program that trains for so many passes over the batches and gives the last loss; some it prints.

    `make_optimizer` is given the model's parameters.
    """

    @lms
    def run(dummy):
        optimizer = make_optimizer(model.parameters())
        last = 0.0
        for epoch in range(epochs):
            for step, (images, classes) in enumerate(batches):
                optimizer.zero_grad()
                loss = F.nll_loss(model(images), classes)
                loss.backward()
                optimizer.step()
                last = loss.item()
                if step % every == 0:
                    print(f"epoch {epoch}, step {step}: loss {last:.6f}")
        return last

    return run


def accuracy(model, batches):
    """The share of the digits that the model reads rightly."""
    model.eval()
    with torch.no_grad():
        right = [(model(images).argmax(dim=1) == classes).float().mean().item() for images, classes in batches]
    return sum(right) / len(right)


def sgd(parameters):
    return optim.SGD(parameters, lr=0.05)


if __name__ == "__main__":
    batch = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    torch.manual_seed(0)
    model = CNN()
    train = stageTensor(training(model, loader(batch), 2, sgd, every=max(1, 10_000 // batch)))
    train(0)
    print(f"of the digits it has not seen it reads {accuracy(model, loader(1000, train=False)):.1%}")
