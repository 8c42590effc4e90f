"""NumPy arrays as arguments of staged functions: one specialisation a layout, memory shared, overlap and refusals."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import numpy as np
import pytest

from pylms import stage
from pylms.errors import ArgumentError, StagedTypeError
from pylms.ir.interpret import interpret
from pylms.ir.types import FLOAT, FLOAT64, INT, SHARED_REGION, ArrayType, Region
from pylms.runtime import ctypes_call, native
from pylms.staging.parameters import ArrayParameter
from tests.harness.array_law import types_of
from tests.harness.law import PrintingHost, staged_of


@pytest.fixture(params=["binding", "ctypes"])
def make_staged(request, monkeypatch):
    """`stage`, over each way of calling native code."""
    if request.param == "ctypes":
        monkeypatch.setattr(native, "load_binding", lambda options: None)
    return stage


def total(a):
    s = 0.0
    for i in range(len(a)):
        s += a[i]
    return s


def shift(source, target):
    for i in range(len(source)):
        target[i] = source[i] + 1.0


def float64s(*, dense=True, writeable=True, region=1):
    return ArrayParameter(ArrayType(FLOAT64, 1, dense, Region(region)), writeable)


def test_one_specialisation_a_layout(make_staged):
    staged = make_staged(total)
    base = np.arange(6.0)
    for _ in range(2):
        assert [staged(base), staged(base[::2]), staged(base[::-1]), staged(np.arange(3.0))] == [15.0, 6.0, 15.0, 3.0]
    assert staged.signatures == [(float64s(),), (float64s(dense=False),)]
    assert staged(np.arange(4, dtype=np.int32)) == 6.0
    assert len(staged.signatures) == 3


def test_a_fortran_ordered_array_is_a_strided_one(make_staged):
    @make_staged
    def corner(a):
        return a[1, 2]

    array = np.arange(6.0).reshape(2, 3)
    assert corner(array) == corner(np.asfortranarray(array)) == 5.0
    assert [type_.type.is_dense for (type_,) in corner.signatures] == [True, False]


def test_memory_is_shared(make_staged):
    staged = make_staged(shift)
    source, target = np.arange(3.0), np.zeros(3)
    staged(source, target)
    assert target.tolist() == [1.0, 2.0, 3.0]
    view = np.zeros((3, 2))
    staged(source, view[:, 1])
    assert view.tolist() == [[0.0, 1.0], [0.0, 2.0], [0.0, 3.0]]


def test_arrays_that_overlap_are_another_signature(make_staged):
    staged = make_staged(shift)
    for _ in range(2):
        apart, together, expected = np.arange(6.0), np.arange(6.0), np.arange(6.0)
        staged(apart, np.zeros(6))
        staged(together[:-1], together[1:])
        shift(expected[:-1], expected[1:])
        assert together.tolist() == expected.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    shared = ArrayParameter(ArrayType(FLOAT64, 1, True, SHARED_REGION))
    assert staged.signatures == [(float64s(), float64s(region=2)), (shared, shared)]


def test_whichever_comes_first_the_other_is_specialised_too(make_staged):
    staged = make_staged(shift)
    array = np.zeros(4)
    staged(array, array)
    staged(array, np.zeros(4))
    assert len(staged.signatures) == 2
    assert "__restrict" in staged.inspect_c(staged.signatures[1])
    assert "__restrict" not in staged.inspect_c(staged.signatures[0])


def test_arrays_that_are_only_read_may_overlap(make_staged):
    @make_staged
    def dot(a, b):
        s = 0.0
        for i in range(len(a)):
            s += a[i] * b[i]
        return s

    array = np.arange(4.0)
    assert [dot(array, array), dot(array, np.ones(4)), dot(array[:3], array[1:])] == [14.0, 6.0, 8.0]
    assert len(dot.signatures) == 1


def test_a_read_only_array_can_be_read(make_staged):
    array = np.arange(3.0)
    array.flags.writeable = False
    staged = make_staged(shift)
    staged(array, target := np.zeros(3))
    assert target.tolist() == [1.0, 2.0, 3.0]


def test_writing_into_a_read_only_array_is_an_error_before_anything_runs(make_staged):
    array = np.zeros(3)
    array.flags.writeable = False
    staged = make_staged(shift)
    with pytest.raises(StagedTypeError, match="assignment destination is read-only: the array passed as `target`") as e:
        staged(np.arange(3.0), array)
    assert "target[i] = source[i] + 1.0" in str(e.value) and "writeable" in str(e.value)
    staged(np.arange(3.0), np.zeros(3))
    with pytest.raises(StagedTypeError, match="read-only"):
        staged(np.arange(3.0), array)
    assert array.tolist() == [0.0, 0.0, 0.0]


def test_a_read_only_view_of_a_written_array_can_be_read(make_staged):
    array = np.zeros(3)
    view = array[:]
    view.flags.writeable = False
    make_staged(shift)(view, array)
    assert array.tolist() == [1.0, 1.0, 1.0]


def test_keywords_and_defaults_take_arrays(make_staged):
    @make_staged
    def scaled(a, *, factor=2.0):
        return a[0] * factor

    assert scaled(a=np.array([3.0])) == 6.0
    assert scaled(np.array([3.0]), factor=5.0) == 15.0


def test_arrays_without_elements(make_staged):
    assert make_staged(total)(np.zeros(0)) == 0.0
    assert make_staged(total)(np.zeros(5)[3:3:2]) == 0.0


def test_an_array_annotation_takes_any_array(make_staged):
    @make_staged
    def first(a: np.ndarray, n: int):
        return a[n]

    assert first(np.array([1.0, 2.0]), 1) == 2.0
    assert first(np.array([1, 2], np.int8), 0) == 1
    with pytest.raises(ArgumentError, match="argument `a` of first is declared an array, and a float was passed"):
        first(1.0, 0)
    with pytest.raises(ArgumentError, match="argument `n` of first is declared int, and an array of float64 was"):
        first(np.zeros(1), np.zeros(1))


def test_what_an_unknown_array_becomes_cannot_be_shown(make_staged):
    @make_staged
    def first(a: np.ndarray):
        return a[0]

    with pytest.raises(ArgumentError, match="`a` of first is an array of no known dtype and rank"):
        print(first.code)
    signature = (float64s(),)
    assert "array<float64[:]@1>" in first.inspect_ir(signature)


def test_results_are_views_as_they_are_in_python(make_staged):
    @make_staged
    def parts(a, n):
        return a, a[n:], a[::-2]

    array = np.arange(6.0)
    for _ in range(2):
        whole, rest, backwards = parts(array, 2)
        assert (whole.tolist(), rest.tolist(), backwards.tolist()) == ([0, 1, 2, 3, 4, 5], [2, 3, 4, 5], [5, 3, 1])
        assert all(np.shares_memory(part, array) for part in (whole, rest, backwards))
    rest[0] = 7.0
    assert array[2] == 7.0
    array.flags.writeable = False
    assert not parts(array, 2)[1].flags.writeable
    assert parts(array, 6)[1].shape == (0,)


def test_one_result_is_not_a_tuple(make_staged):
    @make_staged
    def rest(a):
        return a[1:]

    assert rest(np.arange(3.0)).tolist() == rest(np.arange(3.0)).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8"])
def test_numpy_numbers_go_in_and_come_out_natively(make_staged, dtype, monkeypatch):
    @make_staged
    def plus(a, x):
        return a[0], x, a[0] + x

    kind = np.dtype(dtype).type
    array = np.array([kind(100)])
    expected = (array[0], kind(27), array[0] + kind(27))
    assert plus(array, kind(27)) == expected
    monkeypatch.setattr(type(plus.owner), "call_slow", None)
    result = plus(array, kind(27))
    assert result == expected and [type(each) for each in result] == [kind] * 3


def test_numbers_beyond_63_bits_travel(make_staged):
    @make_staged
    def same(x):
        return x

    assert same(np.uint64(2**64 - 1)) == same(np.uint64(2**64 - 1)) == np.uint64(2**64 - 1)
    assert type(same(np.bool_(True))) is bool


def packed():
    return np.zeros(2, np.dtype([("pad", "u1"), ("value", "f8")]))["value"]


REFUSED = {
    "object": (lambda: np.zeros(2, object), "an array of object, which compiled code cannot take"),
    "complex": (lambda: np.zeros(2, complex), "an array of complex128, which"),
    "float16": (lambda: np.zeros(2, np.float16), "an array of float16, which"),
    "datetime": (lambda: np.zeros(2, "M8[s]"), r"an array of datetime64\[s\], which"),
    "text": (lambda: np.zeros(2, "U3"), "an array of str96, which"),
    "fields": (lambda: np.zeros(2, "f8,f8"), "an array of void128, which"),
    "other byte order": (lambda: np.zeros(2, ">f8"), "an array whose float64 have their bytes in the other order"),
    "unaligned": (packed, "an array whose elements do not lie at multiples of their size"),
    "matrix": (lambda: np.zeros((1, 1)).view(np.matrix), "a matrix, a kind of array of its own"),
    "masked": (lambda: np.ma.masked_array([1.0]), "a MaskedArray, a kind of array of its own"),
}
if np.lib.NumpyVersion(np.__version__) >= "2.0.0":
    REFUSED["33 dimensions"] = lambda: np.zeros((1,) * 33), "an array of 33 dimensions, which"


@pytest.mark.parametrize("name", REFUSED)
def test_refused_arrays_are_named(make_staged, name):
    make, message = REFUSED[name]
    staged = make_staged(total)
    staged(np.zeros(1))
    array = make()
    with pytest.raises(ArgumentError, match=f"argument `a` of total is {message}") as caught:
        staged(array)
    assert "staged(array)" in str(caught.value) and "\nhelp: " in str(caught.value)


def test_threads_meet_new_signatures_at_once(make_staged):
    staged = make_staged(total)
    arrays = [np.arange(n, dtype=dtype) for n in range(20) for dtype in (np.float64, np.int16, np.uint8)]
    wrong = []

    def work():
        wrong.extend(array for array in arrays for _ in range(5) if staged(array) != array.sum())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(staged.signatures) == 3


def test_without_numpys_headers_arrays_go_through_ctypes(monkeypatch):
    staged = stage(total)
    monkeypatch.setattr(native, "load_binding", lambda options: SimpleNamespace(takes_numpy=False))
    assert staged(np.arange(3.0)) == staged(np.arange(3.0)) == 3.0
    assert staged.natives == ()
    [compiled] = [each.compiled for each in staged.owner._specialisations.values()]
    assert type(compiled.native) is ctypes_call.NativeFunction


def test_types_are_told_by_the_signature():
    @stage
    def mixed(a, n, x):
        return a[n] + x

    mixed(np.zeros(2), 1, 0.5)
    assert mixed.signatures == [(float64s(), INT, FLOAT)]
    assert [str(type_) for type_ in mixed.signatures[0]] == ["array<float64[:]@1>", "int", "float"]
    assert str(float64s(writeable=False)) == "read-only array<float64[:]@1>"


def test_index_errors_are_numpys_own():
    def element(a, i):
        return a[i]

    def at(a, i, j):
        a[i, j] = 1.0
        return a[i].sum()

    def known(a, i):
        return (1, 2, 3)[i] + [4, 5][i]

    def message(function, *arguments):
        try:
            return function(*arguments)
        except IndexError as error:
            return str(error)

    row, grid = np.zeros(3), np.zeros((2, 3))
    for function, arguments in (
        (element, [(row, 5), (row, -4), (row, 2), (np.zeros(0), 0)]),
        (at, [(grid, 1, 3), (grid, -3, 0), (grid, 2, 9), (grid, -2, -3)]),
        (known, [(row, 0), (row, 2), (row, 3), (row, -4)]),
    ):
        staged = stage(function)
        for each in arguments:
            assert message(staged, *each) == message(function, *each)
            ir, values = staged_of(function, *types_of(each)), [*each]
            owners = [capture.owner for capture in ir.captures]
            found = message(lambda *given, ir=ir: interpret(ir.function, given, host=PrintingHost()), *values, *owners)
            assert isinstance(found, tuple) or found == message(function, *each)
