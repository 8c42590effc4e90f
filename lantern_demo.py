"""Train a 784-50-10 classifier on MNIST natively: pytorch_demo.py, with `@lms` and `@stageTensor`."""

import argparse
import os
import time

import torch
from torch import nn, optim
from torch.nn import functional as F
from torch.utils.data import DataLoader

try:
    from torchvision import datasets, transforms
except ImportError:
    from pylms.data import datasets, transforms

from pylms import lms, stageTensor

os.environ.setdefault("PYLMS_GEN_DIR", "gen")
LOG_EVERY_SAMPLES = 6000

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--epochs", type=int, default=1, help="passes over the training set (default: 1)")
parser.add_argument("--batch-size", type=int, default=1, help="samples a step (default: 1)")
parser.add_argument("--lr", type=float, default=5e-4, help="learning rate (default: 0.0005)")
parser.add_argument("--seed", type=int, default=42, help="seed of the initial weights (default: 42)")
args = parser.parse_args()
log_interval = max(1, round(LOG_EVERY_SAMPLES / args.batch_size))

transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        x1 = x.view(-1, 784)
        x2 = F.relu(self.fc1(x1))
        x3 = self.fc2(x2)
        return F.log_softmax(x3, dim=1)


torch.manual_seed(args.seed)
model = Net()


@lms
def run(dummy):
    train_loader = DataLoader(
        datasets.MNIST("data", train=True, download=True, transform=transform),
        batch_size=args.batch_size,
        shuffle=False,
    )
    optimizer = optim.SGD(model.parameters(), lr=args.lr, momentum=0.0)

    def train(epoch):
        tloss = 0.0
        for batch_idx, (data, target) in enumerate(train_loader):
            optimizer.zero_grad()
            output = model(data)
            loss = F.nll_loss(output, target)
            tloss += loss.item()
            loss.backward()
            optimizer.step()
            if (batch_idx + 1) % log_interval == 0:
                seen = batch_idx * args.batch_size + len(data)
                print(
                    "Train Epoch: {} [{}/{} ({:.0f}%)]\tLoss: {:.6f}".format(
                        epoch,
                        seen,
                        len(train_loader.dataset),
                        100.0 * seen / len(train_loader.dataset),
                        tloss / (batch_idx + 1),
                    )
                )

    idx = 0
    while idx < args.epochs:
        idx = idx + 1
        train(idx)


def test():
    test_loader = DataLoader(datasets.MNIST("data", train=False, download=True, transform=transform), batch_size=1000)
    correct = 0
    with torch.no_grad():
        for data, target in test_loader:
            correct += int((model(data).argmax(dim=1) == target).sum())
    count = len(test_loader.dataset)
    print(f"Test set: Accuracy: {correct}/{count} ({100.0 * correct / count:.2f}%)")


@stageTensor
def runX(x):
    return run(x)


def section(title):
    print(f"{'=' * 62}\n{f' {title} '.center(62, '=')}\n{'=' * 62}")


if __name__ == "__main__":
    section("ORIGINAL SOURCE")
    print(run.original_src)
    section("STAGED SOURCE")
    print(run.src)
    section("IR CODE")
    print(runX.code)
    section("GENERATED CODE")
    print(runX.Ccode)
    section("EXECUTING CODE")
    start = time.perf_counter()
    runX(0)
    print(f"Training took {time.perf_counter() - start:.1f} s")
    test()
