"""Functions inside: late binding, nonlocal, recursion, decorators, defaults, lambdas, comprehensions."""

# Written oddly, and wrongly, on purpose.
# mypy: ignore-errors
# ruff: noqa: E731, F841, RUF021

import functools

from tests.virtualize.corpus.record import Manager, case, note


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


def make_shared():
    shared = "start"
    kept = []

    def everything(n):
        nonlocal shared
        kept.clear()
        if n == 0:

            def shared():
                return "a function"

            kept.append(shared())
        elif n == 1:
            from math import pi as shared
        elif n == 2:
            for shared in range(3):
                kept.append(shared)
        elif n == 3:
            with Manager("m") as (shared):
                kept.append(shared.name)
            while shared:
                shared = None
        elif n == 4:

            class shared:
                pass

        else:

            def inner():
                nonlocal shared
                for i in range(n):
                    if i:
                        shared = i
                        shared += 1
                return shared

            shared = note(inner())
            (shared, kept[:]), other = (n, [shared]), 1
        return repr(shared).partition(" at ")[0], kept

    return everything


case((0,), (1,), (2,), (3,), (4,), (6,))(make_shared())


@case((3,))
def globals_below_cells(n):
    note = n
    note += 1

    def inner():
        global note
        if n:
            note("the global one")
        return [note(i) for i in range(2) if n and note]

    return inner(), note


@case((2,))
def names_of_operators_kinds(n):
    then = body = cond = item = value = 0
    for then in range(n):
        if then:
            body += then
            cond = item = body

    def stop():
        return then

    if n:

        def result():
            return body

    else:
        result = stop
    return then, body, cond, item, value, stop(), result(), result.__name__


@case((3,))
def deep_closures_over_loop_variables(n):
    made = []
    for i in range(n):
        for j in range(i):
            k = i * 10 + j

            def f(x=j):
                def g():
                    return i, j, k, x

                return g

            made.append(f())
            if k > 20:
                made.append(lambda: (k, [k for k in range(2)], n))
    return [each() for each in made]
