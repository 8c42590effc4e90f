"""Images of other sizes, windows, distributions: functions that the front writes out in others."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import distributions, nn

from .rows import Section

_generator = torch.Generator().manual_seed(12)


def _random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=_generator)


IMAGES = _random(2, 4, 6, 5)
A, B = _random(3, 4), _random(3, 4)
CLASSES = torch.tensor([0, 3, 1])

RESIZING = Section("Images of other sizes")
RESIZING.yes(
    "`F.interpolate`, nearest",
    lambda x: (
        *(F.interpolate(x, scale_factor=2), F.interpolate(x, size=(9, 4)), F.interpolate(x[0], 7)),
        F.interpolate(x, scale_factor=(1.5, 0.7)),
    ),
    IMAGES,
    double=True,
)
RESIZING.yes(
    "`F.interpolate`, linear, bilinear, area",
    lambda x: (
        F.interpolate(x, scale_factor=2, mode="bilinear"),
        F.interpolate(x, size=(11, 1), mode="bilinear", align_corners=True),
        F.interpolate(x, scale_factor=(1.5, 0.6), mode="bilinear", recompute_scale_factor=True),
        *(F.interpolate(x[0], scale_factor=2.5, mode="linear"), F.interpolate(x, size=(3, 2), mode="area")),
    ),
    IMAGES,
)
RESIZING.module("`nn.Upsample`", lambda: nn.Upsample(scale_factor=3, mode="nearest"), IMAGES)
RESIZING.no(
    "`F.interpolate`, bicubic",
    lambda x: F.interpolate(x, scale_factor=2, mode="bicubic"),
    IMAGES,
    says="`torch.nn.functional.interpolate` cannot be staged yet",
)
RESIZING.yes(
    "`pixel_shuffle`, `pixel_unshuffle`, `channel_shuffle`",
    lambda x: (F.pixel_shuffle(x, 2), F.pixel_unshuffle(x[:, :, :, :4], 2), F.channel_shuffle(x, 2)),
    IMAGES,
)
RESIZING.yes(
    "`F.unfold`, `Tensor.unfold`",
    lambda x: (F.unfold(x, 3, padding=1), F.unfold(x[0], (2, 3), 2, 1, (2, 1)), x.unfold(2, 3, 2), x.unfold(-1, 1, 1)),
    IMAGES,
)
RESIZING.no("`F.fold`", lambda x: F.fold(x[0], (3, 4), 1), A[None], says="it calls `torch._C._nn.col2im`")

SEVERAL = Section("Functions of several tensors")
SEVERAL.yes(
    "`broadcast_tensors`, `meshgrid`",
    lambda a, b: (
        *(*torch.broadcast_tensors(a, b[:1]), *torch.meshgrid(a[0], b[:, 0], indexing="ij")),
        *torch.meshgrid([a[0], b[0]], indexing="xy"),
    ),
    A,
    B,
)
SEVERAL.yes(
    "`cdist`",
    lambda a, b: (torch.cdist(a, b), torch.cdist(a, b, p=1.0), torch.cdist(a[None], b[None]), torch.cdist(a, b[:0])),
    A,
    B,
)
SEVERAL.yes("`cross`", lambda a, b: (torch.cross(a[:, :3], b[:, :3], dim=1), torch.linalg.cross(a, b, dim=0)), A, B)
SEVERAL.yes("`linalg.multi_dot`", lambda a, b: torch.linalg.multi_dot([a, b.t(), a]), A, B)
SEVERAL.yes("`index_put`", lambda a, b: a.index_put((torch.tensor([2, 0]),), b[:2]), A, B)

_MISSING = torch.tensor([[1.0, float("nan"), 3.0, 0.5], [2.0, 2.0, float("nan"), -1.0]])
SEVERAL.yes(
    "`diff`, `nansum`, `nanmean`, `rot90`",
    lambda a, m: (a.diff(), a.diff(2, 0), m.nansum(), m.nansum(1), m.nanmean(0, True), torch.rot90(a, 3), a.rot90()),
    A,
    _MISSING,
)
SEVERAL.yes("`new_tensor`", lambda a: a * a.new_tensor([1, 2, 3, 4]), A)

DISTRIBUTIONS = Section("`torch.distributions`")
DISTRIBUTIONS.yes(
    "`Normal`",
    lambda a, b: (
        *(distributions.Normal(a, b.exp()).log_prob(b), distributions.Normal(a, 2.0).entropy()),
        distributions.kl_divergence(distributions.Normal(a, b.exp()), distributions.Normal(b, 1.0)),
    ),
    A,
    B,
    note="a parameter that does not satisfy its constraint is a ValueError of the run",
)
DISTRIBUTIONS.yes(
    "`Categorical`, `Bernoulli`",
    lambda a, i: (
        *(distributions.Categorical(logits=a).log_prob(i), distributions.Categorical(logits=a).entropy()),
        distributions.Categorical(a.softmax(1)).log_prob(i),
        distributions.Bernoulli(logits=a).log_prob((a > 0).float()),
    ),
    A,
    CLASSES,
)
