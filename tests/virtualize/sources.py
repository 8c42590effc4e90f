"""Functions from source text that `linecache` knows, as it knows notebook cells."""

from __future__ import annotations

import linecache
from typing import Any


def define(source: str, name: str, file: str = "<cell>", **names: object) -> Any:
    """What the source calls `name`, run with `names` as further globals."""
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    space: dict[str, Any] = {"__name__": "cell", **names}
    exec(compile(source, file, "exec", dont_inherit=True), space)
    return space[name]
