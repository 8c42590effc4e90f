"""Random typed programs of the whole language that staged code has, and what to call them with.

In: a source of chance. Out: a `Case`: the text of a function `program`, and texts of its arguments, which show in a
report what no object could and give fresh arrays at each evaluation. Loops are bounded and recursion counts down,
also where only staging comes; what goes on for long all the same, the reference (`checked_python`) notices.
"""

from __future__ import annotations

import ast
import random
import re
from dataclasses import dataclass, field

from .language_rules import ATOMS, COMPOUND, EXPRESSIONS, LEAVING, LEAVING_LOOP, LETTERS, SIMPLE

_HOLE = re.compile(r"<(an |the |set )?([a-z]+)>")
_NEW = re.compile(r"\$([a-z]+)")
_TYPES = {letter: type_ for type_, letter in LETTERS.items()}
_RESULTS = (
    "int",
    "float",
    "bool",
    "str",
    "int",
    "float",
    "pair",
    "ints",
    "counts",
    "vec",
    "ivec",
    "word",
    "single",
    "maybe",
)
_LOCALS = (
    "int",
    "int",
    "float",
    "float",
    "bool",
    "str",
    "ints",
    "counts",
    "words",
    "floats",
    "pair",
    "word",
    "byte",
    "single",
    "maybe",
)
_PARAMETERS = (
    "int",
    "int",
    "int",
    "float",
    "bool",
    "str",
    "vec",
    "vec",
    "ivec",
    "ivec",
    "mat",
    "word",
    "single",
    "maybe",
    "pair",
    "ints",
    "floats",
    "counts",
    "words",
)
_ARRAYS = ("vec", "ivec", "mat")
_NUMBERS = {
    "int": ("0", "1", "-1", "2", "3", "7", "-5", "2**31", "2**62", "2**63 - 1", "-2**63"),
    "float": ("0.0", "-0.0", "1.0", "-1.0", "0.5", "-3.5", "1e16", "1e308", "-1e-310", "inf", "-inf", "nan"),
    "bool": ("True", "False"),
    "str": ("''", "'a'", "'abca'", "'é,b'"),
    "word": ("np.int32(3)", "np.int32(-2**31)", "np.int32(2**31 - 1)", "np.int32(0)"),
    "single": ("np.float32(0.5)", "np.float32(nan)", "np.float32(-2.0)", "np.float32(inf)"),
    "pair": ("(1, 2.0)", "(-2**63, nan)", "(0, -0.0)"),
    "ints": ("[1, 2, 3]", "[0]", "[5, -1, 2**63 - 1]", "[]"),
    "floats": ("[1.5, -0.0]", "[nan, 2.0, inf]", "[]"),
    "counts": ("{1: 2}", "{0: 1, 3: -4}", "{}"),
    "words": ("{'a': 1}", "{'b': 2, '': 0, 'é': 5}", "{}"),
}
_ELEMENTS = {"vec": "float", "mat": "float", "ivec": "int"}
_CALLS = 5


@dataclass(frozen=True)
class Case:
    """A program and the calls to make of it, each the text of a tuple."""

    source: str
    calls: tuple[str, ...]


@dataclass
class Function:
    """A function that code may call; a recursive one counts its first parameter down."""

    name: str
    types: list[str]
    result: str
    fuel: str = ""


@dataclass
class Scope:
    """What code at one place may name, what it may return, and what of each type it was last about."""

    result: str
    variables: list[str] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)
    focus: dict[str, str] = field(default_factory=dict)

    def inner(self, result: str | None = None) -> Scope:
        return Scope(result or self.result, list(self.variables), list(self.functions), dict(self.focus))

    def of_type(self, type_: str, *, assignable: bool = False) -> list[str]:
        names = [name for name in self.variables if _type_of(name) == type_]
        return [name for name in names if re.fullmatch(r"[a-z]\d+", name)] if assignable else names


class LanguagePrograms:
    """Draws one case after another. `chance` is a `random.Random`, or acts like it."""

    def __init__(self, chance: random.Random, *, statements: int = 4, depth: int = 3) -> None:
        self._chance = chance
        self._statements = statements
        self._depth = depth
        self._counter = 0

    def case(self) -> Case:
        """A program that Python can compile."""
        while True:
            types = [self._choose(_PARAMETERS) for _ in range(self._chance.randint(1, 4))]
            source = self._program(
                [each for at, each in enumerate(types) if each != "maybe" or "maybe" not in types[:at]]
            )
            try:
                tree = compile(source, "<case>", "exec", ast.PyCF_ONLY_AST)
                compile(tree, "<case>", "exec")
            except SyntaxError:
                continue
            (function,) = tree.body
            names = [parameter.arg for parameter in function.args.args]
            return Case(source, self._calls([_type_of(name) for name in names]))

    # Calls

    def _calls(self, types: list[str]) -> tuple[str, ...]:
        layout = self._choose(("dense", "dense", "dense", "strided", "overlapping"))
        is_none = self._happens(50)
        return tuple([self._call(types, layout, is_none=is_none) for _ in range(_CALLS)])

    def _call(self, types: list[str], layout: str, *, is_none: bool) -> str:
        shared = {
            "float": f"np.array([{self._elements('float', 9)}])",
            "int": f"np.array([{self._elements('int', 9)}])",
        }
        used: set[str] = set()
        texts = []
        for type_ in types:
            if type_ == "maybe":
                texts.append("None" if is_none else self._choose(_NUMBERS["int"]))
            elif type_ not in _ARRAYS:
                texts.append(self._number(type_))
            elif layout == "overlapping":
                element = _ELEMENTS[type_]
                used.add(element)
                start = self._chance.randint(0, 2)
                whole = f"{element}s_"
                part = f"{whole}[{start}:{start + self._chance.randint(0, 6)}]"
                texts.append(f"{whole}[:{self._choose((4, 6))}].reshape(2, -1)" if type_ == "mat" else part)
            else:
                texts.append(self._array(type_, layout))
        arguments = f"({', '.join(texts)},)"
        if not used:
            return arguments
        names = sorted(used)
        parameters = ", ".join(f"{each}s_" for each in names)
        return f"(lambda {parameters}: {arguments})({', '.join(shared[each] for each in names)})"

    def _number(self, type_: str) -> str:
        if type_ == "int" and self._happens(60):
            return str(self._chance.randint(-9, 12))
        if type_ == "float" and self._happens(60):
            return str(self._chance.randint(-20, 20) / 4)
        return str(self._choose(_NUMBERS[type_]))

    def _elements(self, element: str, count: int) -> str:
        return ", ".join(self._number(element) for _ in range(count))

    def _array(self, type_: str, layout: str) -> str:
        element = _ELEMENTS[type_]
        dtype = f"dtype=np.{element}64"
        part = "" if layout == "dense" else self._choose(("[::-1]", "[::2]", "[1::2]", "[::-2]"))
        if type_ != "mat":
            count = self._choose((0, 1, 2, 3, 4, 7))
            return f"np.array([{self._elements(element, count)}], {dtype}){part}"
        rows, columns = self._choose((0, 1, 2, 3)), self._choose((0, 1, 2, 4))
        turned = "" if layout == "dense" else self._choose((".T", "[:, ::2]", "[::-1]"))
        return f"np.array([{self._elements(element, rows * columns)}], {dtype}).reshape({rows}, {columns}){turned}"

    # Programs

    def _program(self, types: list[str]) -> str:
        self._counter = 0
        names = [self._fresh(LETTERS[each]) for each in types]
        scope = Scope("", list(names))
        scope.result = ", ".join(f"<{self._choose(_RESULTS)}>" for _ in range(self._chance.randint(1, 3)))
        lines = [f"def program({', '.join(names)}):"]
        for type_ in _LOCALS:
            if self._happens(70):
                name = self._fresh(LETTERS[type_])
                lines.append(f"    {name} = {self._expression(type_, scope, self._choose((0, 0, 1)))}")
                scope.variables.append(name)
        if self._happens(40):
            lines += _indented(self._function(scope))
        lines += _indented(self._block(scope, self._depth, in_loop=False, count=self._statements + 2))
        lines.append(f"    return {self._filled(scope.result, scope, 1)}")
        return "\n".join(lines) + "\n"

    def _function(self, scope: Scope) -> list[str]:
        """A nested function, which may read and assign the variables around it."""
        types = [self._choose(("int", "float", "int", "bool", "str", "vec")) for _ in range(self._chance.randint(1, 2))]
        result = self._choose(("int", "float", "int", "str", "pair"))
        inner = scope.inner(f"<{result}>")
        names = [self._fresh(LETTERS[each]) for each in types]
        function = Function(self._fresh("fun"), types, result)
        lines = []
        if self._happens(50):
            fuel = self._fresh("in")
            names, function.types = [fuel, *names], ["int", *types]
            inner.variables += names
            lines = [f"if {fuel} <= 0:", f"    return {self._expression(result, inner, 1)}"]
            inner.functions.append(Function(function.name, function.types, result, f"{fuel} - 1"))
            function.fuel = f"{self._expression('int', scope, 1)} % 5"
        else:
            inner.variables += names
        lines += self._block(inner, 1, in_loop=False)
        lines.append(f"return {self._expression(result, inner, 2)}")
        assigned = {
            node.id
            for node in ast.walk(ast.parse("\n".join(["def f():", *_indented(lines)])))
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        outer = sorted(assigned & set(scope.variables))
        scope.functions.append(function)
        head = [f"nonlocal {', '.join(outer)}"] if outer else []
        return [f"def {function.name}({', '.join(names)}):", *_indented([*head, *lines])]

    def _block(self, scope: Scope, depth: int, *, in_loop: bool, count: int | None = None) -> list[str]:
        lines: list[str] = []
        for _ in range(self._chance.randint(1, count or self._statements)):
            lines += self._statement(scope, depth, in_loop=in_loop)
        return lines

    def _statement(self, scope: Scope, depth: int, *, in_loop: bool) -> list[str]:
        draw = self._chance.randint(1, 100)
        if depth > 0 and draw <= 35:
            return self._compound(self._usable(COMPOUND, scope), scope, depth)
        if draw <= 40:
            leaving = self._choose(LEAVING_LOOP if in_loop else LEAVING)
            return [f"if {self._expression('rare', scope, 1)}:", f"    {self._filled(leaving, scope, 1)}"]
        if depth == self._depth and draw <= 44:
            return self._function(scope)
        return [self._filled(self._usable(SIMPLE, scope), scope, 2)]

    def _compound(self, rule: str, scope: Scope, depth: int) -> list[str]:
        inner = scope.inner()
        rule = self._named(rule, inner)
        lines: list[str] = []
        for line in rule.split("\n"):
            text = line.lstrip()
            indent = line[: len(line) - len(text)]
            if text in ("<block>", "<loop>"):
                lines += [indent + each for each in self._block(inner.inner(), depth - 1, in_loop=text == "<loop>")]
            else:
                lines.append(indent + self._filled(text, scope, 1))
        return lines

    def _named(self, rule: str, scope: Scope) -> str:
        """The rule with its new names, which come into the scope."""
        names: dict[str, str] = {}
        for stem in _NEW.findall(rule):
            names.setdefault(stem, self._fresh(stem))
        scope.variables += [name for stem, name in names.items() if stem != "k"]
        return _NEW.sub(lambda found: names[found[1]], rule)

    # Expressions

    def _expression(self, type_: str, scope: Scope, depth: int) -> str:
        names = scope.of_type(type_) if type_ in LETTERS else []
        if depth <= 0 or type_ not in EXPRESSIONS or self._happens(15):
            if names and self._happens(85):
                return str(self._choose(names))
            if type_ in ATOMS:
                return str(self._choose(ATOMS[type_]))
        functions = [each for each in scope.functions if each.result == type_]
        if functions and self._happens(20):
            return self._call_of(self._choose(functions), scope, depth)
        rule = self._usable(EXPRESSIONS[type_], scope)
        inner = scope.inner()
        inner.focus = scope.focus
        text = self._filled(self._named(rule, inner), inner, depth - 1)
        return f"({text})" if type_ == "bool" else text

    def _call_of(self, function: Function, scope: Scope, depth: int) -> str:
        values = [self._expression(each, scope, depth - 1) for each in function.types]
        if function.fuel:
            values[0] = function.fuel
        return f"{function.name}({', '.join(values)})"

    def _filled(self, rule: str, scope: Scope, depth: int) -> str:
        chosen: dict[str, str] = {}

        def fill(found: re.Match[str]) -> str:
            how, type_ = found[1], found[2]
            if how == "the ":
                return chosen.get(type_) or scope.focus[type_]
            if type_ == "result":
                return self._filled(scope.result, scope, depth)
            if how == "an ":
                focus = scope.focus.get(type_)
                chosen[type_] = focus if focus and self._happens(60) else str(self._choose(scope.of_type(type_)))
                return chosen[type_]
            if how == "set ":
                return str(self._choose(scope.of_type(type_, assignable=True)))
            return self._expression(type_, scope, depth)

        text = _HOLE.sub(fill, rule)
        scope.focus.update(chosen)
        return text

    def _usable(self, rules: tuple[str, ...], scope: Scope) -> str:
        """A rule whose variables there are; the first of all has none in any table."""
        for _ in range(20):
            rule = str(self._choose(rules))
            needs = [(how, type_) for how, type_ in _HOLE.findall(rule) if how]
            if all(how == "the " or scope.of_type(type_, assignable=how == "set ") for how, type_ in needs):
                return rule
        return "print(<int>)" if rules is SIMPLE else rules[0]

    def _fresh(self, stem: str) -> str:
        self._counter += 1
        return f"{stem}{self._counter}"

    def _choose(self, options):
        return self._chance.choice(options)

    def _happens(self, percent: int) -> bool:
        return self._chance.randint(1, 100) <= percent


def _type_of(name: str) -> str:
    return _TYPES[name[0]]


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]
