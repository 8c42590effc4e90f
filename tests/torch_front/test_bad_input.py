"""What cannot be staged of a PyTorch script is named, with the line it is on (marked `# here`) and what to do."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn, optim  # noqa: E402
from torch.utils.data import DataLoader, Dataset, IterableDataset  # noqa: E402

from pylms import stageTensor  # noqa: E402
from pylms.data import datasets, transforms  # noqa: E402
from pylms.errors import (  # noqa: E402
    DataError,
    PylmsError,
    StagedTypeError,
    StagingError,
    TorchFeatureError,
)
from tests.torch_front.compare import classification  # noqa: E402

Run = Callable[[int], object]


def _assert_refused(run: Run, kind: type[PylmsError], message: str, hint: str = "", *, argument: int = 0) -> None:
    with pytest.raises(kind, match=message) as caught:
        stageTensor(run)(argument)
    error = caught.value
    assert error.loc is not None and error.loc.file == __file__
    assert "# here" in error.loc.text, error.loc.text
    assert hint in (error.hint or "")
    text = str(error)
    assert f"{__file__}:{error.loc.line}:" in text and "^" in text.splitlines()[2]


class _Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 3)

    def forward(self, x):
        return self.linear(x)


def _loader(**options: object) -> DataLoader:
    return DataLoader(classification(24), **{"batch_size": 8, **options})


# Loaders


class _Stream(IterableDataset):
    """Its own iterator: what staging looked at would be gone."""

    def __iter__(self):
        return self

    def __next__(self):
        raise StopIteration


class _Named(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return torch.zeros(6), "a name"


class _Tracked(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return torch.zeros(6, requires_grad=True), 0


@pytest.mark.parametrize(
    "loader, message, hint",
    [
        (lambda: DataLoader(_Stream(), batch_size=2), "that is its own iterator", "have its __iter__ begin anew"),
        (lambda: DataLoader(_Tracked()), "a tensor which requires a gradient", "detached from what"),
        (lambda: DataLoader(_Named(), batch_size=2), "a data loader that gives a str", "tuples, lists and dicts"),
    ],
)
def test_loaders(loader, message, hint):
    made = loader()

    def run(_):
        for x, y in made:  # here
            print(x.sum().item())

    _assert_refused(run, TorchFeatureError, message, hint)


def test_a_loader_over_what_staged_code_computes():
    def run(rounds):
        for _ in range(rounds):
            for x in DataLoader([torch.arange(n * 2.0) for n in (1, 2)], batch_size=None):  # here
                print(x.sum().item())

    _assert_refused(
        run,
        TorchFeatureError,
        "a data loader over tensors that staged code computes",
        "outside the staged loop",
        argument=2,
    )


def test_files_that_are_missing_or_corrupt(tmp_path, monkeypatch):
    monkeypatch.delenv("PYLMS_DATA_DIR", raising=False)

    @stageTensor
    def run(_):
        transform = transforms.Compose([transforms.ToTensor()])
        for x, y in DataLoader(datasets.MNIST(str(tmp_path), train=True, transform=transform)):
            print(y.sum().item())

    with pytest.raises(DataError, match="train-images-idx3-ubyte was not found; looked for") as caught:
        run(0)
    assert str(tmp_path) in str(caught.value) and "put the file there" in (caught.value.hint or "")
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"):
        with gzip.open(raw / name, "wb") as file:
            file.write(b"no images")
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz"):
        run(0)


# Optimisers


class _OwnStep(optim.SGD):
    def step(self, closure=None):
        return None


def _with_step_hook(parameters) -> optim.Optimizer:
    optimizer = optim.SGD(parameters, lr=0.1)
    optimizer.register_step_post_hook(lambda *_: None)
    return optimizer


@pytest.mark.parametrize(
    "make, message, hint",
    [
        (
            optim.LBFGS,
            r"`torch\.optim\.lbfgs\.LBFGS` cannot be staged yet",
            "optimisers of torch.optim that can be: SGD, Adam",
        ),
        (lambda p: _OwnStep(p, lr=0.1), r"test_bad_input\._OwnStep` cannot be staged yet", "torch.optim"),
        (lambda p: optim.SGD(p, lr=0.1, differentiable=True), "`differentiable=True` of an optimiser", ""),
        (_with_step_hook, "an optimiser with step hooks", ""),
    ],
)
def test_optimisers(make, message, hint):
    model, loader = _Model(), _loader()
    optimizer = make(model.parameters())

    def run(_):
        for x, y in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()  # here

    _assert_refused(run, TorchFeatureError, message, hint)


def test_an_optimiser_made_in_each_round():
    model, loader = _Model(), _loader()

    def with_momentum(rounds):
        for _ in range(rounds):
            optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
            for x, y in loader:
                F.cross_entropy(model(x), y).backward()
                optimizer.step()  # here

    _assert_refused(
        with_momentum,
        TorchFeatureError,
        "an object `SGD` that is made inside a staged loop or branch changes: it is made once",
        "make it before the loop, or make the loop's body a staged function",
    )


def test_values_of_groups_that_cannot_change_in_the_loop():
    model, loader = _Model(), _loader()
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    def settings(_):
        for epoch in range(2):
            for x, y in loader:
                optimizer.zero_grad()
                F.cross_entropy(model(x), y).backward()
                optimizer.step()
            optimizer.param_groups[0]["momentum"] = 0.5  # here

    def no_number(_):
        for x, y in loader:
            optimizer.param_groups[0]["lr"] = "fast"  # here

    _assert_refused(
        settings, TorchFeatureError, "`momentum` of an optimiser is changed in staged code", "between calls"
    )
    _assert_refused(no_number, StagedTypeError, "`lr` of an optimiser must be a number")
    assert optimizer.param_groups[0]["lr"] == 0.1 and optimizer.param_groups[0]["momentum"] == 0.9


# Operations


def test_operations_that_are_not_there():
    model, loader = _Model(), _loader()

    def unknown(_):
        for x, y in loader:
            print(torch.kron(model(x), model(x)).sum().item())  # here

    def random(_):
        for x, y in loader:
            print((x + torch.poisson(x)).sum().item())  # here

    def masked(_):
        for x, y in loader:
            print(model(x)[x[:, :3] > 0].sum().item())  # here

    _assert_refused(unknown, TorchFeatureError, r"`torch\.kron` cannot be staged yet", "docs/limitations.md")
    _assert_refused(random, TorchFeatureError, r"`torch\.poisson` cannot be staged yet")
    _assert_refused(masked, TorchFeatureError, "indexed by a mask cannot be staged", "torch.where")


def test_options_that_are_not_there():
    model, loader = _Model(), _loader()

    def run(_):
        for x, y in loader:
            F.mse_loss(model(x), model(x), weight=x).backward()  # here

    _assert_refused(run, TorchFeatureError, "`weight=.*` of `mse_loss` cannot be staged yet")


def test_tensors_used_as_plain_values():
    model, loader = _Model(), _loader()

    def printed(_):
        for x, y in loader:
            print(model(x))  # here

    def formatted(_):
        for x, y in loader:
            print(f"loss {model(x):.3f}")  # here

    def listed(_):
        for x, y in loader:
            print(y.tolist())  # here

    def as_size(_):
        for x, y in loader:
            print(x.view(y.sum(), -1).sum().item())  # here

    _assert_refused(printed, StagingError, "a staged tensor cannot be printed", "print `x.item()`")
    _assert_refused(formatted, StagingError, "a staged tensor cannot be printed", "print `x.item()`")
    _assert_refused(listed, StagingError, "a staged tensor cannot be turned into a list")
    _assert_refused(as_size, PylmsError, "shape|size")


def test_shapes_that_do_not_fit():
    model, loader = _Model(), _loader()

    def product(_):
        for x, y in loader:
            print((x @ model.linear.weight).sum().item())  # here

    def sum_of_unlike(_):
        for x, y in loader:
            print((model(x) + torch.ones(4)).sum().item())  # here

    def loss(_):
        for x, y in loader:
            F.cross_entropy(model(x), y.float()).backward()  # here

    _assert_refused(product, StagedTypeError, r"shapes \[8, 6\] and \[3, 6\] cannot be multiplied")
    _assert_refused(sum_of_unlike, StagedTypeError, r"shapes \[8, 3\] and \[4\] do not broadcast")
    _assert_refused(loss, StagedTypeError, r"takes \[B, C\] and integer classes \[B\]")


def test_backward_of_what_has_no_gradient():
    model, loader = _Model(), _loader()

    def detached(_):
        for x, y in loader:
            model(x).detach().sum().backward()  # here

    def many(_):
        for x, y in loader:
            model(x).backward()  # here

    _assert_refused(detached, StagingError, "depends on nothing which requires a gradient", ".detach()")
    _assert_refused(many, StagedTypeError, "only one element has gradients", "reduce it first")


def test_a_class_out_of_range():
    """An IndexError when the code runs, as PyTorch raises it."""
    loader = DataLoader(classification(24), batch_size=8)
    model = nn.Linear(6, 2)

    @stageTensor
    def run(_):
        for x, y in loader:
            F.cross_entropy(model(x), y).backward()

    with pytest.raises(IndexError, match="there are 2 classes"):
        run(0)


# Memory


def test_a_parameter_that_is_moved_resized_or_freed():
    """What moved is found again, what has another type is compiled anew, what is gone is an error."""
    w = nn.Parameter(torch.ones(3))

    @stageTensor
    def run(rounds):
        for _ in range(rounds):
            total = (w * 2).sum().item()  # here
        return total

    assert run(1) == 6
    for data in (torch.full((3,), 2.0), torch.ones(5), torch.ones(5, dtype=torch.float64), torch.ones(0)):
        w.data = data
        assert run(1) == 2 * data.sum()
    w.data = torch.ones(7)
    assert run(1) == 14
    w.untyped_storage().resize_(0)
    with pytest.raises(TorchFeatureError, match="its memory has been freed") as caught:
        run(1)
    assert caught.value.loc is not None and "# here" in caught.value.loc.text


def test_running_out_of_memory():
    w = nn.Parameter(torch.ones(1))

    @stageTensor
    def run(rounds):
        for _ in range(rounds):
            x = torch.ones(1 << 20, 1 << 20) * w
            print((x @ x).sum().item())

    with pytest.raises(MemoryError):
        run(1)
