"""`match` becomes `if` and `elif` over the subject, held in `subject$1`.

In: any function. Out: no `match`. A pattern becomes the conjunction of its tests, in the order Python makes them:
`subject$1 == 0` for a value, `__match_sequence(subject$1, 2, 2) and subject$1[0] == 0` for `[0, y]`, and so on; its
captures are assigned at the start of the case's body, or with `:=` before its guard. So a staged subject gives
staged branches, and what only generation time knows (lengths, classes) decides at once. An or-pattern that captures
asks again, after it has matched, which of its alternatives did.

One thing is given up: parts of the subject are asked for by index and attribute wherever they are used, so that a
class whose `__getitem__` or properties do more than give a value shows it more than once.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from .context import Context
from .nodes import FunctionNode, assign, branch, call, constant, load, place

Path: TypeAlias = Callable[[], ast.expr]
"""Makes the expression of a part of the subject, anew for each place where it stands."""


class Capture(NamedTuple):
    """A name that a pattern binds, and what it is bound to."""

    name: str
    value: ast.expr


def desugar_matches(node: FunctionNode, context: Context) -> FunctionNode:
    """Rewrite the `match` statements of `node` and of everything it holds."""
    _Matches(context).visit(node)
    return node


class _Matches(ast.NodeTransformer):
    def __init__(self, context: Context) -> None:
        self.context = context

    def visit_Match(self, node: ast.Match) -> list[ast.stmt]:
        self.generic_visit(node)
        name = self.context.fresh("subject")
        rest: list[ast.stmt] = []
        for case in reversed(node.cases):
            rest = self._case(case, name, rest)
        return [assign(name, node.subject, at=node.subject), *rest]

    def _case(self, case: ast.match_case, subject: str, rest: list[ast.stmt]) -> list[ast.stmt]:
        pattern = _Pattern(case.pattern, lambda: load(subject, at=case.pattern))
        tests, captures = pattern.tests(), pattern.captures()
        if case.guard is None:
            body = [*(assign(name, value, at=case.pattern) for name, value in captures), *case.body]
        else:
            tests.append(_after(captures, case.guard))
            body = case.body
        if not tests:
            return body
        test = tests[0] if len(tests) == 1 else place(ast.BoolOp(ast.And(), tests), case.pattern)
        return [branch(test, body, rest, at=case.pattern)]


def _after(captures: Sequence[Capture], guard: ast.expr) -> ast.expr:
    """The guard, once the captures are assigned: `(x := ..., guard)[-1]`."""
    if not captures:
        return guard
    steps: list[ast.expr] = [ast.NamedExpr(ast.Name(name, ast.Store()), value) for name, value in captures]
    together = ast.Tuple([*steps, guard], ast.Load())
    return place(ast.Subscript(together, _integer(-1, guard), ast.Load()), guard)


def _integer(value: int, at: ast.AST) -> ast.expr:
    if value < 0:
        return place(ast.UnaryOp(ast.USub(), ast.Constant(-value)), at)
    return constant(value, at=at)


class _Pattern:
    """One pattern, and the part of the subject that it is about."""

    def __init__(self, pattern: ast.pattern, path: Path) -> None:
        self.pattern = pattern
        self.path = path

    def tests(self) -> list[ast.expr]:
        """What must be true, each only asked where those before it are."""
        own = self._own_test()
        return [*([] if own is None else [own]), *(test for part in self._parts() for test in part.tests())]

    def captures(self) -> list[Capture]:
        """The names bound where it matches."""
        pattern, found = self.pattern, [capture for part in self._parts() for capture in part.captures()]
        match pattern:
            case ast.MatchAs(name=str(name)):
                return [*found, Capture(name, self.path())]
            case ast.MatchSequence():
                return [*found, *self._star()]
            case ast.MatchMapping(rest=str(name)):
                others = call("__match_rest", [self.path(), *copy.deepcopy(pattern.keys)], at=pattern)
                return [*found, Capture(name, others)]
            case ast.MatchOr():
                return self._captures_of_alternatives(pattern)
            case _:
                return found

    def _own_test(self) -> ast.expr | None:
        pattern = self.pattern
        match pattern:
            case ast.MatchValue(value):
                return place(ast.Compare(self.path(), [ast.Eq()], [copy.deepcopy(value)]), pattern)
            case ast.MatchSingleton(value):
                return call("__match_singleton", [self.path(), constant(value, at=pattern)], at=pattern)
            case ast.MatchSequence(patterns):
                least = sum(not isinstance(each, ast.MatchStar) for each in patterns)
                most = least if least == len(patterns) else None
                bounds = [constant(least, at=pattern), constant(most, at=pattern)]
                return call("__match_sequence", [self.path(), *bounds], at=pattern)
            case ast.MatchMapping(keys):
                return call("__match_mapping", [self.path(), *copy.deepcopy(keys)], at=pattern)
            case ast.MatchClass(cls, patterns, kwd_attrs):
                facts = [len(patterns), *kwd_attrs]
                arguments = [self.path(), copy.deepcopy(cls), *(constant(fact, at=pattern) for fact in facts)]
                return call("__match_class", arguments, at=pattern)
            case ast.MatchOr(patterns):
                return self._any_of([_Pattern(each, self.path) for each in patterns])
            case _:
                return None

    def _any_of(self, alternatives: list[_Pattern]) -> ast.expr | None:
        tests = [alternative.tests() for alternative in alternatives]
        if not all(tests):
            return None  # the last one is irrefutable; what comes before it has no effect
        options = [each[0] if len(each) == 1 else ast.BoolOp(ast.And(), each) for each in tests]
        return place(ast.BoolOp(ast.Or(), options), self.pattern)

    def _parts(self) -> list[_Pattern]:
        """The patterns within it that always count, with their paths."""
        pattern = self.pattern
        match pattern:
            case ast.MatchAs(pattern=ast.pattern() as inner):
                return [_Pattern(inner, self.path)]
            case ast.MatchSequence(patterns):
                star = next((i for i, each in enumerate(patterns) if isinstance(each, ast.MatchStar)), len(patterns))
                places = [i if i < star else i - len(patterns) for i in range(len(patterns))]
                indices = [_integer(i, pattern) for i in places]
                return [
                    _Pattern(each, self._item(index))
                    for each, index in zip(patterns, indices, strict=True)
                    if not isinstance(each, ast.MatchStar)
                ]
            case ast.MatchMapping(keys, patterns):
                return [_Pattern(each, self._item(key)) for key, each in zip(keys, patterns, strict=True)]
            case ast.MatchClass(_, patterns, kwd_attrs, kwd_patterns):
                fields = [_Pattern(each, self._field(pattern, index)) for index, each in enumerate(patterns)]
                named = zip(kwd_attrs, kwd_patterns, strict=True)
                return [*fields, *(_Pattern(each, self._attribute(name)) for name, each in named)]
            case _:
                return []

    def _item(self, index: ast.expr) -> Path:
        return lambda: place(ast.Subscript(self.path(), copy.deepcopy(index), ast.Load()), self.pattern)

    def _attribute(self, name: str) -> Path:
        return lambda: place(ast.Attribute(self.path(), name, ast.Load()), self.pattern)

    def _field(self, pattern: ast.MatchClass, index: int) -> Path:
        def make() -> ast.expr:
            arguments = [self.path(), copy.deepcopy(pattern.cls), constant(index, at=pattern)]
            return call("__match_field", arguments, at=pattern)

        return make

    def _star(self) -> list[Capture]:
        """`*rest` is a list of the items between those before it and those after it."""
        assert isinstance(self.pattern, ast.MatchSequence)
        patterns = self.pattern.patterns
        for index, each in enumerate(patterns):
            if isinstance(each, ast.MatchStar) and each.name is not None:
                after = len(patterns) - 1 - index
                items = ast.List([ast.Starred(self.path(), ast.Load())], ast.Load())
                end = _integer(-after, each) if after else None
                taken = ast.Subscript(items, ast.Slice(ast.Constant(index), end), ast.Load())
                return [Capture(each.name, place(taken, each))]
        return []

    def _captures_of_alternatives(self, pattern: ast.MatchOr) -> list[Capture]:
        """Each name, as the first alternative that matches binds it."""
        alternatives = [_Pattern(each, self.path) for each in pattern.patterns]
        found: list[Capture] = []
        for name, _ in alternatives[0].captures():
            *others, last = alternatives
            value = dict(last.captures())[name]
            for alternative in reversed(others):
                tests = alternative.tests()
                test = tests[0] if len(tests) == 1 else ast.BoolOp(ast.And(), tests)
                value = place(ast.IfExp(test, dict(alternative.captures())[name], value), pattern)
            found.append(Capture(name, value))
        return found
