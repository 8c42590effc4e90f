"""Matrices of derivatives, row by row: staged code like any user's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .decorators import lms
from .rep import staged


@lms
def jacobian_of_arrays(pull_back: Callable[[Any], Any], value: Any, variable: Any) -> Any:
    """The derivatives of each element of an array by each of another, of the shape of the one followed by the other's.

    `pull_back` gives, from an array like `value`, the sum of it times the derivatives of `value`.
    """
    result = np.zeros(value.shape + variable.shape, dtype=value.dtype)
    rows = result.reshape(value.size, variable.size)
    for number in range(value.size):
        unit = np.zeros(value.size, dtype=value.dtype)
        unit[number] = 1.0
        rows[number] = pull_back(unit.reshape(value.shape)).ravel()
    return result


@lms
def jacobian_of_tensors(pull_back: Callable[[Any], Any], value: Any, variable: Any) -> Any:
    """The same for tensors of PyTorch; the result has the dtype of `variable`."""
    size = value.numel()
    columns = variable.numel()
    rows = variable.new_zeros(size, columns)
    numbers: Any = staged(range(size))
    for number in numbers:
        unit = value.new_zeros(size)
        unit[number] = 1.0
        rows[number] = pull_back(unit.reshape(value.shape)).reshape(columns)
    return rows.reshape(tuple(value.shape) + tuple(variable.shape))
