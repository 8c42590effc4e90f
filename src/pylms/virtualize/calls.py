"""Calls of builtins, of `math` and NumPy, and everything that formats text become operator calls.

In: any function, last in the pipeline. Out: `__call(len, x)`, `__call(math.sqrt, x)`, `__print(x)`, `__format('{}',
x)` for `str.format` of a literal and for f-strings, `__percent('%d', x)` for `%` of a literal, and `__printf('{}', x)`
for a print of one text by `format`. A builtin counts only where nothing visible to the user's code gives its name
another meaning.

One thing is given up: the fields of an f-string are formatted after all of them have been evaluated, where Python
formats each before it evaluates the next.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from .context import Context
from .known_functions import KnownNames, imported_names
from .nodes import FunctionNode, call, constant
from .scope import Scope, ScopedTransformer, build_scopes

CALLED_BUILTINS = frozenset(
    {"len", "range", "enumerate", "int", "float", "bool", "abs", "min", "max"}
    | {"next", "setattr", "delattr"}
    | {"round", "sum", "pow", "divmod", "zip", "reversed", "any", "all", "isinstance"}
    | {"list", "dict", "sorted", "str", "repr", "ord", "chr"}
)
"""The builtins that go through `__call`."""

REWRITTEN_BUILTINS = CALLED_BUILTINS | {"print"}
"""The builtins whose meaning this package relies on, when nobody shadows them."""


def rewrite_calls(node: FunctionNode, context: Context) -> FunctionNode:
    """Rewrite such calls in `node` and in everything it holds."""
    return _Calls(build_scopes(node), context).visit_whole(node)


class _Calls(ScopedTransformer):
    def __init__(self, scopes: Mapping[ast.AST, Scope], context: Context) -> None:
        super().__init__(scopes)
        self.context = context
        self.imported = KnownNames()

    def visit_whole(self, node: FunctionNode) -> FunctionNode:
        self.imported = imported_names(node)
        return super().visit_whole(node)

    def visit_annotation(self, node: ast.expr) -> ast.expr:
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        function = node.func
        if self._is_builtin(function, "print"):
            return self._print(node)
        if any(self._is_builtin(function, name) for name in CALLED_BUILTINS) or self._is_known(function):
            return call("__call", [function, *node.args], keywords=node.keywords, at=node)
        if isinstance(function, ast.Attribute) and function.attr == "format" and _is_text(function.value):
            return call("__format", [function.value, *node.args], keywords=node.keywords, at=node)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.Mod) and _is_text(node.left):
            return call("__percent", [node.left, node.right], at=node)
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        arguments: list[ast.expr] = []
        text = self._template(node, arguments)
        if not arguments:
            return constant(text.replace("{{", "{").replace("}}", "}"), at=node)
        return call("__format", [constant(text, at=node), *arguments], at=node)

    def _print(self, node: ast.Call) -> ast.Call:
        text = node.args[0] if len(node.args) == 1 and not node.keywords else None
        if isinstance(text, ast.Call) and isinstance(text.func, ast.Name) and text.func.id == "__format":
            return call("__printf", text.args, keywords=text.keywords, at=node)
        return call("__print", node.args, keywords=node.keywords, at=node)

    def _template(self, text: ast.JoinedStr, arguments: list[ast.expr]) -> str:
        """The text as `str.format` takes it; the values of its fields go to `arguments`, in order."""
        parts: list[str] = []
        for part in text.values:
            if isinstance(part, ast.FormattedValue):
                arguments.append(self.visit(part.value))
                parts.append("{" + _conversion(part) + self._specification(part.format_spec, arguments) + "}")
            elif isinstance(part, ast.Constant):
                parts.append(str(part.value).replace("{", "{{").replace("}", "}}"))
        return "".join(parts)

    def _specification(self, spec: ast.expr | None, arguments: list[ast.expr]) -> str:
        if not isinstance(spec, ast.JoinedStr):
            return ""
        if not _is_plain_specification(spec):
            arguments.append(self.visit(spec))
            return ":{}"
        parts = [":"]
        for part in spec.values:
            if isinstance(part, ast.FormattedValue):
                arguments.append(self.visit(part.value))
                parts.append("{" + _conversion(part) + "}")
            elif isinstance(part, ast.Constant):
                parts.append(str(part.value))
        return "".join(parts)

    def _is_builtin(self, function: ast.expr, name: str) -> bool:
        if not isinstance(function, ast.Name) or function.id != name or name in self.context.shadowed:
            return False
        return self.scope.owner_of(name) is None

    def _is_known(self, function: ast.expr) -> bool:
        """Whether it is a function of `math` or NumPy, by its own name or as an attribute of the module."""
        root, kind = function, "functions"
        while isinstance(root, ast.Attribute):
            root, kind = root.value, "modules"
        if not isinstance(root, ast.Name):
            return False
        if kind == "modules" and root.id == "math":
            return True
        if root.id in getattr(self.imported, kind):
            return True
        return root.id in getattr(self.context.known, kind) and self.scope.owner_of(root.id) is None


def _is_plain_specification(spec: ast.JoinedStr) -> bool:
    """Whether `str.format` can take the specification inside its field: no braces, and no fields within fields."""
    for part in spec.values:
        if isinstance(part, ast.FormattedValue) and part.format_spec is not None:
            return False
        if isinstance(part, ast.Constant) and ("{" in str(part.value) or "}" in str(part.value)):
            return False
    return True


def _conversion(part: ast.FormattedValue) -> str:
    return "" if part.conversion == -1 else f"!{chr(part.conversion)}"


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
