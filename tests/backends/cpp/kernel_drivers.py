"""Small C++ drivers around the kernel headers: what to call, the source that calls it, and the compiled library.

In: cases (a kernel at one shape and type). Out: `Drivers`, which calls the `extern "C"` function of a case on arrays.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

INCLUDE_DIRECTORY = Path(__file__).parents[3] / "src" / "pylms" / "backends" / "cpp" / "include"
FLAGS = (
    "-std=c++17",
    "-O3",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fPIC",
    "-shared",
    "-Wall",
    "-Wextra",
    "-Werror",
)
HEADERS = ("elementary.h", "gemm.h", "gemm_sum.h", "gemv.h", "reduce.h")

Array = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Target:
    """A compiler and the instruction set it is asked for."""

    compiler: str
    march: str

    def __str__(self) -> str:
        return f"{self.compiler}-{self.march}"


def available_targets() -> tuple[Target, ...]:
    """The compilers on this machine, for its own instruction set and for the plain one, which has narrow vectors."""
    compilers = [name for name in ("g++", "clang++") if shutil.which(name)]
    return tuple(Target(name, march) for name in compilers for march in ("native", "x86-64"))


@dataclass(frozen=True, slots=True)
class Case:
    """One `extern "C"` function: its name, parameter list and body, in C++."""

    name: str
    parameters: str
    body: str

    @property
    def source(self) -> str:
        return f'extern "C" void {self.name}({self.parameters}) {{ {self.body} }}'


@dataclass(frozen=True, slots=True)
class Drivers:
    """Compiled cases. Arrays are passed as pointers to their first element, floats as doubles."""

    library: ctypes.CDLL

    @property
    def path(self) -> str:
        """The file of the library."""
        return self.library._name

    def call(self, name: str, *arguments: Array | float | int) -> None:
        getattr(self.library, name)(*(_as_c(argument) for argument in arguments))


def _as_c(argument: Array | float | int) -> ctypes.c_void_p | ctypes.c_double | ctypes.c_long:
    if isinstance(argument, np.ndarray):
        return ctypes.c_void_p(argument.ctypes.data)
    return ctypes.c_long(argument) if isinstance(argument, int) else ctypes.c_double(argument)


def compile_source(source: Path, library: Path, target: Target) -> ctypes.CDLL:
    """Compiles one C++ file against the kernel headers, warnings being errors, and loads it."""
    command = [
        target.compiler,
        *FLAGS,
        f"-march={target.march}",
        f"-I{INCLUDE_DIRECTORY}",
        str(source),
        "-o",
        str(library),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stderr}"
    return ctypes.CDLL(str(library))


def compile_cases(cases: Sequence[Case], directory: Path, target: Target) -> Drivers:
    """All cases in one library."""
    source = directory / "drivers.cpp"
    includes = "".join(f'#include "{header}"\n' for header in HEADERS)
    source.write_text(includes + "using namespace pylms;\n" + "\n".join(case.source for case in cases) + "\n")
    return Drivers(compile_source(source, directory / "drivers.so", target))
