"""Assignments of every kind, unset names, unpacking, `with` and imports, definitions on the sides of a branch."""

# Written oddly, and wrongly, on purpose.
# mypy: ignore-errors
# ruff: noqa: F722, F821, F841, I001

import contextlib

from tests.virtualize.corpus.record import Manager, case, note


@case((1,), (0,))
def assigned_in_one_branch(n):
    if n:
        x = 1
    return x


@case((1,), (0,))
def assigned_in_both_branches(n):
    if n:
        x, y = 1, "then"
    else:
        x = 2
        y = "else"
    return x, y


@case((1,), (0,))
def read_before_assignment_in_branch(n):
    if n:
        note(x)
    x = 1
    return x


@case(())
def read_before_assignment():
    note("start")
    note(x)
    x = 1


@case(())
def augmented_unset():
    x += 1


@case((1, 2, 3))
def reassigned_parameters(a, b=5, *args, c=7, **kwargs):
    b = b + 1
    args = [*args, 1]
    c += a
    kwargs = {**kwargs, "new": 1}
    if a:
        a = None
    return a, b, args, c, kwargs


@case(([1, 2],))
def augmented_list_is_in_place(xs):
    alias = xs
    xs += [3]
    xs *= 2
    alias += (4,)
    return xs, alias, alias is xs


@case((7,))
def every_augmented_operator(n):
    n += 3
    n -= 1
    n *= 5
    n //= 2
    n %= 17
    n **= 2
    n &= 0xFF
    n |= 0x100
    n ^= 0x0F
    n <<= 2
    n >>= 1
    n /= 3
    return n


class Matrix(list):
    def __imatmul__(self, other):
        self.append(other)
        return self


@case(())
def matrix_augmented():
    m = Matrix()
    same = m
    m @= 5
    return m, same is m


@case(([1, 2, 3],))
def augmented_subscript_and_attribute(xs):
    i = 0
    i += 1
    xs[i] += 10
    xs[note(0)] += note(5)
    box = Manager(1)
    box.name += 1
    box = Manager(box.name)
    box.name -= 5
    return xs, box.name


@case((3,))
def chained_assignment(n):
    a = b = c = [n]
    a = a + [1]
    b += [2]
    d = e = 0
    if n:
        d = 1
    return a, b, c, d, e


@case((5,), (0,))
def fibonacci(n):
    a, b = 0, 1
    while n > 0:
        a, b = b, a + b
        n -= 1
    return a


@case(([0, 0, 0],))
def targets_assigned_left_to_right(xs):
    i = 0
    i, xs[i] = 1, "at one"
    i, (xs[i], i) = 2, ("at two", 0)
    xs[i], i = note("zero"), 9
    return xs, i


@case(([1, 2],), ([1],), (7,))
def unpacking_errors(xs):
    x = y = 0
    note("before")
    x, y = xs
    return x, y


@case(((1, (2, 3)),), ((1, 2),))
def nested_unpacking_error_after_first_target(xs):
    x = 0
    holder = []
    with Manager("m", TypeError):
        x, (y, *z) = xs
        holder.append((y, z))
    return x, holder


@case((1,), (0,))
def annotated_variables(n):
    x: int
    y: "no such name" = 2
    z: list[int] = [1]
    if n:
        x = 3
    y: int = y + 1
    xs = {}
    xs["k"]: int = note(5)
    return x, y, z, xs


@case((1,))
def bare_annotation_makes_local(n):
    if n:
        note: int
    return note(3)


@case((2,))
def deletes_plain_things(n):
    x = [1, 2, 3]
    del x[0]
    y = n
    del y
    for i in range(n):
        z = i
        note(z)
        del z
    return x


@case((2,))
def reads_deleted(n):
    y = n
    del y
    return y


@case((3,))
def with_targets(n):
    with Manager("a") as a, Manager(a.name + "b") as b:
        a = b
        with Manager("c") as (a or None).y:
            note(a.name)
    with contextlib.nullcontext((1, (2, 3))) as (p, (q, r)):
        p += q
    with contextlib.nullcontext(5) as p:
        pass
    return p, q, r, a.name


@case((1,), (0,))
def with_swallows_and_name_stays(n):
    last = "none"
    for i in range(3):
        with Manager(i, ZeroDivisionError):
            last = i // (n - i)
        note(last)
    return last


@case(("4 x 5",))
def last_good_value(text):
    for word in text.split():
        with contextlib.suppress(ValueError):
            value = int(word)
        note(value)
    return value


@case((1,), (0,))
def imports_in_branches(n):
    if n:
        import os.path
        from math import floor as rounded, pi
    else:
        import math as os
        from math import ceil as rounded

        pi = 3
    return rounded(pi), os.path.join("a", "b") if n else os.floor(2.5)


@case((1,), (0,))
def functions_in_branches(n):
    if n:

        def f(x=note("default")):
            "Doc of f."
            return x, "then"

    else:

        def f(x=1):
            return x, "else"

    return f(), f.__name__, f.__doc__, f.__qualname__.rpartition(".")[0]


@case((1,), (0,))
def classes_in_branches(n):
    if n:

        class C:
            def who(self):
                return C.__name__, type(self).__qualname__

            def __private(self):
                return "private"

            def public(self):
                return self.__private()

    else:

        class C:
            __x = 3

            def who(self):
                return self.__x, "else"

            public = who

    c = C()
    return c.who(), c.public(), C.__name__, sorted(k for k in vars(C) if "rivate" in k)
