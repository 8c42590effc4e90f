"""Convolutions, pooling and all their adjoints: derivatives against finite differences, native against interpreted."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from pylms.backends.cpp.legalise import PASSES
from pylms.ir.interpret import interpret
from pylms.ir.node import Function
from pylms.ir.ops import windows as ops
from pylms.ir.ops.arithmetic import ADD, MUL
from pylms.ir.ops.buffers import LOAD, STORE
from pylms.ir.primitive import Primitive
from pylms.ir.types import FLOAT64, BufferType, TensorType, Type
from tests.ad.programs import Program, finite_differences, function, gradients, matrix
from tests.backends.cpp.native import RecordingHost, compile_all

IMAGE = matrix(2, 2, 5, 6)
PLACED = {"strides": (2, 1), "padding": (1, 2), "dilation": (1, 2)}
CONVOLUTION = {**PLACED, "groups": 2}
ALONG_LINES = {"strides": (2,), "padding": (1,), "dilation": (1,), "groups": 1, "counts": (4,)}
# Windows that reach over the end, and none that see nothing but what lies beyond it.
POOLING = {**PLACED, "kernel": (2, 3), "counts": (3, 7)}


@dataclass(frozen=True)
class Case:
    """A primitive on operands of these types."""

    primitive: Primitive
    types: tuple[TensorType, ...]
    attrs: dict[str, object] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.primitive.name}{len(self.types)}"


CASES = [
    Case(ops.CONV, (IMAGE, matrix(4, 1, 2, 3)), {**CONVOLUTION, "counts": (3, 6)}),
    Case(
        ops.CONV,
        (matrix(2, 2, 7), matrix(3, 2, 3), matrix(3)),
        ALONG_LINES,
    ),
    Case(ops.CONV_INPUT_GRADIENT, (matrix(2, 4, 3, 6), matrix(4, 1, 2, 3)), {**CONVOLUTION, "extents": (5, 6)}),
    Case(ops.CONV_WEIGHT_GRADIENT, (IMAGE, matrix(2, 4, 3, 6)), {**CONVOLUTION, "kernel": (2, 3)}),
    Case(ops.MAX_POOL, (IMAGE,), POOLING),
    Case(ops.MAX_POOL_PICK, (IMAGE, IMAGE), POOLING),
    Case(ops.MAX_POOL_PLACE, (IMAGE, matrix(2, 2, 3, 7)), POOLING),
    Case(ops.WINDOW_SUM, (IMAGE,), POOLING),
    Case(ops.WINDOW_SPREAD, (matrix(2, 2, 3, 7),), {**PLACED, "kernel": (2, 3), "extents": (5, 6)}),
]


def arguments(case: Case) -> list[np.ndarray]:
    random = np.random.default_rng(7)
    return [random.uniform(-2, 2, type_.shape) for type_ in case.types]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_rule_agrees_with_finite_differences(case: Case) -> None:
    """Of the square of the result, so that the derivative of each adjoint matters as well."""

    def body(p: Program, *operands):
        result = p.op(case.primitive, *operands, **case.attrs)
        return p.sum_of(p.op(ADD, p.op(MUL, result, result), result))

    program, args = function(case.types, body), arguments(case)
    for found, expected in zip(gradients(program, *args), finite_differences(program, *args), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def stored(case: Case) -> Function:
    """A function that reads the operands from buffers, and writes the result to a last one."""
    operands = [BufferType(type_.dtype, type_.shape) for type_ in case.types]
    example = function(case.types, lambda p, *each: p.op(case.primitive, *each, **case.attrs))
    (result,) = example.body.results
    assert isinstance(result.type, TensorType)

    def body(p: Program, *buffers):
        value = p.op(case.primitive, *[p.op(LOAD, each) for each in buffers[:-1]], **case.attrs)
        p.ops(STORE, buffers[-1], value)
        return []

    types: list[Type] = [*operands, BufferType(FLOAT64, result.type.shape)]
    return function(types, body)


def test_native_code_does_what_the_interpreter_does() -> None:
    functions = [stored(case) for case in CASES]
    legalised = []
    for each in functions:
        for legalise in PASSES:
            each = legalise.run(each)
        legalised.append(each)
    for case, program, native in zip(CASES, functions, compile_all(legalised), strict=True):
        shape = program.params[-1].type.shape
        found, expected = np.full(shape, np.nan), np.full(shape, np.nan)
        native([*arguments(case), found], RecordingHost())
        interpret(program, [*arguments(case), expected], host=RecordingHost())
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12, err_msg=case.name)
