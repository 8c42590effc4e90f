"""The programs of the rows, by section. Ordinary Python; what each shows stands in its decorator."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pylms import lms, rep_fun
from pylms import staged as as_staged

from .rows import refused, staged

STATEMENTS = "Statements"


@staged(STATEMENTS, "`if`, `elif`, `else`", (1,), (0,), (-5,))
def branches(n):
    if n > 0:
        value = n
    elif n == 0:
        value = 100
    else:
        value = -n
    return value


@staged(STATEMENTS, "`while`, with `else`", (0,), (5,), (40,))
def while_else(n):
    i = 0
    while i * i < n:
        if i == 6:
            break
        i += 1
    else:
        i += 1000
    return i


@staged(STATEMENTS, "`for` over `range`, with `else`", (0,), (5,), (12,))
def for_else(n):
    found = -1
    for i in range(2, n, 3):
        if i % 5 == 0:
            found = i
            break
    else:
        found = -2
    return found


@staged(STATEMENTS, "`break`, `continue`, `return` anywhere", (0,), (7,), (30,))
def leaving(n):
    total = 0
    for i in range(n):
        for j in range(i):
            if (i + j) % 4 == 0:
                continue
            if j > 5:
                break
            if total > 50:
                return total * 1000
            total += j
    return total


@staged(STATEMENTS, "assignment: chained, unpacked, starred, augmented", (3, 4))
def assignments(a, b):
    x = y = a + b
    (x, z), *rest = (x, y * 2), a, b
    x += z
    x, y = y, x
    return x, y, z, rest[0], rest[1]


@staged(STATEMENTS, "`nonlocal`, nested functions, closures", (5,))
def closures(n):
    count = 0

    def add(k):
        nonlocal count
        count += k

    for i in range(n):
        add(i)
    return count


@staged(STATEMENTS, "`assert`", (1,), (-1,))
def asserting(n):
    assert n > 0, "n must be positive"
    return n


@staged(STATEMENTS, "`raise`", (1,), (-1,))
def raising(n):
    if n < 0:
        raise ValueError("negative")
    return n


@staged(STATEMENTS, "`match` on values, tuples, with guards", (0, 1), (2, 2), (7, 3))
def matching(a, b):
    match (a, b):
        case (0, y):
            return y
        case (x, y) if x == y:
            return 100
        case (2 | 3, _):
            return 200
        case _:
            return a - b


@staged(STATEMENTS, "`with` over a context manager known while staging", (3,))
def managers(n):
    from contextlib import nullcontext

    with nullcontext(2) as two:
        n = n * two
    return n


@staged(STATEMENTS, "`try` around what runs while staging", (3,))
def trying(n):
    table = {"a": 1}
    try:
        offset = table["b"]
    except KeyError:
        offset = 7
    return n + offset


@staged(STATEMENTS, "`del` of a name", (3,))
def deleting(n):
    m = n
    del m
    return n


@staged(STATEMENTS, "`pass`, docstrings, annotations", (3,))
def annotated(n: int) -> int:
    """A docstring."""
    pass
    m: int = n
    return m


@staged(STATEMENTS, "variables that are None until they are assigned", (0,), (1,), (9,))
def none_or_value(n):
    best = None
    for i in range(n):
        if best is None or i * 7 % 5 > best:
            best = i * 7 % 5
    return best, best or -1, None if best is None else best * 2


@refused(STATEMENTS, "`yield`", 3, error=("SyntaxNotSupportedError", "generators (yield) are not supported"))
def generating(n):
    yield n


@refused(STATEMENTS, "`async`, `await`", 3, error=("SyntaxNotSupportedError", "async functions are not supported"))
async def waiting(n):
    return n


EXPRESSIONS = "Expressions"


@staged(EXPRESSIONS, "`+ - * / // % **` of numbers", (7, 2), (-7, 2), (7, -2), (2**31, 3))
def arithmetic(a, b):
    return a + b, a - b, a * b, a / b, a // b, a % b, a**2


@staged(EXPRESSIONS, "`& | ^ ~ << >>` of ints and bools", (12, 10), (-5, 3))
def bits(a, b):
    return a & b, a | b, a ^ b, ~a, a << 2, a >> 1, (a > b) & (b > 0)


@staged(EXPRESSIONS, "comparisons, chained", (1, 2, 3), (3, 2, 1), (2, 2, 2))
def comparing(a, b, c):
    return a < b < c, a <= b >= c, a == b != c


@staged(EXPRESSIONS, "`and`, `or`, `not`, short-circuit", (0, 5), (3, 0), (2, 2))
def logic(a, b):
    safe = b != 0 and a // b > 0
    return safe or a > b, not a


@staged(EXPRESSIONS, "conditional expressions", (3,), (-3,))
def conditional(n):
    return n if n > 0 else -n


@staged(EXPRESSIONS, "`:=`", (17,), (3,))
def walrus(n):
    if (half := n // 2) > 4:
        return half
    return half + 100


@staged(EXPRESSIONS, "`lambda`, calls with defaults, keywords, `*`, `**`", (3,))
def calling(n):
    def f(a, b=2, *rest, scale=1, **more):
        return (a + b + sum(rest)) * scale + more.get("extra", 0)

    g = lambda x: x + 1  # noqa: E731
    return f(n), f(n, n, n, scale=n), f(*(n, 1), **{"extra": n}), g(n)


@staged(EXPRESSIONS, "comprehensions over what is known while staging", (3,))
def comprehending(n):
    values = [n * k for k in range(4)]
    by_name = {f"v{k}": value for k, value in enumerate(values) if k % 2}
    return sum(values), by_name["v1"], max(v + 1 for v in values)


@staged(EXPRESSIONS, "`%` of a string literal", (3, 0.5))
def percent(n, x):
    print("step %d: loss %.4f" % (n, x))
    return "%5d|%-8s|" % (n, x)


@staged(EXPRESSIONS, "f-strings and `str.format` in prints", (3, 0.5))
def formatting(n, x):
    print(f"{n:04d} {x:.3f} {n!r}", "and {}".format(n))
    return n


@staged(EXPRESSIONS, "overflow of 64 bits", (2**62,), (5,), note="OverflowError, where Python's ints grow")
def squaring_checked(n):
    if n > 2**40:
        return 0
    return n * n


FUNCTIONS = "Functions"


@staged(FUNCTIONS, "recursion", (0,), (12,))
def fibonacci(n):
    def fib(k):
        if k < 2:
            return k
        return fib(k - 1) + fib(k - 2)

    return fib(n)


@lms
def is_even(n):
    return True if n == 0 else is_odd(n - 1)


@lms
def is_odd(n):
    return False if n == 0 else is_even(n - 1)


@staged(FUNCTIONS, "mutual recursion", (0,), (9,), (10,))
def parity(n):
    return is_even(n)


@rep_fun
def cube(x):
    return x * x * x


@staged(FUNCTIONS, "`@rep_fun`: a native function of its own", (3,), (-2,))
def cubes(n):
    return cube(n) + cube(n + 1)


def plain_helper(x):
    if x > 10:
        return x - 10
    return x


@staged(FUNCTIONS, "functions without a decorator, virtualised when called", (3,), (30,))
def calling_plain(n):
    return plain_helper(n) * 2


BUILTINS = "Builtins"


@staged(BUILTINS, "`abs`, `min`, `max`, `divmod`, `pow`, `round`", (-7, 3), (8, 5))
def numbers(a, b):
    return abs(a), min(a, b), max(a, b, 4), divmod(a, b), pow(a, 2), round(a / b, 2), round(2.5)


@staged(BUILTINS, "`int`, `float`, `bool`", (7,), (0,), (-2,))
def conversions(n):
    return int(n / 2), float(n), bool(n)


@staged(BUILTINS, "`sum`, `any`, `all` over what is known or a generator", (5,), (0,))
def summing(n):
    values = [n, n + 1, 2]
    return sum(values), any(v > 5 for v in values), all(v > 0 for v in values)


@staged(BUILTINS, "`zip`, `reversed`, `len` of ranges, arrays, lists and strings of the run", (3, "abcd"), (0, "ab"))
def side_by_side(n, text):
    found = 0
    for k, c in zip(reversed(range(n)), text):
        found = found * 31 + k * ord(c)
    return found, len(range(1, n, 2))


@staged(BUILTINS, "`len`, `range`, `enumerate`, `zip`, `reversed`", (3,))
def iterating(n):
    total = 0
    for k, (a, b) in enumerate(zip([n, n + 1], (10, 20))):
        total += k * a + b
    for i in reversed(range(3)):
        total = total * 2 + i
    return total + len([n, n])


@staged(BUILTINS, "`math.*`", (2.0,), (0.25,))
def mathematics(x):
    return math.sqrt(x), math.exp(x), math.log(x), math.sin(x), math.floor(x * 3), math.hypot(x, 1.0), math.pi


@staged(BUILTINS, "`print`", (3,))
def printing(n):
    for i in range(n):
        print("row", i, end=";")
    print()
    return n


@staged(BUILTINS, "`isinstance` of numbers", (3,), (2.5,))
def classes(n):
    return isinstance(n, int), isinstance(n, (int, float))


TYPES = "Types"


@staged(TYPES, "bool, int (64 bits), float", (True, 3, 0.5), (False, -1, float("nan")))
def scalars(flag, n, x):
    return flag, n + 1, x * 2


@staged(TYPES, "NumPy integers and floats of every width", (np.int8(100), np.uint16(3)), (np.int8(-128), np.uint16(7)))
def widths(a, b):
    return a + a, b * b, np.float32(a) / b


@staged(TYPES, "`str` arguments: `len`, index, slice, iterate, compare", ("hello",), ("",), ("ünï",))
def text(s):
    count = 0
    for letter in s:
        if letter == "l" or letter == "ü":
            count += 1
    return count, len(s), s == "hello"


@staged(TYPES, "growable `list`", (0,), (10,))
def lists(n):
    out = []
    for i in range(n):
        if i % 3:
            out.append(i)
    return out


@staged(
    TYPES,
    "lists and dicts as arguments, changed for the caller",
    ([3, 1], {"a": 1}, [(1.5, "a")]),
    ([5], {"b": 0, "a": 2}, [(0.5, "a"), (2.5, "b")]),
)
def container_arguments(numbers, counts, pairs):
    for weight, name in pairs:
        counts[name] += 1
        if weight > 1.0:
            numbers.append(len(name))
    numbers.sort()
    return numbers, counts["a"]


@staged(FUNCTIONS, "lists and dicts given by native functions", (0,), (5,))
def native_lists(n):
    def down(k):
        if k == 0:
            return [0]
        rest = down(k - 1)
        rest.append(k * k)
        return rest

    return down(n)


@staged(TYPES, "`dict`", (0,), (50,))
def dicts(n):
    counts = {}
    for i in range(n):
        key = i * i % 7
        counts[key] = counts.get(key, 0) + 1
    total = 0
    for key in counts:
        total = total * 10 + counts[key]
    return total


class Point(NamedTuple):
    x: float
    y: float


@staged(TYPES, "tuples and named tuples", (1.0, 2.0))
def tuples(a, b):
    p = Point(a, b)
    for _ in range(3):
        p = Point(p.y, p.x + 1.0)
    return p, (a, (b,))


@dataclass
class State:
    count: int
    total: float


@staged(TYPES, "NumPy arrays: elements, slices, views, in place", (np.arange(6.0),), (np.ones(2),))
def arrays(a):
    n = a.shape[0]
    for i in range(n):
        a[i] = a[i] * 2 + a[-1]
    b = a[1:]
    b[0] = 7.0
    return a[1] + len(b)


@staged(TYPES, "two-dimensional arrays, transposed and strided", (np.arange(12.0).reshape(3, 4),))
def matrices(a):
    total = 0.0
    for row in a[:, ::2]:
        for value in row:
            total += value
    return total + a.T[1, 2] + a.shape[1]


@staged(
    TYPES, "element-wise NumPy expressions and reductions", (np.arange(5.0), np.ones(5)), (np.zeros(0), np.zeros(0))
)
def expressions(a, b):
    c = a * b + np.sqrt(a)
    return c.sum()


@staged(TYPES, "arrays made by `np.zeros` and the like", (4,), (0,))
def making(n):
    a = np.zeros(n)
    for i in range(n):
        a[i] = i * 0.5
    return a


@staged(TYPES, "broadcasting, further dimensions, products of matrices", (np.arange(3.0), np.ones((3, 4))))
def broadcasting(v, a):
    apart = v[:, None] - v[None, :]
    return (apart * apart).sum(axis=0), v @ a, np.maximum(a, v[:, None]), a.mean(axis=1, keepdims=True)


@staged(TYPES, "assignment of whole arrays: slices, masks, in-place operators", (np.arange(6.0),), (np.zeros(0),))
def assignment(a):
    a[1:] = a[:-1]
    a *= 2
    a[a > 4] = 0
    return np.where(a > 0, a, -1)


WEIGHTS = np.array([0.5, 1.5, 2.5])
PRIMES = [2, 3, 5, 7]


@staged(TYPES, "arrays and lists of numbers that are known while staging, by staged indices", (1,), (-1,))
def tables(i):
    return WEIGHTS[i] + PRIMES[i], WEIGHTS * i


@refused(TYPES, "indexing an array by an array", np.ones(3), error=("NotSupportedYetError", "indexing a staged array"))
def fancy(a):
    return a[np.arange(2)]


@staged(TYPES, "`staged(range(n), parallel=True)`", (1000,), (0,))
def parallel(n):
    total = 0
    for i in as_staged(range(n), parallel=True):
        total += i * i
    return total


@staged(STATEMENTS, "`import` inside a function", (2.0,))
def importing(x):
    import math as m

    return m.sqrt(x)


@staged(STATEMENTS, "`try`, `finally` around what runs while staging", (3,))
def finishing(n):
    log = []
    try:
        log.append("in")
    finally:
        log.append("out")
    return n + len(log)


@staged(STATEMENTS, "attributes and subscripts of what is known, assigned outside staged blocks", (3,))
def attributes(n):
    table = [0, 0]
    table[1] = n
    table[0] += n * 2
    return table[0], table[1]


@refused(
    STATEMENTS,
    "`try` around what may raise when the code runs",
    3,
    error=("NotSupportedYetError", "covers only what is raised while staging"),
)
def catching(n):
    try:
        return 10 // n
    except ZeroDivisionError:
        return 0


@refused(
    STATEMENTS, "assignment to a global name", 3, error=("SyntaxNotSupportedError", "assignment to the global name")
)
def assigning_globals(n):
    global COUNTER
    COUNTER = n
    return n


known_list = [1, 2, 3]


@refused(
    STATEMENTS,
    "changing an object from outside in a staged block",
    3,
    error=("NotSupportedYetError", "a list that is older than this staged loop is changed in it"),
)
def changing_outside(n):
    for i in range(n):
        known_list.append(i)
    return n


@staged(EXPRESSIONS, "subscripts of known lists, tuples and arrays by staged ints", (0,), (2,), (-1,), (3,))
def looking_up(n):
    table = (10, 20, 30)
    return table[n]


@staged(EXPRESSIONS, "comprehensions over staged ranges", (0,), (5,))
def comprehending_ranges(n):
    squares = [i * i for i in range(n)]
    total = 0
    for s in squares:
        total += s
    return total, sum(i for i in range(n) if i % 2)


@staged(EXPRESSIONS, "slices of strings and lists", ("compiler",), ("",))
def slicing_text(s):
    return s[1:4], s[::-1], s[-3:]


@staged(EXPRESSIONS, "`in`, `not in` of strings, lists, dicts", (3,), (30,))
def searching(n):
    squares = [i * i for i in range(5)]
    names = {i: i + 1 for i in range(4)}
    return n in (1, 2, 3), 9 in squares, n in names, "s" in "staged"


@staged(EXPRESSIONS, "`is None`", (3,))
def none_tests(n):
    other = None
    return n is None, other is None, n is not None


@staged(EXPRESSIONS, "`@` of arrays", (np.arange(4.0).reshape(2, 2), np.ones((2, 2))))
def products(a, b):
    return a @ b


@refused(EXPRESSIONS, "complex numbers", 3, error=("StagedTypeError", "unsupported operands"))
def imaginary(n):
    return n * 1j


@staged(FUNCTIONS, "recursion with tuples and arrays", (np.arange(8.0), 3.0), (np.zeros(0), 1.0))
def array_recursion(a, x):
    def search(low, high):
        if low >= high:
            return low, 0
        middle = (low + high) // 2
        if a[middle] < x:
            place, steps = search(middle + 1, high)
        else:
            place, steps = search(low, middle)
        return place, steps + 1

    return search(0, len(a))


def twice(f, x):
    return f(f(x))


@staged(FUNCTIONS, "functions as arguments", (3,))
def higher_order(n):
    return twice(lambda x: x * n + 1, n)


@staged(FUNCTIONS, "methods, `self` known while staging", (3,))
def methods(n):
    return SCALE.times(n)


class Scale:
    def __init__(self, factor):
        self.factor = factor

    def times(self, x):
        if x > 0:
            return x * self.factor
        return -x


SCALE = Scale(7)


@staged(FUNCTIONS, "deep recursion", (10,), (5000,), note="RecursionError where the thread's stack ends")
def depth(n):
    def down(k):
        if k == 0:
            return 0
        return down(k - 1) + 1

    return down(n) if n < 100 else n


@staged(FUNCTIONS, "`*args` and `**kwargs` of the staged function itself", (3,), (4, 2.5, 1), ())
def variadic(*numbers, **named):
    total = 0
    for number in numbers:
        total += number
    return total, len(named)


@staged(BUILTINS, "`sorted`, `map`, `filter` over what is known", (3,))
def known_iterators(n):
    first, *_ = (n + k for k in sorted([3, 1, 2]))
    return first, sum(map(lambda k: k * n, [1, 2]))


@staged(BUILTINS, "`list`, `dict` methods", (6,))
def container_methods(n):
    values = []
    for i in range(n):
        values.append(i * 3 % 5)
    values.sort()
    values.reverse()
    values.insert(1, 100)
    last = values.pop()
    table = {}
    for v in values:
        table[v] = table.get(v, 0) + 1
    return last, len(values), values[1], values.count(3), len(table), 100 in table


@staged(BUILTINS, "`str` methods, `ord`, `chr`", ("Hello",), ("",))
def text_methods(s):
    total = 0
    for letter in s:
        total += ord(letter)
    return total, s.startswith("He"), s + "!", len(s) * 2


@staged(BUILTINS, "`np.zeros`, `ones`, `empty`, `full`, `arange`, `*_like`", (4,))
def creating(n):
    a = np.ones(n) + np.arange(n)
    b = np.zeros_like(a)
    b[:] = np.full(n, 2.5)
    return (a * b).sum()


@staged(BUILTINS, "NumPy's elementwise functions", (np.linspace(0.1, 1.0, 5),))
def elementwise(a):
    b = np.where(a > 0.5, np.sin(a), np.maximum(a, 0.3))
    return np.abs(b).max(), np.floor(a * 3)


@staged(BUILTINS, "reductions of arrays, with `axis`", (np.arange(6.0).reshape(2, 3),))
def reducing(a):
    return a.sum(), a.max(), a.mean(), a.sum(axis=0), a.argmin(), bool((a > 2).any())


@refused(
    BUILTINS, "`repr`, `ascii`, `str`, `hex` outside a print", 3, error=("StagingError", "has no text while staging")
)
def texts(n):
    return ascii(n)


@staged(TYPES, "dataclasses and named tuples as arguments and results", (Point(1.0, 2.0),))
def structures(p):
    return Point(p.y, p.x), (p, 3)


@dataclass
class Walker:
    place: float
    steps: int = 0


@staged(
    TYPES, "fields of dataclasses, assigned; those of arguments for the caller, too", (Walker(0.0), 5), (Walker(3.0), 0)
)
def walking(walker, n):
    other = Walker(1.0)
    for i in range(n):
        if walker.place > other.place:
            other.place += 2.0
        walker.place += i
        walker.steps += 1
    return walker, other, walker.place


@staged(TYPES, "`None` as an argument", (None, 3), (2, 3))
def optional(a, b):
    if a is None:
        return b
    return a + b


@refused(TYPES, "object arrays", np.array([None]), error=("ArgumentError", "object"))
def objects(a):
    return a[0]


@refused(TYPES, "ints beyond 64 bits as arguments", 2**70, error=("ArgumentError", "does not fit 64 bits"))
def huge(n):
    return n


@refused(TYPES, "other objects as arguments", object(), error=("ArgumentError", "which compiled code cannot take"))
def anything(a):
    return 1


@staged(TYPES, "nested lists, lists of strings, of tuples", (3,))
def nested(n):
    rows = []
    for i in range(n):
        row = []
        for j in range(i):
            row.append((i, j * 0.5))
        rows.append(row)
    return len(rows), len(rows[n - 1])
