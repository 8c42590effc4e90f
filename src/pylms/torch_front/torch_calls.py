"""`fallback="torch"`: a function that cannot be staged is called in PyTorch by the native code.

The call takes tensors in memory and gives tensors of shapes that are known: those that PyTorch gives for tensors that
only have a shape ("meta"). Its derivative is PyTorch's own, of the function computed once more.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import torch

from ..ir.node import AttributeValue
from ..ir.ops.tensor_calls import TENSOR_CALL
from ..ir.ops.tensors import BROADCAST
from ..ir.types import FLOAT64, TensorType
from ..staging.rep import Rep
from .context import TorchContext
from .dtypes import scalar_type, torch_dtype

_Function = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class _Hole:
    """Where an operand of the run goes; a number where `is_number`."""

    position: int
    is_number: bool = False


class TorchCall:
    """One call: the function, its arguments with holes for operands, and the types of operands and results."""

    def __init__(
        self, context: TorchContext, function: object, args: Sequence[object], kwargs: Mapping[str, object]
    ) -> None:
        self._function = cast(_Function, function)
        self._operands: list[object] = []
        self._numbers: list[_Hole] = []
        self._args = [self._with_holes(context, value) for value in args]
        self._kwargs = {name: self._with_holes(context, value) for name, value in kwargs.items()}
        atoms = [_as_tensor(context, operand) for operand in self._operands]
        self._inputs = [cast(TensorType, atom.type) for atom in atoms]
        self._atoms = atoms
        self._outputs: list[TensorType] = []
        self._arrange: Callable[[Sequence[object]], object] = tuple

    def _with_holes(self, context: TorchContext, value: object) -> object:
        if isinstance(value, Rep):
            self._operands.append(value)
            self._numbers.append(_Hole(len(self._operands) - 1, is_number=True))
            return self._numbers[-1]
        if isinstance(value, torch.Tensor):
            self._operands.append(value)
            return _Hole(len(self._operands) - 1)
        if isinstance(value, (tuple, list)):
            return type(value)(self._with_holes(context, part) for part in value)
        return value

    def find_results(self) -> bool:
        """Whether the shapes of the results are known, and nothing is drawn at random."""
        name = getattr(self._function, "__name__", "")
        if name.endswith("_") and not name.endswith("__"):
            return False
        with torch._C.DisableTorchFunction():
            try:
                results = self._run([self._sample(number, "meta") for number in range(len(self._inputs))])
            except Exception:
                # Whatever PyTorch has against it: the error that says that it cannot be staged is raised.
                return False
            return self._note_results(results) and not self._draws()

    def _note_results(self, results: object) -> bool:
        parts = results if isinstance(results, (tuple, list)) else (results,)
        if not all(isinstance(part, torch.Tensor) for part in parts):
            return False
        self._outputs = [TensorType(scalar_type(part.dtype), tuple(part.shape)) for part in parts]
        if isinstance(results, torch.Tensor):
            self._arrange = lambda found: found[0]
        elif type(results) in (tuple, list):
            self._arrange = cast(Callable[[Sequence[object]], object], type(results))
        return True

    def _draws(self) -> bool:
        """Whether the function draws random numbers, which its derivative would draw anew."""
        with torch.random.fork_rng(devices=[]):
            samples = [self._sample(number, "cpu") for number in range(len(self._inputs))]
            before = torch.random.get_rng_state()
            # What PyTorch does not take (a matrix that is not definite) it refuses before it draws.
            with suppress(Exception):
                self._run(samples)
            return not torch.equal(before, torch.random.get_rng_state())

    def _sample(self, number: int, device: str) -> torch.Tensor:
        """A tensor in place of an operand; numbers are there in any case."""
        type_ = self._inputs[number]
        dtype = torch_dtype(type_.dtype)
        if _Hole(number, is_number=True) in self._numbers:
            return torch.ones((), dtype=dtype)
        if device == "cpu" and type_.dtype.is_float:
            return torch.randn(type_.shape, dtype=dtype)
        return torch.zeros(type_.shape, dtype=dtype, device=device)

    def emit(self, context: TorchContext, name: str) -> object:
        """Emit the call; what stands for its results."""
        attrs: dict[str, AttributeValue] = {
            "callback": context.trace.host_function(self._call, name),
            "reverse": context.trace.host_function(self._reverse, f"{name}, its derivative"),
            "dtypes": tuple(type_.dtype for type_ in self._outputs),
            "shapes": tuple(type_.shape for type_ in self._outputs),
        }
        return self._arrange([context.wrap(atom) for atom in context.trace.emit(TENSOR_CALL, self._atoms, attrs=attrs)])

    # While the compiled code runs

    def _run(self, operands: Sequence[torch.Tensor]) -> object:
        return self._function(
            *[_filled(value, operands) for value in self._args],
            **{name: _filled(value, operands) for name, value in self._kwargs.items()},
        )

    def _results(self, operands: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        results = self._run(operands)
        return [results] if isinstance(results, torch.Tensor) else list(cast(Sequence[torch.Tensor], results))

    def _call(self, *addresses: int) -> None:
        memories = _memories(addresses, [*self._outputs, *self._inputs])
        outputs, inputs = memories[: len(self._outputs)], memories[len(self._outputs) :]
        with torch.no_grad():
            for memory, result in zip(outputs, self._results(inputs), strict=True):
                if memory.shape != result.shape:
                    raise ValueError(f"PyTorch gave a tensor of shape {list(result.shape)}, not {list(memory.shape)}")
                memory.copy_(result)

    def _reverse(self, *addresses: int) -> None:
        wanted = [type_ for type_ in self._inputs if type_.dtype.is_float]
        given = [type_ for type_ in self._outputs if type_.dtype.is_float]
        memories = _memories(addresses, [*wanted, *self._inputs, *given])
        into, inputs = memories[: len(wanted)], memories[len(wanted) : len(memories) - len(given)]
        adjoints = memories[len(memories) - len(given) :]
        with torch.enable_grad():
            operands = [each.clone().requires_grad_() if each.is_floating_point() else each for each in inputs]
            leaves = [each for each in operands if each.is_floating_point()]
            results = [each for each in self._results(operands) if each.is_floating_point()]
            used = [number for number, result in enumerate(results) if result.requires_grad]
            outputs, seeds = [results[number] for number in used], [adjoints[number] for number in used]
            found: Sequence[torch.Tensor | None] = torch.autograd.grad(outputs, leaves, seeds, allow_unused=True)
        for memory, gradient in zip(into, found, strict=True):
            memory.zero_() if gradient is None else memory.copy_(gradient)


def _as_tensor(context: TorchContext, operand: object) -> Any:
    if isinstance(operand, Rep):
        kind = context.result_dtype(operand)
        dtype = FLOAT64 if kind.is_float else kind
        return context.emit(BROADCAST, context.convert(operand.atom, dtype), shape=(), axes=())
    return context.atom(operand)


def _filled(value: object, operands: Sequence[torch.Tensor]) -> object:
    """An argument with the operands in its holes."""
    if isinstance(value, _Hole):
        operand = operands[value.position]
        return operand.item() if value.is_number else operand
    if isinstance(value, (tuple, list)):
        return type(value)(_filled(part, operands) for part in value)
    return value


def _memories(addresses: Sequence[int], types: Sequence[TensorType]) -> list[torch.Tensor]:
    """Tensors at those addresses."""
    return [_memory(address, type_) for address, type_ in zip(addresses, types, strict=True)]


def _memory(address: int, type_: TensorType) -> torch.Tensor:
    dtype = torch_dtype(type_.dtype)
    if not type_.size:
        return torch.empty(type_.shape, dtype=dtype)
    raw = (ctypes.c_char * (type_.size * type_.dtype.itemsize)).from_address(address)
    return torch.frombuffer(raw, dtype=dtype).reshape(type_.shape)
