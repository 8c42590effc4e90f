"""A matrix that several products read transposed is transposed once."""

from __future__ import annotations

import pytest

from pylms.passes.share_transposes import ShareTransposes
from tests.passes.before_after import check, check_unchanged


def program(rows: int, *lines: str) -> str:
    """Products of h[rows, 3] and the transposed w[5, 3]."""
    return "\n".join(
        [
            f"function @f(%0.h: buffer<float32[{rows}x3]>, %1.w: buffer<float32[5x3]>, "
            f"%2.y: buffer<float32[{rows}x5]>) {{",
            f"  %3: tensor<float32[{rows}x3]> = load %0.h",
            "  %4: tensor<float32[5x3]> = load %1.w",
            *(f"  {line}" for line in lines),
            "  store %2.y, %9",
            "  return",
            "}",
        ]
    )


def product(number: int, right: int, *, transposed: bool, rows: int = 8) -> str:
    flags = f"{{transpose_a = False, transpose_b = {transposed}}}"
    return f"%{number}: tensor<float32[{rows}x5]> = matmul %3, %{right} {flags}"


TURNED = "%5: tensor<float32[3x5]> = transpose %4 {permutation = (1, 0)}"
SUM = "%9: tensor<float32[8x5]> = add %6, %7"


def test_two_products_transpose_their_matrix_once() -> None:
    before = program(8, product(6, 4, transposed=True), product(7, 4, transposed=True), SUM)
    wanted = program(8, TURNED, product(6, 5, transposed=False), product(7, 5, transposed=False), SUM)
    check(before, wanted, ShareTransposes())


@pytest.mark.parametrize("rows", [2, 8])
def test_a_single_product_and_few_rows_are_left_alone(rows: int) -> None:
    products = [product(9, 4, transposed=True, rows=rows)]
    if rows == 2:
        products.insert(0, product(6, 4, transposed=True, rows=rows))
    text = program(rows, *products)
    check_unchanged(text, ShareTransposes())
