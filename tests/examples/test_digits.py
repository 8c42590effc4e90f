"""The convolutional examples train natively as PyTorch trains them: the same losses, step by step."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from examples.lantern import digits, lenet5, mnist_cnn  # noqa: E402
from pylms import stageTensor  # noqa: E402

STEPS = 20

CASES = {
    "CNN, batch 1": (mnist_cnn.CNN, mnist_cnn.sgd, 1),
    "CNN, batch 100": (mnist_cnn.CNN, mnist_cnn.sgd, 100),
    "LeNet-5": (lenet5.LeNet5, lenet5.adam, 64),
}


@pytest.mark.parametrize("name", CASES)
def test_losses_are_pytorchs_for_twenty_steps(name: str, mnist_root: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(digits, "ROOT", mnist_root)
    make, make_optimizer, batch = CASES[name]

    def losses(decorate: Callable[[Callable[[int], float]], Callable[[int], float]]) -> list[float]:
        torch.manual_seed(0)
        batches = digits.loader(batch, samples=STEPS * batch)
        run = decorate(mnist_cnn.training(make(), batches, 1, make_optimizer, every=1))
        last = run(0)
        found = [float(text) for text in re.findall(r"loss (\S+)", capsys.readouterr().out)]
        assert len(found) == STEPS and found[-1] == pytest.approx(last, abs=1e-6)
        return found

    assert losses(stageTensor) == pytest.approx(losses(lambda run: run), rel=1e-4, abs=2e-5)
