"""NumPy's numbers in lists and dicts of the run: they stay NumPy's, and lists of numbers become arrays."""

import numpy as np
import pytest

from pylms import PylmsError, stage

FLOATS = np.array([3.0, 1.0, 2.0, 1.0])
INTS = np.array([5, -7, 5, 2**62])


def kept(xs):
    out = []
    for x in xs:
        out.append(x)
    return out, out[0], out[-1] + 1, sum(out), max(out), min(out), len(out)


def moving(xs, width):
    out, total = [], 0.0
    for i, x in enumerate(xs):
        total += x
        if i >= width:
            total -= xs[i - width]
        if i >= width - 1:
            out.append(total / width)
    return np.array(out)


def counted(xs):
    found = {}
    for x in xs:
        found[x] = found.get(x, 0) + 1
    return found


def grouped(xs, keys):
    found = {}
    for x, key in zip(xs, keys):
        if key in found:
            found[key] += x
        else:
            found[key] = x
    return found


def filtered(xs):
    return [x * 2 for x in xs if x > 1]


def numbered(xs):
    return [(i, x) for i, x in enumerate(xs)]


def rising(xs):
    stack = []
    for x in xs:
        while stack and stack[-1] > x:
            stack.pop()
        stack.append(x)
    print(stack)
    return sorted(stack), xs[0] in stack, stack == stack[::-1]


def arrays(n):
    squares = [k * k for k in range(n + 1)]
    return np.array(squares), np.array(squares, dtype=np.float32), np.array([k / 2 for k in range(n + 1)]).sum()


def listed(xs):
    return list(xs), sorted(xs), sorted(xs, reverse=True), list(enumerate(xs)), list(zip(xs, range(3)))


def same(left, right):
    """Equal, and of the same types all through."""
    if type(left) is not type(right):
        return False
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return same(list(left), list(right)) and same(list(left.values()), list(right.values()))
    if isinstance(left, np.ndarray):
        return left.dtype == right.dtype and np.array_equal(left, right)
    return bool(left == right)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (kept, (FLOATS,)),
        (kept, (INTS[:3],)),
        (moving, (FLOATS, 2)),
        (moving, (FLOATS, 9)),
        (counted, (INTS,)),
        (counted, (FLOATS,)),
        (grouped, (FLOATS, INTS)),
        (filtered, (FLOATS,)),
        (filtered, (INTS[:3],)),
        (numbered, (INTS,)),
        (rising, (FLOATS,)),
        (arrays, (4,)),
        (listed, (FLOATS,)),
        (listed, (INTS,)),
    ],
)
def test_numbers_of_numpy_stay_such(function, arguments, capsys):
    expected = function(*arguments)
    printed = capsys.readouterr().out
    found = stage(function)(*arguments)
    assert same(found, expected), (found, expected)
    assert capsys.readouterr().out == printed


def kept_as_they_are(xs):
    return [x for x in xs]


def words(texts):
    return np.array([text + "!" for text in texts])


@pytest.mark.parametrize(
    ("function", "argument", "text"),
    [
        (kept_as_they_are, FLOATS.astype(np.float32), "a NumPy float32 cannot be put into a staged list or dict"),
        (kept_as_they_are, INTS.astype(np.uint8), "a NumPy uint8 cannot be put into a staged list or dict"),
        (words, ["a"], "`np.array` of a staged str, dict, or list of others than numbers is not supported yet"),
    ],
)
def test_what_is_refused(function, argument, text):
    with pytest.raises(PylmsError) as caught:
        stage(function)(argument)
    assert text in str(caught.value)
    assert "test_numpy_in_containers.py:" in str(caught.value)
