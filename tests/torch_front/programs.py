"""Staging PyTorch programs and running them through the interpreter, next to PyTorch itself."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from pylms.ad.reverse import Differentiate
from pylms.ir.interpret import interpret
from pylms.ir.node import Function
from pylms.ir.types import BOOL, FLOAT, INT, BufferType, ScalarType
from pylms.loc import Loc
from pylms.options import Options
from pylms.passes.mark_leaves import MarkLeaves
from pylms.passes.pipeline import run_passes
from pylms.passes.promote_variables import PromoteVariables
from pylms.staging.context import Capture, HostFunction
from pylms.staging.reify import Staged, reify
from pylms.staging.rewriting import rewritten
from pylms.staging.values import Deferred, Leaf, Static, Structure, TupleOf
from pylms.torch_front import TorchFront
from pylms.virtualize import virtualize

_TYPES = {bool: BOOL, int: INT, float: FLOAT}


class _PythonHost:
    def __init__(self, functions: Sequence[HostFunction], program: Program) -> None:
        self.functions = functions
        self.program = program

    def print(self, text: str) -> None:
        self.program.printed += text

    def call(self, callback: int, args: tuple[Any, ...]) -> tuple[Any, ...]:
        result = self.functions[callback].function(*args)
        return result if isinstance(result, tuple) else () if result is None else (result,)


class Program:
    """A function staged with PyTorch's front. Calling it interprets its IR on the real memory of its tensors."""

    def __init__(self, function: Callable[..., object], example: Sequence[object], *, recursive: bool = False) -> None:
        """`recursive`: whether functions that it calls are virtualised as well."""
        types = [(f"a{index}", _TYPES[type(value)]) for index, value in enumerate(example)]
        loc = Loc(function.__code__.co_filename, function.__code__.co_firstlineno)
        self.staged: Staged = reify(
            rewritten(virtualize(function), function, recursive=recursive),
            types,
            name=function.__name__,
            loc=loc,
            front=TorchFront(),
            options=Options(),
            compile_late=lambda staged: partial(self._interpret, staged, _prepared(staged)),
        )
        self.function = _prepared(self.staged)
        self.printed = ""

    def __call__(self, *args: object) -> Any:
        for prepare in self.staged.before_run:
            prepare()
        result = self._interpret(self.staged, self.function, *args)
        for finish in self.staged.after_run:
            finish()
        return result

    def _interpret(self, staged: Staged, function: Function, *args: object) -> Any:
        host = _PythonHost(staged.host_functions, self)
        memory = [_array(capture) for capture in staged.captures]
        return _rebuilt(staged.structure, iter(interpret(function, [*args, *memory], host=host)))


def _prepared(staged: Staged) -> Function:
    return run_passes(staged.function, (PromoteVariables(), MarkLeaves(), Differentiate()))


def stage(function: Callable[..., object], *example: object) -> Program:
    return Program(function, example)


def _array(capture: Capture) -> np.ndarray:
    type_ = capture.symbol.type
    assert isinstance(type_, BufferType)
    dtype = np.dtype(type_.dtype.name)
    size = math.prod(type_.shape)
    raw = (ctypes.c_char * (size * dtype.itemsize)).from_address(capture.address()) if size else bytearray()
    return np.frombuffer(raw, dtype=dtype, count=size).reshape(type_.shape)


def _rebuilt(structure: Structure, values: Iterator[object]) -> Any:
    match structure:
        case Leaf(type_):
            assert isinstance(type_, ScalarType)
            return next(values)
        case Static(Deferred(get)):
            return get()
        case Static(value):
            return value
        case TupleOf(items, make, _):
            return make([_rebuilt(item, values) for item in items])


def copied(module: torch.nn.Module) -> torch.nn.Module:
    """Another module with the same weights."""
    import copy

    return copy.deepcopy(module)


def assert_same_weights(left: torch.nn.Module, right: torch.nn.Module, tolerance: float = 1e-5) -> None:
    for (name, a), b in zip(left.state_dict().items(), right.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance, msg=lambda text: f"{name}: {text}")
