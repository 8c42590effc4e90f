"""Every derivative rule against finite differences, and against PyTorch's autograd."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from pylms.ir.node import Atom, Const, Sym
from pylms.ir.ops import (
    elementary,
)
from pylms.ir.ops.arithmetic import (
    ABS,
    ADD,
    CONVERT,
    COS,
    EXP,
    GT,
    LOG,
    MAXIMUM,
    MINIMUM,
    MOD,
    MUL,
    NEG,
    POW,
    SELECT,
    SIGMOID,
    SIN,
    SQRT,
    SUB,
    TAN,
    TANH,
    TRUEDIV,
)
from pylms.ir.ops.tensor_gathers import SCATTER_ADD, SCATTER_ADD_ALONG, TAKE, TAKE_ALONG
from pylms.ir.ops.tensor_regions import CONCAT, PLACE, SLICE
from pylms.ir.ops.tensors import (
    BATCH_MATMUL,
    BROADCAST,
    ELEMENT,
    MATMUL,
    PICK,
    REDUCE_MAX,
    REDUCE_SUM,
    RESHAPE,
    STOP_GRADIENT,
    TRANSPOSE,
)
from pylms.ir.types import FLOAT, FLOAT32, FLOAT64, INT64, TensorType, Type
from tests.ad.programs import Program, finite_differences, function, gradients, matrix

torch = pytest.importorskip("torch")


@dataclass(frozen=True)
class Case:
    name: str
    types: Sequence[Type]
    body: Callable[..., Sym]
    torch_body: Callable[..., object]
    low: float = -2.0
    high: float = 2.0


def weighted(p: Program, tensor: Sym) -> Sym:
    """A scalar that depends differently on every element."""
    assert isinstance(tensor.type, TensorType)
    squared = p.op(MUL, tensor, tensor)
    return p.sum_of(p.op(ADD, squared, p.op(SIN, tensor)))


def weighted_torch(tensor):
    return (tensor * tensor + tensor.sin()).sum()


def elementwise(name: str, primitive, torch_function, *, arity: int = 1, low: float = -2.0) -> Case:
    return Case(
        name,
        [matrix(2, 3)] * arity,
        lambda p, *xs: weighted(p, p.op(primitive, *xs)),
        lambda *xs: weighted_torch(torch_function(*xs)),
        low,
    )


def _select(p: Program, x: Sym, y: Sym) -> Sym:
    return weighted(p, p.op(SELECT, p.op(GT, x, y), p.op(MUL, x, y), y))


def _convert(p: Program, x: Sym) -> Sym:
    return weighted(p, p.op(CONVERT, p.op(CONVERT, p.op(EXP, x), dtype=FLOAT), dtype=FLOAT64))


def _pick(p: Program, x: Sym) -> Sym:
    places = p.op(CONVERT, p.op(BROADCAST, Const(2, INT64), shape=(2,), axes=()), dtype=INT64)
    return weighted(p, p.op(PICK, x, places))


def _element(p: Program, x: Sym) -> Atom:
    number = p.op(ELEMENT, p.sum_of(p.op(TANH, x)))
    return p.op(MUL, number, p.op(SIN, number))


def _log_softmax(p: Program, x: Sym) -> Sym:
    maximum = p.op(STOP_GRADIENT, p.op(REDUCE_MAX, x, axes=(1,)))
    shifted = p.op(SUB, x, p.op(BROADCAST, maximum, shape=(4, 3), axes=(0,)))
    total = p.op(LOG, p.op(REDUCE_SUM, p.op(EXP, shifted), axes=(1,)))
    return weighted(p, p.op(SUB, shifted, p.op(BROADCAST, total, shape=(4, 3), axes=(0,))))


def _matmul(transpose_a: bool, transpose_b: bool) -> Case:
    def body(p: Program, a: Sym, b: Sym) -> Sym:
        return weighted(p, p.op(MATMUL, a, b, transpose_a=transpose_a, transpose_b=transpose_b))

    def torch_body(a, b):
        return weighted_torch((a.t() if transpose_a else a) @ (b.t() if transpose_b else b))

    left = (3, 2) if transpose_a else (2, 3)
    right = (4, 3) if transpose_b else (3, 4)
    return Case(f"matmul {transpose_a} {transpose_b}", [matrix(*left), matrix(*right)], body, torch_body)


def _positions(p: Program, *shape: int) -> Sym:
    """Twice the sum of an element's indices, modulo 3: positions of which some come again."""
    total = p.full(matrix(*shape), 0.0)
    for axis, extent in enumerate(shape):
        for index in range(1, extent):
            layer = tuple(1 if each == axis else other for each, other in enumerate(shape))
            starts = tuple(index if each == axis else 0 for each in range(len(shape)))
            twice = p.full(matrix(*layer), 2.0 * index)
            total = p.op(ADD, total, p.op(PLACE, twice, shape=shape, starts=starts, steps=(1,) * len(shape)))
    return p.op(CONVERT, p.op(MOD, total, p.full(matrix(*shape), 3.0)), dtype=INT64)


def _positions_torch(*shape: int):
    return (
        sum(torch.arange(extent).view(-1, *[1] * (len(shape) - axis - 1)) * 2 for axis, extent in enumerate(shape)) % 3
    )


def _scatter_torch(x):
    updates = x.permute(1, 0, 2).reshape(4, -1)
    made = torch.zeros(3, updates.shape[1], dtype=x.dtype).index_add(0, _positions_torch(4), updates)
    return made.view(3, 2, 2).permute(1, 0, 2)


def _batch_matmul(transpose_a: bool, transpose_b: bool) -> Case:
    def body(p: Program, a: Sym, b: Sym) -> Sym:
        return weighted(p, p.op(BATCH_MATMUL, a, b, transpose_a=transpose_a, transpose_b=transpose_b))

    def torch_body(a, b):
        return weighted_torch((a.mT if transpose_a else a) @ (b.mT if transpose_b else b))

    left = (2, 3, 2) if transpose_a else (2, 2, 3)
    right = (2, 4, 3) if transpose_b else (2, 3, 4)
    return Case(f"batch_matmul {transpose_a} {transpose_b}", [matrix(*left), matrix(*right)], body, torch_body)


PART_CASES = [
    Case(
        "slice",
        [matrix(3, 5)],
        lambda p, x: weighted(p, p.op(SLICE, x, starts=(1, 4), sizes=(2, 3), steps=(1, -2))),
        lambda x: weighted_torch(x[1:3, [4, 2, 0]]),
    ),
    Case(
        "place",
        [matrix(2, 3)],
        lambda p, x: weighted(p, p.op(PLACE, x, shape=(3, 6), starts=(1, 5), steps=(1, -2))),
        lambda x: weighted_torch(x.flip(1)),
    ),
    Case(
        "concat",
        [matrix(2, 3), matrix(2, 1)],
        lambda p, x, y: weighted(p, p.op(CONCAT, x, y, x, axis=1)),
        lambda x, y: weighted_torch(torch.cat([x, y, x], 1)),
    ),
    Case(
        "take",
        [matrix(2, 3, 2)],
        lambda p, x: weighted(p, p.op(TAKE, x, _positions(p, 2, 4), axis=1)),
        lambda x: weighted_torch(x[:, _positions_torch(2, 4)]),
    ),
    Case(
        "scatter_add",
        [matrix(2, 4, 2)],
        lambda p, x: weighted(p, p.op(SCATTER_ADD, _positions(p, 4), x, axis=1, size=3)),
        lambda x: weighted_torch(_scatter_torch(x)),
    ),
    Case(
        "take_along",
        [matrix(2, 3, 2)],
        lambda p, x: weighted(p, p.op(TAKE_ALONG, x, _positions(p, 2, 4, 2), axis=1)),
        lambda x: weighted_torch(x.gather(1, _positions_torch(2, 4, 2))),
    ),
    Case(
        "scatter_add_along",
        [matrix(2, 4, 2)],
        lambda p, x: weighted(p, p.op(SCATTER_ADD_ALONG, _positions(p, 2, 4, 2), x, axis=1, size=3)),
        lambda x: weighted_torch(torch.zeros(2, 3, 2).double().scatter_add(1, _positions_torch(2, 4, 2), x)),
    ),
    *[_batch_matmul(a, b) for a in (False, True) for b in (False, True)],
]

CASES = [
    *PART_CASES,
    elementwise("add", ADD, torch.add, arity=2),
    elementwise("sub", SUB, torch.sub, arity=2),
    elementwise("mul", MUL, torch.mul, arity=2),
    elementwise("truediv", TRUEDIV, torch.true_divide, arity=2, low=0.5),
    elementwise("mod", MOD, torch.remainder, arity=2, low=0.7),
    elementwise("pow", POW, torch.pow, arity=2, low=0.2),
    elementwise("minimum", MINIMUM, torch.minimum, arity=2),
    elementwise("maximum", MAXIMUM, torch.maximum, arity=2),
    elementwise("neg", NEG, torch.neg),
    elementwise("abs", ABS, torch.abs),
    elementwise("exp", EXP, torch.exp),
    elementwise("log", LOG, torch.log, low=0.3),
    elementwise("sqrt", SQRT, torch.sqrt, low=0.3),
    elementwise("sin", SIN, torch.sin),
    elementwise("cos", COS, torch.cos),
    elementwise("tan", TAN, torch.tan, low=-1.0),
    elementwise("tanh", TANH, torch.tanh),
    elementwise("sigmoid", SIGMOID, torch.sigmoid),
    Case(
        "select",
        [matrix(2, 3), matrix(2, 3)],
        _select,
        lambda x, y: weighted_torch(torch.where(x > y, x * y, y)),
    ),
    Case("convert", [matrix(2, 3)], _convert, lambda x: weighted_torch(x.exp())),
    Case(
        "broadcast",
        [matrix(3)],
        lambda p, x: weighted(p, p.op(BROADCAST, x, shape=(2, 3, 4), axes=(1,))),
        lambda x: weighted_torch(x[None, :, None].expand(2, 3, 4)),
    ),
    Case(
        "broadcast of a number",
        [FLOAT],
        lambda p, x: weighted(p, p.op(BROADCAST, x, shape=(2, 3), axes=())),
        lambda x: weighted_torch(x.expand(2, 3)),
    ),
    Case(
        "reshape",
        [matrix(2, 6)],
        lambda p, x: weighted(p, p.op(RESHAPE, x, shape=(3, 4))),
        lambda x: weighted_torch(x.reshape(3, 4)),
    ),
    Case(
        "transpose",
        [matrix(2, 3, 4)],
        lambda p, x: weighted(p, p.op(TRANSPOSE, x, permutation=(2, 0, 1))),
        lambda x: weighted_torch(x.permute(2, 0, 1)),
    ),
    Case(
        "reduce_sum",
        [matrix(2, 3, 4)],
        lambda p, x: weighted(p, p.op(REDUCE_SUM, x, axes=(0, 2))),
        lambda x: weighted_torch(x.sum((0, 2))),
    ),
    Case(
        "reduce_max",
        [matrix(2, 3, 4)],
        lambda p, x: weighted(p, p.op(REDUCE_MAX, x, axes=(0, 2))),
        lambda x: weighted_torch(x.amax((0, 2))),
    ),
    *[_matmul(a, b) for a in (False, True) for b in (False, True)],
    Case("pick", [matrix(2, 3)], _pick, lambda x: weighted_torch(x[:, 2])),
    Case("element", [matrix(2, 3)], _element, lambda x: x.tanh().sum() * x.tanh().sum().sin()),
    Case("log_softmax", [matrix(4, 3)], _log_softmax, lambda x: weighted_torch(torch.log_softmax(x, 1))),
]


def scalar(primitive, torch_function, *, arity: int = 1, low: float = -2.0, high: float = 2.0) -> Case:
    def body(p: Program, *xs: Sym) -> Atom:
        value = p.op(primitive, *xs)
        return p.op(MUL, value, p.op(SIN, value))

    return Case(
        str(primitive),
        [FLOAT] * arity,
        body,
        lambda *xs: torch_function(*xs) * torch_function(*xs).sin(),
        low,
        high,
    )


SCALAR_CASES = [
    scalar(elementary.ASIN, torch.asin, low=-0.9, high=0.9),
    scalar(elementary.ACOS, torch.acos, low=-0.9, high=0.9),
    scalar(elementary.ATAN, torch.atan),
    scalar(elementary.SINH, torch.sinh),
    scalar(elementary.COSH, torch.cosh),
    scalar(elementary.ASINH, torch.asinh),
    scalar(elementary.ACOSH, torch.acosh, low=1.1),
    scalar(elementary.ATANH, torch.atanh, low=-0.9, high=0.9),
    scalar(elementary.EXPM1, torch.expm1),
    scalar(elementary.EXP2, torch.exp2),
    scalar(elementary.LOG1P, torch.log1p, low=-0.9),
    scalar(elementary.LOG2, torch.log2, low=0.1),
    scalar(elementary.LOG10, torch.log10, low=0.1),
    scalar(elementary.CBRT, lambda x: x.sign() * x.abs() ** (1 / 3)),
    scalar(elementary.ERF, torch.erf),
    scalar(elementary.ERFC, torch.erfc),
    scalar(elementary.ATAN2, torch.atan2, arity=2),
    scalar(elementary.HYPOT, torch.hypot, arity=2),
    scalar(elementary.COPYSIGN, torch.copysign, arity=2),
    scalar(elementary.FMOD, torch.fmod, arity=2, low=0.7),
    scalar(elementary.REMAINDER, lambda x, y: x - y * (x / y).detach().round(), arity=2, low=0.7),
    scalar(elementary.MATH_POW, torch.pow, arity=2, low=0.2),
]


def arguments(case: Case) -> list[object]:
    """Numbers and arrays within the bounds of a case, the same each time."""
    random = np.random.default_rng(7)
    return [
        float(random.uniform(case.low, case.high))
        if type_ == FLOAT
        else random.uniform(case.low, case.high, type_.shape)
        for type_ in case.types
    ]


def torch_gradients(case_body, *args: object) -> list[np.ndarray]:
    leaves = [torch.tensor(arg, dtype=torch.float64, requires_grad=True) for arg in args]
    case_body(*leaves).backward()
    return [np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.numpy() for leaf in leaves]


@pytest.mark.parametrize("case", [*CASES, *SCALAR_CASES], ids=lambda case: case.name)
def test_rule_agrees_with_finite_differences(case: Case) -> None:
    program, args = function(case.types, case.body), arguments(case)
    for found, expected in zip(gradients(program, *args), finite_differences(program, *args), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("case", [*CASES, *SCALAR_CASES], ids=lambda case: case.name)
def test_rule_agrees_with_pytorch(case: Case) -> None:
    program, args = function(case.types, case.body), arguments(case)
    for found, expected in zip(gradients(program, *args), torch_gradients(case.torch_body, *args), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


CORNERS = [
    ("abs at 0", ABS, torch.abs, [0.0]),
    ("maximum tie", MAXIMUM, torch.maximum, [1.5, 1.5]),
    ("minimum tie", MINIMUM, torch.minimum, [-1.5, -1.5]),
    ("maximum of nan", MAXIMUM, torch.maximum, [float("nan"), 1.0]),
    ("0 ** 0", POW, torch.pow, [0.0, 0.0]),
    ("0 ** 1", POW, torch.pow, [0.0, 1.0]),
    ("0 ** 2", POW, torch.pow, [0.0, 2.0]),
]


@pytest.mark.parametrize("name, primitive, torch_function, values", CORNERS, ids=[corner[0] for corner in CORNERS])
def test_corner_follows_pytorch(name, primitive, torch_function, values) -> None:
    program = function([matrix(1)] * len(values), lambda p, *xs: p.sum_of(p.op(primitive, *xs)))
    args = [np.array([value]) for value in values]
    expected = torch_gradients(lambda *xs: torch_function(*xs).sum(), *args)
    for found, wanted in zip(gradients(program, *args), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_ties_of_reduce_max_share_the_gradient_as_amax_does() -> None:
    program = function([matrix(4)], lambda p, x: p.op(REDUCE_MAX, x, axes=(0,)))
    (found,) = gradients(program, np.array([1.0, 3.0, 3.0, 2.0]))
    np.testing.assert_array_equal(found, [0, 0.5, 0.5, 0])


def test_float32_gradients_stay_float32() -> None:
    program = function([TensorType(FLOAT32, (3,))], lambda p, x: p.sum_of(p.op(MUL, x, x)))
    (found,) = gradients(program, np.array([1, 2, 3], dtype=np.float32))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [2, 4, 6])
