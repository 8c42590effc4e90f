"""Returns, on one side, on both, deep in loops and `with`, and what is never reached."""

# Written oddly, and wrongly, on purpose.
# mypy: ignore-errors
# ruff: noqa: F821, F841

from tests.virtualize.corpus.record import Manager, case, note


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
        return x
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


@case((0,), (1,))
def return_in_with_before_raise(n):
    if n:
        with Manager("m", ZeroDivisionError):
            return n
        raise ValueError(n)
    else:
        with Manager("m", ZeroDivisionError):
            return 1 // n
        raise KeyError(n)
