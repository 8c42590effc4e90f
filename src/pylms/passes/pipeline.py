"""Running passes in order, verified, and the order itself.

`VALUE_PASSES` come first, on what staging traced; then, after the derivatives of functions, `SCALAR_PASSES`;
`TENSOR_PASSES` after `backward`; then, if asked for, `REASSOCIATING_PASSES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from ..errors import InternalError
from ..ir.call_graph import without_unused
from ..ir.node import Function, Node
from ..ir.verify import verify as verify_function
from .base import Pass
from .cse import EliminateCommonSubexpressions
from .dce import EliminateDeadCode
from .delay_updates import DelayUpdates
from .eliminate_checks import EliminateChecks
from .fold import Fold
from .fuse_arrays import FuseArrays
from .licm import HoistLoopInvariants
from .mark_leaves import MarkLeaves
from .parallel_loops import CheckParallelLoops
from .promote_variables import PromoteVariables
from .scalarize_arrays import ScalarizeArrays
from .simplify import Simplify
from .simplify_tensors import SimplifyTensors

# Values first, since everything else reasons about values. What is differentiated by is marked before values are
# taken for each other. Merging shows equal operands to a second round of
# simplification, and that conditions to fold. Arrays fuse when equal extents have one name. Parallel loops are looked
# at when what they carry is as plain as it gets. Invariants move when what is left is worth moving, and are then known
# outside their loops to the analysis of what cannot fail.
VALUE_PASSES: tuple[Pass, ...] = (
    PromoteVariables(),
    MarkLeaves(),
    Fold(),
    Simplify(),
    EliminateCommonSubexpressions(),
    EliminateDeadCode(),
)
SCALAR_PASSES: tuple[Pass, ...] = (
    Simplify(),
    Fold(),
    EliminateDeadCode(),
    ScalarizeArrays(),
    FuseArrays(),
    EliminateDeadCode(),
    CheckParallelLoops(),
    HoistLoopInvariants(),
    EliminateChecks(),
)

# Without Python's checks there is no use in choosing loops that need none.
_UNCHECKED_SCALAR_PASSES = (*SCALAR_PASSES[:-1], EliminateChecks(versions_loops=False))

# Differentiation leaves zeros, ones and unused gradients.
TENSOR_PASSES: tuple[Pass, ...] = (
    Fold(),
    Simplify(),
    SimplifyTensors(),
    EliminateCommonSubexpressions(),
    EliminateDeadCode(),
    HoistLoopInvariants(),
)

# After `TENSOR_PASSES`, where sums may be made in another order. What waits leaves loads and products without users.
REASSOCIATING_PASSES: tuple[Pass, ...] = (
    DelayUpdates(),
    EliminateCommonSubexpressions(),
    EliminateDeadCode(),
    HoistLoopInvariants(),
)


def scalar_passes(*, checks: bool) -> tuple[Pass, ...]:
    """`SCALAR_PASSES`, for code with Python's checks or without."""
    return SCALAR_PASSES if checks else _UNCHECKED_SCALAR_PASSES


def run_passes(
    function: Function,
    passes: Iterable[Pass],
    *,
    verify: bool = True,
    on_pass: Callable[[str, Function], None] | None = None,
) -> Function:
    """The function after all passes, which run on it and on the native functions that it calls.

    With `verify`, the function given and the one after each pass are checked: `InternalError` says which pass broke it.
    `on_pass` is told the name of each pass and the function it gave.
    """
    checked: set[Node] = set()
    if verify:
        _check(function, "staging", checked)
    for pass_ in passes:
        before = function
        function = without_unused(_on_every_function(pass_, before))
        if verify and function is not before:
            _check(function, f"the pass `{pass_.name}`", checked)
        if on_pass is not None:
            on_pass(pass_.name, function)
    return function


def _on_every_function(pass_: Pass, function: Function) -> Function:
    """The program with a pass run on the main function and on the native functions beside it."""
    function = pass_.run(function)
    callees = tuple([pass_.run(callee) for callee in function.functions])
    return replace(function, functions=callees) if callees else function


def _check(function: Function, culprit: str, checked: set[Node]) -> None:
    try:
        verify_function(function, checked=checked)
    except InternalError as error:
        raise InternalError(f"{culprit} made {error.message}", loc=error.loc, ir=error.ir) from error
