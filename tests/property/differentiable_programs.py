"""Random programs with derivatives: loops, breaks, branches, arrays changed in place, recursion.

Each is Python text that runs as it is: on floats and NumPy arrays, compiled or not, and, given other functions for
those of `math` and other arrays, on PyTorch's scalars, whose autograd says what the derivatives are.
"""

from __future__ import annotations

import random
import re
import types

EXTENT = 4
HEADER = "import math\n\nimport numpy as np\n\n\n"


class Writer:
    """Writes one program."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lines: list[str] = []
        self.names = 0

    def program(self) -> str:
        """The text of `f(x, y, a, n)`, and of what it calls."""
        recursive = self.random.random() < 0.5
        self.line(0, "def f(x, y, a, n):")
        self.line(1, f"b = np.zeros({EXTENT})")
        self.line(1, "s = x * 0.5")
        self.line(1, "t = y * x")
        if recursive:
            self.recursive_function()
        calls = "go" if recursive else None
        self.block(1, ["s", "t"], ["n"], depth=3, calls=calls)
        self.line(1, f"return s * {self.value(['s', 't', 'x'], ['n'], 1)} + t + b[1] * a[2]")
        return HEADER + "\n".join(self.lines) + "\n"

    def recursive_function(self) -> None:
        self.line(1, "def go(u, k):")
        self.line(2, "if k <= 0:")
        self.line(3, f"return {self.value(['u', 'x'], ['k'], 2)}")
        self.line(2, "v = u * 0.7")
        self.block(2, ["v"], ["k"], depth=1, calls=None)
        if self.random.random() < 0.5:
            self.line(2, f"v = v + go({self.value(['u', 'v'], ['k'], 1)}, k - 2)")
        self.line(2, f"return math.tanh(go({self.value(['u', 'v'], ['k'], 1)}, k - 1) * v)")

    def line(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def fresh(self, letter: str) -> str:
        self.names += 1
        return f"{letter}{self.names}"

    def block(self, indent: int, floats: list[str], ints: list[str], depth: int, calls: str | None) -> None:
        for _ in range(self.random.randint(1, 3)):
            self.statement(indent, floats, ints, depth, calls)

    def statement(self, indent: int, floats: list[str], ints: list[str], depth: int, calls: str | None) -> None:
        kind = self.random.choice(
            ["assign", "add", "store", "accumulate", *(["if", "for", "while"] * 2 if depth else [])]
        )
        target = self.random.choice(floats)
        readable = [*floats, "x", "y"]
        value = self.value(readable, ints, 2)
        if kind == "assign":
            if calls and self.random.random() < 0.4:
                value = f"{calls}(x * 0.5 + {value}, {self.random.choice(['n', '2', '3'])})"
            self.line(indent, f"{target} = math.{self.random.choice(['tanh', 'sin'])}({value})")
        elif kind == "add":
            self.line(indent, f"{target} += math.tanh({value})")
        elif kind == "store":
            self.line(indent, f"{self.array()}[{self.index(ints)}] = math.sin({value})")
        elif kind == "accumulate":
            self.line(indent, f"{self.array()}[{self.index(ints)}] += math.tanh({value})")
        elif kind == "if":
            self.line(indent, f"if {self.condition(readable, ints)}:")
            self.block(indent + 1, floats, ints, depth - 1, calls)
            if self.random.random() < 0.6:
                self.line(indent, "else:")
                self.block(indent + 1, floats, ints, depth - 1, calls)
        elif kind == "for":
            index = self.fresh("i")
            bounds = self.random.choice(["n", "3", "1, n", f"{ints[-1]} % 3 + 1", "n, 0, -1", "0, 5, 2"])
            self.line(indent, f"for {index} in range({bounds}):")
            self.block(indent + 1, floats, [*ints, index], depth - 1, calls)
            if self.random.random() < 0.4:
                self.line(indent + 1, f"if {self.condition(readable, [*ints, index])}:")
                self.line(indent + 2, self.random.choice(["break", "continue"]))
                self.line(indent + 1, f"{target} = {target} * 0.9")
        else:
            count = self.fresh("k")
            self.line(indent, f"{count} = 0")
            self.line(indent, f"while {count} < {self.random.choice(['n', '3', '4'])}:")
            self.line(indent + 1, f"{count} += 1")
            self.block(indent + 1, floats, [*ints, count], depth - 1, calls)
            if self.random.random() < 0.4:
                self.line(indent + 1, f"if {self.condition(readable, [*ints, count])}:")
                self.line(indent + 2, "break")

    def array(self) -> str:
        return self.random.choice(["a", "b"])

    def index(self, ints: list[str]) -> str:
        if self.random.random() < 0.4:
            return str(self.random.randrange(-EXTENT, EXTENT))
        return f"({self.random.choice(ints)} + {self.random.randrange(3)}) % {EXTENT}"

    def condition(self, floats: list[str], ints: list[str]) -> str:
        if self.random.random() < 0.4:
            return f"{self.random.choice(floats)} > {self.random.choice([-0.3, 0.1, 0.4])}"
        return f"{self.random.choice(ints)} % {self.random.choice([2, 3])} == {self.random.randrange(2)}"

    def value(self, floats: list[str], ints: list[str], depth: int) -> str:
        kind = self.random.randrange(8 if depth else 3)
        if kind == 0:
            return self.random.choice(floats)
        if kind == 1:
            return f"{self.array()}[{self.index(ints)}]"
        if kind == 2:
            return self.random.choice([*floats, "0.5", "1.25", "-0.75"])
        inner = self.value(floats, ints, depth - 1)
        if kind == 3:
            return f"math.{self.random.choice(['sin', 'cos', 'tanh', 'exp'])}({inner} * 0.5)"
        return f"({inner} {self.random.choice('+-*')} {self.value(floats, ints, depth - 1)})"


def program(seed: int) -> str:
    """The text of the program of that number."""
    return Writer(seed).program()


def on_torch(text: str) -> object:
    """The program as a function of PyTorch scalars, with lists of such in place of arrays."""
    import torch

    def of_numbers_too(function):
        return lambda value: function(torch.as_tensor(value, dtype=torch.float64))

    functions = {name: of_numbers_too(getattr(torch, name)) for name in ("sin", "cos", "tanh", "exp")}
    zeros = lambda n: [torch.zeros((), dtype=torch.float64)] * n  # noqa: E731
    scope: dict[str, object] = {"math": types.SimpleNamespace(**functions), "np": types.SimpleNamespace(zeros=zeros)}
    # PyTorch's `+=` would change what other variables hold as well.
    exec(re.sub(r"^( *)(.*?) \+= (.*)$", r"\1\2 = \2 + \3", text.removeprefix(HEADER), flags=re.MULTILINE), scope)
    return scope["f"]
