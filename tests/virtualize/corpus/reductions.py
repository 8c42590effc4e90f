"""`sum`, `any`, `all`, `min`, `max` of generator expressions: what is evaluated, when, and where it stops."""

# Written oddly, and wrongly, on purpose.
# mypy: ignore-errors
# ruff: noqa: E731, F821

from tests.virtualize.corpus.record import Loud, case, note


@case(([],), ([0],), ([3, 0, 2],), ([0, 0],), ([1, 2, 3],))
def stops_early(xs):
    a = any(note(x) for x in xs)
    b = all(note(x) > 1 for x in note(xs) if note(x) != 9)
    c = any(note(x * y) for x in xs if x for y in xs if note(y) > 1)
    return a, b, c, any(Loud(x) for x in xs)


@case(([1, 2],), ([0.1] * 10,), ([],), ([True, 2.5],), ([[1]],))
def sums(xs):
    start = 10
    a = sum(note(x) for x in xs)
    b = sum((x for x in xs), start)
    c = sum(x * y for x in xs for y in range(3) if y != x)
    return a, b, c, sum((i for i in range(3)), 0.5), sum([x for x in xs]), sum(x for x in ())


@case(([3, 1, 2],), ([1, 1.0, True],), ([],), (["b", "a"],), ([1, "a"],))
def extremes(xs):
    a = max(x for x in xs)
    b = min(note(x) for x in xs)
    return a, b, min((x for x in xs), default=None), max((x for x in xs), key=lambda x: -x)


@case(([(1, (2, 3)), (4, (5, 6))],), ([(1, 2)],), ([(1, (2, 3, 4))],), ([5],))
def unpacks(pairs):
    a = 100
    total = sum(a * b + c + i for i, (a, (b, c)) in enumerate(pairs) if b)
    [x, *y] = (sum(p for p, *_ in pairs), a)
    return total, x, y, sum(k[0] for (k[0], k[1]) in [] for k in [{}])


@case((3,), (0,))
def names(n):
    x = n
    a = sum(x for x in range(x))
    f = lambda k: any(k == x for y in range(n) if x == n)
    b = [sum(i * j for j in range(i)) for i in range(n)]
    fs = []
    any(fs.append(lambda: i) for i in range(n))
    if any((found := i) > 1 for i in range(n + 1)):
        note(found)

    class Inside:
        size = 3
        total = sum(k for k in range(size))

        def method(self):
            return max(self.size * k for k in range(n + 1))

    while any(k > x for k in range(n)):
        x += 1
        if min(k + x for k in range(3)) > 2:
            break
    return a, f(n), b, [f() for f in fs], Inside.total, Inside().method(), x


@case((2,))
def not_the_builtins(n):
    any = lambda xs: list(xs)

    def inner(sum):
        return sum(k for k in range(n))

    return any(k for k in range(n)), inner(tuple), (k for k in range(n)).__next__()
