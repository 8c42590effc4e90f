"""Loaders whose batches change shape while the compiled loop runs: everything is as PyTorch leaves it."""

from __future__ import annotations

import logging

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn, optim  # noqa: E402
from torch.utils.data import DataLoader, Dataset, Sampler  # noqa: E402

from pylms import stageTensor  # noqa: E402
from pylms.errors import ArgumentError  # noqa: E402
from tests.torch_front.compare import Script, check  # noqa: E402


class Sentences(Dataset):
    """Sequences of ten words, with one of three classes. The longer ones, which staging does not look at, are last."""

    def __init__(self, lengths: tuple[int, ...] = (3,) * 8 + (4,) * 2, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        count = len(lengths)
        self.words = [torch.randint(0, 10, (length,), generator=generator) for length in lengths]
        self.classes = torch.randint(0, 3, (count,), generator=generator).tolist()

    def __len__(self):
        return len(self.words)

    def __getitem__(self, index):
        return self.words[index], self.classes[index]


def padded(samples):
    longest = max(len(words) for words, _ in samples)
    words = torch.stack([F.pad(words, (0, longest - len(words))) for words, _ in samples])
    return words, torch.tensor([class_ for _, class_ in samples])


class Classifier(nn.Module):
    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10, 4)
        self.norm = nn.BatchNorm1d(4)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(4, 3)

    def forward(self, x):
        return self.linear(self.dropout(self.norm(self.embedding(x).mean(1))))


class Buckets(Sampler):
    """Batches of samples of one length, in an order of its own."""

    def __init__(self, data: Sentences, size: int) -> None:
        self.data, self.size, self.epoch = data, size, 0
        self.generator = torch.Generator().manual_seed(7)

    def __iter__(self):
        self.epoch += 1
        lengths = sorted({len(words) for words in self.data.words})
        order = torch.randperm(len(lengths), generator=self.generator).tolist()
        for length in (lengths[at] for at in order):
            indices = [index for index, words in enumerate(self.data.words) if len(words) == length]
            for start in range(0, len(indices), self.size):
                yield indices[start : start + self.size]


def test_batches_padded_to_their_longest():
    """Names of batches that both loops assign, lists, sums in numbers and tensors, dropout, a scheduler, break."""

    def make():
        model = Classifier(dropout=0.3).double()
        optimizer = optim.Adam(model.parameters(), lr=0.05)
        scheduler = optim.lr_scheduler.ExponentialLR(optimizer, 0.99)
        train = DataLoader(Sentences(), batch_size=2, shuffle=True, collate_fn=padded)
        test = DataLoader(Sentences((2,) * 8 + (3, 2), seed=1), batch_size=2, collate_fn=padded)

        def run(epochs):
            losses, total, mean = [], 0.0, torch.zeros((), dtype=torch.float64)
            for epoch in range(epochs):
                model.train()
                for i, (x, y) in enumerate(train):
                    optimizer.zero_grad()
                    out = model(x)
                    loss = F.cross_entropy(out, y)
                    loss.backward()
                    optimizer.step()
                    scheduler.step()
                    losses.append(loss.item())
                    mean = 0.9 * mean + 0.1 * loss.detach()
                    print(epoch, i, x.shape[1], f"{loss.item():.5f}")
                model.eval()
                correct = 0
                with torch.no_grad():
                    for x, y in test:
                        out = model(x)
                        correct += (out.argmax(1) == y).sum().item()
                        total += F.cross_entropy(out, y).item()
                        if total > 15:
                            break
                print(epoch, correct, f"{total:.4f}", f"{mean.item():.5f}")
            return total, len(losses), sum(losses), mean

        return Script(run, {"model": model, "optimizer": optimizer})

    check(make, 3, calls=1)


def test_samples_of_many_lengths_one_by_one():
    """A batch of one, without collating as well: numbers in it are numbers of the run."""

    def make():
        model = nn.Sequential(nn.Embedding(10, 4), nn.Linear(4, 3)).double()
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        one_by_one = DataLoader(Sentences(), batch_size=1, shuffle=True)
        bare = DataLoader(Sentences(), batch_size=None)

        def run(epochs):
            seen = 0
            for _ in range(epochs):
                for x, y in one_by_one:
                    optimizer.zero_grad()
                    loss = F.cross_entropy(model(x).mean(1), y)
                    loss.backward()
                    optimizer.step()
                    print(f"{loss.item():.5f}")
                for x, y in bare:
                    seen += y
                    if y == 2:
                        continue
                    loss = model(x).mean(0)[1].tanh()
                    loss.backward()  # gradients add up, over all of these
                    print(x.shape[0], y, f"{loss.item():.5f}")
                optimizer.step()
            return seen

        return Script(run, {"model": model, "optimizer": optimizer})

    check(make, 2)


def test_buckets_and_models_made_in_the_function():
    def make():
        data = Sentences((2, 3) * 6 + (4,) * 2)

        def run(epochs):
            model = Classifier().double()
            optimizer = optim.Adagrad(model.parameters(), lr=0.1)
            loader = DataLoader(data, batch_sampler=Buckets(data, 2), collate_fn=padded)
            for _ in range(epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    x = model(x)
                    loss = F.cross_entropy(x, y)
                    loss.backward()
                    optimizer.step()
                    print(len(y), f"{loss.item():.5f}")
            return loss, model.linear.weight.detach()

        return Script(run, {})

    check(make, 2)


def test_each_shape_is_compiled_once_and_many_are_warned_of(caplog):
    model = nn.Linear(1, 1)
    loader = DataLoader([torch.ones(length) for length in (*range(1, 13), 3, 12)], batch_size=1)
    compiled = []

    def run(_):
        total = 0.0
        for x in loader:
            total += model(x.unsqueeze(2)).sum().item()
        return total

    staged = stageTensor(run)
    with caplog.at_level(logging.INFO, logger="pylms"):
        assert staged(0) == pytest.approx(run(0))
        compiled.append(sum("run_form" in record.message for record in caplog.records))
        assert staged(0) == pytest.approx(run(0))
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert compiled == [8] and sum("run_form" in record.getMessage() for record in caplog.records) == 8
    assert len(warnings) == 1
    assert (
        f"{__file__}:" in warnings[0]
        and "a data loader over a list has given batches of 9 shapes: [1, 1]" in warnings[0]
    )
    assert "put samples of one shape into the same batches" in warnings[0]


def test_a_value_of_the_batch_that_outlives_its_round():
    loader = DataLoader([torch.ones(length) for length in (3, 3, 3, 3, 3, 4)], batch_size=1)

    @stageTensor
    def run(_):
        before = torch.zeros(1, 3)
        for x in loader:  # here
            print((before[:, :1] * x[:, :1]).sum().item())
            before = x
        return 0

    with pytest.raises(
        ArgumentError, match=r"gave a batch of another shape, \[1, 4\], while the loop ran: `before`"
    ) as caught:
        run(0)
    assert caught.value.loc is not None and "# here" in caught.value.loc.text
    assert "pad the batches" in (caught.value.hint or "")
