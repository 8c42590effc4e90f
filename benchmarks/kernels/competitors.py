"""What each competitor makes of a kernel: how it takes arguments, and a compiled function to call with them."""

from __future__ import annotations

import ctypes
import importlib
import subprocess
import sys
import tempfile
import types
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from .cases import Arguments, Case

SUBJECT = "Snek-LMS"
SOURCE = Path(__file__).parent.parent / "native" / "kernels.cpp"
# What Numba's users write otherwise.
NUMBA_PROGRAMS = frozenset({"count_words"})
RESULT_TYPES = {"int": ctypes.c_longlong, "float": ctypes.c_double, "uint64": ctypes.c_ulonglong}


@dataclass(frozen=True, slots=True)
class Run:
    """prepare: the arguments as the competitor has them, which is not timed. call: what is timed."""

    prepare: Callable[[Arguments], Arguments]
    call: Callable[..., Any]


def subject(case: Case) -> Run:
    """This project, with its defaults: all of Python's checks."""
    from pylms import stage

    return Run(_unchanged, stage(case.function))


def native(case: Case) -> Run:
    """The C++ function, called through ctypes."""
    function = getattr(_library(), case.name)
    function.restype = RESULT_TYPES[case.result]
    kept: list[Any] = []  # arrays that only their address is passed of

    def prepare(arguments: Arguments) -> Arguments:
        converted = case.native(*arguments)
        kept.append(converted)
        return tuple(map(_as_native, converted))

    return Run(prepare, function)


def numba(case: Case) -> Run:
    """Numba in no-python mode, with its defaults. A recursive function calls its compiled self."""
    from numba import njit

    if case.name in NUMBA_PROGRAMS:
        return Run(_unchanged, getattr(importlib.import_module("benchmarks.kernels.numba_programs"), case.name))
    namespace = dict(case.function.__globals__)
    function = types.FunctionType(case.function.__code__, namespace, case.name)
    compiled = namespace[case.name] = njit(function)
    return Run(_unchanged, compiled)


COMPETITORS: dict[str, Callable[[Case], Run]] = {SUBJECT: subject, "C++, g++ -O3": native, "Numba": numba}


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL:
    folder = tempfile.mkdtemp(prefix="benchmark-kernels-")
    library = f"{folder}/kernels.so"
    flags = ("-std=c++17", "-O3", "-march=native", "-fno-math-errno", "-shared", "-fPIC", "-fvisibility=hidden")
    subprocess.run(["g++", *flags, str(SOURCE), "-o", library], check=True, stdout=sys.stderr)
    return ctypes.CDLL(library)


def _unchanged(arguments: Arguments) -> Arguments:
    return arguments


def _as_native(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return ctypes.c_void_p(value.ctypes.data)
    return ctypes.c_longlong(value) if isinstance(value, int) else value
