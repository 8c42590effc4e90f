"""`%` of a string literal with values of the run: the text that Python makes."""

import numpy as np
import pytest

from pylms import PylmsError, stage
from tests.harness.law import check_law

REALS = (0.0, -0.0, 1.0, -2.5, 1e-7, 123456789.125, 1e22, float("nan"), float("inf"), -float("inf"))


def of_reals(x):
    print("loss: %.4f" % x)
    print("%f|%e|%g|%8.2f|%-9.3f|%+.1f|% .2f|%010.3f|%.0f|%s|%r" % (x, x, x, x, x, x, x, x, x, x, x))
    print("%F %E %G %12s|%-12s|%%" % (x, x, x, x, x))
    return x


def test_reals():
    check_law(of_reals, *[(x,) for x in REALS])


def of_ints(n, x):
    print("[%d/%d] %i %u %5d|%-5d|%05d|%+d|% d" % (n, 7, n, n, n, n, n, n, n))
    print("%x %X %o %08x {%d} %.1f %g %s %4s|" % (n, n, n, n, n, n, n, n, n))
    print("%d" % n, "%d" % x, "%(a)03d-%(b)s" % {"a": n, "b": x})
    return "%d of {%d}" % (n, 3)


def test_ints():
    check_law(of_ints, *[(n, x) for n in (0, 7, -1, 255, 2**63 - 1, -(2**63)) for x in (0.5, -3.99)])


def of_texts(s, flag):
    return (
        "%s %r|%6s|%-6s|%.2s" % (s, s, s, s, s),
        "%s" % flag,
        "%d%%" % flag,
        "%5s %s" % ("é", (s, 1)),
        "%a %.s|" % (s, s),
    )


def test_texts():
    check_law(of_texts, *[(s, flag) for s in ("", "ab", "a{b}c%d", "hé") for flag in (True, False)])


def of_no_digits(n, x):
    return "%()d" % {"": n}, "%.f|%.e" % (x, x)


def test_an_empty_name_is_a_key_and_an_empty_precision_is_zero():
    check_law(of_no_digits, (3, 2.5), (-1, 1e22))


def too_few(n):
    return "%d %d" % (n,)  # noqa: F507 - what Python says


def too_many(n):
    return "%d" % (n, n)  # noqa: F507 - what Python says


def no_number(s):
    return "%d" % s


@pytest.mark.parametrize(("function", "argument"), [(too_few, 1), (too_many, 1), (no_number, "a")])
def test_what_does_not_fit_is_python_s_error(function, argument):
    with pytest.raises(TypeError) as expected:
        function(argument)
    with pytest.raises(TypeError) as found:
        stage(function)(argument)
    assert str(found.value).splitlines()[0] in str(expected.value) or "test_percent.py" in str(found.value)


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (lambda n: "%#x" % n, "`%#x` of a staged value is not supported yet"),
        (lambda n: "%.3d" % n, "`%.3d` of a staged value is not supported yet"),
        (lambda n: "%c" % n, "`%c` of a staged value is not supported yet"),
        (lambda n: "%s" % {"a": n}, "a dict that holds staged values cannot be printed yet"),
        (lambda n: "%*d" % (4, n), "a width or precision of `*` beside staged values is not supported yet"),
    ],
)
def test_what_is_refused(function, text):
    with pytest.raises(PylmsError) as caught:
        stage(function)(65)
    assert text in str(caught.value)
    assert "test_percent.py:" in str(caught.value)


def test_a_numpy_float_is_no_whole_number():
    compiled = stage(lambda x: "%x" % x)
    with pytest.raises(TypeError, match="%x format: an integer is required"):
        compiled(np.float32(1.0))
    assert stage(lambda x: "%d %.2f" % (x, x))(np.float32(1.5)) == "1 1.50"
