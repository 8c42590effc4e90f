"""Building small functions by hand, and running their gradients through the interpreter."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pylms.ad.reverse import gradient_function
from pylms.ir.builder import Builder
from pylms.ir.interpret import interpret
from pylms.ir.node import Atom, AttributeValue, Block, Const, Function, Sym
from pylms.ir.ops.control import IF
from pylms.ir.ops.tensors import BROADCAST, REDUCE_SUM
from pylms.ir.primitive import Primitive
from pylms.ir.types import FLOAT, FLOAT64, BufferType, TensorType, Type
from pylms.ir.verify import verify
from pylms.loc import Loc


class _SilentHost:
    """For programs that neither print nor call Python."""

    def print(self, text: str) -> None:
        raise AssertionError(text)

    def call(self, callback: int, args: tuple[object, ...]) -> tuple[object, ...]:
        raise AssertionError(callback)


class Program:
    """A builder that counts source lines: every node gets a line of its own."""

    def __init__(self) -> None:
        self.builder = Builder()
        self.line = 0

    def loc(self) -> Loc:
        self.line += 1
        return Loc("<program>", self.line)

    def op(self, primitive: Primitive, *args: Atom, **attrs: AttributeValue) -> Sym:
        return self.ops(primitive, *args, **attrs)[0]

    def ops(self, primitive: Primitive, *args: Atom, **attrs: AttributeValue) -> tuple[Sym, ...]:
        return self.builder.emit(primitive, args, loc=self.loc(), attrs=attrs)

    def branch(self, condition: Atom, then: Callable[[], Atom], otherwise: Callable[[], Atom]) -> Sym:
        return self.branches(condition, lambda: [then()], lambda: [otherwise()])[0]

    def branches(
        self, condition: Atom, then: Callable[[], Sequence[Atom]], otherwise: Callable[[], Sequence[Atom]]
    ) -> tuple[Sym, ...]:
        loc = self.loc()
        blocks = [self.block((), then), self.block((), otherwise)]
        return self.builder.emit(IF, [condition], loc=loc, blocks=blocks)

    def block(self, params: Sequence[Sym], body: Callable[[], Sequence[Atom]]) -> Block:
        with self.builder.block(params) as scope:
            results = list(body())
        return scope.finish(results)

    def sum_of(self, tensor: Sym) -> Sym:
        assert isinstance(tensor.type, TensorType)
        return self.op(REDUCE_SUM, tensor, axes=tuple(range(tensor.type.rank)))

    def full(self, type_: Type, value: float) -> Atom:
        if isinstance(type_, TensorType):
            return self.op(BROADCAST, Const(value, type_.dtype), shape=type_.shape, axes=())
        assert type_ == FLOAT
        return Const(value, FLOAT)


def function(types: Sequence[Type], body: Callable[..., Atom | Sequence[Atom]]) -> Function:
    """`body(program, *params)` gives the result, or all of them."""
    program = Program()
    params = [program.builder.fresh(type_) for type_ in types]

    def run() -> Sequence[Atom]:
        results = body(program, *params)
        return results if isinstance(results, (list, tuple)) else [results]

    built = Function("f", program.block(params, run), Loc("<program>", 1))
    verify(built)
    return built


def matrix(*shape: int) -> TensorType:
    return TensorType(FLOAT64, shape)


def buffer(*shape: int) -> BufferType:
    return BufferType(FLOAT64, shape)


def run(program: Function, *args: object) -> tuple[object, ...]:
    copies = [arg.copy() if isinstance(arg, np.ndarray) else arg for arg in args]
    return interpret(program, copies, host=_SilentHost())


def gradients(program: Function, *args: object, wrt: Sequence[int] | None = None) -> list[np.ndarray]:
    """The gradients that differentiation gives, as arrays."""
    indices = range(len(args)) if wrt is None else wrt
    differentiated = gradient_function(program, indices)
    verify(differentiated)
    value, *found = run(differentiated, *args)
    np.testing.assert_allclose(np.asarray(value), np.asarray(run(program, *args)[0]))
    return [np.asarray(gradient) for gradient in found]


def finite_differences(program: Function, *args: object, step: float = 1e-6) -> list[np.ndarray]:
    """Central differences of the function's only result, one element at a time."""
    found = []
    for position, arg in enumerate(args):
        base = np.asarray(arg, dtype=np.float64)
        slope = np.zeros_like(base)
        for index in np.ndindex(base.shape):
            ends = []
            for sign in (1, -1):
                moved = base.copy()
                moved[index] += sign * step
                changed = float(moved) if isinstance(arg, float) else moved
                (value,) = run(program, *args[:position], changed, *args[position + 1 :])
                ends.append(float(np.asarray(value)))
            slope[index] = (ends[0] - ends[1]) / (2 * step)
        found.append(slope)
    return found
