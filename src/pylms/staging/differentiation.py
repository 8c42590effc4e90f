"""Derivatives while tracing: a function's arguments become variables, and its results are pulled back to them.

In: a function, its arguments, and which of these to differentiate by. Out: staged values, of the structure of those
arguments. The derivatives themselves are computed by a pass (`ad.pullbacks`), from what tracing the function emits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..errors import StagedTypeError
from ..ir.node import Atom, Const, Sym
from ..ir.ops.differentiation import INDEPENDENT, PULLBACK, is_differentiable
from ..ir.types import ArrayType, ScalarType, TensorType, Type
from ..late import late_module
from ..loc import caller_loc
from .context import Trace
from .kinds import is_known_array
from .operators.invoke import invoke_operator
from .rewriting import rewrite_called
from .values import Leaf, Static, Structure, TupleOf, describe_static

if TYPE_CHECKING:
    from . import elementwise, known_arrays
else:
    elementwise = late_module("pylms.staging.elementwise")
    known_arrays = late_module("pylms.staging.known_arrays")

_invoke = invoke_operator(rewrite_called)


class Variables:
    """Some arguments of a function, as variables to differentiate by."""

    def __init__(self, trace: Trace, values: Sequence[object], names: Sequence[str]) -> None:
        """`names`: how errors call the values."""
        self._trace = trace
        self._structures: list[Structure] = []
        self.symbols: list[Sym] = []
        self.values: list[object] = []
        for value, name in zip(values, names, strict=True):
            atoms, structure = trace.flatten(_with_staged_arrays(trace, value))
            _require_differentiable(structure, name)
            symbols = [self._variable(atom) for atom in atoms]
            self._structures.append(structure)
            self.symbols += symbols
            self.values.append(trace.unflatten(structure, iter(symbols)))

    def _variable(self, atom: Atom) -> Sym:
        """The variable for a leaf. That for an array is a copy, whose changes nobody else sees."""
        if isinstance(atom.type, ArrayType):
            atom = elementwise.copied(self._trace, atom)
        number = self._trace.builder.symbols_made
        name = atom.name if isinstance(atom, Sym) else ""
        return self._trace.emit(INDEPENDENT, [atom], attrs={"number": number}, names=[name])[0]

    def pull_back(self, outputs: Sequence[Atom], cotangents: Sequence[Atom]) -> list[object]:
        """For each value, the sum of the cotangents times the derivatives of the outputs by it."""
        arrays = [isinstance(symbol.type, ArrayType) for symbol in self.symbols]
        regions = tuple([self._trace.regions.fresh().number if is_array else 0 for is_array in arrays])
        gradients = iter(
            self._trace.emit(
                PULLBACK,
                [*outputs, *cotangents, *self.symbols],
                attrs={"outputs": len(outputs), "regions": regions},
                names=[f"{symbol.name}_grad" if symbol.name else "" for symbol in self.symbols],
            )
        )
        return [self._trace.unflatten(structure, gradients) for structure in self._structures]


def value_and_gradient(
    trace: Trace,
    function: Callable[..., object],
    args: Sequence[object],
    kwargs: Mapping[str, object],
    chosen: Sequence[int],
) -> tuple[object, list[object]]:
    """The function's result, a floating-point number, and its gradients by the arguments number `chosen`."""
    names = [f"argument {number} of {_name_of(function)}" for number in chosen]
    variables = Variables(trace, [args[number] for number in chosen], names)
    replaced = list(args)
    for number, value in zip(chosen, variables.values, strict=True):
        replaced[number] = value
    result = _invoke(function, *replaced, **kwargs)
    output = trace.try_lift(result)
    if output is None or not _is_number(output.type):
        what = describe_static(result) if output is None else f"a value of type {output.type}"
        raise StagedTypeError(
            f"{_name_of(function)} gives {what}, and only a floating-point number has a gradient",
            loc=caller_loc(),
            hint="return one number, such as a sum; for more than one there are jacobian() and vjp()",
        )
    return result, variables.pull_back([output], [_one(trace, output.type)])


def _with_staged_arrays(trace: Trace, value: object) -> object:
    """The value, where it is an array of generation time the staged one."""
    return trace.wrap(known_arrays.captured(trace, value)) if is_known_array(value) else value


def _require_differentiable(structure: Structure, name: str) -> None:
    match structure:
        case Static(value):
            _refuse(name, describe_static(value))
        case TupleOf(items, _, _):
            for item in items:
                _require_differentiable(item, name)
        case Leaf(type_):
            if not is_differentiable(type_):
                _refuse(name, f"of type {type_}")


def _refuse(name: str, what: str) -> None:
    raise StagedTypeError(
        f"{name} is {what}, and has no derivatives",
        loc=caller_loc(),
        hint="pass floating-point numbers (1.0 and not 1), or choose other arguments with `argnums`",
    )


def _name_of(function: Callable[..., object]) -> str:
    return getattr(function, "__name__", type(function).__name__)


def _is_number(type_: Type) -> bool:
    return is_differentiable(type_) and (
        isinstance(type_, ScalarType) or (isinstance(type_, TensorType) and not type_.shape)
    )


def _one(trace: Trace, type_: Type) -> Atom:
    assert isinstance(type_, ScalarType)
    return Const(1.0, type_)
