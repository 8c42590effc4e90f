"""The hand-written C++ competitor: `native/mnist_mlp.cpp`, compiled with the compiler that is named, called by ctypes.

The compiler gets the flags that generated code gets, and -O3.
"""

from __future__ import annotations

import ctypes
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from .mnist_data import LEARNING_RATE, initial_model, parameters_of, training_set
from .worker import Trainer

SOURCE = Path(__file__).parent / "native" / "mnist_mlp.cpp"
FLAGS = ("-std=c++17", "-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-fPIC", "-shared")


class HandWritten:
    """The compiled loop, on the raw bytes of the images."""

    def __init__(self, batch: int, compiler: str) -> None:
        self.batch, self.command = batch, command_of(compiler)
        data = training_set()
        self.images = data.data.numpy().reshape(-1, 784)
        self.labels = data.targets.numpy()
        self.loop: Any = None
        self.reset()

    def reset(self) -> None:
        self.current = [aligned(array) for array in parameters_of(initial_model())]

    def prepare(self, steps: int) -> int:
        if self.loop is None:
            with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
                library = Path(folder) / "mnist_mlp.so"
                command = [*self.command, *FLAGS, f"-DBATCH={self.batch}", str(SOURCE), "-o", str(library)]
                subprocess.run(command, check=True)
                self.loop = ctypes.CDLL(str(library)).train
            self.loop.restype = ctypes.c_double
        self.train(steps)
        self.reset()
        return steps

    def train(self, steps: int) -> float:
        pointers = [array.ctypes.data_as(ctypes.c_void_p) for array in (self.images, self.labels, *self.current)]
        total = self.loop(*pointers[:2], ctypes.c_long(steps), *pointers[2:], ctypes.c_float(LEARNING_RATE))
        return float(total) / steps

    def parameters(self) -> list[Any]:
        return self.current


def command_of(compiler: str) -> list[str]:
    return [sys.executable, "-m", "ziglang", "c++"] if compiler == "zig c++" else [compiler]


def aligned(array: Any) -> Any:
    """A copy that starts at a multiple of 64 bytes, as PyTorch's own memory does."""
    memory = np.empty(array.nbytes + 64, np.uint8)
    start = -memory.ctypes.data % 64
    copy = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def trainer(batch: int, compiler: str) -> Trainer:
    return HandWritten(batch, compiler)
