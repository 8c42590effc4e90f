"""Every staged function gives what PyTorch gives: values, dtypes, shapes, and gradients."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402

from tests.torch_front.programs import stage  # noqa: E402

A = torch.tensor([[0.5, -1.5, 2.0], [0.0, 3.0, -0.25]])
B = torch.tensor([[1.5, 0.5, 2.0], [2.0, -1.0, 0.75]])
ROW = torch.tensor([1.0, -2.0, 0.5])
COLUMN = torch.tensor([[2.0], [-3.0]])
POSITIVE = torch.tensor([[0.5, 1.5, 2.0], [0.1, 3.0, 0.25]])
CUBE = torch.arange(24.0).reshape(2, 3, 4) / 7 - 1
INTS = torch.tensor([[3, -4, 5], [7, 0, -9]])
SMALL_INTS = torch.tensor([1, 2, 3], dtype=torch.int32)
BYTES = torch.tensor([0, 128, 255], dtype=torch.uint8)
BOOLS = torch.tensor([[True, False, True], [False, False, True]])
CLASSES = torch.tensor([2, 0])
DOUBLES = A.double() * 1.1

VALUES = {
    "add": (lambda a, b: a + b, A, B),
    "add alpha": (lambda a, b: torch.add(a, b, alpha=0.5), A, B),
    "add row": (lambda a, b: a + b, A, ROW),
    "add column": (lambda a, b: b + a, A, COLUMN),
    "outer sum": (lambda a, b: a + b, ROW, COLUMN),
    "add number": (lambda a: 2 + a + 0.1, A),
    "add int to ints": (lambda a: a + 3, INTS),
    "add float to ints": (lambda a: a + 0.5, INTS),
    "float and double": (lambda a, b: a * b, A, DOUBLES),
    "int32 and int64": (lambda a, b: a + b, SMALL_INTS, INTS),
    "bytes and number": (lambda a: a + 200, BYTES),
    "bytes and negative": (lambda a: a * -1, BYTES),
    "sub": (lambda a, b: a - b, A, B),
    "sub from number": (lambda a: 1 - a, A),
    "mul": (lambda a, b: a * b, A, B),
    "div": (lambda a, b: a / b, A, B),
    "div of ints": (lambda a: a / 2, INTS),
    "number by tensor": (lambda b: 1 / b, B),
    "floor_divide": (lambda a: a // 2, INTS),
    "remainder": (lambda a: a % 4, INTS),
    "remainder of floats": (lambda a, b: a % b, A, B),
    "square": (lambda a: a**2, A),
    "root": (lambda a: a**0.5, POSITIVE),
    "power": (lambda a, b: a**b, POSITIVE, B),
    "power of number": (lambda b: 2**b, B),
    "neg": (lambda a: -a, A),
    "abs": (lambda a: abs(a), A),
    "exp": (lambda a: a.exp(), A),
    "exp of ints": (lambda a: torch.exp(a), INTS),
    "log": (lambda a: torch.log(a), POSITIVE),
    "sqrt": (lambda a: a.sqrt(), POSITIVE),
    "sin": (lambda a: torch.sin(a), A),
    "cos": (lambda a: a.cos(), A),
    "tan": (lambda a: a.tan(), A),
    "tanh": (lambda a: F.tanh(a) + torch.tanh(a) + a.tanh(), A),
    "sigmoid": (lambda a: torch.sigmoid(a) + a.sigmoid() + F.sigmoid(a), A),
    "floor": (lambda a: a.floor(), A),
    "ceil": (lambda a: a.ceil(), A),
    "relu": (lambda a: F.relu(a) + torch.relu(a) + a.relu(), A),
    "relu inplace": (lambda a: F.relu(a * 2, inplace=True), A),
    "clamp": (lambda a: a.clamp(-1, 1.5), A),
    "clamp below": (lambda a: a.clamp(min=0), A),
    "maximum": (lambda a, b: torch.maximum(a, b), A, B),
    "minimum": (lambda a, b: torch.minimum(a, b), A, B),
    "max of two": (lambda a, b: torch.max(a, b), A, B),
    "eq": (lambda a, b: a == b, A, B),
    "eq method": (lambda a: a.eq(5), INTS),
    "ne": (lambda a, b: a != b, A, B),
    "lt": (lambda a: a < 0.5, A),
    "le": (lambda a, b: a <= b, A, ROW),
    "gt": (lambda a, b: a > b, A, B),
    "ge": (lambda a: 0 >= a, A),
    "int against float": (lambda a: a > 2.5, INTS),
    "logical": (lambda a, b: torch.logical_and(a, b), BOOLS, INTS),
    "bool operators": (lambda a, b: (a & ~b) | (b > 0), BOOLS, BOOLS.flip(0)),
    "logical_not": (lambda a: torch.logical_not(a), BOOLS),
    "where": (lambda a, b: torch.where(a > b, a, b), A, B),
    "where number": (lambda a: torch.where(a > 0, a, 0.5), A),
    "view": (lambda a: a.view(3, 2), A),
    "view -1": (lambda a: a.view(-1), CUBE),
    "view tuple": (lambda a: a.view((4, -1)), CUBE),
    "reshape": (lambda a: torch.reshape(a, (6, 4)), CUBE),
    "flatten": (lambda a: torch.flatten(a, 1), CUBE),
    "flatten all": (lambda a: a.flatten(), CUBE),
    "squeeze": (lambda a: a.unsqueeze(1).squeeze(), A),
    "unsqueeze": (lambda a: a.unsqueeze(-1), A),
    "t": (lambda a: a.t(), A),
    "T": (lambda a: a.T, A),
    "transpose": (lambda a: a.transpose(0, 2), CUBE),
    "permute": (lambda a: a.permute(2, 0, 1), CUBE),
    "expand": (lambda a: a.expand(4, -1, 3), COLUMN),
    "expand_as": (lambda a, b: a.expand_as(b), ROW, A),
    "view_as": (lambda a, b: a.view_as(b), A, A.reshape(3, 2)),
    "clone": (lambda a: a.clone().contiguous(), A),
    "sum": (lambda a: a.sum(), CUBE),
    "sum dim": (lambda a: a.sum(1), CUBE),
    "sum dims": (lambda a: torch.sum(a, dim=(0, 2), keepdim=True), CUBE),
    "sum of ints": (lambda a: a.sum(), SMALL_INTS),
    "sum of bools": (lambda a: a.sum(), BOOLS),
    "mean": (lambda a: a.mean(), CUBE),
    "mean dim": (lambda a: a.mean(dim=-1, keepdim=True), CUBE),
    "argmax": (lambda a: a.argmax(), A),
    "argmax dim": (lambda a: a.argmax(dim=1), A),
    "argmax keepdim": (lambda a: torch.argmax(a, 0, keepdim=True), A),
    "argmin": (lambda a: a.argmin(1), A),
    "max": (lambda a: a.max(), A),
    "max dim": (lambda a: a.max(1)[0], A),
    "max positions": (lambda a: torch.max(a, 1)[1], A),
    "max values keepdim": (lambda a: a.max(1, keepdim=True).values, A),
    "max first dim": (lambda a: a.max(0).values, A),
    "max last of three": (lambda a: a.max(2).values, CUBE),
    "amax": (lambda a: a.amax(dim=1), A),
    "norm": (lambda a: a.norm(), A),
    "matmul": (lambda a, b: a @ b, A, B.t().contiguous()),
    "mm": (lambda a, b: torch.mm(a, b.t()), A, B),
    "matrix by vector": (lambda a, b: a @ b, A, ROW),
    "vector by matrix": (lambda a, b: torch.matmul(a, b.t()), ROW, B),
    "dot": (lambda a, b: a.dot(b), ROW, ROW),
    "batched rows": (lambda a, b: a @ b, CUBE, torch.ones(4, 2)),
    "linear": (lambda x, w, b: F.linear(x, w, b), A, B, torch.tensor([0.5, -0.5])),
    "linear without bias": (lambda x, w: F.linear(x, w), A, B),
    "linear of three dimensions": (lambda x, w: F.linear(x, w), CUBE, torch.ones(2, 4)),
    "linear of one dimension": (lambda x, w: F.linear(x, w), ROW, B),
    "addmm": (lambda a, b, c: torch.addmm(c, a, b), A, B.t().contiguous(), torch.tensor([0.5, -0.5])),
    "softmax": (lambda a: F.softmax(a, dim=1), A),
    "softmax first dim": (lambda a: torch.softmax(a, 0), A),
    "log_softmax": (lambda a: F.log_softmax(a, dim=1), A),
    "log_softmax of large": (lambda a: F.log_softmax(a * 1000, dim=-1), A),
    "nll_loss": (lambda a, t: F.nll_loss(a, t), A, CLASSES),
    "nll_loss sum": (lambda a, t: F.nll_loss(a, t, reduction="sum"), A, CLASSES),
    "nll_loss none": (lambda a, t: F.nll_loss(a, t, reduction="none"), A, CLASSES),
    "cross_entropy": (lambda a, t: F.cross_entropy(a, t), A, CLASSES),
    "cross_entropy of one": (lambda a, t: F.cross_entropy(a, t), ROW, torch.tensor(1)),
    "mse_loss": (lambda a, b: F.mse_loss(a, b), A, B),
    "conversions": (lambda a: a.float().double() + a.long().to(torch.float32), INTS),
    "to bool": (lambda a: a.bool(), INTS),
    "type_as": (lambda a, b: a.type_as(b), INTS, A),
    "accuracy": (lambda a, t: a.argmax(1).eq(t).sum(), A, CLASSES),
    "zeros": (lambda a: a + torch.zeros(3) + torch.ones_like(a) + torch.full((2, 1), 2.5), A),
    "tensor": (lambda a: a * torch.tensor(2.0) + torch.tensor([1.0, 2.0, 3.0]), A),
    "no_grad": (lambda a: a.detach() * 2, A),
}


@pytest.mark.parametrize("name", VALUES)
def test_value_type_and_shape_are_pytorchs(name: str) -> None:
    function, *tensors = VALUES[name]

    def program(flag):
        # Under staged control every tensor is staged.
        if flag:
            return function(*tensors)
        else:
            return function(*tensors)

    found, expected = stage(program, True)(True), function(*tensors)
    assert found.dtype == expected.dtype and found.shape == expected.shape
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


DIFFERENTIABLE = [
    name
    for name, (function, *tensors) in VALUES.items()
    if tensors[0].dtype is torch.float32
    and function(*tensors).is_floating_point()
    and name not in ("no_grad", "floor", "ceil", "float and double")
]


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_gradient_is_pytorchs(name: str) -> None:
    function, *tensors = VALUES[name]

    def leaves():
        return [t.clone().requires_grad_() if t.is_floating_point() else t for t in tensors]

    staged_leaves, real_leaves = leaves(), leaves()

    def program(flag):
        result = function(*staged_leaves)
        loss = (result * result + result).sum()
        loss.backward()
        return tuple(leaf.grad for leaf in staged_leaves if leaf.is_floating_point())

    result = function(*real_leaves)
    (result * result + result).sum().backward()
    found = stage(program, True)(True)
    for gradient, leaf in zip(found, [leaf for leaf in real_leaves if leaf.is_floating_point()], strict=True):
        torch.testing.assert_close(gradient, leaf.grad, rtol=1e-4, atol=1e-5)


def test_item_gives_numbers() -> None:
    w = torch.nn.Parameter(A.clone())

    def program(scale):
        total = w.sum().item() * scale
        return total, w.argmax().item() + 1, (w.sum() > 0).item()

    assert stage(program, 2.0)(2.0) == (pytest.approx(7.5), 5, True)


def test_staged_numbers_meet_tensors() -> None:
    w = torch.nn.Parameter(A.clone())

    def program(scale):
        return scale * (w + 0) + (w + 0) * scale - scale

    torch.testing.assert_close(stage(program, 2.0)(2.0), 4 * A - 2)


def test_class_out_of_bounds_is_an_error_and_reads_no_foreign_memory() -> None:
    scores, classes = torch.nn.Parameter(A.clone()), torch.tensor([1, 3])

    def program(flag):
        return F.nll_loss(scores, classes)

    compiled = stage(program, True)
    with pytest.raises(IndexError, match="out of bounds: there are 3 classes"):
        compiled(True)
