"""What a round of a loop uses of the program around it, and how it gets there where the round is a function of its own.

In: rounds as they were traced. Out: IR that hands their variables over and takes them back. Numbers are arguments and
results; tensors go through memory; to lists that rounds append to, what was appended is appended afterwards. Parameters
and all else that is memory are the same on both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import torch

from ..ad.rename import free_symbols
from ..ir.node import Atom, AttributeValue, Block, Const, Node, Sym, walk
from ..ir.ops.buffers import LOAD, STORE
from ..ir.ops.control import FOR
from ..ir.ops.host import HOST_CALL
from ..ir.ops.lists import LIST_APPEND, LIST_NEW
from ..ir.ops.variables import VAR_GET, VAR_NEW, VAR_SET
from ..ir.types import INT, BufferType, ListType, ScalarType, TensorType, Type, VarType
from ..loc import Loc
from .context import TorchContext
from .dtypes import torch_dtype


class HandedOver:
    """What rounds use of the program around them, by the symbols that it has there."""

    def __init__(self, context: TorchContext, rounds: Sequence[Block], loc: Loc) -> None:
        self._context = context
        self._loc = loc
        together = Block((), tuple(node for block in rounds for node in block.nodes), ())
        used = free_symbols(together)
        self._buffers = [symbol for symbol in used if isinstance(symbol.type, BufferType)]
        self._written = written_in(together)
        self._numbers = [symbol for symbol in used if _is_number(content_of(symbol))]
        self._tensors = {symbol: _memory(symbol) for symbol in used if isinstance(content_of(symbol), TensorType)}
        self._lists = [symbol for symbol in used if _is_appended_to(symbol, together)]
        self._begin_set = {symbol for symbol in used if all(begins_with_set(block, symbol) for block in rounds)}
        known = {*self._buffers, *self._numbers, *self._tensors, *self._lists}
        self.unknown = [symbol for symbol in used if symbol not in known]
        """What cannot be handed over."""
        self._appended: list[Sequence[object]] = []

    @property
    def _given(self) -> list[Sym]:
        """Numbers that rounds begin with."""
        return [symbol for symbol in self._numbers if symbol not in self._begin_set]

    @property
    def _kept(self) -> list[Sym]:
        """Numbers that rounds leave."""
        return [symbol for symbol in self._numbers if symbol in self._written]

    @property
    def _kept_tensors(self) -> list[Sym]:
        return [symbol for symbol in self._tensors if symbol in self._written]

    # In the program

    def emit_call(self, form: Atom, run: Callable[..., Any]) -> None:
        """Have Python run a round: `run(form, *numbers)` gives the numbers after it, then what is appended to lists."""
        trace, loc = self._context.trace, self._loc
        numbers = [self._value(symbol) for symbol in self._given]
        for symbol in self._tensors:
            if symbol not in self._begin_set:
                trace.emit(STORE, [self._memory_of(symbol), self._value(symbol)], loc=loc)
        memories = [self._memory_of(symbol) for symbol in self._tensors]
        shared, changed = [*memories, *self._buffers], {*memories, *self._written}
        first = 1 + len(numbers)
        results = trace.emit(
            HOST_CALL,
            [form, *numbers, *shared],
            attrs={
                "callback": trace.host_function(partial(self._run, run, first), "late_round"),
                "results": (*map(_number_type, self._kept), *[INT for _ in self._lists]),
                "mutates": tuple([first + at for at, symbol in enumerate(shared) if symbol in changed]),
                "as_here": tuple(range(first + len(memories), first + len(shared))),
            },
            loc=loc,
        )
        for symbol, result in zip(self._kept, results, strict=False):
            trace.emit(VAR_SET, [symbol, result], loc=loc)
        for symbol in self._kept_tensors:
            trace.emit(VAR_SET, [symbol, *trace.emit(LOAD, [self._memory_of(symbol)], loc=loc)], loc=loc)
        for position, count in enumerate(results[len(self._kept) :]):
            self._append(position, count)

    def _run(self, run: Callable[..., Any], count: int, *values: Any) -> object:
        """Of the numbers, and how many elements there are for each list; bare where that is one number, or nothing."""
        results: list[Any] = list(run(*values[:count]))
        self._appended = results[len(self._kept) :]
        results[len(self._kept) :] = map(len, self._appended)
        return tuple(results) if len(results) > 1 else results[0] if results else None

    def _append(self, position: int, count: Atom) -> None:
        trace, loc, target = self._context.trace, self._loc, self._lists[position]
        assert isinstance(target.type, ListType) and isinstance(target.type.element, ScalarType)
        element = trace.host_function(lambda index: self._appended[position][index], "appended")
        attrs: Mapping[str, AttributeValue] = {"callback": element, "results": (target.type.element,), "mutates": ()}
        index = trace.builder.fresh(INT, "i")
        with trace.builder.block([index]) as scope:
            trace.emit(LIST_APPEND, [target, *trace.emit(HOST_CALL, [index], attrs=attrs, loc=loc)], loc=loc)
        trace.emit(FOR, [Const(0, INT), count, Const(1, INT)], blocks=[scope.finish([])], loc=loc)

    def _value(self, symbol: Sym) -> Atom:
        if not isinstance(symbol.type, VarType):
            return symbol
        return self._context.trace.emit(VAR_GET, [symbol], names=[symbol.name], loc=self._loc)[0]

    def _memory_of(self, symbol: Sym) -> Sym:
        with torch._C.DisableTorchFunction():
            return self._context.buffers.capture(self._tensors[symbol]).symbol

    # In a round that is a function

    def parameters(self) -> list[Sym]:
        """What the function takes."""
        return [self._context.trace.builder.fresh(_number_type(symbol), symbol.name) for symbol in self._given]

    def begin(self, params: Sequence[Sym]) -> dict[Sym, Atom]:
        """Emit what stands for the program's symbols in the function with these parameters."""
        trace, loc = self._context.trace, self._loc
        starts: dict[Sym, Atom] = dict(zip(self._given, params, strict=True))
        for symbol in self._tensors:
            (starts[symbol],) = trace.emit(LOAD, [self._memory_of(symbol)], loc=loc)
        inside: dict[Sym, Atom] = {}
        for symbol in (*self._numbers, *self._tensors):
            start = [starts[symbol]] if symbol in starts else []
            if isinstance(symbol.type, VarType):
                content = {} if start else {"content": symbol.type.content}
                (inside[symbol],) = trace.emit(VAR_NEW, start, attrs=content, names=[symbol.name], loc=loc)
            else:
                (inside[symbol],) = start
        for symbol in self._lists:
            assert isinstance(symbol.type, ListType)
            (inside[symbol],) = trace.emit(LIST_NEW, [], attrs={"type": symbol.type}, names=[symbol.name], loc=loc)
        return inside

    def end(self, inside: dict[Sym, Atom]) -> list[Atom]:
        """Emit what the function leaves in memory, and give its results."""
        trace, loc = self._context.trace, self._loc
        for symbol in self._kept_tensors:
            trace.emit(STORE, [self._memory_of(symbol), *trace.emit(VAR_GET, [inside[symbol]], loc=loc)], loc=loc)
        numbers = [trace.emit(VAR_GET, [inside[symbol]], loc=loc)[0] for symbol in self._kept]
        return [*numbers, *[inside[symbol] for symbol in self._lists]]

    def misfit(self, round_: Block, is_of_program: Callable[[Sym], bool]) -> Sym | None:
        """A symbol that this round uses as the others do not, so that it is not handed over for it; None if none is."""
        written, known = written_in(round_), {*self._buffers, *self._numbers, *self._tensors, *self._lists}
        for symbol in free_symbols(round_):
            if isinstance(symbol.type, BufferType) and not is_of_program(symbol):
                continue  # memory for the round alone
            is_changed = symbol in written and symbol not in self._written
            is_read = symbol in self._begin_set and not begins_with_set(round_, symbol)
            is_looked_into = symbol in self._lists and not _is_appended_to(symbol, round_)
            if symbol not in known or is_changed or is_read or is_looked_into:
                return symbol
        return None


def content_of(symbol: Sym) -> Type:
    """The type of the value that a symbol or variable holds."""
    return symbol.type.content if isinstance(symbol.type, VarType) else symbol.type


def begins_with_set(block: Block, symbol: Sym) -> bool:
    """Whether a block gives a variable another value before it looks at it, whichever way it goes."""
    for node in block.nodes:
        if symbol in node.args:
            return node.primitive is VAR_SET and node.args[0] == symbol
        if any(symbol in free_symbols(inner) for inner in node.blocks):
            return False
    return False


def written_in(block: Block) -> set[Sym]:
    """The buffers and variables that nodes of a block write."""
    return {place for node in walk(block) for place in node.effect.writes if isinstance(place, Sym)}


def _memory(symbol: Sym) -> torch.Tensor:
    type_ = content_of(symbol)
    assert isinstance(type_, TensorType)
    with torch._C.DisableTorchFunction():
        return torch.zeros(type_.shape, dtype=torch_dtype(type_.dtype))


def _is_number(type_: Type) -> bool:
    return isinstance(type_, ScalarType) and type_.python


def _number_type(symbol: Sym) -> ScalarType:
    type_ = content_of(symbol)
    assert isinstance(type_, ScalarType)
    return type_


def _is_appended_to(symbol: Sym, block: Block) -> bool:
    """Whether it is a list of numbers, of which the block knows nothing but that more come to its end."""
    type_ = symbol.type
    if not isinstance(type_, ListType) or not isinstance(type_.element, ScalarType):
        return False
    return all(node.primitive is LIST_APPEND and node.args[0] == symbol for node in _users(symbol, walk(block)))


def _users(symbol: Sym, nodes: Iterable[Node]) -> Iterable[Node]:
    return (node for node in nodes if symbol in node.args or any(symbol in block.results for block in node.blocks))
