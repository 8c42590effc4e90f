"""Which values vary with the variables of a differentiation (the forward half of activity analysis).

In: a block and the source symbols (parameters or buffers). Out: every symbol through which a derivative from a
source may flow, and every tape that holds such values. The backward half (which of these the loss depends on) is what
the reverse sweep visits.

A rule per primitive adds to the set what its node makes vary; primitives without one pass variation from any
argument to every floating-point result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ..ir.call_graph import callee_of
from ..ir.effects import Place
from ..ir.node import Atom, Block, Node, Sym
from ..ir.ops.arithmetic import CEIL, FLOOR, FLOORDIV
from ..ir.ops.array_nests import NESTS
from ..ir.ops.arrays import ARRAY_STORE, VIEWS
from ..ir.ops.buffers import STORE, STORE_ELEMENT, STORE_ROWS
from ..ir.ops.control import FOR, IF, WHILE
from ..ir.ops.differentiation import (
    BACKWARD,
    CHECKPOINT_END,
    CUSTOM_GRADIENT,
    INDEPENDENT,
    creates_graph,
    is_differentiable,
)
from ..ir.ops.elementary import RINT, TRUNC
from ..ir.ops.functions import CALL
from ..ir.ops.host import HOST_CALL
from ..ir.ops.random import RANDOM_BELOW, RANDOM_UNIFORM
from ..ir.ops.tapes import TAPE_PUSH
from ..ir.ops.tensors import STOP_GRADIENT
from ..ir.ops.variables import VAR_SET
from ..ir.primitive import RuleTable
from ..ir.types import ArrayType
from .program import Program
from .rename import free_symbols


class Varied(set[Place]):
    """The varied symbols of one function and the memory that holds varied values, with those of what it calls."""

    def __init__(self, sources: Iterable[Place], program: Program, callees: dict[str, Varied] | None = None) -> None:
        super().__init__(sources)
        self._program = program
        self.callees = {} if callees is None else callees
        self.holding: set[Sym] = set()
        """The tapes that hold arrays which vary."""

    def of_callee(self, name: str) -> tuple[Block, Varied]:
        """The body of a native function, and what varies in it in some call."""
        if name not in self.callees:
            self.callees[name] = Varied((), self._program, self.callees)
        return self._program.function(name).body, self.callees[name]

    def size(self) -> int:
        """How many symbols vary in all."""
        return sum(len(each) + len(each.holding) for each in (self, *self.callees.values()))

    def shared(self) -> set[Place]:
        """The memory of arrays and containers among it, which all functions call the same."""
        return {place for place in self if not isinstance(place, Sym)}


VariationRule = Callable[[Node, Varied], None]
variation_rules: RuleTable[VariationRule] = RuleTable("variation")

# Their results are floating-point and yet constant almost everywhere, or constant by definition.
CONSTANT_RESULTS = (STOP_GRADIENT, FLOOR, CEIL, TRUNC, RINT, FLOORDIV, RANDOM_UNIFORM, RANDOM_BELOW)


def varied_symbols(body: Block, sources: Sequence[Sym], program: Program) -> Varied:
    """The least set that holds `sources` and is closed under every node of `body`, loops and calls included."""
    memory = [source.type.region if isinstance(source.type, ArrayType) else source for source in sources]
    varied = Varied(memory, program)
    size = -1
    while size != varied.size():
        size = varied.size()
        _visit_block(body, varied)
        for name in list(varied.callees):
            callee, inner = varied.of_callee(name)
            _visit_block(callee, inner)
    return varied


def is_active(array: Atom, varied: Varied) -> bool:
    """Whether it is an array that may hold varied values."""
    type_ = array.type
    return isinstance(type_, ArrayType) and type_.dtype.is_float and type_.region in varied


def extend(varied: Varied, nodes: Sequence[Node]) -> None:
    """Add what new nodes make vary."""
    body = Block((), tuple(nodes), ())
    size = -1
    while size != varied.size():
        size = varied.size()
        _visit_block(body, varied)


def _visit_block(block: Block, varied: Varied) -> None:
    for node in block.nodes:
        if node.primitive in variation_rules:
            variation_rules[node.primitive](node, varied)
        elif _any_varied(node.args, varied) or not node.effect.reads.isdisjoint(varied):
            _add_floats(node, varied)
            varied.update(place for place in node.effect.writes if not isinstance(place, Sym))


def _any_varied(atoms: Sequence[Atom], varied: Varied) -> bool:
    return any(atom in varied for atom in atoms if isinstance(atom, Sym))


def _add_floats(node: Node, varied: Varied) -> None:
    """All floating-point results vary. An array varies by the region that it lies in."""
    found = [result for result in node.results if is_differentiable(result.type)]
    varied.update(result for result in found if not isinstance(result.type, ArrayType))


@variation_rules.define(*CONSTANT_RESULTS)
def _constant(_node: Node, _varied: Varied) -> None:
    """Nothing varies."""


@variation_rules.define(BACKWARD)
def _backward(node: Node, varied: Varied) -> None:
    """Gradients are constants to other derivatives, unless they were asked for as what has derivatives."""
    if creates_graph(node) and _any_varied(node.args, varied):
        _add_floats(node, varied)


@variation_rules.define(STORE, STORE_ELEMENT, STORE_ROWS, VAR_SET)
def _write(node: Node, varied: Varied) -> None:
    """A varied value makes the place it is written to vary."""
    place, value = node.args[:2]
    if isinstance(place, Sym) and _any_varied((value,), varied):
        varied.add(place)


@variation_rules.define(CUSTOM_GRADIENT)
def _custom_gradient(node: Node, varied: Varied) -> None:
    """The results vary with what the rule gives derivatives by."""
    variables = node.args[len(node.results) :]
    if not _any_varied(variables, varied) and not any(is_active(each, varied) for each in variables):
        return
    _add_floats(node, varied)
    for result in node.results:
        if isinstance(result.type, ArrayType):
            _add_region(result, varied)


@variation_rules.define(CHECKPOINT_END)
def _checkpoint_end(node: Node, varied: Varied) -> None:
    for result, value in zip(node.results, node.args[1:], strict=True):
        if _any_varied((value,), varied):
            varied.add(result)


@variation_rules.define(*VIEWS, INDEPENDENT)
def _same_memory(node: Node, varied: Varied) -> None:
    """Arrays vary by the region that they lie in."""
    if not isinstance(node.results[0].type, ArrayType) and _any_varied(node.args, varied):
        _add_floats(node, varied)


@variation_rules.define(ARRAY_STORE)
def _array_store(node: Node, varied: Varied) -> None:
    array, value = node.args[:2]
    if _any_varied((value,), varied):
        _add_region(array, varied)


@variation_rules.define(*NESTS)
def _nest(node: Node, varied: Varied) -> None:
    (block,) = node.blocks
    _visit_block(block, varied)
    if not _any_varied(block.results, varied):
        return
    for array in (*node.args, *node.results):
        if isinstance(array.type, ArrayType):
            _add_region(array, varied)
    _add_floats(node, varied)


def _add_region(array: Atom, varied: Varied) -> None:
    assert isinstance(array.type, ArrayType)
    varied.add(array.type.region)


@variation_rules.define(CALL)
def _call(node: Node, varied: Varied) -> None:
    """What varies in some call counts as varied in all; memory that is passed varies inside and outside alike."""
    callee, inner = varied.of_callee(callee_of(node))
    for param, arg in zip(callee.params, node.args, strict=True):
        if not isinstance(arg, Sym):
            continue
        if arg in varied:
            inner.add(param)
        elif param in inner and arg in node.effect.writes:
            varied.add(arg)
        if arg in varied.holding:
            inner.holding.add(param)
        elif param in inner.holding:
            varied.holding.add(arg)
    inner.update(varied.shared())
    varied.update(inner.shared())
    for result, atom in zip(node.results, callee.results, strict=True):
        if _any_varied((atom,), inner):
            varied.add(result)


@variation_rules.define(TAPE_PUSH)
def _push(node: Node, varied: Varied) -> None:
    """A varied value makes the tape vary."""
    tape, *values = node.args
    assert isinstance(tape, Sym)
    if _any_varied(values, varied):
        varied.add(tape)
    if any(is_active(value, varied) for value in values):
        varied.holding.add(tape)


@variation_rules.define(HOST_CALL)
def _host_call(node: Node, varied: Varied) -> None:
    """Python may compute anything from its arguments, into its results and the buffers it writes."""
    if not _any_varied(node.args, varied):
        return
    _add_floats(node, varied)
    attrs = dict(node.attrs)
    mutates, as_here = attrs["mutates"], attrs.get("as_here", ())
    assert isinstance(mutates, tuple) and isinstance(as_here, tuple)
    written = [arg for index, arg in enumerate(node.args) if index in mutates and index not in as_here]
    varied.update(arg for arg in written if isinstance(arg, Sym))


@variation_rules.define(IF)
def _if(node: Node, varied: Varied) -> None:
    for block in node.blocks:
        _visit_block(block, varied)
    for index, result in enumerate(node.results):
        if _any_varied([block.results[index] for block in node.blocks], varied):
            varied.add(result)


@variation_rules.define(WHILE)
def _while(node: Node, varied: Varied) -> None:
    condition, body = node.blocks
    _carry(node.args, [condition.params, body.params, node.results], body, varied)
    _visit_block(condition, varied)


@variation_rules.define(FOR)
def _for(node: Node, varied: Varied) -> None:
    (body,) = node.blocks
    _carry(node.args[3:], [body.params[1:], node.results], body, varied)


def _carry(initial: Sequence[Atom], carried: Sequence[Sequence[Sym]], body: Block, varied: Varied) -> None:
    """A carried value varies when its initial value or the one of a later iteration does."""
    for index, symbols in enumerate(zip(*carried, strict=True)):
        if _any_varied((initial[index], body.results[index]), varied):
            varied.update(symbols)
    _visit_block(body, varied)


def carried_that_matter(body: Block, params: Sequence[Sym], asked: Iterable[int], varied: Varied) -> list[int]:
    """The numbers of a loop's carried values on which those `asked` for depend in some round, themselves included.

    Only varied ones count: the others have no adjoints. `params` stand for the carried values in the body.
    """
    found = {index for index in asked if params[index] in varied}
    size = -1
    while size != len(found):
        size = len(found)
        wanted = _symbols(body.results[index] for index in found)
        for node in reversed(body.nodes):
            if not wanted.isdisjoint(node.results) or not node.effect.writes.isdisjoint(varied):
                wanted |= _symbols(node.args)
                wanted.update(symbol for block in node.blocks for symbol in free_symbols(block))
        found |= {index for index, param in enumerate(params) if param in wanted and param in varied}
    return sorted(found)


def _symbols(atoms: Iterable[Atom]) -> set[Sym]:
    return {atom for atom in atoms if isinstance(atom, Sym)}
