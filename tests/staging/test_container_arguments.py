"""Lists and dicts as arguments: read, changed for the caller, given back; and as results of native functions."""

import copy

import pytest

from pylms import rep_fun, stage
from pylms.errors import ArgumentError, PylmsError


def counted(words, counts):
    for word in words:
        counts[word] = counts.get(word, 0) + len(word)
    longest = ""
    for word in counts:
        if len(word) > len(longest):
            longest = word
    return longest, len(words)


def sifted(numbers, limit):
    kept = []
    for i in range(len(numbers)):
        if numbers[i] > limit:
            kept.append(numbers[i])
        else:
            numbers[i] = -numbers[i]
    numbers.sort()
    numbers.append(limit)
    return kept, numbers


def smoothed(grid, names, pairs):
    total = 0.0
    for i in range(1, len(grid)):
        for j in range(len(grid[i])):
            grid[i][j] += grid[i - 1][j] * 0.5
            total += grid[i][j]
    for name, (low, high) in pairs:
        names[high - low].append(name)
        total += high
    return total


def changed_in_place(numbers, table, n):
    same = numbers
    numbers *= n
    same += [7]
    table |= {5: 1.5}
    other = table | {6: 0.5}
    del numbers[0]
    return same, len(other), len(numbers)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (counted, (["a", "bcd", "a", "é"], {"zz": 3})),
        (counted, (["a"], {"": 0, "𝄞": 2})),
        (sifted, ([3.5, -1.0, 9.0, float("inf")], 2.0)),
        (sifted, ([0.0], 2.0)),
        (changed_in_place, ([1, 2], {1: 2.0}, 2)),
        (changed_in_place, ([1, 2], {5: 2.0}, 0)),
        (smoothed, ([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [["x"], ["y"]], [("q", (0, 1)), ("r", (2, 2))])),
    ],
)
def test_what_a_function_does_to_lists_and_dicts(function, arguments) -> None:
    staged = stage(function)
    mine, other = copy.deepcopy(arguments), copy.deepcopy(arguments)
    for _ in range(3):
        assert repr(staged(*mine)) == repr(function(*other))
        assert repr(mine) == repr(other)


def test_the_objects_stay_the_callers() -> None:
    grid, row = [[1.0], [2.0]], [3.0]
    first = grid[0]
    stage(smoothed)(grid, [["x"]], [("q", (0, 0))])
    assert grid[0] is first and first == [1.0]
    assert stage(sifted)(row, 5.0)[1] is row


def test_an_empty_list_holds_what_is_put_into_it() -> None:
    @stage
    def filled(numbers, table, n):
        for i in range(n):
            numbers.append(i * 0.5)
            table[i] = "x" * i
        return len(numbers) + len(table)

    numbers, table = [], {}
    assert [filled(numbers, table, 2), filled(numbers, table, 3)] == [4, 8]
    assert numbers == [0.0, 0.5, 0.0, 0.5, 1.0] and table == {0: "", 1: "x", 2: "xx"}
    assert [str(each) for each in filled.signatures[0]] == ["empty list", "empty dict", "int"]
    assert [str(each) for each in filled.signatures[1]] == ["list<float>", "dict<int, str>", "int"]


def test_after_an_error_the_caller_has_what_it_had() -> None:
    @stage
    def fails(numbers, n):
        numbers.append(n)
        return numbers[n]

    numbers = [1, 2]
    with pytest.raises(IndexError, match="list index out of range"):
        fails(numbers, 9)
    assert numbers == [1, 2]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1, 2.0], "argument `x` of f holds an int and a float, which compiled code cannot take"),
        ([[], []], "holds nothing but empty lists or dicts"),
        ([1j], "holds a complex"),
        ([(1,), (1, 2)], "holds tuples of different lengths"),
        ([()], "holds empty tuples"),
        ([None], "holds None"),
        ([2**70], "holds an int that does not fit 64 bits"),
        ({1: [b""]}, "holds a bytes"),
    ],
)
def test_what_cannot_be_passed(value, message) -> None:
    with pytest.raises(ArgumentError, match=message):
        _called_f(value)


def _called_f(value):
    @stage
    def f(x):
        return 0

    return f(value)


def test_one_list_in_two_places_is_refused_where_it_is_changed() -> None:
    @stage
    def first_of_both(one, two):
        one[0] = 5
        return two[0]

    @stage
    def rows_grow(rows):
        rows[0].append(1)
        return len(rows[1])

    row = [1]
    with pytest.raises(ArgumentError, match="first_of_both changes a list that is passed to it in two places"):
        first_of_both(row, row)
    with pytest.raises(ArgumentError, match="rows_grow changes a list that is passed to it in two places"):
        rows_grow([row, row])
    assert (first_of_both([1], row), rows_grow([[1], row])) == (1, 1)


def test_lists_within_lists_do_not_come_and_go() -> None:
    @stage
    def grown(rows):
        rows.append([1])

    with pytest.raises(PylmsError, match="a list<list<int>> may be changed that is an argument"):
        grown([[1]])


def test_native_functions_give_lists_and_dicts() -> None:
    def divisors(n, k):
        if k < 1:
            return []
        rest = divisors(n, k - 1)
        if n % k == 0:
            rest.append(k)
        return rest

    @rep_fun
    def both(n):
        return [n, n * 2], {1: "a"}

    @stage
    def program(n):
        pair, names = both(n)
        pair.append(3)
        names[2] = "b"
        return divisors(n, n), pair, names, both(n + 1)

    for n in (0, 1, 12):
        assert program(n) == ([k for k in range(1, n + 1) if n % k == 0], [n, n * 2, 3], {1: "a", 2: "b"}, both(n + 1))
