"""The one road (DESIGN §2): a staged function becomes C++, a library, a native callable.

Each step hands a value to the next; read `compile_staged` top to bottom. The disk cache stands between the traced
IR and the library: what `generate` makes of the IR is kept beside the library, so a hit runs no pass and loads no
compiler.
"""

from __future__ import annotations

import builtins
import os
import pickle
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from .backends.base import CallbackSpec, ErrorSite, SourceBundle
from .errors import ToolchainError
from .ir.canonical import canonical_form
from .ir.node import Function
from .ir.python_errors import argument_of
from .ir.types import (
    BOOL,
    ArrayType,
    DictType,
    ElementType,
    ListType,
    RecordType,
    ScalarType,
    TensorType,
    TextType,
    Type,
)
from .lasting import lasting_objects
from .late import late_module
from .options import Options
from .records import record
from .runtime.cache import LIBRARY_NAME, SOURCE_NAME, Cache, CacheEntry
from .runtime.cache_key import KeyPart, cache_key, digest_of
from .runtime.cache_misses import explain_miss, record_parts
from .runtime.cpu import this_cpu
from .runtime.library import load_library
from .runtime.native import Callback, NativeFunction, NativeInterface, Site
from .runtime.process import capture
from .runtime.toolchain import Toolchain, find_toolchain
from .staging.context import HostFunction
from .staging.reify import Staged
from .tracebacks import place_at

if TYPE_CHECKING:
    import logging
else:
    logging = late_module("logging")

_PACKAGE = Path(__file__).parent
INCLUDE_DIRECTORIES = (_PACKAGE / "runtime" / "include", _PACKAGE / "backends" / "cpp" / "include")
_GENERATING_PARTS = ("ir", "passes", "ad", "backends", "runtime/include")
_BUNDLE_NAME = "bundle"
_CAUGHT = {name: getattr(builtins, name) for name in dir(builtins) if name.endswith("Error")}


@record(frozen=True, slots=True)
class Compiled:
    """A staged function and what it became. `native` takes the arguments and gives flat results."""

    staged: Staged
    bundle: SourceBundle
    library: Path
    native: NativeFunction


def compile_staged(staged: Staged, native: NativeInterface, options: Options) -> Compiled:
    """From traced IR to a native callable. Raises ToolchainError where the compiler is missing or fails."""
    started = time.perf_counter()
    with lasting_objects():
        entry, bundle = build(staged.function, options)
    _write_generated(bundle, options)
    library = load_library(native, entry.path)
    function = bind(staged, bundle, library.entry, native, library.handle)
    _log_compile(bundle.name, entry, time.perf_counter() - started, options)
    return Compiled(staged, bundle, entry.path, function)


def bind(
    staged: Staged, bundle: SourceBundle, entry: int, native: NativeInterface, library_handle: object
) -> NativeFunction:
    """The native callable of an entry point in a loaded library. Keeps the library loaded as long as it lives."""
    return native.NativeFunction(
        entry,
        _argument_codes(staged),
        _result_codes(bundle.result_types),
        callbacks=tuple(_callback(spec, staged.host_functions, bundle.name) for spec in bundle.callbacks),
        sites=tuple(_site(site, bundle.name) for site in bundle.error_sites),
        pointers=_pointers(staged),
        releases_gil=bundle.releases_gil,
        keep_alive=(library_handle, staged.captures),
        overlap=staged.overlap,
    )


def build(function: Function, options: Options) -> tuple[CacheEntry, SourceBundle]:
    """The library of a traced function and what was generated for it: from the disk cache, or made now.

    The key is the IR itself (positions included: error messages tell them), the settings, and all that decides what
    the generator and the compiler make of it; so a stale hit cannot happen.
    """
    toolchain = find_toolchain(options)
    parts: dict[str, KeyPart] = {
        "ir": canonical_form(function, with_locations=True),
        "checks": options.checks,
        "reassociate": options.reassociate,
        "threads": options.num_threads,
        "generator": _generator_identity(),
        "flags": toolchain.flags(),
        "compiler": toolchain.identity,
        "cpu": this_cpu().identity,
    }
    key = cache_key(parts)
    cache = Cache(options.resolved_cache_dir())
    label = f"{function.name} ({function.loc.file}:{function.loc.line})"

    def build_into(folder: Path) -> None:
        _build_into(function, toolchain, options, folder)
        record_parts(folder, label, parts)

    for _attempt in ("as it is", "built again"):
        entry = cache.get_or_build(key, build_into)
        if options.explain_cache_misses and not entry.hit:
            reason = explain_miss(cache.directory, label, parts, built=entry.path.parent)
            logging.getLogger("pylms").warning("cache miss: %s", reason)
        bundle = _read_bundle(entry.path.parent)
        if bundle is not None:
            return entry, bundle
        cache.discard(key)
    raise OSError(f"the compile cache at {entry.path.parent} cannot be read back")


def disassemble(library: Path) -> str:
    """The machine code of a built library in Intel syntax, each Python line before what became of it.

    Raises ToolchainError where there is no `objdump`.
    """
    try:
        return capture(("objdump", "-d", "-S", "-M", "intel", "--no-show-raw-insn", str(library)))
    except OSError as error:
        raise ToolchainError("objdump was not found", hint="install binutils: apt install binutils") from error


def _build_into(function: Function, toolchain: Toolchain, options: Options, folder: Path) -> None:
    """Generate, compile, and leave library, source and bundle in the folder."""
    # Loaded here, so that a process whose functions are all in the cache never loads the compiler.
    bundle: SourceBundle = import_module(".generate", __package__).generate(function, options)
    if options.dump_c:
        print(bundle.listing, file=sys.stderr)
    source = folder / SOURCE_NAME
    source.write_text(bundle.source)
    toolchain.compile(
        source,
        folder / LIBRARY_NAME,
        extra_flags=(*bundle.flags, *bundle.link),
        include_dirs=INCLUDE_DIRECTORIES,
        pieces=min(_cpus(), bundle.pieces),
    )
    payload = pickle.dumps(bundle)
    (folder / _BUNDLE_NAME).write_bytes(digest_of(payload).encode() + payload)


def _cpus() -> int:
    """How many this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _read_bundle(folder: Path) -> SourceBundle | None:
    """What was generated for a cached library; None where the file is missing or damaged."""
    try:
        content = (folder / _BUNDLE_NAME).read_bytes()
    except OSError:
        return None
    found, payload = content[:64], content[64:]
    if digest_of(payload).encode() != found:
        return None
    bundle = pickle.loads(payload)
    return bundle if isinstance(bundle, SourceBundle) else None


@lru_cache(maxsize=1)
def _generator_identity() -> tuple[KeyPart, ...]:
    """Every file that decides what is generated, with its size and time of change."""
    paths = [str(_PACKAGE / "generate.py")]  # the order of the passes
    for part in _GENERATING_PARTS:
        for folder, _, files in sorted(os.walk(_PACKAGE / part)):
            paths += [os.path.join(folder, name) for name in sorted(files) if name.endswith((".py", ".h"))]
    return tuple(map(_file_identity, paths))


def _file_identity(path: str) -> KeyPart:
    status = os.stat(path)
    return path, status.st_size, status.st_mtime_ns


def _write_generated(bundle: SourceBundle, options: Options) -> None:
    if options.gen_dir is not None:
        options.gen_dir.mkdir(parents=True, exist_ok=True)
        (options.gen_dir / f"module_{bundle.name}.cpp").write_text(bundle.listing)


def _log_compile(name: str, entry: CacheEntry, seconds: float, options: Options) -> None:
    if not options.log_compiles and "logging" not in sys.modules:
        return  # nobody can have asked for it, and importing it takes as long as loading the library
    level = logging.WARNING if options.log_compiles else logging.INFO
    how = "cached" if entry.hit else "compiled"
    logging.getLogger("pylms").log(level, "%s %s %.1f ms %s", name, entry.path.parent.name[:12], seconds * 1e3, how)


def _argument_codes(staged: Staged) -> str:
    """How the runtime spells the types of the arguments: see `runtime.arguments`."""
    types = [parameter.type for parameter in staged.function.params[: len(staged.written)]]
    return "".join(map(_argument_code, types, staged.written))


def _argument_code(type_: Type, is_written: bool) -> str:
    if isinstance(type_, ArrayType):
        return f"[{_array(type_)},{'w' if is_written else 'r'}]"
    if isinstance(type_, TensorType):
        return _python_code(type_.dtype) if not type_.shape else "i"  # else its address
    return _result_code(type_)


def _result_codes(types: Sequence[Type]) -> str:
    """And those of results: see `runtime.marshal`."""
    return _flat(map(_result_code, types))


def _result_code(type_: Type) -> str:
    if isinstance(type_, ArrayType):
        return f"[{_array(type_)}]"
    return _number_code(type_) if isinstance(type_, ScalarType) else _python_code(type_)


def _flat(codes: Iterable[str]) -> str:
    """A flat tuple, or bare where there is one code or none."""
    each = tuple(codes)
    return "".join(each) if len(each) < 2 else f"({''.join(each)})"


def _number_code(type_: ScalarType) -> str:
    return _python_code(type_) if type_.python else f"[{_elements(type_)}]"


def _python_code(type_: Type | ElementType) -> str:
    """Python's own values; an address for anything else."""
    match type_:
        case ScalarType():
            return "b" if type_ == BOOL else "f" if type_.is_float else "i"
        case TextType():
            return "s"
        case ListType(element):
            return f"<{_element_code(element)}>"
        case DictType(key, value):
            return f"{{{_element_code(key)}{_element_code(value)}}}"
        case RecordType(items):
            return f"({''.join(map(_element_code, items))})"
        case _:
            return "p"


def _element_code(type_: ElementType) -> str:
    """What containers hold: NumPy's numbers stay such."""
    return _number_code(type_) if isinstance(type_, ScalarType) else _python_code(type_)


def _array(type_: ArrayType) -> str:
    return f"{_elements(type_.dtype)},{type_.rank},{'C' if type_.is_dense else 'S'}"


def _elements(type_: ScalarType) -> str:
    return f"{type_.kind[0]}{type_.itemsize}"


def _pointers(staged: Staged) -> Callable[[], tuple[int, ...]] | tuple[int, ...]:
    if not staged.captures:
        return ()
    captures = staged.captures
    return lambda: tuple(capture.address() for capture in captures)


def _callback(spec: CallbackSpec, host_functions: Sequence[HostFunction], function: str) -> Callback:
    argument_codes = "".join(map(_python_code, spec.argument_types))
    result_codes = _flat(map(_python_code, spec.result_types))
    match spec.kind:
        case "print":
            return partial(_print_text, spec.format), argument_codes, ""
        case "format":
            return spec.format.format, argument_codes, result_codes
        case "method":
            return getattr(str, spec.format), argument_codes, result_codes
        case "raise":
            return partial(_make_error, spec, function), argument_codes, "x"
        case "host":
            return host_functions[spec.number].function, argument_codes, result_codes


def _make_error(spec: CallbackSpec, function: str, value: object) -> BaseException:
    """The exception that shows a value of the run."""
    error: BaseException = _CAUGHT[spec.error](spec.format.format(value) if spec.format else value)
    place_at(error, spec.loc, function)
    return error


def _print_text(template: str, *values: object) -> None:
    sys.stdout.write(template.format(*values))


def _site(site: ErrorSite, function: str) -> Site:
    def make(first: int, second: int) -> BaseException:
        argument = site.shown.format(first, second) if site.shown else argument_of(site.error, site.message)
        error: BaseException = _CAUGHT[site.error](argument)
        place_at(error, site.loc, function)
        return error

    return make
