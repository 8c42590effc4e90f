"""Loops over batches that Python makes: a native loop that asks for each batch, and has a body for each form of batch.

The bodies for the forms known while staging are one beside the other in the loop. Another form may come at any
time: then `late_rounds` stages the body for it (docs/adr/0022).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch

from ..ir.node import Atom, AttributeValue, Block, Const, Sym
from ..ir.ops.arithmetic import ADD, CONVERT, EQ, GE
from ..ir.ops.buffers import LOAD, LOAD_ELEMENT
from ..ir.ops.control import IF, WHILE
from ..ir.ops.host import HOST_CALL
from ..ir.ops.variables import VAR_GET, VAR_NEW, VAR_SET
from ..ir.types import BOOL, FLOAT, INT, ScalarType
from ..loc import Loc, caller_loc
from ..staging.constructs import Construct, trace_construct
from ..staging.context import Trace
from ..staging.operators.boolean import run_not
from ..staging.operators.native_loop import Item, LoopBody, begin_native_loop
from ..staging.truth import truth
from .batches import NO_BATCH, Batches, BatchForm
from .context import TorchContext
from .dtypes import scalar_type
from .late_rounds import LateRounds
from .tensor import BORROWED, StagedTensor


class RoundsPlan:
    """A loop over batches that Python makes."""

    def __init__(self, context: TorchContext, batches: Batches, *, owns_batches: bool = True) -> None:
        """`owns_batches`: nobody else sees what is in them, as it is with those of data loaders."""
        self._context = context
        self._batches = batches
        self._place = None if owns_batches else BORROWED
        # Those of later forms are late rounds: a loop around this one that is traced again comes to the same code.
        self._forms = tuple(batches.forms)

    @property
    def first(self) -> object:
        """A batch as Python makes it."""
        return self._forms[0].sample

    def run(self, trace: Trace, item_of: Item, body: LoopBody) -> None:
        self._context.random.call_python(self._batches.begin, "begin_epoch")
        trace_construct(trace, "loop", body.functions, body.assigned, partial(self._trace, item_of=item_of, body=body))

    def _trace(self, construct: Construct, item_of: Item, body: LoopBody) -> None:
        """`take` before the loop and after each round says which body the next batch is for."""
        trace, loc, forms = construct.trace, caller_loc(), self._forms
        begin_native_loop(trace)
        (index,) = trace.emit(VAR_NEW, [Const(0, INT)], names=["i"])
        (form,) = trace.emit(VAR_NEW, [self._take(forms)], names=["form"])
        wanted = None if body.stop is None else trace.emit(VAR_NEW, [Const(True, BOOL)], names=["wanted"])[0]
        with trace.builder.block() as condition:
            (now,) = trace.emit(VAR_GET, [form])
            (test,) = trace.emit(GE, [now, Const(0, INT)])
        with trace.builder.block() as scope:
            (number,) = trace.emit(VAR_GET, [index])
            (now,) = trace.emit(VAR_GET, [form])

            def trace_round(form: BatchForm) -> Block:
                with construct.block(repeats=True) as block:
                    body.call(item_of(trace.wrap(number), self._batch(form, loc)))
                    if wanted is not None and body.stop is not None:
                        trace.emit(VAR_SET, [wanted, truth(trace, run_not(body.stop()))], loc=loc)
                return block.finish([])

            late = LateRounds(self._context, self._batches, construct, trace_round, loc)
            rounds = [trace_round(form) for form in forms]
            _choose(trace, now, rounds, partial(late.emit, now, forms, rounds), loc)
            (following,) = trace.emit(ADD, [number, Const(1, INT)], loc=loc)
            trace.emit(VAR_SET, [index, following], loc=loc)
            trace.emit(VAR_SET, [form, self._take_if(wanted, forms, loc)], loc=loc)
        trace.emit(WHILE, [], blocks=[condition.finish([test]), scope.finish([])], loc=loc)

    def _take(self, forms: Sequence[BatchForm]) -> Sym:
        """Emit taking the next batch: the number of its form."""
        context = self._context
        with torch._C.DisableTorchFunction():
            memories = [memory for form in forms for memory in form.memories]
            buffers = [context.buffers.capture(memory).symbol for memory in memories]

        def take(*_addresses: object) -> int:
            with context.random.lent():
                return self._batches.take()

        callback, mutates = context.trace.host_function(take, "next_batch"), tuple(range(len(buffers)))
        attrs: Mapping[str, AttributeValue] = {"callback": callback, "results": (INT,), "mutates": mutates}
        return context.trace.emit(HOST_CALL, buffers, attrs=attrs)[0]

    def _take_if(self, wanted: Sym | None, forms: Sequence[BatchForm], loc: Loc) -> Atom:
        """The same, where the loop has not been left by `break`: Python takes no batch then."""
        if wanted is None:
            return self._take(forms)
        trace = self._context.trace
        (goes_on,) = trace.emit(VAR_GET, [wanted], loc=loc)
        with trace.builder.block() as scope:
            taken = self._take(forms)
        no_batch = Block((), (), (Const(NO_BATCH, INT),))
        return trace.emit(IF, [goes_on], blocks=[scope.finish([taken]), no_batch], loc=loc)[0]

    def _batch(self, form: BatchForm, loc: Loc) -> object:
        context, trace = self._context, self._context.trace

        def tensor(memory: torch.Tensor) -> object:
            (content,) = trace.emit(LOAD, [context.buffers.capture(memory).symbol], loc=loc)
            return StagedTensor(content, context, place=self._place)

        def number(memory: torch.Tensor) -> object:
            (element,) = trace.emit(LOAD_ELEMENT, [context.buffers.capture(memory).symbol], loc=loc)
            target = _python_type(scalar_type(memory.dtype))
            if element.type != target:
                (element,) = trace.emit(CONVERT, [element], attrs={"dtype": target}, loc=loc)
            return trace.wrap(element)

        with torch._C.DisableTorchFunction():
            return form.arranged(tensor, number)


def _python_type(dtype: ScalarType) -> ScalarType:
    if dtype == BOOL:
        return BOOL
    return FLOAT if dtype.is_float else INT


def _choose(
    trace: Trace, form: Atom, rounds: Sequence[Block], emit_late: Callable[[], None], loc: Loc, number: int = 0
) -> None:
    """Emit what runs the round for the form of that number (or a later one), or one that came late."""
    if number == len(rounds):
        emit_late()
        return
    (is_it,) = trace.emit(EQ, [form, Const(number, INT)], loc=loc)
    with trace.builder.block() as others:
        _choose(trace, form, rounds, emit_late, loc, number + 1)
    trace.emit(IF, [is_it], blocks=[rounds[number], others.finish([])], loc=loc)
