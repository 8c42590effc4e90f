"""A compiled entry called from Python, through the binding and through its fallback."""

from __future__ import annotations

import ctypes
import gc
import math
import sys
import threading
import tracemalloc
import weakref
from typing import Any

import pytest

FACTORIAL = """
    if (args[0].i <= 1) { results[0].i = 1; return 0; }
    pylms_value call[1]; call[0].i = args[0].i - 1;
    if (context->call(context, 0, call)) return -1;
    results[0].i = args[0].i * call[0].i;
"""


@pytest.mark.parametrize("value", [0, 1, -1, 2**30, -(2**30), 2**62, 2**63 - 1, -(2**63)])
def test_ints_travel_both_ways(make, value):
    result = make("results[0].i = args[0].i;", "i", "i")(value)
    assert result == value
    assert type(result) is int


@pytest.mark.parametrize("value", [0.0, -0.0, 1.5, 1e308, math.inf, -math.inf])
def test_floats_travel_both_ways(make, value):
    result = make("results[0].f = args[0].f;", "f", "f")(value)
    assert (result, math.copysign(1, result)) == (value, math.copysign(1, value))


def test_nan_travels_both_ways(make):
    assert math.isnan(make("results[0].f = args[0].f;", "f", "f")(math.nan))


@pytest.mark.parametrize("value", [True, False])
def test_bools_travel_both_ways(make, value):
    assert make("results[0].i = args[0].i;", "b", "b")(value) is value


def test_no_result_is_none(make):
    assert make("", "", "")() is None


def test_a_none_in_the_result_takes_no_slot(make):
    assert make("results[0].i = 7;", "", "n")() is None
    assert make("results[0].i = 7;", "", "(ni)")() == (None, 7)


def test_tuples_nest(make):
    body = "for (int k = 0; k < 3; ++k) results[k].i = args[0].i + k; results[3].f = 0.5; results[4].i = 1;"
    assert make(body, "i", "(i((i)if)()b)")(10) == (10, ((11,), 12, 0.5), (), True)


def test_more_values_than_fit_on_the_stack(make):
    count = 50
    reverse = make(
        f"for (int k = 0; k < {count}; ++k) results[k] = args[{count} - 1 - k];", "i" * count, f"({'i' * count})"
    )
    assert reverse(*range(count)) == tuple(reversed(range(count)))


def test_pointers_follow_the_arguments(make):
    buffer = (ctypes.c_double * 3)(1.0, 2.0, 4.0)
    body = "double *data = (double *)args[1].p; results[0].f = data[args[0].i]; data[args[0].i] = 9.0;"
    function = make(body, "i", "f", pointers=(ctypes.addressof(buffer),))
    assert function(2) == 4.0
    assert list(buffer) == [1.0, 2.0, 9.0]


def test_pointers_are_asked_for_at_each_call_where_they_may_move(make):
    buffers = [(ctypes.c_longlong * 1)(value) for value in (3, 5)]
    current = iter(buffers)
    function = make(
        "results[0].i = *(long long *)args[1].p + args[0].i;",
        "i",
        "i",
        pointers=lambda: (ctypes.addressof(next(current)),),
    )
    assert [function(10), function(10)] == [13, 15]


def test_an_exception_while_asking_for_pointers_comes_out(make):
    def vanished():
        raise LookupError("the buffer is gone")

    with pytest.raises(LookupError, match="the buffer is gone"):
        make("", "", "", pointers=vanished)()
    with pytest.raises(TypeError, match="must return a tuple"):
        make("", "", "", pointers=lambda: [1])()


def test_wrong_arguments_are_a_type_error(make):
    function = make("results[0].i = args[0].i;", "i", "i")
    for arguments in [(), (1, 2), (1.0,), (True,), ("1",), (2**63,), (-(2**63) - 1,)]:
        with pytest.raises(TypeError, match="exactly 1 positional arguments, of types 'i'"):
            function(*arguments)


def test_an_error_site_raises_its_exception(make):
    sites = (lambda *_: ZeroDivisionError("division by zero"), lambda *_: OverflowError("too large"))
    function = make("return (int)args[0].i;", "i", "", sites=sites)
    assert function(0) is None
    with pytest.raises(ZeroDivisionError, match="division by zero"):
        function(1)
    with pytest.raises(OverflowError, match="too large"):
        function(2)


def test_a_status_without_a_meaning_is_reported(make):
    function = make("return (int)args[0].i;", "i", "", sites=(lambda *_: "not an exception",))
    with pytest.raises(SystemError, match="unknown status 2"):
        function(2)
    with pytest.raises(SystemError, match="unknown status -7"):
        function(-7)
    with pytest.raises(SystemError, match="without setting an exception"):
        function(-1)
    with pytest.raises(SystemError, match="made a str, not an exception"):
        function(1)


def test_what_a_site_itself_raises_comes_out(make):
    with pytest.raises(KeyError):
        make("return 1;", "", "", sites=(lambda *_: dict[str, BaseException]()["missing"],))()


@pytest.mark.parametrize("releases_gil", [False, True])
def test_callbacks_take_and_return_values(make, releases_gil):
    seen = []

    def callback(number, pair, flag, nothing):
        seen.append((number, pair, flag, nothing))
        return (number + 1, (pair[0] * 2, not flag))

    body = """
        pylms_value call[4]; call[0].i = 3; call[1].f = 1.5; call[2].i = 4; call[3].i = 1;
        if (context->call(context, 0, call)) return -1;
        results[0] = call[0]; results[1] = call[1]; results[2] = call[2];
    """
    function = make(body, "", "(ifb)", callbacks=((callback, "i(fi)bn", "(i(fb))"),), releases_gil=releases_gil)
    assert function() == (4, 3.0, False)
    assert seen == [(3, (1.5, 4), True, None)]


@pytest.mark.parametrize("releases_gil", [False, True])
def test_an_exception_in_a_callback_comes_out(make, releases_gil):
    def callback():
        raise LookupError("no such sample")

    function = make(
        "return context->call(context, 0, results);", "", "", callbacks=((callback, "", ""),), releases_gil=releases_gil
    )
    with pytest.raises(LookupError, match="no such sample"):
        function()
    with pytest.raises(LookupError):
        function()


@pytest.mark.parametrize(
    ("returned", "codes", "error"),
    [
        ("text", "i", TypeError),
        (2**63, "i", OverflowError),
        ("text", "f", TypeError),
        ((1,), "(ii)", TypeError),
        ((1, 2, 3), "(ii)", TypeError),
        (5, "(ii)", TypeError),
    ],
)
def test_a_callback_that_returns_the_wrong_thing_is_an_error(make, returned, codes, error):
    body = "pylms_value call[4]; return context->call(context, 0, call) ? -1 : 0;"
    with pytest.raises(error):
        make(body, "", "", callbacks=((lambda: returned, "", codes),))()


def test_a_callback_result_nobody_asked_for_is_ignored(make):
    body = "return context->call(context, 0, results);"
    assert make(body, "", "", callbacks=((lambda: "anything", "", ""),))() is None


def test_a_callback_that_does_not_exist_is_reported(make):
    with pytest.raises(SystemError, match="callback 3 of 0"):
        make("return context->call(context, 3, results);", "", "")()


@pytest.mark.parametrize("releases_gil", [False, True])
def test_native_code_can_be_entered_again_from_its_callback(make, releases_gil):
    functions: list[Any] = []
    functions.append(
        make(FACTORIAL, "i", "i", callbacks=((lambda n: functions[0](n), "i", "i"),), releases_gil=releases_gil)
    )
    assert functions[0](15) == math.factorial(15)


def test_endless_recursion_through_python_is_a_recursion_error(make):
    functions: list[Any] = []
    functions.append(
        make("return context->call(context, 0, results);", "", "", callbacks=((lambda: functions[0](), "", ""),))
    )
    with pytest.raises(RecursionError):
        functions[0]()


def test_allocated_memory_is_aligned_and_apart(make):
    body = """
        long long last_end = 0;
        for (long long k = 1; k <= args[0].i; ++k) {
            char *memory = (char *)context->allocate(context, k);
            if (!memory) return -1;
            if ((long long)memory % 64) return 1;
            for (long long j = 0; j < k; ++j) memory[j] = (char)k;
        }
        char *large = (char *)context->allocate(context, 10000000);
        if (!large) return -1;
        large[9999999] = 1;
    """
    function = make(body, "i", "", sites=(lambda *_: AssertionError("not aligned"),))
    assert function(2000) is None
    assert function(0) is None


@pytest.mark.parametrize("size", [-1, 1 << 61, (1 << 63) - 1])
def test_memory_that_cannot_be_had_is_a_memory_error(make, size):
    function = make("return context->allocate(context, args[0].i) ? 0 : -1;", "i", "", releases_gil=True)
    with pytest.raises(MemoryError):
        function(size)


def test_another_thread_runs_while_the_gil_is_released(binding, build):
    from pylms.runtime.library import load_library

    library = load_library(binding, build("while (!*(volatile long long *)args[0].p) {}"))
    flag = (ctypes.c_longlong * 1)(0)
    function = binding.NativeFunction(
        library.entry, "", "", pointers=(ctypes.addressof(flag),), releases_gil=True, keep_alive=library.handle
    )
    threading.Timer(0.02, lambda: flag.__setitem__(0, 1)).start()
    function()  # returns only because the timer's thread could run


def test_threads_call_at_once(make):
    function = make("results[0].i = args[0].i * 2;", "i", "i", releases_gil=True)
    wrong: list[int] = []

    def work(start):
        wrong.extend(k for k in range(start, start + 2000) if function(k) != 2 * k)

    threads = [threading.Thread(target=work, args=(k * 10_000,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize(
    "codes",
    [
        ("x", ""),
        ("(i)", ""),
        ("p", ""),
        ("[f8,1,C]", ""),
        ("", "[f8,1,C,r]"),
        ("", "ii"),
        ("", "("),
        ("", ")"),
        ("", "(i"),
        ("", "y"),
        ("", "<i"),
        ("", "{i}"),
    ],
)
def test_malformed_codes_are_refused(make, codes):
    with pytest.raises(ValueError, match="codes|parentheses"):
        make("", *codes)


@pytest.mark.parametrize("callbacks", [(3,), ((print,),), ((print, "i"),)])
def test_malformed_callbacks_are_refused(make, callbacks):
    with pytest.raises((TypeError, ValueError)):
        make("", "", "", callbacks=callbacks)


def test_pointers_of_another_type_are_refused(make):
    with pytest.raises(TypeError, match="pointers must be a tuple of ints"):
        make("", "", "", pointers=3)


def test_a_null_entry_is_refused(native):
    with pytest.raises(ValueError, match="null"):
        native.NativeFunction(0, "", "")


def test_nothing_is_leaked(make):
    def callback(number):
        if number % 3 == 0:
            raise ValueError("every third")
        return (number, 2.0)

    body = """
        pylms_value call[2]; call[0].i = args[0].i;
        context->allocate(context, 1000);
        if (context->call(context, 0, call)) return -1;
        results[0] = call[0]; results[1] = call[1];
        return args[0].i % 3 == 1;
    """
    marker = ValueError("the site")
    function = make(body, "i", "(if)", callbacks=((callback, "i", "(if)"),), sites=(lambda *_: marker,))

    def use(count):
        for number in range(count):
            try:
                function(number)
            except ValueError:
                pass
            try:
                function(str(number))
            except TypeError:
                pass
        marker.__traceback__ = None

    use(100)
    gc.collect()
    counts = [sys.getrefcount(thing) for thing in (marker, callback, function, None, ValueError)]
    tracemalloc.start()
    try:
        use(10)
        before = tracemalloc.get_traced_memory()[0]
        use(3000)
        gc.collect()
        after = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert after - before < 20_000
    again = [sys.getrefcount(thing) for thing in (marker, callback, function, None, ValueError)]
    assert all(abs(new - old) < 50 for new, old in zip(again, counts))


def test_everything_is_let_go_with_the_function(make):
    class Thing:
        def __call__(self, *args):
            return self

    things = [Thing() for _ in range(4)]
    references = [weakref.ref(thing) for thing in things]
    library_user = make("", "", "", callbacks=((things[0], "", ""),), sites=(things[1],), pointers=things[2])
    vars(things[3])["function"] = library_user
    assert library_user.keep_alive is not None
    del library_user, things
    gc.collect()
    assert [reference() for reference in references] == [None] * 4


def test_a_missing_library_or_symbol_is_an_os_error(native, build, tmp_path):
    with pytest.raises(OSError, match="nowhere"):
        native.open_library(str(tmp_path / "nowhere.so"))
    handle = native.open_library(str(build("")))
    with pytest.raises(OSError, match="no symbol 'other'"):
        native.find_symbol(handle, "other")
