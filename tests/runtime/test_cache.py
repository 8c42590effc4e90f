"""The disk cache: hits, damage, races, its cap, and folders that cannot be written."""

from __future__ import annotations

import logging
import multiprocessing
import os
import threading
import time
from pathlib import Path

import pytest

from pylms.errors import InternalError
from pylms.runtime.cache import Cache
from pylms.runtime.cache_key import cache_key

KEY = cache_key({"test": "cache"})


def builder(data: bytes = b"library", source: str = "source", log: list[str] | None = None):
    def build(folder: Path) -> None:
        if log is not None:
            log.append("built")
        (folder / "module.so").write_bytes(data)
        (folder / "module.cpp").write_text(source)

    return build


def must_not_build(folder: Path) -> None:
    raise AssertionError("built again")


@pytest.fixture
def cache(tmp_path) -> Cache:
    return Cache(tmp_path / "cache")


def leftovers(cache: Cache) -> list[Path]:
    return [path for name in ("tmp", "locks") for path in (cache.directory / name).glob("*")]


def test_the_second_request_is_a_hit(cache):
    first = cache.get_or_build(KEY, builder())
    assert not first.hit
    assert first.path.read_bytes() == b"library"
    second = Cache(cache.directory).get_or_build(KEY, must_not_build)
    assert second.hit
    assert second.path == first.path
    assert leftovers(cache) == []


def test_the_source_is_kept_beside_the_library(cache):
    assert cache.get_or_build(KEY, builder()).source_path.read_text() == "source"


def test_lookup_builds_nothing(cache):
    assert cache.lookup(KEY) is None
    cache.get_or_build(KEY, builder())
    assert cache.lookup(KEY).hit


@pytest.mark.parametrize("damage", [b"", b"libr", b"LIBRARY", b"library and more", None])
def test_a_damaged_library_is_built_again(cache, damage):
    path = cache.get_or_build(KEY, builder()).path
    path.unlink()
    if damage is not None:
        path.write_bytes(damage)
    again = cache.get_or_build(KEY, builder())
    assert not again.hit
    assert again.path.read_bytes() == b"library"
    assert cache.get_or_build(KEY, must_not_build).hit


@pytest.mark.parametrize("digest", [None, b"", b"\xff\xfe", b"7 0000\n"])
def test_a_damaged_digest_is_built_again(cache, digest):
    digest_path = cache.get_or_build(KEY, builder()).path.with_name("digest")
    digest_path.unlink()
    if digest is not None:
        digest_path.write_bytes(digest)
    assert not cache.get_or_build(KEY, builder()).hit


def test_a_failing_build_leaves_nothing(cache):
    def fail(folder: Path) -> None:
        (folder / "module.so").write_bytes(b"half")
        raise ZeroDivisionError("in the build")

    with pytest.raises(ZeroDivisionError, match="in the build"):
        cache.get_or_build(KEY, fail)
    assert cache.lookup(KEY) is None
    assert leftovers(cache) == []


def test_an_os_error_of_the_build_is_not_taken_for_an_unwritable_cache(cache):
    def fail(folder: Path) -> None:
        raise FileNotFoundError("a file of the build's own")

    with pytest.raises(FileNotFoundError, match="of the build's own"):
        cache.get_or_build(KEY, fail)


def test_a_build_without_a_library_is_our_bug(cache):
    with pytest.raises(InternalError, match="left no module.so"):
        cache.get_or_build(KEY, lambda folder: None)


def _build_slowly(directory: Path, start: object, log: Path, results: object) -> None:
    def build(folder: Path) -> None:
        with log.open("a") as file:
            file.write("built\n")
        time.sleep(0.2)
        (folder / "module.so").write_bytes(b"library")

    start.wait()  # type: ignore[attr-defined]
    entry = Cache(directory).get_or_build(KEY, build)
    results.put((entry.hit, entry.path.read_bytes()))  # type: ignore[attr-defined]


def test_processes_that_want_the_same_at_once_build_it_once(cache, tmp_path):
    context = multiprocessing.get_context("fork")
    start, results, log = context.Event(), context.Queue(), tmp_path / "log"
    processes = [context.Process(target=_build_slowly, args=(cache.directory, start, log, results)) for _ in range(8)]
    for process in processes:
        process.start()
    start.set()
    seen = sorted(results.get(timeout=60) for _ in processes)
    for process in processes:
        process.join()
    assert seen == [(False, b"library")] + [(True, b"library")] * 7
    assert log.read_text() == "built\n"
    assert leftovers(cache) == []


def test_threads_that_want_the_same_at_once_build_it_once(cache):
    log: list[str] = []
    threads = [threading.Thread(target=cache.get_or_build, args=(KEY, builder(log=log))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log == ["built"]


def test_a_process_killed_while_building_holds_nobody_up(cache):
    def die(folder: Path) -> None:
        os._exit(9)

    process = multiprocessing.get_context("fork").Process(target=cache.get_or_build, args=(KEY, die))
    process.start()
    process.join()
    assert process.exitcode == 9
    assert not cache.get_or_build(KEY, builder()).hit


def test_what_was_unused_for_longest_goes_when_the_cap_is_reached(tmp_path):
    cache = Cache(tmp_path, max_bytes=10_000)
    keys = [cache_key({"number": number}) for number in range(4)]
    for age, key in enumerate(keys[:3]):
        path = cache.get_or_build(key, builder(b"x" * 3000)).path
        os.utime(path.parent, (1_000_000 + age, 1_000_000 + age))
    assert cache.lookup(keys[0])  # used: now the youngest
    cache.get_or_build(keys[3], builder(b"x" * 3000))
    assert [cache.lookup(key) is not None for key in keys] == [True, False, True, True]


def test_a_library_larger_than_the_cap_is_served_all_the_same(tmp_path):
    entry = Cache(tmp_path, max_bytes=10).get_or_build(KEY, builder(b"x" * 1000))
    assert entry.path.exists()


def test_abandoned_work_is_swept(cache):
    cache.get_or_build(KEY, builder())
    abandoned = cache.directory / "tmp" / "1-2-3"
    abandoned.mkdir(parents=True)
    (abandoned / "module.so").touch()
    os.utime(abandoned, (1_000_000, 1_000_000))
    (cache.directory / "bytes_since_sweep").unlink()
    cache.get_or_build(cache_key({"another": 1}), builder())
    assert not abandoned.exists()


def test_a_folder_that_cannot_be_written_is_told_of_once_and_a_temporary_one_serves(tmp_path, caplog, monkeypatch):
    (tmp_path / "file").touch()
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    cache = Cache(tmp_path / "file" / "cache")
    with caplog.at_level(logging.WARNING, logger="pylms"):
        first = cache.get_or_build(KEY, builder())
        second = Cache(cache.directory).get_or_build(KEY, must_not_build)
        cache.get_or_build(cache_key({"another": 1}), builder())
    assert (first.hit, second.hit) == (False, True)
    assert tmp_path / "temporary" in first.path.parents
    [record] = caplog.records
    assert "cannot be written" in record.getMessage()
    assert "PYLMS_CACHE_DIR" in record.getMessage()


@pytest.mark.skipif(os.getuid() == 0, reason="root can write everywhere")
def test_a_cache_that_may_only_be_read_still_hits(cache):
    cache.get_or_build(KEY, builder())
    for folder in [cache.directory, *cache.directory.rglob("*")]:
        folder.chmod(0o500)
    try:
        assert cache.get_or_build(KEY, must_not_build).hit
    finally:
        for folder in [cache.directory, *cache.directory.rglob("*")]:
            folder.chmod(0o700)
