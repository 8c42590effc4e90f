"""NumPy arrays given to native code and made of its results, through the binding and through its fallback."""

from __future__ import annotations

import gc
import math
import subprocess
import sys
import threading
import tracemalloc

import numpy as np
import pytest

SUM = (
    "long long n = args[1].i; double *a = (double *)args[0].p; for (long long k = 0; k < n; ++k) results[0].f += a[k];"
)
SUM = """
    results[0].f = 0;
    for (long long k = 0; k < args[1].i; ++k) results[0].f += ((double *)args[0].p)[k];
"""
SUM_STRIDED = """
    results[0].f = 0;
    for (long long k = 0; k < args[1].i; ++k) results[0].f += ((double *)args[0].p)[k * args[2].i];
"""
# Writes what it got, one slot after another, into the array that comes last.
SHOW_SLOTS = "long long *out = (long long *)args[{slots}].p; for (int k = 0; k < {slots}; ++k) out[k] = args[k].i;"
IOTA = """
    long long n = args[0].i; double *a = (double *)context->allocate(context, n * 8);
    if (!a) return -1;
    for (long long k = 0; k < n; ++k) a[k] = k;
    results[0].p = a; results[1].i = n;
"""

DTYPES = [
    ("b1", "bool"),
    *[(f"i{size}", f"int{8 * size}") for size in (1, 2, 4, 8)],
    *[(f"u{size}", f"uint{8 * size}") for size in (1, 2, 4, 8)],
    ("f4", "float32"),
    ("f8", "float64"),
]


@pytest.fixture
def slots_of(make):
    """The slots that native code gets for an array of those codes, the address counted from the array's own."""

    def slots_of_array(codes, array, count):
        out = np.zeros(count, np.int64)
        make(SHOW_SLOTS.format(slots=count), f"[{codes}][i8,1,C,w]", "")(array, out)
        return [out[0] - array.ctypes.data, *out[1:]]

    return slots_of_array


def test_a_dense_array_is_an_address_and_extents(slots_of):
    assert slots_of("f8,3,C,r", np.zeros((2, 3, 4)), 4) == [0, 2, 3, 4]
    assert slots_of("f8,0,C,r", np.zeros(()), 1) == [0]
    assert slots_of("f8,2,C,r", np.zeros((0, 5)), 3) == [0, 0, 5]


def test_any_other_layout_has_strides_in_elements(slots_of):
    base = np.zeros((4, 6), np.float32)
    assert slots_of("f4,2,S,r", base.T, 5) == [0, 6, 4, 1, 6]
    assert slots_of("f4,2,S,r", base[::-2, 1::3], 5) == [0, 2, 2, -12, 3]
    assert slots_of("f4,2,S,r", np.broadcast_to(np.float32(1), (3, 2)), 5) == [0, 3, 2, 0, 0]
    assert slots_of("f8,1,S,r", np.zeros(3, np.complex128).imag, 3) == [0, 3, 2]


def test_a_stride_that_is_never_used_may_be_odd(slots_of):
    single = np.lib.stride_tricks.as_strided(np.zeros((2, 8)), (2, 1), (64, 3))
    assert slots_of("f8,2,S,r", single[:, :], 5) == [0, 2, 1, 8, 0]


@pytest.mark.parametrize(("code", "name"), DTYPES)
def test_each_dtype_fits_its_own_code_alone(make, code, name):
    array = np.zeros(2, name)
    for other, _ in DTYPES:
        function = make("results[0].i = args[1].i;", f"[{other},1,C,r]", "i")
        if other == code:
            assert function(array) == 2
        else:
            with pytest.raises(TypeError, match="takes exactly 1 positional arguments"):
                function(array)


def test_both_names_of_a_c_type_fit(make):
    function = make("results[0].i = args[1].i;", "[i8,1,C,r]", "i")
    assert function(np.zeros(3, np.longlong)) == function(np.zeros(3, np.dtype("l"))) == 3


class Kind(np.ndarray):
    pass


def misaligned():
    return np.zeros(17, np.uint8)[1:].view(np.float64)


def read_only():
    array = np.zeros(2)
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 2)),
        np.zeros(()),
        np.zeros(4)[::2],
        np.zeros(2, ">f8"),
        np.zeros(2, np.float16),
        np.zeros(2, complex),
        np.zeros(2, object),
        np.zeros(2, "M8[s]"),
        np.zeros(2, "S8"),
        np.zeros(2, "f8,f8"),
        np.zeros(2).view(Kind),
        misaligned(),
        read_only(),
        [0.0, 0.0],
        1.0,
        None,
    ],
)
def test_what_does_not_fit_is_a_type_error(make, array):
    with pytest.raises(TypeError, match=r"exactly 1 positional arguments, of types '\[f8,1,C,w\]'"):
        make("", "[f8,1,C,w]", "")(array)


def test_strided_code_is_for_strided_arrays(make):
    function = make(SUM_STRIDED, "[f8,1,S,r]", "f")
    assert function(np.arange(6.0)[::2]) == 6.0
    assert function(np.arange(6.0)[::-2]) == 9.0
    with pytest.raises(TypeError):
        function(np.arange(6.0))


def test_a_read_only_array_can_be_read(make):
    assert make(SUM, "[f8,1,C,r]", "f")(read_only()) == 0.0


def test_memory_is_shared_both_ways(make):
    array = np.arange(3.0)
    make("((double *)args[0].p)[1] = 7;", "[f8,1,C,w]", "")(array)
    assert array.tolist() == [0.0, 7.0, 2.0]


OVERLAPS = {
    "the same": lambda a: (a, a),
    "a part": lambda a: (a, a[3:5]),
    "the last element": lambda a: (a[:5], a[4:]),
    "interleaved": lambda a: (a[::2], a[1::2]),
    "backwards": lambda a: (a[4::-1], a[3:8]),
    "transposed": lambda a: (a.reshape(2, 4)[:, :2].T, a.reshape(2, 4)[:, 2:].T),
}
APART = {
    "neighbours": lambda a: (a[:4], a[4:]),
    "neighbours backwards": lambda a: (a[3::-1], a[:3:-1]),
    "an empty one": lambda a: (a, a[3:3]),
    "another": lambda a: (a, np.zeros(8)),
    "rows": lambda a: (a.reshape(4, 2)[:2].T, a.reshape(4, 2)[2:].T),
}


def code_of(array, access):
    return f"[f8,{array.ndim},{'C' if array.flags.c_contiguous else 'S'},{access}]"


@pytest.mark.parametrize("how", [*OVERLAPS, *APART])
@pytest.mark.parametrize("access", ["wr", "rw", "ww", "rr"])
def test_overlap_decides_what_fits(make, how, access):
    left, right = {**OVERLAPS, **APART}[how](np.arange(8.0))
    codes = code_of(left, access[0]) + code_of(right, access[1])
    overlap = how in OVERLAPS and access != "rr"
    assert make("", codes, "", overlap=overlap)(left, right) is None
    assert make("", codes, "")(left, right) is None
    with pytest.raises(TypeError, match="sharing memory" if not overlap else "sharing no memory"):
        make("", codes, "", overlap=not overlap)(left, right)


def test_the_staged_callable_picks_by_layout_and_overlap(native, make):
    class Owner:
        def call_slow(self, args, kwargs):
            return "slow"

    staged = native.StagedCallable(Owner(), ("x", "y"), 2, {})
    staged.install(make("results[0].i = 1;", "[f8,1,C,r][f8,1,C,w]", "i", overlap=False))
    staged.install(make("results[0].i = 2;", "[f8,1,C,r][f8,1,C,w]", "i", overlap=True))
    staged.install(make("results[0].i = 3;", "[f8,1,S,r][f8,1,C,w]", "i", overlap=False))
    a = np.zeros(8)
    assert [staged(a[:4], a[4:]), staged(a, a), staged(np.zeros(4)[::2], a)] == [1, 2, 3]
    assert staged(a[::2], a) == staged(a, 1.0) == staged(a) == "slow"


# An array in the memory of the call: its elements first, copied from the argument.
COPY = """
    long long bytes = {bytes}; char *memory = (char *)context->allocate(context, bytes);
    if (!memory) return -1;
    for (long long k = 0; k < bytes; ++k) memory[k] = ((char *)args[0].p)[k];
    results[0].p = memory;
"""


@pytest.mark.parametrize("rank", range(5))
@pytest.mark.parametrize(("code", "name"), DTYPES)
def test_results_are_new_arrays(make, code, name, rank):
    shape = (2, 3, 1, 4)[:rank]
    expected = (np.arange(np.prod(shape, dtype=int)) % 2).astype(name).reshape(shape)
    body = COPY.format(bytes=expected.nbytes) + "".join(f"results[{k + 1}].i = {n};" for k, n in enumerate(shape))
    result = make(body, f"[{code},{rank},C,r]", f"[{code},{rank},C]")(expected)
    assert type(result) is np.ndarray and result.dtype == expected.dtype and result.shape == shape
    assert np.array_equal(result, expected)
    assert result.flags.owndata and result.flags.writeable and result.flags.c_contiguous and result.flags.aligned
    assert not np.shares_memory(result, expected)


@pytest.mark.parametrize(
    "choose",
    [
        lambda a: a,
        lambda a: a[1:],
        lambda a: a[::-1, ::2],
        lambda a: a.T,
        lambda a: a[2],
        lambda a: a[:, 1],
        lambda a: a[1:1],
        lambda a: a[1, 1, ...],
    ],
)
@pytest.mark.parametrize("writeable", [True, False])
def test_results_in_the_memory_of_an_argument_are_views_of_it(make, choose, writeable):
    base = np.arange(12.0).reshape(3, 4)
    base.flags.writeable = writeable
    expected = choose(base)
    offset = (expected.ctypes.data - base.ctypes.data) // 8
    layout = "C" if expected.flags.c_contiguous else "S"
    parts = [*expected.shape, *([stride // 8 for stride in expected.strides] if layout == "S" else [])]
    body = f"results[0].p = (double *)args[3].p + ({offset});"
    body += "".join(f"results[{k + 1}].i = {part};" for k, part in enumerate(parts))
    function = make(body, "i[f8,1,C,r][f8,2,C,r]", f"[f8,{expected.ndim},{layout}]")
    before = sys.getrefcount(base)
    result = function(1, np.zeros(3), base)
    assert result.shape == expected.shape and np.array_equal(result, expected)
    assert expected.size == 0 or (result.strides == expected.strides and np.shares_memory(result, base))
    assert expected.size == 0 or result.flags.writeable is writeable
    del result
    assert sys.getrefcount(base) == before


def test_strided_results_in_the_memory_of_the_call_are_copied(make):
    body = COPY.format(bytes=48) + "results[1].i = 3; results[2].i = 2; results[3].i = 1; results[4].i = 3;"
    result = make(body, "[f8,1,C,r]", "[f8,2,S]")(np.arange(6.0))
    assert np.array_equal(result, np.arange(6.0).reshape(2, 3).T)
    assert result.flags.owndata and result.flags.writeable


@pytest.mark.parametrize("count", [8192, 8193, 100_000])
def test_large_results_share_what_their_memory_shares(make, count):
    body = """
        long long n = args[0].i; double *a = (double *)context->allocate(context, n * 8);
        if (!a) return -1;
        for (long long k = 0; k < n; ++k) a[k] = k;
        results[0].p = a; results[1].i = n; results[2].p = a + 1; results[3].i = 3; results[4].i = 2;
    """
    function = make(body, "i", "([f8,1,C][f8,1,S])")
    whole, part = function(count)
    assert np.array_equal(whole, np.arange(count)) and part.tolist() == [1.0, 3.0, 5.0]
    assert whole.ctypes.data % 64 == 0 or whole.flags.owndata
    del whole
    again = function(count)
    assert part.tolist() == [1.0, 3.0, 5.0] and again[0][-1] == count - 1
    part[0] = 7.0


NUMBERS = [
    *[np.dtype(name).type(value) for name in ("i1", "i2", "i4", "i8") for value in (np.iinfo(name).min, -1, 0, 5)],
    *[np.dtype(name).type(value) for name in ("u1", "u2", "u4", "u8") for value in (np.iinfo(name).max, 0, 5)],
    *[np.dtype(name).type(value) for name in ("f4", "f8") for value in (0.1, -0.0, np.inf, -np.inf, 3.0)],
]


@pytest.mark.parametrize("number", NUMBERS, ids=repr)
def test_numpy_numbers_travel_both_ways(make, number):
    code = f"[{number.dtype.kind}{number.dtype.itemsize}]"
    result = make("results[0] = args[0];", code, code)(number)
    assert type(result) is type(number) and result == number
    assert np.signbit(result) == np.signbit(number)
    for other in (number.item(), np.float16(1), np.complex64(1), np.asarray(number), np.bool_(1), None):
        with pytest.raises(TypeError):
            make("results[0] = args[0];", code, code)(other)


def test_numpy_numbers_are_what_c_numbers_they_are(make):
    function = make(
        "results[0].i = args[0].i == -3 && args[1].i == 250 && args[2].f == 0.5 && args[3].i == -1;",
        "[i2][u1][f4][u8]",
        "b",
    )
    assert function(np.int16(-3), np.uint8(250), np.float32(0.5), np.uint64(2**64 - 1)) is True
    assert math.isnan(make("results[0].f = args[0].f;", "[f4]", "[f8]")(np.float32(np.nan)))


@pytest.mark.parametrize("count", [0, 1, 1000, 1_000_000])
@pytest.mark.parametrize("releases_gil", [False, True])
def test_results_outlive_the_memory_they_were_made_in(make, count, releases_gil):
    function = make(IOTA, "i", "[f8,1,C]", releases_gil=releases_gil)
    results = [function(count) for _ in range(3)]
    for result in results:
        assert np.array_equal(result, np.arange(count, dtype=float))


def test_arrays_stand_inside_tuples(make):
    body = "results[0].i = 5; results[1].p = args[0].p; results[2].i = 2; results[3].p = args[0].p; results[4].f = .5;"
    number, (row, none, scalar), half = make(body, "[f8,1,C,r]", "(i([f8,1,C]n[f8,0,C])f)")(np.array([3.0, 4.0]))
    assert (number, row.tolist(), none, scalar, half) == (5, [3.0, 4.0], None, np.array(3.0), 0.5)
    assert scalar.shape == ()


def test_a_callback_may_be_given_an_array(make):
    seen = []
    body = "pylms_value call[2] = {args[0], args[1]}; return context->call(context, 0, call) ? -1 : 0;"
    make(body, "[f8,1,C,r]", "", callbacks=((lambda a: seen.append(a), "[f8,1,C]", ""),))(np.arange(3.0))
    assert seen[0].tolist() == [0.0, 1.0, 2.0]
    with pytest.raises(ValueError, match="no callback gives arrays"):
        make("", "", "", callbacks=((list, "", "[f8,1,C]"),))


def test_many_arrays_have_room(make):
    count = 12
    arrays = [np.full((2, 2), float(k)) for k in range(count)]
    body = "results[0].f = 0;" + "".join(f"results[0].f += ((double *)args[{3 * k}].p)[3];" for k in range(count))
    assert make(body, "[f8,2,C,r]" * count, "f")(*arrays) == sum(range(count))


def test_scalars_stand_between_arrays(make):
    body = "results[0].f = args[0].i + ((double *)args[1].p)[0] + args[3].f + ((double *)args[4].p)[0] + args[8].i;"
    function = make(body, "i[f8,1,C,r]f[f8,1,S,r]bb", "f")
    assert function(1, np.array([2.0]), 4.0, np.array([8.0, 0.0, 0.0])[::2], False, True) == 16.0


def test_threads_call_with_numpy_at_once(make):
    function = make(IOTA, "i", "[f8,1,C]", releases_gil=True)
    add = make(SUM, "[f8,1,C,r]", "f", releases_gil=True)
    wrong: list[int] = []

    def work(seed):
        for count in range(seed, seed + 400):
            if add(function(count)) != count * (count - 1) / 2:
                wrong.append(count)

    threads = [threading.Thread(target=work, args=(50 * k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_no_array_is_leaked(make):
    function = make(IOTA, "i", "([f8,1,C]i)")
    add = make(SUM, "[f8,1,C,r][f8,1,C,w]", "f", overlap=False)
    array, other = np.zeros(100), np.zeros(100)
    dtype = array.dtype

    def use(count):
        for _ in range(count):
            function(20_000)
            add(array, other)
            for wrong in ((array, array), (array[::2], other), (array, 1.0)):
                with pytest.raises(TypeError):
                    add(*wrong)

    use(20)
    gc.collect()
    counts = [sys.getrefcount(thing) for thing in (array, other, dtype, function, add)]
    tracemalloc.start()
    try:
        use(10)
        before = tracemalloc.get_traced_memory()[0]
        use(300)
        gc.collect()
        after = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert after - before < 20_000
    again = [sys.getrefcount(thing) for thing in (array, other, dtype, function, add)]
    assert all(abs(new - old) < 5 for new, old in zip(again, counts, strict=True))


def test_without_numpys_headers_scalars_still_go_through_the_binding(tmp_path, build):
    code = """
import pathlib, sys
from pylms.options import Options
from pylms.runtime import binding, ctypes_call
from pylms.runtime.native import load_native
binding.numpy_headers = lambda: None
options = Options(cache_dir=pathlib.Path(sys.argv[1]))
native = load_native(options)
assert native is not ctypes_call and not native.takes_numpy
assert load_native(options, with_numpy=True) is ctypes_call
try:
    native.NativeFunction(1, "[f8,1,C,r]", "")
except NotImplementedError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env={"PYTHONPATH": ":".join(sys.path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert "built without NumPy's headers" in done.stdout, done.stderr
