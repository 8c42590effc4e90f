"""Derivatives while tracing: a function's arguments become variables, and its results are pulled back to them.

In: a function, its arguments, and which of these to differentiate by. Out: staged values, of the structure of those
arguments. The derivatives themselves are computed by a pass (`ad.pullbacks`), from what tracing the function emits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import FunctionType, MethodType
from typing import TYPE_CHECKING

from ..errors import StagedTypeError
from ..ir.node import Atom, Const, Sym
from ..ir.ops.differentiation import (
    CHECKPOINT_BEGIN,
    CHECKPOINT_END,
    CUSTOM_GRADIENT,
    INDEPENDENT,
    PULLBACK,
    is_differentiable,
)
from ..ir.ops.tensors import BROADCAST
from ..ir.types import SHARED_REGION, ArrayType, ScalarType, TensorType, Type, element_type
from ..late import late_module
from ..loc import caller_loc
from .context import Trace
from .kinds import is_known_array
from .operators.call import call
from .operators.invoke import invoke_operator
from .parameters import items_of, made_of
from .promotion import convert
from .rewriting import rewrite_called
from .values import Leaf, MadeAnew, Static, Structure, TupleOf, describe_static

if TYPE_CHECKING:
    from . import elementwise, known_arrays, nests
else:
    elementwise = late_module("pylms.staging.elementwise")
    known_arrays = late_module("pylms.staging.known_arrays")
    nests = late_module("pylms.staging.nests")

_invoke_python = invoke_operator(rewrite_called)


def _invoke(function: Callable[..., object], *args: object, **kwargs: object) -> object:
    """Call a function, be it one of `math` or NumPy."""
    is_python = isinstance(function, (FunctionType, MethodType, partial))
    return _invoke_python(function, *args, **kwargs) if is_python else call(function, *args, **kwargs)


class Variables:
    """Some arguments of a function, as variables to differentiate by."""

    def __init__(self, trace: Trace, values: Sequence[tuple[Sequence[Atom], Structure]]) -> None:
        """`values`: the atoms and the structure of each."""
        self._trace = trace
        self._structures: list[Structure] = []
        self.symbols: list[Sym] = []
        self.values: list[object] = []
        for atoms, structure in values:
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


class Linearized:
    """A function at some arguments: what it gives there, and what its derivative makes of other values."""

    def __init__(
        self,
        trace: Trace,
        function: Callable[..., object],
        args: Sequence[object],
        kwargs: Mapping[str, object],
        chosen: Sequence[int],
    ) -> None:
        """`chosen`: the numbers of the arguments to differentiate by."""
        self._trace = trace
        self._name = _name_of(function)
        values = [trace.flatten(_as_tree(trace, args[number])) for number in chosen]
        for number, (_, structure) in zip(chosen, values, strict=True):
            _require_differentiable(structure, f"argument {number} of {self._name}")
        self._variables = Variables(trace, values)
        replaced = list(args)
        for number, value in zip(chosen, self._variables.values, strict=True):
            replaced[number] = value
        self.value = _invoke(function, *replaced, **kwargs)

    def gradient(self) -> list[object]:
        """The gradients by each argument of a function that gives one floating-point number."""
        output = self._trace.try_lift(self.value)
        if output is None or not _is_number(output.type):
            what = describe_static(self.value) if output is None else f"a value of type {output.type}"
            raise StagedTypeError(
                f"{self._name} gives {what}, and only a floating-point number has a gradient",
                loc=caller_loc(),
                hint="return one number, such as a sum; for more than one there are jacobian() and vjp()",
            )
        return self._variables.pull_back([output], [_full(self._trace, output, 1.0)])

    def pull_back(self, cotangents: object) -> list[object]:
        """For each argument, the sum of `cotangents` times the derivatives of the result, whose structure they have."""
        outputs, structure = self._trace.flatten(self.value)
        _require_differentiable(structure, f"the result of {self._name}")
        return self._variables.pull_back(outputs, _as_like(self._trace, outputs, cotangents, "what is pulled back"))

    def push_forward(self, tangents: Sequence[object]) -> object:
        """How the result changes where the arguments change by `tangents`, each like its argument.

        What pulling back makes of cotangents is linear in them: pulling the tangents back through that gives the
        change of the result.
        """
        trace = self._trace
        outputs, structure = trace.flatten(self.value)
        _require_differentiable(structure, f"the result of {self._name}")
        cotangents = Variables(trace, [([_full(trace, output, 0.0) for output in outputs], structure)])
        pulled = trace.flatten(tuple(self._variables.pull_back(outputs, cotangents.symbols)))[0]
        changes = _as_like(trace, pulled, tuple(tangents), "the tangents")
        return cotangents.pull_back(pulled, changes)[0]

    def second_order(self, tangents: Sequence[object]) -> list[object]:
        """For each argument, the sum of the second derivatives of a number by it and by another times its tangent."""
        gradients = self._trace.flatten(tuple(self.gradient()))[0]
        changes = _as_like(self._trace, gradients, tuple(tangents), "the tangents")
        return self._variables.pull_back(gradients, changes)


def with_own_rule(
    trace: Trace, function: Callable[..., object], args: Sequence[object], kwargs: Mapping[str, object]
) -> object:
    """What a function gives that gives its rule as well: `value, pull_back`, for `custom_gradient`."""
    name = _name_of(function)
    outcome = _invoke(function, *args, **kwargs)
    if not isinstance(outcome, tuple) or len(outcome) != 2 or not callable(outcome[1]):
        raise StagedTypeError(
            f"{name} must give a pair under custom_gradient: its value, and a function that pulls gradients back",
            loc=caller_loc(),
            hint="return value, lambda d: d * slope",
        )
    value, pull_back = outcome
    outputs, structure = trace.flatten(value)
    _require_differentiable(structure, f"the value of {name}")
    parts = [_leaves(trace, arg) for arg in args]
    variables = [leaf for leaves in parts for leaf in leaves if is_differentiable(leaf.type)]
    params = [trace.builder.fresh(_in_own_region(trace, output.type)) for output in outputs]
    with trace.builder.block(params) as scope:
        found = _invoke(pull_back, trace.unflatten(structure, iter(params)))
        gradients = found if isinstance(found, tuple) and len(args) > 1 else (found,)
        if len(gradients) != len(args):
            message = f"the rule of {name} gives {len(gradients)} gradients for {len(args)} arguments"
            raise StagedTypeError(message, loc=caller_loc(), hint="one for each argument, None for those without")
        pulled = [
            leaf
            for leaves, gradient in zip(parts, gradients, strict=True)
            for leaf in _gradients_of(trace, [each for each in leaves if is_differentiable(each.type)], gradient)
        ]
    attrs = {"outputs": len(outputs)}
    results = trace.emit(CUSTOM_GRADIENT, [*outputs, *variables], attrs=attrs, blocks=[scope.finish(pulled)])
    return trace.unflatten(structure, iter(results))


def _gradients_of(trace: Trace, leaves: Sequence[Atom], gradient: object) -> list[Atom]:
    if gradient is None:
        return [_full(trace, leaf, 0.0) for leaf in leaves]
    return _as_like(trace, leaves, gradient, "the gradients of a rule") if leaves else []


def _in_own_region(trace: Trace, type_: Type) -> Type:
    return replace(type_, region=trace.regions.fresh(), is_dense=True) if isinstance(type_, ArrayType) else type_


def computed_again(
    trace: Trace, function: Callable[..., object], args: Sequence[object], kwargs: Mapping[str, object]
) -> object:
    """What a function gives of which nothing is kept for derivatives, for `checkpoint`."""
    (begin,) = trace.emit(CHECKPOINT_BEGIN, [], attrs={"number": trace.builder.symbols_made})
    atoms, structure = trace.flatten(_invoke(function, *args, **kwargs))
    return trace.unflatten(structure, iter(trace.emit(CHECKPOINT_END, [begin, *atoms])))


def _as_like(trace: Trace, atoms: Sequence[Atom], value: object, what: str) -> list[Atom]:
    """The leaves of a value, which must be like these."""
    found = _leaves(trace, value)
    if len(found) != len(atoms):
        raise StagedTypeError(
            f"{what} must have the structure of what they belong to: {len(atoms)} numbers or arrays, not {len(found)}",
            loc=caller_loc(),
        )
    return [_converted(trace, atom, like.type, what) for atom, like in zip(found, atoms, strict=True)]


def _leaves(trace: Trace, value: object) -> list[Atom]:
    items = items_of(value)
    if items is not None:
        return [leaf for item in items for leaf in _leaves(trace, item)]
    return trace.flatten(_as_tree(trace, value))[0]


def _converted(trace: Trace, atom: Atom, type_: Type, what: str) -> Atom:
    if isinstance(atom.type, ScalarType) and isinstance(type_, ScalarType):
        return convert(trace, atom, type_)
    left, right = (
        replace(each, region=SHARED_REGION, is_dense=True) if isinstance(each, ArrayType) else each
        for each in (atom.type, type_)
    )
    if left != right:
        raise StagedTypeError(f"{what} must be like what they belong to: {type_}, not {atom.type}", loc=caller_loc())
    return atom


def _full(trace: Trace, like: Atom, number: float) -> Atom:
    """That number in the type of an atom, throughout."""
    match like.type:
        case ScalarType():
            return Const(number, like.type)
        case TensorType(dtype, shape):
            return trace.emit(BROADCAST, [Const(number, dtype)], attrs={"shape": shape, "axes": ()})[0]
        case _:
            dtype = element_type(like.type)
            return nests.build(trace, nests.extents_of(trace, like), lambda _: Const(number, dtype))


def _as_tree(trace: Trace, value: object) -> object:
    """The value to take apart: arrays of generation time staged, and lists and dicts of that time made of parts."""
    if isinstance(value, dict):
        return MadeAnew.like(value, [_as_tree(trace, item) for item in value.values()])
    if isinstance(value, list):
        return MadeAnew.like(value, [_as_tree(trace, item) for item in value])
    if isinstance(value, tuple):
        return made_of(type(value), [_as_tree(trace, item) for item in value])
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
