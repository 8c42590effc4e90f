"""Building IR: fresh symbols, and nodes whose types and effects follow from the rules.

Used by staging (one `Builder` a trace) and by passes (one a function, from `Builder.after`). Blocks nest:
`with builder.block(params) as scope:` collects the nodes emitted inside, and `scope.finish(results)` gives the Block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, repeat
from operator import attrgetter
from types import MappingProxyType

from ..errors import PylmsError
from ..loc import Loc
from .node import Atom, AttributeValue, Block, Function, Node, Sym, highest_id
from .primitive import Primitive
from .rules import effect_rules, result_types
from .types import BufferType, Type

_type_of: Callable[[Atom], Type] = attrgetter("type")
NO_ATTRIBUTES: Mapping[str, AttributeValue] = MappingProxyType({})


class BlockScope:
    """A block being built, open while the `with` statement that it is for lasts."""

    __slots__ = ("_open", "depth", "is_open", "nodes", "params")

    def __init__(self, params: tuple[Sym, ...], open_scopes: list[BlockScope]) -> None:
        """`open_scopes`: the builder's, which this joins."""
        self.params = params
        self.depth = len(open_scopes)
        self.nodes: list[Node] = []
        self.is_open = True
        self._open = open_scopes

    def __enter__(self) -> BlockScope:
        self._open.append(self)
        return self

    def __exit__(self, *_error: object) -> None:
        self.is_open = False
        popped = self._open.pop()
        assert popped is self, "blocks must be closed in the order they were opened"

    def finish(self, results: Sequence[Atom]) -> Block:
        """The block, once all its nodes are there."""
        return Block(self.params, tuple(self.nodes), tuple(results))


class Builder:
    """Appends nodes to the innermost open block."""

    def __init__(self, first_id: int = 0) -> None:
        self._next_id = first_id
        self._scopes: list[BlockScope] = []
        self._homes: dict[Sym, BlockScope] = {}

    @staticmethod
    def after(function: Function) -> Builder:
        """A builder whose fresh symbols do not clash with those of `function`."""
        return Builder(highest_id(function) + 1)

    @property
    def scope(self) -> BlockScope:
        """The innermost open block."""
        return self._scopes[-1]

    @property
    def open_scopes(self) -> tuple[BlockScope, ...]:
        """The open blocks, outermost first."""
        return tuple(self._scopes)

    @property
    def symbols_made(self) -> int:
        """How many symbols there have been: grows with all that is emitted, and never goes back."""
        return self._next_id

    def fresh(self, type_: Type, name: str = "") -> Sym:
        """A symbol nobody has used."""
        symbol = Sym(self._next_id, type_, name)
        self._next_id += 1
        return symbol

    def block(self, params: Sequence[Sym] = ()) -> BlockScope:
        """A block to open; nodes emitted until the end of the `with` go into it."""
        scope = BlockScope(tuple(params), self._scopes)
        for param in params:
            self._homes[param] = scope
        return scope

    @contextmanager
    def reopened(self, scopes: Sequence[BlockScope]) -> Iterator[None]:
        """Within this, these blocks are the open ones (again). None but blocks inside them may be added to."""
        before, were_open = self._scopes, [scope.is_open for scope in scopes]
        self._scopes = list(scopes)
        for scope in scopes:
            scope.is_open = True
        try:
            yield
        finally:
            self._scopes = before
            for scope, was_open in zip(scopes, were_open, strict=True):
                scope.is_open = was_open

    def emit(
        self,
        primitive: Primitive,
        args: Sequence[Atom],
        *,
        loc: Loc,
        attrs: Mapping[str, AttributeValue] = NO_ATTRIBUTES,
        blocks: Sequence[Block] = (),
        names: Sequence[str] = (),
    ) -> tuple[Sym, ...]:
        """Append a node and give its results. Raises `StagedTypeError` at `loc` where operands do not fit."""
        node = self.node(primitive, args, loc=loc, attrs=attrs, blocks=blocks, names=names)
        scope = self._scopes[-1]
        scope.nodes.append(node)
        results = node.results
        for result in results:
            self._homes[result] = scope
        return results

    def node(
        self,
        primitive: Primitive,
        args: Sequence[Atom],
        *,
        loc: Loc,
        attrs: Mapping[str, AttributeValue] = NO_ATTRIBUTES,
        blocks: Sequence[Block] = (),
        names: Sequence[str] = (),
    ) -> Node:
        """Make a node with fresh results, without appending it."""
        arg_tuple, block_tuple = tuple(args), tuple(blocks)
        try:
            types = result_types(primitive, tuple(map(_type_of, arg_tuple)), attrs, block_tuple)
        except PylmsError as error:
            if error.loc is None:
                error.loc = loc
            raise
        effect = effect_rules[primitive](arg_tuple, attrs, block_tuple)
        results = self._results(types, names)
        attributes = tuple(attrs.items()) if attrs else ()
        return Node(results, primitive, arg_tuple, attributes, block_tuple, effect, loc)

    def _results(self, types: tuple[Type, ...], names: Sequence[str]) -> tuple[Sym, ...]:
        """Fresh symbols; those without a name are at the end."""
        if len(types) == 1:  # most
            number = self._next_id
            self._next_id = number + 1
            return (Sym(number, types[0], names[0] if names else ""),)
        return tuple(map(self.fresh, types, chain(names, repeat(""))))

    def append(self, node: Node) -> None:
        """Append a node that exists already (a pass that keeps it)."""
        scope = self._scopes[-1]
        scope.nodes.append(node)
        for result in node.results:
            self._homes[result] = scope

    def drop_after(self, scope: BlockScope, count: int) -> None:
        """Take back all but the first `count` nodes of an open block; their results mean nothing any more."""
        for node in scope.nodes[count:]:
            for result in node.results:
                self._homes.pop(result, None)
        del scope.nodes[count:]

    def place_in(self, symbol: Sym, scope: BlockScope) -> None:
        """Let a symbol count as one that is made in an open block (a parameter found out late)."""
        self._homes[symbol] = scope

    def is_within(self, symbol: Sym, scope: BlockScope) -> bool:
        """Whether a symbol was made in an open block or in one inside it.

        Captured buffers are made in no block; other symbols without one are of nodes that were put into theirs later.
        """
        home = self._homes.get(symbol)
        return not isinstance(symbol.type, BufferType) if home is None else home.depth >= scope.depth

    def is_in_scope(self, symbol: Sym) -> bool:
        """Whether nodes emitted now may use a value: it was made in a block that is still open."""
        home = self._homes.get(symbol)
        return isinstance(symbol.type, BufferType) if home is None else home.is_open


def rebuild(node: Node, args: Sequence[Atom], blocks: Sequence[Block]) -> Node:
    """The same node with other arguments or blocks, the same results; its effect is computed anew."""
    arg_tuple, block_tuple = tuple(args), tuple(blocks)
    effect = effect_rules[node.primitive](arg_tuple, dict(node.attrs), block_tuple)
    return Node(node.results, node.primitive, arg_tuple, node.attrs, block_tuple, effect, node.loc)
