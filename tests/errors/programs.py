"""Programs that are refused, each as a notebook cell that defines what it needs and ends by calling it."""

PROGRAMS = {
    "yield": """
@stage
def f(n):
    for i in range(n):
        yield i
""",
    "async": """
@stage
async def f(n):
    return n
""",
    "try": """
@stage
def f(n):
    try:
        return 1 // n
    except ZeroDivisionError:
        return 0

f(1)
""",
    "branch in a try": """
@stage
def f(n):
    total = 0
    try:
        if n > 0:
            total = 1
    finally:
        total += 1
    return total

f(1)
""",
    "suppressed error": """
import contextlib

@stage
def f(n):
    with contextlib.suppress(ZeroDivisionError):
        return 1 // n
    return 0

f(1)
""",
    "error in a manager that swallows all": """
class Swallows:
    def __enter__(self):
        return self

    def __exit__(self, *error):
        return True

@stage
def f(n):
    with Swallows():
        return (1, 2)[n:]
    return 0

f(1)
""",
    "changed list": """
seen = []

@stage
def f(n):
    for i in range(n):
        seen.append(i)
    return n

f(3)
""",
    "iterator in a branch": """
names = iter(["a", "b"])

@stage
def f(n):
    if n > 0:
        print(next(names))
    return n

f(3)
""",
    "leaving finally": """
@stage
def f(n):
    for i in range(n):
        try:
            n += i
        finally:
            break
    return n
""",
    "global": """
@stage
def f(n):
    global count
    count = n
""",
    "branch in an undecorated function": """
def sign(x):
    if x < 0:
        return -1
    return 1

@stage(recursive=False)
def f(x):
    return sign(x)

f(3)
""",
    "while in an undecorated function": """
def halvings(x):
    n = 0
    while x > 1:
        x, n = x // 2, n + 1
    return n

@stage(recursive=False)
def f(x):
    return halvings(x) + 1

f(3)
""",
    "and in an undecorated function": """
def inside(x):
    return 0 < x and x < 9

@stage(recursive=False)
def f(x):
    return inside(x)

f(3)
""",
    "condition of a comprehension": """
@stage
def f(x):
    return len({k for k in (1, 2, 3) if k < x})

f(3)
""",
    "in a set": """
@stage
def f(x):
    return 1 if x in {1, 2, 3} else 0

f(3)
""",
    "index of a list": """
table = [1, "two", 3]

@stage
def f(n):
    return table[n]

f(1)
""",
    "key of a dict": """
table = {1: 2}

@stage
def f(n):
    return table[n]

f(1)
""",
    "range in undecorated code": """
def total(n):
    return sum([k for k in range(n)])

@stage(recursive=False)
def f(n):
    return total(n)

f(3)
""",
    "tuple of a range": """
@stage
def f(n):
    return len(tuple(range(n)))

f(3)
""",
    "range of a float": """
@stage
def f(x):
    for i in range(x):
        print(i)

f(1.5)
""",
    "int in undecorated code": """
def whole(x):
    return int(x)

@stage(recursive=False)
def f(x):
    return whole(x)

f(2.5)
""",
    "repetition": """
@stage
def f(n):
    return len(b"0" * n)

f(2)
""",
    "text as a number": """
@stage
def f(s: str):
    return int(s)

f("2")
""",
    "iteration": """
@stage
def f(n):
    for k in n:
        print(k)

f(2)
""",
    "text as an operand": """
@stage
def f(n):
    return n + "1"

f(2)
""",
    "bit operation": """
@stage
def f(n):
    return n & 7

f(2.0)
""",
    "extreme of two types": """
@stage
def f(n, x):
    return max(n, x)

f(2, 0.5)
""",
    "rounding to a staged number of digits": """
@stage
def f(x, n):
    return round(x, n)

import numpy

f(numpy.float64(2.5), 1)
""",
    "modular power of floats": """
@stage
def f(x):
    return pow(x, 2, 7)

f(2.5)
""",
    "any of a generator that may raise": """
@stage
def f(n):
    return any(map(lambda k: 1 // (n - k) > 0, range(3)))

f(2)
""",
    "staged tolerance": """
import math

@stage
def f(x, y):
    return math.isclose(x, 1.0, rel_tol=y)

f(2.5, 0.1)
""",
    "method of a number": """
@stage
def f(x):
    return x.as_integer_ratio()

f(2.5)
""",
    "wrong number of arguments": """
import math

@stage
def f(x):
    return math.sqrt(x, 2)

f(2.5)
""",
    "matrix product of numbers": """
@stage
def f(x):
    return x @ x

f(2.5)
""",
    "function of NumPy": """
import numpy as np

@stage
def f(x):
    return np.spacing(x)

f(2.5)
""",
    "keyword of a function of NumPy": """
import numpy as np

@stage
def f(x):
    return np.sqrt(x, dtype=np.float32)

f(2.5)
""",
    "NumPy's half precision": """
import numpy as np

@stage
def f(x):
    return np.sqrt(np.int8(x))

f(2)
""",
    "function of math": """
import math

@stage
def f(x):
    return math.gcd(x, 2)

f(2.5)
""",
    "percent formatting of a variable": """
@stage
def f(n):
    text = "%d"
    print(text % n)

f(2)
""",
    "huge int": """
@stage
def f(n):
    return n + 2**64

f(2)
""",
    "types across iterations": """
@stage
def f(k):
    n = 0.5
    for i in range(k):
        n = (n, i)
    return n

f(3)
""",
    "float and int across iterations": """
@stage
def f(k):
    n = 0.5
    for i in range(k):
        n = i
    return n

f(3)
""",
    "types across branches": """
@stage
def f(x):
    n = 1.5
    if x > 0:
        n = x
    return n

f(3)
""",
    "types of a variable made in branches": """
@stage
def f(x):
    if x > 0:
        n = x
    else:
        n = x * 0.5
    return n

f(3)
""",
    "results of branches": """
@stage
def f(x):
    if x > 0:
        return x
    return x, x

f(3)
""",
    "operands of a ternary": """
@stage
def f(x):
    return x if x > 0 else x * 0.5

f(3)
""",
    "None or one of two types": """
@stage
def f(x):
    best = None
    if x > 0:
        best = x
    if x > 1:
        best = "one"
    return best

f(3)
""",
    "a set assigned under staged control": """
@stage
def f(x):
    names = set()
    if x > 0:
        names = {1}
    return len(names)

f(3)
""",
    "returning a list from outside": """
table = [1, 2]

@stage
def f(x):
    return table

f(3)
""",
    "bytes argument": """
@stage
def f(x):
    return x

f(b"three")
""",
    "list argument": """
@stage
def f(x, y):
    return x + y

f(1, [2, 3])
""",
    "huge argument": """
@stage
def f(x):
    return x

f(2**63)
""",
    "too few arguments": """
@stage
def f(x, y):
    return x + y

f(1)
""",
    "unknown keyword": """
@stage
def f(x):
    return x

f(x=1, z=2)
""",
    "annotated argument": """
@stage
def f(x: float) -> float:
    return x * 2

f(3)
""",
    "one of any number of arguments": """
@stage
def f(*xs: int):
    return xs[0]

f(3, 2.5)
""",
    "method": """
class Model:
    @stage
    def scale(self, x):
        return x * 2

Model().scale(3)
""",
    "recursion without a base case": """
@stage
def f(n):
    return f(n - 1) + 1 if n > 0 else f(n + 1)

f(5)
""",
    "mutual recursion without a base case": """
def ping(n):
    return pong(n - 1) if n > 0 else pong(n + 1)

def pong(n):
    return ping(n - 2) if n > 5 else ping(n)

@stage
def f(n):
    return ping(n)

f(4)
""",
    "recursion that gives two types": """
def f(n):
    return n if n > 9 else f(n + 1) * 0.5

stage(f)(4)
""",
    "static recursion past its budget": """
@lms
def power(b, n):
    return b * power(b, n - 1)

@stage
def f(b):
    return power(b, 3)

f(2)
""",
    "static argument of a staged recursion": """
@stage
def total(n, sum=0, text=""):
    return sum if n == 0 else total(n - 1, sum + 2, text + "x")

@stage
def f(n):
    return total(n)

f(2)
""",
    "static recursion on no argument": """
def f(x, items):
    return x if x > 9 else f(x + 1, [*items, x])

stage(lambda x: f(x, []))(4)
""",
    "native function and a variable that has no value": """
@stage
def f(n):
    def g(k):
        nonlocal seen
        seen = k
        return 0 if k <= 0 else g(k - 1)
    result = g(n)
    seen = 3
    return result

f(2)
""",
    "native function that gives a set": """
@stage
def f(n):
    def g(k):
        return set() if k <= 0 else g(k - 1)
    return len(g(n))

f(2)
""",
    "kept value": """
kept = []

@stage
def f(x):
    kept.append(x)
    return x

@stage
def g(x):
    return x + kept[0]

f(1)
g(1)
""",
    "kept value used outside": """
kept = []

@stage
def f(x):
    kept.append(x)
    return x

f(1)
print(kept[0] + 1)
""",
    "static of a staged value": """
@stage
def f(x):
    return static(x)

f(1)
""",
    "staged bounds of a format": """
@stage
def f(x, width):
    print(f"{x:{width}}")

f(1, 5)
""",
    "format that does not fit": """
@stage
def f(x):
    print(f"{x:d}")

f(1.5)
""",
    "print to a file": """
import sys

@stage
def f(x):
    print(x, file=sys.stderr)

f(1)
""",
    "staged twice": """
@stage
@stage
def f(x):
    return x
""",
    "staged staticmethod": """
class Model:
    @stage
    @staticmethod
    def f(x):
        return x
""",
    "outside variable": """
def make():
    count = 0

    @stage
    def f(x):
        nonlocal count
        if x > 0:
            count = 1
        return x

    return f

make()(1)
""",
    "exception of the user's": """
class Failure(Exception):
    pass

@stage
def f(x):
    if x < 0:
        raise Failure("negative")
    return x

f(1)
""",
    "array of complex": """
import numpy as np

@stage
def f(a):
    return a[0]

f(np.zeros(3, complex))
""",
    "array in the other byte order": """
import numpy as np

@stage
def f(a):
    return a[0]

f(np.zeros(3, np.dtype("int32").newbyteorder()))
""",
    "masked array": """
import numpy as np

@stage
def f(a):
    return a[0]

f(np.ma.masked_array([1.0, 2.0]))
""",
    "read-only array": """
import numpy as np

@stage
def f(a):
    a[0] = 1.0

constant = np.zeros(3)
constant.flags.writeable = False
f(constant)
""",
    "array where an int is declared": """
import numpy as np

@stage
def f(n: int):
    return n

f(np.zeros(3))
""",
    "bytes within a tuple argument": """
@stage
def f(pair):
    return pair[0]

f((1, b"b"))
""",
    "assigned field of an argument": """
from dataclasses import dataclass

@dataclass
class Account:
    balance: int

    def __setattr__(self, name, value):
        object.__setattr__(self, name, abs(value))

@stage
def f(account):
    account.balance = account.balance + 1

f(Account(1))
""",
    "several types in a list": """
@stage
def f(n):
    out = []
    for i in range(n):
        out.append(i)
        out.append("a")
    return out

f(3)
""",
    "several types among the values of a dict": """
@stage
def f(n):
    d = {}
    for i in range(n):
        d[i] = 1.5
        d[i] = (i, i)
    return d

f(3)
""",
    "what no list can hold": """
@stage
def f(n):
    out = []
    for i in range(n):
        out.append(None)
    return out

f(3)
""",
    "a list as a key": """
@stage
def f(n):
    d = {}
    for i in range(n):
        d[[i]] = i
    return d

f(3)
""",
    "get without a default": """
@stage
def f(n):
    d = {}
    for i in range(n):
        d[i] = i
    return d.get(n)

f(3)
""",
    "a method that staged lists lack": """
@stage
def f(n):
    out = []
    for i in range(n):
        out.append(i)
    out.sort(key=abs)
    return out

f(3)
""",
    "a method that staged strings lack": """
@stage
def f(s: str):
    return s.split()

f("a b")
""",
    "a number added to a string": """
@stage
def f(s: str):
    return s + 1

f("a b")
""",
    "two kinds of lists in one variable": """
@stage
def f(n):
    ints = []
    floats = []
    for i in range(n):
        ints.append(i)
        floats.append(i * 0.5)
    if n > 3:
        ints = floats
    return ints

f(3)
""",
    "a tuple of a list": """
@stage
def f(n):
    out = []
    for i in range(n):
        out.append(i)
    return tuple(out)

f(3)
""",
    "returning a view": """
@stage
def f(n):
    d = {}
    for i in range(n):
        d[i] = i
    return d.keys()

f(3)
""",
    "array as a condition": """
import numpy as np
@stage
def f(a):
    if a > 0:
        return 1
    return 0

f(np.ones(3))
""",
    "floats into an array of ints": """
import numpy as np
@stage
def f(a):
    a += 0.5

f(np.arange(3))
""",
    "array indexed by an array": """
import numpy as np
@stage
def f(a, places):
    return a[places]

f(np.ones(3), np.arange(2))
""",
    "array of complex numbers": """
import numpy as np
roots = np.array([1j, -1j])
@stage
def f(a):
    return a * roots

f(np.ones(2))
""",
    "function of NumPy without a staged meaning": """
import numpy as np
@stage
def f(a):
    return np.linalg.inv(a)

f(np.eye(2))
""",
    "method that arrays have not got here": """
import numpy as np
@stage
def f(a):
    return np.median(a)

f(np.ones(2))
""",
    "axis that is not there": """
import numpy as np
@stage
def f(a):
    return a.sum(axis=2)

f(np.eye(2))
""",
    "where without alternatives": """
import numpy as np
@stage
def f(a):
    return np.where(a > 0)

f(np.ones(2))
""",
    "difference of bools": """
import numpy as np
@stage
def f(a):
    return (a > 0) - (a < 0)

f(np.ones(2))
""",
    "text in an array": """
import numpy as np
@stage
def f(a):
    a[:] = "one"

f(np.ones(2))
""",
    "extent that is no int": """
import numpy as np
@stage
def f(x):
    return np.zeros(x)

f(2.5)
""",
    "root in float16": """
import numpy as np
@stage
def f(a):
    return np.sqrt(a)

f(np.ones(2, np.int8))
""",
}
