"""Derivatives that users have a say in: rules of their own, and what is computed again instead of kept."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import NotSupportedYetError
from ..ir.node import Atom, Block, Node
from ..ir.ops.arrays import ARRAY_AS_STRIDED
from ..ir.ops.differentiation import CHECKPOINT_END, CUSTOM_GRADIENT
from ..ir.types import ArrayType
from ..passes.rewrite import Replacements, copy_nodes, replace_atoms
from .activity import extend
from .context import written_places
from .older_arrays import names_of
from .rename import free_symbols, renamed
from .rules_array_nests import add_to_shadow, copy_of_array
from .sweep import Sweep, derivative_rules


@derivative_rules.define(CUSTOM_GRADIENT)
def _custom_gradient(sweep: Sweep, node: Node) -> None:
    """The rule's block takes its place in the reverse code."""
    (block,) = node.blocks
    known: Replacements = {}
    made: list[Node] = []
    for param, result in zip(block.params, node.results, strict=True):
        if isinstance(param.type, ArrayType):
            known[param] = copy_of_array(sweep, sweep.shadow(result), param.type.region, made)
        else:
            known[param] = sweep.adjoint_or_zero(result)
    sweep.builder.scope.nodes.extend([*made, *copy_nodes(block.nodes, sweep.builder, known)])
    pulled = replace_atoms(block.results, known)
    for variable, adjoint in zip(node.args[len(node.results) :], pulled, strict=True):
        _contribute(sweep, variable, adjoint)
    arrays = [result for result in node.results if result in sweep.context.shadows]
    zeros = [each for array in arrays for each in sweep.context.shadows.zeros(array, node.loc)]
    sweep.replace_forward(node, node, *zeros)


def _contribute(sweep: Sweep, variable: Atom, adjoint: Atom) -> None:
    if not isinstance(variable.type, ArrayType):
        sweep.accumulate(variable, adjoint)
    elif sweep.is_active(variable):
        add_to_shadow(sweep, variable, adjoint)


@derivative_rules.define(CHECKPOINT_END)
def _checkpoint(sweep: Sweep, node: Node) -> None:
    """What the function computed is computed again in the reverse code, and swept over there."""
    begin, *values = node.args
    start = next(index for index, each in enumerate(sweep.nodes) if begin in each.results)
    nodes = list(sweep.nodes[start + 1 : sweep.nodes.index(node)])
    _require_repeatable(sweep, nodes)
    _require_new(node, nodes)
    sweep.skip(nodes)
    copies = _copied_inputs(sweep, sweep.nodes[start], nodes)
    again = copy_nodes(nodes, sweep.builder, copies)
    extend(sweep.varied, again)
    inner = sweep.inner()
    zeros: list[Node] = []
    with sweep.builder.block() as reverse:
        for result, value in zip(node.results, values, strict=True):
            if not isinstance(value.type, ArrayType):
                inner.accumulate(renamed(value, copies), sweep.adjoint_or_zero(result))
            elif sweep.is_active(value):
                zeros += sweep.context.shadows.zeros(result, node.loc)
                add_to_shadow(inner, renamed(value, copies), sweep.shadow(result))
        for symbol, copy in copies.items():
            if symbol in sweep.adjoints:  # used outside as well, where the same was computed
                inner.accumulate(copy, sweep.adjoints.pop(symbol))
        forward = inner.run(again)
    sweep.builder.scope.nodes.extend([*forward, *reverse.nodes])
    own = set(copies.values())
    for symbol, adjoint in inner.adjoints.items():
        if symbol not in own:
            sweep.accumulate(symbol, adjoint)
    sweep.replace_forward(node, node, *zeros)


def _copied_inputs(sweep: Sweep, begin: Node, nodes: Sequence[Node]) -> Replacements:
    """Copies of the arrays from outside that may be others when the nodes run again, made before these."""
    copies: Replacements = {}
    made: list[Node] = []
    for array in free_symbols(Block((), tuple(nodes), ())):
        if not isinstance(array.type, ArrayType) or array.type.region not in sweep.context.unstable:
            continue
        # Of the same type, so that what is made of it has the types that it had.
        copies[array] = copy = copy_of_array(sweep, array, array.type.region, made)
        if not array.type.is_dense:
            made.append(sweep.builder.node(ARRAY_AS_STRIDED, [copy], loc=sweep.loc))
            copies[array] = copy = made[-1].results[0]
        if sweep.is_active(array):
            sweep.context.shadows.share(copy, array)
    sweep.replace_forward(begin, *made, begin)
    return copies


def _require_new(end: Node, nodes: Sequence[Node]) -> None:
    """A located error where an array that is given is memory from outside: it may be changed before it is needed."""
    outside = [each for each in free_symbols(Block((), tuple(nodes), end.args)) if isinstance(each.type, ArrayType)]
    if not names_of(nodes, outside).isdisjoint(end.args):
        _refuse(end, "gives a part of an argument, or of an array from around it")


def _require_repeatable(sweep: Sweep, nodes: Sequence[Node]) -> None:
    """A located error for what would not do the same again."""
    inside = {result for node in nodes for result in node.results}
    outside = free_symbols(Block((), tuple(nodes), ()))
    regions = {symbol.type.region for symbol in outside if isinstance(symbol.type, ArrayType)}
    for node in nodes:
        written = {place for place in written_places([node]) if place not in inside}
        if node.effect.io:
            _refuse(node, "prints or calls Python")
        if written & {*regions, *outside}:
            _refuse(node, "changes memory that is older")
        if node.effect.reads & sweep.context.unstable & set(outside):
            _refuse(node, "reads parameters that change afterwards")


def _refuse(node: Node, what: str) -> None:
    raise NotSupportedYetError(
        f"a function under checkpoint() is computed again, and this one {what}",
        loc=node.loc,
        hint="take that out of the function",
    )
