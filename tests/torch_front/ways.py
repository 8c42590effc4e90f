"""One function in all ways: PyTorch = the interpreter = the interpreter on optimised IR = compiled code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from pylms import Options, generate, stageTensor
from tests.torch_front.programs import Program


def weight(*shape: int, seed: int = 3, requires_grad: bool = False) -> torch.Tensor:
    """A tensor of normals, the same ones for the same seed."""
    drawn = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return drawn.requires_grad_(requires_grad)


def check_ways(make: Callable[[], Callable[..., object]], arguments: Sequence[tuple[object, ...]]) -> Any:
    """Compare what functions that `make` makes give for each of the arguments, in a row; the compiled one."""
    interpreted, optimised = (Program(make(), arguments[0], recursive=True) for _ in range(2))
    native, plain = stageTensor(make()), make()
    optimised.function = generate.optimise(optimised.staged.function, Options())
    for each in arguments:
        expected = plain(*each)
        for way in (interpreted, optimised, native):
            torch.testing.assert_close(way(*each), expected, rtol=1e-5, atol=1e-6)
    return native
