"""Products with one-hot matrices are made without these, and are what they were: not finite values and all."""

from __future__ import annotations

import numpy as np
import pytest

from pylms.backends.cpp.legalise import PASSES
from pylms.ir.interpret import interpret
from pylms.ir.node import Function, walk
from pylms.ir.ops.one_hot_products import ONE_HOT_PRODUCT, ONE_HOT_SUMS
from pylms.ir.ops.tensors import MATMUL, ONE_HOT
from pylms.ir.parser import parse_function
from pylms.ir.verify import verify
from pylms.passes.dce import EliminateDeadCode
from pylms.passes.one_hot_products import OneHotProducts
from tests.backends.cpp.native import RecordingHost, compile_all

DEPTH, COLUMNS = 7, 21


def program(
    *,
    rows: int = 20,
    on_the_left: bool = True,
    hot_turned: bool = False,
    other_turned: bool = False,
    moved: bool = False,
) -> Function:
    """The product of one_hot(index[rows]), seven wide, and another matrix, as buffers index, x and y.

    `moved`: the one-hot tensor is [rows / 4, 4, 7] first, and its first dimensions change places.
    """
    inner, outer = (rows, DEPTH) if hot_turned == on_the_left else (DEPTH, rows)
    x = (inner, COLUMNS) if on_the_left else (COLUMNS, inner)
    y = (outer, COLUMNS) if on_the_left else (COLUMNS, outer)
    stored = x[::-1] if other_turned else x
    index = f"{rows // 4}x4" if moved else f"{rows}"
    lines = [
        f"function @f(%0.index: buffer<int64[{index}]>, %1.x: buffer<float32[{stored[0]}x{stored[1]}]>, "
        f"%2.y: buffer<float32[{y[0]}x{y[1]}]>) {{",
        f"  %3: tensor<int64[{index}]> = load %0.index",
        f"  %4: tensor<float32[{stored[0]}x{stored[1]}]> = load %1.x",
        f"  %5: tensor<int64[{index}x{DEPTH}]> = one_hot %3 {{depth = {DEPTH}, dtype = int64}}",
        f"  %6: tensor<float32[{index}x{DEPTH}]> = convert %5 {{dtype = float32}}",
    ]
    hot = 6
    if moved:
        turned = f"4x{rows // 4}x{DEPTH}"
        lines += [
            f"  %7: tensor<float32[{turned}]> = transpose %6 {{permutation = (1, 0, 2)}}",
            f"  %8: tensor<float32[{rows}x{DEPTH}]> = reshape %7 {{shape = ({rows}, {DEPTH})}}",
        ]
        hot = 8
    flags = (hot_turned, other_turned) if on_the_left else (other_turned, hot_turned)
    operands = f"%{hot}, %4" if on_the_left else f"%4, %{hot}"
    lines += [
        f"  %9: tensor<float32[{y[0]}x{y[1]}]> = matmul {operands} "
        f"{{transpose_a = {flags[0]}, transpose_b = {flags[1]}}}",
        "  store %2.y, %9",
        "  return",
        "}",
    ]
    return parse_function("\n".join(lines))


def counts(function: Function) -> list[int]:
    found = [node.primitive for node in walk(function.body)]
    return [found.count(primitive) for primitive in (MATMUL, ONE_HOT, ONE_HOT_PRODUCT, ONE_HOT_SUMS)]


def without_matrix(function: Function) -> Function:
    for each in (OneHotProducts(), EliminateDeadCode()):
        function = each.run(function)
        verify(function)
    return function


def legalised(function: Function) -> Function:
    for each in PASSES:
        function = each.run(function)
    return function


CASES = [
    {"on_the_left": left, "hot_turned": hot, "other_turned": other, "moved": moved}
    for left in (True, False)
    for hot in (True, False)
    for other in (True, False)
    for moved in (True, False)
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_no_form_of_the_product_needs_the_matrix(case: dict[str, bool]) -> None:
    is_sum = case["hot_turned"] == case["on_the_left"]
    assert counts(without_matrix(program(**case))) == [0, 0, int(not is_sum), int(is_sum)]


def test_few_rows_are_left_alone() -> None:
    assert counts(without_matrix(program(rows=8))) == [1, 1, 0, 0]


def test_a_dimension_that_is_not_the_classes_is_left_alone() -> None:
    text = """function @f(%0.index: buffer<int64[7x4]>, %1.x: buffer<float32[28x3]>, %2.y: buffer<float32[28x3]>) {
      %3: tensor<int64[7x4]> = load %0.index
      %4: tensor<float32[28x3]> = load %1.x
      %5: tensor<float32[7x4x28]> = one_hot %3 {depth = 28, dtype = float32}
      %6: tensor<float32[28x28]> = reshape %5 {shape = (28, 28)}
      %7: tensor<float32[28x28]> = transpose %6 {permutation = (1, 0)}
      %9: tensor<float32[28x3]> = matmul %7, %4 {transpose_a = False, transpose_b = False}
      store %2.y, %9
      return
    }"""
    assert counts(without_matrix(parse_function(text))) == [1, 1, 0, 0]


def test_all_forms_mean_the_same_product() -> None:
    functions = [program(**case) for case in CASES]
    natives = compile_all([legalised(function) for function in functions])
    draw = np.random.default_rng(5)
    for special in ([], [np.inf], [np.nan, -np.inf]):
        for case, function, native in zip(CASES, functions, natives, strict=True):
            index, x, y = (np.zeros(param.type.shape, param.type.dtype.name) for param in function.body.params)
            index[...] = draw.integers(-1, DEPTH + 1, index.shape)  # some are outside: rows of zeros
            x[...] = draw.standard_normal(x.shape)
            for value in special:
                x[tuple(draw.integers(0, size) for size in x.shape)] = value
            results = []
            for run in (
                lambda arguments, function=function: interpret(function, arguments, host=RecordingHost()),
                lambda arguments, function=function: interpret(
                    without_matrix(function), arguments, host=RecordingHost()
                ),
                native,
            ):
                out = np.full_like(y, 9)
                run([index, x, out])
                results.append(out)
            assert np.isnan(results[0]).any() == bool(special)
            for found in results[1:]:
                np.testing.assert_allclose(found, results[0], rtol=1e-6, atol=1e-6, err_msg=str(case))
