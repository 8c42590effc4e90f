"""Derivatives of loops: a loop that goes through the rounds backwards.

In each round the forward loop leaves on the tape what the reverse one needs of it, and the reverse one takes it from
there; what follows from the index, or from what is outside, is computed again instead. A `while` counts its rounds.
The reverse loop carries the adjoints of what the loop carries, and what it adds to those of numbers from outside;
tensors from outside have theirs added up in memory, those of parameters wherever a contribution is found.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.node import Atom, AttributeValue, Block, Const, Node, Sym
from ..ir.ops.arithmetic import ADD, FLOORDIV, MAXIMUM, MUL, SUB, UNCHECKED
from ..ir.ops.buffers import LOAD, STORE
from ..ir.ops.control import FOR, WHILE
from ..ir.primitive import Primitive
from ..ir.rules import effect_of_block
from ..ir.types import INT, BufferType, ScalarType, TensorType, Type
from ..passes.rewrite import with_results
from .activity import carried_that_matter
from .rename import free_symbols
from .sweep import Sweep, derivative_rules
from .taping import keep_on_tape

_ZERO = Const(0, INT)
_ONE = Const(1, INT)
_MINUS_ONE = Const(-1, INT)


@derivative_rules.define(FOR)
def _for(sweep: Sweep, node: Node) -> None:
    (body,) = node.blocks
    start, stop, step = node.args[:3]
    loop = _Loop(sweep, node, body, body.params[1:], node.args[3:])
    loop.sweep_body()
    counter = sweep.builder.fresh(INT, body.params[0].name)
    position: Atom = counter
    counting: list[Node] = []
    if step == _ONE and isinstance(start, Const):
        last = _int(sweep, SUB, _int(sweep, MAXIMUM, stop, start), _ONE)
        bounds = (last, Const(int(start.value) - 1, INT), _MINUS_ONE)
    else:
        bounds = (_int(sweep, SUB, _rounds(sweep, start, stop, step), _ONE), _MINUS_ONE, _MINUS_ONE)
        with sweep.builder.block() as scope:
            position = _int(sweep, ADD, start, _int(sweep, MUL, counter, step))
        counting = scope.nodes
    forward = loop.keep({body.params[0]: position})
    loop.reverse_nodes[:0] = counting
    sweep.replace_forward(node, with_results(node, loop.all_results, (start, stop, step, *loop.all_initial), [forward]))
    loop.emit_reverse(counter, bounds)


@derivative_rules.define(WHILE)
def _while(sweep: Sweep, node: Node) -> None:
    condition, body = node.blocks
    loop = _Loop(sweep, node, body, body.params, node.args)
    loop.sweep_body()
    forward = loop.keep({})
    rounds, so_far = (sweep.builder.fresh(INT, name) for name in ("rounds", "round"))
    with sweep.builder.block() as counting:
        next_round = _int(sweep, ADD, so_far, _ONE)
    more = (*forward.params[len(condition.params) :], so_far)
    unused = [sweep.builder.fresh(param.type) for param in more]
    blocks = (
        Block((*condition.params, *unused), condition.nodes, condition.results),
        Block((*forward.params, so_far), (*forward.nodes, *counting.nodes), (*forward.results, next_round)),
    )
    sweep.replace_forward(node, with_results(node, (*loop.all_results, rounds), (*loop.all_initial, _ZERO), blocks))
    loop.emit_reverse(sweep.builder.fresh(INT), (_ZERO, rounds, _ONE))


def _int(sweep: Sweep, primitive: Primitive, *args: Atom) -> Sym:
    """Arithmetic on ints that surely fit."""
    attrs: dict[str, AttributeValue] = {} if primitive is MAXIMUM else dict([UNCHECKED])
    return sweep.emit(primitive, *args, **attrs)


def _rounds(sweep: Sweep, start: Atom, stop: Atom, step: Atom) -> Atom:
    """How often a `for` goes round: the quotient, rounded upwards, of distance and step."""
    quotient = _int(sweep, FLOORDIV, _int(sweep, SUB, start, stop), step)
    return _int(sweep, MAXIMUM, _int(sweep, SUB, _ZERO, quotient), _ZERO)


class _Loop:
    """One loop under a sweep, whose steps are called in the order in which they stand here."""

    def __init__(self, sweep: Sweep, node: Node, body: Block, params: Sequence[Sym], initial: Sequence[Atom]) -> None:
        """`params`: those of the body that stand for carried values, which begin as `initial`."""
        self._sweep = sweep
        self._node = node
        self._body = body
        self._params = params
        self._initial = initial
        self._forward: list[Node] = []
        self._carried: list[int] = []
        """The carried values that have adjoints, and these at the end of a round (of the reverse loop: the start)."""
        self._adjoints: list[Sym] = []
        self._targets: list[Sym] = []
        """The symbols from outside to whose adjoints the loop adds."""
        self._results: list[Atom] = []
        """What a round of the reverse loop gives: the adjoints at its end, and what it adds to each target's."""
        self._memory: dict[Sym, Sym] = {}
        """The sources that are read inside, and where the loop adds up their gradients."""
        self.reverse_nodes: list[Node] = []
        self._arrays = [index for index, param in enumerate(params) if sweep.is_active(param)]
        """The carried values that are arrays whose shadows are carried with them."""

    @property
    def all_initial(self) -> tuple[Atom, ...]:
        """What the carried values of the forward loop begin as, the shadows included."""
        return (*self._initial, *self._shadows_of(self._initial))

    @property
    def all_results(self) -> tuple[Sym, ...]:
        """The results of the forward loop, the shadows included."""
        return (*self._node.results, *self._shadows_of(self._node.results))

    def _shadows_of(self, values: Sequence[Atom]) -> list[Sym]:
        return [self._sweep.shadow(values[index]) for index in self._arrays]

    def sweep_body(self) -> None:
        """Sweep over the body."""
        sweep, body, builder = self._sweep, self._body, self._sweep.builder
        sources = [symbol for symbol in free_symbols(body) if symbol in sweep.sources and symbol not in sweep.memory]
        self._memory = {source: sweep.new_memory(source) for source in sources if _is_buffer(source.type)}
        inner = sweep.inner(self._memory, runs_often=True)
        for values in (self._params, body.results, self._node.results, self._initial):
            self._shadows_of(values)
        asked = [index for index, result in enumerate(self._node.results) if result in sweep.adjoints]
        self._carried = carried_that_matter(body, self._params, asked, sweep.varied)
        with builder.block() as scope:
            for index in self._carried:
                adjoint = builder.fresh(self._params[index].type, f"{self._params[index].name}_grad")
                self._adjoints.append(adjoint)
                inner.accumulate(body.results[index], adjoint)
            self._forward = inner.run(body.nodes)
            for index in self._carried:
                self._results.append(inner.adjoint_or_zero(self._params[index]))
        own = {*body.params, *[result for node in self._forward for result in node.results]}
        outside = {symbol: adjoint for symbol, adjoint in inner.adjoints.items() if symbol not in own}
        self._targets = list(outside)
        self._results += outside.values()
        self.reverse_nodes = scope.nodes

    def keep(self, known: dict[Sym, Atom]) -> Block:
        """The forward body, which leaves on the tape what the reverse needs and cannot compute again.

        `known`: what stands in the reverse loop for symbols of the body.
        """
        reverse = Block((), tuple(self.reverse_nodes), tuple(self._results))
        body, loc = self._body, self._node.loc
        params = (*body.params, *self._shadows_of(self._params))
        forward, reverse = keep_on_tape(self._sweep, params, self._forward, reverse, known, loc)
        self.reverse_nodes, self._results = list(reverse.nodes), list(reverse.results)
        return Block(params, tuple(forward), (*body.results, *self._shadows_of(body.results)))

    def emit_reverse(self, counter: Sym, bounds: Sequence[Atom]) -> None:
        """Emit the reverse loop, and take over the adjoints that it gives."""
        sweep, builder, loc = self._sweep, self._sweep.builder, self._node.loc
        sweep.loc = loc
        added = dict(zip(self._targets, self._results[len(self._carried) :], strict=True))
        numbers = [target for target in added if _is_number(target.type)]
        buffers = {target: sweep.new_memory(target) for target in added if target not in numbers}
        sums = [builder.fresh(target.type, f"{target.name}_grad") for target in numbers]
        with builder.block() as tail:
            totals = [sweep.emit(ADD, total, added[target]) for total, target in zip(sums, numbers, strict=True)]
            for target, buffer in buffers.items():
                builder.emit(STORE, [buffer, sweep.emit(ADD, sweep.emit(LOAD, buffer), added[target])], loc=loc)
        body = Block(
            (counter, *self._adjoints, *sums),
            (*self.reverse_nodes, *tail.nodes),
            (*self._results[: len(self._carried)], *totals),
        )
        asked = [self._node.results[index] for index in self._carried]
        before = [sweep.adjoints.get(target) or sweep.constant(target.type, 0) for target in (*asked, *numbers)]
        after = builder.emit(FOR, [*bounds, *before], loc=loc, blocks=[body])
        sweep.adjoints.update(zip(numbers, after[len(self._carried) :], strict=True))
        written = effect_of_block(body).writes
        for target, buffer in {**buffers, **self._memory}.items():
            if buffer in written:
                sweep.accumulate(target, sweep.sum_in(buffer))
        for index, adjoint in zip(self._carried, after, strict=False):
            sweep.accumulate(self._initial[index], adjoint)


def _is_number(type_: Type) -> bool:
    return isinstance(type_, ScalarType) or (isinstance(type_, TensorType) and type_.shape == ())


def _is_buffer(type_: Type) -> bool:
    return isinstance(type_, BufferType)
