"""Dicts of the run: what Python's dicts do, natively."""

import math

import pytest

from pylms import PylmsError, stage, staged
from tests.harness.law import check_law

SIZES = [(0,), (1,), (2,), (5,), (8,), (9,), (100,), (-1,)]


def same_message(function, *argument_lists):
    """Results, or exceptions with their text, are the same."""
    native = stage(function)
    for arguments in argument_lists:
        assert message_of(native, arguments) == message_of(function, arguments)


def message_of(function, arguments):
    try:
        return function(*arguments)
    except Exception as error:
        return type(error), error.args


def test_counting():
    def count(n):
        d = {}
        for i in range(n):
            k = i * 7 % 13
            d[k] = d.get(k, 0) + 1
        return d, len(d)

    check_law(count, *SIZES)


def test_missing_keys_raise_key_error_with_the_key():
    def looked_up(n, k):
        d = {}
        for i in range(n):
            d[i * i] = i
        return d[k]

    def by_pair(n, k):
        d = {}
        for i in range(n):
            d[i, str(i)] = i
        return d[k, "1"]

    arguments = ((5, 16), (5, 3), (0, -1), (3, 2**63 - 1), (2, 1))
    check_law(looked_up, *arguments)
    same_message(looked_up, *arguments)
    check_law(by_pair, *arguments)
    same_message(by_pair, *arguments)


def test_the_traceback_shows_the_line():
    def looked_up(k):
        d = staged({1: 2})
        return d[k]

    with pytest.raises(KeyError) as caught:
        stage(looked_up)(5)
    last = list(caught.traceback)[-1]
    assert last.path.name == "test_dicts.py" and last.lineno == looked_up.__code__.co_firstlineno + 1


def test_order_is_that_of_insertion():
    def ordered(n):
        d = {}
        for i in range(n):
            d[i * 37 % 101] = i
        for i in range(0, n, 3):
            if i * 37 % 101 in d:
                del d[i * 37 % 101]
        for i in range(0, n, 6):
            d[i * 37 % 101] = -i
        keys = []
        for k in d:
            keys.append(k)
        total = 0
        for k, v in d.items():
            total += k * v
        return keys, list(d), list(d.values()), total, d

    check_law(ordered, *SIZES, (1000,))


def test_methods():
    def methods(n, k):
        d = {0: 10}
        for i in range(n):
            d[i] = i * i
        first = d.setdefault(k, 5)
        second = d.setdefault(k, 6)
        popped = d.pop(k)
        default = d.pop(k, -1)
        e = d.copy()
        e[1000] = 1
        d.update(e)
        same = d == e
        d[3] = 0
        different = d != e
        e.clear()
        return d, e, first, second, popped, default, same, different, k in d, k not in d, 9 in d.keys(), 0 in d.values()

    check_law(methods, (0, 1), (5, 2), (20, 100), (3, 0))


def test_dicts_are_references():
    def aliased(n):
        d = {}
        e = d
        for i in range(n):
            d[i] = i
            e[-i] = i
        return d, e

    check_law(aliased, *SIZES)
    d, e = stage(aliased)(2)
    assert d is e


def test_keys_of_every_kind():
    def keyed(n, x):
        by_float = {}
        by_bool = {}
        by_text = {}
        by_pair = {}
        for i in range(n):
            by_float[i * x] = i
            by_bool[i % 2 == 0] = i
            by_text["k" + str(i % 3)] = i
            by_pair[i % 2, "odd" if i % 2 == 1 else "even"] = i * x
        return by_float, by_bool, by_text, by_pair, 0.0 in by_float, -0.0 in by_float, by_text.get("k1", -1)

    check_law(keyed, (0, 0.5), (7, 0.5), (4, -0.0), (3, 2.5))


def test_negative_keys_and_extremes():
    def extremes(a, b):
        d = {}
        for i in range(3):
            d[a] = d.get(a, 0) + 1
            d[b] = d.get(b, 0) + 10
            d[-1] = i
            d[-2] = -i
        return d

    edges = [-1, -2, 0, 1, 2**61 - 1, 2**61, 2**63 - 1, -(2**63)]
    check_law(extremes, *[(a, b) for a in edges for b in edges])


def test_a_nan_is_no_key():
    def keyed(x, n):
        d = {}
        for i in range(n):
            d[x] = i
        return len(d), x in d

    native = stage(keyed)
    assert native(1.5, 3) == (1, True)
    assert native(math.nan, 0) == (0, False)
    with pytest.raises(ValueError, match="a NaN cannot be a key"):
        native(math.nan, 1)


def test_looking_up_by_equal_numbers_of_another_type():
    def looked_up(n, flag):
        d = {}
        e = {}
        for i in range(n):
            d[i] = i * 10
            e[i * 0.5] = i
        return d.get(flag, -1), flag in d, 1 in e, e.get(2, -1)

    check_law(looked_up, (0, True), (5, True), (5, False))


def test_values_of_every_kind():
    def valued(n):
        groups = {}
        pairs = {}
        for i in range(n):
            k = i % 3
            if k not in groups:
                groups[k] = []
            groups[k].append(i)
            pairs[i] = (i * 0.5, "é" * (i % 4), i > 2)
        total = 0
        for k, items in groups.items():
            for item in items:
                total += k * item
        return groups, pairs, total

    check_law(valued, *SIZES)


@pytest.mark.parametrize("change", ["grow", "shrink", "replace", "none", "break"])
def test_changing_while_iterating(change):
    def changing(n):
        d = {}
        for i in range(n):
            d[i] = i
        total = 0
        for k in d:
            total += k
            if change == "grow":
                d[k + 1000] = 0
            elif change == "shrink":
                del d[k]
            elif change == "replace":
                d[k] = total
            elif change == "break" and k == 1:
                d[500] = 1
                break
        return total, d

    check_law(changing, *SIZES)
    same_message(changing, *SIZES)


def test_many_insertions_and_deletions():
    def churned(n):
        d = {}
        for i in range(n):
            d[i] = i
            if i % 3 != 0:
                del d[i - i % 3]
                d[i - i % 3] = -i
            if i > 50:
                d.pop(i - 50, 0)
        return d

    check_law(churned, (0,), (10,), (100,), (2000,))


def test_text_counting():
    def words(text: str):
        counts = {}
        word = ""
        for c in text + " ":
            if c == " ":
                if len(word) > 0:
                    counts[word] = counts.get(word, 0) + 1
                word = ""
            else:
                word += c
        best = ""
        for w, n in counts.items():
            if best == "" or n > counts[best]:
                best = w
        return counts, best

    check_law(words, ("",), ("a b a",), ("the quick the lazy the é é",), ("😀 😀 x",))


def test_a_dict_of_generation_time_stays_one():
    def unrolled(x):
        powers = {"square": 2, "cube": 3}
        total = 0
        for name in powers:
            total += x ** powers[name]
        return total

    assert "dict" not in stage(unrolled).inspect_ir()
    check_law(unrolled, (2,), (-3,))


def test_refusals():
    outside = {}

    @stage
    def changes_outside(n):
        for i in range(n):
            outside[1] = i
        return n

    @stage
    def get_without_default(n):
        d = {}
        for i in range(n):
            d[i] = i
        return d.get(n)

    @stage
    def mixed(n):
        d = {}
        for i in range(n):
            d[i] = i
            d[i] = "a"
        return n

    with pytest.raises(PylmsError, match="outside"):
        changes_outside(3)
    with pytest.raises(PylmsError, match="default"):
        get_without_default(3)
    with pytest.raises(PylmsError, match="the values of a staged dict are int, and str is given here"):
        mixed(3)


def test_displays_with_keys_of_the_run():
    def made(n):
        table = {n: "a", n + 1: "b", 3: "c"}
        last = {}
        for i in range(n):
            last = {i: 1.0, 7: 2.0} if i == 2 else {i: 1.5}
        return table, {(n, 1): 2}, {"x": n}, last, [1, n, 3][1:]

    check_law(made, (3,), (0,), (2,))
