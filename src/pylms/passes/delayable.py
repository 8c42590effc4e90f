"""Which matrices' updates can wait for the end of a block of steps, as `delay_updates` lets them.

In: a counted loop. Out: an `Update` for each buffer W of which all of this is proved: the loop's body reads it only to
form one product with a few rows x, and once more to store W - c * (d^T x) with the very same x; and x can be computed
ahead, since it depends on the loop's index and on what the loop does not change, and since computing it cannot fail.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..ir.node import Atom, Block, Const, Node, Sym, walk
from ..ir.ops.arithmetic import ADD, MUL, NEG, SUB
from ..ir.ops.buffers import GATHER_ROWS, LOAD, LOAD_ELEMENT, SLICE_ROWS, STORE
from ..ir.ops.control import CHECK
from ..ir.ops.tensors import BROADCAST, MATMUL, RESHAPE, integers_of
from ..ir.types import INT, BufferType, TensorType
from .rewrite import makes_memory, reads_at_index
from .tensor_rewriter import shape_of

_LARGEST_INT = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Update:
    """One buffer W, its product and its update.

    The product is x W^T with x[rows, inner] and W[columns, inner] where `columns_first`, else x W with
    W[inner, columns]. The update adds, or subtracts where `negative`, `factors` times d^T x (or its transpose), where d
    is `gradient`, seen as [rows, columns]. `source` is x before reshapes, which `ahead` computes.
    """

    buffer: Sym
    product: Node
    store: Node
    source: Atom
    ahead: tuple[Node, ...]
    rows: int
    inner: int
    columns: int
    columns_first: bool
    gradient: Atom
    factors: tuple[Atom, ...]
    negative: bool


@dataclass(frozen=True, slots=True)
class _Product:
    """The left or right factor that is not W, without its reshapes, and the sizes."""

    node: Node
    source: Atom
    rows: int
    inner: int
    columns: int
    columns_first: bool


@dataclass(frozen=True, slots=True)
class _Scaled:
    """`value` times the factors, and times -1 where `negative`."""

    value: Atom
    factors: tuple[Atom, ...] = ()
    negative: bool = False


class UpdateFinder:
    """Looks at one loop. `definitions` and `uses` are those of the whole function."""

    def __init__(
        self, loop: Node, rounds: int, definitions: Mapping[Sym, Node], uses: Mapping[Sym, int], *, largest_rows: int
    ) -> None:
        start = loop.args[0]
        assert isinstance(start, Const)
        self._loop = loop
        self._body = loop.blocks[0]
        self._index = self._body.params[0]
        self._definitions = definitions
        self._uses = uses
        self._largest_rows = largest_rows
        self._home = {symbol: node for node in self._body.nodes for symbol in node.results}
        self._position = {node: position for position, node in enumerate(self._body.nodes)}
        self._inside = _defined_in(self._body)
        self._ranges: dict[Sym, tuple[int, int] | None] = {
            self._index: (int(start.value), int(start.value) + rounds - 1)
        }

    def updates(self) -> list[Update]:
        """All that can wait, in the order of their stores."""
        stores = [node for node in self._body.nodes if node.primitive is STORE]
        return [update for store in stores if (update := self._update(store)) is not None]

    def _update(self, store: Node) -> Update | None:
        buffer, value = store.args
        total = self._home.get(value) if isinstance(value, Sym) and self._uses[value] == 1 else None
        if not isinstance(buffer, Sym) or total is None or total.primitive not in (ADD, SUB):
            return None
        content = self._content_used_twice(buffer, store)
        users = [node for node in self._body.nodes if any(arg in content for arg in node.args)]
        if len(users) != 2 or total not in users:
            return None
        product = self._product(next(node for node in users if node is not total), content)
        step = self._step(total, content)
        if product is None or step is None or product.rows > self._largest_rows:
            return None
        gradient = self._gradient(step, product)
        ahead = self._computed_ahead(product.source)
        if gradient is None or ahead is None:
            return None
        return Update(
            buffer=buffer,
            product=product.node,
            store=store,
            source=product.source,
            ahead=ahead,
            rows=product.rows,
            inner=product.inner,
            columns=product.columns,
            columns_first=product.columns_first,
            gradient=gradient.value,
            factors=gradient.factors,
            negative=gradient.negative,
        )

    # ---- the accesses of W

    def _content_used_twice(self, buffer: Sym, store: Node) -> frozenset[Sym]:
        """What is loaded of W before its one store, if it is used in two places in all; else nothing."""
        accesses = [
            node
            for node in walk(self._body)
            if not node.blocks and (buffer in node.effect.reads or buffer in node.effect.writes) and node is not store
        ]
        end = self._position[store]
        if any(node.primitive is not LOAD or self._position.get(node, end) >= end for node in accesses):
            return frozenset()
        content = frozenset(node.results[0] for node in accesses)
        return content if sum(self._uses[symbol] for symbol in content) == 2 else frozenset()

    def _product(self, node: Node, content: frozenset[Sym]) -> _Product | None:
        result = node.results[0].type
        if node.primitive is not MATMUL or not isinstance(result, TensorType):
            return None
        if not result.dtype.is_float or result.dtype.python or not result.size:
            return None
        on_left = node.args[0] in content
        matrix, other = node.args if on_left else node.args[::-1]
        other_transposed, matrix_transposed = bool(node.attr("transpose_a")), bool(node.attr("transpose_b"))
        rows, columns = result.shape
        if on_left:
            # A column, which lies in memory as a row does: W x = (x^T W^T)^T.
            other_transposed, matrix_transposed = not matrix_transposed, not other_transposed
            rows, columns = columns, rows
        if rows > 1 and (on_left or other_transposed):
            return None
        inner = shape_of(matrix)[1 if matrix_transposed else 0]
        return _Product(node, self._without_reshapes(other), rows, inner, columns, matrix_transposed)

    # ---- the update

    def _step(self, total: Node, content: frozenset[Sym]) -> _Scaled | None:
        """What the update adds to W."""
        left, right = total.args
        if left in content:
            return _Scaled(right, (), total.primitive is SUB)
        if right in content and total.primitive is ADD:
            return _Scaled(left)
        return None

    def _gradient(self, step: _Scaled, product: _Product) -> _Scaled | None:
        """d with all factors of the step, if that is a multiple of d^T x."""
        outer = self._unscaled(step, once=True)
        sides = self._sides(outer.value, product.rows) if self._used_once(outer.value) else None
        if sides is None:
            return None
        gradient, source = sides if product.columns_first else sides[::-1]
        found = self._source(_Scaled(source, outer.factors, outer.negative), product.source)
        return None if found is None else _Scaled(gradient, found.factors, found.negative)

    def _sides(self, atom: Atom, rows: int) -> tuple[Atom, Atom] | None:
        """The matrices a and b, of so many rows each, of which the atom is a^T b."""
        node = self._home.get(atom) if isinstance(atom, Sym) else None
        if node is None:
            return None
        if node.primitive is MATMUL:
            is_plain = bool(node.attr("transpose_a")) and not node.attr("transpose_b")
            depth = shape_of(node.args[0])[0 if node.attr("transpose_a") else 1]
            left, right = node.args
            return (left, right) if depth == rows and (is_plain or rows == 1) else None
        if node.primitive is not MUL or rows != 1:
            return None
        spread = {self._axis_of(arg): arg for arg in node.args}
        if set(spread) != {0, 1}:
            return None
        left, right = (self._definition(spread[axis]).args[0] for axis in (0, 1))
        return left, right

    def _axis_of(self, atom: Atom) -> int | None:
        """The axis along which a matrix varies that repeats a vector."""
        node = self._definitions.get(atom) if isinstance(atom, Sym) else None
        if node is None or node.primitive is not BROADCAST or len(shape_of(node.args[0])) != 1:
            return None
        return integers_of(node, "axes")[0]

    def _source(self, scaled: _Scaled, source: Atom) -> _Scaled | None:
        """The multiple of `source` that `scaled` is, seen through reshapes."""
        while True:
            value = self._without_reshapes(scaled.value)
            if value == source:
                return scaled
            inner = self._unscaled(_Scaled(value, scaled.factors, scaled.negative), once=False)
            if inner.value is value:
                return None
            scaled = inner

    def _unscaled(self, scaled: _Scaled, *, once: bool) -> _Scaled:
        """`once`: only through values that nobody else uses."""
        while True:
            value = scaled.value
            node = self._home.get(value) if isinstance(value, Sym) else None
            if node is None or (once and not self._used_once(value)):
                return scaled
            if node.primitive is NEG:
                scaled = _Scaled(node.args[0], scaled.factors, not scaled.negative)
                continue
            factors = [self._scalar_of(arg) for arg in node.args] if node.primitive is MUL else []
            position = next((index for index, factor in enumerate(factors) if factor is not None), None)
            if position is None:
                return scaled
            factor = factors[position]
            assert factor is not None
            scaled = _Scaled(node.args[1 - position], (*scaled.factors, factor), scaled.negative)

    def _scalar_of(self, atom: Atom) -> Atom | None:
        node = self._definitions.get(atom) if isinstance(atom, Sym) else None
        if node is None or node.primitive is not BROADCAST or shape_of(node.args[0]) != ():
            return None
        return node.args[0]

    def _without_reshapes(self, atom: Atom) -> Atom:
        while isinstance(atom, Sym) and (node := self._definitions.get(atom)) is not None:
            if node.primitive is not RESHAPE:
                break
            atom = node.args[0]
        return atom

    def _definition(self, atom: Atom) -> Node:
        assert isinstance(atom, Sym)
        return self._definitions[atom]

    def _used_once(self, atom: Atom) -> bool:
        return isinstance(atom, Sym) and self._uses[atom] == 1

    # ---- computing x before its step

    def _computed_ahead(self, source: Atom) -> tuple[Node, ...] | None:
        """The body's nodes that x comes from, in order; None where they may not run before their step."""
        needed: set[Node] = set()
        pending: list[Atom] = [source]
        while pending:
            atom = pending.pop()
            node = self._home.get(atom) if isinstance(atom, Sym) else None
            if node is None:
                if atom in self._inside and atom is not self._index:
                    return None
                continue
            if node in needed:
                continue
            if not self._can_run_early(node):
                return None
            needed.add(node)
            pending.extend(node.args)
        return tuple(sorted(needed, key=self._position.__getitem__))

    def _can_run_early(self, node: Node) -> bool:
        effect = node.effect
        if node.blocks or makes_memory(node) or effect.writes or effect.io or effect.keep:
            return False
        if effect.reads & self._loop.effect.writes:
            return False
        if effect.raises and self._range(node.results[0]) is None:
            return False
        return not reads_at_index(node) or self._reads_in_range(node)

    def _reads_in_range(self, node: Node) -> bool:
        """Whether the positions read are in range in any step, whatever the loop checks before it gets there."""
        buffer = node.args[0]
        assert isinstance(buffer.type, BufferType)
        if node.primitive is LOAD_ELEMENT:
            pairs = zip(node.args[1:], buffer.type.shape, strict=True)
            return all(self._is_within(index, extent - 1) for index, extent in pairs)
        count = node.attr("count")
        assert isinstance(count, int)
        if node.primitive is SLICE_ROWS:
            return self._is_within(node.args[1], buffer.type.shape[0] - count)
        order = node.args[1]
        is_guarded = any(each.primitive is CHECK for each in self._body.nodes[: self._position[node]])
        assert node.primitive is GATHER_ROWS and isinstance(order.type, BufferType)
        return not is_guarded and self._is_within(node.args[2], order.type.shape[0] - count)

    def _is_within(self, atom: Atom, last: int) -> bool:
        found = self._range(atom)
        return found is not None and found[0] >= 0 and found[1] <= last

    def _range(self, atom: Atom) -> tuple[int, int] | None:
        """The least and the greatest value of an int that is made of constants and the index, if it never overflows."""
        if isinstance(atom, Const):
            return (int(atom.value), int(atom.value)) if atom.type == INT else None
        if atom not in self._ranges:
            self._ranges[atom] = self._range_of(self._home.get(atom))
        return self._ranges[atom]

    def _range_of(self, node: Node | None) -> tuple[int, int] | None:
        if node is None or node.primitive not in (ADD, SUB, MUL) or node.args[0].type != INT:
            return None
        left, right = (self._range(arg) for arg in node.args)
        if left is None or right is None:
            return None
        if node.primitive is ADD:
            ends = [left[0] + right[0], left[1] + right[1]]
        elif node.primitive is SUB:
            ends = [left[0] - right[1], left[1] - right[0]]
        else:
            ends = [one * other for one in left for other in right]
        return (min(ends), max(ends)) if max(map(abs, ends)) <= _LARGEST_INT else None


def _defined_in(block: Block) -> frozenset[Atom]:
    """All that a block and those within define."""
    inner = [nested for node in walk(block) for nested in node.blocks]
    params = [param for each in (block, *inner) for param in each.params]
    return frozenset([*params, *(result for node in walk(block) for result in node.results)])
