"""Random functions over ints: nested control flow of every kind, with loops that end and names that may be unset."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.virtualize.corpus.record import Manager, note
from tests.virtualize.sources import define

NAMES = ("a", "b", "x", "y", "z")


class OutOfFuel(Exception):
    """A program ran long enough."""


class Fuel:
    def __init__(self):
        self.left = 0

    def tick(self):
        self.left -= 1
        if self.left < 0:
            raise OutOfFuel


fuel = Fuel()


class Programs:
    """Draws one program; `draw` decides everything."""

    def __init__(self, draw):
        self.draw = draw
        self.functions = 0
        self.outside = draw(st.lists(st.sampled_from(("x", "y", "z")), unique=True, max_size=2))

    def choice(self, options):
        return self.draw(st.sampled_from(options))

    def number(self, low, high):
        return self.draw(st.integers(low, high))

    def expression(self, depth=2):
        simple = ("name", "name", "constant")
        kind = self.choice((*simple, "binary", "call", "ternary", "bool", "lambda", "list", "walrus", "generator"))
        if depth == 0 or kind in ("name", "constant"):
            return self.choice(NAMES) if kind == "name" else str(self.number(-2, 5))
        left, right = self.expression(depth - 1), self.expression(depth - 1)
        if kind == "binary":
            return f"({left} {self.choice(('+', '-', '*', '//', '%'))} {right}) % 97"
        if kind == "call":
            return f"note({left})"
        if kind == "lambda":
            return f"(lambda p: p + {self.expression(0)})({right})"
        if kind == "generator":
            reduction = self.choice(("sum", "any", "all", "max"))
            return f"{reduction}(q + {left} for q in range(3) if q != {right} for _ in range(2))"
        if kind == "walrus":
            # A variable of the world outside cannot be assigned within an expression.
            return f"({self.choice([name for name in NAMES if name not in self.outside])} := {left})"
        if kind == "list":
            return f"sum([q + {left} for q in range(3) if q != {right}])"
        if kind == "ternary":
            return f"({left} if {self.condition(depth - 1)} else {right})"
        return f"({left} {self.choice(('and', 'or'))} {right})"

    def condition(self, depth=2):
        left, right = self.expression(max(depth - 1, 0)), self.expression(max(depth - 1, 0))
        kind = self.choice(("compare", "chain", "not", "value", "parity"))
        if kind == "compare":
            return f"{left} < {right}"
        if kind == "chain":
            return f"{left} <= {right} < {self.expression(0)}"
        if kind == "not":
            return f"not {left}"
        return left if kind == "value" else f"{left} % 2"

    def block(self, depth, in_loop, in_function, indent):
        lines = []
        for _ in range(self.number(1, 3)):
            lines += self.statement(depth, in_loop, in_function, indent)
        return lines

    def statement(self, depth, in_loop, in_function, indent):
        simple = ["assign", "assign", "augment", "note", "unpack", "return", "capture", "print", "del"]
        leaving = ["break", "continue"] if in_loop else []
        nested = ["if", "if", "if", "while", "for", "for", "with", "def", "try", "try", "match"] if depth else []
        kind = self.choice([*simple, *leaving, *leaving, *nested, *nested])
        name = self.choice(NAMES)

        def inner(loop=in_loop, function=in_function):
            return self.block(depth - 1, loop, function, indent + "    ")

        if kind == "assign":
            lines = [f"{name} = {self.expression()}"]
        elif kind == "augment":
            lines = [f"{name} {self.choice(('+=', '-='))} {self.expression(1)}"]
        elif kind == "unpack":
            lines = [f"{name}, {self.choice(NAMES)} = {self.expression(1)}, {self.expression(1)}"]
        elif kind == "del":
            lines = [f"del {name}"]
        elif kind == "note":
            lines = [f"note({self.expression()})"]
        elif kind == "print":
            lines = [f'print(f"{{{name}:>{{2}}}}")', f'print("{{}}".format({name}))']
        elif kind == "return":
            lines = [self.choice(("return", f"return {self.expression(1)}", f"return {name}"))]
        elif kind in ("break", "continue"):
            lines = [kind]
        elif kind == "capture":
            lines = [f"fs.append(lambda: ({name}, {self.expression(0)}))"]
        elif kind == "if":
            return self.branch(depth, in_loop, in_function, indent)
        elif kind == "with":
            swallowed = self.choice(("()", "(ZeroDivisionError, NameError)"))
            return [f"{indent}with Manager({self.number(0, 9)}, {swallowed}):", *inner()]
        elif kind == "match":
            return self.match(depth, in_loop, in_function, indent)
        elif kind == "try":
            return self.attempt(depth, in_loop, in_function, indent)
        elif kind == "def":
            return self.function(depth, indent)
        else:
            return self.loop(kind, depth, in_loop, in_function, indent)
        return [indent + line for line in lines]

    def branch(self, depth, in_loop, in_function, indent):
        lines = [f"{indent}if {self.condition()}:"]
        lines += self.block(depth - 1, in_loop, in_function, indent + "    ")
        for word in self.choice(((), ("else",), ("elif",), ("elif", "else"))):
            lines.append(f"{indent}{word}{f' {self.condition()}' if word == 'elif' else ''}:")
            lines += self.block(depth - 1, in_loop, in_function, indent + "    ")
        return lines

    def match(self, depth, in_loop, in_function, indent):
        inside = indent + "    "
        lines = [f"{indent}match {self.choice(NAMES)}, {self.expression(1)}:"]
        for _ in range(self.number(1, 3)):
            name, other = self.draw(st.permutations([name for name in NAMES if name not in self.outside]))[:2]
            patterns = (f"({name}, {self.number(0, 3)})", f"[(0 | 1 as {name}), *{other}]", f"(int(), {name})")
            pattern = self.choice((*patterns, f"(1, {name}) | ({name}, 2)", f"{{'k': {name}}}"))
            guard = self.choice(("", "", f" if {self.condition(1)}"))
            lines.append(f"{inside}case {pattern}{guard}:")
            lines += self.block(depth - 1, in_loop, in_function, inside + "    ")
        if self.number(0, 1):
            lines += [f"{inside}case _:", *self.block(depth - 1, in_loop, in_function, inside + "    ")]
        return lines

    def attempt(self, depth, in_loop, in_function, indent):
        inside = indent + "    "
        lines = [f"{indent}try:", *self.block(depth - 1, in_loop, in_function, inside)]
        form = self.choice(("except", "except", "else", "finally", "both"))
        if form != "finally":
            lines.append(f"{indent}except {self.choice(('ZeroDivisionError as z', '(NameError, TypeError)'))}:")
            lines += self.block(depth - 1, in_loop, in_function, inside)
        if form in ("else", "both"):
            lines += [f"{indent}else:", *self.block(depth - 1, in_loop, in_function, inside)]
        if form in ("finally", "both"):
            # No statement that leaves: Python is about to forbid that, and virtualising refuses it.
            lines += [f"{indent}finally:", f"{inside}note('finally')", f"{inside}note({self.expression()})"]
        return lines

    def loop(self, kind, depth, in_loop, in_function, indent):
        if kind == "while":
            header = self.choice((f"while {self.condition()}:", "while True:", "while 0:"))
        else:
            pairs = "enumerate([(1, 2), (3, 4)])"
            header = self.choice(
                (
                    f"for {self.choice(NAMES)} in range({self.number(0, 4)}):",
                    f"for {self.choice(NAMES)} in range({self.expression(1)} % 4):",
                    f"for {self.choice(NAMES)}, {self.choice(NAMES)} in {pairs}:".replace(pairs, "[(1, 2), (3, 4)]"),
                    f"for {self.choice(NAMES)}, ({self.choice(NAMES)}, {self.choice(NAMES)}) in {pairs}:",
                )
            )
        lines = [indent + header, f"{indent}    fuel.tick()"]
        lines += self.block(depth - 1, True, in_function, indent + "    ")
        if self.choice((True, False, False)):
            lines += [f"{indent}else:", *self.block(depth - 1, in_loop, in_function, indent + "    ")]
        return lines

    def function(self, depth, indent):
        self.functions += 1
        inside = indent + "    "
        changed = self.draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=2))
        parameter = self.choice([name for name in NAMES if name not in changed])
        lines = [f"{indent}def f{self.functions}({parameter}={self.expression(0)}):"]
        lines += [f"{inside}fuel.tick()"]
        lines += [f"{inside}nonlocal {', '.join(changed)}"] if changed else []
        lines += self.block(depth - 1, False, True, inside)
        return [*lines, f"{indent}note(f{self.functions}())", f"{indent}fs.append(f{self.functions})"]

    def program(self):
        start = [f"    {name} = {self.number(0, 3)}" for name in ("x", "y", "z") if self.number(0, 5)]
        lines = ["def program(a, b):", "    fs = []", *start, *self.block(3, False, False, "    ")]
        # All names are the program's own, so that inner functions may declare them nonlocal.
        lines += ["    for f in fs:", "        fuel.tick()", "        note(f())"]
        lines += [f"    return {', '.join(self.draw(st.permutations(NAMES)))}", f"    {' = '.join(NAMES)} = 0"]
        if self.outside:
            lines.insert(1, f"    nonlocal {', '.join(self.outside)}")
            inner = ["    " + line for line in lines]
            lines = ["def make():", *(f"    {name} = 7" for name in self.outside), *inner, "    return program"]
            lines.append("program = make()")
        return "\n".join(lines) + "\n"


@st.composite
def programs(draw):
    """The source of a function `program(a, b)`."""
    return Programs(draw).program()


def load(source):
    """The function that the source defines."""
    return define(source, "program", f"<program {hash(source)}>", note=note, Manager=Manager, fuel=fuel)
