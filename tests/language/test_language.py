"""docs/language.md says what is so: every row is run, and the page has every row."""

from __future__ import annotations

import contextlib
import copy
import io
import math
from typing import Any

import numpy as np
import pytest

from pylms import PylmsError, stage

from . import programs  # noqa: F401 - fills ROWS
from .__main__ import PAGE
from .rows import ROWS, Row, page


def outcome(run: Any, arguments: tuple[Any, ...]) -> tuple[Any, str, tuple[Any, ...]]:
    """The result or the exception's type, what was printed, and the arguments afterwards."""
    own = copy.deepcopy(arguments)
    printed = io.StringIO()
    result: Any
    with contextlib.redirect_stdout(printed), np.errstate(all="ignore"):
        try:
            result = run(*own)
        except PylmsError:
            raise
        except Exception as error:
            result = type(error)
    return result, printed.getvalue(), own


def same(left: Any, right: Any) -> bool:
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        both = isinstance(left, np.ndarray) and isinstance(right, np.ndarray)
        return both and left.dtype == right.dtype and np.array_equal(left, right, equal_nan=left.dtype.kind == "f")
    if isinstance(left, (tuple, list)) and type(left) is type(right):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, float) and isinstance(right, float):
        return type(left) is type(right) and (left == right or (math.isnan(left) and math.isnan(right)))
    return type(left) is type(right) and left == right


def check_runs(row: Row) -> None:
    compiled = stage(row.program)
    for arguments in row.arguments:
        expected, found = outcome(row.program, arguments), outcome(compiled, arguments)
        assert expected[0] is not NameError and expected[0] is not AttributeError, "the program itself is wrong"
        assert all(map(same, expected, found)), f"{arguments}: {found}, and Python gives {expected}"


def check_is_refused(row: Row, program: Any) -> None:
    assert row.error is not None
    name, message = row.error
    with pytest.raises(PylmsError) as caught:
        stage(program)(*copy.deepcopy(row.arguments[0] if row.arguments else ()))
    assert type(caught.value).__name__ == name
    assert message in str(caught.value)
    assert caught.value.loc is not None


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.section}-{row.program.__name__}")
def test_every_row_is_so(row: Row) -> None:
    if row.status == "refused":
        check_is_refused(row, row.program)
        return
    check_runs(row)
    if row.status == "static":
        check_is_refused(row, row.refused_program)


def test_the_page_has_these_rows() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew: python -m tests.language"
