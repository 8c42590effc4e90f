"""Random programs over a list, a dict and a string of the run: compiled code does what Python does (DESIGN D13)."""

import linecache
import random

import pytest

from pylms import PylmsError, stage

INTS = ("i", "x", "n", "-1", "3", "len(xs)", "xs[i % len(xs)]", "d.get(i, 7)", "i * i % 5", "len(d)", "len(s)", "total")
STATEMENTS = (
    *("xs.append({})", "xs.insert({}, {})", "xs[{}] = {}", "xs.extend(xs[:2])", "xs = xs + [{}]", "xs.reverse()"),
    *("total += xs.pop({})", "total += xs[{}]", "total += xs.count({})", "total -= xs.index({})", "xs.sort()"),
    *("d[{}] = {}", "d[{}] = d.get({}, 0) + 1", "total += d[{}]", "total += d.pop({}, {})", "d.setdefault({}, {})"),
    *("s += str({})", "s = s[{}:] + 'é'", "s = s + s[{}]", "total += s.find('1')", "s = s[::-1]", "s = s * 2"),
    *("ys = xs", "ys.append({})", "xs = ys[{}:]", "xs.remove({})", "total += sum(xs) % 97", "xs = sorted(ys)"),
    *("for k in d:\n            total += k", "for y in ys[:3]:\n            xs.append(y)", "total += {} in xs"),
    *(
        "if {} > {}:\n            xs.append({})",
        "if {} in d:\n            del d[{}]",
        "if '1' in s:\n            s = s[1:]",
    ),
)
ARGUMENTS = ((0, 0), (1, -3), (4, 2), (9, 5))


def program(seed):
    """A function of n and x, from its text."""
    draw = random.Random(seed)
    lines = []
    for _ in range(draw.randint(3, 7)):
        statement = draw.choice(STATEMENTS)
        while "{}" in statement:
            statement = statement.replace("{}", draw.choice(INTS), 1)
        lines.append(f"        {statement}\n")
    body = "".join(lines)
    text = (
        f"def f(n, x):\n    xs = [1, 2, 3]\n    ys = xs\n    d = {{1: 5}}\n    s = '12'\n    total = 0\n"
        f"    for i in range(n):\n{body}        s = s[:50]\n        xs = xs[:50]\n        total = total % 1000003\n"
        f"    return xs, ys, d, s, total\n"
    )
    name = f"<random containers {seed}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    space = {}
    exec(compile(text, name, "exec"), space)
    return space["f"], text


def outcome(function, arguments):
    """The result, or the exception with its text."""
    try:
        return repr(function(*arguments))
    except PylmsError:
        raise
    except Exception as error:
        return type(error).__name__, str(error)


@pytest.mark.parametrize("seed", range(12))
def test_random_program(seed):
    function, text = program(seed)
    native = stage(function)
    for arguments in ARGUMENTS:
        try:
            found = outcome(native, arguments)
        except PylmsError:
            pytest.skip("refused")
        assert found == outcome(function, arguments), text
