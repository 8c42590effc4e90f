"""`torch.einsum`: products of tensors summed over named dimensions, as transposes and products of matrices.

Operands are taken together one by one, from the left. A name that nothing later asks for is summed as soon as it can
be; two factors become one batched product of matrices over the names that they share.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from ..errors import StagedTypeError
from ..ir.node import Atom
from ..ir.ops.arithmetic import MUL
from ..ir.ops.tensors import BATCH_MATMUL, REDUCE_SUM, TRANSPOSE
from ..loc import caller_loc
from .context import Operand, TorchContext
from .table import functions
from .view_steps import tensor_type

Names = tuple[str, ...]


@functions.define(torch.einsum)
def _einsum(context: TorchContext, equation: str, *operands: Operand) -> object:
    if len(operands) == 1 and isinstance(operands[0], (tuple, list)):
        operands = tuple(operands[0])
    dtypes = {context.type_of(operand).dtype for operand in operands}
    if len(dtypes) != 1:
        raise StagedTypeError(f"einsum() of tensors of {' and '.join(map(str, dtypes))}", loc=caller_loc())
    inputs, output = _parsed(equation, [len(context.type_of(operand).shape) for operand in operands])
    extents: dict[str, int] = {}
    for names, operand in zip(inputs, operands, strict=True):
        for name, extent in zip(names, context.type_of(operand).shape, strict=True):
            if extents.setdefault(name, extent) == 1:
                extents[name] = extent
            elif extent not in (1, extents[name]):
                raise StagedTypeError(
                    f"einsum({equation!r}): `{name[-1]}` has {extents[name]} elements and {extent}", loc=caller_loc()
                )
    terms = [
        _without_repeats(context, context.atom(operand), names, extents)
        for names, operand in zip(inputs, operands, strict=True)
    ]
    atom, names = terms[0]
    for number, (other, other_names) in enumerate(terms[1:], start=2):
        later = {name for _, each in terms[number:] for name in each} | set(output)
        atom, names = _together(context, (atom, names), (other, other_names), later, extents)
    return context.wrap(_arranged(context, _summed(context, atom, names, set(output)), output, extents))


def _parsed(equation: str, ranks: Sequence[int]) -> tuple[list[Names], Names]:
    """The names of the operands' dimensions and of the result's. What `...` stands for has names such as "...1"."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise StagedTypeError(f"einsum({equation!r}) is of {len(terms)} tensors, not {len(ranks)}", loc=caller_loc())
    inputs = [_names(equation, term, rank) for term, rank in zip(terms, ranks, strict=True)]
    longest = max((tuple(name for name in names if len(name) > 1) for names in inputs), key=len)
    if arrow:
        before, dots, after = right.partition("...")
        output: Names = (*before, *(longest if dots else ()), *after)
    else:
        letters = [name for names in inputs for name in names if len(name) == 1]
        output = (*longest, *sorted(name for name in set(letters) if letters.count(name) == 1))
    known = {name for names in inputs for name in names}
    if any(name not in known or output.count(name) > 1 for name in output):
        raise StagedTypeError(f"einsum({equation!r}): the result names what no operand has", loc=caller_loc())
    return inputs, output


def _names(equation: str, term: str, rank: int) -> Names:
    before, dots, after = term.partition("...")
    rest = rank - len(before) - len(after)
    if rest < 0 or (rest and not dots) or not all(name.isalpha() for name in before + after):
        raise StagedTypeError(f"einsum({equation!r}): `{term}` does not name {rank} dimensions", loc=caller_loc())
    # Counted from the end, so that shorter ones line up with longer ones.
    return (*before, *(f"...{number}" for number in range(rest, 0, -1)), *after)


_Term = tuple[Atom, Names]


def _without_repeats(context: TorchContext, atom: Atom, names: Names, extents: dict[str, int]) -> _Term:
    """The diagonal along dimensions of one name."""
    for name in set(names):
        while names.count(name) > 1:
            first = names.index(name)
            second = names.index(name, first + 1)
            found = context.dispatch_staged(torch.Tensor.diagonal, (context.wrap(atom), 0, first, second), {})
            assert isinstance(found, torch.Tensor)
            atom = context.atom(found)
            names = (*(each for place, each in enumerate(names) if place not in (first, second)), name)
    return atom, names


def _summed(context: TorchContext, atom: Atom, names: Names, wanted: set[str]) -> _Term:
    """Without the dimensions that nobody wants any more."""
    axes = tuple(axis for axis, name in enumerate(names) if name not in wanted)
    if axes:
        atom = context.emit(REDUCE_SUM, atom, axes=axes)
    return atom, tuple(name for name in names if name in wanted)


def _arranged(context: TorchContext, term: _Term, output: Names, extents: dict[str, int]) -> Atom:
    """The dimensions in the order of `output`, each as long as its name says; what the term lacks is repeated."""
    atom, names = term
    order = tuple(names.index(name) for name in output if name in names)
    if order != tuple(range(len(order))):
        atom = context.emit(TRANSPOSE, atom, permutation=order)
    sizes = iter(tensor_type(atom).shape)
    shape = tuple(next(sizes) if name in names else 1 for name in output)
    return context.broadcast(context.reshape(atom, shape), tuple(extents[name] for name in output))


def _together(context: TorchContext, left: _Term, right: _Term, later: set[str], extents: dict[str, int]) -> _Term:
    """The product of two terms, summed over what only they have."""
    left = _summed(context, *left, later | set(right[1]))
    right = _summed(context, *right, later | set(left[1]))
    shared = [name for name in left[1] if name in right[1]]
    batch = tuple(name for name in shared if name in later)
    inner = tuple(name for name in shared if name not in later)
    rows = tuple(name for name in left[1] if name not in shared)
    columns = tuple(name for name in right[1] if name not in shared)
    names = (*batch, *rows, *columns)
    if not inner:
        factors = [_arranged(context, term, names, extents) for term in (left, right)]
        return context.emit(MUL, *factors), names
    counts = [math.prod(extents[name] for name in each) for each in (batch, rows, inner, columns)]
    first = context.reshape(
        _arranged(context, left, (*batch, *rows, *inner), extents), (counts[0], counts[1], counts[2])
    )
    second = context.reshape(
        _arranged(context, right, (*batch, *inner, *columns), extents), (counts[0], counts[2], counts[3])
    )
    product = context.emit(BATCH_MATMUL, first, second, transpose_a=False, transpose_b=False)
    return context.reshape(product, tuple(extents[name] for name in names)), names
