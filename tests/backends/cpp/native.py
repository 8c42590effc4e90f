"""Native code for tests: many emitted functions in one compilation, called through ctypes as the ABI says."""

from __future__ import annotations

import builtins
import ctypes
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import pylms
from pylms.backends.base import SourceBundle
from pylms.backends.cpp.backend import INCLUDE_DIRECTORY, CppBackend
from pylms.ir.evaluate_rules import as_type
from pylms.ir.node import Function
from pylms.ir.types import BufferType, ScalarType, TensorType, element_type

ABI_DIRECTORY = Path(pylms.__file__).parent / "runtime" / "include"


class Slot(ctypes.Union):
    _fields_ = [("i", ctypes.c_longlong), ("f", ctypes.c_double), ("p", ctypes.c_void_p)]


class Context(ctypes.Structure):
    pass


CALL = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Context), ctypes.c_longlong, ctypes.POINTER(Slot))
POLL = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Context))
ALLOCATE = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.POINTER(Context), ctypes.c_longlong)
Context._fields_ = [
    ("interrupt", ctypes.c_int),
    ("call", CALL),
    ("poll", POLL),
    ("allocate", ALLOCATE),
    ("arena", ctypes.c_void_p),
    ("arena_size", ctypes.c_longlong),
    ("stack_end", ctypes.c_void_p),
    ("stack_limit", ctypes.c_void_p),
    ("landing", ctypes.c_void_p),
    ("heap", ctypes.c_void_p),
    ("user", ctypes.c_void_p),
    ("shown", ctypes.c_longlong * 2),
]


class RecordingHost:
    """Keeps what was printed; answers host calls with `answer`."""

    def __init__(self, answer=lambda callback, args: ()):
        self.printed: list[str] = []
        self.answer = answer

    def print(self, text):
        self.printed.append(text)

    def call(self, callback, args):
        return self.answer(callback, args)


class NativeCall:
    """One compiled function, called with the values that `interpret` takes, giving the values that it gives."""

    def __init__(self, bundle: SourceBundle, entry: Any) -> None:
        self.bundle = bundle
        self.entry = entry

    def __call__(self, args: Sequence[Any], host: RecordingHost | None = None, interrupted: bool = False) -> Any:
        host = host or RecordingHost()
        memory: list[Any] = []
        slots = (Slot * max(len(args), 1))()
        for slot, arg, type_ in zip(slots, args, self.bundle.argument_types, strict=False):
            put(slot, arg, type_)
        results = (Slot * max(len(self.bundle.result_types), 1))()
        context = self._context(host, memory, interrupted)
        status = self.entry(ctypes.byref(context), slots, results)
        if status == -1:
            raise host_error(memory)
        if status:
            site = self.bundle.error_sites[status - 1]
            raise getattr(builtins, site.error)(site.shown.format(*context.shown) if site.shown else site.message)
        pairs = zip(results, self.bundle.result_types, strict=False)
        return tuple(as_type(take(slot, type_), type_) for slot, type_ in pairs)

    def _context(self, host: RecordingHost, memory: list[Any], interrupted: bool) -> Context:
        def call(_context, number, slots):
            spec = self.bundle.callbacks[number]
            values = [take(slots[k], type_) for k, type_ in enumerate(spec.argument_types)]
            if spec.kind == "print":
                host.print(spec.format.format(*values))
                return 0
            try:
                answers = host.call(spec.number, tuple(values))
            except Exception as error:
                memory.append(error)
                return 1
            for k, (answer, type_) in enumerate(zip(answers, spec.result_types, strict=True)):
                put(slots[k], answer, type_)
            return 0

        def poll(context):
            context.contents.interrupt = 0
            if interrupted:
                memory.append(KeyboardInterrupt())
            return int(interrupted)

        def allocate(_context, size):
            block = np.full(size + 64, 0xAB, np.uint8)
            memory.append(block)
            return (block.ctypes.data + 63) // 64 * 64

        return Context(1, CALL(call), POLL(poll), ALLOCATE(allocate), None, 0, None)


def host_error(memory):
    return next(item for item in reversed(memory) if isinstance(item, BaseException))


def put(slot, value, type_):
    if isinstance(type_, BufferType) or (isinstance(type_, TensorType) and type_.shape):
        slot.p = value.ctypes.data
    elif element_type(type_).is_float:
        slot.f = float(value)
    else:
        slot.i = int(value)


def take(slot, type_):
    if isinstance(type_, BufferType):
        return slot.p
    number: ScalarType = element_type(type_)
    if number.is_float:
        return slot.f
    return bool(slot.i) if number.kind == "bool" else slot.i % 2**64 if number.kind == "uint" else slot.i


def compile_all(
    functions: Sequence[Function], *, backend: CppBackend | None = None, optimise="-O1"
) -> list[NativeCall]:
    """Each function's native code, from one run of the compiler."""
    backend = backend or CppBackend()
    bundles = [backend.emit(function) for function in functions]
    headers = dict.fromkeys(header for bundle in bundles for header in bundle.headers)
    texts = [f'#include "{header}"\n' for header in headers]
    flags = {flag for bundle in bundles for flag in bundle.flags if not flag.startswith("-O")}
    for number, bundle in enumerate(bundles):
        body = "\n".join(line for line in bundle.source.splitlines() if not line.startswith("#include"))
        body = body.replace('extern "C" int pylms_entry(', f'extern "C" int entry_{number}(')
        texts.append(f"namespace case_{number} {{\n{body}\n}}\n")
    library = build("".join(texts), [optimise, *sorted(flags)])
    calls = []
    for number, bundle in enumerate(bundles):
        calls.append(native_call(bundle, getattr(library, f"entry_{number}")))
    return calls


def native_call(bundle: SourceBundle, entry: Any) -> NativeCall:
    """What calls an entry point of a loaded library."""
    entry.argtypes = [ctypes.POINTER(Context), ctypes.POINTER(Slot), ctypes.POINTER(Slot)]
    return NativeCall(bundle, entry)


def build(source: str, flags: Sequence[str]) -> ctypes.CDLL:
    """A shared library of this source, loaded; its files are gone again."""
    with tempfile.TemporaryDirectory(prefix="pylms-native-") as folder:
        path = Path(folder) / "cases.cpp"
        path.write_text(source)
        output = path.with_suffix(".so")
        includes = [f"-I{directory}" for directory in (ABI_DIRECTORY, INCLUDE_DIRECTORY)]
        command = [os.environ.get("CXX") or shutil.which("g++") or "clang++", "-std=c++17", "-shared", "-fPIC"]
        # As the toolchain compiles, so that what its flags permit is tested as well.
        command += ["-march=native", "-fno-math-errno", "-fno-trapping-math", "-Wall", "-Wno-unused", *flags, *includes]
        done = subprocess.run([*command, str(path), "-o", str(output)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{done.stderr}\n{source}"
        return ctypes.CDLL(str(output))
