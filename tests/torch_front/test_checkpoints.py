"""Saving from inside the native loop: the files hold what PyTorch's would, and PyTorch loads them."""

from __future__ import annotations

import pickle

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn, optim  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402

from pylms import stageTensor  # noqa: E402
from pylms.errors import StagingError, TorchFeatureError  # noqa: E402
from tests.torch_front.compare import classification  # noqa: E402


def _same(mine, theirs):
    if isinstance(theirs, torch.Tensor):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)
    elif isinstance(theirs, dict):
        assert list(mine) == list(theirs)
        for key in theirs:
            _same(mine[key], theirs[key])
    elif isinstance(theirs, (list, tuple)):
        assert len(mine) == len(theirs)
        for each in zip(mine, theirs, strict=True):
            _same(*each)
    else:
        assert mine == (pytest.approx(theirs, rel=1e-4) if isinstance(theirs, float) else theirs)


def test_checkpoints_of_each_epoch_and_of_the_best(tmp_path):
    """Weights, states, numbers and names of files that depend on the run; early stopping; resuming from a file."""
    kept = []
    for folder in ("pytorch", "compiled"):
        torch.manual_seed(1)
        model = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 3)).double()
        optimizer = optim.Adam(model.parameters(), lr=0.2)
        scheduler = optim.lr_scheduler.StepLR(optimizer, 2)
        train = DataLoader(classification(24, dtype=torch.float64), batch_size=6)
        test = DataLoader(classification(9, seed=3, dtype=torch.float64), batch_size=9)
        path = tmp_path / folder
        path.mkdir()

        def run(epochs):
            best, patience = 100.0, 0
            epoch = 0
            torch.save(optimizer.state_dict(), path / "start.pt")
            while epoch < epochs:
                model.train()
                for x, y in train:
                    optimizer.zero_grad()
                    loss = F.cross_entropy(model(x), y)
                    loss.backward()
                    optimizer.step()
                scheduler.step()
                model.eval()
                total = 0.0
                with torch.no_grad():
                    for x, y in test:
                        total += F.cross_entropy(model(x), y).item()
                checkpoint = {"epoch": epoch, "loss": loss, "model": model.state_dict(), "about": ("Adam", [1, total])}
                torch.save({**checkpoint, "optimizer": optimizer.state_dict()}, f"{path}/epoch{epoch}.pt")
                torch.save(scheduler.state_dict(), path / "scheduler.pt")
                if total < best:
                    best, patience = total, 0
                    torch.save(model.state_dict(), path / "best.pt")
                else:
                    patience += 1
                    if patience >= 2:
                        break
                epoch += 1
            return best, epoch

        result = (stageTensor(run) if folder == "compiled" else run)(8)
        files = sorted(file.name for file in path.iterdir())
        kept.append((result, files, [torch.load(path / name) for name in files]))
        model.load_state_dict(torch.load(path / "epoch0.pt")["model"])
        optimizer.load_state_dict(torch.load(path / "epoch0.pt")["optimizer"])
        kept[-1] += ((stageTensor(run) if folder == "compiled" else run)(2),)
    _same(kept[1], kept[0])
    assert len(kept[0][1]) > 3


def test_safetensors(tmp_path):
    """Of weights and of what the loop computes, by whichever name the functions are called."""
    safetensors = pytest.importorskip("safetensors.torch")
    save, save_file = torch.save, safetensors.save_file
    kept = []
    for folder in ("pytorch", "compiled"):
        torch.manual_seed(1)
        model = nn.Linear(6, 3)
        optimizer = optim.Adam(model.parameters(), lr=0.1)
        loader = DataLoader(classification(24), batch_size=8)
        path = tmp_path / folder
        path.mkdir()

        def run(epochs):
            for epoch in range(epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    loss = F.cross_entropy(model(x), y)
                    loss.backward()
                    optimizer.step()
                save_file(model.state_dict(), f"{path}/weights{epoch}.safetensors", metadata={"of": "a test"})
                safetensors.save_model(model, f"{path}/model{epoch}.safetensors")
                save_file({"loss": loss, "weight": model.weight}, path / "last.safetensors")
                save(model.state_dict(), path / "last.pt")

        (stageTensor(run) if folder == "compiled" else run)(2)
        files = sorted(file.name for file in path.iterdir())
        read = [
            torch.load(path / name) if name.endswith("pt") else safetensors.load_file(path / name) for name in files
        ]
        kept.append((files, read))
    _same(kept[1], kept[0])
    assert len(kept[0][0]) == 6


def test_bytes_in_a_loop():
    model = nn.Linear(6, 3)

    @stageTensor
    def run(rounds):
        for _ in range(rounds):
            print(len(pickle.dumps(model.state_dict())))  # here

    with pytest.raises(TorchFeatureError, match="dumps` in a staged loop would give what was there") as caught:
        run(1)
    assert caught.value.loc is not None and "# here" in caught.value.loc.text
    assert "torch.save(obj, path)" in (caught.value.hint or "")


def test_a_state_cannot_be_looked_into():
    model = nn.Linear(6, 3)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    loader = DataLoader(classification(24), batch_size=6)

    @stageTensor
    def run(_):
        for x, y in loader:
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            print(optimizer.state_dict()["state"])  # here

    with pytest.raises(StagingError, match="the state of an optimiser or a scheduler is known only when") as caught:
        run(0)
    assert caught.value.loc is not None and "# here" in caught.value.loc.text


def test_errors_of_saving_are_the_runs(tmp_path):
    model = nn.Linear(6, 3)

    @stageTensor
    def run(rounds):
        for _ in range(rounds):
            torch.save(model.state_dict(), tmp_path / "missing" / "model.pt")

    with pytest.raises(RuntimeError, match=r"missing.* does not exist"):
        run(1)
