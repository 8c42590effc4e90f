"""`staged(range(n), parallel=True)`: loops on several threads mean what they mean on one."""

import gc
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from pylms import Options, PylmsError, stage, staged


def scaled(x, y, factor):
    for i in staged(range(x.shape[0]), parallel=True):
        y[i] = x[i] * factor + i


def total(x):
    result = 0.0
    for i in staged(range(x.shape[0]), parallel=True):
        result += x[i] * 0.1
    return result


def extremes(x, lowest, highest):
    least = lowest
    most = highest
    product = 1.0
    positive = 0
    for i in staged(range(0, len(x), 3), parallel=True):
        value = float(x[i])
        if value < least:
            least = value
        most = max(most, value)
        product *= 1.0 + value * 1e-6
        if value > 0.0:
            positive += 1
    return least, most, product, positive


@pytest.mark.parametrize("size", [0, 1, 2, 63, 5000])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_rounds_that_write_elements_of_their_own(size: int, threads: int) -> None:
    x = np.random.default_rng(size).normal(size=size)
    found, expected = np.zeros(size), np.zeros(size)
    stage(options=Options(num_threads=threads))(scaled)(x, found, 2.5)
    scaled(x, expected, 2.5)
    assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("size", [0, 1, 100, 100_000])
def test_a_sum_of_floats_does_not_depend_on_the_number_of_threads(size: int) -> None:
    x = np.random.default_rng(size).normal(size=size)
    found = {stage(options=Options(num_threads=threads))(total)(x) for threads in (1, 2, 4)}
    assert len(found) == 1
    assert found.pop() == pytest.approx(total(x), rel=1e-9, abs=1e-12)


def test_extremes_products_and_counts_are_combined() -> None:
    x = np.random.default_rng(0).normal(size=4000)
    found = stage(extremes)(x, 0.5, -0.5)
    expected = extremes(x, 0.5, -0.5)
    assert found[:2] == expected[:2] and found[3] == expected[3]
    assert found[2] == pytest.approx(expected[2])


def test_an_error_is_the_one_of_the_first_round_that_fails() -> None:
    def divide(x, y):
        for i in staged(range(len(x)), parallel=True):
            y[i] = 100 // int(x[i])

    x, y = np.ones(10_000, np.int64), np.zeros(10_000, np.int64)
    compiled = stage(divide)
    compiled(x, y)
    x[7777] = 0
    with pytest.raises(ZeroDivisionError):
        compiled(x, y)
    with pytest.raises(IndexError):
        compiled(x, y[:5000].copy())


def test_an_integer_sum_that_overflows_raises() -> None:
    def summed(x):
        result = 0
        for i in staged(range(len(x)), parallel=True):
            result += int(x[i])
        return result

    x = np.full(1000, 2**52)
    assert stage(summed)(x) == 1000 * 2**52
    with pytest.raises(OverflowError):
        stage(summed)(np.full(4000, 2**52))


def test_rounds_that_depend_on_each_other_are_refused() -> None:
    def running(x):
        value = 0.0
        for i in staged(range(len(x)), parallel=True):
            value = value * 0.5 + x[i]
        return value

    with pytest.raises(PylmsError, match="the rounds of a parallel loop depend on each other: each changes `value`"):
        stage(running)(np.ones(3))


def test_looking_at_a_sum_on_the_way_is_refused() -> None:
    def prefix(x, y):
        value = 0.0
        for i in staged(range(len(x)), parallel=True):
            value += x[i]
            y[i] = value
        return value

    with pytest.raises(PylmsError, match="depend on each other"):
        stage(prefix)(np.ones(3), np.ones(3))


def test_what_one_thread_only_may_is_refused() -> None:
    def printing(n):
        for i in staged(range(n), parallel=True):
            print(i)

    def leaving(n):
        for i in staged(range(n), parallel=True):
            if i > 3:
                break

    with pytest.raises(PylmsError, match="a parallel loop prints"):
        stage(printing)(3)
    with pytest.raises(PylmsError, match="cannot be left by break"):
        stage(leaving)(3)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs /proc")
def test_forgetting_a_parallel_function_leaves_its_threads_their_code() -> None:
    def libraries() -> int:
        return Path("/proc/self/maps").read_text().count(".so")

    compiled = stage(options=Options(num_threads=2))(total)
    compiled(np.ones(10_000))
    gc.collect()  # what other tests left
    loaded = libraries()
    del compiled
    gc.collect()
    assert libraries() == loaded


def test_rounds_are_tasks_of_several_threads() -> None:
    compiled = stage(options=Options(num_threads=2))(total)
    compiled(np.ones(10))
    assert "pylms::in_parallel(" in compiled.Ccode and ", 2, [=](long long task) {" in compiled.Ccode


def test_callers_on_several_threads_do_not_disturb_each_other() -> None:
    compiled = stage(options=Options(num_threads=3))(total)
    arrays = [np.full(50_000, float(number)) for number in range(4)]
    expected = [compiled(array) for array in arrays]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(20):
            assert list(pool.map(compiled, arrays)) == expected


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_copy_of_the_process_starts_threads_of_its_own() -> None:
    compiled = stage(options=Options(num_threads=3))(total)
    x = np.linspace(0.0, 1.0, 50_000)
    expected = compiled(x)
    child = os.fork()
    if child == 0:
        os._exit(0 if [compiled(x) for _ in range(3)] == [expected] * 3 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert compiled(x) == expected
