"""Loops: break, continue, else, targets of every shape, loops over loaders, values carried between iterations."""

# Written oddly, and wrongly, on purpose.
# mypy: ignore-errors
# ruff: noqa: F821, F841

from tests.virtualize.corpus.record import Manager, case, note


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
            note(previous)
        previous = i
    return previous


@case((2,), (0,))
def unset_in_first_iteration(n):
    for i in range(n):
        note(carried)
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
