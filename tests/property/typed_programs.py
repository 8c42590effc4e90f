"""Random typed programs: Python source that uses the whole language, with loops that end.

Every variable keeps one type, which its first letter tells: `i` int, `x` float, `b` bool, `p` a tuple of int and float.
Python runs such a program
for any arguments, though it may raise.
"""

from __future__ import annotations

from typing import Any

from tests.harness.python_bugs import STORES_ONE_NAME_TWICE

LETTERS = {"int": "i", "float": "x", "bool": "b", "pair": "p"}
INTS = ("0", "1", "-1", "2", "3", "5", "7", "10", "-4", "97")
EDGE_INTS = ("1000003", "4611686018427387904", "9223372036854775807", "-9223372036854775807 - 1")
FLOATS = ("0.0", "1.0", "-1.0", "0.5", "2.5", "-3.75", "0.1")
EDGE_FLOATS = ("1e10", "1e-300", "1e308", "-0.0", "float('inf')", "float('nan')")
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
FORMATS = {
    "int": ("{}", "{:>6}", "{:05d}", "{:+}", "{!r}", "{:x}"),
    "float": ("{}", "{:.3f}", "{:>12.4g}", "{:+.2e}", "{!r}"),
    "bool": ("{}", "{!r:>7}", "{!s}"),
}
# Recursion that ends while staging.
POWER = ("    def power(base, n):", "        return base * power(base, n - 1) if n else 1")


class Scope:
    """The variables and functions that code at one place may use. Functions: name, parameter types, result type."""

    def __init__(self, variables: list[str], functions: list[tuple[str, list[str], str]]) -> None:
        self.variables = variables
        self.functions = functions

    def inner(self) -> Scope:
        return Scope(list(self.variables), list(self.functions))


class Programs:
    """Draws one program; `random` (a `random.Random` or like it) decides everything."""

    def __init__(self, random: Any, *, statements: int = 4, depth: int = 3) -> None:
        self.random = random
        self.statements = statements
        self.depth = depth
        self.counter = 0
        self.work = 1

    def choice(self, options: Any) -> Any:
        return self.random.choice(options)

    def chance(self, percent: int) -> bool:
        return bool(self.random.randint(1, 100) <= percent)

    def fresh(self, letter: str) -> str:
        self.counter += 1
        return f"{letter}{self.counter}"

    # Expressions

    def expression(self, type_: str, scope: Scope, depth: int = 2) -> str:
        if depth <= 0 or self.chance(25):
            return self.atom(type_, scope)
        if self.chance(8):
            sides = [self.expression(type_, scope, depth - 1) for _ in range(2)]
            return f"({sides[0]} if {self.condition(scope, depth - 1)} else {sides[1]})"
        if self.chance(8):
            operands = [self.expression(type_, scope, depth - 1) for _ in range(self.random.randint(2, 3))]
            word = self.choice((" and ", " or "))
            return f"({word.join(operands)})"
        callable_ = [each for each in scope.functions if each[2] == type_]
        if callable_ and self.chance(40):
            name, parameters, _ = self.choice(callable_)
            return f"{name}({', '.join(self.expression(each, scope, depth - 1) for each in parameters)})"
        if type_ in ("int", "float") and self.chance(6):
            return f"{self.expression('pair', scope, depth - 1)}[{('int', 'float').index(type_)}]"
        if self.chance(4):
            name = self.fresh(LETTERS[type_])
            inner = Scope([*scope.variables, name], scope.functions)
            body, argument = self.expression(type_, inner, depth - 1), self.expression(type_, scope, depth - 1)
            return f"(lambda {name}: {body})({argument})"
        make = {
            "int": self.int_expression,
            "float": self.float_expression,
            "bool": self.bool_expression,
            "pair": self.pair_expression,
        }[type_]
        return make(scope, depth - 1)

    def atom(self, type_: str, scope: Scope) -> str:
        names = [name for name in scope.variables if name[0] == LETTERS[type_]]
        if names and self.chance(75):
            return str(self.choice(names))
        if self.chance(4) and type_ != "pair":
            return str(self.choice({"int": EDGE_INTS, "float": EDGE_FLOATS, "bool": ("True", "False")}[type_]))
        return self.constant(type_) if type_ != "pair" else f"({self.constant('int')}, {self.constant('float')})"

    def pair_expression(self, scope: Scope, depth: int) -> str:
        return f"({self.expression('int', scope, depth)}, {self.expression('float', scope, depth)})"

    def constant(self, type_: str) -> str:
        return str(self.choice({"int": INTS, "float": FLOATS, "bool": ("True", "False")}[type_]))

    def divisor(self, type_: str, scope: Scope, depth: int) -> str:
        """Mostly something that is not zero."""
        if self.chance(25):
            return self.expression(type_, scope, depth)
        return str(self.choice(("3", "-2", "7", "10"))) if type_ == "int" else str(self.choice(("0.5", "-2.5", "3.0")))

    def int_expression(self, scope: Scope, depth: int) -> str:
        a, b = self.expression("int", scope, depth), self.expression("int", scope, depth)
        kind = self.random.randint(0, 16)
        if kind <= 4 and self.chance(10):
            return f"power({a}, {self.random.randint(0, 3)})"
        if kind <= 4:
            return f"({a} {self.choice('+-+-*')} {b})"
        if kind <= 6:
            return f"({a} {self.choice(('//', '%'))} {self.divisor('int', scope, depth)})"
        if kind == 7:
            return f"({a} ** {self.choice((0, 1, 2, 3))})"
        if kind == 8:
            return f"{self.choice(('abs', '-', '+', 'int'))}({a})"
        if kind == 9:
            return f"int({self.bounded_float(scope, depth)})"
        if kind == 10:
            return f"{self.choice(('min', 'max'))}({a}, {b}, {self.expression('int', scope, 0)})"
        if kind == 11:
            return f"({self.expression('bool', scope, depth)} + {self.expression('bool', scope, depth)})"
        if kind == 12:
            return f"math.{self.choice(('floor', 'ceil'))}({self.bounded_float(scope, depth)})"
        if kind == 13:
            return f"({a} {self.choice('&|^')} {b})"
        if kind == 14:
            count = b if self.chance(15) else f"({b} & 7)"
            return self.choice((f"({a} {self.choice(('<<', '>>'))} {count})", f"(~{a})"))
        if kind == 15:
            functions = ("math.gcd({a}, {b})", "math.isqrt(abs({a}))", "({a}).bit_length()", "({a}).bit_count()")
            return str(self.choice((*functions, "round({x})", "pow({a}, {b}, 7)"))).format(
                a=a, b=b, x=self.bounded_float(scope, depth)
            )
        return f"(divmod({a}, {self.divisor('int', scope, depth)})[{self.choice((0, 1))}])"

    def bounded_float(self, scope: Scope, depth: int) -> str:
        """Mostly something that an int can hold."""
        value = self.expression("float", scope, depth)
        return value if self.chance(15) else f"max(-1e6, min(1e6, {value}))"

    def float_expression(self, scope: Scope, depth: int) -> str:
        a, b = self.expression("float", scope, depth), self.expression("float", scope, depth)
        n = self.expression("int", scope, depth)
        kind = self.random.randint(0, 12)
        if kind <= 3:
            return f"({a} {self.choice('+-*')} {b})"
        if kind == 4:
            return f"({a} {self.choice(('/', '//', '%'))} {self.divisor('float', scope, depth)})"
        if kind == 5:
            return f"({n} / {self.divisor('int', scope, depth)})"
        if kind == 6:
            return f"({a} {self.choice('+-*')} {n})"
        if kind == 7:
            return f"({n} {self.choice(('+', '-', '*', '/', '//', '%'))} {self.divisor('float', scope, depth)})"
        if kind == 8:
            power = self.choice(("2", "3.0", "0", "2.0", "1"))
            # A negative number to a fractional power is complex, which no variable here can hold.
            return f"({a} ** {power})" if self.chance(80) else f"(abs({a}) ** {self.choice(('0.5', '-1', '1.5'))})"
        if kind == 9:
            return f"{self.choice(('abs', '-', '+', 'float'))}({a})"
        if kind == 10:
            return f"float({n})"
        if kind == 11:
            return f"{self.choice(('min', 'max'))}({a}, {b})"
        if self.chance(15):
            names = (
                "sqrt",
                "exp",
                "sin",
                "log",
                "cos",
                "tan",
                "asin",
                "cosh",
                "log1p",
                "atanh",
                "expm1",
                "erf",
                "atan",
            )
            return f"math.{self.choice(names)}({a})"
        if self.chance(15):
            return f"math.{self.choice(('atan2', 'hypot', 'copysign', 'fmod', 'remainder'))}({a}, {b})"
        return self.choice((f"math.tanh({a})", f"math.fabs({a})", f"math.sqrt(abs({a}))", f"math.sin(min({a}, 1e3))"))

    def bool_expression(self, scope: Scope, depth: int) -> str:
        kind = self.random.randint(0, 9)
        type_ = self.choice(("int", "float", "int", "bool"))
        a, b = self.expression(type_, scope, depth), self.expression(type_, scope, depth)
        if kind <= 3:
            return f"({a} {self.choice(COMPARISONS)} {b})"
        if kind == 4:
            c = self.expression(type_, scope, depth)
            return f"({a} {self.choice(COMPARISONS)} {b} {self.choice(COMPARISONS)} {c})"
        if kind == 5:
            left, right = self.expression("int", scope, depth), self.expression("float", scope, depth)
            return f"({left} {self.choice(COMPARISONS)} {right})"
        if kind == 6:
            return f"(not {a})"
        if kind == 7:
            return f"bool({a})"
        if kind == 8:
            return f"{self.choice(('any', 'all'))}(({a}, {b}))"
        p, q = self.expression("bool", scope, depth), self.expression("bool", scope, depth)
        return f"({p} {self.choice('&|^')} {q})"

    def condition(self, scope: Scope, depth: int = 2) -> str:
        if self.chance(25):
            parts = [self.expression(self.choice(("int", "float", "bool")), scope, depth) for _ in range(2)]
            return f"{parts[0]} {self.choice(('and', 'or'))} {parts[1]}"
        return self.expression(self.choice(("bool", "bool", "bool", "int", "float")), scope, depth)

    # Statements

    def block(self, scope: Scope, indent: str, *, depth: int, loop: bool, result: str) -> list[str]:
        lines: list[str] = []
        for _ in range(self.random.randint(1, self.statements)):
            lines += self.statement(scope, indent, depth=depth, loop=loop, result=result)
        return lines

    def statement(self, scope: Scope, indent: str, *, depth: int, loop: bool, result: str) -> list[str]:
        kinds = ["assign"] * 6 + ["augment"] * 4 + ["tuple", "print", "print", "pair", "unpack"]
        kinds += ["return", "raise", "assert"][: 3 if self.chance(30) else 1]
        kinds += ["break", "continue"] * 2 if loop else []
        kinds += (["if"] * 6 + ["while", "for", "for", "static for", "def"]) if depth else []
        kind = self.choice(kinds)
        if kind in ("if", "while", "for", "static for", "def"):
            make = {"if": self.branch, "def": self.function}.get(kind)
            if make is not None:
                return make(scope, indent, depth, loop, result)
            return self.loop(kind, scope, indent, depth, result)
        return [indent + line for line in self.simple(kind, scope, result)]

    def simple(self, kind: str, scope: Scope, result: str) -> list[str]:
        type_ = self.choice(("int", "int", "float", "float", "bool"))
        name = self.target(type_, scope)
        if kind == "assign":
            return [f"{name} = {self.expression(type_, scope)}"]
        if kind == "augment":
            type_ = "int" if type_ == "bool" else type_
            operator = self.choice(("+", "-", "*", "//", "%", *(("/",) if type_ == "float" else ())))
            value = self.expression(type_, scope, 1) if operator in "+-*" else self.divisor(type_, scope, 1)
            return [f"{self.target(type_, scope)} {operator}= {value}"]
        if kind == "tuple":
            other = self.target(type_, scope)
            first, second = self.expression(type_, scope, 1), self.expression(type_, scope, 1)
            if name == other and not STORES_ONE_NAME_TWICE:
                return [f"{name} = ({first}, {second})[1]"]
            return [f"{name}, {other} = {first}, {second}"]
        if kind == "pair":
            return [f"{self.target('pair', scope)} = {self.expression('pair', scope)}"]
        if kind == "unpack":
            targets = f"{self.target('int', scope)}, {self.target('float', scope)}"
            return [f"{targets} = {self.expression('pair', scope, 1)}"]
        if kind == "print":
            return [self.printing(scope)]
        if kind == "return":
            return [f"if {self.condition(scope, 1)}: return {self.result(result, scope)}"]
        if kind == "raise":
            error = self.choice(("ValueError('bad')", "IndexError", "AssertionError('no')"))
            return [f"if {self.condition(scope, 1)}: raise {error}"]
        if kind == "assert":
            message = self.choice(("", ", 'no'"))
            return [f"assert {self.condition(scope, 1)}{message}"]
        return [kind if self.chance(20) else f"if {self.condition(scope, 1)}: {kind}"]

    def target(self, type_: str, scope: Scope) -> str:
        names = [name for name in scope.variables if name[0] == LETTERS[type_] and not name.startswith("in")]
        return str(self.choice(names)) if names else self.new_variable(type_, scope)

    def new_variable(self, type_: str, scope: Scope) -> str:
        name = self.fresh(LETTERS[type_])
        scope.variables.append(name)
        return name

    def result(self, result: str, scope: Scope) -> str:
        return ", ".join(self.expression(each, scope, 1) for each in result.split())

    def printing(self, scope: Scope) -> str:
        types = [self.choice(("int", "float", "bool")) for _ in range(self.random.randint(1, 2))]
        values = [self.expression(each, scope, 1) for each in types]
        kind = self.choice(("plain", "format", "f-string"))
        if kind == "plain":
            separator, end = self.choice(("', '", "'{}'")), self.choice(("';'", "None"))
            return f"print({', '.join(values)}, sep={separator}, end={end})"
        fields = [self.choice(FORMATS[each]) for each in types]
        # Before Python 3.12 an f-string cannot hold its own quotes.
        if kind == "format" or any("'" in value for value in values):
            template = " {{}} ".join(fields)
            return f"print('{template}'.format({', '.join(values)}))"
        template = " | ".join("{" + value + field[1:] for value, field in zip(values, fields, strict=True))
        return f"print(f'{template}')"

    def branch(self, scope: Scope, indent: str, depth: int, loop: bool, result: str) -> list[str]:
        def inside() -> list[str]:
            return self.block(scope.inner(), indent + "    ", depth=depth - 1, loop=loop, result=result)

        lines = [f"{indent}if {self.condition(scope)}:", *inside()]
        for word in self.choice(((), ("else",), ("else",), ("elif",), ("elif", "else"))):
            lines.append(f"{indent}{word}{f' {self.condition(scope)}' if word == 'elif' else ''}:")
            lines += inside()
        return lines

    def loop(self, kind: str, scope: Scope, indent: str, depth: int, result: str) -> list[str]:
        inner = scope.inner()
        deeper = indent + "    "
        before: list[str] = []
        if kind == "while":
            counter = self.fresh("k")
            bound = self.choice(("3", "5", f"{self.expression('int', scope, 1)} % 4"))
            extra = f" and {self.condition(scope, 1)}" if self.chance(40) else ""
            before = [f"{indent}{counter} = 0"]
            header = self.choice((f"while {counter} < {bound}{extra}:", "while True:"))
            step = [f"{deeper}{counter} += 1"]
            if header == "while True:":
                step.append(f"{deeper}if {counter} > {bound}: break")
        elif kind == "for":
            name = self.fresh("in") if self.chance(60) else self.target("int", scope)
            bound = f"{self.expression('int', scope, 1)} % {self.choice((3, 5))}"
            iterable = self.choice(
                (
                    f"range({bound})",
                    f"range({bound}, {bound}, {self.choice((1, 2, -1, 3))})",
                    "range(4)",
                    "range(2, -2, -1)",
                )
            )
            header, step = f"for {name} in {iterable}:", []
            if self.chance(20):
                other = self.fresh("in")
                header = f"for {other}, {name} in enumerate({iterable}):"
                inner.variables.append(other)
            inner.variables.append(name)
        else:
            name = self.fresh("in")
            values = self.choice(("[1, 5, -3]", "(0, 2)", "[(1, 0.5), (2, 2.5)]", "zip((3, 4), [0.5, -1.5])"))
            header, step = f"for {name} in {values}:", []
            if "0.5" in values or "zip" in values:
                other = self.fresh("xs")
                header = f"for {name}, {other} in {values}:"
                inner.variables.append(other)
            inner.variables.append(name)
        lines = [*before, indent + header, *step]
        lines += self.block(inner, deeper, depth=depth - 1, loop=True, result=result)
        if self.chance(20):
            lines += [f"{indent}else:", *self.block(scope.inner(), deeper, depth=depth - 1, loop=False, result=result)]
        return lines

    def function(self, scope: Scope, indent: str, depth: int, loop: bool, result: str) -> list[str]:
        deeper = indent + "    "
        name = self.fresh("f")
        types = [self.choice(("int", "float")) for _ in range(self.random.randint(0, 2))]
        parameters = [self.fresh(LETTERS[each]) for each in types]
        result = self.choice(("int", "float", "bool"))
        outer = [each for each in scope.variables if each not in parameters and not each.startswith(("in", "xs"))]
        changed = sorted({self.choice(outer) for _ in range(self.random.randint(0, 2))}) if outer else []
        # What it reads of others is not assigned here, so it is the enclosing function's.
        readable = [each for each in scope.variables if each not in changed and each.startswith(("in", "xs"))]
        inner = Scope([*changed, *parameters, *readable], list(scope.functions))
        if not changed and not parameters:
            inner.variables = [*readable]
        lines = [f"{indent}def {name}({', '.join(parameters)}):"]
        lines += [f"{deeper}nonlocal {', '.join(changed)}"] if changed else []
        local = self.new_variable("int", inner), self.new_variable("float", inner), self.new_variable("bool", inner)
        lines += [f"{deeper}{local[0]} = {self.constant('int')}", f"{deeper}{local[1]} = {self.constant('float')}"]
        lines += [f"{deeper}{local[2]} = {self.choice(('True', 'False'))}"]
        lines += self.block(inner, deeper, depth=depth - 1, loop=False, result=result)
        lines += [f"{deeper}return {self.expression(result, inner, 1)}"]
        scope.functions.append((name, types, result))
        return lines

    def program(self) -> tuple[str, list[str]]:
        """The source of a function `program`, and the types of its parameters."""
        types = [self.choice(("int", "float", "int", "float", "bool")) for _ in range(self.random.randint(1, 3))]
        parameters = [self.fresh(LETTERS[each]) for each in types]
        scope = Scope(list(parameters), [])
        lines = [f"def program({', '.join(parameters)}):", *POWER]
        for type_ in ("int", "int", "float", "float", "bool", "pair"):
            if self.chance(95):
                value = self.expression(type_, scope, 1)
                lines.append(f"    {self.new_variable(type_, scope)} = {value}")
            else:
                self.new_variable(type_, scope)
        result = " ".join(self.choice(("int", "float", "bool")) for _ in range(self.random.randint(1, 2)))
        unset = [each for each in scope.variables if not any(line.startswith(f"    {each} =") for line in lines[1:])]
        unset = [each for each in unset if each not in parameters]
        lines += self.block(scope, "    ", depth=self.depth, loop=False, result=result)
        lines.append(f"    return {self.result(result, scope)}")
        # Names that nothing else may have assigned are the function's own all the same.
        of_letter = {letter: type_ for type_, letter in LETTERS.items()}
        lines += [f"    {each} = {self.atom(of_letter[each[0]], Scope([], []))}" for each in unset]
        return "\n".join(lines) + "\n", types
