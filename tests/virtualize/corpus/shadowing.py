"""Builtins whose names the user gives another meaning."""

# Written oddly, and wrongly, on purpose.
# mypy: ignore-errors
# ruff: noqa: E731

from tests.virtualize.corpus.record import case, note


@case(([1, 2],))
def shadowed_builtins(xs):
    len = lambda x: "my len"
    note(len(xs))

    def inner(range, print=note):
        print(range(3))
        return max(xs)

    class S:
        sum = 5
        total = sum + 1

        def m(self):
            return sum(xs)

    return inner(lambda n: "my range"), S.total, S().m(), [abs(1) for abs in [note]], str(min)


@case((5,))
def uses_shadowed_globals(n):
    return round(n), all([0])


def round(x):
    return ("my round", x)


if True:
    all = repr
