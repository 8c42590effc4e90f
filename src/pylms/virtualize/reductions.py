"""`sum`, `any`, `all`, `min` and `max` of a generator expression, and comprehensions, become loops that hand values on.

In: any function. Out: `sum(x * y for x in xs if c for y in ys)` is

    __reduce(sum, lambda yield$1: __for(xs, lambda x: __for(ys, lambda y: yield$1(x * y)) if c else None))

so that its iterables may be staged ranges and its conditions staged; for `any` and `all` each `__for` also gets
`stop$1`, which tells that the answer is known. Comprehensions of lists and dicts become the same, with `'list'` and
`'dict'` in the place of the builtin, and `__each` for `__for`, which is Python's own loop over what is known while
staging. Other uses of generator expressions stay as they are, and so do these with keywords, with lambdas inside,
which would see another variable at each round, and comprehensions that assign (`:=`).
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from .context import Context
from .nodes import Comprehension, FunctionNode, call, constant, load, place, thunk
from .scope import Scope, ScopedTransformer, build_scopes

_REDUCTIONS = frozenset({"sum", "any", "all", "min", "max"})
_STOPPING = frozenset({"any", "all"})


def desugar_reductions(node: FunctionNode, context: Context) -> FunctionNode:
    """Rewrite such calls in `node` and in everything it holds."""
    return _Reductions(build_scopes(node), context).visit_whole(node)


class _Reductions(ScopedTransformer):
    def __init__(self, scopes: Mapping[ast.AST, Scope], context: Context) -> None:
        super().__init__(scopes)
        self.context = context

    def visit_annotation(self, node: ast.expr) -> ast.expr:
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        is_reduced = self._is_reduced(node)
        self.generic_visit(node)
        generator = node.args[0] if node.args else None
        if not is_reduced or not isinstance(generator, ast.GeneratorExp):
            return node
        assert isinstance(node.func, ast.Name)
        give = self.context.fresh("yield")
        stop = self.context.fresh("stop") if node.func.id in _STOPPING else None
        body: ast.expr = call(give, [generator.elt], at=generator.elt)
        for comprehension in reversed(generator.generators):
            body = self._loop("__for", comprehension, body, stop)
        names = [give] if stop is None else [give, stop]
        return call("__reduce", [node.func, thunk(body, names), *node.args[1:]], at=node)

    def visit_ListComp(self, node: Comprehension) -> ast.AST:
        assert isinstance(node, ast.ListComp)
        is_collected = self._is_collected(node)
        super().visit_ListComp(node)
        return self._collected("list", [node.elt], node) if is_collected else node

    def visit_DictComp(self, node: Comprehension) -> ast.AST:
        assert isinstance(node, ast.DictComp)
        is_collected = self._is_collected(node)
        super().visit_DictComp(node)
        return self._collected("dict", [node.key, node.value], node) if is_collected else node

    def _collected(self, kind: str, given: list[ast.expr], node: ast.ListComp | ast.DictComp) -> ast.expr:
        give = self.context.fresh("yield")
        body: ast.expr = call(give, given, at=node)
        for comprehension in reversed(node.generators):
            body = self._loop("__each", comprehension, body, None)
        return call("__reduce", [constant(kind, at=node), thunk(body, [give])], at=node)

    def _is_collected(self, node: ast.ListComp | ast.DictComp) -> bool:
        assigns = any(isinstance(each, ast.NamedExpr) for each in ast.walk(node))
        return not self._in_class_body() and not _has_lambdas(node) and not assigns

    def _is_reduced(self, node: ast.Call) -> bool:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in _REDUCTIONS or name in self.context.shadowed or self.scope.owner_of(name) is not None:
            return False
        if not node.args or not isinstance(node.args[0], ast.GeneratorExp) or node.keywords:
            return False
        starts = node.args[1:]  # evaluated after the first iterable, so that it must not matter when
        is_simple = not starts or (
            name == "sum" and len(starts) == 1 and isinstance(starts[0], (ast.Name, ast.Constant))
        )
        return is_simple and not self._in_class_body() and not _has_lambdas(node.args[0])

    def _in_class_body(self) -> bool:
        """Whether a class runs this itself: its names are not seen from within a lambda."""
        scope: Scope | None = self.scope
        while scope is not None and scope.kind == "comprehension":
            scope = scope.parent
        return scope is not None and scope.kind == "class"

    def _loop(self, operator: str, comprehension: ast.comprehension, body: ast.expr, stop: str | None) -> ast.expr:
        at = comprehension.iter
        for condition in reversed(comprehension.ifs):
            body = place(ast.IfExp(condition, body, constant(None, at=condition)), condition)
        target = comprehension.target
        if isinstance(target, ast.Name):
            each = thunk(body, [target.id])
        else:
            # A comprehension of one round unpacks the item as the generator would.
            item = self.context.fresh("item")
            items = place(ast.Tuple([load(item, at=target)], ast.Load()), target)
            unpacked = ast.ListComp(body, [ast.comprehension(target, items, [], 0)])
            each = thunk(place(ast.Subscript(unpacked, ast.Constant(0), ast.Load()), body), [item])
        stopping: list[ast.expr] = [] if stop is None else [load(stop, at=at)]
        return call(operator, [comprehension.iter, each, *stopping], at=at)


def _has_lambdas(node: ast.AST) -> bool:
    return any(isinstance(each, ast.Lambda) for each in ast.walk(node))
