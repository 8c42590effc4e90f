"""PyTorch in staged code (DESIGN D9): `TorchFront`, which `@stageTensor` stages with.

In: a trace that runs a PyTorch program. Out: IR for its tensors, loaders, gradients and optimisers; PyTorch's own
state (parameters, momentum, random numbers) is what the compiled code works on.
"""

from __future__ import annotations

from .front import TorchFront
from .tensor import StagedTensor

__all__ = ["StagedTensor", "TorchFront"]
