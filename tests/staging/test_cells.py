"""Cells under staged control flow (DESIGN D2): what is promoted, what stays plain, and what it costs."""

import operator

import pytest

from pylms import lms, stage
from pylms.errors import NotSupportedYetError, StagedTypeError, StagingError
from pylms.ir.types import INT
from tests.harness.law import check_law, staged_of


def test_a_cell_that_no_staged_block_assigns_stays_plain():
    seen = []
    note = seen.append

    def program(x):
        n = 1
        n = 2
        if x > 0:
            note(n)
        return n

    staged_of(program, INT)
    assert seen == [2]


def test_a_cell_assigned_in_a_branch_not_taken_now_stays_plain():
    kinds = []

    def program(x):
        n = 5
        if x > 0:
            if False:
                n = 6
            x = x + 1
        kinds.append(type(n))
        return n + x

    check_law(program, (1,), (-1,))
    assert set(kinds) == {int}


def test_rebinding_after_a_loop_makes_a_cell_plain_again():
    def program(n):
        i = 0
        while i < n:
            i = i + 1
        i = 0
        total = 0
        while i < 3:
            total = total + n
            i = i + 1
        return total

    check_law(program, (4,), (0,))


def test_values_that_cannot_be_staged_work_inside_one_block():
    def program(x):
        if x > 0:
            names = ["a"]
            names = [*names, "b"]
            x = x + len(names)
        return x

    check_law(program, (1,), (-1,))


def test_reading_an_unstageable_value_after_a_branch_is_an_error():
    @stage
    def program(x):
        names = {"a"}
        if x > 0:
            names = {"b", "c"}
        return len(names)

    with pytest.raises(StagedTypeError, match=r"`names` is assigned a set under staged control flow"):
        program(1)


@pytest.mark.parametrize("depth", [2, 4, 8])
def test_the_cost_of_discovering_assignments_is_linear_in_the_nesting(depth):
    traced = []
    lines = ["def program(x):", "    v = 0", "    v = 1", "    def bump():", "        nonlocal v", "        v = v + 1"]
    for level in range(depth):
        indent = "    " * (level + 1)
        lines += [f"{indent}if x > {level}:", f"{indent}    note({level})"]
    lines += ["    " * (depth + 1) + "bump()", "    return v"]
    program = function_from("\n".join(lines), note=traced.append)
    staged_of(program, INT)
    assert len(traced) <= 4 * depth


def function_from(source, **names):
    """A function whose source Python can find, as in a notebook cell."""
    import linecache

    filename = f"<test {hash(source)}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    exec(compile(source, filename, "exec"), names)
    return names["program"]


def test_a_type_that_changes_across_iterations_is_an_error_with_its_place():
    @lms
    def program(n):
        x = 0.5
        i = 0
        while i < n:
            x = (1, 2)
            i = i + 1
        return x

    with pytest.raises(StagedTypeError) as caught:
        stage(program)(3)
    text = str(caught.value)
    assert "`x` is float before the loop, a tuple of 2 after" in text
    assert "x = (1, 2)" in text and "^" in text and "help:" in text


def assigned_later_in_the_loop(n):
    i = 0
    while i < n:
        if i > 0:
            print(last)  # noqa: F821 - an earlier round assigned it
        last = i * 2  # noqa: F841
        i += 1
    return i


def read_in_one_branch_assigned_in_the_other(n):
    i = 0
    while i < n:
        if i % 2:
            i += step  # noqa: F821
        else:
            step = 1
            i += step
    return i


def never_assigned_where_read(n):
    if n > 100:
        print(missing)  # noqa: F821
    if n > 200:
        missing = 1  # noqa: F841
    return n


def int_literals_on_one_path(n):
    if n > 2:
        last = 0
    else:
        last = 0.5
    if n > 1:
        first = 0.25
    else:
        first = 1
    return last + first + 0.5


def reset_to_an_int_literal(n):
    x = 0
    for i in range(n):
        if i == 3:
            x = 0
        else:
            x += 0.5
    return x + 0.0


def functions_defined_in_a_loop(n):
    total = 0
    while total < n:

        def twice(value):
            return value * 2

        def more(value):
            return twice(value) + 1

        total += more(1)
    return total


@pytest.mark.parametrize(
    "function",
    [
        assigned_later_in_the_loop,
        read_in_one_branch_assigned_in_the_other,
        never_assigned_where_read,
        int_literals_on_one_path,
        reset_to_an_int_literal,
        functions_defined_in_a_loop,
    ],
)
def test_programs_mean_what_python_means(function):
    check_law(function, (0,), (1,), (2,), (3,), (5,), (150,))


def test_a_literal_keeps_the_type_of_a_loop_that_is_over():
    @stage
    def program(n):
        x = 0
        for i in range(n):
            x = x + 1
        for i in range(n):
            x = x + 0.5
        return x

    with pytest.raises(StagedTypeError, match="`x` is int before the loop, float after"):
        program(3)


def test_a_staged_value_kept_in_an_object_past_its_loop_is_an_error():
    def program(n):
        boxes = ("None".split(),)
        for i in range(n):
            operator.setitem(boxes[0], 0, i * 2)  # a change that nobody sees
        return boxes[0][0]

    with pytest.raises(StagingError, match="made inside a staged loop or branch, and is used outside it"):
        stage(program)(3)


def test_changing_a_list_in_a_staged_loop_is_an_error_and_leaves_it_alone():
    kept = [1]

    def program(n):
        for i in range(n):
            kept.append(i)
        return len(kept)

    with pytest.raises(NotSupportedYetError, match="a list that is older than this staged loop is changed in it"):
        stage(program)(3)
    assert kept == [1]


def test_changing_a_set_in_a_staged_branch_is_an_error():
    def program(x):
        counts = set()
        if x > 2:
            counts.add("big")
        else:
            counts.add("small")
        return len(counts)

    with pytest.raises(NotSupportedYetError, match="a set that is older than this staged branch is changed in it"):
        stage(program)(1)


def test_lists_made_and_changed_within_one_block_are_fine():
    def program(n):
        total = 0
        for i in range(n):
            parts = [i]
            parts.append(2 * i)
            total += sum(parts)
        return total

    check_law(program, (4,), (0,))


def test_containers_of_staged_values_print_as_in_python():
    def program(x):
        print((x, x + 1), [x, "a"], (x,), f"{(x, 2.5)}")
        return x

    check_law(program, (4,), (-7,))


def test_an_unstageable_value_does_not_reach_the_next_round_of_an_inner_loop():
    def program(n):
        names = set()
        for i in range(n):
            for j in range(n):
                if len(names) > 3:
                    i = i + 1
                names = {*names, "x"}
        return n

    with pytest.raises(StagedTypeError, match="`names` is assigned a set under staged control flow"):
        stage(program)(3)
