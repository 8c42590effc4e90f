"""Functions that rearrange, join and take apart, and those that choose elements by positions."""

from __future__ import annotations

import torch

from .rows import Section

A = torch.tensor([[0.5, -1.5, 2.0], [0.0, 3.0, -0.25]])
B = torch.tensor([[1.5, 0.5, 2.0], [2.0, -1.0, 0.75]])
ROW = torch.tensor([1.0, -2.0, 0.5])
COLUMN = torch.tensor([[2.0], [-3.0]])
CUBE = torch.arange(24.0).reshape(2, 3, 4) / 7 - 1
SQUARE = torch.arange(16.0).reshape(4, 4) / 5 - 1
INTS = torch.tensor([[3, -4, 5], [7, 0, -9]])
MASK = torch.tensor([[True, False, True], [False, False, True]])
PLACES = torch.tensor([[2, 0, 1], [0, 2, 0]])
ROWS = torch.tensor([1, 0, 1])

SHAPES = Section("Shapes")
yes = SHAPES.yes

yes(
    "`view`, `reshape`, `view_as`",
    lambda x, a: (x.view(4, -1), x.reshape(-1), torch.reshape(x, (6, 4)), a.t().reshape(6), a.view_as(a.reshape(3, 2))),
    CUBE,
    A,
)
yes(
    "`flatten`, `unflatten`, `ravel`",
    lambda x: (x.flatten(), torch.flatten(x, 1), x.unflatten(2, (2, -1)), x.ravel()),
    CUBE,
)
yes(
    "`squeeze`, `unsqueeze`",
    lambda a: (a.squeeze(), a.squeeze(1), a.unsqueeze(0), torch.unsqueeze(a, -1), a.squeeze(0)),
    COLUMN,
)
yes(
    "`t`, `T`, `mT`, `transpose`, `permute`, `movedim`",
    lambda a, x: (
        a.t(),
        a.T,
        x.mT,
        x.transpose(0, 2),
        x.permute(2, 0, 1),
        torch.permute(x, (1, 0, 2)),
        x.movedim(0, -1),
        x.swapaxes(1, 2),
    ),
    A,
    CUBE,
    double=True,
)
yes(
    "`expand`, `expand_as`, `broadcast_to`",
    lambda a, b: (a.expand(4, -1, 3), a.expand_as(b), torch.broadcast_to(a, (2, 3))),
    COLUMN,
    A,
)
yes(
    "`repeat`, `tile`, `repeat_interleave`",
    lambda a: (
        a.repeat(2, 1),
        a.repeat(2, 1, 2),
        torch.tile(a, (2,)),
        a.repeat_interleave(2, 1),
        a.repeat_interleave(3),
    ),
    A,
)
yes(
    "`flip`, `fliplr`, `flipud`, `roll`",
    lambda x: (
        x.flip(0, 2),
        torch.flip(x, [1]),
        x.fliplr(),
        x.flipud(),
        x.roll(1, 2),
        torch.roll(x, (1, -2), (0, 1)),
        x.roll(5),
    ),
    CUBE,
)
yes("`tril`, `triu`, `trace`", lambda a, s, x: (a.tril(), s.triu(1), s.tril(-1), x.triu(), s.trace()), A, SQUARE, CUBE)
yes(
    "`diag`, `diagonal`, `diag_embed`",
    lambda a, s, x: (
        a[0].diag(),
        a[0].diag(1),
        s.diag(),
        a.diag(1),
        s.diagonal(-1),
        x.diagonal(0, 1, 2),
        a.diag_embed(),
    ),
    A,
    SQUARE,
    CUBE,
)
yes("`clone`, `contiguous`, `detach`", lambda a: (a.clone(), a.t().contiguous(), a.detach() * a), A)

yes(
    "`F.pad`",
    lambda x, a: (
        torch.nn.functional.pad(x, (1, 2)),
        torch.nn.functional.pad(x, (0, -1, 2, 0, 1, 1), value=2.5),
        torch.nn.functional.pad(a, (2, 1), mode="reflect"),
        torch.nn.functional.pad(x, (1, 3), mode="replicate"),
        torch.nn.functional.pad(a, (3, 1), mode="circular"),
    ),
    CUBE,
    A,
)

JOINING = Section("Joining and taking apart")
yes, no = JOINING.yes, JOINING.no

yes(
    "`cat`, `concat`",
    lambda a, b, r: (
        torch.cat([a, b]),
        torch.cat((a, b, a * 2), dim=1),
        torch.concat([a, r[None]], 0),
        torch.cat([torch.zeros(0), a]),
    ),
    A,
    B,
    ROW,
    double=True,
)
yes("`cat`, `concat`", lambda a, i: torch.cat([a, i]), A, INTS, note="of tensors of several dtypes as well")
yes(
    "`stack`, `hstack`, `vstack`, `dstack`, `column_stack`",
    lambda a, b, r: (
        torch.stack([a, b]),
        torch.stack((a, b), -1),
        torch.hstack([a, b]),
        torch.hstack([r, r]),
        torch.vstack([a, r]),
        torch.dstack([a, b]),
        torch.column_stack([r, r]),
    ),
    A,
    B,
    ROW,
)
yes(
    "`split`, `chunk`, `tensor_split`",
    lambda x: (
        x.split(2, 1),
        torch.split(x, [1, 3], dim=2),
        x.chunk(3, 2),
        torch.chunk(x, 2),
        x.tensor_split(3, 2),
        torch.tensor_split(x, (1, 2), 1),
    ),
    CUBE,
)
yes("`unbind`, iterating over a tensor", lambda x: (x.unbind(), torch.unbind(x, 2), [row * 2 for row in x]), CUBE)
yes("`narrow`, `select`", lambda x: (x.narrow(1, 1, 2), torch.select(x, 2, -1), x.select(0, 1)), CUBE)
no(
    "joining tensors that do not fit",
    lambda a, b: torch.cat([a, b]),
    A,
    ROW,
    error="StagedTypeError",
    says="tensors of shapes [2, 3] and [3] do not join along dimension 0",
)

CHOOSING = Section("Choosing by positions")
yes, no = CHOOSING.yes, CHOOSING.no

yes(
    "`gather`",
    lambda a, x, i: (
        a.gather(1, i),
        a.gather(0, i % 2),
        torch.gather(a, 1, i[:1, :2]),
        x.gather(1, i[:, None, :].expand(2, 2, 3)),
    ),
    A,
    CUBE,
    PLACES,
    double=True,
)
yes(
    "`take_along_dim`, `take`",
    lambda a, i: (torch.take_along_dim(a, i, 1), torch.take_along_dim(a, i[:1], 1), a.take(i - 3)),
    A,
    PLACES,
)
yes("`index_select`", lambda a, x, i: (a.index_select(0, i), torch.index_select(x, 2, i)), A, CUBE, ROWS)
yes(
    "`scatter`, `scatter_add`",
    lambda a, b, i: (
        a.scatter(1, i[:1], b[:1]),
        a.scatter(1, i, 2.5),
        a.scatter_add(1, i, b),
        torch.scatter_add(a, 0, i[:, :2] % 2, b[:, :2]),
    ),
    A,
    B,
    PLACES,
    double=True,
    note="of several values for one place the last counts",
)
yes(
    "`index_add`, `index_fill`, `index_copy`",
    lambda a, x, i: (
        a.index_add(0, i, x[0, :, :3]),
        a.index_fill(1, i, 7.0),
        a.index_copy(1, i[:2], a[:, :2] * 3),
        torch.index_add(a, 0, i, x[1, :, :3], alpha=2),
    ),
    A,
    CUBE,
    ROWS,
)
yes(
    "`F.one_hot`",
    lambda i: (torch.nn.functional.one_hot(i, 4), torch.nn.functional.one_hot(i[0], num_classes=3)),
    PLACES,
)
no(
    "`masked_select`",
    lambda a, m: a.masked_select(m),
    A,
    MASK,
    says="a tensor that is indexed by a mask cannot be staged",
)
no("`nonzero`", lambda a: a.nonzero(), A, says="`torch.Tensor.nonzero` cannot be staged yet")
yes(
    "`sort`, `argsort`, `msort`",
    lambda a, i: (
        *(*a.sort(), *torch.sort(a, 0, descending=True), *a[0, 0].sort(), *i.sort(stable=True)),
        *(a.argsort(dim=0), torch.argsort(a, descending=True), torch.msort(a), a.sort(dim=-1).values.cumsum(1)),
    ),
    A,
    torch.tensor([4, -2, 7, 0]),
    double=True,
    note="of equal elements the first comes first",
)
yes(
    "`topk`, `kthvalue`",
    lambda a: (
        *(*a.topk(2), *torch.topk(a, 1, 0, largest=False), *a.topk(2, sorted=False)),
        *(*a.kthvalue(2), *torch.kthvalue(a, 1, 0, keepdim=True), *a.topk(0)),
    ),
    A,
    note="of equal elements the first comes first",
)
yes(
    "`median`",
    lambda a, b: (
        *(a.median(), *a.median(1), *torch.median(a, 0, keepdim=True), a[0, 1].median()),
        *(b.median(), *b.median(-1), b.nan_to_num(1.0).median()),
    ),
    A,
    torch.tensor([[1.0, float("nan"), 3.0], [2.0, 2.0, 2.0]]),
    note="the lower of two",
)
no("`quantile`, `unique`, `mode`", lambda a: a.unique(), A, says="`torch.unique` cannot be staged yet")
