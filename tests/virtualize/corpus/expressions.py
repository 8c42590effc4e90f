"""Expressions: short-circuit, chains, ternaries, formatting, printing, builtins, calls."""

# Written oddly, and wrongly, on purpose.
# mypy: ignore-errors
# ruff: noqa: F524, F541, RUF021, RUF034

import io
import math

from tests.virtualize.corpus.record import Loud, Manager, case, note

counter = 0


@case((0, 0), (0, 1), (1, 0), (2, 3))
def bool_operators(a, b):
    note(a and b)
    note(a or b)
    note(not a)
    note(a and b or not a and not b)
    return note(a) and note(b) and note("c"), note(a) or note(b) or note("c"), not (a and b)


@case((1, 2, 3), (2, 1, 3), (1, 3, 2), (1, 1, 1))
def chains(a, b, c):
    note(a < b < c)
    note(a <= b <= c <= 4 != 5)
    note(note(a) < note(b) < note(c))
    note(note(a) < note(b) < note(c) < note(4))
    note(0 < note(b) <= c)
    note(a < b > c is not None)
    note(a in [b] in [[c]])
    x = a
    x += 1
    return 0 < x < 3, a < x < b < c


@case((1, 2, 3), (3, 2, 1))
def loud_chains(a, b, c):
    first = Loud(a) < Loud(b) < Loud(c)
    note("between")
    return first, Loud(a) < Loud(b) > Loud(c) < 9


@case((0,), (1,))
def ternaries(n):
    x = note("then") if note(n) else note("else")
    y = 1 if n else 2 if not n else 3
    return (x if n else y), [i if i else "zero" for i in range(2)], (lambda k: k if k else n)(n)


@case((Loud(0),), (Loud(1),))
def truth_tests_happen_once(x):
    if x:
        note("if")
    y = x and "and"
    z = x or "or"
    w = not x
    while x:
        note("while")
        break
    return y, z, w, 1 if x else 2


@case((3.14159, 7, "text"))
def formats(x, width, s):
    print(f"{x}")
    print(f"{x:.2f}|{x:>{width}.{width - 5}f}|{s!r:>10}|{s!s}|{s!a}")
    print(f"{{literal}} {x=} {s=!s} {x=:.1f}", f"no fields {{}}", "{}".format(s))
    print("{0} {1:>{2}} {name!r}".format(x, s, width, name=s))
    print("{} {}".format(*[1, 2]))
    print(f"{s:{'>'}{10}}|{s:{'{}'.format('<')}{f'{width + 1}'}}|{s}plain {{}}")
    print("%s %d" % (s, width), f"{'nested ' + f'{s}'}")
    a = "{}{}".format("a", 1) + f"{s}"
    b = f"{lambda_result(lambda: x):>8.3f}"
    return a, b, f"", f"{s:}", f"{width:0>5d}", f"{width:{'0'}>{width}}"


def lambda_result(f):
    return f()


@case((1,))
def format_errors(n):
    with Manager("m", ValueError):
        print(f"{n:zz}")
    print("{} {}".format(n))


@case((3,))
def prints(n):
    out = io.StringIO()
    print()
    print("plain")
    print("{}")
    print("a", n, sep="-", end="!\n")
    print("to file", file=out)
    print("{} formatted".format(n), file=out)
    print(f"{n} formatted", end="\n\n")
    print(*range(n), sep="")
    print(*["{}".format(1)])
    for p in [print]:
        p("indirect")
    return out.getvalue()


@case((-2.5, [3, 1, 2]))
def builtins_and_math(x, xs):
    ys = [abs(x), float("1.5"), int("7"), round(x), round(x, 1), bool(xs), len(xs), sum(xs), pow(2, 5), pow(2, 5, 7)]
    ys += [min(xs), max(xs, key=lambda v: -v), max(1, 2), divmod(7, 2), list(zip(xs, "abc")), list(reversed(xs))]
    ys += [any(xs), all(xs), math.floor(x), math.sqrt(4), math.hypot(*[3, 4]), list(enumerate(xs, start=1))]
    return ys, math.pi, list(map(len, [xs]))


@case((3,))
def global_names(n):
    global counter
    return counter, n


@case((0,), (3,))
def keyword_calls(n):
    def f(a, /, b, *args, c, d=4, **rest):
        return a, b, args, c, d, rest

    return f(n, 2, *[3, 4], c=5, **{"e": 6}), f(1, b=2, c=3)


@case((2,))
def docstring_and_cells(n):
    """A docstring.

    def looks_like_code(): pass
    """
    n = n + 1
    return n, note.__doc__


@case((5,), (0,))
def recursion(n):
    if n == 0:
        return 0
    return 1 + recursion(n - 1)


@case((1,), (0,))
def pass_and_expressions(n):
    if n:
        pass
    else:
        ...
    while n > 1:
        pass
    for _ in range(n):
        ...
    "a string"
    n if n else n
    return [n, *range(n)], {**{"a": n}, "b": (n, n)}, n[0:1] if not n + 1 else -n, {n}
