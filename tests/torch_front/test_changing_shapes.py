"""Loaders whose batches change shape while the compiled loop runs: everything is as PyTorch leaves it."""

from __future__ import annotations

import logging

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn, optim  # noqa: E402
from torch.utils.data import DataLoader, Dataset, Sampler  # noqa: E402

from pylms import stageTensor  # noqa: E402
from pylms.errors import ArgumentError, PylmsError, StagingError  # noqa: E402
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


def _failing(batch):
    """A loop over batches of three samples, and one of two that is wrong."""
    model = nn.Linear(2, 3)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    good = (torch.ones(3, 2), torch.tensor([0, 1, 2]))
    loader = DataLoader([good] * 5 + [batch], batch_size=None)

    def run(_):
        for x, y in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)  # here
            loss.backward()
            optimizer.step()

    return run, model


@pytest.mark.parametrize(
    "batch, kind, message",
    [
        ((torch.ones(2, 2), torch.tensor([0, 3])), IndexError, "a target class is out of bounds: there are 3 classes"),
        ((torch.ones(2, 2), torch.tensor([-1, 0])), IndexError, "a target class is out of bounds: there are 3 classes"),
        ((torch.ones(2, 2), torch.tensor([0, 1, 2])), PylmsError, r"not \[2, 3\] and int64 \[3\]"),
        ((torch.ones(2, 4), torch.tensor([0, 1])), PylmsError, r"with 2 input features was given a tensor of shape"),
        ((torch.ones(2, 2).double(), torch.tensor([0, 1])), PylmsError, "float64"),
        ((torch.ones(2, 2), "a name"), PylmsError, "a data loader that gives a str cannot be staged"),
    ],
    ids=["class", "negative class", "classes", "features", "dtype", "string"],
)
def test_a_bad_batch_of_another_shape(batch, kind, message):
    """An error at the line, after training with the batches before it as PyTorch does."""
    run, mine = _failing(batch)
    expected, theirs = _failing(batch)
    theirs.load_state_dict(mine.state_dict())
    with pytest.raises((IndexError, RuntimeError, ValueError, TypeError)):
        expected(0)
    with pytest.raises(kind, match=message) as caught:
        stageTensor(run)(0)
    if isinstance(caught.value, PylmsError):
        assert caught.value.loc is not None and caught.value.loc.file == __file__
    for left, right in zip(mine.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(left, right)


def test_errors_of_data_sets_are_the_runs():
    class Broken(Dataset):
        def __len__(self):
            return 9

        def __getitem__(self, index):
            if index == 7:
                raise ValueError(f"sample {index} cannot be read")
            return torch.ones(2)

    loader = DataLoader(Broken(), batch_size=1)
    seen = nn.Parameter(torch.zeros(2))

    @stageTensor
    def run(_):
        for x in loader:
            with torch.no_grad():
                seen.add_(x[0])

    with pytest.raises(ValueError, match="sample 7 cannot be read"):
        run(0)
    assert seen.tolist() == [7, 7]


def test_parameters_that_move_between_calls():
    """Code for shapes that came late finds them again; of another size, all is compiled anew."""
    w = nn.Parameter(torch.ones(3))
    loader = DataLoader([torch.ones(length, 1) for length in (2, 2, 2, 2, 3)], batch_size=None)

    @stageTensor
    def run(_):
        total = 0.0
        for x in loader:
            total += (x * w).sum().item()
        return total

    for data in (torch.ones(3), torch.full((3,), 2.0), torch.ones(5), torch.ones(5, dtype=torch.float64)):
        w.data = data
        assert run(0) == run(0) == 11 * data.sum()


def test_loops_within_loops():
    """Validation within training, of other shapes each, by a function; gradients of two batches add up, clipped."""

    def make():
        model = Classifier().double()
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.5)
        train = DataLoader(Sentences(), batch_size=2, collate_fn=padded)
        test = DataLoader(Sentences((2,) * 8 + (5,) * 2), batch_size=2, collate_fn=padded)

        def evaluate():
            model.eval()
            total = 0.0
            with torch.no_grad():
                for x, y in test:
                    out = model(x)
                    out = F.log_softmax(out, 1)
                    total += F.nll_loss(out, y).item()
            model.train()
            return total

        def run(epochs):
            best = 1e9
            history = []
            for epoch in range(epochs):
                for i, (x, y) in enumerate(train):
                    x = x.flip(1)
                    out = model(x)
                    loss = F.cross_entropy(out, y) / 2
                    loss.backward()
                    if i % 2 == 1:
                        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
                        optimizer.step()
                        optimizer.zero_grad()
                        value = evaluate()
                        history.append(value)
                        if value < best:
                            best = value
                            print("best", epoch, i, f"{best:.6f}")
            return best, len(history), history[0] + history[-1]

        return Script(run, {"model": model, "optimizer": optimizer})

    check(make, 2, calls=1)


def test_shapes_that_come_late_to_a_loop_in_every_round_of_another():
    """The inner loop is there for each shape of the outer one, and its late shapes come to each of these."""

    def make():
        model = nn.Linear(4, 3)
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        train, test = _lengthening((2, 3, 2, 2, 2, 5, 3)), _lengthening((1, 1, 1, 1, 1, 4, 6))

        def run(start):
            total = start
            for x in train:
                optimizer.zero_grad()
                loss = model(x).pow(2).mean()
                loss.backward()
                optimizer.step()
                with torch.no_grad():
                    for y in test:
                        total += model(y).sum().item()
            return total

        return Script(run, {"model": model, "optimizer": optimizer})

    check(make, 0.5)


class _Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 3)
        self.scale = 1.0

    def forward(self, x):
        y = self.linear(x) * self.scale
        return y * 2 if self.training else y


def _lengthening(rows=(2, 2, 2, 2, 3, 2, 3)) -> DataLoader:
    return DataLoader([torch.arange(n * 4.0).reshape(n, 4) / 9 for n in rows], batch_size=None)


def test_what_comes_after_a_loop_does_not_change_its_later_shapes():
    """Names that stand for something else later, modes, and variables of loops around are those of the loop."""

    def make():
        model = _Scaled().double()
        optimizer = optim.AdamW(model.parameters(), lr=0.1)
        first, second = _lengthening(), _lengthening((3, 3, 3, 3, 4))

        def run(epochs):
            scale, name = 2.0, "first"
            for x in first:
                optimizer.zero_grad()
                loss = (model(x.double()) * scale).tanh().sum()
                loss.backward()
                optimizer.step()
                print(name, f"{loss.item():.5f}")
            scale, name = 3.0, "second"
            model.eval()
            for epoch in range(epochs):
                for x in second:
                    optimizer.zero_grad()
                    loss = (model(x.double()) * scale).tanh().sum()
                    loss.backward()
                    optimizer.step()
                    print(name, epoch, f"{loss.item():.5f}")
                scale = scale + 1
            model.train()
            return scale

        return Script(run, {"model": model, "optimizer": optimizer})

    check(make, 2, calls=1)


def test_where_it_would_change_them_is_an_error():
    model = _Scaled()

    @stageTensor
    def run(_):
        for x in _lengthening():  # here
            model(x).sum().backward()
        model.scale = 0.5

    with pytest.raises(StagingError, match="what it does depends on what came after it while staging") as caught:
        run(0)
    assert caught.value.loc is not None and "# here" in caught.value.loc.text


def _looks_into_a_list(losses):
    print(len(losses))


def _keeps_a_text(losses):
    print(f"{losses[-1]}")


@pytest.mark.parametrize("looks", [_looks_into_a_list, _keeps_a_text])
def test_what_cannot_be_handed_over(looks):
    w = nn.Parameter(torch.ones(4))

    @stageTensor
    def run(_):
        losses = []
        for x in _lengthening():  # here
            loss = (x * w).sum()
            loss.backward()
            losses.append(loss.item())
            looks(losses)

    with pytest.raises(ArgumentError, match="a list<float>, cannot be handed to code for that shape") as caught:
        run(0)
    assert caught.value.loc is not None and "# here" in caught.value.loc.text
