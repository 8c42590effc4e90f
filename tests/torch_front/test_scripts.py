"""Training scripts as people write them: what is printed, learnt and left behind is what PyTorch alone gives."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn, optim  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402

from pylms import lms  # noqa: E402
from tests.torch_front.compare import Script, check, classification, regression  # noqa: E402
from tests.torch_front.test_scripts_by_hand import HandLinear  # noqa: E402


class Block(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.linear = HandLinear(inputs, outputs)
        self.activation = nn.Tanh()

    def forward(self, x):
        return self.activation(self.linear(x))


class Deep(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([Block(6, 5), Block(5, 4)])
        self.head = nn.Sequential(nn.Linear(4, 4), nn.Sigmoid(), nn.Linear(4, 3))

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.head(x)


def test_nested_modules_and_epoch_averages():
    def make():
        model = Deep()
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        loader = DataLoader(classification(), batch_size=4, shuffle=True)
        criterion = nn.CrossEntropyLoss()

        def run(_):
            for epoch in range(3):
                running = 0.0
                for x, y in loader:
                    optimizer.zero_grad()
                    loss = criterion(model(x), y)
                    loss.backward()
                    optimizer.step()
                    running += loss.item() * x.size(0)
                print(f"epoch {epoch}: {running / len(loader.dataset):.4f}")

        return Script(run, {"model": model, "optimizer": optimizer})

    check(make)


def test_train_and_test_functions_of_the_mnist_example():
    def make():
        model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        train_loader = DataLoader(classification(24), batch_size=8, shuffle=True)
        test_loader = DataLoader(classification(16, seed=9), batch_size=8)

        @lms
        def train(epoch):
            model.train()
            for batch_idx, (data, target) in enumerate(train_loader):
                optimizer.zero_grad()
                loss = F.cross_entropy(model(data), target)
                loss.backward()
                optimizer.step()
                if batch_idx % 2 == 0:
                    print(
                        "Train Epoch: {} [{}/{} ({:.0f}%)]\tLoss: {:.6f}".format(
                            epoch,
                            batch_idx * len(data),
                            len(train_loader.dataset),
                            100.0 * batch_idx / len(train_loader),
                            loss.item(),
                        )
                    )

        @lms
        def test():
            model.eval()
            test_loss = 0
            correct = 0
            with torch.no_grad():
                for data, target in test_loader:
                    output = model(data)
                    test_loss += F.cross_entropy(output, target, reduction="sum").item()
                    pred = output.argmax(dim=1, keepdim=True)
                    correct += pred.eq(target.view_as(pred)).sum().item()
            test_loss /= len(test_loader.dataset)
            print(f"\nTest set: Average loss: {test_loss:.4f}, Accuracy: {correct}/{len(test_loader.dataset)}\n")

        def run(_):
            for epoch in range(1, 4):
                train(epoch)
                test()

        return Script(run, {"model": model, "optimizer": optimizer})

    check(make)


def test_early_stop_and_best_loss():
    def make():
        model = nn.Linear(6, 3)
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        loader = DataLoader(classification(24), batch_size=8, shuffle=True)

        def run(_):
            best, bad, epoch = 1e9, 0, 0
            while epoch < 20 and bad < 2:
                total = 0.0
                for x, y in loader:
                    optimizer.zero_grad()
                    loss = F.cross_entropy(model(x), y)
                    loss.backward()
                    optimizer.step()
                    total += loss.item()
                if total < best - 0.05:
                    best, bad = total, 0
                    print("better", epoch, best)
                else:
                    bad += 1
                    print("worse", epoch)
                epoch += 1
            return best, epoch

        return Script(run, {"model": model})

    check(make)


@pytest.mark.parametrize("limit", [0.05, 1.0, 100.0])
def test_break_when_the_loss_is_small(limit):
    def make():
        model = nn.Linear(4, 1)
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        loader = DataLoader(regression(), batch_size=3, shuffle=True)

        def run(limit):
            steps = 0
            for epoch in range(10):
                for x, y in loader:
                    loss = F.mse_loss(model(x), y)
                    if loss.item() < limit:
                        print("small at", epoch, steps, f"{loss.item():.5f}")
                        break
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                    steps += 1
                else:
                    print("full epoch", epoch)
                    continue
                break
            return steps

        return Script(run, {"model": model})

    check(make, limit)


def test_return_from_the_epoch_loop_and_skipped_batches():
    def make():
        model = nn.Linear(4, 1)
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        loader = DataLoader(regression(), batch_size=3)

        def run(_):
            epoch = skipped = 0
            while epoch < 30:
                for x, y in loader:
                    loss = F.mse_loss(model(x), y)
                    if loss.item() > 3.0:
                        skipped += 1
                        continue
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                if loss.item() < 0.1:
                    return epoch, skipped
                epoch += 1
            return -1, skipped

        return Script(run, {"model": model})

    check(make)


def test_two_outputs_two_losses_and_a_penalty():
    class TwoHeads(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.classes, self.value = nn.Linear(6, 5), nn.Linear(5, 3), nn.Linear(5, 1)

        def forward(self, x):
            hidden = F.relu(self.body(x))
            return self.classes(hidden), self.value(hidden).squeeze(1)

    def make():
        model = TwoHeads()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        loader = DataLoader(classification(20), batch_size=8)

        def run(_):
            for x, y in loader:
                logits, value = model(x)
                first, second = F.cross_entropy(logits, y), F.mse_loss(value, y.float())
                loss = first + 0.5 * second + 1e-2 * sum(p.abs().sum() for p in model.parameters())
                optimizer.zero_grad()
                loss.backward()
                (0.01 * (model.body.weight**2).sum()).backward()
                optimizer.step()
                print(f"{first.item():.4f} {second.item():.4f}")

        return Script(run, {"model": model})

    check(make)


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode, self.again = nn.Linear(6, 3), nn.Linear(6, 3)
        self.again.weight = self.encode.weight

    def forward(self, x):
        hidden = torch.tanh(self.encode(x) + self.again(x))
        return hidden @ self.encode.weight


def test_tied_weights():
    def make():
        model = Tied()
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        loader = DataLoader(classification(), batch_size=4)

        def run(_):
            for x, _y in loader:
                optimizer.zero_grad()
                F.mse_loss(model(x), x).backward()
                optimizer.step()

        return Script(run, {"model": model, "optimizer": optimizer})

    check(make)


def test_groups_frozen_parameters_and_two_optimisers():
    def make():
        body, frozen, head = nn.Linear(6, 5), nn.Linear(5, 5), nn.Linear(5, 3)
        for parameter in frozen.parameters():
            parameter.requires_grad = False
        groups = [{"params": body.weight, "lr": 0.01, "momentum": 0.9, "nesterov": True}, {"params": [body.bias]}]
        first = optim.SGD(groups, lr=0.1, weight_decay=0.01)
        second = optim.SGD(filter(lambda p: p.requires_grad, [*frozen.parameters(), *head.parameters()]), lr=0.05)
        loader = DataLoader(classification(), batch_size=4)

        def run(_):
            for x, y in loader:
                first.zero_grad()
                second.zero_grad()
                F.cross_entropy(head(torch.relu(frozen(torch.sigmoid(body(x))))), y).backward()
                first.step()
                second.step()

        return Script(run, {"body": body, "frozen": frozen, "head": head, "first": first, "second": second})

    check(make)


def test_float64_model():
    def make():
        model = nn.Sequential(nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 3)).double()
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        loader = DataLoader(classification(20, dtype=torch.float64), batch_size=6)

        def run(_):
            for x, y in loader:
                optimizer.zero_grad()
                loss = F.cross_entropy(model(x), y)
                loss.backward()
                optimizer.step()
                print(loss.item())

        return Script(run, {"model": model, "optimizer": optimizer})

    check(make, tolerance=1e-11)


def test_tensors_summed_and_a_tensor_returned():
    def make():
        model = nn.Linear(6, 3)
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        loader = DataLoader(classification(20), batch_size=5)

        def run(_):
            total = torch.tensor(0.0)
            for x, y in loader:
                optimizer.zero_grad()
                loss = F.cross_entropy(model(x), y)
                loss.backward()
                optimizer.step()
                total += loss.detach()
            return loss, total.item(), total / len(loader)

        return Script(run, {"model": model})

    check(make)


def test_what_is_printed_about_batches():
    def make():
        model = nn.Linear(6, 3)
        loader = DataLoader(classification(20), batch_size=8)

        def run(_):
            print("start", len(loader), len(loader.dataset), loader.batch_size)
            for i, (x, y) in enumerate(loader, 1):
                print(i, x.shape, tuple(y.size()), x.dtype, sep=" | ")
                print(f"{model(x).argmax(dim=1).eq(y).float().mean().item():.3f}", end="; ")
            print("done")

        return Script(run, {"model": model})

    check(make)


def test_adversaries_and_an_average_of_weights():
    def make():
        maker, judge = nn.Sequential(nn.Linear(6, 6), nn.Tanh()), nn.Linear(6, 1)
        average = nn.Linear(6, 1)
        average.load_state_dict(judge.state_dict())
        average.requires_grad_(False)
        makers, judges = optim.SGD(maker.parameters(), lr=0.1), optim.SGD(judge.parameters(), lr=0.1)
        loader = DataLoader(classification(20), batch_size=8)
        criterion = nn.BCEWithLogitsLoss()

        def run(_):
            for x, _y in loader:
                ones, zeros = torch.ones(x.size(0), 1), torch.zeros(x.size(0), 1)
                fake = maker(x)
                judges.zero_grad()
                judged = criterion(judge(x), ones) + criterion(judge(fake.detach()), zeros)
                judged.backward()
                judges.step()
                makers.zero_grad()
                made = criterion(judge(fake), ones)
                made.backward()
                makers.step()
                with torch.no_grad():
                    for mean, current in zip(average.parameters(), judge.parameters(), strict=True):
                        mean.mul_(0.9).add_(current, alpha=0.1)
                print(f"{judged.item():.5f} {made.item():.5f} {average(fake).mean().item():.5f}")

        return Script(run, {"maker": maker, "judge": judge, "average": average})

    check(make)


@pytest.mark.parametrize("rate", [0.1, 1e20], ids=["converges", "diverges"])
def test_stopping_at_nan(rate):
    def make():
        model = nn.Linear(4, 1)
        optimizer = optim.SGD(model.parameters(), lr=rate)
        loader = DataLoader(regression(), batch_size=5)

        def run(_):
            steps = 0
            for _epoch in range(5):
                for x, y in loader:
                    loss = F.mse_loss(model(x), y)
                    if torch.isnan(loss):
                        print("diverged after", steps)
                        return steps
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                    steps += 1
            return steps

        return Script(run, {})

    check(make, calls=1)


class Running(nn.Module):
    """Keeps statistics in buffers, one written in place and one assigned."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(6, 3)
        self.register_buffer("mean", torch.zeros(6))
        self.register_buffer("largest", torch.zeros(6))
        self.register_buffer("batches", torch.tensor(0))

    def forward(self, x):
        if self.training:
            with torch.no_grad():
                self.mean.mul_(0.9).add_(0.1 * x.mean(0))
                self.batches += 1
            self.largest = torch.maximum(self.largest, x.max(dim=0).values)
        self.hidden = self.linear((x - self.mean) / (1 + self.largest))
        return self.hidden


def test_statistics_in_buffers():
    def make():
        model = Running()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        loader = DataLoader(classification(20), batch_size=8)

        def run(_):
            for x, y in loader:
                optimizer.zero_grad()
                loss = F.cross_entropy(model(x), y) + 0.1 * model.hidden.abs().mean()
                loss.backward()
                optimizer.step()
                print(model.batches.item(), f"{loss.item():.5f} {model.largest.min().item():.4f}")

        return Script(run, {"model": model})

    check(make)
