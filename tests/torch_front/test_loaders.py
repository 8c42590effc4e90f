"""Batches come in PyTorch's order with PyTorch's values, and the random state moves as PyTorch moves it."""

from __future__ import annotations

import contextlib
import io
import random

import pytest

torch = pytest.importorskip("torch")

from torch.utils.data import (  # noqa: E402
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Sampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    random_split,
)

from pylms.data.datasets import MNIST  # noqa: E402
from pylms.data.transforms import Compose, Normalize, ToTensor  # noqa: E402
from pylms.errors import ArgumentError, StagingError, TorchFeatureError  # noqa: E402
from pylms.ir.node import walk  # noqa: E402
from pylms.ir.ops.buffers import GATHER_ROWS, SLICE_ROWS  # noqa: E402
from tests.torch_front.compare import assert_same_text  # noqa: E402
from tests.torch_front.programs import Program, stage  # noqa: E402

X = torch.arange(33.0).reshape(11, 3) / 10
Y = torch.arange(11) % 4


def _digits(transform, count: int = 13) -> MNIST:
    """MNIST with made-up images, and no files."""
    dataset = MNIST.__new__(MNIST)
    generator = torch.Generator().manual_seed(0)
    dataset.data = torch.randint(0, 256, (count, 4, 5), generator=generator, dtype=torch.uint8)
    dataset.targets = torch.randint(0, 10, (count,), generator=generator)
    dataset.transform, dataset.target_transform = transform, None
    return dataset


class Squares(Dataset):
    """A dataset the compiled code cannot read itself; its samples consume the random state."""

    def __init__(self, noisy: bool = False):
        self.noisy = noisy

    def __len__(self):
        return 7

    def __getitem__(self, index):
        noise = torch.rand(()) if self.noisy else torch.zeros(())
        return torch.full((2,), float(index * index)) + noise, index


def _sums(loader: DataLoader):
    """A program that prints what every batch holds, two epochs long."""

    def run(dummy):
        for epoch in range(2):
            for i, (x, y) in enumerate(loader):
                weights = torch.arange(1, x.numel() + 1, dtype=torch.float32)
                print(epoch, i, x.shape[0], (x.flatten() * weights).sum().item(), torch.as_tensor(y).sum().item())

    return run


def _check(loader: DataLoader, capsys: pytest.CaptureFixture[str], staged: DataLoader | None = None) -> Program:
    """Python's loop over a loader and the staged one over it, or over another such."""
    torch.manual_seed(3)
    random.seed(4)
    _sums(loader)(0)
    expected, state = capsys.readouterr().out, torch.random.get_rng_state()
    if loader.generator is not None:
        loader.generator.manual_seed(5)
    torch.manual_seed(3)
    random.seed(4)
    compiled = stage(_sums(loader if staged is None else staged), 0)
    assert torch.equal(torch.random.get_rng_state(), torch.manual_seed(3).get_state()), "tracing drew random numbers"
    compiled(0)
    found = [[float(word) for word in line.split()] for line in compiled.printed.splitlines()]
    wanted = [[float(word) for word in line.split()] for line in expected.splitlines()]
    assert len(found) == len(wanted)
    for mine, theirs in zip(found, wanted, strict=True):
        assert mine == pytest.approx(theirs, rel=1e-4, abs=1e-4)
    assert torch.equal(torch.random.get_rng_state(), state)
    return compiled


@pytest.mark.parametrize("batch_size", [1, 4, 11, 20])
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("shuffle", [False, True])
def test_tensor_dataset(batch_size: int, drop_last: bool, shuffle: bool, capsys) -> None:
    loader = DataLoader(TensorDataset(X, Y), batch_size=batch_size, shuffle=shuffle, drop_last=drop_last)
    compiled = _check(loader, capsys)
    if len(loader):
        primitives = {node.primitive for node in walk(compiled.function.body)}
        assert (GATHER_ROWS if shuffle else SLICE_ROWS) in primitives


def test_generator_of_its_own(capsys) -> None:
    generator = torch.Generator().manual_seed(5)
    _check(DataLoader(TensorDataset(X, Y), batch_size=4, shuffle=True, generator=generator), capsys)


def test_samplers(capsys) -> None:
    dataset = TensorDataset(X, Y)
    for sampler in (
        RandomSampler(dataset, replacement=True, num_samples=40),
        RandomSampler(dataset, num_samples=25),
        SubsetRandomSampler([1, 5, 7, 9, 2]),
        [3, -1, 0, 3],
    ):
        _check(DataLoader(dataset, batch_size=3, sampler=sampler), capsys)


def test_worker_processes_change_nothing(capsys) -> None:
    torch.manual_seed(3)
    _sums(DataLoader(TensorDataset(X, Y), batch_size=4, shuffle=True))(0)
    expected = capsys.readouterr().out
    torch.manual_seed(3)
    compiled = stage(_sums(DataLoader(TensorDataset(X, Y), batch_size=4, shuffle=True, num_workers=2)), 0)
    compiled(0)
    assert [line.split()[2:3] for line in compiled.printed.splitlines()] == [
        line.split()[2:3] for line in expected.splitlines()
    ]
    assert [line.split()[4] for line in compiled.printed.splitlines()] == [
        line.split()[4] for line in expected.splitlines()
    ]


@pytest.mark.parametrize(
    "transform",
    [
        ToTensor(),
        Compose([ToTensor(), Normalize((0.1307,), (0.3081,))]),
        Compose([Compose([ToTensor()]), Normalize([0.5], [0.25]), Normalize([0.1], [2.0])]),
    ],
)
@pytest.mark.parametrize("shuffle", [False, True])
def test_images_with_transforms_compiled_in(transform, shuffle: bool, capsys) -> None:
    compiled = _check(DataLoader(_digits(transform), batch_size=5, shuffle=shuffle), capsys)
    assert {SLICE_ROWS, GATHER_ROWS} & {node.primitive for node in walk(compiled.function.body)}


def test_normalised_images_are_the_same_bit_for_bit() -> None:
    loader = DataLoader(_digits(Compose([ToTensor(), Normalize((0.1307,), (0.3081,))])), batch_size=13)

    def run(dummy):
        result = torch.zeros(13, 1, 4, 5)
        for images, labels in loader:
            result = images
        return result

    assert torch.equal(stage(run, 0)(0), next(iter(loader))[0])


@pytest.mark.parametrize("shuffle", [False, True])
def test_dataset_only_python_can_read(shuffle: bool, capsys) -> None:
    _check(DataLoader(Squares(), batch_size=3, shuffle=shuffle), capsys)
    _check(DataLoader(Squares(noisy=True), batch_size=3, shuffle=shuffle), capsys)


def test_other_transform_subset_and_collate_go_through_python(capsys) -> None:
    _check(DataLoader(_digits(Compose([ToTensor(), lambda image: image * 2])), batch_size=5), capsys)
    _check(DataLoader(Subset(TensorDataset(X, Y), [4, 2, 9]), batch_size=2), capsys)

    def collate(samples):
        return torch.stack([x for x, _ in samples]) + 1, torch.tensor([y for _, y in samples])

    _check(DataLoader(TensorDataset(X, Y), batch_size=4, collate_fn=collate), capsys)


def test_single_tensor_batches() -> None:
    class Numbers(Dataset):
        def __len__(self):
            return 5

        def __getitem__(self, index):
            return torch.tensor(float(index))

    loader = DataLoader(Numbers(), batch_size=2)

    def run(dummy):
        total = 0.0
        for batch in loader:
            total += batch.sum().item()
        return total

    assert stage(run, 0)(0) == 10.0


def test_lengths_are_plain_numbers() -> None:
    loader = DataLoader(TensorDataset(X, Y), batch_size=4)

    def run(dummy):
        for i, (x, y) in enumerate(loader):
            print(len(loader), len(loader.dataset), len(x), x.size(0), tuple(y.shape))

    compiled = stage(run, 0)
    compiled(0)
    assert compiled.printed.splitlines() == ["3 11 4 4 (4,)", "3 11 4 4 (4,)", "3 11 3 3 (3,)"]


class Stream(IterableDataset):
    """Shuffled by numbers of PyTorch's and of Python's, anew in each epoch."""

    def __iter__(self):
        for index in torch.randperm(7).tolist():
            yield X[index] + random.random(), index


class Odd(Sampler):
    """Every other sample, or batches of them; it counts its epochs, and does not say how long it is."""

    def __init__(self, *, batched: bool = False) -> None:
        self.batched, self.epoch = batched, 0

    def __iter__(self):
        self.epoch += 1
        numbers = [number * self.epoch % 11 for number in (1, 3, 5, 7, 9)]
        yield from ([numbers[:2], numbers[2:4], numbers[4:]] if self.batched else numbers)


def test_loaders_that_only_python_can_read(capsys) -> None:
    """What decides about batches is asked anew in each epoch; looking at a few while staging leaves no trace."""
    dataset = TensorDataset(X, Y)
    for make in (
        lambda: DataLoader(Stream(), batch_size=3),
        lambda: DataLoader(Stream(), batch_size=3, drop_last=True),
        lambda: DataLoader(Stream(), batch_size=None),
        lambda: DataLoader(dataset, batch_size=None, shuffle=True),
        lambda: DataLoader(dataset, batch_sampler=[[0, 1], [2], [3, 4]]),
        lambda: DataLoader(dataset, batch_sampler=BatchSampler(RandomSampler(dataset), 4, drop_last=False)),
        lambda: DataLoader(dataset, batch_sampler=Odd(batched=True)),
        lambda: DataLoader(dataset, batch_size=2, sampler=Odd()),
        lambda: DataLoader(dataset, batch_size=None, sampler=Odd()),
        lambda: DataLoader(ConcatDataset([Subset(dataset, [4, 2, 9]), dataset]), batch_size=5, shuffle=True),
        lambda: DataLoader(random_split(dataset, [7, 4], torch.Generator().manual_seed(1))[0], batch_size=3),
    ):
        _check(make(), capsys, make())


class _Nested(Dataset):
    """Samples of dicts, tuples and numbers, one of them a string if asked for."""

    def __init__(self, **more: object) -> None:
        self.more = more

    def __len__(self):
        return 5

    def __getitem__(self, index):
        return {"x": X[index], "about": (index, {"y": Y[index]}), **self.more}


def test_batches_of_dicts() -> None:
    loader = DataLoader(_Nested(), batch_size=2)

    def run(dummy):
        for i, batch in enumerate(loader):
            number, inner = batch["about"]
            for name in batch:
                print(i, name)
            print((batch["x"].sum(1) * number + inner["y"]).sum().item(), number.shape[0])

    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        run(0)
    program = stage(run, 0)
    program(0)
    assert_same_text(program.printed, text.getvalue(), 1e-6)


def test_batches_of_strings_are_refused() -> None:
    loader = DataLoader(_Nested(name="a sample"), batch_size=2)

    def run(dummy):
        for batch in loader:
            print(batch["x"].sum().item())

    with pytest.raises(TorchFeatureError, match="a data loader that gives a str cannot be staged") as caught:
        stage(run, 0)
    assert caught.value.loc is not None and "for batch in loader" in str(caught.value)


def test_changing_what_was_compiled_in_is_an_error_not_a_wrong_answer() -> None:
    dataset = TensorDataset(torch.rand(6, 3), torch.arange(6) % 3)
    loader = DataLoader(dataset, batch_size=2)

    def run(dummy):
        for x, y in loader:
            print(torch.nn.functional.nll_loss(x, y).item())

    compiled = stage(run, 0)
    compiled(0)
    dataset.tensors[1][3] = 7
    with pytest.raises(ArgumentError, match="classes of a dataset were 0 to 2 when the function was compiled"):
        compiled(0)


def test_a_dataset_written_in_the_loop_is_refused() -> None:
    dataset = TensorDataset(X.clone(), Y)
    loader = DataLoader(dataset, batch_size=2)

    def run(dummy):
        for x, y in loader:
            dataset.tensors[0].mul_(2)

    with pytest.raises(StagingError, match="changed in place"):
        stage(run, 0)
