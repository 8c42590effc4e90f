"""Random IR programs: straight-line code, branches, loops, variables, buffers, prints and checks, on all numbers."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

from pylms.ir.builder import Builder
from pylms.ir.node import Atom, Const, Function, Sym
from pylms.ir.ops import arithmetic as ops
from pylms.ir.ops.buffers import LOAD_ELEMENT, STORE_ELEMENT
from pylms.ir.ops.control import CHECK, FOR, IF, WHILE
from pylms.ir.ops.host import HOST_CALL, PRINT
from pylms.ir.ops.variables import VAR_GET, VAR_NEW, VAR_SET
from pylms.ir.types import BOOL, FLOAT, FLOAT32, INT, INT16, INT32, UINT64, BufferType, ScalarType
from pylms.loc import Loc

TYPES = (INT, INT, INT, FLOAT, FLOAT, BOOL, INT16, INT32, UINT64, FLOAT32)
PARAMETERS = (INT, INT, FLOAT, BOOL, INT32, FLOAT32)
BUFFER = BufferType(INT, (4,))

CONSTANTS: dict[ScalarType, list[bool | int | float]] = {
    INT: [0, 1, -1, 2, 3, 10, -7, 2**31, 2**62, 2**63 - 1, -(2**63)],
    FLOAT: [0.0, -0.0, 1.0, -1.5, 0.1, 1e300, 2.0**62, float("inf"), float("nan")],
    BOOL: [False, True],
    INT16: [0, 1, -1, 300, 2**15 - 1, -(2**15)],
    INT32: [0, 1, -1, 7, 2**31 - 1, -(2**31)],
    UINT64: [0, 1, 5, 2**64 - 1],
    FLOAT32: [0.0, 1.0, -2.5, 0.1, 3e38, float("nan")],
}

INTEGER_OPS = (ops.ADD, ops.SUB, ops.MUL, ops.FLOORDIV, ops.MOD, ops.MINIMUM, ops.MAXIMUM)
# Those that C++ and NumPy compute to the last bit alike.
FLOAT_OPS = (ops.ADD, ops.SUB, ops.MUL, ops.TRUEDIV, ops.FLOORDIV, ops.MOD, ops.MINIMUM, ops.MAXIMUM)
FLOAT_FUNCTIONS = (ops.NEG, ops.ABS, ops.SQRT, ops.FLOOR, ops.CEIL)

Choose = Callable[[int], int]


class ProgramMaker:
    """Makes one program. `choose(n)` picks one of n possibilities."""

    def __init__(self, choose: Choose) -> None:
        self.choose = choose
        self.builder = Builder()
        self.known: list[Sym] = []
        self.variables: list[Sym] = []
        self.line = 1

    def pick(self, items):
        return items[self.choose(len(items))]

    def loc(self) -> Loc:
        self.line += 1
        return Loc("random.py", self.line)

    def emit(self, primitive, args, **more) -> tuple[Sym, ...]:
        results = self.builder.emit(primitive, args, loc=self.loc(), **more)
        self.known.extend(result for result in results if isinstance(result.type, ScalarType))
        return results

    def atom(self, type_: ScalarType) -> Atom:
        candidates = [symbol for symbol in self.known if symbol.type == type_]
        if not candidates or self.choose(4) == 0:
            return Const(self.pick(CONSTANTS[type_]), type_)
        return self.pick(candidates[-6:])

    def function(self, name: str) -> Function:
        names = ("n", "while", "x", "flag", "", "x")
        params = [self.builder.fresh(t, n) for t, n in zip(PARAMETERS, names, strict=True)]
        self.buffer = self.builder.fresh(BUFFER, "data")
        with self.builder.block([*params, self.buffer]) as scope:
            self.known.extend(params)
            self.statements(depth=0)
            results = [self.atom(self.pick(TYPES)) for _ in range(self.choose(4))]
        return Function(name, scope.finish(results), Loc("random.py", 1))

    def statements(self, depth: int) -> None:
        makers: list[Callable[..., None]] = [self.conversion, self.selection, self.variable, self.memory, self.output]
        makers += [self.check, *[self.arithmetic] * 6]
        if depth < 3:
            makers += [self.branch, self.branch, self.counted_loop, self.conditional_loop]
        for _ in range(1 + self.choose(5)):
            maker = self.pick(makers)
            if maker in (self.branch, self.counted_loop, self.conditional_loop):
                maker(depth)
            else:
                maker()

    def arithmetic(self) -> None:
        type_ = self.pick(TYPES)
        if type_ == BOOL:
            self.emit(self.pick((ops.LOGICAL_AND, ops.LOGICAL_OR, ops.EQ)), [self.atom(BOOL), self.atom(BOOL)])
        elif self.choose(4) == 0:
            self.emit(self.pick(ops.COMPARISONS), [self.atom(type_), self.atom(type_)])
        elif self.choose(4) == 0:
            self.emit(self.pick(FLOAT_FUNCTIONS if type_.is_float else (ops.NEG, ops.ABS)), [self.atom(type_)])
        else:
            primitive = self.pick(FLOAT_OPS if type_.is_float else INTEGER_OPS)
            self.emit(primitive, [self.atom(type_), self.atom(type_)], names=self.pick(((), (), ("y",))))

    def conversion(self) -> None:
        pairs = ((INT, FLOAT), (FLOAT, INT), (INT, INT16), (INT32, INT), (BOOL, INT), (FLOAT, FLOAT32))
        source, target = self.pick(pairs)
        self.emit(ops.CONVERT, [self.atom(source)], attrs={"dtype": target})

    def selection(self) -> None:
        type_ = self.pick(TYPES)
        self.emit(ops.SELECT, [self.atom(BOOL), self.atom(type_), self.atom(type_)])

    def variable(self) -> None:
        if not self.variables or self.choose(3) == 0:
            type_ = self.pick((INT, FLOAT))
            if self.choose(3):
                (variable,) = self.emit(VAR_NEW, [self.atom(type_)], names=("cell",))
            else:
                (variable,) = self.emit(VAR_NEW, [], attrs={"content": type_})
            self.variables.append(variable)
        variable = self.pick(self.variables)
        self.emit(VAR_GET, [variable])
        if self.choose(2):
            self.emit(VAR_SET, [variable, self.atom(variable.type.content)])

    def memory(self) -> None:
        index = Const(self.choose(4), INT)
        self.emit(LOAD_ELEMENT, [self.buffer, index])
        if self.choose(2):
            self.emit(STORE_ELEMENT, [self.buffer, self.atom(INT), index])

    def output(self) -> None:
        types = [self.pick(TYPES) for _ in range(self.choose(3))]
        atoms = [self.atom(type_) for type_ in types]
        if self.choose(3):
            self.emit(PRINT, atoms, attrs={"format": "{} " * len(atoms) + "\n"})
        else:
            attrs = {"callback": self.choose(2), "results": (INT, FLOAT), "mutates": (0,)}
            self.emit(HOST_CALL, [self.buffer, *atoms], attrs=attrs)

    def check(self) -> None:
        error = self.pick(("IndexError", "AssertionError", "ValueError"))
        (condition,) = self.emit(ops.LOGICAL_OR, [self.atom(BOOL), self.atom(BOOL)])
        self.emit(CHECK, [condition], attrs={"error": error, "message": f"check {self.line}"})

    def inner_block(self, params: list[Sym], make_results, depth: int):
        known, variables = len(self.known), len(self.variables)
        with self.builder.block(params) as scope:
            self.known.extend(params)
            self.statements(depth + 1)
            results = make_results()
        del self.known[known:], self.variables[variables:]
        return scope.finish(results)

    def branch(self, depth: int) -> None:
        types = [self.pick(TYPES) for _ in range(self.choose(3))]
        condition = self.atom(BOOL)
        blocks = [self.inner_block([], lambda: [self.atom(t) for t in types], depth) for _ in range(2)]
        self.emit(IF, [condition], blocks=blocks, names=self.pick(((), ("r", "r"))))

    def counted_loop(self, depth: int) -> None:
        start, stop, step = self.pick(
            ((0, 3, 1), (3, 0, -1), (0, 10, 4), (2**63 - 4, 2**63 - 1, 2), (-(2**63) + 3, -(2**63), -2), (5, 5, 1))
        )
        bounds: list[Atom] = [Const(start, INT), Const(stop, INT), Const(step, INT)]
        if self.choose(2):
            # The same numbers, which the C++ compiler and the emitter do not know.
            bounds[:2] = [self.emit(ops.ADD, [bound, self.unknown_zero()])[0] for bound in bounds[:2]]
        if self.choose(3) == 0:
            bounds[2] = self.emit(ops.ADD, [bounds[2], self.unknown_zero()])[0]
        types = [self.pick(TYPES) for _ in range(self.choose(3))]
        initial = [self.atom(t) for t in types]
        params = [self.builder.fresh(INT, "i"), *(self.builder.fresh(t, self.pick(("", "acc"))) for t in types)]
        body = self.inner_block(params, lambda: [self.atom(t) for t in types], depth)
        self.emit(FOR, [*bounds, *initial], blocks=[body])

    def unknown_zero(self) -> Atom:
        (zero,) = self.emit(ops.CONVERT, [Const(False, BOOL)], attrs={"dtype": INT})
        return zero

    def conditional_loop(self, depth: int) -> None:
        types = [INT, *(self.pick(TYPES) for _ in range(self.choose(3)))]
        initial = [Const(0, INT), *(self.atom(t) for t in types[1:])]
        params, known = [self.builder.fresh(t) for t in types], len(self.known)
        with self.builder.block(params) as scope:
            self.known.extend(params)
            if self.choose(3) == 0:
                self.arithmetic()
            (goes_on,) = self.builder.emit(ops.LT, [params[0], Const(3, INT)], loc=self.loc())
            if self.choose(2):
                (goes_on,) = self.builder.emit(ops.LOGICAL_AND, [goes_on, self.atom(BOOL)], loc=self.loc())
        del self.known[known:]
        condition = scope.finish([goes_on])
        params = [self.builder.fresh(t, self.pick(("", "count"))) for t in types]

        def next_values() -> list[Atom]:
            (count,) = self.emit(ops.ADD, [params[0], Const(1, INT)])
            return [count, *(self.atom(t) for t in types[1:])]

        body = self.inner_block(params, next_values, depth)
        self.emit(WHILE, initial, blocks=[condition, body])


@st.composite
def programs(draw):
    """A program that always ends."""
    return ProgramMaker(lambda count: draw(st.integers(0, count - 1))).function("program")


arguments = st.tuples(*(st.sampled_from(CONSTANTS[type_]) for type_ in PARAMETERS))
