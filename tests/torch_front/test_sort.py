"""Sorting of long and short rows, with ties, infinities and NaNs; and a model that chooses by it."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn, optim  # noqa: E402

from pylms import stageTensor  # noqa: E402
from pylms.errors import StagedTypeError, StagingError  # noqa: E402
from tests.torch_front.compare import Script, check  # noqa: E402
from tests.torch_front.ways import check_ways, weight  # noqa: E402


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64, torch.int8, torch.bool])
def test_rows_of_any_length(dtype):
    drawn = [torch.randint(-9, 9, (2, count), generator=torch.Generator().manual_seed(4)) for count in SIZES]
    rows = [each.to(dtype) for each in drawn]
    if dtype.is_floating_point:
        for each in rows:
            each[0, ::5], each[0, 1::7], each[1, ::6] = float("nan"), -float("inf"), -0.0
    for mine, theirs in zip(stageTensor(_sorted)(*rows), _sorted(*rows), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=0, equal_nan=True)


SIZES = (0, 1, 2, 31, 32, 33, 300)


def _sorted(*tensors):
    return tuple([part for each in tensors for part in _both_ways(each)])


def _both_ways(rows):
    return *rows.sort(stable=True), *rows.sort(dim=1, descending=True, stable=True), rows.argsort(dim=0, stable=True)


def test_interpreted():
    def make():
        x, w = weight(4, 6), weight(4, 6, seed=4, requires_grad=True)

        def run(factor):
            w.grad = None
            chosen = (w * x * factor).topk(3, dim=1)
            (chosen.values.prod(1).sum() + w.median() + w.kthvalue(2, 0).values.exp().sum()).backward()
            return chosen.values, chosen.indices, w.grad

        return run

    check_ways(make, [(1.0,), (-2.0,)])


def test_a_model_that_keeps_the_largest():
    def make():
        model = nn.Sequential(nn.Linear(6, 12), nn.Linear(12, 5))
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        x, y = weight(16, 6), torch.arange(16) % 5

        def run(_):
            for _step in range(4):
                hidden = model[0](x)
                least = hidden.topk(4, dim=1).values[:, -1:]
                out = model[1](hidden * (hidden >= least))
                losses = F.cross_entropy(out, y, reduction="none")
                hardest, _ = torch.topk(losses, 8)
                optimizer.zero_grad()
                hardest.mean().backward()
                optimizer.step()
                right = out.topk(2, 1, True, True).indices.t().eq(y.view(1, -1)).any(0).float().mean()
                print(f"{hardest.mean().item():.5f} {right.item():.4f} {losses.median().item():.5f}")

        return Script(run, {"model": model})

    check(make)


def test_what_does_not_fit():
    x = weight(3, requires_grad=True)
    with pytest.raises(StagedTypeError, match=r"topk\(\) of 4 elements of a dimension of size 3"):
        stageTensor(lambda _: x.topk(4).values)(1)
    with pytest.raises(StagingError, match=r"`k` of topk\(\) must be known while staging"):
        stageTensor(lambda k: x.topk(k).values)(1)
