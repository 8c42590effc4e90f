"""Update a large matrix once in a block of steps instead of in each, as blocked Householder methods do.

In: a function after differentiation and the tensor passes. Out: one that gives the same in real arithmetic, and in
floating point up to rounding: sums that the program makes step by step are made in another order. A loop whose step t
computes y_t = x_t W_t^T and then W_{t+1} = W_t - u_t^T x_t has, within a block of steps that starts with W_0,

    W_t = W_0 - sum_{s<t} u_s^T x_s,     y_t = x_t W_0^T - sum_{s<t} (x_t . x_s) u_s.

So a block computes its rows X of all steps first, then Y = X W_0^T and G = X X^T at once, corrects each step's row of Y
by those before it, and ends with W -= U^T X. W is read for k steps at a time, and written as rarely. The update stands
in the cleanup of a `finally`: W is what the program made of it also where an error or Ctrl-C ends the loop in the
middle of a block. What may wait, `delayable` tells. (The WY form: Bischof and Van Loan, SIAM J. Sci. Stat. Comput.
8(1), 1987.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..ir.builder import Builder
from ..ir.node import Atom, AttributeValue, Block, Const, Function, Node, Sym, walk
from ..ir.ops.arithmetic import ADD, CONVERT, MUL, SELECT, SUB
from ..ir.ops.buffers import BUFFER_NEW, LOAD, LOAD_ELEMENT, SLICE_ROWS, STORE, STORE_ELEMENT, STORE_ROWS
from ..ir.ops.control import FINALLY, FOR
from ..ir.ops.tensors import BROADCAST, MATMUL, RESHAPE
from ..ir.primitive import Primitive
from ..ir.types import BOOL, INT, INT64, BufferType, ScalarType, element_type
from .delayable import Update, UpdateFinder
from .rewrite import Replacements, copy_nodes, trip_count, with_blocks, with_body, with_results
from .tensor_rewriter import count_uses, shape_of

_TRUE = Const(True, BOOL)
# Arguments of a `for` before the carried values: start, stop, step.
_RANGE_ARGUMENTS = 3


@dataclass(frozen=True)
class DelayUpdates:
    """Blocks of steps that update their matrices once.

    block_rows: rows of x in a block. largest_rows: with more of them in a step, products and updates are bound by
    arithmetic, which waiting does not save. smallest_bytes: a smaller matrix stays in the first-level cache.
    """

    name: ClassVar[str] = "delay_updates"
    block_rows: int = 16
    largest_rows: int = 4
    smallest_bytes: int = 32 * 1024

    def run(self, function: Function) -> Function:
        return with_body(function, _Delayer(function, self).block(function.body))


class _Delayer:
    def __init__(self, function: Function, settings: DelayUpdates) -> None:
        self._settings = settings
        self._builder = Builder.after(function)
        self._uses = count_uses(function)
        self._definitions = {symbol: node for node in walk(function.body) for symbol in node.results}

    def block(self, block: Block) -> Block:
        """The block with its loops in blocks of steps, where that can be done."""
        nodes: list[Node] = []
        changed = False
        for node in block.nodes:
            delayed = self._delayed(node)
            if delayed is None and node.blocks:
                delayed = [with_blocks(node, node.args, [self.block(inner) for inner in node.blocks])]
            nodes.extend(delayed or [node])
            changed = changed or (delayed is not None and delayed != [node])
        return Block(block.params, tuple(nodes), block.results) if changed else block

    def _delayed(self, loop: Node) -> list[Node] | None:
        rounds = trip_count(loop.args) if loop.primitive is FOR else None
        if rounds is None or loop.args[2] != Const(1, INT):
            return None
        settings = self._settings
        finder = UpdateFinder(loop, rounds, self._definitions, self._uses, largest_rows=settings.largest_rows)
        updates = [update for update in finder.updates() if self._pays(update)]
        if not updates:
            return None
        steps = max(2, settings.block_rows // max(update.rows for update in updates))
        if rounds < 2 * steps:
            return None
        with self._builder.block() as scope:
            _BlockWriter(self._builder, loop, updates, steps).write(rounds // steps)
            return scope.nodes

    def _pays(self, update: Update) -> bool:
        """Whether the matrix is large, and with so many columns that G = X X^T costs no more than X W_0^T and U^T X."""
        is_wide = 2 * update.columns >= self._settings.block_rows
        return is_wide and _bytes(update) > self._settings.smallest_bytes


def _sign(update: Update) -> Primitive:
    return SUB if update.negative else ADD


def _bytes(update: Update) -> int:
    type_ = update.buffer.type
    assert isinstance(type_, BufferType)
    return type_.size * type_.dtype.itemsize


@dataclass(frozen=True, slots=True)
class _Delayed:
    """An update and the memory of its block: the rows x, the rows u, x times the old W, the products among rows x.

    `earlier` says which of these last are of an earlier step; `reached` holds the number of steps that gave u.
    """

    update: Update
    inputs: Sym
    steps: Sym
    products: Sym
    gram: Sym
    earlier: Sym
    reached: Sym


class _BlockWriter:
    """Writes one loop anew, into the builder's open block."""

    def __init__(self, builder: Builder, loop: Node, updates: Sequence[Update], steps: int) -> None:
        self._builder = builder
        self._loop = loop
        self._updates = updates
        self._steps = steps
        self._loc = loop.loc

    def write(self, blocks: int) -> None:
        loop, steps = self._loop, self._steps
        start, stop = (int(arg.value) for arg in loop.args[:2] if isinstance(arg, Const))
        middle = start + blocks * steps
        delayed = [self._memory(update) for update in self._updates]
        initial = loop.args[_RANGE_ARGUMENTS:]
        first = self._builder.fresh(INT, "first")
        params = self._fresh_carried()
        with self._builder.block((first, *params)) as scope:
            for each in delayed:
                self._prepare(each, first)
            results = self._run_steps(delayed, first, params)
            body = scope.finish(results)
        bounds = (Const(start, INT), Const(middle, INT), Const(steps, INT))
        if middle == stop:
            self._emit_loop(bounds, initial, body, results=loop.results)
            return
        carried = self._emit_loop(bounds, initial, body)
        self._emit_loop((Const(middle, INT), Const(stop, INT), Const(1, INT)), carried, loop.blocks[0], loop.results)

    # ---- the parts of a block of steps

    def _memory(self, update: Update) -> _Delayed:
        """Buffers for all blocks."""
        dtype, rows = element_type(update.buffer.type), update.rows * self._steps
        name = update.buffer.name or "matrix"
        delayed = _Delayed(
            update,
            inputs=self._buffer(dtype, (rows, update.inner), f"{name}_inputs"),
            steps=self._buffer(dtype, (rows, update.columns), f"{name}_steps"),
            products=self._buffer(dtype, (rows, update.columns), f"{name}_products"),
            gram=self._buffer(dtype, (rows, rows), f"{name}_gram"),
            earlier=self._buffer(BOOL, (rows, rows), f"{name}_earlier"),
            reached=self._buffer(INT, (1,), f"{name}_reached"),
        )

        def mark(step: Sym) -> None:
            begin = self._first_row(step, update)
            self._repeat(Const(0, INT), begin, lambda column: self._mark_column(delayed, begin, column))

        self._repeat(Const(1, INT), Const(self._steps, INT), mark)
        return delayed

    def _mark_column(self, delayed: _Delayed, begin: Atom, column: Sym) -> None:
        """The row of that number is earlier than those of the step that begins there."""
        for offset in range(delayed.update.rows):
            row = self._small(ADD, begin, Const(offset, INT)) if offset else begin
            self._do(STORE_ELEMENT, delayed.earlier, _TRUE, row, column)

    def _prepare(self, delayed: _Delayed, first: Sym) -> None:
        """The rows x of all steps, and their products with W and with each other."""
        update = delayed.update

        def compute(step: Sym) -> None:
            replacements: Replacements = {self._loop.blocks[0].params[0]: self._small(ADD, first, step)}
            for node in copy_nodes(update.ahead, self._builder, replacements):
                self._builder.append(node)
            source = update.source
            value = replacements.get(source, source) if isinstance(source, Sym) else source
            self._store_rows(delayed.inputs, value, step, update)

        self._repeat(Const(0, INT), Const(self._steps, INT), compute)
        inputs = self._emit(LOAD, delayed.inputs)
        matrix = self._emit(LOAD, update.buffer)
        product = self._matmul(inputs, matrix, transpose_b=update.columns_first)
        self._do(STORE, delayed.products, product)
        gram = self._matmul(inputs, inputs, transpose_b=True)
        earlier = self._emit(LOAD, delayed.earlier)
        self._do(STORE, delayed.gram, self._emit(SELECT, earlier, gram, self._zeros(delayed.gram)))
        self._do(STORE, delayed.steps, self._zeros(delayed.steps))
        self._do(STORE_ELEMENT, delayed.reached, Const(0, INT), Const(0, INT))

    def _run_steps(self, delayed: Sequence[_Delayed], first: Sym, carried: Sequence[Sym]) -> tuple[Sym, ...]:
        step, params = self._builder.fresh(INT, "step"), self._fresh_carried()
        with self._builder.block() as outer:
            with self._builder.block((step, *params)) as inner:
                results = self._copy_body(delayed, first, step, params)
                body = inner.finish(results)
            bounds = (Const(0, INT), Const(self._steps, INT), Const(1, INT))
            steps = outer.finish(self._emit_loop(bounds, carried, body))
        with self._builder.block() as scope:
            for each in delayed:
                self._catch_up(each)
            cleanup = scope.finish(())
        return self._builder.emit(FINALLY, (), loc=self._loc, blocks=(steps, cleanup))

    def _copy_body(self, delayed: Sequence[_Delayed], first: Sym, step: Sym, params: Sequence[Sym]) -> tuple[Atom, ...]:
        """The loop's body, without reading or writing the matrices."""
        (body,) = self._loop.blocks
        replacements: Replacements = dict(zip(body.params, (self._small(ADD, first, step), *params), strict=True))
        products = {each.update.product: each for each in delayed}
        stores = {each.update.store: each for each in delayed}
        sources = {each.update.source: each for each in delayed}
        for node in body.nodes:
            source = next((result for result in node.results if result in sources), None)
            if source is not None:
                rows = self._rows(sources[source].inputs, step, sources[source].update)
                replacements[source] = self._reshaped(rows, shape_of(source))
            elif node in products:
                replacements[node.results[0]] = self._corrected(products[node], step)
            elif node in stores:
                self._put_off(stores[node], step, replacements)
            else:
                for copy in copy_nodes([node], self._builder, replacements):
                    self._builder.append(copy)
        return tuple([replacements.get(each, each) if isinstance(each, Sym) else each for each in body.results])

    def _corrected(self, delayed: _Delayed, step: Sym) -> Atom:
        """The product of a step: with the old W, and with what has been put off."""
        update = delayed.update
        weights, earlier = self._rows(delayed.gram, step, update), self._emit(LOAD, delayed.steps)
        old = self._rows(delayed.products, step, update)
        value = self._emit(_sign(update), old, self._matmul(weights, earlier))
        return self._reshaped(value, shape_of(update.product.results[0]))

    def _put_off(self, delayed: _Delayed, step: Sym, replacements: Replacements) -> None:
        """Note the step's u, all factors included, instead of storing W."""
        update = delayed.update

        def now(atom: Atom) -> Atom:
            return replacements.get(atom, atom) if isinstance(atom, Sym) else atom

        value = now(update.gradient)
        for factor in update.factors:
            spread = self._emit(BROADCAST, now(factor), shape=shape_of(value), axes=())
            value = self._emit(MUL, spread, value)
        self._store_rows(delayed.steps, value, step, update)
        self._do(STORE_ELEMENT, delayed.reached, self._small(ADD, step, Const(1, INT)), Const(0, INT))

    def _catch_up(self, delayed: _Delayed) -> None:
        """Bring W up to date: with the steps reached, of which the others have u = 0 and must have a finite x."""
        update = delayed.update

        def forget(step: Sym) -> None:
            shape = (update.rows, update.inner)
            zeros = self._emit(BROADCAST, Const(0.0, element_type(update.buffer.type)), shape=shape, axes=())
            self._store_rows(delayed.inputs, zeros, step, update)

        reached = self._emit(LOAD_ELEMENT, delayed.reached, Const(0, INT))
        self._repeat(reached, Const(self._steps, INT), forget)
        steps, inputs = self._emit(LOAD, delayed.steps), self._emit(LOAD, delayed.inputs)
        factors = (steps, inputs) if update.columns_first else (inputs, steps)
        change = self._matmul(*factors, transpose_a=True)
        self._do(STORE, update.buffer, self._emit(_sign(update), self._emit(LOAD, update.buffer), change))

    # ---- rows of a step

    def _first_row(self, step: Atom, update: Update) -> Atom:
        """Where a step's rows begin in a block's."""
        return step if update.rows == 1 else self._small(MUL, step, Const(update.rows, INT))

    def _rows(self, buffer: Sym, step: Sym, update: Update) -> Atom:
        return self._emit(SLICE_ROWS, buffer, self._first_row(step, update), count=update.rows)

    def _store_rows(self, buffer: Sym, value: Atom, step: Sym, update: Update) -> None:
        assert isinstance(buffer.type, BufferType)
        rows = self._reshaped(value, (update.rows, *buffer.type.shape[1:]))
        self._do(STORE_ROWS, buffer, rows, self._first_row(step, update))

    # ---- shorthand

    def _emit(self, primitive: Primitive, *args: Atom, **attrs: AttributeValue) -> Sym:
        (result,) = self._builder.emit(primitive, args, loc=self._loc, attrs=attrs)
        return result

    def _do(self, primitive: Primitive, *args: Atom) -> None:
        self._builder.emit(primitive, args, loc=self._loc)

    def _buffer(self, dtype: ScalarType, shape: tuple[int, ...], name: str) -> Sym:
        attrs: dict[str, AttributeValue] = {"dtype": dtype, "shape": shape}
        (buffer,) = self._builder.emit(BUFFER_NEW, (), loc=self._loc, attrs=attrs, names=(name,))
        return buffer

    def _zeros(self, buffer: Sym) -> Sym:
        assert isinstance(buffer.type, BufferType)
        return self._emit(BROADCAST, Const(0.0, buffer.type.dtype), shape=buffer.type.shape, axes=())

    def _matmul(self, left: Atom, right: Atom, *, transpose_a: bool = False, transpose_b: bool = False) -> Sym:
        return self._emit(MATMUL, left, right, transpose_a=transpose_a, transpose_b=transpose_b)

    def _reshaped(self, value: Atom, shape: tuple[int, ...]) -> Atom:
        return value if shape_of(value) == shape else self._emit(RESHAPE, value, shape=shape)

    def _small(self, primitive: Primitive, left: Atom, right: Atom) -> Sym:
        """Arithmetic on ints that is known not to overflow, and so is not checked."""
        wide = [
            Const(atom.value, INT64) if isinstance(atom, Const) else self._emit(CONVERT, atom, dtype=INT64)
            for atom in (left, right)
        ]
        return self._emit(CONVERT, self._emit(primitive, *wide), dtype=INT)

    def _fresh_carried(self) -> tuple[Sym, ...]:
        """Parameters for the values that the loop carries."""
        params = self._loop.blocks[0].params[1:]
        return tuple([self._builder.fresh(param.type, param.name) for param in params])

    def _repeat(self, start: Atom, stop: Atom, write: Callable[[Sym], None]) -> None:
        """A loop that carries nothing; `write` writes its body, given the index."""
        index = self._builder.fresh(INT, "step")
        with self._builder.block((index,)) as scope:
            write(index)
            body = scope.finish(())
        self._builder.emit(FOR, (start, stop, Const(1, INT)), loc=self._loc, blocks=(body,))

    def _emit_loop(
        self, bounds: tuple[Const, Const, Const], initial: Sequence[Atom], body: Block, results: Sequence[Sym] = ()
    ) -> tuple[Sym, ...]:
        """A loop like the one given, with these results if there are any."""
        node = self._builder.node(FOR, (*bounds, *initial), loc=self._loc, blocks=(body,))
        node = with_results(node, results or node.results, node.args, node.blocks)
        self._builder.append(node)
        return node.results
