"""The reverse sweep over a sequence of nodes, and the table of derivative rules it applies.

In: nodes in program order, the varied symbols, and adjoints of some of the nodes' results. Out: nodes, emitted
through a `Builder`, that compute the adjoints of what those results depend on.

What holds: only varied symbols get adjoints, so no gradient is computed that nobody asked for; an adjoint has its
symbol's type (a buffer's: the type of its content); contributions are added in the order of the sweep, which is
the reverse of program order, so results are the same on every run.
"""

from __future__ import annotations

from collections.abc import Callable

from ..errors import NotSupportedYetError
from ..ir.builder import Builder
from ..ir.node import Atom, AttributeValue, Const, Node, Sym
from ..ir.ops.arithmetic import ADD
from ..ir.ops.tensors import BROADCAST
from ..ir.primitive import Primitive, RuleTable
from ..ir.types import (
    ArrayType,
    BufferType,
    DictType,
    ListType,
    ScalarType,
    TensorType,
    TextType,
    Type,
    VarType,
)
from ..loc import Loc


class Sweep:
    """One reverse sweep. Rules read `adjoint`, ask `wants`, emit, and `accumulate` what they found."""

    def __init__(self, builder: Builder, *, varied: set[Sym], sources: frozenset[Sym], loc: Loc) -> None:
        """`sources`: what is differentiated by; their loads are where gradients end. `loc`: of the sweep's seed."""
        self.builder = builder
        self.varied = varied
        self.sources = sources
        self.loc = loc
        self.adjoints: dict[Sym, Atom] = {}
        self._replacements: dict[Node, Node] = {}

    def inner(self) -> Sweep:
        """A sweep over a block inside this one's nodes: same variables, no adjoints yet."""
        return Sweep(self.builder, varied=self.varied, sources=self.sources, loc=self.loc)

    def run(self, nodes: list[Node]) -> None:
        """Sweep over `nodes` from last to first. Forward nodes that must give more results are replaced in the list."""
        for index in range(len(nodes) - 1, -1, -1):
            node = nodes[index]
            if not any(result in self.adjoints for result in node.results):
                continue
            if node.primitive not in derivative_rules:
                raise NotSupportedYetError(
                    f"the derivative of `{node.primitive.spelling}` is not defined",
                    loc=node.loc,
                    hint="use .detach() on its argument if no gradient should flow through it",
                )
            self.loc = node.loc
            derivative_rules[node.primitive](self, node)
            nodes[index] = self._replacements.pop(node, node)

    def replace_forward(self, node: Node, replacement: Node) -> None:
        """Have `replacement` stand for the forward `node` that is being visited."""
        self._replacements[node] = replacement

    def adjoint(self, symbol: Sym) -> Atom:
        """The adjoint of a result; KeyError where the loss does not depend on it."""
        return self.adjoints[symbol]

    def wants(self, atom: Atom) -> bool:
        """Whether a contribution to this atom's adjoint is of use."""
        return isinstance(atom, Sym) and atom in self.varied

    def accumulate(self, atom: Atom, contribution: Atom) -> None:
        """Add to the adjoint of `atom`; nothing happens to what does not vary."""
        if not isinstance(atom, Sym) or atom not in self.varied:
            return
        so_far = self.adjoints.get(atom)
        self.adjoints[atom] = contribution if so_far is None else self.emit(ADD, so_far, contribution)

    def emit(self, primitive: Primitive, *args: Atom, **attrs: AttributeValue) -> Sym:
        """Emit a node with one result, at the position of the forward node being visited."""
        (result,) = self.builder.emit(primitive, args, loc=self.loc, attrs=attrs)
        return result

    def constant(self, type_: Type, value: float) -> Atom:
        """`value` as an atom of a scalar type, or filling a tensor (of a buffer's type: of its content)."""
        match type_:
            case ScalarType():
                return Const(_number(type_, value), type_)
            case TensorType(dtype, shape) | BufferType(dtype, shape):
                return self.emit(BROADCAST, Const(_number(dtype, value), dtype), shape=shape, axes=())
            case VarType(content):
                return self.constant(content, value)
            case ArrayType():
                raise NotSupportedYetError("derivatives through arrays are not supported yet", loc=self.loc)
            case TextType() | ListType() | DictType():
                raise NotSupportedYetError(f"derivatives through a {type_} are not supported yet", loc=self.loc)


def _number(dtype: ScalarType, value: float) -> bool | int | float:
    if dtype.kind == "bool":
        return bool(value)
    return float(value) if dtype.is_float else int(value)


DerivativeRule = Callable[[Sweep, Node], None]
derivative_rules: RuleTable[DerivativeRule] = RuleTable("derivative")
