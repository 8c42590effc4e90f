"""Many small functions of tensors compiled as one program, and each compared with PyTorch in value and gradient.

The program runs them under staged control, where every tensor is staged, and leaves results and gradients in memory
that was made for what PyTorch gave.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from pylms import PylmsError, stageTensor

from .rows import Check

_TOLERANCES = {torch.float32: (2e-5, 1e-5), torch.float64: (1e-9, 1e-10)}


@dataclass
class _Side:
    """What one side runs with, and what it leaves: values and gradients."""

    check: Check
    inputs: tuple[Any, ...]
    leaves: list[torch.Tensor]
    values: list[torch.Tensor]
    gradients: list[torch.Tensor]
    has_gradient: bool = False

    @staticmethod
    def of(check: Check) -> _Side:
        tensors = [tensor.detach().clone() for tensor in check.tensors]
        leaves = [tensor.requires_grad_() for tensor in tensors if tensor.is_floating_point()]
        if check.make is None:
            return _Side(check, tuple(tensors), leaves, [], [])
        torch.manual_seed(3)
        module = check.make()
        return _Side(check, (module, *tensors), [*leaves, *module.parameters()], [], [])

    def run(self) -> list[torch.Tensor]:
        """The results, all of them tensors."""
        return list(_flat(self.check.function(*self.inputs)))

    def loss(self, results: Sequence[torch.Tensor]) -> torch.Tensor:
        """A number that depends on every float differently."""
        parts = [(result * result + result).sum() for result in results if result.is_floating_point()]
        return sum(parts[1:], parts[0])


def _flat(result: object) -> Iterator[torch.Tensor]:
    if isinstance(result, torch.Tensor):
        yield result
        return
    assert isinstance(result, (tuple, list)), f"a check gives tensors, not {type(result).__name__}"
    for part in result:
        yield from _flat(part)


def _by_pytorch(check: Check) -> _Side:
    side = _Side.of(check)
    results = side.run()
    side.values = [result.detach().clone() for result in results]
    side.has_gradient = any(result.requires_grad for result in results)
    if side.has_gradient:
        side.loss([result for result in results if result.requires_grad]).backward()
        side.gradients = [torch.zeros_like(leaf) if leaf.grad is None else leaf.grad for leaf in side.leaves]
    return side


def _ready_for(expected: _Side) -> _Side:
    """The compiled side, with room for what PyTorch gave."""
    side = _Side.of(expected.check)
    side.values = [torch.zeros_like(value, memory_format=torch.contiguous_format) for value in expected.values]
    side.gradients = [torch.zeros_like(gradient) for gradient in expected.gradients]
    side.has_gradient = expected.has_gradient
    return side


def _trace(side: _Side, wants_gradient: Sequence[bool]) -> None:
    results = side.run()
    types = [(result.dtype, tuple(result.shape)) for result in results]
    assert types == [(value.dtype, tuple(value.shape)) for value in side.values], f"{side.check.what} gives {types}"
    for value, result in zip(side.values, results, strict=True):
        value.copy_(result.detach())
    if side.has_gradient:
        side.loss([result for result, wanted in zip(results, wants_gradient, strict=True) if wanted]).backward()
        for gradient, leaf in zip(side.gradients, side.leaves, strict=True):
            if leaf.grad is not None:
                gradient.copy_(leaf.grad)


def failures(checks: Sequence[Check]) -> list[str]:
    """What is wrong with the checks, compiled together: one text for each that is not as in PyTorch."""
    expected = [_by_pytorch(check) for check in checks]
    try:
        found = _compiled(expected)
    except PylmsError as error:
        if len(checks) == 1:
            return [f"{checks[0].what}: {error}"]
        return [text for check in checks for text in failures([check])] or [f"only together: {error}"]
    texts = [_difference(mine, theirs) for mine, theirs in zip(found, expected, strict=True)]
    return [text for text in texts if text]


def _compiled(expected: Sequence[_Side]) -> list[_Side]:
    found = [_ready_for(side) for side in expected]

    def program(rounds: int) -> None:
        # A loop for each: what is found out about one loop, tracing it again, concerns no other.
        for side, theirs in zip(found, expected, strict=True):
            for _ in range(rounds):
                _trace(side, [value.is_floating_point() for value in theirs.values])

    run: Callable[[int], None] = stageTensor(program)
    run(1)
    return found


def _difference(mine: _Side, theirs: _Side) -> str:
    pairs = [*zip(mine.values, theirs.values, strict=True), *zip(mine.gradients, theirs.gradients, strict=True)]
    for number, (found, wanted) in enumerate(pairs):
        rtol, atol = _TOLERANCES.get(wanted.dtype, (0.0, 0.0))
        try:
            torch.testing.assert_close(found, wanted, rtol=rtol, atol=atol, equal_nan=True)
        except AssertionError as error:
            kind = "value" if number < len(mine.values) else "gradient"
            return f"{mine.check.what}, a {kind}: {found} is not {wanted}: {error}"
    return ""
