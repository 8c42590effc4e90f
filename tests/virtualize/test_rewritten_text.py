"""`.original_src` and `.src` as the documents print them."""

from __future__ import annotations

import textwrap

from pylms.virtualize import virtualize
from tests.virtualize.sources import define


def source_of(source, name):
    return virtualize(define(textwrap.dedent(source), name)).src + "\n"


def check(name, source, expected):
    assert source_of(source, name) == textwrap.dedent(expected).lstrip("\n")


def test_power_returns_a_branch():
    check(
        "power",
        """
        def power(b, x):
            if x == 0:
                return 1
            else:
                return b * power(b, x - 1)
        """,
        """
        def power(b, x):
            def then$1():
                return __return(1)
            def else$1():
                return __return(b * power(b, x - 1))
            return __if(x == 0, then$1, else$1)
        """,
    )


def test_loop_over_a_cell():
    check(
        "loop",
        """
        def loop(n):
            x = 0
            while x < n:
                x = x + 1
            return x
        """,
        """
        def loop(n):
            x = __var()
            __assign(x, 0)
            def cond$1():
                return __read(x) < n
            def body$1():
                __assign(x, __read(x) + 1)
            __while(cond$1, body$1)
            return __return(__read(x))
        """,
    )


def test_training_script():
    check(
        "run",
        """
        def run(dummy):
            def forward(x):
                x1 = x.view(-1, 784)
                x2 = F.relu(linear(x1))
                return F.log_softmax(x2, dim=1)

            def train(epoch):
                total = 0.0
                for batch_idx, (data, target) in enumerate(train_loader):
                    optimizer.zero_grad()
                    output = forward(data)
                    loss = F.nll_loss(output, target)
                    total += loss.item()
                    loss.backward()
                    optimizer.step()
                    if (batch_idx + 1) % log_interval == 0:
                        print('Train Epoch: {} [{}/{}]\\tLoss: {:.6f}'.format(
                            epoch, batch_idx + 1, len(train_loader), total / batch_idx))
                return total

            idx = 0
            while idx < epochs:
                idx = idx + 1
                print(f'Start Training Epoch {idx}...')
                train(idx)
        """,
        r"""
        def run(dummy):
            idx = __var()
            def forward(x):
                x1 = x.view(-1, 784)
                x2 = F.relu(linear(x1))
                return __return(F.log_softmax(x2, dim=1))
            def train(epoch):
                total = __var()
                __assign(total, 0.0)
                def forfunc$1(batch_idx, data, target):
                    optimizer.zero_grad()
                    output = forward(data)
                    loss = F.nll_loss(output, target)
                    __assign(total, __iadd(__read(total), loss.item()))
                    loss.backward()
                    optimizer.step()
                    def then$1():
                        __printf('Train Epoch: {} [{}/{}]\tLoss: {:.6f}', epoch, batch_idx + 1, """
        r"""__call(len, train_loader), __read(total) / batch_idx)
                    def else$1():
                        pass
                    __if((batch_idx + 1) % log_interval == 0, then$1, else$1)
                __for_dataloader(train_loader, forfunc$1)
                return __return(__read(total))
            __assign(idx, 0)
            def cond$1():
                return __read(idx) < epochs
            def body$1():
                __assign(idx, __read(idx) + 1)
                __printf('Start Training Epoch {}...', __read(idx))
                train(__read(idx))
            __while(cond$1, body$1)
        """,
    )


def test_break_and_continue():
    check(
        "search",
        """
        def search(xs):
            found = None
            for x in xs:
                if x < 0:
                    continue
                if x > 10:
                    found = x
                    break
            else:
                print('none')
            return found
        """,
        """
        def search(xs):
            found = __var()
            broke$1 = __var()
            __assign(found, None)
            __assign(broke$1, False)
            def body$1(x):
                def then$1():
                    def then$2():
                        __assign(found, x)
                        __assign(broke$1, True)
                    def else$2():
                        pass
                    __if(x > 10, then$2, else$2)
                def else$1():
                    pass
                __if(__not(x < 0), then$1, else$1)
            def stop$1():
                return __read(broke$1)
            __for(xs, body$1, stop$1)
            def then$3():
                __print('none')
            def else$3():
                pass
            __if(__not(__read(broke$1)), then$3, else$3)
            return __return(__read(found))
        """,
    )


def test_return_from_an_endless_loop():
    check(
        "first",
        """
        def first(n):
            while True:
                if n % 7 == 0:
                    return n
                n += 1
        """,
        """
        def first(n):
            n = __var(n)
            returned$1 = __var()
            broke$1 = __var()
            result$1 = __var()
            __assign(returned$1, False)
            __assign(broke$1, False)
            def cond$1():
                return __not(__read(broke$1))
            def body$1():
                def then$1():
                    __assign(result$1, __read(n))
                    __assign(returned$1, True)
                    __assign(broke$1, True)
                def else$1():
                    __assign(n, __iadd(__read(n), 1))
                __if(__read(n) % 7 == 0, then$1, else$1)
            __while(cond$1, body$1)
            return __return(__read(result$1))
        """,
    )


def test_expressions():
    check(
        "f",
        """
        def f(a, b, n: int = 3):
            '''Doc.'''
            x = a if a and b else not b
            y = 0 < a <= n < b.size() <= 5
            return f'{x!r:>{n}} {y:.2f} {{}}', abs(math.sqrt(n)), '{}'.format(a), max(a, b, key=len)
        """,
        """
        def f(a, b, n: int=3):
            \"\"\"Doc.\"\"\"
            x = __if(__and(a, lambda: b), lambda: a, lambda: __not(b))
            y = __and(0 < a, lambda: __and(a <= n, lambda: (lambda left$1, middle$1: __and(left$1 < middle$1, """
        """lambda: middle$1 <= 5))(n, b.size())))
            return __return((__format('{!r:>{}} {:.2f} {{}}', x, n, y), __call(abs, __call(math.sqrt, n)), """
        """__format('{}', a), __call(max, a, b, key=len)))
        """,
    )


def test_names_that_stay_python_names():
    check(
        "f",
        """
        def f(xs):
            total = 0
            for x in xs:
                square = x * x
                if square > 4:
                    root = square / 2
                    total += root
                scaled = square
                scaled *= 2
            return total
        """,
        """
        def f(xs):
            total = __var()
            __assign(total, 0)
            def body$1(x):
                scaled = __var()
                square = x * x
                def then$1():
                    root = square / 2
                    __assign(total, __iadd(__read(total), root))
                def else$1():
                    pass
                __if(square > 4, then$1, else$1)
                __assign(scaled, square)
                __assign(scaled, __imul(__read(scaled), 2))
            __for(xs, body$1)
            return __return(__read(total))
        """,
    )


def test_original_source_is_dedented_and_keeps_decorators():
    source = """
    if True:
        def same(function):
            return function

        class Holder:
            @same
            @same
            def method(self, x=1):
                # A comment.

                return x
    """
    method = define(textwrap.dedent(source), "Holder").method
    assert virtualize(method).original_src == (
        "@same\n@same\ndef method(self, x=1):\n    # A comment.\n\n    return x\n"
    )
    assert virtualize(method).src == "def method(self, x=1):\n    return __return(x)"


def test_lambda_is_shown_as_a_lambda():
    function = define("double = (lambda x, k=2:\n    x * k if x else -x)\n", "double")
    rewritten = virtualize(function)
    assert rewritten.original_src == "lambda x, k=2:\n    x * k if x else -x"
    assert rewritten.src == "lambda x, k=2: __if(x, lambda: x * k, lambda: -x)"


def test_blank_lines_of_docstrings_stay():
    source = 'def f(x):\n    """First.\n\n    Second.\n    """\n\n    def g():\n        return x\n\n    return g\n'
    docstring = '    """First.\n\n    Second.\n    """'
    expected = f"def f(x):\n{docstring}\n    def g():\n        return __return(x)\n    return __return(g)"
    assert virtualize(define(source, "f")).src == expected
