"""The call binding: `csrc/binding.c`, built once for this Python and compiler, then loaded from the cache.

In: options (which cache), this Python, the compiler, NumPy's headers where they are at hand. Out: the extension module,
or None and the reason why not.
"""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from importlib.machinery import ExtensionFileLoader, ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Literal, NamedTuple

from ..errors import ToolchainError
from ..late import late_module
from ..options import Options
from .cache import LIBRARY_NAME, Cache
from .cache_key import KeyPart, cache_key
from .toolchain import Toolchain, find_toolchain

if TYPE_CHECKING:
    import logging
else:
    logging = late_module("logging")

MODULE_NAME = "_pylms_binding"
HERE = Path(__file__).parent
INCLUDE_DIRECTORY = HERE / "include"
SOURCE_DIRECTORY = HERE / "csrc"

_FLAGS = ("-x", "c", "-std=c11", "-D_GNU_SOURCE", "-shared", "-fPIC", "-O2", "-fvisibility=hidden")
_DARWIN_FLAGS = ("-undefined", "dynamic_lookup")
_NO_CXX_LIBRARY_FLAGS = ("-nostdlib++",)
_NUMPY_FLAGS = ("-DPYLMS_NUMPY",)
_NUMPY_HEADER = Path("numpy", "__multiarray_api.h")


class BindingStatus(NamedTuple):
    """What became of the binding: `module` is None where `state` is "missing", and `reason` then says why."""

    module: ModuleType | None
    state: Literal["built", "cached", "missing"]
    reason: str = ""


class _NoBindingError(Exception):
    """Why there is no binding."""


def load_binding(options: Options) -> ModuleType | None:
    """The binding, or None where it cannot be built; the reason is logged once."""
    return binding_status(options).module


def binding_status(options: Options) -> BindingStatus:
    """The binding, loaded, and how it was come by."""
    return _obtain(options.resolved_cache_dir())


@lru_cache(maxsize=8)
def _obtain(cache_directory: Path) -> BindingStatus:
    try:
        toolchain = find_toolchain(Options(cache_dir=cache_directory))
        entry = Cache(cache_directory).get_or_build(_key(toolchain), lambda folder: _build(toolchain, folder))
        module = _import(entry.path)
    except (ToolchainError, _NoBindingError, ImportError, OSError) as error:
        reason = error.message if isinstance(error, ToolchainError) else str(error)
        logging.getLogger("pylms").warning("calls go through ctypes, which is slower and keeps the GIL: %s", reason)
        return BindingStatus(None, "missing", reason)
    return BindingStatus(module, "cached" if entry.hit else "built")


def _key(toolchain: Toolchain) -> str:
    sources = sorted([*SOURCE_DIRECTORY.glob("*.[ch]"), *INCLUDE_DIRECTORY.glob("*.h")])
    return cache_key(
        {
            "what": "binding",
            "python": (sys.implementation.name, sys.version, sys.hexversion, getattr(sys, "abiflags", "")),
            "machine": (sys.platform, os.uname().machine),
            "compiler": toolchain.identity,
            "flags": _FLAGS,
            "numpy": _numpy_identity(),
            "sources": tuple((source.name, source.read_bytes()) for source in sources),
        }
    )


def numpy_headers() -> Path | None:
    """The folder of the C headers of the NumPy that would be imported; None where they are missing. Imports nothing."""
    spec = PathFinder.find_spec("numpy")
    for package in (spec.submodule_search_locations or ()) if spec is not None else ():
        for core in ("_core", "core"):  # since NumPy 2, and before
            folder = Path(package, core, "include")
            if (folder / _NUMPY_HEADER).is_file():
                return folder
    return None


def _numpy_identity() -> KeyPart:
    folder = numpy_headers()
    if folder is None:
        return None
    status = (folder / _NUMPY_HEADER).stat()
    return str(folder), status.st_size, status.st_mtime_ns


def _build(toolchain: Toolchain, folder: Path) -> None:
    import sysconfig  # only a build needs it, and it takes longer to import than a built binding does to load

    if sys.implementation.name != "cpython":
        raise _NoBindingError(f"the binding is for CPython, and this is {sys.implementation.name}")
    headers = [Path(sysconfig.get_path(name)) for name in ("include", "platinclude")]
    if not any((directory / "Python.h").is_file() for directory in headers):
        raise _NoBindingError(f"there is no Python.h in {headers[0]} (on Debian and Ubuntu: apt install python3-dev)")
    flags = list(_FLAGS)
    if sys.platform == "darwin":
        flags += _DARWIN_FLAGS
    if toolchain.family != "gcc":
        flags += _NO_CXX_LIBRARY_FLAGS
    numpy = numpy_headers()
    if numpy is not None:
        flags += _NUMPY_FLAGS
        headers.append(numpy)
    toolchain.compile(
        SOURCE_DIRECTORY / "binding.c",
        folder / LIBRARY_NAME,
        flags=flags,
        include_dirs=(INCLUDE_DIRECTORY, *headers),
    )


def _import(path: Path) -> ModuleType:
    """The extension module at `path`, under one name whatever its path; the interpreter initialises it once."""
    loaded = sys.modules.get(MODULE_NAME)
    if loaded is not None:
        return loaded
    loader = ExtensionFileLoader(MODULE_NAME, str(path))
    module = loader.create_module(ModuleSpec(MODULE_NAME, loader, origin=str(path)))
    loader.exec_module(module)
    sys.modules[MODULE_NAME] = module
    return module
