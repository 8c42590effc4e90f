"""Lists of the run: what Python's lists do, natively."""

import pytest

from pylms import PylmsError, stage, staged
from tests.harness.law import check_law

SIZES = [(0,), (1,), (2,), (7,), (100,), (-3,)]


def test_appending_makes_a_list_of_the_run():
    def squares(n):
        out = []
        for i in range(n):
            out.append(i * i)
        return out

    check_law(squares, *SIZES)


def test_lists_are_references():
    def aliased(n):
        left = []
        right = left
        for i in range(n):
            left.append(i)
            right.append(-i)
        return left, right, len(left)

    check_law(aliased, *SIZES)
    left, right, _ = stage(aliased)(3)
    assert left is right


def test_elements_are_read_and_written_by_pythons_indices():
    def rotated(n, i):
        items = [10, 20, 30]
        for k in range(n):
            items[i] = items[i] + items[-1] * k
        return items[i], items[i - 1], items

    check_law(rotated, (3, 0), (3, -1), (3, -3), (3, 3), (0, 2), (1, -4), (2, 2**63 - 1), (2, -(2**63)))


def test_methods_do_what_pythons_do():
    def methods(n, x):
        items = [3, 1, 2]
        for i in range(n):
            items.append(i)
            items.insert(i, x)
            items.insert(-1, x + 1)
            items.insert(1000, x + 2)
        items.extend(items)
        items += [7, 8]
        popped = items.pop()
        first = items.pop(0)
        items.reverse()
        count = items.count(x)
        items.sort()
        where = items.index(3)
        copied = items.copy()
        copied.clear()
        items.remove(3)
        return items, popped, first, count, where, len(copied), copied == [], items == items.copy(), items != copied

    check_law(methods, (0, 5), (3, 1), (4, -2), (5, 3))


@pytest.mark.parametrize("method", ["pop", "pop_at", "index", "remove", "assign"])
def test_errors_are_pythons(method):
    def failing(n, x):
        items = [1, 2]
        for i in range(n):
            items.append(i)
        if method == "pop":
            while n >= -2:
                items.pop()
        elif method == "pop_at":
            items.pop(x)
        elif method == "index":
            return items.index(x)
        elif method == "remove":
            items.remove(x)
        else:
            items[x] = 0
        return len(items)

    check_law(failing, (0, 1), (0, 7), (3, -9), (3, 4))
    for arguments in ((0, 1), (0, 7), (3, -9), (3, 4)):
        expected, found = message_of(failing, arguments), message_of(stage(failing), arguments)
        assert expected == found


def message_of(function, arguments):
    try:
        return repr(function(*arguments))
    except Exception as error:
        return type(error), str(error)


def test_slices_copy():
    def sliced(n, a, b):
        items = []
        for i in range(n):
            items.append(i)
        part = items[a:b]
        part.append(99)
        return part, items[::-1], items[a::2], items[:b:-2], items[-3:], len(items)

    edges = [0, 1, -1, 3, -3, 100, -100, 2**63 - 1, -(2**63)]
    check_law(sliced, *[(n, a, b) for n in (0, 1, 5) for a in edges for b in edges])


def test_concatenation_and_repetition():
    def combined(n, x):
        items = [x] * n
        more = items + [1, 2]
        return more, [0, x] * 2, more * n, [5] + more

    check_law(combined, (0, 1), (2, 5), (-1, 3), (4, 0))


def test_a_list_grows_while_it_is_iterated_over():
    def growing(n):
        items = [1]
        total = 0
        for x in items:
            total += x
            if len(items) < n:
                items.append(x + 1)
            if total > 1000:
                break
        return total, items

    check_law(growing, *SIZES)


def test_a_list_shrinks_while_it_is_iterated_over():
    def shrinking(n):
        items = []
        for i in range(n):
            items.append(i)
        seen = []
        for x in items:
            seen.append(x)
            if x % 2 == 0:
                items.remove(x)
        return seen, items

    check_law(shrinking, *SIZES)


def test_enumerate_membership_and_folds():
    def folded(n, x):
        items = [x]
        for i in range(n):
            items.append(i * i - 5)
        positions = 0
        for k, item in enumerate(items):
            positions += k * item
        return positions, x in items, 17 not in items, sum(items), min(items), max(items), sorted(items), list(items)

    check_law(folded, (0, 3), (5, 4), (9, -100))


def test_floats_and_int_literals():
    def means(n, x):
        out = [0]
        for i in range(n):
            out.append(x / (i + 1))
        return len(out), out[-1], sorted(out, reverse=True)[0], sum(out)

    def same_numbers(n, x):
        out = [0.0]
        for i in range(n):
            out.append(x / (i + 1))
        return len(out), out[-1], sorted(out, reverse=True)[0], sum(out)

    for arguments in ((0, 1.5), (3, 2.5), (5, -1.0)):
        expected = same_numbers(*arguments)
        assert stage(means)(*arguments) == expected
    check_law(same_numbers, (0, 1.5), (3, float("inf")), (5, -0.0))


def test_tuples_strings_and_lists_as_elements():
    def pairs(n):
        out = []
        for i in range(n):
            out.append((n - i, "even" if i % 2 == 0 else "odd", (i * 0.5, i > 1)))
        out.sort()
        rows = []
        for i in range(n):
            row = []
            for j in range(i):
                row.append(i * j)
            rows.append(row)
        if n > 2:
            rows[2].append(77)
            rows.append(rows[2])
        number, name, (half, big) = out[0] if n > 0 else (0, "", (0.0, False))
        return out, rows, number, name, half, big

    check_law(pairs, *SIZES)


def test_stable_sorting_of_many():
    def scrambled(n):
        items = []
        seed = 12345
        for i in range(n):
            seed = seed * 1103515245 % 2147483648 + 12345
            items.append((seed % 10, i))
        items.sort(reverse=True)
        numbers = []
        for key, i in items:
            numbers.append(key * 1000 + i)
        numbers.sort()
        return items, numbers

    check_law(scrambled, (0,), (1,), (15,), (16,), (17,), (100,), (1000,))


def test_staged_lists_and_lookup_tables():
    def looked_up(i, n):
        table = [5, 3, 8]
        explicit = staged([1, 2])
        for k in range(n):
            explicit.append(k)
        return table[i], len(explicit), explicit

    check_law(looked_up, (0, 3), (-1, 0), (2, 1), (3, 1), (-4, 2))


def test_a_worklist_of_generation_time_stays_one():
    def unrolled(x):
        stack = [3]
        total = x
        while stack:
            k = stack.pop()
            total = total * k
            if k > 1:
                stack.append(k - 1)
        return total

    code = stage(unrolled).inspect_ir((stage(unrolled)._shown_signature()))
    assert "while" not in code and "list" not in code
    check_law(unrolled, (1,), (5,))


def test_a_stack_of_the_run():
    def collatz_steps(n):
        stack = [n]
        steps = 0
        while stack:
            k = stack.pop()
            steps += 1
            if k > 1:
                stack.append(k // 2 if k % 2 == 0 else 3 * k + 1)
        return steps

    check_law(collatz_steps, (1,), (7,), (27,), (0,))


def test_variables_hold_lists():
    def swapped(n):
        current = [1]
        following = [0]
        for i in range(n):
            current.append(i)
            current, following = following, current
        best = []
        for i in range(n):
            if len(current) > i:
                best = current
        return current, following, best

    check_law(swapped, *SIZES)


def test_branches_choose_lists():
    def chosen(n, x):
        if n > 2:
            items = [1, 2]
        else:
            items = [x]
        picked = items if x > 0 else []
        items.append(n)
        return items, picked

    check_law(chosen, (0, 1), (3, 1), (3, -1), (0, -5))


def test_lists_of_generation_time_are_returned():
    def plain(x):
        return [x, 2.5, "a"], {"k": x, 1: [x]}, []

    check_law(plain, (1,), (7,))
    first, second = stage(plain)(1), stage(plain)(1)
    assert first[0] is not second[0]


def test_sieve():
    def sieve(n):
        is_prime = [True] * n
        out = []
        for i in range(2, n):
            if is_prime[i]:
                out.append(i)
                for k in range(i * i, n, i):
                    is_prime[k] = False
        return out

    check_law(sieve, *SIZES)


def test_lists_from_outside_are_refused():
    outside = []

    @stage
    def f(n):
        for i in range(n):
            outside.append(i)
        return n

    with pytest.raises(PylmsError, match="outside"):
        f(3)


def test_lists_print_as_pythons_do():
    def shown(n):
        items = [1.5]
        names = ["a'b"]
        for i in range(n):
            items.append(i / 2)
            names.append("x" * i)
        text = f"{items} and {names}"
        items.append(0.0)
        print(items, names, len(items), text)
        return str(items)

    check_law(shown, (0,), (3,))


def test_comprehensions_over_what_the_run_knows():
    def collected(n, x):
        squares = [i * i for i in range(n)]
        chosen = [s + x for s in squares if s % 2 == 0 if s > x]
        pairs = [(i, j) for i in range(n) for j in range(i)]
        names = {str(i): i for i in range(n) if i != x}
        letters = [c for c in "ab"]
        rows = [[0] * n for _ in range(2)]
        rows[0].append(x)
        return squares, chosen, pairs, names, letters, rows, [b for a, b in pairs]

    check_law(collected, (0, 1), (3, 1), (6, -2), (-1, 0))


def test_enumerate_unpacks_items():
    def weighted(n):
        points = []
        for i in range(n):
            points.append((i, i * 2))
        total = 0
        for k, (x, y) in enumerate(points):
            total += k * x - y
        for x, y in points:
            total += x * y
        return total

    check_law(weighted, *SIZES)


def test_repr_of_a_list_in_an_f_string() -> None:
    def shown(n):
        items = [n]
        for i in range(n):
            items.append(i)
        print(f"{items!r} {items}", f"{items!s:>20}")

    check_law(shown, (0,), (2,))
