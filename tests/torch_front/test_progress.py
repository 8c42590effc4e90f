"""Progress bars around loaders: they are moved on, and show what the run computes. The bar is one like tqdm's."""

from __future__ import annotations

import io
import sys
import types
from importlib.machinery import ModuleSpec

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn, optim  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402

from pylms import stageTensor  # noqa: E402
from tests.torch_front.compare import classification  # noqa: E402


class _Bar:
    """What of tqdm's bar takes part, noting what it is told."""

    __module__ = "tqdm.std"

    def __init__(self, iterable, disable=False):
        self.iterable, self.disable, self.told = iterable, disable, []

    def __iter__(self):
        for item in self.iterable:
            self.update()
            yield item
        self.close()

    def __len__(self):
        return len(self.iterable)

    def reset(self):
        self.told.append("reset")

    def update(self, n=1):
        self.told.append("update")

    def close(self):
        self.told.append("close")

    def set_postfix(self, **values):
        self.told.append({name: round(value, 4) for name, value in values.items()})

    def set_description(self, text):
        self.told.append(text)


@pytest.fixture
def _tqdm(monkeypatch):
    module = types.ModuleType("tqdm")
    module.tqdm, module.__spec__ = _Bar, ModuleSpec("tqdm", None)
    monkeypatch.setitem(sys.modules, "tqdm", module)


@pytest.mark.usefixtures("_tqdm")
@pytest.mark.parametrize("is_disabled", [False, True])
def test_bars_follow_the_loop(is_disabled):
    told = []
    for compiled in (False, True):
        torch.manual_seed(1)
        model = nn.Linear(6, 3)
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        bar = _Bar(DataLoader(classification(20), batch_size=8), disable=is_disabled)

        def run(_):
            for epoch in range(2):
                for i, (x, y) in enumerate(bar):
                    optimizer.zero_grad()
                    loss = F.cross_entropy(model(x), y)
                    loss.backward()
                    optimizer.step()
                    bar.set_postfix(loss=loss.item(), batch=i)
                    bar.set_description(f"epoch {epoch}")

        (stageTensor(run) if compiled else run)(0)
        told.append([each for each in bar.told if each != "reset"])
    assert told[1] == ([] if is_disabled else told[0])
    assert len(told[0]) == 20


def test_bars_of_tqdm_itself():
    """One line an epoch, which ends with the last loss; none is left over from staging."""
    tqdm = pytest.importorskip("tqdm").tqdm
    shown = []
    for compiled in (False, True):
        torch.manual_seed(1)
        model = nn.Linear(6, 3)
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        loader = DataLoader(classification(20), batch_size=8)
        screen = io.StringIO()

        def run(epochs):
            for epoch in range(epochs):
                bar = tqdm(loader, file=screen, ncols=80, bar_format="{n_fmt}/{total_fmt}{postfix}|")
                for x, y in bar:
                    optimizer.zero_grad()
                    loss = F.cross_entropy(model(x), y)
                    loss.backward()
                    optimizer.step()
                    bar.set_postfix(epoch=epoch, loss=f"{loss.item():.4f}")

        (stageTensor(run) if compiled else run)(2)
        lines = [line.split("\r")[-1].rstrip() for line in screen.getvalue().split("\n")]
        shown.append([line for line in lines if line.strip()])
    assert shown[0] == shown[1]
    assert len(shown[0]) == 2 and shown[0][1].startswith("3/3, epoch=1, loss=")
