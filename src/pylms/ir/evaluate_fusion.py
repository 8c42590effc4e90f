"""What loop nests mean: their blocks are evaluated for all indices at once, an index being an array along an axis."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from .evaluate_rules import Array, Value, as_type, constant_value, dtype_of, evaluate_rules
from .node import Atom, Block, Const, Node, Sym
from .ops.fusion import ELEMENT_AT, FUSED, MATMUL_UPDATE, REDUCTION
from .ops.tensors import MATMUL, integers_of
from .types import ScalarType, TensorType, element_type

if TYPE_CHECKING:
    from .interpret import Interpreter


@evaluate_rules.define(FUSED)
def _evaluate_fused(interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    shape, ranks = integers_of(node, "shape"), integers_of(node, "ranks")
    (block,) = node.blocks
    values = _Nest(interpreter).run(block, shape)
    elements = [_first_axes(value, shape, rank) for value, rank in zip(values, ranks, strict=True)]
    results = [as_type(value, result.type) for value, result in zip(elements[len(args) :], node.results, strict=True)]
    for destination, value in zip(args, elements):  # noqa: B905 - the others are results
        destination[...] = value
    return tuple(results)


def _first_axes(value: Array, shape: tuple[int, ...], rank: int) -> Array:
    """The elements of a result that depends on the first `rank` indices."""
    whole = np.broadcast_to(value, np.broadcast_shapes(value.shape, shape[:rank] + (1,) * (len(shape) - rank)))
    elements: Array = whole.reshape(shape[:rank]).copy()
    return elements


@evaluate_rules.define(REDUCTION, ELEMENT_AT)
def _evaluate_in_nest(interpreter: Interpreter, node: Node, _args: list[Any]) -> tuple[Value, ...]:
    """A number outside any nest: as in one without axes."""
    value = _Nest(interpreter).evaluate(node)
    return (as_type(value, node.results[0].type),)


@evaluate_rules.define(MATMUL_UPDATE)
def _evaluate_matmul_update(interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    buffer, alpha, beta, *factors = args
    product_type = TensorType(element_type(node.args[0].type), buffer.shape)
    product_node = Node((Sym(-1, product_type),), MATMUL, node.args[3:5], node.attrs, (), node.effect, node.loc)
    pairs = zip(factors[::2], factors[1::2], strict=True)
    products = [evaluate_rules[MATMUL](interpreter, product_node, list(pair))[0] for pair in pairs]
    with np.errstate(all="ignore"):
        scaled = alpha * reduce(np.add, map(np.asarray, products))
        buffer[...] = scaled if beta == 0 else beta * buffer + scaled
    return ()


class _Nest:
    """The values, in one run of a nest, of the symbols defined in it; axes of inner blocks come first in arrays."""

    def __init__(self, interpreter: Interpreter) -> None:
        self._interpreter = interpreter
        self._values: dict[Sym, Array] = {}
        self._rank = 0

    def run(self, block: Block, shape: tuple[int, ...]) -> list[Array]:
        """The values of the block's results, as arrays over the axes of this and of all outer blocks."""
        below = self._rank
        self._rank += len(shape)
        for axis, (param, extent) in enumerate(zip(block.params, shape, strict=True)):
            aligned = [1] * (len(shape) + below)
            aligned[axis] = extent
            self._values[param] = np.arange(extent, dtype=np.int64).reshape(aligned)
        for node in block.nodes:
            self._values[node.results[0]] = self.evaluate(node)
        self._rank = below
        return [self._value(result) for result in block.results]

    def evaluate(self, node: Node) -> Array:
        if node.primitive is ELEMENT_AT:
            source, *indices = (self._value(arg) for arg in node.args)
            elements: Array = source.reshape(integers_of(node, "shape"))[tuple(indices)]
            return elements
        if node.primitive is REDUCTION:
            return self._reduce(node)
        return self._elementwise(node)

    def _reduce(self, node: Node) -> Array:
        shape = integers_of(node, "shape")
        (value,) = self.run(node.blocks[0], shape)
        axes = tuple(range(len(shape)))
        # What does not vary within has only the axes of outer blocks.
        missing = (1,) * (self._rank - value.ndim)
        outer = value.shape[len(shape) :] if value.ndim > self._rank else (*missing, *value.shape)
        value = np.broadcast_to(value, (*shape, *outer))
        if node.attr("kind") == "sum":
            total: Array = value.sum(axis=axes, dtype=value.dtype)
            return total
        floating = np.issubdtype(value.dtype, np.floating)
        greatest: Array = value.max(axis=axes, initial=-np.inf if floating else np.iinfo(value.dtype).min)
        return greatest

    def _elementwise(self, node: Node) -> Array:
        """By the operation's own rule, on arrays in place of numbers."""
        arrays = np.broadcast_arrays(*(self._value(arg) for arg in node.args))
        shape = arrays[0].shape
        args = tuple(Sym(-1, TensorType(element_type(arg.type), shape)) for arg in node.args)
        result = Sym(-1, TensorType(element_type(node.results[0].type), shape))
        lifted = Node((result,), node.primitive, args, node.attrs, (), node.effect, node.loc)
        (value,) = evaluate_rules[node.primitive](self._interpreter, lifted, list(arrays))
        return np.asarray(value)

    def _value(self, atom: Atom) -> Array:
        if isinstance(atom, Sym) and atom in self._values:
            return self._values[atom]
        value = constant_value(atom) if isinstance(atom, Const) else self._interpreter.value(atom)
        dtype = dtype_of(atom.type) if isinstance(atom.type, ScalarType) else None
        return np.asarray(value, dtype)
