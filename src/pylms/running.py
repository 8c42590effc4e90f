"""One call of compiled code: what goes in, what comes out, and what it leaves in the caller's objects.

In: a specialisation, the arguments of a call, the leaves that they are made of. Out: the Python result.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from .ir.types import BOOL
from .late import late_module
from .records import record
from .staging.exclusive import process_state
from .staging.kinds import is_tensor
from .staging.reify import Staged
from .staging.signature import numpy_scalar_type
from .staging.values import Deferred, Leaf, Static, Structure, TupleOf
from .staging.write_back import ArgumentPart, part_at, require_apart

if TYPE_CHECKING:
    from . import driver
    from .staging import tensor_arguments
else:
    tensor_arguments = late_module("pylms.staging.tensor_arguments")


@record(frozen=True, slots=True)
class Specialisation:
    """One signature of a staged function, traced and compiled.

    `turn` is held during a run that uses memory from around the function: what it leaves there is taken before another
    thread's run begins.
    """

    compiled: driver.Compiled
    turn: AbstractContextManager[object]

    @property
    def staged(self) -> Staged:
        return self.compiled.staged


def run(specialisation: Specialisation, arguments: Sequence[object], leaves: Sequence[object]) -> object:
    """Call it. OutdatedError where the function has to be staged again."""
    prepare(specialisation)
    return run_prepared(specialisation, arguments, leaves)


def prepare(specialisation: Specialisation) -> None:
    """What comes before a run. OutdatedError where the function has to be staged again."""
    if specialisation.staged.before_run:
        with process_state:
            for prepare in specialisation.staged.before_run:
                prepare()


def run_prepared(specialisation: Specialisation, arguments: Sequence[object], leaves: Sequence[object]) -> object:
    """The rest of the call."""
    if specialisation.staged.captures:
        with specialisation.turn:
            return _run_in_turn(specialisation, arguments, leaves)
    return _run_in_turn(specialisation, arguments, leaves)


def _run_in_turn(specialisation: Specialisation, arguments: Sequence[object], leaves: Sequence[object]) -> object:
    staged = specialisation.staged
    if staged.changes:
        require_apart(arguments, staged.changes, staged.function.name)
    # Tensors that are copies have to live as long as the run.
    passed = [tensor_arguments.apart(leaf, staged.captures) if is_tensor(leaf) else leaf for leaf in leaves]
    try:
        results = specialisation.compiled.native(*[_plain(leaf) for leaf in passed])
    finally:
        for finish in staged.after_run:
            finish()
    count = len(staged.function.body.results)
    return result_of(staged, iter((results,) if count == 1 else results if count else ()), arguments)


def result_of(staged: Staged, values: Iterator[object], arguments: Sequence[object] = ()) -> object:
    """The Python result from the flat native ones; what was changed in the arguments is changed there."""
    result = _rebuilt(staged.structure, values, arguments)
    for change in staged.changes:
        change.apply(part_at(arguments, change.path), _rebuilt(change.structure, values, arguments))
    return result


def _rebuilt(structure: Structure, values: Iterator[object], arguments: Sequence[object]) -> object:
    match structure:
        case Leaf():
            return next(values)
        case Static(Deferred(get)):
            return get()
        case Static(ArgumentPart(path)):
            return part_at(arguments, path)
        case Static(value):
            return value
        case TupleOf(items, make, _):
            return make([_rebuilt(item, values, arguments) for item in items])


def _plain(value: object) -> object:
    """NumPy's bools are Python's in compiled code, and tensors are where they lie."""
    if is_tensor(value):
        return tensor_arguments.native_value(value)
    return bool(value) if numpy_scalar_type(value) == BOOL else value
