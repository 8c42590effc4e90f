"""The differentiate pass: `backward` nodes become reverse sweeps.

In: a `Function` after `promote_variables`. Out: the same function without `backward` and `stop_gradient` nodes.

A sweep covers the nodes before its `backward`, in the same block and in the blocks around it; gradients end at the
loads of the buffers asked for, and at the leaves. Gradients, and what is computed from them, are constants to a later
sweep, unless their `backward` creates a graph: then a later sweep goes over the nodes of the earlier one like any
others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from ..errors import NotSupportedYetError, StagedTypeError
from ..ir.builder import Builder, rebuild
from ..ir.node import Atom, Block, Function, Node, Sym, walk
from ..ir.ops.control import FOR, WHILE
from ..ir.ops.differentiation import BACKWARD, creates_graph
from ..ir.ops.tensors import STOP_GRADIENT
from ..ir.types import TensorType, Type, element_type
from . import rules  # noqa: F401 - loading them fills the table
from .activity import extend, varied_symbols
from .context import Context, written_places
from .marks import MARKS, without_marks
from .path import sweep_back
from .program import Program
from .rename import renamed, renamed_node
from .sweep import Sweep


@dataclass(frozen=True)
class Differentiate:
    """Replaces `backward(loss, variable...)` by nodes that compute the gradients; marks go."""

    name: ClassVar[str] = "differentiate"

    def run(self, function: Function) -> Function:
        if _has_backward(function.body):
            program = Program(function)
            function = program.finish(_Rewriter(function, program).rewrite(function.body))
        # Only now: to a sweep, a stopped value and its argument are different things.
        body = without_marks(function.body, MARKS)
        return function if body is function.body else replace(function, body=body)


def gradient_function(function: Function, wrt: Sequence[int]) -> Function:
    """A function that gives `function`'s only result, then its gradients with respect to parameters number `wrt`.

    The result must be a floating-point number or a rank-0 tensor. Raises `StagedTypeError` otherwise, and for
    parameters that are not floating-point.
    """
    results = function.body.results
    if len(results) != 1 or _rank(results[0].type) or not element_type(results[0].type).is_float:
        raise StagedTypeError("only a function with one floating-point result has a gradient", loc=function.loc)
    sources = [function.params[index] for index in wrt]
    for source in sources:
        if not element_type(source.type).is_float:
            raise StagedTypeError(f"no gradient with respect to a parameter of type {source.type}", loc=function.loc)
    builder = Builder.after(function)
    with builder.block(function.params) as scope:
        scope.nodes.extend(function.body.nodes)
        program = Program(function)
        sweep = Sweep(
            builder,
            varied=varied_symbols(function.body, sources, program),
            sources=frozenset(sources),
            loc=function.loc,
            context=Context(builder, program, unstable=written_places(function.body.nodes)),
        )
        gradients = _gradients(sweep, results[0], [scope.nodes], sources)
    body = scope.finish((results[0], *gradients))
    return replace(function, name=f"{function.name}_gradient", body=body)


def _rank(type_: Type) -> int:
    return type_.rank if isinstance(type_, TensorType) else 0


def _has_backward(block: Block) -> bool:
    return any(node.primitive is BACKWARD for node in walk(block))


def _gradients(sweep: Sweep, loss: Atom, path: Sequence[list[Node]], sources: Sequence[Sym]) -> list[Atom]:
    """Sweep over `path` (node lists, outermost first); gives the gradients, zero where the loss does not depend."""
    if sweep.wants(loss):
        sweep.accumulate(loss, sweep.constant(loss.type, 1))
        sweep_back(sweep, path)
    return [sweep.adjoint_or_zero(source) for source in sources]


def _needs_more_than_traced(node: Node) -> bool:
    """Whether it is a `backward` that has derivatives, or one by computed values."""
    if node.primitive is not BACKWARD:
        return False
    return creates_graph(node) or any(isinstance(variable.type, TensorType) for variable in node.args[1:])


class _Rewriter:
    """Copies a function's blocks, sweeping back at each `backward` over what has been copied so far."""

    def __init__(self, function: Function, program: Program) -> None:
        self._function = function
        self._program = program
        self._builder = Builder.after(function)
        self._gradients: dict[Sym, Atom] = {}
        self._sees_sweeps = any(map(_needs_more_than_traced, walk(function.body)))
        """Whether what varies is to be found in what earlier sweeps have added as well."""
        self._path: list[list[Node]] = []
        self._loops: list[tuple[Node, Block]] = []

    def rewrite(self, block: Block) -> Block:
        with self._builder.block(block.params) as scope:
            self._path.append(scope.nodes)
            for node in block.nodes:
                self._rewrite_node(node)
            self._path.pop()
        return scope.finish([renamed(result, self._gradients) for result in block.results])

    def _rewrite_node(self, node: Node) -> None:
        if node.primitive is BACKWARD:
            self._differentiate(node)
        elif any(_has_backward(block) for block in node.blocks):
            args = [renamed(arg, self._gradients) for arg in node.args]
            self._builder.append(rebuild(node, args, [self._rewrite_inner(node, block) for block in node.blocks]))
        else:
            self._builder.append(renamed_node(node, self._gradients))

    def _rewrite_inner(self, node: Node, block: Block) -> Block:
        if node.primitive not in (WHILE, FOR):
            return self.rewrite(block)
        self._loops.append((node, block))
        try:
            return self.rewrite(block)
        finally:
            self._loops.pop()

    def _differentiate(self, node: Node) -> None:
        loss, *variables = renamed_node(node, self._gradients).args
        sources = [variable for variable in variables if isinstance(variable, Sym)]
        before = [each for nodes in self._path for each in nodes]
        # Memory is the same in all rounds of the loops around, so that what varies with it is found in the function as
        # it was. A leaf is another one in each round: only what comes before varies with it.
        leaves = [source for source in sources if isinstance(source.type, TensorType)]
        varied = varied_symbols(self._function.body, [each for each in sources if each not in leaves], self._program)
        varied.update(leaves)
        if self._sees_sweeps:
            extend(varied, before)
        unstable = written_places(before)
        context = Context(self._builder, self._program, unstable=unstable)
        sweep = Sweep(self._builder, varied=varied, sources=frozenset(sources), loc=node.loc, context=context)
        gradients = _gradients(sweep, loss, self._path, sources)
        self._refuse_carried(sweep)
        if self._sees_sweeps and not creates_graph(node):
            gradients = [sweep.emit(STOP_GRADIENT, gradient) for gradient in gradients]
        self._gradients.update(zip(node.results, gradients, strict=True))

    def _refuse_carried(self, sweep: Sweep) -> None:
        for loop, block in self._loops:
            if any(param in sweep.adjoints for param in block.params):
                raise NotSupportedYetError(
                    "the loss depends on a value that this loop carries from one iteration to the next, "
                    "and differentiating through a staged loop is not supported yet",
                    loc=loop.loc,
                    hint="use .detach() on the carried value if no gradient should flow from earlier iterations",
                )
