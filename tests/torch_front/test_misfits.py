"""Operands that do not fit each other are a located error that names both; positions out of range an IndexError."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402

from pylms import PylmsError, stageTensor  # noqa: E402

A = torch.ones(2, 3)
B = torch.ones(4, 3)
CUBE = torch.ones(2, 3, 4)
ROW = torch.ones(3)
DOUBLES = torch.ones(2, 3, dtype=torch.float64)
INTS = torch.ones(2, 3, dtype=torch.int64)
BOOLS = torch.ones(2, 3, dtype=torch.bool)
COUNTS = torch.tensor([0, 1])

MISFITS = {
    "add": (lambda a, b: a + b, A, B, "shapes [2, 3] and [4, 3] do not broadcast"),
    "in place": (lambda a, b: a.add_(b), A * 1, B, "shapes [2, 3] and [4, 3] do not broadcast"),
    "in place to a larger shape": (
        lambda r, a: r.add_(a),
        ROW * 1,
        A,
        "a tensor of shape [3] is changed in place to one of shape [2, 3]",
    ),
    "where": (lambda a, b: torch.where(a > 0, a, b), A, B, "[2, 3] and [2, 3] and [4, 3] do not broadcast"),
    "clamp": (lambda a, b: a.clamp(b), A, B, "do not broadcast"),
    "masked_fill": (lambda a, b: a.masked_fill(b > 0, 1.0), A, B, "shapes [2, 3] and [4, 3] do not broadcast"),
    "matmul": (lambda a, b: a @ b, A, B, "shapes [2, 3] and [4, 3] cannot be multiplied"),
    "mm": (lambda a, c: a.mm(c), A, CUBE, "mm() of tensors of shapes [2, 3] and [2, 3, 4]"),
    "bmm": (lambda c, d: c.bmm(d), CUBE, CUBE, "[2, 3, 4] and [2, 3, 4] cannot be multiplied"),
    "dot": (lambda a, r: r.dot(a), A, ROW, "dot() of tensors of shapes [3] and [2, 3]"),
    "linear": (
        lambda a, c: F.linear(a, c[0]),
        A,
        CUBE,
        "linear() with 4 input features was given a tensor of shape [2, 3]",
    ),
    "einsum": (lambda a, b: torch.einsum("ij,ik->jk", a, b), A, B, "`i` has 2 elements and 4"),
    "cat": (lambda a, c: torch.cat([a, c]), A, CUBE, "shapes [2, 3] and [2, 3, 4] do not join along dimension 0"),
    "stack": (lambda a, b: torch.stack([a, b]), A, B, "tensors of one shape, not [2, 3] and [4, 3]"),
    "gather": (
        lambda a, i: a.gather(0, i.repeat(1, 2)),
        A,
        INTS,
        "along dimension 0 of [2, 3] with an index of shape [2, 6]",
    ),
    "scatter": (lambda a, i: a.scatter(0, i, a[:1]), A, INTS, "a source of shape [1, 3] with an index of shape [2, 3]"),
    "assignment": (lambda a, b: a.__setitem__(0, b[:, 0]), A * 1, B, "of shape [4] is assigned to a part of shape [3]"),
    "a mask": (
        lambda a, b: a.__setitem__(b > 0, 1.0),
        A * 1,
        B,
        "a mask of shape [4, 3] does not fit a tensor of shape [2, 3]",
    ),
    "view": (lambda a, b: a.view(4, 2), A, B, "has 6 elements and cannot take the shape [4, 2]"),
    "expand": (lambda a, b: a.expand(4, 3), A, B, "of shape [2, 3] does not expand to [4, 3]"),
    "a dimension": (lambda a, b: a.sum(2), A, B, "a tensor of 2 dimensions has no dimension 2"),
    "split": (lambda a, b: a.split([1, 1], 1), A, B, "split() of 3 elements into parts of [1, 1]"),
    "mse_loss": (lambda a, b: F.mse_loss(a, b), A, B, "shapes [2, 3] and [4, 3] do not broadcast"),
    "bce": (lambda a, b: F.binary_cross_entropy(a, b), A, B, "the shape of the input, [2, 3], not [4, 3]"),
    "nll_loss": (
        lambda a, i: F.nll_loss(a, i),
        A,
        INTS,
        "takes [B, C] and integer classes [B], not [2, 3] and int64 [2, 3]",
    ),
    "a product of two dtypes": (lambda a, d: a @ d.t(), A, DOUBLES, "a product of matrices of float32 and float64"),
    "a sum of bools": (lambda a, b: b - b, A, BOOLS, "`sub` of two bool tensors"),
    "floats in integers": (lambda a, i: i.mul_(a), A, INTS * 1, "`mul_` of a tensor of int64 gives float32"),
    "the mean of integers": (lambda a, i: i.mean(), A, INTS, "mean() of a tensor of int64: convert it to floats first"),
    "softmax of integers": (lambda a, i: i.softmax(0), A, INTS, "softmax of a tensor of int64: convert it first"),
    "positions that are floats": (
        lambda a, d: a.gather(0, d),
        A,
        DOUBLES,
        "gather() takes integer positions, not float64",
    ),
    "float classes": (
        lambda a, d: F.nll_loss(a, d[:, 0]),
        A,
        DOUBLES,
        "integer classes [B], not [2, 3] and float64 [2]",
    ),
    "a source of another dtype": (
        lambda a, d: a.scatter_add(0, d.long(), d),
        A,
        DOUBLES,
        "scatter() of float64 into a tensor of float32",
    ),
}


@pytest.mark.parametrize("name", MISFITS)
def test_what_does_not_fit_is_named_at_its_line(name: str) -> None:
    function, first, second, message = MISFITS[name]

    def program(rounds):
        for _ in range(rounds):
            function(first, second)

    with pytest.raises(PylmsError) as caught:
        stageTensor(program)(1)
    loc, lines = caught.value.loc, {line for _, _, line in function.__code__.co_lines()}
    assert message in caught.value.message
    assert loc is not None and loc.file == __file__ and loc.line in lines


OUT_OF_RANGE = {
    "gather": (lambda a, i: a.gather(1, i.view(2, 1)), "gather(): a position is not one of 3"),
    "index_select": (lambda a, i: a.index_select(1, i), "index_select(): a position is not one of 3"),
    "take": (lambda a, i: a.take(i * 2), "take(): index is out of range for 6 elements"),
    "scatter": (lambda a, i: a.scatter(1, i.view(2, 1), 1.0), "scatter(): a position is not one of 3"),
    "scatter_add": (lambda a, i: a.scatter_add(1, i.view(2, 1), a), "scatter_add(): a position is not one of 3"),
    "index_add": (lambda a, i: a.t().index_add(0, i, a[:, :2]), "index_add(): a position is not one of 3"),
    "one_hot": (lambda a, i: F.one_hot(i, 3), "one_hot() of a class that is not one of 3"),
    "x[:, i]": (lambda a, i: a[:, i], "index is out of bounds for dimension 1 with size 3"),
    "x[i] = v": (
        lambda a, i: a.clone().__setitem__((slice(None), i), 1.0),
        "out of bounds for dimension 1 with size 3",
    ),
    "nll_loss": (lambda a, i: F.nll_loss(a, i), "a target class is out of bounds: there are 3 classes"),
    "cross_entropy": (lambda a, i: F.cross_entropy(a, i, label_smoothing=0.1), "out of bounds: there are 3 classes"),
}


@pytest.mark.parametrize("name", OUT_OF_RANGE)
def test_a_position_out_of_range_is_an_index_error_when_the_code_runs(name: str) -> None:
    function, message = OUT_OF_RANGE[name]
    source, index = A.clone(), torch.tensor([0, 2])

    def program(rounds):
        for _ in range(rounds):
            function(source, index)

    run = stageTensor(program)
    run(1)
    index[1] = 3
    with pytest.raises(IndexError) as caught:
        run(1)
    assert message in str(caught.value)
