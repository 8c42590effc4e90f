"""Reductions and products."""

from __future__ import annotations

import math

import torch
from torch import nn

from .rows import Section

A = torch.tensor([[0.5, -1.5, 2.0], [0.0, 3.0, -0.25]])
B = torch.tensor([[1.5, 0.5, 2.0], [2.0, -1.0, 0.75]])
ROW = torch.tensor([1.0, -2.0, 0.5])
CUBE = torch.arange(24.0).reshape(2, 3, 4) / 7 - 1
OTHER = torch.arange(24.0).flip(0).reshape(2, 4, 3) / 9
INTS = torch.tensor([[3, -4, 5], [7, 0, -9]])
BOOLS = torch.tensor([[True, False, True], [False, False, False]])
TIES = torch.tensor([[1.0, 3.0, 3.0], [2.0, 2.0, 0.0]])
INFINITE = torch.tensor([[0.0, math.inf, 1.0], [-math.inf, -math.inf, -math.inf]])

REDUCTIONS = Section("Reductions")
yes = REDUCTIONS.yes

yes(
    "`sum`, `mean`",
    lambda x: (x.sum(), x.sum(1), torch.sum(x, (0, 2), keepdim=True), x.mean(), x.mean(dim=-1, keepdim=True)),
    CUBE,
    double=True,
)
yes("`sum`, `mean`", lambda i, b: (i.sum(), b.sum(1), i.sum(0, dtype=torch.float32)), INTS, BOOLS)
yes("`prod`", lambda a, i: (a.prod(), a.prod(1), torch.prod(a, 0, keepdim=True), i.prod(1)), A, INTS)
yes(
    "`var`, `std`, `var_mean`, `std_mean`",
    lambda x: (
        x.var(),
        x.std(1),
        x.var(2, unbiased=False),
        torch.std(x, (0, 1), correction=0, keepdim=True),
        torch.var_mean(x, 1),
        torch.std_mean(x),
    ),
    CUBE.sin(),
    double=True,
)
yes(
    "`norm`, `linalg.vector_norm`",
    lambda a: (
        a.norm(),
        a.norm(dim=1),
        torch.norm(a, 1),
        a.norm(3, 0, keepdim=True),
        torch.linalg.vector_norm(a, math.inf),
        torch.linalg.norm(a),
    ),
    A,
    double=True,
)
yes("`norm`, `linalg.vector_norm`", lambda a: (a * 0).norm() + a.sum(), A)
yes(
    "`max`, `min`",
    lambda a: (a.max(), a.min(), a.max(1), a.min(0), torch.max(a, 1, keepdim=True), torch.min(a, -1)),
    TIES,
)
yes("`max`, `min`", lambda x: (x.max(0), x.max(1), x.min(2, keepdim=True)), CUBE.sin(), double=True)
yes("`max`, `min`", lambda i: (i.max(), i.min(1), i.max(0)), INTS)
yes("`amax`, `amin`", lambda a: (a.amax(), a.amax(1), a.amin(0, keepdim=True), torch.amin(a, (0, 1))), TIES)
yes(
    "`argmax`, `argmin`",
    lambda a, x: (a.argmax(), a.argmax(1), a.argmin(0), torch.argmin(x, 2, keepdim=True), x.argmax(1)),
    TIES,
    CUBE.sin(),
)
yes("`logsumexp`", lambda a, x: (a.logsumexp(1), torch.logsumexp(x, (0, 1), keepdim=True)), A * 50, CUBE, double=True)
yes("`logsumexp`", lambda a: a.detach().logsumexp(1), INFINITE)
yes(
    "`any`, `all`, `count_nonzero`",
    lambda b, a: (
        b.any(),
        b.all(),
        b.any(1),
        torch.all(b, 0, keepdim=True),
        a.any(1),
        a.count_nonzero(),
        torch.count_nonzero(a, 0),
    ),
    BOOLS,
    A,
)
yes(
    "`cumsum`, `cumprod`",
    lambda x, i: (x.cumsum(1), torch.cumsum(x, 2), x.cumprod(2), i.cumsum(1)),
    CUBE,
    INTS,
    double=True,
)
REDUCTIONS.no(
    "`cummax`, `logcumsumexp`", lambda x: x.cummax(0), CUBE, says="`torch.Tensor.cummax` cannot be staged yet"
)

PRODUCTS = Section("Products")
yes = PRODUCTS.yes

yes(
    "`@`, `matmul`, of any dimensions",
    lambda a, b, r: (a @ b.t(), a @ r, r @ b.t(), r @ r, torch.matmul(a, b.T), a.t().mm(b), a.mv(r), r.dot(r)),
    A,
    B,
    ROW,
    double=True,
)
yes(
    "`@`, `matmul`, of any dimensions",
    lambda x, y, a, r: (x @ y, a @ x, x @ a.new_ones(4, 2), x[:, None] @ y, y @ r, x.mT @ r, x[None] @ y[:, None]),
    CUBE,
    OTHER,
    A,
    ROW,
    double=True,
)
yes(
    "`bmm`, `baddbmm`, `addbmm`",
    lambda x, y: (
        x.bmm(y),
        torch.bmm(y, x),
        torch.baddbmm(x[:, :, :3], x, y, beta=0.5, alpha=2),
        torch.addbmm(x[0, :, :3], x, y),
    ),
    CUBE,
    OTHER,
)
yes(
    "`addmm`, `addmv`, `addr`",
    lambda a, b, r: (
        torch.addmm(r, a, b.t() @ b),
        torch.addmm(r, a, b.t() @ b, beta=0.5, alpha=-1),
        torch.addmv(r, b.t() @ b, r),
        torch.addr(a, a[:, 0], r),
    ),
    A,
    B,
    ROW,
)
yes(
    "`outer`, `inner`, `tensordot`",
    lambda a, b, r, x, y: (
        torch.outer(r, r),
        a.inner(b),
        r.inner(r),
        torch.tensordot(x, y, ([1, 2], [2, 1])),
        torch.tensordot(a, y, 1) if False else torch.tensordot(y, a, ([2], [1])),
    ),
    A,
    B,
    ROW,
    CUBE,
    OTHER,
)
yes(
    "`einsum`",
    lambda a, b, r, x, y: (
        torch.einsum("ij,kj->ik", a, b),
        torch.einsum("bij,bjk->bik", x, y),
        torch.einsum("i,j", r, r),
        torch.einsum("bij->b", x),
        torch.einsum("bij->jib", x),
        torch.einsum("ii->i", a[:, :2]),
        torch.einsum("ii", b[:, :2]),
        torch.einsum("...ij,jk->...ik", y, a.t()),
        torch.einsum("bij,bjk,k->i", x, y, r),
        torch.einsum("ij,ij->", a, b),
        torch.einsum("bi,bj,b->ij", a, b, a[:, 0]),
    ),
    A,
    B,
    ROW,
    CUBE,
    OTHER,
    double=True,
)
yes(
    "`F.linear`, `F.bilinear`",
    lambda a, b, r, x: (
        nn.functional.linear(a, b, r[:2]),
        nn.functional.linear(x[..., :3], b),
        nn.functional.linear(r, b),
        nn.functional.bilinear(a, b, x[:, :, :3], r[:2]),
    ),
    A,
    B,
    ROW,
    CUBE,
    double=True,
)
PRODUCTS.no(
    "products of tensors that do not fit",
    lambda a, b: a @ b,
    A,
    B,
    says="tensors of shapes [2, 3] and [2, 3] cannot be multiplied",
)
PRODUCTS.no(
    "products of tensors that do not fit",
    lambda a, b: a @ b.double().t(),
    A,
    B,
    error="StagedTypeError",
    says="a product of matrices of float32 and float64",
)
PRODUCTS.no(
    "`linalg.inv`, `linalg.solve`, `svd`, ...",
    lambda a: torch.linalg.inv(a[:, :2]),
    A,
    says="linalg_inv` cannot be staged yet",
)
