"""Many programs in one library: compiled at once, with little optimisation, which costs a tenth of one by one.

In: what staging made of functions, and their optimised IR. Out: for each a callable on flat arguments, as the driver
makes them. `flags` go to the compiler, such as those of sanitizers.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pylms.backends.registry import backend_named
from pylms.driver import INCLUDE_DIRECTORIES, bind
from pylms.ir.node import Function
from pylms.options import Options
from pylms.runtime.library import ENTRY_NAME
from pylms.runtime.native import load_native
from pylms.runtime.toolchain import find_toolchain
from pylms.staging.reify import Staged

_INCLUDE = re.compile(r"^#include .*\n", re.MULTILINE)
_SEEN = '__attribute__((visibility("default")))'  # of the one entry point that the header knows, it says so


def compile_together(
    programs: Sequence[tuple[Staged, Function]], options: Options, *, flags: Sequence[str] = ("-O1",)
) -> list[Callable[..., Any]]:
    """One callable a program. Raises ToolchainError where the compiler fails, for all of them."""
    backend = backend_named("cpp", checks=options.checks, threads=options.num_threads)
    bundles = [backend.emit(optimised) for _, optimised in programs]
    headers = dict.fromkeys(line for bundle in bundles for line in _INCLUDE.findall(bundle.source))
    parts = list(headers)
    for number, bundle in enumerate(bundles):
        body = _INCLUDE.sub("", bundle.source).replace(f"int {ENTRY_NAME}(", f"{_SEEN} int {ENTRY_NAME}_{number}(")
        parts.append(f"namespace program_{number} {{\n{body}\n}}\n")
    native = load_native(options, with_numpy=True)
    own = [flag for bundle in bundles for flag in bundle.flags if not flag.startswith("-O")]
    link = [flag for bundle in bundles for flag in bundle.link]
    with tempfile.TemporaryDirectory(prefix="pylms-batch-") as folder:
        source, library = Path(folder, "programs.cpp"), Path(folder, "programs.so")
        source.write_text("".join(parts))
        extra = dict.fromkeys((*own, *flags, *link))
        find_toolchain(options).compile(
            source, library, extra_flags=tuple(extra), include_dirs=INCLUDE_DIRECTORIES, optimise="O1"
        )
        handle = native.open_library(str(library))
    entries = [native.find_symbol(handle, f"{ENTRY_NAME}_{number}") for number in range(len(bundles))]
    return [
        bind(staged, bundle, entry, native, handle)
        for (staged, _), bundle, entry in zip(programs, bundles, entries, strict=True)
    ]
