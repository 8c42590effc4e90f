"""The reverse sweep over a sequence of nodes, and the table of derivative rules it applies.

In: nodes in program order, the varied symbols, and adjoints of some of the nodes' results. Out: nodes, emitted
through a `Builder`, that compute the adjoints of what those results depend on; and the forward nodes, which may have
to keep more than they did.

What holds: only varied symbols get adjoints, so no gradient is computed that nobody asked for; an adjoint has its
symbol's type (a buffer's: the type of its content); contributions are added in the order of the sweep, which is
the reverse of program order, so results are the same on every run. What a loop or a native function computes at each
round or call is kept on the tape of the sweep, and taken from there in the opposite order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from ..errors import NotSupportedYetError
from ..ir.builder import Builder
from ..ir.effects import Place
from ..ir.empty_array import empty_array
from ..ir.node import Atom, AttributeValue, Const, Node, Sym
from ..ir.ops.arithmetic import ADD, CONVERT
from ..ir.ops.buffers import BUFFER_NEW, LOAD, SETTLE, STORE
from ..ir.ops.tapes import TAPE_NEW
from ..ir.ops.tensors import BROADCAST
from ..ir.primitive import Primitive, RuleTable
from ..ir.rules import effect_rules
from ..ir.types import (
    FLOAT,
    FLOAT64,
    ArrayType,
    BufferType,
    DictType,
    ListType,
    Region,
    ScalarType,
    TapeType,
    TensorType,
    TextType,
    Type,
    VarType,
)
from ..loc import Loc
from .activity import Varied, is_active
from .context import Context

# A matrix that does not stay in the first-level cache is read and written once for so many products of rows.
_WAITING_PRODUCTS = 16
_SMALLEST_THAT_WAITS = 32 * 1024


class Sweep:
    """One reverse sweep. Rules read `adjoint`, ask `wants`, emit, and `accumulate` what they found."""

    def __init__(
        self,
        builder: Builder,
        *,
        varied: Varied,
        sources: frozenset[Sym],
        loc: Loc,
        context: Context,
        memory: Mapping[Sym, Sym] = MappingProxyType({}),
        runs_often: bool = False,
    ) -> None:
        """`sources`: what is differentiated by; their loads are where gradients end. `loc`: of the sweep's seed.

        `memory`: of some sources, the buffer that contributions to their gradients are added to as they are found.

        `runs_often`: whether the nodes are within a loop or a native function, with values of their own at each run.
        """
        self.builder = builder
        self.varied = varied
        self.sources = sources
        self.loc = loc
        self.context = context
        self.memory = memory
        self.runs_often = runs_often
        self.adjoints: dict[Sym, Atom] = {}
        self.nodes: Sequence[Node] = ()
        """Those that the sweep is going through."""
        self._done: set[Node] = set()
        self._replacements: dict[Node, Sequence[Node]] = {}

    def inner(self, memory: Mapping[Sym, Sym] = MappingProxyType({}), *, runs_often: bool = False) -> Sweep:
        """A sweep over a block inside this one's nodes: same variables, no adjoints yet. `memory`: more of that."""
        return Sweep(
            self.builder,
            varied=self.varied,
            sources=self.sources,
            loc=self.loc,
            context=self.context,
            memory={**self.memory, **memory},
            runs_often=runs_often or self.runs_often,
        )

    def run(self, nodes: Sequence[Node]) -> list[Node]:
        """Sweep over `nodes` from last to first; gives the forward nodes, with those that must give more replaced."""
        for node in nodes:
            if node.primitive in (TAPE_NEW, BUFFER_NEW) and node.results[0] in self.varied:
                self.context.pair(node.results[0], self.emit(node.primitive, **dict(node.attrs)))
        forward: list[Node] = []
        outer, self.nodes = self.nodes, nodes
        for node in reversed(nodes):
            if node not in self._done and self._matters(node):
                self._apply_rule(node)
            forward.extend(reversed(self._replacements.pop(node, (node,))))
        forward.reverse()
        self.nodes = outer
        return forward

    def _matters(self, node: Node) -> bool:
        if any(result in self.adjoints for result in node.results):
            return True
        if any(result in self.context.shadows or result in self.varied.holding for result in node.results):
            return True
        return any(self._holds_adjoints(place) for place in node.effect.writes)

    def _holds_adjoints(self, place: Place) -> bool:
        if isinstance(place, Sym):
            return self.context.adjoints_of(place) is not None or place in self.varied.holding
        return isinstance(place, Region) and place in self.varied

    def _apply_rule(self, node: Node) -> None:
        if node.primitive not in derivative_rules:
            raise NotSupportedYetError(
                f"the derivative of `{node.primitive.spelling}` is not defined",
                loc=node.loc,
                hint="compute it otherwise, or give it a rule by custom_gradient(); .detach() lets no gradient through",
            )
        self.loc = node.loc
        derivative_rules[node.primitive](self, node)

    def skip(self, nodes: Sequence[Node]) -> None:
        """Leave out some of the nodes that are still to come: they have been dealt with."""
        self._done.update(nodes)

    def replace_forward(self, node: Node, *replacements: Node) -> None:
        """Have `replacements` stand for the forward `node` that is being visited."""
        self._replacements[node] = replacements

    def is_active(self, array: Atom) -> bool:
        """Whether an array may hold varied values, so that it has a shadow."""
        return is_active(array, self.varied)

    def shadow(self, array: Atom) -> Sym:
        """The array with the adjoints of another one's elements."""
        return self.context.shadows.of(array)

    def adjoint(self, symbol: Sym) -> Atom:
        """The adjoint of a result; KeyError where the loss does not depend on it."""
        return self.adjoints[symbol]

    def adjoint_or_zero(self, symbol: Sym) -> Atom:
        """The adjoint of a symbol; zero where nothing asked for depends on it."""
        return self.adjoints[symbol] if symbol in self.adjoints else self.constant(symbol.type, 0)

    def wants(self, atom: Atom) -> bool:
        """Whether a contribution to this atom's adjoint is of use."""
        return isinstance(atom, Sym) and atom in self.varied

    def new_memory(self, source: Sym) -> Sym:
        """Zeroed memory for what the gradient of a tensor, or of a buffer's content, is added up from."""
        type_ = memory_type(source.type)
        attrs: dict[str, AttributeValue] = {"waiting": type_.waiting} if type_.waiting else {}
        return self.emit(BUFFER_NEW, dtype=type_.dtype, shape=type_.shape, **attrs)

    def sum_in(self, memory: Sym) -> Sym:
        """The gradient that was added up there."""
        if isinstance(memory.type, BufferType) and memory.type.waiting:
            self.builder.emit(SETTLE, [memory], loc=self.loc)
        return self.emit(LOAD, memory)

    def accumulate(self, atom: Atom, contribution: Atom) -> None:
        """Add to the adjoint of `atom`; nothing happens to what does not vary."""
        if not isinstance(atom, Sym) or atom not in self.varied:
            return
        place = self.memory.get(atom)
        if place is not None:
            total = self.emit(ADD, self.emit(LOAD, place), contribution)
            self.builder.emit(STORE, [place, total], loc=self.loc)
            return
        so_far = self.adjoints.get(atom)
        self.adjoints[atom] = contribution if so_far is None else self.emit(ADD, so_far, contribution)

    def emit(self, primitive: Primitive, *args: Atom, **attrs: AttributeValue) -> Sym:
        """Emit a node with one result, at the position of the forward node being visited."""
        is_strict = args and args[0].type == FLOAT and effect_rules[primitive](args, attrs, ()).raises
        if is_strict:
            # PyTorch's derivatives are infinite or NaN where they are not defined, and Python's operations would raise.
            args = tuple([self._emit(CONVERT, (arg,), {"dtype": FLOAT64}) for arg in args])
        result = self._emit(primitive, args, attrs)
        return self._emit(CONVERT, (result,), {"dtype": FLOAT}) if is_strict else result

    def _emit(self, primitive: Primitive, args: Sequence[Atom], attrs: Mapping[str, AttributeValue]) -> Sym:
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
                nodes = empty_array(self.builder, type_, self.loc)
                for node in nodes:
                    self.builder.append(node)
                return nodes[-1].results[0]
            case TextType() | ListType() | DictType() | TapeType():
                raise NotSupportedYetError(f"derivatives through a {type_} are not supported yet", loc=self.loc)


def memory_type(type_: Type) -> BufferType:
    """The type of memory that the gradient of a tensor, or of a buffer's content, is added up in."""
    assert isinstance(type_, (TensorType, BufferType))
    is_large_matrix = len(type_.shape) == 2 and type_.size * type_.dtype.itemsize >= _SMALLEST_THAT_WAITS
    return BufferType(type_.dtype, type_.shape, _WAITING_PRODUCTS if is_large_matrix else 0)


def _number(dtype: ScalarType, value: float) -> bool | int | float:
    if dtype.kind == "bool":
        return bool(value)
    return float(value) if dtype.is_float else int(value)


DerivativeRule = Callable[[Sweep, Node], None]
derivative_rules: RuleTable[DerivativeRule] = RuleTable("derivative")
