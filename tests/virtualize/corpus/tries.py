"""`try`: every clause, left in every way, around and inside every other construct."""

# Written oddly, and wrongly, on purpose.
# mypy: ignore-errors
# ruff: noqa: E731, F821, F841

from tests.virtualize.corpus.record import Manager, case, note


@case(({"a": 1}, "a"), ({}, "a"), (None, 1), ({}, []))
def handlers(table, key):
    try:
        value = note(table[key])
    except KeyError as error:
        note(("missing", error.args))
        value = 0
    except (AttributeError, TypeError):
        value = -1
    else:
        note("found")
        value += 1
    finally:
        note("done")
    return value


@case((0,), (1,), (2,))
def returns_everywhere(n):
    try:
        if n == 0:
            return note("try")
        note(1 // (n - 1))
    except ZeroDivisionError:
        return note("except")
    else:
        return note("else")
    finally:
        note("finally")


@case((0,), (1,), (2,), (3,))
def returns_with_code_after(n):
    x = "unset"
    try:
        try:
            if n == 0:
                return x, "early"
            x = 6 // (n - 1)
        except ZeroDivisionError as error:
            x = str(error)
            if n > 0:
                note(x)
        else:
            if n == 2:
                return x, "else"
            note("else")
    finally:
        note("finally")
    note("after")
    return x, "late"


@case((0,), (1,), (2,))
def exception_overtakes_return(n):
    try:
        try:
            if n:
                return "inner"
            note("no return")
        finally:
            if n == 2:
                raise ValueError("overtaken")
    except ValueError:
        note("caught")
    return "outer"


@case(([1, 0, 2, -1, 3],), ([],), ([-1],), ([0],))
def loops_left_from_try(xs):
    seen = []
    for x in xs:
        try:
            if x < 0:
                break
            seen.append(6 // x)
            if x == 2:
                continue
            note(("rest of try", x))
        except ZeroDivisionError:
            note("zero")
            continue
        else:
            note(("else", x))
        finally:
            note(("finally", x))
        note(("after", x))
    else:
        note("exhausted")
    return seen


@case((0,), (1,), (2,), (3,))
def exception_overtakes_break_and_continue(n):
    rounds = []
    for i in range(3):
        try:
            try:
                if n == 1:
                    break
                if n == 2:
                    continue
                if n == 3:
                    return rounds
                rounds.append(i)
            finally:
                if i == 1:
                    raise KeyError(i)
        except KeyError:
            rounds.append("caught")
        rounds.append("after")
    else:
        rounds.append("else")
    return rounds


@case((0,), (1,))
def unset_in_handlers(n):
    try:
        note(n)
        x = 1 // n
    except ZeroDivisionError:
        note("zero")
    return x


@case((0,), (1,), (2,))
def names_after_as(n):
    caught = []
    for i in range(n):
        try:
            raise ValueError(i)
        except ValueError as e:
            caught.append((e, (lambda: i)()))
        try:
            raise KeyError(i)
        except KeyError as e:
            caught.append(e)
            e = None
    try:
        return caught, e
    except UnboundLocalError as e:
        note("unset")
        if n == 2:
            return e is not None
    return caught


@case((0,), (1,), (2,))
def raising_again(n):
    try:
        try:
            [1][n]
            {}[n]
        except IndexError:
            raise
        except KeyError as error:
            raise ValueError(n) from error
        finally:
            note("inner finally")
    except ValueError as error:
        return type(error.__cause__)
    except LookupError as error:
        note(error)
        raise


@case((0,), (1,), (2,))
def bare_and_nested_in_branches(n):
    while True:
        if n > 0:
            with Manager("m", KeyError):
                try:
                    n -= 1
                    {0: note("zero")}[n]
                    break
                except:
                    note("bare")
                    raise
                finally:
                    for k in range(2):
                        if k:
                            break
                    note(("k", k))
        else:
            return "no", n
        note("again")
    return n


@case((0,), (1,))
def in_functions_and_lambdas(n):
    def f(k):
        nonlocal n
        try:
            n += 1
            return 1 // k and n
        except ZeroDivisionError as error:
            return error and (lambda: str(error))()
        finally:
            n *= 2

    x = f(n) and f(0)
    return x, n


class Raises:
    def __init__(self):
        self.failure = ValueError

    def run(self, n):
        try:
            assert n, "zero"
            return super().__getattribute__("missing")
        except AssertionError as __private:
            return str(__private)
        except (AttributeError, self.failure):
            return self.__class__.__name__


@case((0,), (1,))
def in_methods(n):
    return Raises().run(n)


@case((0,), (1,))
def handler_types_are_evaluated_late(n):
    errors = None
    try:
        errors = (KeyError, (ValueError, ZeroDivisionError))
        return 1 // n
    except errors as e:
        x = 5
        f = lambda: (x, e)
        return f()
