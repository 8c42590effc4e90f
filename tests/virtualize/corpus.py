"""Ordinary functions, each with the arguments it is tried on: every construct, in every nesting that could matter.

`note` records side effects, so that their order is compared too. Nothing here is decorated with the library's names.
"""

import contextlib
import functools
import io
import math

CASES = []
events = []
counter = 0


def note(value):
    events.append(repr(value))
    return value


def case(*argument_lists):
    def register(function):
        CASES.extend((function, arguments) for arguments in argument_lists)
        return function

    return register


class Manager:
    def __init__(self, name, swallows=()):
        self.name = name
        self.swallows = swallows

    def __enter__(self):
        note(("enter", self.name))
        return self

    def __exit__(self, kind, error, traceback):
        # An unset name may be told by NameError or by its subclass UnboundLocalError: see test_same_behaviour.
        kind_seen = NameError if kind is UnboundLocalError else kind
        note(("exit", self.name, kind_seen and kind_seen.__name__))
        return kind is not None and issubclass(kind, self.swallows)


class Loud:
    """Comparisons and truth tests are side effects."""

    def __init__(self, value):
        self.value = value

    def __repr__(self):
        return f"Loud({self.value})"

    def __lt__(self, other):
        note((self, "<", other))
        return Loud(self.value < getattr(other, "value", other))

    def __gt__(self, other):
        note((self, ">", other))
        return Loud(self.value > getattr(other, "value", other))

    def __bool__(self):
        note(("bool", self))
        return bool(self.value)


# Returns


@case((0,), (1,), (5,))
def one_sided_return(n):
    if n > 3:
        return "big"
    note(n)
    return "small"


@case((0,), (1,), (2,), (3,))
def returns_in_both_sides(n):
    if n == 0:
        return "zero"
    elif n == 1:
        note("one")
        return "one"
    elif n == 2:
        note("two")
    else:
        return "many"
    note("after")
    return "two"


@case((0, 0), (0, 1), (1, 0), (1, 1))
def mixed_sides(a, b):
    if a:
        if b:
            return "both"
        note("a only")
    else:
        if b:
            return "b only"
        note("none")
    note("rest")
    if a:
        return "a"
    note("end")


@case((0, 0), (0, 1), (1, 0), (1, 1))
def mixed_then_more(a, b):
    x = 0
    if a:
        if b:
            return x
        x = 1
    x += 10
    if b:
        if a:
            return x
        else:
            x += 100
    return x


@case((0,), (1,))
def bare_returns(n):
    if n:
        note("leaving")
        return
    note("staying")


@case((0,), (1,))
def no_final_return(n):
    if n:
        return n


@case(([],), ([1, 2, 3],), ([4, 0, 1],), ([1, -1],))
def return_from_loop(xs):
    for x in xs:
        note(x)
        if x == 0:
            return "zero"
        if x < 0:
            return "negative"
    return "none"


@case(([],), ([[]],), ([[1, 2], [3, 0, 4], [5]],), ([[1], [-1], [0]],), ([[9, 1], [1]],))
def return_from_nested_loops(rows):
    total = 0
    for row in rows:
        for x in row:
            note(x)
            if x == 0:
                return ("zero", total)
            if x < 0:
                break
            if x == 9:
                continue
            total += x
        else:
            note("row done")
            continue
        note("row broken")
    else:
        note("all done")
    return total


@case((0,), (3,), (7,))
def return_from_while_true(n):
    while True:
        note(n)
        if n >= 5:
            return n
        n += 1


@case((0,), (3,), (7,))
def return_from_nested_while(n):
    i = 0
    while i < 3:
        j = 0
        while True:
            if j == n:
                break
            if i * j > 3:
                return (i, j)
            j += 1
        i += 1
    else:
        return "else"
    return "never"


@case(([],), ([1],), ([2],), ([1, 2],))
def return_in_loop_else(xs):
    for x in xs:
        if x == 2:
            break
    else:
        return "no two"
    return "two"


@case(([],), ([1],), ([2],), ([1, 2],))
def return_in_loop_else_inside_loop(xs):
    for y in range(2):
        for x in xs:
            if x == 2:
                break
        else:
            note(y)
            return "no two"
        note(("broken", y))
    return "two"


@case((0,), (1,), (2,))
def return_in_with(n):
    with Manager("m") as m:
        note(m.name)
        if n == 0:
            return "in with"
        note("still in")
        if n == 1:
            return note("second")
    note("after with")
    return "after"


@case((0,), (1,))
def return_always_in_with(n):
    with Manager("outer"), Manager("inner"):
        if n:
            return 1
        else:
            return 2


@case((0,), (1,), (2,))
def return_in_swallowing_with(n):
    with Manager("m", ZeroDivisionError):
        if n == 0:
            return 1 // n
        if n == 1:
            note("one")
        else:
            return 10 // n
    return "after"


@case((0,), (1,), (2,))
def swallowed_on_the_way_to_return(n):
    if n < 2:
        with Manager("m", ZeroDivisionError):
            return 1 // n
    note("reached")
    return "rest"


@case(([0, 1, 2],), ([1, 2, 0],), ([],))
def return_in_with_in_loop(xs):
    for x in xs:
        with Manager(x):
            if x == 0:
                return "zero"
            if x == 1:
                continue
            note("two")
        note("after with")
    return "end"


@case(([0, 1, 2, 3],), ([3, 1],), ([1, 2],))
def break_in_with_in_loop(xs):
    for x in xs:
        with Manager(x) as m, Manager("second"):
            if x == 3:
                break
            if x == 2:
                continue
            note(m.name)
            if x:
                continue
        note("tail")
    else:
        note("else")
    return note(x)


@case((1,), (0,))
def raise_ends_a_side(n):
    if n:
        raise ValueError("n")
    else:
        note("fine")
    return n


@case((0,), (1,), (2,))
def raise_or_return(n):
    if n == 0:
        raise KeyError(n)
    if n == 1:
        note("one")
    elif n == 2:
        return 2
    assert n == 1, "message"
    raise ValueError(n)


@case((1,), (0,))
def dead_code_keeps_names_local(n):
    if n:
        return x  # noqa: F821
    return n
    x = 1


@case((1,), (0,))
def dead_code_in_loop(n):
    while n < 3:
        n += 1
        continue
        later = 2
    return later


@case((0,), (1,))
def return_tuple_and_none(n):
    if n:
        return n, n + 1
    return None


@case((0,), (5,))
def nested_ifs_return_deep(n):
    if n >= 0:
        if n >= 1:
            if n >= 2:
                if n >= 3:
                    return "three"
                note(2)
            note(1)
        note(0)
    note("out")
    return "out"


# Loops


@case((0,), (1,), (10,))
def while_with_everything(n):
    i = 0
    seen = []
    while i < n:
        i += 1
        if i == 2:
            continue
        if i == 7:
            break
        seen.append(i)
    else:
        seen.append("else")
    return seen, i


@case((0,), (4,), (10,))
def for_with_everything(n):
    seen = []
    for i in range(n):
        if i == 2:
            continue
        if i % 2:
            if i == 7:
                note("breaking")
                break
            elif i == 5:
                continue
            note(("odd", i))
        seen.append(i)
    else:
        seen.append("else")
    return seen


@case((0,), (3,))
def else_without_break(n):
    for i in range(n):
        note(i)
    else:
        note("for else")
    while n:
        n -= 1
    else:
        note("while else")
    return n


@case((6,), (0,))
def break_in_inner_else_breaks_outer(n):
    for i in range(n):
        for j in range(i):
            if j == 3:
                break
        else:
            if i == 2:
                continue
            if i == 5:
                break
            note(("else", i))
        note(i)
    else:
        note("outer else")
    return n


@case((3,), (0,))
def loop_target_after_loop(n):
    for i in range(n):
        pass
    return i


@case((3,), (0,))
def loop_target_before_and_after(n):
    i = "before"
    for i in range(n):
        note(i)
    return i


@case((4,))
def loop_target_reassigned(n):
    for i in range(n):
        i = i * 2
        note(i)
        if i == 4:
            i += 1
    return i


@case(([(1, (2, 3)), (4, (5, 6))],), ([],), ([(1, 2)],), ([(1, (2, 3, 4))],))
def nested_tuple_targets(xs):
    total = 0
    for a, (b, c) in xs:
        total += a * b + c
    return total


@case(([(1, 2, 3), (4,), (5, 6)],), ([()],))
def starred_targets(xs):
    for first, *others in xs:
        note((first, others))
    [x, *y, z] = range(5)
    *start, last = "abc"
    return x, y, z, start, last


@case(([[0, 0], [1, 1]],))
def attribute_and_subscript_targets(xs):
    box = {}
    log = Manager("log")
    for box["k"], log.value in xs:
        note((box, log.value))
    for box[note("index")] in [1, 2]:
        note(dict(box))
    return box


@case(([(1, 2), (3, 4)],), ([],), ([(1, 2, 3)],), ([(1,)],))
def loader_loop(loader):
    total = 0
    for index, (data, target) in enumerate(loader):
        if index == 5:
            break
        if data == 3:
            continue
        total += index + data * target
    return total


@case(([(1, 2), (3, 4)],), ([],))
def loader_loop_targets_read_later(loader):
    for index, (data, target) in enumerate(loader):
        data += 1
        note((index, data))
        if target == 9:
            return "nine"
    return index, data, target


@case(([(1, 2), (3, 4), (5, 6)],))
def loader_loop_with_return(loader):
    for index, (data,) in enumerate([(1,), (2,)]):
        note(data)
    for index, (index, data) in enumerate(loader):
        if data == 4:
            return index
    return None


@case(([(1, 2), (3, 4)],))
def loader_loop_lookalikes(loader):
    for i, (a, b) in enumerate(loader, 1):
        note((i, a, b))
    for i, [a, b] in enumerate(loader):
        note((i, a, b))
    for i, (a, *b) in enumerate(loader):
        note((i, a, b))
    for i, (a, (b)) in enumerate(*[loader]):
        note((i, a, b))
    for i, (a, b) in enumerate(iterable=loader):
        note((i, a, b))


@case(([(1, 2), (3, 4)],))
def loader_loop_shadowed(loader):
    def enumerate(xs):
        return [("mine", x) for x in xs]

    for i, (a, b) in enumerate(loader):
        note((i, a, b))


@case((3,))
def iterates_over_its_own_name(n):
    x = list(range(n))
    for x in x:
        note(x)
    return x


@case((3,))
def changes_list_while_iterating(n):
    xs = [1, 2]
    for x in xs:
        if x < n:
            xs.append(x + 2)
        note(xs)
    return xs


@case((5,))
def reading_a_value_of_the_previous_iteration(n):
    for i in range(n):
        if i > 0:
            note(previous)  # noqa: F821
        previous = i
    return previous


@case((2,), (0,))
def unset_in_first_iteration(n):
    for i in range(n):
        note(carried)  # noqa: F821
        carried = i


@case((4,))
def names_local_to_the_body(n):
    total = 0
    for i in range(n):
        square = i * i
        if square > 2:
            square = square + 1
        half = square / 2
        total += half
    return total


@case((4,))
def while_condition_with_side_effects(n):
    while note(n) and note("second"):
        n -= 1
        if n == 1:
            break
    return n


@case((10,))
def while_true_with_break_and_else(n):
    while 1:
        n -= 1
        if n < 5:
            break
        elif n < 7:
            continue
        note(n)
    else:
        note("never")
    return n


@case(([3, 1, 2],))
def breaks_before_and_after(xs):
    for x in xs:
        if x == 1:
            note("before")
            break
        note(x)
        break
    for x in xs:
        continue
    for x in xs:
        pass
    return x


@case(([1, 2, 3, 4, 5, 6],))
def continue_on_both_sides(xs):
    for x in xs:
        if x % 2:
            if x == 3:
                continue
            note("odd")
        else:
            if x == 4:
                continue
            elif x == 6:
                break
            note("even")
        note(x)
        if x == 5:
            continue
        note("tail")


# Variables


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
        note(x)  # noqa: F821
    x = 1
    return x


@case(())
def read_before_assignment():
    note("start")
    note(x)  # noqa: F821
    x = 1


@case(())
def augmented_unset():
    x += 1  # noqa: F821


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
    y: "no such name" = 2  # noqa: F722, F821
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
        note: int  # noqa: F842
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


# Closures


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
    add = lambda x, y=n, *a, k=2, **kw: x + y + k if x else n  # noqa: E731
    pick = lambda: n and add(1) or 0  # noqa: E731
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


# Classes


@case((2,))
def class_inside(n):
    base = n
    base += 1

    class A:
        x = base
        ys = [base for _ in range(2)]
        if x > 2 and not x > 5:
            kind = "large"
        else:
            kind = "small"
        for i in range(2):
            x += i
        while x < 0:
            x += 1
        label = f"{x:>3}" if x else ""

        def __init__(self, value):
            self.__value = value
            while self.__value < base:
                self.__value += 1

        @property
        def value(self):
            if self.__value > 2:
                return self.__value
            return -1

        @staticmethod
        def static(a, b=x):
            return a and b

        @classmethod
        def make(cls):
            return cls(0)

    class B(A):
        def __init__(self):
            for start in (1, 2):
                if start == 2:
                    super().__init__(start)

        @property
        def value(self):
            inner = super().value
            return ("B", inner) if inner else __class__.__name__

        def tail(self):
            if self:
                return super(B, self).value
            return None

    return A.x, A.ys, A.kind, A.label, A.make().value, A.static(1), B().value, B().tail(), B.__qualname__[-1]


@case((1,), (0,))
def super_after_reassigning_self(n):
    class A:
        def name(self):
            return "A"

    class B(A):
        def name(self):
            self = self if n else B()
            if n:
                return "B" + super().name()
            return [super().name() for _ in [1]] if n else super().name()

    return B().name()


@case(())
def class_body_scoping():
    x = "function"
    x += "!"

    class A:
        y = x
        x = "class"
        z = x

        def read(self):
            return x

    return A.y if hasattr(A, "y") else None, A.z, A().read()


@case(())
def class_body_nonlocal():
    x = 1

    class A:
        nonlocal x
        x = x + 1
        y = x

    return x, A.y


# Expressions


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


@case(([1, 2],))
def shadowed_builtins(xs):
    len = lambda x: "my len"  # noqa: E731
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


@case((6,))
def collatz(n):
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
        if steps > 100:
            return None
    return steps


@case((30,))
def primes(limit):
    found = []
    for candidate in range(2, limit):
        for prime in found:
            if prime * prime > candidate:
                found.append(candidate)
                break
            if candidate % prime == 0:
                break
        else:
            found.append(candidate)
    return found


@case(("a(b[c]{d})",), ("(]",), ("((",))
def brackets(text):
    stack = []
    for i, char in enumerate(text):
        if char in "([{":
            stack.append(char)
        elif char in ")]}":
            if not stack or "([{".index(stack.pop()) != ")]}".index(char):
                return i
    if stack:
        return len(text)
    return -1


@case(([5, 2, 9, 1],))
def bubble_sort(xs):
    n = len(xs)
    while True:
        swapped = False
        for i in range(1, n):
            if xs[i - 1] > xs[i]:
                xs[i - 1], xs[i] = xs[i], xs[i - 1]
                swapped = True
        if not swapped:
            break
        n -= 1
    return xs
