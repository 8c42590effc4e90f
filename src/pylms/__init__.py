"""Snek-LMS: multi-stage programming for Python.

Decorate ordinary Python with `@lms`; what depends only on known data runs now, the rest becomes typed IR. `@stage`
compiles that to native C++ and calls it like the original function; `@stageTensor` does it to a whole PyTorch
training script.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .decorators import lms, lmscompile, rep_fun, stage, stageTensor
from .errors import PylmsError
from .options import Options
from .rep import staged, static

if TYPE_CHECKING:
    from .transforms import checkpoint, custom_gradient, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp

__all__ = [
    "Options",
    "PylmsError",
    "checkpoint",
    "custom_gradient",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "lms",
    "lmscompile",
    "rep_fun",
    "stage",
    "stageTensor",
    "staged",
    "static",
    "value_and_grad",
    "vjp",
]
__version__ = "0.1.0"

_TRANSFORMS = ("checkpoint", "custom_gradient", "grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp")


def __getattr__(name: str) -> object:
    """What programs without derivatives need not load."""
    if name not in _TRANSFORMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import transforms

    value: object = getattr(transforms, name)
    globals()[name] = value
    return value
