"""What is None or a value, as the run finds: variables, results, tests, and the errors of using None."""

import numpy as np
import pytest

from pylms import rep_fun, stage
from pylms.errors import PylmsError
from tests.harness.law import check_law


def test_a_variable_is_none_until_a_loop_assigns_it() -> None:
    def largest(values):
        best = None
        for x in values:
            if best is None or x > best:
                best = x
        return best

    staged = stage(largest)
    for values in ([1.0, 3.0, 2.0], [], [np.nan, 1.0], [-np.inf]):
        assert repr(staged(np.array(values))) == repr(largest(np.array(values)))


def test_results_branches_and_conditions() -> None:
    def first_multiple(n, k):
        for i in range(1, n):
            if i % k == 0:
                return i

    def chosen(n, k):
        x = n if n > 3 else None
        y = x or 10
        z = None
        if k > 2:
            z = (n, 0.5) if n > 4 else None
        elif k < -2:
            z = (k, 1.5)
        both = x is not None and z is not None
        print(x, f"{x}", both, x == None, x == n, x != k, None is x, bool(x))  # noqa: E711
        return x, y, z, x if x is None else -x, isinstance(x, int), isinstance(x, (float, type(None)))

    check_law(first_multiple, (10, 4), (10, 11), (0, 1), (5, 0))
    check_law(chosen, (0, 0), (4, 3), (5, 3), (7, -3), (-1, -3), (2**63 - 1, 9))


def test_values_of_all_kinds_may_be_none() -> None:
    def kinds(n):
        text = None
        items = None
        if n > 0:
            text = "yes" if n > 1 else None
            items = [n, 2]
        number = None
        for i in range(n):
            number = 0.0 if i == 0 else i * 0.5
            if items is not None:
                items.append(i)
        match number:
            case None:
                kind = "none"
            case _:
                kind = "some"
        return text, items, number, kind, len(items) if items is not None else -1, text == "yes"

    check_law(kinds, (0,), (1,), (2,), (5,))


def test_none_where_a_value_is_used_raises_what_python_raises() -> None:
    def uses(n, which):
        x = n if n > 0 else None
        y = 1.5 if n > 5 else None
        if which == 0:
            return x + 1
        if which == 1:
            return 2 - x
        if which == 2:
            return 0 if x < 3 else 1
        if which == 3:
            return 0 if 3 < x else 1
        if which == 4:
            return 0 if x > n else 1
        if which == 5:
            return 0 if n >= x else 1
        if which == 6:
            return x**2
        if which == 7:
            x += n
            return x
        if which == 8:
            return -x
        if which == 9:
            return abs(x)
        if which == 10:
            return 0 if x < y else 1
        if which == 11:
            return int(x * y)
        if which == 12:
            return max(x, 3)
        if which == 13:
            total = 0
            for i in range(x):
                total += i
            return total
        if which == 14:
            print(f"{x:5d}")
            return 0
        return int(x)

    staged = stage(uses)
    for which in range(16):
        for n in (0, 1, 5, 7, -3):
            assert _outcome(staged, n, which) == _outcome(uses, n, which), (n, which)


def test_none_among_containers_and_records_raises_what_python_raises() -> None:
    def uses(n, which):
        pair = (n, 2) if n > 0 else None
        items = [n] if n > 1 else None
        text = "abc" if n > 2 else None
        if which == 0:
            return pair[0]
        if which == 1:
            a, b = pair
            return a + b
        if which == 2:
            return items[0]
        if which == 3:
            items.append(3)
            return len(items)
        if which == 4:
            total = 0
            for each in items:
                total += each
            return total
        if which == 5:
            return len(text)
        if which == 6:
            return len(text.upper())
        items[0] = 4
        return items[0]

    staged = stage(uses)
    for which in range(8):
        for n in (0, 1, 2, 3):
            assert _outcome(staged, n, which) == _outcome(uses, n, which), (n, which)


def _outcome(function, *arguments):
    try:
        return function(*arguments)
    except (TypeError, AttributeError) as error:
        return type(error), str(error)


def test_native_functions_give_and_take_none_or_a_value() -> None:
    def lowest(n, best):
        if n == 0:
            return best
        if best is None or n % 7 < best:
            best = n % 7
        return lowest(n - 1, best if n % 2 else None)

    def found(n):
        if n % 5 == 3:
            return n
        if n > 100:
            return None
        return found(n * 2 + 1)

    @rep_fun
    def half(n):
        return None if n % 2 else n // 2

    def program(n):
        once = half(n)
        twice = half(once) if once is not None else None
        return lowest(n, None), found(n), once, twice

    native = stage(program)
    for n in (0, 1, 2, 4, 9, 12, 90):
        assert native(n) == program(n)


def test_a_type_is_kept_besides_none() -> None:
    @stage
    def two_types(n):
        x = None
        if n > 0:
            x = 1
        if n > 1:
            x = "one"
        return x

    with pytest.raises(PylmsError, match="`x` is int or None before the branch, a str after"):
        two_types(1)


def test_python_cannot_ask_now_whether_it_is_there() -> None:
    @stage
    def table(n):
        x = n if n > 0 else None
        return {1: 2}[x]

    with pytest.raises(PylmsError, match="a key that may be None cannot be looked up here"):
        table(1)


def test_indices_that_may_be_none() -> None:
    def place_of(values, wanted):
        place = None
        for i in range(len(values)):
            if values[i] == wanted:
                place = i
        if place is not None:
            values[place] += 10.0
            last = place + 0
            values[last:] *= 2.0
            return values[place], (1, 2, 3)[place], "abc"[place], [4, 5, 6][place]
        return None

    staged = stage(place_of)
    for wanted in (1.0, 3.0, 7.0):
        left, right = np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0])
        assert staged(left, wanted) == place_of(right, wanted)
        assert left.tolist() == right.tolist()

    @stage
    def unguarded(text, n):
        place = n if n > 0 else None
        return text[place]

    with pytest.raises(TypeError, match="string indices must be integers, not 'NoneType'"):
        unguarded("abc", 0)


def test_strings_and_containers_that_may_be_none() -> None:
    def shown(text, n):
        t = text if n > 0 else None
        u = [1, n] if n > 0 else None
        table = {1: 2, n: 3}
        print([t, n], f"{t!r} {u!r}", (t, u))
        k = n if n > 1 else None
        total = 0
        for i in u or [7]:
            total += i
        equal = (t == "a", "a" == t, t != text, u == [1, n], [1, 2] != u)
        return equal, t in ["a", None], "a" in ["b", t], k in table, k in [1, 2], total

    def errors(text, n, which):
        t = text if n > 0 else None
        u = [1, n] if n > 0 else None
        if which == 0:
            return int(text < t)
        if which == 1:
            return int(t < text)
        if which == 2:
            return len(text + t)
        if which == 3:
            return len([1] + u)
        if which == 4:
            return int(1 in u)
        if which == 5:
            return int("a" in t)
        if which == 6:
            return len(t + text)
        return len(t * 2)

    check_law(shown, ("a", 1), ("b", 0), ("a", 2))
    staged = stage(errors)
    for which in range(8):
        for n in (0, 1):
            assert _outcome(staged, "a", n, which) == _outcome(errors, "a", n, which), (n, which)


def test_leaving_loops_with_none_and_widening() -> None:
    def early(n):
        for i in range(n):
            if i * i == 9:
                return None
            if i > 10:
                return i
        return 0

    def widened(n):
        out = None
        for i in range(n):
            if i == 7:
                return None
            if i == 3:
                out = 0.0
            if i == 4:
                out = 1.5
        return out

    def literal(n):
        out = None
        for i in range(n):
            if i == 0:
                out = 1
            if i > 1:
                out = out + 0.5
        return out

    check_law(early, (0,), (3,), (4,), (20,))
    check_law(widened, (0,), (4,), (5,), (9,))
    check_law(literal, (0,), (3,), (5,))
