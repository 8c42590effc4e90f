"""IR variables become values: SSA by block parameters and results (DESIGN D10).

In: a function with `var_new`, `var_get`, `var_set`. Out: the same without; an `if` gives the variables that its blocks
set as results, a `while` or `for` carries them, each only where somebody still wants them. The rest keeps its symbols.

A condition block that itself sets variables cannot hand them on, since its one result is the condition. Such a loop is
first turned round: the condition is computed before the loop and again at the end of the body, into a variable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..ir.builder import Builder
from ..ir.empty_array import empty_array
from ..ir.empty_container import empty_container
from ..ir.node import Atom, Block, Const, Function, Node, Sym, walk
from ..ir.ops.array_nests import NESTS
from ..ir.ops.control import IF, WHILE
from ..ir.ops.differentiation import CUSTOM_GRADIENT
from ..ir.ops.tensors import BROADCAST
from ..ir.ops.variables import VAR_GET, VAR_NEW, VAR_SET
from ..ir.rules import effect_of_block
from ..ir.types import ArrayType, DictType, ListType, ScalarType, TensorType, TextType, VarType
from ..loc import Loc
from .liveness import Liveness
from .rewrite import (
    Replacements,
    copy_nodes,
    replace_atoms,
    with_blocks,
    with_body,
    with_nodes,
    with_results,
)


@dataclass(frozen=True)
class PromoteVariables:
    """Removes every variable."""

    name: ClassVar[str] = "promote_variables"

    def run(self, function: Function) -> Function:
        if not any(node.primitive is VAR_NEW for node in walk(function.body)):
            return function
        builder = Builder.after(function)
        turned = with_body(function, _turn_loops(function.body, builder))
        return with_body(turned, _Promotion(Liveness(turned), builder).block(turned.body))


def _written_variables(node: Node) -> list[Sym]:
    """The variables of enclosing blocks that a node sets, in a fixed order."""
    written = [place for place in node.effect.writes if isinstance(place, Sym) and isinstance(place.type, VarType)]
    return sorted(written, key=lambda symbol: symbol.id)


class _Promotion:
    """One walk in program order, knowing the value that each variable has at the point reached."""

    def __init__(self, liveness: Liveness, builder: Builder) -> None:
        self._liveness = liveness
        self._builder = builder
        self._values: dict[Sym, Atom] = {}
        self._replacements: Replacements = {}

    def block(self, block: Block, extra_params: Sequence[Sym] = (), wanted: Sequence[Sym] = ()) -> Block:
        """The block without variables; the final values of `wanted` are added to its results."""
        nodes: list[Node] = []
        for node in block.nodes:
            self._node(node, nodes)
        results = self._resolve(block.results)
        if wanted:
            results = (*results, *[self._values[variable] for variable in wanted])
        if not extra_params:
            return with_nodes(block, nodes, results)
        return Block((*block.params, *extra_params), tuple(nodes), results)

    def _node(self, node: Node, nodes: list[Node]) -> None:
        if node.primitive is VAR_NEW:
            self._values[node.results[0]] = self._resolve(node.args)[0] if node.args else self._zero(node, nodes)
        elif node.primitive is VAR_GET:
            self._replacements[node.results[0]] = self._values[_variable(node)]
        elif node.primitive is VAR_SET:
            self._values[_variable(node)] = self._resolve(node.args)[1]
        elif node.primitive is IF:
            nodes.append(self._branch(node))
        elif node.primitive in NESTS or node.primitive is CUSTOM_GRADIENT:
            args, outside = self._resolve(node.args), dict(self._values)
            nodes.append(with_blocks(node, args, [self.block(block) for block in node.blocks]))
            self._values = outside
        elif node.blocks:
            nodes.append(self._loop(node))
        else:
            nodes.append(with_blocks(node, self._resolve(node.args), ()))

    def _branch(self, node: Node) -> Node:
        args = self._resolve(node.args)
        wanted = [variable for variable in _written_variables(node) if variable in self._liveness.after[node]]
        blocks = [self._scoped(node, block, (), wanted) for block in node.blocks]
        return self._replaced(node, args, blocks, wanted)

    def _loop(self, node: Node) -> Node:
        at_iteration = self._liveness.at_iteration[node]
        carried = [variable for variable in _written_variables(node) if variable in at_iteration]
        args = (*self._resolve(node.args), *[self._values[variable] for variable in carried])
        blocks: list[Block] = []
        for index, block in enumerate(node.blocks):
            params = [self._fresh_value(variable) for variable in carried]
            results = () if node.primitive is WHILE and index == 0 else carried
            blocks.append(self._scoped(node, block, params, results, dict(zip(carried, params, strict=True))))
        return self._replaced(node, args if carried else self._resolve(node.args), blocks, carried)

    def _scoped(
        self,
        node: Node,
        block: Block,
        params: Sequence[Sym],
        wanted: Sequence[Sym],
        entry_values: dict[Sym, Sym] | None = None,
    ) -> Block:
        """A block of a control node; the values outside are as before afterwards."""
        saved = {variable: self._values[variable] for variable in _written_variables(node)}
        self._values.update(entry_values or {})
        result = self.block(block, params, wanted)
        self._values.update(saved)
        return result

    def _replaced(self, node: Node, args: tuple[Atom, ...], blocks: Sequence[Block], variables: Sequence[Sym]) -> Node:
        """The control node that also gives the values of `variables`, which they have from here on."""
        results = [self._fresh_value(variable) for variable in variables]
        self._values.update(zip(variables, results, strict=True))
        if not results:
            return with_blocks(node, args, blocks)
        return with_results(node, (*node.results, *results), args, blocks)

    def _fresh_value(self, variable: Sym) -> Sym:
        assert isinstance(variable.type, VarType)
        return self._builder.fresh(variable.type.content, variable.name)

    def _zero(self, node: Node, nodes: list[Node]) -> Atom:
        """What a variable holds before it is set."""
        variable_type = node.results[0].type
        assert isinstance(variable_type, VarType)
        match variable_type.content:
            case ScalarType() as type_:
                return _zero_of(type_)
            case TensorType(dtype, shape):
                fill = self._builder.node(
                    BROADCAST, (_zero_of(dtype),), loc=node.loc, attrs={"shape": shape, "axes": ()}
                )
                nodes.append(fill)
                return fill.results[0]
            case ArrayType() as type_:
                made = empty_array(self._builder, type_, node.loc)
                nodes.extend(made)
                return made[-1].results[0]
            case TextType() | ListType() | DictType() as type_:
                nodes.append(empty_container(self._builder, type_, node.loc))
                return nodes[-1].results[0]

    def _resolve(self, atoms: tuple[Atom, ...]) -> tuple[Atom, ...]:
        return replace_atoms(atoms, self._replacements)


def _variable(node: Node) -> Sym:
    variable = node.args[0]
    assert isinstance(variable, Sym), "verified: a variable is a symbol"
    return variable


def _zero_of(type_: ScalarType) -> Const:
    if type_.kind == "bool":
        return Const(False, type_)
    return Const(0.0 if type_.is_float else 0, type_)


def _turn_loops(block: Block, builder: Builder) -> Block:
    """The block with every loop turned round whose condition sets variables of enclosing blocks."""
    nodes: list[Node] = []
    for node in block.nodes:
        if node.blocks:
            node = with_blocks(node, node.args, [_turn_loops(inner, builder) for inner in node.blocks])
        if node.primitive is WHILE and any(
            isinstance(place, Sym) and isinstance(place.type, VarType)
            for place in effect_of_block(node.blocks[0]).writes
        ):
            _turn_loop(node, builder, nodes)
        else:
            nodes.append(node)
    return with_nodes(block, nodes, block.results)


def _turn_loop(node: Node, builder: Builder, nodes: list[Node]) -> None:
    """Append the loop with its condition computed before it, and again after its body."""
    condition, body = node.blocks
    nodes_before, holds = _condition_given(condition, node.args, builder)
    nodes.extend(nodes_before)
    flag = builder.node(VAR_NEW, (holds,), loc=node.loc)
    nodes.append(flag)
    nodes_again, holds_again = _condition_given(condition, body.results, builder)
    remember = builder.node(VAR_SET, (flag.results[0], holds_again), loc=node.loc)
    nodes.append(
        with_results(
            node,
            node.results,
            node.args,
            (
                _flag_block(flag.results[0], condition, node.loc, builder),
                Block(body.params, (*body.nodes, *nodes_again, remember), body.results),
            ),
        )
    )


def _condition_given(condition: Block, values: Sequence[Atom], builder: Builder) -> tuple[list[Node], Atom]:
    """A copy of the condition's nodes for given carried values, and what they conclude."""
    replacements: Replacements = dict(zip(condition.params, values, strict=True))
    nodes = copy_nodes(condition.nodes, builder, replacements)
    (holds,) = replace_atoms(condition.results, replacements)
    return nodes, holds


def _flag_block(flag: Sym, condition: Block, loc: Loc, builder: Builder) -> Block:
    """A condition block that only reads the flag."""
    get = builder.node(VAR_GET, (flag,), loc=loc)
    params = [builder.fresh(param.type, param.name) for param in condition.params]
    return Block(tuple(params), (get,), get.results)
