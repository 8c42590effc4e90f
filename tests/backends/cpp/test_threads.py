"""Programs that several threads share compute the same, to the last bit, as on one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from examples.lantern import digits, lenet5, mnist_cnn  # noqa: E402
from pylms import lms, stageTensor  # noqa: E402

THREADS = (1, 2, 3)
MODELS = {
    "CNN": (lambda: mnist_cnn.CNN(dropout=0.0), mnist_cnn.sgd, 100),
    "LeNet-5": (lenet5.LeNet5, lenet5.adam, 64),
}


def on_each(monkeypatch, program: Callable[[], tuple[list[torch.Tensor], str]]) -> list[str]:
    """Run the program on one thread and on several; all must give the same. What it was compiled to, for each."""
    codes, results = [], []
    for threads in THREADS:
        monkeypatch.setenv("PYLMS_NUM_THREADS", str(threads))
        found, code = program()
        results.append(found)
        codes.append(code)
    for other in results[1:]:
        for mine, theirs in zip(results[0], other, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=0, atol=0, equal_nan=True)
    return codes


@pytest.mark.parametrize("name", MODELS)
def test_models_train_the_same_on_any_number_of_threads(name: str, mnist_root: Path, monkeypatch) -> None:
    monkeypatch.setattr(digits, "ROOT", mnist_root)
    make_model, make_optimizer, batch = MODELS[name]

    def trained() -> tuple[list[torch.Tensor], str]:
        torch.manual_seed(0)
        model = make_model()
        run = stageTensor(mnist_cnn.training(model, digits.loader(batch, samples=4 * batch), 1, make_optimizer))
        loss = run(0)
        return [torch.tensor(loss), *(parameter.detach() for parameter in model.parameters())], run.Ccode

    alone, *shared = on_each(monkeypatch, trained)
    assert "in_parallel" not in alone
    for code in shared:
        for name in ("pylms::in_parallel(", "pylms::gemm_in_parallel<"):
            assert name in code


def test_nests_and_products_are_shared_whatever_they_look_like(monkeypatch) -> None:
    generator = torch.Generator().manual_seed(1)
    x, y = (torch.randn(300, 257, generator=generator) for _ in range(2))
    x[7, 9] = float("nan")
    batches = torch.randn(40, 30, 50, generator=generator)
    wide = torch.randn(50, 3000, generator=generator)
    weight = nn.Parameter(torch.randn(257, 120, generator=generator) / 16)

    tensors = (x, y, batches, wide)

    @lms
    def run(x, y, batches, wide):
        weight.grad = None
        products = F.gelu(y @ weight)
        products.square().mean().backward()
        return (
            x.exp() * y + 1.0,
            (x.t() + y.t()) * 0.5,
            (x > y),
            x.sum(dim=1),
            x.nan_to_num().sum(dim=0) * y,
            y.softmax(dim=1),
            y.mean(),
            y[3:290, :-1:2] - x[3:290, 1::2].exp(),
            F.layer_norm(y, (257,)),
            wide.sum(dim=0) * wide,
            torch.bmm(batches, batches.transpose(1, 2)),
            products.detach(),
            weight.grad,
        )

    def computed() -> tuple[list[torch.Tensor], str]:
        staged = stageTensor(run)
        return list(staged(*tensors)), staged.Ccode

    alone, *shared = on_each(monkeypatch, computed)
    assert "in_parallel" not in alone
    assert all(code.count("in_parallel") > 8 for code in shared)
    for mine, theirs in zip(computed()[0], run(*tensors), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4, equal_nan=True)


def test_small_work_stays_on_one_thread(monkeypatch) -> None:
    x = torch.ones(50, 60)

    @stageTensor
    def run(x):
        return x.exp() + x, x @ x.t()

    monkeypatch.setenv("PYLMS_NUM_THREADS", "2")
    run(x)
    assert "in_parallel" not in run.Ccode
