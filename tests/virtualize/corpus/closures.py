"""Functions inside: late binding, nonlocal, recursion, decorators, defaults, lambdas, comprehensions."""

# Written oddly, and wrongly, on purpose.
# mypy: ignore-errors
# ruff: noqa: E731, RUF021

import functools

from tests.virtualize.corpus.record import case, note


@case((3,))
def closures_see_the_loop_variable(n):
    fs = []
    for i in range(n):
        fs.append(lambda: i)
    gs = [lambda: i for i in range(n)]
    return [f() for f in fs], [g() for g in gs]


@case((3,))
def closures_share_a_body_variable(n):
    fs = []
    i = 0
    while i < n:
        j = i * 10
        fs.append(lambda k=i: (j, k))
        i += 1
    return [f() for f in fs]


@case((3,))
def counter_with_nonlocal(n):
    count = 0

    def increment(by=1):
        nonlocal count
        count += by
        if count > 100:
            count = 0
        return count

    for _ in range(n):
        increment()
    increment(by=60)
    increment(60)
    count += 5
    return count, increment()


@case((3,))
def nonlocal_deep(n):
    x = "unset"

    def outer():
        def inner():
            nonlocal x
            for x in range(n):
                pass

        inner()
        return x

    return outer(), x


@case((1,), (0,))
def closure_reads_unset(n):
    def f():
        return x

    if n:
        x = 1
    return f()


@case((4,))
def late_binding(n):
    def even(k):
        return True if k == 0 else odd(k - 1)

    def odd(k):
        if k == 0:
            return False
        return even(k - 1)

    return even(n), odd(n)


@case((5,))
def recursive_inner(n):
    def factorial(k):
        return 1 if k <= 1 else k * factorial(k - 1)

    factorial = functools.lru_cache(None)(factorial)
    note(factorial.__wrapped__.__name__)
    return factorial(n)


@case((3,))
def decorated_inner(n):
    def twice(f):
        note("decorating")

        @functools.wraps(f)
        def wrapper(*args, **kwargs):
            return f(*args, **kwargs), f(*args, **kwargs)

        return wrapper

    for i in range(n):

        @twice
        def g(x, /, y=i, *, z: int = 0) -> int:
            "Doc."
            y += 1
            return x, y, z

        note((g(1), g(2, z=5), g.__doc__, g.__name__))
    return g(7)


@case((2,))
def defaults_evaluated_at_definition(n):
    x = [n]

    def f(a=x, *, b=note("kw default")):
        return a, b

    x = None
    return f(), f(1)


@case((3,))
def lambdas(n):
    n = n + 1
    add = lambda x, y=n, *a, k=2, **kw: x + y + k if x else n
    pick = lambda: n and add(1) or 0
    n = 10
    return add(1), add(0), add(1, 2, k=3), pick(), (lambda q: q + n)(1)


@case((3,))
def comprehensions(n):
    n += 1
    k = 2
    k += 1
    squares = [i * k for i in range(n) if i and i < n - 1]
    table = {i: [j for j in range(i) if not j % 2] for i in range(n)}
    some = {x if x > 1 else -x for x in squares}
    late = (i + k for i in range(n) if 0 <= i < k)
    k = 100
    return squares, table, sorted(some), list(late), [n for n in range(2)], n


@case((3,))
def generator_expression_is_lazy(n):
    total = 0
    g = (note(x + total) for x in range(n))
    total = 10
    first = next(g)
    total += 5
    return first, list(g), sum(x for x in range(n)), any(note(x) for x in range(n))
