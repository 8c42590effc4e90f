"""Snek-LMS: multi-stage programming for Python.

Decorate ordinary Python with `@lms`; what depends only on known data runs now, the rest becomes typed IR. `@stage`
compiles that to native C++ and calls it like the original function; `@stageTensor` does it to a whole PyTorch
training script.
"""

from __future__ import annotations

from .decorators import lms, lmscompile, rep_fun, stage, stageTensor
from .errors import PylmsError
from .options import Options
from .rep import staged, static

__all__ = ["Options", "PylmsError", "lms", "lmscompile", "rep_fun", "stage", "stageTensor", "staged", "static"]
__version__ = "0.1.0"
