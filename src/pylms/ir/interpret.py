"""The reference interpreter: the executable meaning of the IR (DESIGN D13), written to be read and not to be fast.

In: a function, its arguments, and a host that prints and takes callbacks. Out: its results, the exceptions that Python
would raise, and what was written into buffers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ..errors import InternalError
from . import (  # noqa: F401 - each fills the table of rules
    evaluate_arithmetic,
    evaluate_array_nests,
    evaluate_arrays,
    evaluate_buffers,
    evaluate_control,
    evaluate_dicts,
    evaluate_elementary,
    evaluate_functions,
    evaluate_fusion,
    evaluate_integers,
    evaluate_lists,
    evaluate_random,
    evaluate_tapes,
    evaluate_tensor_parts,
    evaluate_tensors,
    evaluate_texts,
    evaluate_windows,
)
from .call_graph import all_functions
from .evaluate_rules import Number, Value, as_type, constant_value, evaluate_rules
from .node import Atom, Block, Const, Function, Node, Sym
from .ops.differentiation import (
    BACKWARD,
    CHECKPOINT_BEGIN,
    CHECKPOINT_END,
    CUSTOM_GRADIENT,
    INDEPENDENT,
    LEAF,
    PULLBACK,
)

__all__ = ["Host", "Interpreter", "Value", "evaluate_rules", "interpret"]


class Host(Protocol):
    """What only Python can do."""

    def print(self, text: str) -> None:
        """Write the text as it is."""

    def call(self, callback: int, args: tuple[Any, ...]) -> tuple[Number, ...]:
        """Run the staged function's Python callback of that number; buffers are arrays, to be written in place."""


class Interpreter:
    """Runs the blocks of one call of a function; its symbols' values are in one environment, since no block is entered
    twice at a time.
    """

    def __init__(self, host: Host, functions: Mapping[str, Function]) -> None:
        self.host = host
        self._functions = functions
        self._values: dict[Sym, Value] = {}

    def value(self, atom: Atom) -> Value:
        """What an atom stands for now."""
        return constant_value(atom) if isinstance(atom, Const) else self._values[atom]

    def run_block(self, block: Block, args: Sequence[Value]) -> tuple[Value, ...]:
        """The block's results for these arguments."""
        self._values.update(zip(block.params, args, strict=True))
        for node in block.nodes:
            rule = evaluate_rules[node.primitive]
            results = rule(self, node, [self.value(arg) for arg in node.args])
            self._values.update(zip(node.results, results, strict=True))
        return tuple(self.value(result) for result in block.results)

    def call(self, callee: str, args: Sequence[Value]) -> tuple[Value, ...]:
        """The results of a native function for these arguments."""
        return Interpreter(self.host, self._functions).run_block(self._functions[callee].body, args)


def interpret(function: Function, args: Sequence[object], *, host: Host) -> tuple[Value, ...]:
    """Run a function. Buffers are NumPy arrays of the parameter's very type, and are written in place."""
    if len(args) != len(function.params):
        message = f"{function.name} takes {len(function.params)} arguments, not {len(args)}"
        raise InternalError(message, loc=function.loc)
    values = [as_type(arg, param.type) for arg, param in zip(args, function.params, strict=True)]
    functions = {each.name: each for each in all_functions(function)}
    return Interpreter(host, functions).run_block(function.body, values)


@evaluate_rules.define(INDEPENDENT, LEAF)
def _evaluate_independent(_interpreter: Interpreter, _node: Node, args: list[Any]) -> tuple[Value, ...]:
    return (args[0],)


@evaluate_rules.define(CUSTOM_GRADIENT)
def _evaluate_custom_gradient(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    return tuple(args[: len(node.results)])


@evaluate_rules.define(CHECKPOINT_BEGIN)
def _evaluate_begin(_interpreter: Interpreter, _node: Node, _args: list[Any]) -> tuple[Value, ...]:
    return (True,)


@evaluate_rules.define(CHECKPOINT_END)
def _evaluate_end(_interpreter: Interpreter, _node: Node, args: list[Any]) -> tuple[Value, ...]:
    return tuple(args[1:])


@evaluate_rules.define(BACKWARD, PULLBACK)
def _evaluate_backward(_interpreter: Interpreter, node: Node, _args: list[Any]) -> tuple[Value, ...]:
    message = f"`{node.primitive}` has no value of its own: differentiation replaces it first"
    raise InternalError(message, loc=node.loc)
