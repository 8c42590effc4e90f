"""Real compiled entries to call: both ways of calling them, in a cache of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pylms.options import Options
from pylms.runtime import ctypes_call
from pylms.runtime.binding import INCLUDE_DIRECTORY, load_binding
from pylms.runtime.cache import LIBRARY_NAME, SOURCE_NAME, Cache
from pylms.runtime.cache_key import cache_key
from pylms.runtime.library import Library, load_library
from pylms.runtime.toolchain import Toolchain, find_toolchain


@pytest.fixture(scope="session")
def options(tmp_path_factory) -> Options:
    return Options(cache_dir=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def toolchain(options) -> Toolchain:
    return find_toolchain(options)


@pytest.fixture(scope="session")
def binding(options):
    module = load_binding(options)
    assert module is not None, "these tests need Python.h"
    return module


@pytest.fixture(scope="session", params=["binding", "ctypes"])
def native(request):
    return ctypes_call if request.param == "ctypes" else request.getfixturevalue("binding")


@pytest.fixture(scope="session")
def build(options, toolchain) -> Callable[[str], Path]:
    """Compile the body of `int pylms_entry(context, args, results)`; the path of the library."""
    cache = Cache(options.resolved_cache_dir())

    def build_body(body: str) -> Path:
        text = (
            '#include "pylms_abi.h"\n'
            'extern "C" int kill(int, int); extern "C" int getpid();\n'
            "int pylms_entry(pylms_context *context, const pylms_value *args, pylms_value *results)\n"
            "{\n" + body + "\nreturn 0; }\n"
        )

        def compile_in(folder: Path) -> None:
            (folder / SOURCE_NAME).write_text(text)
            toolchain.compile(folder / SOURCE_NAME, folder / LIBRARY_NAME, include_dirs=[INCLUDE_DIRECTORY])

        return cache.get_or_build(cache_key({"test": text}), compile_in).path

    return build_body


@pytest.fixture
def load(native, build) -> Callable[[str], Library]:
    """Compile a body and load it."""
    return lambda body: load_library(native, build(body))


@pytest.fixture
def make(native, load):
    """Compile a body and make a NativeFunction of it: make(body, argument_codes, result_codes, **more)."""

    def make_function(body, argument_codes, result_codes, **more):
        library = load(body)
        return native.NativeFunction(library.entry, argument_codes, result_codes, keep_alive=library.handle, **more)

    return make_function
