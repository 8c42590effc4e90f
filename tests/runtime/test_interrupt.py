"""Ctrl-C while native code runs, through the binding and through its fallback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

SIGINT = int(signal.SIGINT)
LOOP_FOREVER = "for (;;) if (context->interrupt && context->poll(context)) return -1;"
INTERRUPT_ITSELF = f"kill(getpid(), {SIGINT});"
POLL = "for (int turn = 0; turn < 200; ++turn) if (context->interrupt && context->poll(context)) return -1;"


@pytest.fixture(autouse=True)
def _python_sigint_handler():
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def _press_ctrl_c_from_outside(after: float) -> subprocess.Popen[bytes]:
    code = f"import os, time; time.sleep({after}); os.kill({os.getpid()}, {SIGINT})"
    return subprocess.Popen([sys.executable, "-S", "-c", code])


@pytest.mark.parametrize("releases_gil", [False, True])
def test_ctrl_c_ends_an_endless_native_loop(make, releases_gil):
    function = make(LOOP_FOREVER, "", "", releases_gil=releases_gil)
    presser = _press_ctrl_c_from_outside(after=0.1)
    started = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        function()
    assert time.perf_counter() - started < 10
    presser.wait()


def test_ctrl_c_works_again_and_again(make):
    function = make(f"{INTERRUPT_ITSELF} {LOOP_FOREVER}", "", "", releases_gil=True)
    for _ in range(5):
        with pytest.raises(KeyboardInterrupt):
            function()


def test_ctrl_c_ends_a_loop_whose_turns_are_slow(make):
    wait = f"for (volatile long long spin = 0; spin < 20000000; spin = spin + 1) {{}} {INTERRUPT_ITSELF}"
    turns = (
        "for (int k = 0; k < 3; ++k) { if (context->interrupt && context->poll(context)) return -1; WAIT } return 1;"
    )
    function = make(
        turns.replace("WAIT", wait), "", "", sites=(lambda *_: AssertionError("went on"),), releases_gil=True
    )
    with pytest.raises(KeyboardInterrupt):
        function()


def test_a_signal_between_two_polls_is_seen_at_the_second(make):
    function = make(f"{POLL} {INTERRUPT_ITSELF} {POLL} results[0].i = 1;", "", "i", releases_gil=True)
    with pytest.raises(KeyboardInterrupt):
        function()


@pytest.mark.parametrize("releases_gil", [False, True])
def test_a_users_handler_that_does_not_raise_lets_native_code_go_on(make, releases_gil):
    seen = []
    signal.signal(signal.SIGINT, lambda number, frame: seen.append(number))
    body = f"for (int k = 0; k < 3; ++k) {{ {INTERRUPT_ITSELF} {POLL} }} results[0].i = 42;"
    assert make(body, "", "i", releases_gil=releases_gil)() == 42
    assert seen == [SIGINT] * 3


def test_what_a_users_handler_raises_comes_out(make):
    def handler(number, frame):
        raise TimeoutError("enough")

    signal.signal(signal.SIGINT, handler)
    with pytest.raises(TimeoutError, match="enough"):
        make(f"{INTERRUPT_ITSELF} {LOOP_FOREVER}", "", "")()


@pytest.mark.parametrize("releases_gil", [False, True])
def test_ctrl_c_just_before_a_callback_comes_out_of_the_call(make, releases_gil):
    ran = []
    body = f"{INTERRUPT_ITSELF} if (context->call(context, 0, results)) return -1; results[0].i = 1;"
    function = make(body, "", "i", callbacks=((lambda: ran.append(1), "", ""),), releases_gil=releases_gil)
    for _ in range(20):
        with pytest.raises(KeyboardInterrupt):
            function()
    assert ran == []


def test_ctrl_c_within_a_callback_comes_out_of_the_call(make):
    def callback():
        signal.raise_signal(signal.SIGINT)
        time.sleep(0)

    body = "return context->call(context, 0, results);"
    with pytest.raises(KeyboardInterrupt):
        make(body, "", "", callbacks=((callback, "", ""),))()


def test_ctrl_c_before_memory_is_asked_for_comes_out_of_the_call(make):
    function = make(f"{INTERRUPT_ITSELF} {POLL} return context->allocate(context, 8) ? 0 : -1;", "", "")
    with pytest.raises(KeyboardInterrupt):
        function()


def test_ctrl_c_in_a_nested_call_ends_both(make):
    inner = make(f"{POLL} {INTERRUPT_ITSELF} {LOOP_FOREVER}", "", "")
    outer = make(f"{POLL} return context->call(context, 0, results);", "", "", callbacks=((inner, "", ""),))
    with pytest.raises(KeyboardInterrupt):
        outer()


def test_ctrl_c_after_a_nested_call_ends_the_outer_one(make):
    inner = make(f"{POLL} results[0].i = 1;", "", "i")
    outer = make(
        f"{POLL} if (context->call(context, 0, results)) return -1; {INTERRUPT_ITSELF} {LOOP_FOREVER}",
        "",
        "",
        callbacks=((inner, "", "i"),),
    )
    with pytest.raises(KeyboardInterrupt):
        outer()


def test_a_handler_set_by_a_callback_is_heeded_and_kept(make):
    def handler(number, frame):
        raise TimeoutError("the new one")

    body = f"{POLL} if (context->call(context, 0, results)) return -1; {POLL} {INTERRUPT_ITSELF} {LOOP_FOREVER}"
    function = make(body, "", "", callbacks=((lambda: signal.signal(signal.SIGINT, handler), "", ""),))
    with pytest.raises(TimeoutError, match="the new one"):
        function()
    assert signal.getsignal(signal.SIGINT) is handler
    with pytest.raises(TimeoutError):
        signal.raise_signal(signal.SIGINT)


def test_the_handler_is_as_before_after_a_call(make):
    seen = []
    handler = lambda number, frame: seen.append(number)  # noqa: E731
    signal.signal(signal.SIGINT, handler)
    make(f"{POLL} results[0].i = 1;", "", "i", releases_gil=True)()
    assert signal.getsignal(signal.SIGINT) is handler
    signal.raise_signal(signal.SIGINT)
    assert seen == [SIGINT]


def test_an_ignored_ctrl_c_stays_ignored(make):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    body = f"for (int k = 0; k < 3; ++k) {{ {POLL} {INTERRUPT_ITSELF} }} results[0].i = 3;"
    assert make(body, "", "i", releases_gil=True)() == 3


def test_polls_on_another_thread_do_nothing(make, native):
    results = []
    function = make(f"for (int k = 0; k < 1000; ++k) {POLL} results[0].i = 7;", "", "i", releases_gil=True)
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    assert results == [7]


def test_ctrl_c_with_the_default_action_ends_the_process(build, options):
    path = build(f"{POLL} {INTERRUPT_ITSELF} {LOOP_FOREVER}")
    program = f"""
        import signal
        from pathlib import Path
        from pylms.options import Options
        from pylms.runtime.library import load_library
        from pylms.runtime.native import load_native
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        native = load_native(Options(cache_dir=Path({str(options.cache_dir)!r})))
        library = load_library(native, Path({str(path)!r}))
        native.NativeFunction(library.entry, "", "", releases_gil=True)()
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], env=environment, timeout=60)
    assert done.returncode == -SIGINT
