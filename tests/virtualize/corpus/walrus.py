"""Assignment expressions and `del`: in conditions, operands, comprehensions, lambdas, and across blocks."""

# Written oddly, and wrongly, on purpose.
# mypy: ignore-errors
# ruff: noqa: E731, F821, RUF018

from tests.virtualize.corpus.record import case, note


@case((0,), (3,), (12,))
def in_a_condition(n):
    if (m := n * 2) > 10:
        note(m)
    elif (k := m + 1) > 5:
        note(k)
        m = 0
    return m


@case(([],), ([3, 0, 2],))
def in_a_loop_condition(xs):
    found = []
    while (x := xs.pop() if xs else None) is not None:
        if not x:
            continue
        found.append(x)
    return found, x


@case((0, 0), (0, 2), (3, 0), (3, 4))
def in_operands(a, b):
    if (x := a) and (y := b) and (z := x + y) > 3:
        note(z)
    else:
        z = None
    w = (x := x + 1) if a else (y := 9)
    v = 0 <= (x := x + 2) < (u := 5) < 9
    return x, w, z, v, y, u


@case((0, 1), (1, 0))
def unset_after_a_thunk(a, b):
    a and (x := b)
    return x


@case(([],), ([1, 5, 2],))
def in_comprehensions(xs):
    ys = [last := x * 2 for x in xs if (half := x // 2) or x > 1]
    found = any((hit := x) > 4 for x in xs)
    zs = {k: (seen := k) for k in xs if k > 1 and (seen := k + 1)}
    return ys, zs, found, last, half, hit, seen


@case((4,), (0,))
def in_lambdas(n):
    f = lambda a: (b := a + 1) * b
    return f(n), f(n) and (c := f(n)), c


@case((3,))
def of_a_nonlocal_name(n):
    total = 0

    def add(k):
        nonlocal total
        if k and (total := total + k) > 2:
            return total
        return -total

    return add(1), add(n), total


@case((2,), (5,))
def in_calls_and_subscripts(n):
    xs = [n, (n := n + 1), n]
    xs[(i := 1)] += (j := 4)
    note(f"{(k := n)} {k + i}", j) if False else note((k := n, k + i, j))
    while not (n := n - 1) < 0 or note("end") == 1:
        assert (m := n) >= 0, m
        if m == 1:
            break
    else:
        return "else", m, n
    return xs, m, n


@case((0,), (3,))
def used_in_one_operand_only(n):
    while n and (m := n - 1) + m > 0:
        n = n // 2
    return n


@case((0,), (1,))
def del_across_blocks(n):
    x = 1
    y = 2
    y += 1
    if n:
        del x
        x = 5
    del y
    y = x
    for i in range(2):
        z = i
        del z
    return x, y, i


@case((0,), (1,))
def unset_by_del(n):
    x = y = [1, 2]
    if n:
        del x
    del y[0], y
    return x


@case((0,), (1,))
def twice_deleted(n):
    (x, z), y = (n, 1), 2
    if n:
        del (x, [y])
    del y
    return z


@case((1,))
def deleted_under_a_closure(n):
    x = n
    f = lambda: x
    x += 1
    note(f())
    del x
    return f()


@case((3,))
def chained_and_starred(n):
    a = b = c = [n]
    (d, *e), f = g = [n, 1, 2], "x"
    h, (i, *j), *k = n, [4, 5, 6], 7, 8
    *m, o = e
    for p, *q in [(1, 2, 3), "ab"]:
        note((p, q))
        a, *b = q
        d = m
    [r, [s]] = n, (t := [n])
    a += c is not b
    return a, b, c, d, e, f, g, h, i, j, k, m, o, p, q, r, s, t
