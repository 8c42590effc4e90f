"""A built library, loaded.

In: the path of a shared library with a `pylms_entry`. Out: the entry's address, and a handle that keeps it valid.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from .native import NativeInterface

ENTRY_NAME = "pylms_entry"


class Library(NamedTuple):
    """A loaded library. `entry` is valid as long as `handle` lives: give that to NativeFunction's `keep_alive`."""

    path: Path
    entry: int
    handle: object


def load_library(native: NativeInterface, path: Path) -> Library:
    """Load the library at `path`. Raises OSError where it cannot be loaded or has no entry."""
    handle = native.open_library(str(path))
    return Library(path, native.find_symbol(handle, ENTRY_NAME), handle)
