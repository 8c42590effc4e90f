"""An interpreter becomes a compiler: the first Futamura projection.

`run` interprets a small language of while loops over integer registers. It is plain Python, and works as such. Staged
with a program that is known, nothing of the interpreter is left: each loop of the program is a native loop.
"""

from pylms import lms, stage

# Expressions: a number, a register's name, or (operator, left, right).
# Statements: ("set", register, expression), ("while", expression, [statement...]), ("if", expression, [...], [...]).
COLLATZ = [
    ("set", "longest", 0),
    ("set", "start", 1),
    (
        "while",
        ("<", "start", "n"),
        [
            ("set", "value", "start"),
            ("set", "length", 1),
            (
                "while",
                ("!=", "value", 1),
                [
                    (
                        "if",
                        ("%", "value", 2),
                        [("set", "value", ("+", ("*", "value", 3), 1))],
                        [("set", "value", ("//", "value", 2))],
                    ),
                    ("set", "length", ("+", "length", 1)),
                ],
            ),
            ("if", ("<", "longest", "length"), [("set", "longest", "length")], []),
            ("set", "start", ("+", "start", 1)),
        ],
    ),
]
REGISTERS = ("n", "longest", "start", "value", "length")


@lms
def evaluate(expression, registers):
    """The value of an expression."""
    if isinstance(expression, int):
        return expression
    if isinstance(expression, str):
        return registers[REGISTERS.index(expression)]
    operator, left, right = expression
    a = evaluate(left, registers)
    b = evaluate(right, registers)
    if operator == "+":
        return a + b
    if operator == "*":
        return a * b
    if operator == "//":
        return a // b
    if operator == "%":
        return a % b
    if operator == "<":
        return a < b
    return a != b


@lms
def run(program, registers):
    """Run statements on a tuple of registers; the registers afterwards."""
    for statement in program:
        kind = statement[0]
        if kind == "set":
            index = REGISTERS.index(statement[1])
            value = evaluate(statement[2], registers)
            registers = (*registers[:index], value, *registers[index + 1 :])
        elif kind == "if":
            if evaluate(statement[1], registers):
                registers = run(statement[2], registers)
            else:
                registers = run(statement[3], registers)
        else:
            while evaluate(statement[1], registers):
                registers = run(statement[2], registers)
    return registers


def compiled(program, **options):
    """The program as a native function of its first register; the result is the second one."""

    @stage(**options)
    def program_of(n):
        return run(program, (n, 0, 0, 0, 0))[1]

    return program_of


def main():
    longest = compiled(COLLATZ)
    print(f"interpreted: {run(COLLATZ, (1000, 0, 0, 0, 0))[1]}, compiled: {longest(1000)}\n")
    print(longest.Ccode)


if __name__ == "__main__":
    main()
