"""The pass that computes `pullback` nodes: derivatives of functions, within functions, to any order.

In: a `Function` without IR variables. Out: the same without `pullback` and `independent`.

The nodes are taken in program order, so that what a later one differentiates has no `pullback` left in it: derivatives
of derivatives are derivatives of code like any other. A sweep covers the nodes before its `pullback` in the same block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from ..ir.builder import Builder, rebuild
from ..ir.call_graph import all_functions
from ..ir.node import Atom, Block, Function, Node, Sym, walk
from ..ir.ops.differentiation import BACKWARD, INDEPENDENT, PULLBACK, pullback_parts
from ..ir.ops.tensors import STOP_GRADIENT, integers_of
from ..ir.types import ArrayType, Region
from ..passes.dce import EliminateDeadCode
from ..passes.fuse_arrays import FuseArrays
from ..passes.scalarize_arrays import ScalarizeArrays
from . import rules  # noqa: F401 - loading them fills the table
from .activity import varied_symbols
from .context import Context, written_places
from .marks import MARKS, without_marks
from .path import sweep_range
from .program import Program
from .rename import renamed, renamed_node
from .rules_array_nests import add_to_shadow
from .separate_arrays import separate_arrays
from .sweep import Sweep


@dataclass(frozen=True)
class ExpandPullbacks:
    """Replaces every `pullback` by its reverse sweep, and every `independent` by its argument."""

    name: ClassVar[str] = "expand_pullbacks"

    def run(self, function: Function) -> Function:
        marks = {node.primitive for each in all_functions(function) for node in walk(each.body)}.intersection(MARKS)
        if not marks - {STOP_GRADIENT}:
            return function
        function = _with_few_arrays(separate_arrays(function))
        program = Program(function, lambda each: replace(each, body=_expanded(each, program)))
        expanded = program.finish(_expanded(function, program))
        if any(node.primitive is BACKWARD for each in all_functions(function) for node in walk(each.body)):
            return expanded
        main, *others = [replace(each, body=without_marks(each.body, MARKS)) for each in all_functions(expanded)]
        return replace(main, functions=tuple(others))


def _with_few_arrays(function: Function) -> Function:
    """The program with operations on whole arrays fused: what is not made needs no shadow, and no memory until then."""
    for pass_ in (ScalarizeArrays(), FuseArrays(), EliminateDeadCode()):
        callees = [pass_.run(each) for each in function.functions]
        function = replace(pass_.run(function), functions=tuple(callees))
    return function


def _expanded(function: Function, program: Program) -> Block:
    body = function.body
    if any(node.primitive is INDEPENDENT for node in walk(body)):
        body = _Expander(Builder.after(function), program).expand(body)
    # Only now: to a sweep, a variable and its value are different things.
    return without_marks(body, (INDEPENDENT,))


class _Expander:
    """Copies a function's blocks, sweeping back at each `pullback` over what has been copied so far."""

    def __init__(self, builder: Builder, program: Program) -> None:
        self._builder = builder
        self._program = program
        self._found: dict[Sym, Atom] = {}

    def expand(self, block: Block) -> Block:
        with self._builder.block(block.params) as scope:
            for node in block.nodes:
                self._node(node, scope.nodes)
        return scope.finish([renamed(result, self._found) for result in block.results])

    def _node(self, node: Node, before: list[Node]) -> None:
        node = renamed_node(node, self._found)
        if node.primitive is PULLBACK:
            self._found.update(zip(node.results, self._pulled_back(node, before), strict=True))
        elif node.blocks:
            self._builder.append(rebuild(node, node.args, [self.expand(inner) for inner in node.blocks]))
        else:
            self._builder.append(node)

    def _pulled_back(self, node: Node, before: list[Node]) -> Sequence[Atom]:
        outputs, cotangents, atoms = pullback_parts(node)
        variables = [atom for atom in atoms if isinstance(atom, Sym)]
        start = _start(before)
        stop, forward = len(before), before[start:]
        varied = varied_symbols(Block((), tuple(forward), ()), variables, self._program)
        context = Context(self._builder, self._program, unstable=written_places(forward))
        sweep = Sweep(self._builder, varied=varied, sources=frozenset(variables), loc=node.loc, context=context)
        _choose_regions(context, node, variables)
        for output, cotangent in zip(outputs, cotangents, strict=True):
            if isinstance(output.type, ArrayType):
                add_to_shadow(sweep, output, cotangent)
            else:
                sweep.accumulate(output, cotangent)
        # After the first node, at which later sweeps begin: they have to go through what is put there.
        sweep_range(sweep, before, start, stop, begin=start + 1)
        return [_gradient(sweep, variable) for variable in variables]


def _start(nodes: Sequence[Node]) -> int:
    """Where to begin among nodes: what comes before the first variable, and the array that it is, depends on none."""
    first = next(index for index, node in enumerate(nodes) if node.primitive is INDEPENDENT)
    values = {arg for node in nodes if node.primitive is INDEPENDENT for arg in node.args}
    made = (index for index, node in enumerate(nodes[:first]) if not values.isdisjoint(node.results))
    return min(made, default=first)


def _choose_regions(context: Context, node: Node, variables: Sequence[Sym]) -> None:
    """Gradients lie where the `pullback` says, and are asked for from the start."""
    for variable, number in zip(variables, integers_of(node, "regions"), strict=True):
        if isinstance(variable.type, ArrayType):
            context.shadows.regions.choose(variable.type.region, Region(number))
            context.shadows.of(variable)


def _gradient(sweep: Sweep, variable: Sym) -> Atom:
    return sweep.shadow(variable) if isinstance(variable.type, ArrayType) else sweep.adjoint_or_zero(variable)
