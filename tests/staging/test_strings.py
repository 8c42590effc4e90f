"""Strings of the run: what Python's strings do, natively."""

import pytest

from pylms import PylmsError, stage
from tests.harness.law import check_law

TEXTS = [
    "",
    "a",
    "abc",
    "héllo wörld",
    "aeiou",
    "日本語",
    "😀 emoji 😀",
    "\ud800lone",
    'q"\\?\n\t\x00é1',
    "abcabcabc",
]


def test_vowels():
    def vowels(s: str):
        c = 0
        for ch in s:
            if ch in "aeiouäöü":
                c += 1
        return c

    check_law(vowels, *[(text,) for text in TEXTS])


def test_results_and_literals():
    def joined(s: str, n: int):
        return s, s + "é" + s, "<" + s + ">", s * n, n * s, "ab" * n, s + "", 'q"\\?\n\t\x00é1\ud800'

    check_law(joined, *[(text, n) for text in TEXTS for n in (0, 1, 3, -1)])


def test_indexing_and_slicing():
    def sliced(s: str, i: int, j: int):
        return s[i:j], s[::-1], s[i:], s[:j], s[i:j:2], s[j:i:-1], s[i]

    edges = [0, 1, -1, 2, -3, 100, 2**63 - 1, -(2**63)]
    check_law(sliced, *[(text, i, j) for text in TEXTS for i in edges for j in edges])


def test_comparisons():
    def compared(s: str, t: str):
        return s == t, s != t, s < t, s <= t, s > t, s >= t, s == "abc", "abc" < s, s in t, t not in s, s == 1

    check_law(compared, *[(s, t) for s in TEXTS for t in TEXTS])


def test_searching():
    def searched(s: str, t: str):
        return s.find(t), s.startswith(t), s.endswith(t), "b" in s, s.startswith("a"), s in "abcdef"

    check_law(searched, *[(s, t) for s in TEXTS for t in [*TEXTS, "b", "bc", "o w"]])


def test_code_points():
    def shifted(s: str, k: int):
        out = ""
        total = 0
        for i, c in enumerate(s):
            total += ord(c) * i
            out += chr(ord(c) + k)
        return out, total, len(out)

    check_law(shifted, *[(text, k) for text in TEXTS if "\ud800" not in text for k in (0, 1, 300, -50, 2**40)])


def test_ord_of_several_is_an_error():
    def first(s: str):
        return ord(s)

    check_law(first, *[(text,) for text in TEXTS])


def test_methods_that_python_computes():
    def called(s: str):
        return s.upper(), s.strip(), s.replace("a", "ß"), s.isalpha(), s.count("a"), s.title(), s.zfill(5)

    check_law(called, *[(text,) for text in TEXTS])


def test_formatting():
    def formatted(n: int, x: float, s: str):
        text = f"{n} and {x:.3f} and {s} {s!r:>10}"
        return text, len(text), str(n) + str(x) + str(s) + str(n > 3), "{:05d}|{}".format(n, s), text == str(n)

    check_law(formatted, (0, 0.0, ""), (-5, 1e300, "é"), (2**63 - 1, float("nan"), "a'b"), (7, -0.0, "{x}"))


def test_printing():
    def shown(s: str, n: int):
        print(s, n, s + "!", f"{s}-{n}")
        for c in s:
            print(c, end="|")

    check_law(shown, *[(text, 3) for text in TEXTS if "\ud800" not in text])


def test_variables_and_branches():
    def named(n: int, s: str):
        kind = "small"
        if n > 3:
            kind = "large"
        best = s if n > 0 else "none"
        longest = ""
        for i in range(n):
            candidate = s[: i + 1]
            if len(candidate) > len(longest):
                longest = candidate
        return kind, best, longest, "yes" if n > 2 else "no"

    check_law(named, (0, "abc"), (5, "héllo"), (-1, ""))


def test_returning_on_several_paths():
    def sign(n: int):
        if n > 0:
            return "positive"
        if n < 0:
            return "negative"
        return "zero"

    check_law(sign, (0,), (5,), (-1,))


def test_palindromes_and_truth():
    def palindrome(s: str):
        if not s:
            return False
        i = 0
        j = len(s) - 1
        while i < j:
            if s[i] != s[j]:
                return False
            i += 1
            j -= 1
        return True

    check_law(palindrome, *[(text,) for text in [*TEXTS, "aba", "äbbä"]])


def test_long_concatenation_takes_linear_memory():
    def grown(n: int):
        left = ""
        right = ""
        for i in range(n):
            left += "ab"
            right = right + "c"
        return len(left), len(right), left[-3:], right[:2]

    native = stage(grown)
    assert native(200_000) == (400_000, 200_000, "bab", "cc")


def test_a_slice_of_a_grown_string_keeps_its_content():
    def grown(s: str):
        a = s + "x"
        b = a + "y"
        c = a + "z"
        d = b + c
        e = d[:2] + "!"
        return a, b, c, d, e

    check_law(grown, ("",), ("ab",), ("é",))


def test_static_strings_stay_static():
    def looked_up(x):
        table = {"a": 2, "b": 3}
        total = 0
        for name in ["a", "b"]:
            if x > 0:
                key = name
                total += x * table[key]
        return total

    check_law(looked_up, (3,), (-3,))


def test_methods_of_known_strings_take_staged_ones():
    def methods(s: str, n: int):
        known = "abca"
        return (
            known.startswith(s),
            known.find(s),
            known.replace("a", s),
            known.count(s),
            known.endswith(s),
            known.center(n),
        )

    check_law(methods, ("a", 7), ("", 0), ("é", -1), ("bca", 9))


def test_refusals():
    @stage
    def int_of(s: str):
        return int(s)

    @stage
    def added(s: str):
        return s + 1

    @stage
    def split(s: str):
        return s.split()

    @stage
    def found(s: str):
        return "abc".find(s, 1)

    @stage
    def joined(s: str):
        return ",".join([s, s])

    for function in (int_of, added, split, found, joined):
        with pytest.raises(PylmsError) as caught:
            function("a")
        assert "test_strings.py" in str(caught.value)
