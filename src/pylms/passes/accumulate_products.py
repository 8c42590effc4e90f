"""Let matrix products that end up in a buffer be added there, without a tensor in between (DESIGN D8).

In: a function, before fusion. Out: an equal one in which `store(p, r + c * matmul(a, b))`, for numbers c, has become
`matmul_update(p, c, 1, a, b)` after `store(p, r)`, or alone where r is a multiple of p's own content: the gradient
of a matrix is never stored. A product of a column and a row counts as one where it may wait to be added. So do tensors
that are zero but at some positions (`scatter_update`): the gradient of an embedding is added where words are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..ir.builder import Builder
from ..ir.node import Atom, AttributeValue, Block, Const, Function, Node, Sym
from ..ir.ops.arithmetic import ADD, MUL, NEG, SUB
from ..ir.ops.buffers import LOAD, STORE
from ..ir.ops.fusion import MATMUL_UPDATE, SCATTER_UPDATE
from ..ir.ops.tensor_gathers import SCATTER_ADD
from ..ir.ops.tensors import BROADCAST, ELEMENT, MATMUL, RESHAPE
from ..ir.types import BufferType, ScalarType, TensorType, element_type
from .rewrite import with_body, with_results
from .simplify_rules_arithmetic import round_to
from .tensor_rewriter import count_uses, shape_of


@dataclass(frozen=True)
class AccumulateProducts:
    """The products of a sum that is stored become updates in place."""

    name: str = "accumulate_products"

    def run(self, function: Function) -> Function:
        body = _Accumulator(function).block(function.body)
        return with_body(function, body)


@dataclass(frozen=True, slots=True)
class _Term:
    """One summand: a tensor times numbers, or minus that."""

    value: Sym
    factors: tuple[Atom, ...]
    negative: bool


class _Accumulator:
    def __init__(self, function: Function) -> None:
        self._builder = Builder.after(function)
        self._uses = count_uses(function)
        self._definitions: dict[Sym, Node] = {}

    def block(self, block: Block) -> Block:
        replaced: dict[Node, list[Node]] = {}
        for index, node in enumerate(block.nodes):
            self._definitions.update((symbol, node) for symbol in node.results)
            if node.primitive is STORE:
                replaced.update(self._accumulate(block.nodes[: index + 1], node))
            elif node.blocks:
                blocks = [self.block(inner) for inner in node.blocks]
                replaced[node] = [with_results(node, node.results, node.args, blocks)]
        nodes = [new for node in block.nodes for new in replaced.get(node, [node])]
        return Block(block.params, tuple(nodes), block.results)

    def _accumulate(self, before: Sequence[Node], store: Node) -> dict[Node, list[Node]]:
        """What the sum that is stored, and the store, become; nothing where no product is in the sum."""
        buffer, value = store.args
        total = self._definitions.get(value) if isinstance(value, Sym) else None
        if total is None or total not in before or not isinstance(buffer, Sym) or _unsuitable(total):
            return {}
        terms = self._terms(total.results[0], (), negative=False, top=True)
        products = [term for term in terms if self._is_product(term, buffer) or self._is_of_rows(term, buffer)]
        scatters = [term for term in terms if self._is_scatter(term, buffer)]
        rest = [term for term in terms if term not in products and term not in scatters]
        if not products and not (scatters and rest):
            return {}
        between = before[before.index(total) + 1 : -1]
        if not all(node.effect.commutes_with(store.effect) for node in between):
            return {}
        earlier = before[: before.index(total)]
        own = [term for term in rest if self._is_content(term, buffer, earlier)]
        with self._builder.block() as scope:
            self._emit_update(buffer, rest, products, store, only_own=len(own) == len(rest))
            for term in scatters:
                node = self._definitions[term.value]
                args = (buffer, self._factor(term, store), *node.args)
                self._builder.emit(SCATTER_UPDATE, args, loc=store.loc, attrs={"axis": node.attr("axis")})
            reload = self._builder.node(LOAD, (buffer,), loc=store.loc)
            self._builder.append(with_results(reload, total.results, reload.args, ()))
        return {total: scope.nodes, store: []}

    # ---- taking the sum apart

    def _terms(self, atom: Sym, factors: tuple[Atom, ...], *, negative: bool, top: bool = False) -> list[_Term]:
        node = self._definitions.get(atom)
        if node is None or not (top or self._uses[atom] == 1):
            return [_Term(atom, factors, negative)]
        if node.primitive in (ADD, SUB):
            left, right = node.args
            assert isinstance(left, Sym) and isinstance(right, Sym)
            flipped = negative if node.primitive is ADD else not negative
            return [
                *self._terms(left, factors, negative=negative),
                *self._terms(right, factors, negative=flipped),
            ]
        if node.primitive is NEG and isinstance(node.args[0], Sym):
            return self._terms(node.args[0], factors, negative=not negative)
        if node.primitive is MUL:
            scalar = self._scalar_of(node.args[0])
            if scalar is not None and isinstance(node.args[1], Sym):
                return self._terms(node.args[1], (*factors, scalar), negative=negative)
        return [_Term(atom, factors, negative)]

    def _scalar_of(self, atom: Atom) -> Atom | None:
        node = self._definitions.get(atom) if isinstance(atom, Sym) else None
        if node is None or node.primitive is not BROADCAST or shape_of(node.args[0]) != ():
            return None
        return node.args[0]

    def _is_product(self, term: _Term, buffer: Sym) -> bool:
        node = self._definitions.get(term.value)
        if node is None or node.primitive is not MATMUL or self._uses[term.value] != 1:
            return False
        return not any(self._borrows(arg, buffer) for arg in node.args)

    def _is_scatter(self, term: _Term, buffer: Sym) -> bool:
        """Whether the term is zero but at some positions."""
        node = self._definitions.get(term.value)
        if node is None or node.primitive is not SCATTER_ADD or self._uses[term.value] != 1:
            return False
        return not any(self._borrows(arg, buffer) for arg in node.args)

    def _is_of_rows(self, term: _Term, buffer: Sym) -> bool:
        """Whether the term is the product of a column and a row, and may wait to be added."""
        if not isinstance(buffer.type, BufferType) or not buffer.type.waiting or self._uses[term.value] != 1:
            return False
        sides = self._sides(term.value)
        return sides is not None and not any(self._borrows(side, buffer) for side in sides)

    def _sides(self, product: Sym) -> tuple[Atom, Atom] | None:
        """The vectors that a matrix is the product of, down and across, if it is."""
        node = self._definitions.get(product)
        if node is None or node.primitive is not MUL:
            return None
        spread = [self._definitions.get(arg) if isinstance(arg, Sym) else None for arg in node.args]
        sides = {each.attr("axes"): each.args[0] for each in spread if each is not None and each.primitive is BROADCAST}
        return (sides[(0,)], sides[(1,)]) if sides.keys() == {(0,), (1,)} else None

    def _borrows(self, atom: Atom, buffer: Sym) -> bool:
        """Whether a matrix may lie in the buffer."""
        node = self._definitions.get(atom) if isinstance(atom, Sym) else None
        while node is not None and buffer not in node.effect.reads and len(node.args) == 1:
            source = node.args[0]
            node = self._definitions.get(source) if isinstance(source, Sym) else None
        return node is not None and buffer in node.effect.reads

    # ---- putting it together again

    def _emit_update(
        self, buffer: Sym, rest: list[_Term], products: list[_Term], store: Node, *, only_own: bool
    ) -> None:
        """`only_own`: the rest is nothing but multiples of the buffer's present content."""
        dtype = element_type(buffer.type)
        beta: Atom = Const(1.0, dtype)
        if not rest:
            beta = Const(0.0, dtype)
        elif only_own:
            beta = self._sum([self._factor(term, store) for term in rest], store)
        if rest and not (only_own and (products or beta == Const(1.0, dtype))):
            self._builder.emit(STORE, (buffer, self._rest(rest, store)), loc=store.loc)
            beta = Const(1.0, dtype)
        for term in products:
            factors, attrs = self._factors_of(term.value, store)
            args = (buffer, self._factor(term, store), beta, *factors)
            self._builder.emit(MATMUL_UPDATE, args, loc=store.loc, attrs=attrs)
            beta = Const(1.0, dtype)

    def _factors_of(self, product: Sym, store: Node) -> tuple[Sequence[Atom], Mapping[str, AttributeValue]]:
        """The matrices that are multiplied, and how they are read."""
        node, sides = self._definitions[product], self._sides(product)
        if sides is None:
            return node.args, dict(node.attrs)
        rows = [self._as_row(side, store) for side in sides]
        return rows, {"transpose_a": True, "transpose_b": False}

    def _as_row(self, vector: Atom, store: Node) -> Atom:
        attrs: dict[str, AttributeValue] = {"shape": (1, *shape_of(vector))}
        return self._builder.emit(RESHAPE, (vector,), loc=store.loc, attrs=attrs)[0]

    def _is_content(self, term: _Term, buffer: Sym, earlier: Sequence[Node]) -> bool:
        """Whether the tensor is what the buffer holds after the `earlier` nodes."""
        node = self._definitions.get(term.value)
        if node is None or node.primitive is not LOAD or node.args[0] is not buffer or node not in earlier:
            return False
        return all(buffer not in later.effect.writes for later in earlier[earlier.index(node) :])

    def _factor(self, term: _Term, store: Node) -> Atom:
        """The number a term is multiplied with."""
        dtype = element_type(term.value.type)
        constant, staged = -1.0 if term.negative else 1.0, []
        for factor in term.factors:
            if isinstance(factor, Const):
                constant = round_to(dtype, constant * factor.value)
            else:
                staged.append(self._as_scalar(factor, store))
        result: Atom = Const(constant, dtype)
        for index, scalar in enumerate(staged):
            is_plain = index == 0 and constant == 1.0
            result = scalar if is_plain else self._builder.emit(MUL, (result, scalar), loc=store.loc)[0]
        return result

    def _as_scalar(self, factor: Atom, store: Node) -> Atom:
        if isinstance(factor.type, ScalarType):
            return factor
        return self._builder.emit(ELEMENT, (factor,), loc=store.loc)[0]

    def _sum(self, factors: Sequence[Atom], store: Node) -> Atom:
        total, *others = factors
        for factor in others:
            if isinstance(total, Const) and isinstance(factor, Const):
                total = Const(round_to(total.type, total.value + factor.value), total.type)
            else:
                total = self._builder.emit(ADD, (total, factor), loc=store.loc)[0]
        return total

    def _rest(self, terms: Sequence[_Term], store: Node) -> Atom:
        """The sum of the terms, as a tensor."""
        total: Atom | None = None
        for term in terms:
            value: Atom = term.value
            shape = shape_of(value)
            unsigned = _Term(term.value, term.factors, negative=False)
            if term.factors:
                attrs = {"shape": shape, "axes": ()}
                (factor,) = self._builder.emit(BROADCAST, (self._factor(unsigned, store),), loc=store.loc, attrs=attrs)
                (value,) = self._builder.emit(MUL, (factor, value), loc=store.loc)
            if total is not None:
                primitive = SUB if term.negative else ADD
                (total,) = self._builder.emit(primitive, (total, value), loc=store.loc)
            elif term.negative:
                (total,) = self._builder.emit(NEG, (value,), loc=store.loc)
            else:
                total = value
        assert total is not None
        return total


def _unsuitable(total: Node) -> bool:
    """Sums of Python's own numbers keep their order, and integers their wrapping."""
    type_ = total.results[0].type
    return not isinstance(type_, TensorType) or not type_.dtype.is_float or type_.dtype.python
