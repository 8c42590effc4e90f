"""Regions, joins, gathers and scatters: what they mean, next to NumPy, and what their types refuse."""

from __future__ import annotations

import numpy as np
import pytest

from pylms.errors import StagedTypeError
from pylms.ir.builder import Builder
from pylms.ir.interpret import interpret
from pylms.ir.node import Function
from pylms.ir.ops.tensor_gathers import ORDER, SCATTER_ADD, SCATTER_ADD_ALONG, TAKE, TAKE_ALONG
from pylms.ir.ops.tensor_regions import CONCAT, PLACE, SLICE
from pylms.ir.ops.tensors import BATCH_MATMUL
from pylms.ir.parser import parse_function
from pylms.ir.printer import print_function
from pylms.ir.types import FLOAT64, INT64, TensorType
from pylms.ir.verify import verify
from pylms.loc import Loc
from tests.backends.cpp.native import RecordingHost

X = np.arange(24.0).reshape(2, 3, 4)
INDEX = np.array([[2, 0], [1, 7]])


def built(primitive, arrays, attrs) -> Function:
    builder = Builder()
    types = [TensorType(FLOAT64 if array.dtype.kind == "f" else INT64, array.shape) for array in arrays]
    params = [builder.fresh(type_) for type_ in types]
    with builder.block(params) as scope:
        results = builder.emit(primitive, params, loc=Loc("f.py", 1), attrs=attrs)
        body = scope.finish(results)
    return Function("f", body, Loc("f.py", 1))


def padded(x):
    result = np.zeros((4, 6))
    result[3:0:-2, 1:5] = x
    return result


def summed(updates, positions, size):
    result = np.zeros((updates.shape[0], size, updates.shape[2]))
    for row in range(updates.shape[1]):
        result[:, positions[row]] += updates[:, row]
    return result


TIES = np.array([[2.0, -np.inf, 2.0, np.nan, 0.0], [0.0, -0.0, 0.0, -0.0, 0.0]])
MEANINGS = {
    "slice": (SLICE, [X], {"starts": (1, 2, 3), "sizes": (1, 2, 2), "steps": (1, -2, -3)}, X[1:, 2::-2, 3::-3]),
    "an empty slice": (SLICE, [X], {"starts": (0, 3, 0), "sizes": (2, 0, 4), "steps": (1, 1, 1)}, X[:, 3:]),
    "place": (PLACE, [X[0, :2]], {"shape": (4, 6), "starts": (3, 1), "steps": (-2, 1)}, padded(X[0, :2])),
    "concat": (CONCAT, [X, X[:, :1], X[:, :0]], {"axis": 1}, np.concatenate([X, X[:, :1]], 1)),
    "take, what is beyond being the last": (TAKE, [X, INDEX], {"axis": 1}, X[:, [[2, 0], [1, 2]]]),
    "take of one": (TAKE, [X, np.array(-1)], {"axis": 2}, X[:, :, 0]),
    "scatter_add": (
        SCATTER_ADD,
        [np.array([2, 0, 2]), X],
        {"axis": 1, "size": 3},
        summed(X, [2, 0, 2], 3),
    ),
    "take_along": (TAKE_ALONG, [X[0, :2], INDEX], {"axis": 1}, np.array([[2.0, 0.0], [5.0, 7.0]])),
    "scatter_add_along": (
        SCATTER_ADD_ALONG,
        [np.array([[1, 1], [0, 9]]), X[0, :2, :2]],
        {"axis": 1, "size": 3},
        np.array([[0.0, 1.0, 0.0], [4.0, 0.0, 5.0]]),
    ),
    "order": (ORDER, [TIES], {"descending": False}, np.array([[1, 4, 0, 2, 3], [0, 1, 2, 3, 4]])),
    "order from the greatest on": (ORDER, [TIES], {"descending": True}, np.array([[3, 0, 2, 4, 1], [0, 1, 2, 3, 4]])),
    "batch_matmul": (
        BATCH_MATMUL,
        [X, X],
        {"transpose_a": False, "transpose_b": True},
        X @ X.transpose(0, 2, 1),
    ),
}


@pytest.mark.parametrize("name", MEANINGS)
def test_meaning(name: str) -> None:
    primitive, arrays, attrs, expected = MEANINGS[name]
    function = built(primitive, arrays, attrs)
    verify(function)
    text = print_function(function)
    assert print_function(parse_function(text)) == text
    (found,) = interpret(function, [array.copy() for array in arrays], host=RecordingHost())
    np.testing.assert_array_equal(found, expected)


REFUSED = {
    "a slice beyond the end": (SLICE, [X[0]], {"starts": (0, 2), "sizes": (3, 3), "steps": (1, 1)}, "do not lie in"),
    "a step of zero": (SLICE, [X[0]], {"starts": (0, 0), "sizes": (3, 2), "steps": (1, 0)}, "are no region of"),
    "a place that is too small": (PLACE, [X[0]], {"shape": (3, 3), "starts": (0, 0), "steps": (1, 1)}, "do not lie in"),
    "parts that differ": (CONCAT, [X[0], X[0, :2, :3]], {"axis": 0}, "do not join along dimension 0"),
    "positions that are floats": (TAKE, [X, X], {"axis": 0}, "positions are integers"),
    "nothing to take": (TAKE, [X[:, :0], INDEX], {"axis": 1}, "no position in an empty dimension"),
    "updates that do not fit": (SCATTER_ADD, [INDEX, X], {"axis": 1, "size": 3}, "does not have the dimensions of"),
    "positions that do not fit": (TAKE_ALONG, [X[0], INDEX], {"axis": 1}, "does not fit"),
    "batches of two sizes": (BATCH_MATMUL, [X, X[:1]], {"transpose_a": False, "transpose_b": True}, "as many matrices"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_types_that_do_not_fit(name: str) -> None:
    primitive, arrays, attrs, message = REFUSED[name]
    with pytest.raises(StagedTypeError, match=message):
        built(primitive, arrays, attrs)
