"""Small arrays of named elements become values; others stay arrays."""

import numpy as np
import pytest

from pylms import stage


def rotated(x, n):
    v = np.zeros((2, 2))
    v[0, 0] = x
    for i in range(n):
        kept = v[0, 0]
        v[0, 0] = v[0, 1] + i
        v[0, 1] = v[1, 1]
        v[-1, -1] = v[1, 0]
        v[1, 0] = kept
    return v[0, 0] + 10 * v[0, 1] + 100 * v[1, 0] + 1000 * v[1, 1]


def chosen(x, k):
    v = np.zeros(4)
    v[1] = x
    return v[k]


def given_back(x):
    v = np.zeros(2)
    v[1] = x
    return v


def made_anew_each_round(n):
    total = 0.0
    for i in range(n):
        v = np.zeros(2)
        v[0] += i
        total += v[0] + v[1]
    return total


@pytest.mark.parametrize("n", [0, 1, 2, 7])
def test_elements_become_values(n: int) -> None:
    for program, arguments in ((rotated, (2.5, n)), (made_anew_each_round, (n,))):
        compiled = stage(program)
        assert compiled(*arguments) == program(*arguments)
        assert "array_new" not in compiled.inspect_ir()


def test_what_is_indexed_by_the_run_or_leaves_stays_an_array() -> None:
    compiled = stage(chosen)
    assert [compiled(2.5, k) for k in (0, 1, -3)] == [0.0, 2.5, 2.5]
    with pytest.raises(IndexError):
        compiled(2.5, 4)
    assert "array_new" in compiled.inspect_ir()
    assert stage(given_back)(2.5).tolist() == [0.0, 2.5]
