"""From traced IR to C++: the passes, differentiation, legalisation, emission (DESIGN §2).

Loaded only when the disk cache has no answer: everything here decides what the generated text is, so the identity
of these files is a part of the cache's key.
"""

from __future__ import annotations

import sys

from .ad.pullbacks import ExpandPullbacks
from .ad.reverse import Differentiate
from .backends.base import Backend, SourceBundle
from .backends.registry import backend_named
from .ir.node import Function
from .ir.printer import print_function
from .options import Options
from .passes.on_tensors import OnTensors
from .passes.pipeline import REASSOCIATING_PASSES, TENSOR_PASSES, VALUE_PASSES, run_passes, scalar_passes
from .passes.pool_first import PoolFirst


def _backend(options: Options) -> Backend:
    return backend_named("cpp", checks=options.checks, threads=options.num_threads)


def optimise(function: Function, options: Options) -> Function:
    """The function as code generation takes it."""
    backend = _backend(options)
    reassociating = REASSOCIATING_PASSES if options.reassociate else ()
    scalar = scalar_passes(checks=options.checks)
    derivatives = (ExpandPullbacks(), *scalar, OnTensors(PoolFirst()), Differentiate())
    passes = (*VALUE_PASSES, *derivatives, *TENSOR_PASSES, *reassociating, *backend.legalise())
    return run_passes(function, passes, on_pass=_dump_pass if options.dump_ir else None)


def generate(function: Function, options: Options) -> SourceBundle:
    """The traced function as C++, with all that building and binding it needs to know."""
    return _backend(options).emit(optimise(function, options))


def _dump_pass(name: str, function: Function) -> None:
    print(f"// after {name}\n{print_function(function)}", file=sys.stderr)
