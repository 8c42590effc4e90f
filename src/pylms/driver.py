"""The one road (DESIGN §2): a staged function becomes IR, better IR, C++, a library, a native callable.

Each step hands a value to the next; read `compile_staged` top to bottom.
"""

from __future__ import annotations

import builtins
import logging
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from .ad.reverse import Differentiate
from .backends.base import CallbackSpec, ErrorSite, SourceBundle
from .backends.registry import backend_named
from .errors import InternalError, ToolchainError
from .ir.digest import digest
from .ir.node import Function
from .ir.printer import print_function
from .ir.types import BOOL, ScalarType, Type
from .options import Options
from .passes.pipeline import SCALAR_PASSES, TENSOR_PASSES, run_passes
from .runtime.cache import LIBRARY_NAME, SOURCE_NAME, Cache, CacheEntry
from .runtime.cache_key import cache_key
from .runtime.cpu import this_cpu
from .runtime.library import load_library
from .runtime.native import Callback, NativeFunction, NativeInterface, Site
from .runtime.process import capture
from .runtime.toolchain import Toolchain, find_toolchain
from .staging.context import HostFunction
from .staging.reify import Staged

_logger = logging.getLogger("pylms")
_CAUGHT = {name: getattr(builtins, name) for name in dir(builtins) if name.endswith("Error")}


@dataclass(frozen=True, slots=True)
class Compiled:
    """A staged function and everything it became. `native` takes the scalar arguments and gives flat results."""

    staged: Staged
    optimised: Function
    bundle: SourceBundle
    library: Path
    native: NativeFunction


def optimise(staged: Staged, options: Options) -> tuple[Function, SourceBundle]:
    """From traced IR to C++ text: passes, differentiation, legalisation, emission."""
    backend = backend_named("cpp", checks=options.checks)
    on_pass = _dump_pass if options.dump_ir else None
    passes = (*SCALAR_PASSES, Differentiate(), *TENSOR_PASSES, *backend.legalise())
    optimised = run_passes(staged.function, passes, on_pass=on_pass)
    return optimised, backend.emit(optimised)


def compile_staged(staged: Staged, native: NativeInterface, options: Options) -> Compiled:
    """From traced IR to a native callable. Raises ToolchainError where the compiler is missing or fails."""
    started = time.perf_counter()
    optimised, bundle = optimise(staged, options)
    entry = build(bundle, options)
    library = load_library(native, entry.path)
    function = native.NativeFunction(
        library.entry,
        "".join(_code_of(type_) for type_ in bundle.argument_types[: len(bundle.argument_types) - bundle.captures]),
        _result_codes(bundle.result_types),
        callbacks=tuple(_callback(spec, staged.host_functions) for spec in bundle.callbacks),
        sites=tuple(_site(site) for site in bundle.error_sites),
        pointers=_pointers(staged),
        releases_gil=bundle.releases_gil,
        keep_alive=(library.handle, staged.captures),
    )
    _log_compile(bundle.name, optimised, entry, time.perf_counter() - started, options)
    return Compiled(staged, optimised, bundle, entry.path, function)


def build(bundle: SourceBundle, options: Options) -> CacheEntry:
    """The shared library for a bundle, from the disk cache or the compiler.

    The key is the generated text itself and all that decides what the compiler makes of it: a stale hit cannot happen.
    """
    toolchain = find_toolchain(options)
    include_directories = [
        Path(__file__).parent / "runtime" / "include",
        Path(__file__).parent / "backends/cpp/include",
    ]
    headers = {name: _header_text(name, include_directories) for name in bundle.headers}
    key = cache_key(
        {
            "source": bundle.source,
            "headers": tuple(sorted(headers.items())),
            "flags": (*toolchain.flags(), *bundle.flags, *bundle.link),
            "compiler": toolchain.identity,
            "cpu": this_cpu().identity,
        }
    )
    _write_generated(bundle, options)
    cache = Cache(options.resolved_cache_dir())
    return cache.get_or_build(key, partial(_compile_into, bundle, toolchain, include_directories))


def disassemble(library: Path) -> str:
    """The machine code of a built library in Intel syntax. Raises ToolchainError where there is no `objdump`."""
    try:
        return capture(("objdump", "-d", "-M", "intel", "--no-show-raw-insn", str(library)))
    except OSError as error:
        raise ToolchainError("objdump was not found", hint="install binutils: apt install binutils") from error


def _compile_into(
    bundle: SourceBundle, toolchain: Toolchain, include_directories: Sequence[Path], folder: Path
) -> None:
    source = folder / SOURCE_NAME
    source.write_text(bundle.source)
    toolchain.compile(
        source, folder / LIBRARY_NAME, extra_flags=(*bundle.flags, *bundle.link), include_dirs=include_directories
    )


def _header_text(name: str, directories: Sequence[Path]) -> str:
    for directory in directories:
        if (directory / name).exists():
            return (directory / name).read_text()
    raise InternalError(f"generated code includes {name}, which does not exist")


def _write_generated(bundle: SourceBundle, options: Options) -> None:
    if options.gen_dir is not None:
        options.gen_dir.mkdir(parents=True, exist_ok=True)
        (options.gen_dir / f"module_{bundle.name}.cpp").write_text(bundle.source)
    if options.dump_c:
        print(bundle.listing, file=sys.stderr)


def _dump_pass(name: str, function: Function) -> None:
    print(f"// after {name}\n{print_function(function)}", file=sys.stderr)


def _log_compile(name: str, function: Function, entry: CacheEntry, seconds: float, options: Options) -> None:
    level = logging.WARNING if options.log_compiles else logging.INFO
    if _logger.isEnabledFor(level):
        how = "cached" if entry.hit else "compiled"
        _logger.log(level, "%s %s %.1f ms %s", name, digest(function)[:12], seconds * 1e3, how)


def _code_of(type_: Type) -> str:
    assert isinstance(type_, ScalarType)
    return "b" if type_ == BOOL else "f" if type_.is_float else "i"


def _result_codes(types: Sequence[Type]) -> str:
    """Results travel as a flat tuple, or bare where there is one or none."""
    codes = "".join(map(_code_of, types))
    return codes if len(codes) < 2 else f"({codes})"


def _pointers(staged: Staged) -> Callable[[], tuple[int, ...]] | tuple[int, ...]:
    if not staged.captures:
        return ()
    captures = staged.captures
    return lambda: tuple(capture.address() for capture in captures)


def _callback(spec: CallbackSpec, host_functions: Sequence[HostFunction]) -> Callback:
    argument_codes = "".join(
        "p" if not isinstance(type_, ScalarType) else _code_of(type_) for type_ in spec.argument_types
    )
    if spec.kind == "print":
        return partial(_print_text, spec.format), argument_codes, ""
    result_codes = "".join(map(_code_of, spec.result_types))
    return host_functions[spec.index].function, argument_codes, result_codes


def _print_text(template: str, *values: object) -> None:
    sys.stdout.write(template.format(*values))


def _site(site: ErrorSite) -> Site:
    def make() -> BaseException:
        error: BaseException = _CAUGHT[site.error](site.message)
        if sys.version_info >= (3, 11):
            error.add_note(f"raised by compiled code at {site.loc}\n{site.loc.excerpt()}")
        return error

    return make
