"""The graph behind a staged tensor: what derivatives of it flow to, as the program traced so far stands.

In: a trace. Out: the memory, leaves and arguments that a value depends on; and the error that PyTorch raises where a
second `backward()` goes through what a first one has freed.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from ..ad.activity import CONSTANT_RESULTS
from ..errors import AutogradError
from ..ir.node import Atom, Const, Node, Sym, walk
from ..ir.ops.arithmetic import ADD, CONVERT, MUL, NEG, SUB, TRUEDIV
from ..ir.ops.buffers import LOAD
from ..ir.ops.control import IF
from ..ir.ops.differentiation import BACKWARD, LEAF, creates_graph
from ..ir.ops.tensor_regions import CONCAT, PLACE, SLICE
from ..ir.ops.tensors import BROADCAST, ELEMENT, REDUCE_SUM, RESHAPE, TRANSPOSE
from ..ir.ops.variables import VAR_GET, VAR_NEW, VAR_SET
from ..ir.types import VarType, element_type
from ..loc import caller_loc
from ..staging.context import Trace

# PyTorch keeps no tensors for them, or for what it makes of them: they can be gone through again.
_KEEPING_NOTHING = (
    *(ADD, SUB, NEG, CONVERT, LOAD, LEAF, VAR_GET, VAR_NEW, BROADCAST, RESHAPE, TRANSPOSE, REDUCE_SUM, ELEMENT),
    *(SLICE, PLACE, CONCAT),
)
_BY_A_CONSTANT = (MUL, TRUEDIV)


@dataclass
class _Behind:
    """What is behind a value: `symbols`, itself included; and what the nodes between were computed from."""

    symbols: set[Sym] = field(default_factory=set)
    steps: list[tuple[Node, list[Atom]]] = field(default_factory=list)


class Graphs:
    """The graphs of one trace."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._freed: set[Node] = set()

    def symbols_behind(self, symbol: Sym) -> set[Sym]:
        """What a value depends on through floating-point operations: buffers, arguments, and computed values."""
        return self._behind(symbol).symbols

    def variable_read_as(self, symbol: Sym) -> Sym | None:
        """The variable that a value was read from, if it was."""
        found = self._definitions()[0].get(symbol)
        if found is None or found[0].primitive is not VAR_GET:
            return None
        variable = found[0].args[0]
        assert isinstance(variable, Sym)
        return variable

    def go_back(self, symbol: Sym, variables: Sequence[Sym], *, keep: bool) -> None:
        """A derivative of that value by these variables is taken; `keep`: another may be. AutogradError if none may.

        What variables of the program held before is taken to be kept.
        """
        behind = self._behind(symbol, through_variables=False)
        leading: set[Atom] = set(variables)
        size = -1
        while size != len(leading):
            size = len(leading)
            leading.update(
                result for node, inputs in behind.steps if not leading.isdisjoint(inputs) for result in node.results
            )
        constants = {node.results[0] for node, _ in behind.steps if _is_constant(node)}
        nodes = {
            node for node, inputs in behind.steps if not leading.isdisjoint(inputs) and _keeps_tensors(node, constants)
        }
        if not self._freed.isdisjoint(nodes):
            raise AutogradError(
                "trying to backward through the graph a second time: what it kept was freed by the first",
                loc=caller_loc(),
                hint="call the first backward() or autograd.grad() with retain_graph=True",
            )
        if not keep:
            self._freed |= nodes

    def _behind(self, symbol: Sym, *, through_variables: bool = True) -> _Behind:
        definitions, assignments = self._definitions()
        found = _Behind()
        pending: list[Atom] = [symbol]
        while pending:
            atom = pending.pop()
            if not isinstance(atom, Sym) or atom in found.symbols:
                continue
            found.symbols.add(atom)
            if atom in definitions and not (isinstance(atom.type, VarType) and not through_variables):
                node, index = definitions[atom]
                inputs = [*_inputs(node, index), *assignments.get(atom, ())]
                found.steps.append((node, inputs))
                pending.extend(inputs)
        return found

    def _definitions(self) -> tuple[dict[Sym, tuple[Node, int]], dict[Sym, list[Atom]]]:
        """The nodes that give values, with which of their results; and what variables are assigned."""
        definitions: dict[Sym, tuple[Node, int]] = {}
        assignments: dict[Sym, list[Atom]] = {}
        for scope in self._trace.builder.open_scopes:
            for top in scope.nodes:
                for node in _with_inner(top):
                    definitions.update({result: (node, index) for index, result in enumerate(node.results)})
                    if node.primitive is VAR_SET and isinstance(node.args[0], Sym):
                        assignments.setdefault(node.args[0], []).append(node.args[1])
        return definitions, assignments


def _with_inner(node: Node) -> list[Node]:
    return [node, *[inner for block in node.blocks for inner in walk(block)]]


def _inputs(node: Node, result: int) -> list[Atom]:
    """What a derivative of this result flows to."""
    if node.primitive in CONSTANT_RESULTS or (node.primitive is BACKWARD and not creates_graph(node)):
        return []
    if node.primitive is IF:
        return [block.results[result] for block in node.blocks]
    if node.primitive is VAR_GET:
        return list(node.args)
    return [arg for arg in node.args if element_type(arg.type).is_float]


def _is_constant(node: Node) -> bool:
    return node.primitive is BROADCAST and isinstance(node.args[0], Const)


def _keeps_tensors(node: Node, constants: Container[Atom]) -> bool:
    if node.primitive in _BY_A_CONSTANT and any(arg in constants for arg in node.args):
        return False
    return node.primitive not in _KEEPING_NOTHING
