"""LeNet-5 with rectifiers and maxima, as it is built today, reads digits: `python -m examples.lantern.lenet5`."""

import torch
from torch import nn, optim
from torch.nn import functional as F

from examples.lantern.digits import loader
from examples.lantern.mnist_cnn import accuracy, training
from pylms import stageTensor

BATCH = 64


class LeNet5(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 6, kernel_size=5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 16, kernel_size=5),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(400, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, 10),
        )

    def forward(self, images):
        return F.log_softmax(self.classifier(self.features(images)), dim=1)


def adam(parameters):
    return optim.Adam(parameters, lr=1e-3)


if __name__ == "__main__":
    torch.manual_seed(0)
    model = LeNet5()
    train = stageTensor(training(model, loader(BATCH), 2, adam))
    train(0)
    print(f"of the digits it has not seen it reads {accuracy(model, loader(1000, train=False)):.1%}")
