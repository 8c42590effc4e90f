"""NaNs under PyTorch's anomaly detection: RuntimeError, where and only where PyTorch raises it."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from pylms import stageTensor  # noqa: E402

WEIGHT = nn.Parameter(torch.tensor([1.0, 4.0, 0.0]))


def _logarithm(x):
    y = torch.log(WEIGHT - x)  # log
    return (y * y).sum()


def _root(x):
    return (torch.sqrt(WEIGHT * x) * 0.0).sum()


def _masked(x):
    return torch.where(WEIGHT > x, torch.log(WEIGHT - x), WEIGHT).sum()


@pytest.mark.filterwarnings("ignore:Anomaly Detection", "ignore:Error detected")
@pytest.mark.parametrize("loss", [_logarithm, _root, _masked], ids=lambda loss: loss.__name__)
@pytest.mark.parametrize("x", [-1.0, 2.0])
def test_errors_are_where_pytorch_has_them(loss, x):
    def run(x):
        for _ in range(2):
            WEIGHT.grad = None
            with torch.autograd.detect_anomaly():
                loss(x).backward()

    outcomes = []
    for function in (run, stageTensor(run)):
        try:
            function(x)
            outcomes.append(None)
        except RuntimeError as error:
            outcomes.append(error)
    WEIGHT.grad = None
    assert (outcomes[0] is None) == (outcomes[1] is None), outcomes
    if outcomes[1] is not None and loss is _logarithm:
        assert "gave nan, and so does backward()" in str(outcomes[1]) and "log" in str(outcomes[1])


def test_the_line_is_named():
    def run(x):
        for _ in range(2):
            y = torch.log(WEIGHT - x)  # log
            (y * y).sum().backward()

    with torch.autograd.set_detect_anomaly(True), pytest.raises(RuntimeError, match=r"`torch.log` gave nan") as caught:
        stageTensor(run)(2.0)
    lines = [entry.statement for entry in caught.traceback]
    assert any("# log" in str(line) for line in lines)


def test_nothing_is_checked_otherwise():
    def run(x):
        for _ in range(2):
            _logarithm(x).backward()

    stageTensor(run)(2.0)
    WEIGHT.grad = None
