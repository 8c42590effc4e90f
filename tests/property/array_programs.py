"""Random programs of whole arrays: vectors and square matrices of whole numbers, whose sums are exact."""

from __future__ import annotations

import random

VECTORS = ("v", "w", "u")
MATRICES = ("a", "b")
PARAMETERS = ("v", "w", "a", "b", "x")


class ArrayPrograms:
    """Makes the text of one function after another: `program(v, w, a, b, x)`, which may write into its arrays."""

    def __init__(self, chooser: random.Random) -> None:
        self._chooser = chooser
        self._vectors: tuple[str, ...] = VECTORS

    def program(self) -> str:
        lines = ["    u = v * 2"]
        self._vectors = VECTORS
        if self._chooser.random() < 0.3:
            # Whichever it is: from now on any array may overlap any other.
            lines.append("    t = u if x > 0 else v")
            self._vectors = (*VECTORS, "t", "t")
        for _ in range(self._chooser.randint(2, 5)):
            lines += self._statement(depth=1)
        lines.append(f"    return {self._vector(2)}, {self._matrix(2)}, {self._number(2)}, u")
        return "\n".join(["def program(v, w, a, b, x):", *lines, ""])

    def _choose(self, *options: str) -> str:
        return self._chooser.choice(options)

    # Each of these is an expression, at most so deep.

    def _number(self, depth: int) -> str:
        if depth == 0:
            return self._choose("x", "2", "-1", "3.0", "len(v)", "v.sum()", "w.size", "a.sum()", "True")
        if self._chooser.random() < 0.3:
            return self._choose(
                f"{self._vector(depth - 1)}.sum()", f"np.max({self._matrix(depth - 1)})", "v[-1]", "a[0, 1]"
            )
        return f"({self._number(depth - 1)} {self._choose('+', '-', '*')} {self._number(depth - 1)})"

    def _vector(self, depth: int) -> str:
        if depth == 0:
            return self._choose(*self._vectors, "v[::-1]", "np.zeros_like(w)", "a[:, 0]", "b[1]", "np.arange(len(v))")
        inner = depth - 1
        match self._chooser.randint(0, 6):
            case 0:
                method = self._choose("sum", "max", "min", "argmax")
                return f"{self._matrix(inner)}.{method}(axis={self._choose('0', '1')})"
            case 1:
                function = self._choose("maximum", "minimum", "add")
                return f"np.{function}({self._vector(inner)}, {self._number(inner)})"
            case 2:
                test = f"{self._vector(inner)} > {self._vector(inner)}"
                return f"np.where({test}, {self._vector(inner)}, {self._number(inner)})"
            case 3:
                return f"({self._matrix(inner)} @ {self._vector(inner)})"
            case 4:
                return f"{self._choose('-', 'abs', 'np.square', 'np.cumsum')}({self._vector(inner)})"
            case _:
                return f"({self._vector(inner)} {self._choose('+', '-', '*')} {self._vector(inner)})"

    def _matrix(self, depth: int) -> str:
        if depth == 0:
            return self._choose(*MATRICES, "a.T", "b[::-1]", "v[:, None]", "np.eye(len(v))", "a[:, ::-1]")
        inner = depth - 1
        match self._chooser.randint(0, 4):
            case 0:
                return f"({self._matrix(inner)} + {self._vector(inner)})"
            case 1:
                return f"({self._vector(inner)}[:, None] * {self._vector(inner)})"
            case 2:
                return f"({self._matrix(inner)} @ (b * 1))"
            case _:
                return f"({self._matrix(inner)} {self._choose('+', '-', '*')} {self._matrix(inner)})"

    def _statement(self, depth: int) -> list[str]:
        indent = "    " * depth
        vector, name = self._vector(2), self._choose("v", "w", *self._vectors[3:])
        match self._chooser.randint(0, 11 if depth < 2 else 9):
            case 0:
                return [f"{indent}{name}[1:] = {name}[:-1]"]
            case 1:
                return [f"{indent}{name}[:] = {vector}"]
            case 2:
                return [f"{indent}{name}[{name} > {self._number(1)}] = {self._choose('0', '-1', 'x')}"]
            case 3:
                return [f"{indent}v {self._choose('+=', '-=', '*=')} {vector}"]
            case 4:
                return [f"{indent}a[:, 0] = {vector}", f"{indent}b[-1] += {self._choose('1', 'b[0]')}"]
            case 5:
                return [f"{indent}a[...] = {self._matrix(2)}"]
            case 6:
                return [f"{indent}a[1:, :-1] {self._choose('=', '+=')} a[:-1, 1:]"]
            case 7 | 8:
                return [f"{indent}u = v - {vector}" if depth == 1 else f"{indent}u[:] = {vector}"]
            case 9:
                return [f"{indent}{name}[::-1] = {name} * {self._choose('1', '2')}"]
            case 10:
                return [f"{indent}for k in range(2):", *self._statement(depth + 1), f"{indent}    v += k"]
            case _:
                return [f"{indent}if {self._number(1)} > 0:", *self._statement(depth + 1)]
