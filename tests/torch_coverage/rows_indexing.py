"""Subscripts, and changing tensors in place."""

from __future__ import annotations

import torch

from .rows import Section

A = torch.tensor([[0.5, -1.5, 2.0], [0.0, 3.0, -0.25]])
CUBE = torch.arange(24.0).reshape(2, 3, 4) / 7 - 1
ROW = torch.tensor([1.0, -2.0, 0.5])
PLACES = torch.tensor([[2, 0], [-1, 2]])
OTHER_PLACES = torch.tensor([1, 0])
MASK = torch.tensor([[True, False, True], [False, False, True]])

READING = Section("Reading parts of tensors")

READING.yes("`x[2]`, `x[-1]`, `x[0, 1]`", lambda x: (x[1], x[-1], x[0, 1], x[-2, 0, 3]), CUBE, double=True)
READING.yes("`x[1:]`, `x[:, ::2]`, `x[0, -2:]`", lambda x: (x[1:], x[:, ::2], x[0, -2:], x[:, 5:], x[2:]), CUBE)
READING.yes(
    "`x[None]`, `x[..., 0]`, `x[:, None, 1:]`", lambda x: (x[None], x[..., 0], x[:, None, 1:], x[..., None]), CUBE
)
READING.yes("`x[index]` with integer tensors", lambda x, i: (x[i[0].abs() % 2], x[:, i], x[:, :, i]), CUBE, PLACES)
READING.yes(
    "several integer tensors, side by side and apart",
    lambda x, i, j: (x[j, i], x[:, i, j], x[j, :, i], x[0, i, 1:], x[j, None, i], x[j[:, None], [[2, 0]]]),
    CUBE,
    PLACES,
    OTHER_PLACES,
    double=True,
)
READING.yes("lists of ints", lambda x: (x[[1, 0]], x[:, [2, 0, 2]]), CUBE)
READING.yes(
    "integer tensors of one element", lambda x, i: (x[i[0]], x[:, i.max()], x[x[:, 0, 0].argmax()]), CUBE, OTHER_PLACES
)
READING.no("`x[mask]`", lambda x, mask: x[mask], A, MASK, says="a tensor that is indexed by a mask cannot be staged")
READING.yes(
    "slices that the run moves: `x[i : i + 2]`, `x[k * 2 : (k + 1) * 2]`",
    lambda x, i: (x[i[0] : i[0] + 2], x[:, i[1] * 1 : (1 + i[1]) * 1]),
    A,
    torch.tensor([0, 1]),
    note="an IndexError where PyTorch would give a shorter one",
)
READING.no(
    "slices whose length depends on the run",
    lambda x, i: x[: i[0].item()],
    A,
    OTHER_PLACES,
    error="StagingError",
    says="a tensor's shape must be known while staging, and the length of this slice depends on the run",
)

WRITING = Section("Changing tensors in place")


def assigned(x, v):
    y = x * 1
    y[0] = v
    y[1, 1:] = v[1:] * 2
    y[1, 0] = 5
    return y


def assigned_views(x):
    y = x.clone()
    row, column, flat = y[0], y.t()[1], y.view(-1)
    row.mul_(2)
    flat[4:] += 10
    y[:, 0] = column
    return row, column, flat, y


def augmented(x, v):
    y = x * 2
    same = y
    y += v
    y[0] -= 1
    y[:, 1] *= v[0]
    y /= 2
    return y, same


def assigned_at(x, i, j):
    y, z = x * 1, x * 2
    y[:, i] = x[:, i] * 10
    z[j, :, i] = -1.5
    z[j, i[0]] = x[0, 0] * 3
    return y, z


def methods(x, v):
    y = x * 1
    y.add_(v).mul_(2).sub_(x, alpha=0.5).div_(3)
    y.clamp_(-1, 1.5).neg_()
    z = torch.zeros_like(y).copy_(v).add_(y)
    z.masked_fill_(z > 1, -3.0)
    return y, z, (x * 1).exp_(), (x * 2).tanh_(), (x * x + 1).sqrt_(), torch.relu_(x * 3)


def without_gradients(x, v):
    y = x.detach().clone()
    z = y.detach().zero_()
    w = torch.ones(2, 3).fill_(v[1].item()).abs_()
    return y, z, w


WRITING.yes("`x[i] = v`, `x[1, 1:] = v`", assigned, A, ROW, double=True)
WRITING.yes(
    "`x[index] = v` with integer tensors",
    assigned_at,
    CUBE,
    PLACES[:1],
    OTHER_PLACES,
    note="of several values for one place the last counts",
)
WRITING.yes("views: a change of one is seen in the others", assigned_views, A)
WRITING.yes("`x += v`, `x[i] -= v`", augmented, A, ROW)
WRITING.yes("`add_`, `mul_`, `clamp_`, `copy_`, `masked_fill_`, `exp_`, ...", methods, A, ROW)
WRITING.yes("`zero_`, `fill_`", without_gradients, A, ROW)


def masked(x, mask):
    y, z = x * 2, x * 3
    y[mask] = -1.0
    y[y > 2.5] = y[0, 0]
    z[mask[:, 0]] = z[0] * 2
    return y, z


WRITING.yes("`x[mask] = v`", masked, A, MASK)
WRITING.no(
    "`x[mask] = v` with one value for each element chosen",
    lambda x, mask: x.__setitem__(mask, torch.ones(3)),
    A,
    MASK,
    says="assigning several elements through a mask cannot be staged",
)
