"""The disk cache of compiled code.

In: a key, and a function that builds what belongs to it. Out: the built library, from disk where it was built before.
An entry is a folder `<key[:2]>/<key>` holding the library, whatever else its builder left there (the generated
source), and a `digest` file. It appears by one rename, so it is whole or absent; what a crash or a disk fault left
damaged is found by size and digest, and built again. Processes that want the same key at once wait for one of them to
build it.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from threading import get_ident
from typing import TYPE_CHECKING, NamedTuple

from ..errors import InternalError
from ..late import late_module
from ..records import record
from .cache_key import digest_of

if TYPE_CHECKING:
    import logging
else:
    logging = late_module("logging")

LIBRARY_NAME = "module.so"
SOURCE_NAME = "module.cpp"
DEFAULT_MAX_BYTES = 1 << 30

_DIGEST_NAME = "digest"
_ABANDONED_SECONDS = 24 * 3600.0


class CacheEntry(NamedTuple):
    """A built library: where it is, and whether it was there already."""

    path: Path
    hit: bool

    @property
    def source_path(self) -> Path:
        """Where the source it was built from is kept, if its builder left it there."""
        return self.path.with_name(SOURCE_NAME)


@record(frozen=True, slots=True)
class Cache:
    """A folder of built libraries of at most about `max_bytes`; those unused for longest go first."""

    directory: Path
    max_bytes: int = DEFAULT_MAX_BYTES

    def lookup(self, key: str) -> CacheEntry | None:
        """The entry of this key if it is there and whole."""
        library = self._entry_directory(key) / LIBRARY_NAME
        if not _is_whole(library):
            return None
        with suppress(OSError):  # a cache that may only be read works, without the order of use
            os.utime(library.parent)
        return CacheEntry(library, hit=True)

    def discard(self, key: str) -> None:
        """Forget the entry of this key: what its builder left beside the library is damaged."""
        _remove_tree(self._entry_directory(key))

    def get_or_build(self, key: str, build: Callable[[Path], None]) -> CacheEntry:
        """The entry of this key, built if it is not there.

        `build` is given an empty folder, in which it must leave `module.so`; it runs in one process at a time for each
        key. What it raises comes out, and leaves no entry. Where the folder cannot be written, a temporary one serves
        this process.
        """
        entry = self.lookup(key)
        if entry is not None:
            return entry
        try:
            return self._build_locked(key, build)
        except _UnwritableError:
            return Cache(_fallback_directory(self.directory), self.max_bytes).get_or_build(key, build)

    def _build_locked(self, key: str, build: Callable[[Path], None]) -> CacheEntry:
        with self._lock(key):
            entry = self.lookup(key)  # another process may have built it while this one waited
            if entry is not None:
                return entry
            with _unwritable_errors():
                workplace = self._fresh_directory()
            try:
                build(workplace)
                if not (workplace / LIBRARY_NAME).is_file():
                    raise InternalError(f"the build of {key} left no {LIBRARY_NAME}")
                with _unwritable_errors():
                    entry = self._publish(key, workplace)
            finally:
                _remove_tree(workplace)
        self._sweep_if_due(entry.path.parent)
        return entry

    def _publish(self, key: str, workplace: Path) -> CacheEntry:
        library = workplace / LIBRARY_NAME
        data = library.read_bytes()
        (workplace / _DIGEST_NAME).write_text(_describe(data))
        entry_directory = self._entry_directory(key)
        entry_directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_tree(entry_directory)
        workplace.rename(entry_directory)
        return CacheEntry(entry_directory / LIBRARY_NAME, hit=False)

    def _entry_directory(self, key: str) -> Path:
        return self.directory / key[:2] / key

    def _fresh_directory(self) -> Path:
        workplace = self.directory / "tmp" / f"{os.getpid()}-{get_ident():x}-{time.time_ns():x}"
        workplace.mkdir(mode=0o700, parents=True)
        return workplace

    @contextmanager
    def _lock(self, key: str) -> Iterator[None]:
        """Hold this key against other processes and threads. The lock dies with its process."""
        with _unwritable_errors():
            directory = self.directory / "locks"
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = _acquire(directory / key)
        try:
            yield
        finally:
            (directory / key).unlink(missing_ok=True)
            os.close(descriptor)

    def _sweep_if_due(self, added: Path) -> None:
        """Sweep each time a sixteenth of the cap has been added; the bytes since the last time are kept in a file."""
        record = self.directory / "bytes_since_sweep"
        try:
            added_bytes = int(record.read_text()) + _tree_size(added)
        except (OSError, ValueError):  # no sweep yet, or another process is writing
            added_bytes = self.max_bytes
        with suppress(OSError):  # what was built is there, and that is what counts
            if added_bytes >= self.max_bytes // 16:
                self._sweep(keep=added)
                added_bytes = 0
            record.write_text(str(added_bytes))

    def _sweep(self, keep: Path) -> None:
        """Delete the entries unused for longest until the rest fit, and what killed processes left half-built."""
        entries = sorted(
            (entry.stat().st_mtime, _tree_size(entry), entry) for entry in _folders(self.directory, "??/*")
        )
        total = sum(size for _, size, _ in entries)
        for _, size, entry in entries:
            if total <= self.max_bytes:
                break
            if entry != keep:
                _remove_tree(entry)
                total -= size
        for workplace in _folders(self.directory, "tmp/*"):
            if time.time() - workplace.stat().st_mtime > _ABANDONED_SECONDS:
                _remove_tree(workplace)


class _UnwritableError(Exception):
    """The cache folder cannot be written."""


@contextmanager
def _unwritable_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _UnwritableError from error


def _acquire(path: Path) -> int:
    """An open, locked descriptor of the file at `path`, which holders delete while they still hold it."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_file_at(descriptor, path):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _is_file_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _is_whole(library: Path) -> bool:
    try:
        expected = (library.parent / _DIGEST_NAME).read_text()
        return expected == _describe(library.read_bytes())
    except (OSError, UnicodeDecodeError):
        return False


def _describe(data: bytes) -> str:
    return f"{len(data)} {digest_of(data)}\n"


def _folders(directory: Path, pattern: str) -> list[Path]:
    return [path for path in directory.glob(pattern) if path.is_dir()]


def _tree_size(directory: Path) -> int:
    try:
        return sum(entry.stat().st_size for entry in os.scandir(directory))
    except OSError:  # another process deleted it
        return 0


def _remove_tree(directory: Path) -> None:
    """Delete a folder of plain files, if it is there."""
    try:
        for entry in os.scandir(directory):
            os.unlink(entry)
        os.rmdir(directory)
    except OSError:  # never there, or being deleted by another process as well
        pass


@lru_cache(maxsize=8)
def _fallback_directory(unwritable: Path) -> Path:
    """A folder of this user's own, deleted when this process ends, in place of one that cannot be written."""
    base = Path(os.environ.get("TMPDIR") or "/tmp")
    directory = base / f"pylms-{os.getuid()}-{os.getpid()}-{time.time_ns():x}"
    directory.mkdir(mode=0o700)
    atexit.register(_remove_cache, directory, os.getpid())
    logging.getLogger("pylms").warning(
        "the cache folder %s cannot be written: compiled code goes to %s, until this process ends; "
        "set PYLMS_CACHE_DIR to a folder that can be written",
        unwritable,
        directory,
    )
    return directory


def _remove_cache(directory: Path, owner: int) -> None:
    if os.getpid() != owner:  # a child that was forked while its parent lives on
        return
    for pattern in ("??/*", "??", "tmp/*", "*"):
        for folder in _folders(directory, pattern):
            _remove_tree(folder)
    _remove_tree(directory)
