"""The cells that each block assigns, as staging asks for them."""

from __future__ import annotations

from tests.virtualize.plain_operators import virtualized


def test_cells_visible_outside_the_block():
    def function(n):
        x = 0
        y = 0
        while x < n:
            inner = 0
            inner += 1
            if inner > x:
                x += inner
            else:
                y = x
        return y

    assert dict(virtualized(function).assigned) == {
        "cond$1": (),
        "then$1": ("x",),
        "else$1": ("y",),
        "body$1": ("x", "y"),
    }


def test_flags_are_cells():
    def function(xs):
        for x in xs:
            if x:
                return x

    assigned = virtualized(function).assigned
    assert assigned["body$1"] == assigned["then$1"] == ("result$1", "returned$1", "broke$1")
    assert assigned["stop$1"] == ()


def test_cells_of_enclosing_functions_and_of_functions_inside():
    def function(n):
        count = 0

        def inner(count_here):
            nonlocal count
            if n:
                count += 1
                count_here += 1
            return count_here

        if n > 1:

            def other():
                nonlocal count
                own = 0
                own += 1
                count = own

            other()
        return inner(n), count

    assigned = virtualized(function).assigned
    assert assigned["then$1"] == ("count", "count_here")
    assert assigned["then$2"] == ("count",)


def test_loop_targets_read_later():
    def function(loader):
        for index, (data, target) in enumerate(loader):
            pass
        return index, target

    assert virtualized(function).assigned == {"forfunc$1": ("index", "target")}


def test_variables_outside_the_decorated_function_are_told_apart():
    outside = 0

    def function(n):
        nonlocal outside
        if n:
            outside += 1
            n += 1
        return n

    rewritten = virtualized(function)
    assert rewritten.assigned == {"then$1": ("n",), "else$1": ()}
    assert rewritten.assigned_outside == {"then$1": ("outside",)}
    assert outside == 0
