"""Random functions of every scalar construct, and the law that a pass keeps what they do."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st

from pylms.ir.builder import Builder
from pylms.ir.interpret import interpret
from pylms.ir.node import Atom, AttributeValue, Block, Const, Function, Sym
from pylms.ir.ops import arithmetic as ops
from pylms.ir.ops.buffers import BUFFER_NEW, LOAD_ELEMENT, STORE_ELEMENT
from pylms.ir.ops.control import CHECK, FOR, IF, WHILE
from pylms.ir.ops.host import PRINT
from pylms.ir.ops.variables import VAR_GET, VAR_NEW, VAR_SET
from pylms.ir.primitive import Primitive
from pylms.ir.printer import print_function
from pylms.ir.types import BOOL, FLOAT, FLOAT32, INT, INT32, BufferType, ScalarType, Type, VarType
from pylms.ir.verify import verify
from pylms.loc import Loc

LOC = Loc("random.py", 1)
BUFFER_SIZE = 4
TYPES = (BOOL, INT, FLOAT, FLOAT32, INT32)
PARAMS: tuple[tuple[str, Type], ...] = (
    ("n", INT),
    ("m", INT),
    ("x", FLOAT),
    ("z", FLOAT32),
    ("k", INT32),
    ("p", BOOL),
    ("numbers", BufferType(INT, (BUFFER_SIZE,))),
)
INTERESTING = {
    BOOL: (False, True),
    INT: (0, 1, -1, 2, 3, 7, -5, 2**31, -(2**63), 2**63 - 1),
    INT32: (0, 1, -1, 2, 3, 2**31 - 1, -(2**31)),
    FLOAT: (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 1e308, 3.7, math.inf, math.nan),
    FLOAT32: (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 3.5, 1e38, math.inf, math.nan),
}
ARITHMETIC = (ops.ADD, ops.SUB, ops.MUL, ops.MINIMUM, ops.MAXIMUM)
DIVISIONS = (ops.FLOORDIV, ops.MOD)


@dataclass
class Scope:
    """What is known at a point: values and variables by type."""

    values: dict[Type, list[Sym]] = field(default_factory=dict)
    variables: list[Sym] = field(default_factory=list)
    buffers: list[Sym] = field(default_factory=list)

    def inner(self) -> Scope:
        return Scope({key: list(value) for key, value in self.values.items()}, list(self.variables), list(self.buffers))

    def add(self, symbol: Sym) -> None:
        self.values.setdefault(symbol.type, []).append(symbol)


class FunctionMaker:
    """Appends random statements to a builder; loops always end."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.builder = Builder()

    def function(self, size: int) -> Function:
        params = [self.builder.fresh(type_, name) for name, type_ in PARAMS]
        scope = Scope(buffers=[params[-1]])
        for param in params[:-1]:
            scope.add(param)
        with self.builder.block(params) as body:
            self.statements(scope, size, 3)
            results = [self.atom(scope, self.chance.choice(TYPES)) for _ in range(self.chance.randint(0, 3))]
            return Function("random", body.finish(results), LOC, captures=1)

    def statements(self, scope: Scope, size: int, depth: int) -> None:
        plain = (
            self.arithmetic,
            self.arithmetic,
            self.predicate,
            self.new,
            self.get,
            self.set,
            self.memory,
            self.other,
        )
        for _ in range(self.chance.randint(1, size)):
            if depth and self.chance.random() < 0.3:
                self.chance.choice((self.branch, self.while_loop, self.for_loop))(scope, size, depth - 1)
            else:
                self.chance.choice(plain)(scope)

    def atom(self, scope: Scope, type_: ScalarType) -> Atom:
        known = scope.values.get(type_, [])
        if known and self.chance.random() < 0.7:
            return self.chance.choice(known[-6:])
        return Const(self.chance.choice(INTERESTING[type_]), type_)

    def emit(self, scope: Scope, primitive: Primitive, args: Sequence[Atom], **attrs: AttributeValue) -> Sym:
        (result,) = self.builder.emit(primitive, args, loc=LOC, attrs=attrs)
        scope.add(result)
        return result

    def arithmetic(self, scope: Scope) -> None:
        type_ = self.chance.choice((INT, INT, FLOAT, FLOAT32, INT32))
        left, right = self.atom(scope, type_), self.atom(scope, type_)
        choices = [*ARITHMETIC, *ARITHMETIC, ops.NEG, ops.ABS, ops.TRUEDIV if type_.is_float else ops.FLOORDIV]
        if type_ in (INT, FLOAT):
            choices += DIVISIONS
        if type_.is_integer:
            choices.append(ops.POW)
        primitive = self.chance.choice(choices)
        if primitive is ops.POW:
            right = Const(self.chance.randint(0, 9), type_)
        self.emit(scope, primitive, (left,) if primitive in (ops.NEG, ops.ABS) else (left, right))

    def predicate(self, scope: Scope) -> None:
        kind = self.chance.randrange(4)
        type_ = self.chance.choice(TYPES)
        if kind == 0:
            left, right = self.atom(scope, BOOL), self.atom(scope, BOOL)
            primitive = self.chance.choice(ops.LOGICAL)
            self.emit(scope, primitive, (left,) if primitive is ops.LOGICAL_NOT else (left, right))
        elif kind == 1:
            arms = self.atom(scope, type_), self.atom(scope, type_)
            self.emit(scope, ops.SELECT, (self.atom(scope, BOOL), *arms))
        elif kind == 2:
            source, target = self.chance.choice(TYPES), self.chance.choice((INT, FLOAT, FLOAT32, INT32, BOOL))
            if not (source.is_float and target == INT32):
                self.emit(scope, ops.CONVERT, (self.atom(scope, source),), dtype=target)
        else:
            args = self.atom(scope, type_), self.atom(scope, type_)
            self.emit(scope, self.chance.choice(ops.COMPARISONS), args)

    def new(self, scope: Scope) -> None:
        type_ = self.chance.choice(TYPES)
        if self.chance.random() < 0.8:
            results = self.builder.emit(VAR_NEW, (self.atom(scope, type_),), loc=LOC)
        else:
            results = self.builder.emit(VAR_NEW, (), loc=LOC, attrs={"content": type_})
        scope.variables.append(results[0])

    def get(self, scope: Scope) -> None:
        if scope.variables:
            self.emit(scope, VAR_GET, (self.chance.choice(scope.variables),))

    def set(self, scope: Scope) -> None:
        if scope.variables:
            variable = self.chance.choice(scope.variables)
            assert isinstance(variable.type, VarType)
            assert isinstance(variable.type.content, ScalarType)
            self.builder.emit(VAR_SET, (variable, self.atom(scope, variable.type.content)), loc=LOC)

    def memory(self, scope: Scope) -> None:
        if self.chance.random() < 0.2:
            attrs: dict[str, AttributeValue] = {"dtype": INT, "shape": (BUFFER_SIZE,)}
            scope.buffers.extend(self.builder.emit(BUFFER_NEW, (), loc=LOC, attrs=attrs))
        buffer = self.chance.choice(scope.buffers)
        index: Atom = Const(self.chance.randrange(BUFFER_SIZE), INT)
        if self.chance.random() < 0.4:
            index = self.emit(scope, ops.MOD, (self.atom(scope, INT), Const(BUFFER_SIZE, INT)))
        if self.chance.random() < 0.5:
            self.emit(scope, LOAD_ELEMENT, (buffer, index))
        else:
            self.builder.emit(STORE_ELEMENT, (buffer, self.atom(scope, INT), index), loc=LOC)

    def other(self, scope: Scope) -> None:
        if self.chance.random() < 0.5:
            self.builder.emit(PRINT, (self.atom(scope, INT),), loc=LOC, attrs={"format": "{}\n"})
        else:
            attrs = {"error": self.chance.choice(("ValueError", "IndexError")), "message": "no"}
            self.builder.emit(CHECK, (self.atom(scope, BOOL),), loc=LOC, attrs=attrs)

    def branch(self, scope: Scope, size: int, depth: int) -> None:
        types = [self.chance.choice(TYPES) for _ in range(self.chance.randint(0, 2))]
        blocks = []
        condition = self.atom(scope, BOOL)
        for _ in range(2):
            inner = scope.inner()
            with self.builder.block() as block:
                self.statements(inner, size, depth)
                blocks.append(block.finish([self.atom(inner, type_) for type_ in types]))
        for result in self.builder.emit(IF, (condition,), loc=LOC, blocks=blocks):
            scope.add(result)

    def for_loop(self, scope: Scope, size: int, depth: int) -> None:
        types = [self.chance.choice(TYPES) for _ in range(self.chance.randint(0, 2))]
        initial = [self.atom(scope, type_) for type_ in types]
        inner = scope.inner()
        params = [self.builder.fresh(INT), *[self.builder.fresh(type_) for type_ in types]]
        for param in params:
            inner.add(param)
        with self.builder.block(params) as block:
            self.statements(inner, size, depth)
            body = block.finish([self.atom(inner, type_) for type_ in types])
        start: Atom = Const(self.chance.randint(-1, 2), INT)
        stop = self.emit(scope, ops.MOD, (self.atom(scope, INT), Const(4, INT)))
        bound: Atom = stop if self.chance.random() < 0.4 else Const(self.chance.randint(-1, 3), INT)
        range_ = (start, bound, Const(self.chance.choice((1, 1, 2, -1)), INT))
        for result in self.builder.emit(FOR, (*range_, *initial), loc=LOC, blocks=(body,)):
            scope.add(result)

    def while_loop(self, scope: Scope, size: int, depth: int) -> None:
        """Counts a variable of its own up to a small bound, and may stop earlier."""
        (counter,) = self.builder.emit(VAR_NEW, (Const(0, INT),), loc=LOC)
        types = [self.chance.choice(TYPES) for _ in range(self.chance.randint(0, 2))]
        initial = [self.atom(scope, type_) for type_ in types]
        condition = self._condition(scope, types, counter, depth)
        inner = scope.inner()
        params = [self.builder.fresh(type_) for type_ in types]
        for param in params:
            inner.add(param)
        with self.builder.block(params) as block:
            self.statements(inner, size, depth)
            (count,) = self.builder.emit(VAR_GET, (counter,), loc=LOC)
            (next_count,) = self.builder.emit(ops.ADD, (count, Const(1, INT)), loc=LOC)
            self.builder.emit(VAR_SET, (counter, next_count), loc=LOC)
            body = block.finish([self.atom(inner, type_) for type_ in types])
        for result in self.builder.emit(WHILE, initial, loc=LOC, blocks=(condition, body)):
            scope.add(result)

    def _condition(self, scope: Scope, types: Sequence[ScalarType], counter: Sym, depth: int) -> Block:
        inner = scope.inner()
        params = [self.builder.fresh(type_) for type_ in types]
        for param in params:
            inner.add(param)
        with self.builder.block(params) as block:
            if self.chance.random() < 0.5:
                self.statements(inner, 3, min(depth, 1))
            (count,) = self.builder.emit(VAR_GET, (counter,), loc=LOC)
            bound = Const(self.chance.randint(0, 3), INT)
            (below,) = self.builder.emit(ops.LT, (count, bound), loc=LOC)
            if self.chance.random() < 0.5:
                (below,) = self.builder.emit(ops.LOGICAL_AND, (below, self.atom(inner, BOOL)), loc=LOC)
            return block.finish((below,))


def functions(size: int = 7) -> st.SearchStrategy[Function]:
    """Well-formed functions of `PARAMS`, with up to `size` statements a block. Made from seeds, which is fast."""

    def make(seed: int, statements: int) -> Function:
        return FunctionMaker(random.Random(seed)).function(statements)

    return st.builds(make, st.integers(0, 2**32 - 1), st.integers(1, size))


def arguments() -> st.SearchStrategy[tuple[bool | int | float, ...]]:
    """Arguments for the scalar `PARAMS`."""
    scalars = [type_ for _name, type_ in PARAMS if isinstance(type_, ScalarType)]
    return st.tuples(*[st.sampled_from(INTERESTING[type_]) for type_ in scalars])


class Recorder:
    """A host that keeps what is printed."""

    def __init__(self) -> None:
        self.text = ""

    def print(self, text: str) -> None:
        self.text += text

    def call(self, callback: int, args: tuple[object, ...]) -> tuple[int, ...]:
        raise AssertionError("these functions call nothing")


@dataclass(frozen=True)
class Outcome:
    """Everything that running a function shows; floats as their bytes."""

    results: tuple[object, ...]
    error: str
    printed: str
    numbers: tuple[int, ...]


def outcome(function: Function, scalars: Sequence[object]) -> Outcome:
    host, numbers = Recorder(), np.arange(BUFFER_SIZE, dtype=np.int64)
    results: tuple[object, ...] = ()
    error = ""
    try:
        results = tuple(_comparable(value) for value in interpret(function, (*scalars, numbers), host=host))
    except (ArithmeticError, ValueError, IndexError) as raised:
        error = type(raised).__name__
    return Outcome(results, error, host.text, tuple(numbers.tolist()))


def _comparable(value: object) -> object:
    if not isinstance(value, (float, np.floating)):
        return (type(value).__name__, value)
    return (type(value).__name__, "nan" if math.isnan(value) else struct.pack("d", value))


def check_same_behaviour(before: Function, after: Function, scalars: Sequence[object]) -> None:
    """The law: what `before` shows, `after` shows. Only an overflow, which Python does not have, may go unnoticed."""
    verify(after)
    expected, found = outcome(before, scalars), outcome(after, scalars)
    if expected.error == "OverflowError":
        assert found.printed.startswith(expected.printed)
        return
    assert found == expected, f"{print_function(before)}\n\n{print_function(after)}"
