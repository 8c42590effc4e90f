"""Python with the differences that compiled code is documented to have: the reference for random programs.

Ints have 64 bits (more is an OverflowError); ints are divided, and compared with floats, as floats; a float power
that would be complex is a ValueError. In: source. Out: the same program, every operation on numbers checked.
"""

from __future__ import annotations

import ast
import math
import operator
from typing import Any

from tests.virtualize.sources import define

_BINARY = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}
_COMPARISONS = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


def checked(value: Any) -> Any:
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise OverflowError("64 bits")
    if isinstance(value, complex):
        raise ValueError("complex")
    if isinstance(value, tuple):
        return tuple(map(checked, value))
    return value


def _as_floats(left: Any, right: Any) -> tuple[Any, Any]:
    mixed = isinstance(left, float) != isinstance(right, float)
    return (float(left), float(right)) if mixed else (left, right)


def compute(name: str, left: Any, right: Any) -> Any:
    if name == "Div":
        left, right = float(left), float(right)
    return checked(_BINARY[getattr(ast, name)](left, right))


def compare(name: str, left: Any, right: Any) -> Any:
    return _COMPARISONS[getattr(ast, name)](*_as_floats(left, right))


class _Check(ast.NodeTransformer):
    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        return _call("compute", ast.Constant(type(node.op).__name__), node.left, node.right)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        if isinstance(node.operand, ast.Constant):
            return node
        self.generic_visit(node)
        return node if isinstance(node.op, ast.Not) else _call("checked", node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        return _call("checked", node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        assert isinstance(node.target, ast.Name)
        value = _call("compute", ast.Constant(type(node.op).__name__), ast.Name(node.target.id, ast.Load()), node.value)
        return ast.Assign([node.target], value)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """Operands in the order of evaluation, the middle ones once."""
        self.generic_visit(node)
        left = node.left
        parts: list[ast.expr] = []
        for index, (op, right) in enumerate(zip(node.ops, node.comparators, strict=True)):
            last = index == len(node.ops) - 1
            named = right if last else ast.NamedExpr(ast.Name(f"m{id(right)}", ast.Store()), right)
            parts.append(_call("compare", ast.Constant(type(op).__name__), left, named))
            left = right if last else ast.Name(f"m{id(right)}", ast.Load())
        return parts[0] if len(parts) == 1 else ast.BoolOp(ast.And(), parts)


def _call(name: str, *args: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(f"_{name}", ast.Load()), list(args), [])


def checked_program(source: str) -> Any:
    """The function `program` of the source, checked."""
    tree = ast.fix_missing_locations(_Check().visit(ast.parse(source)))
    return define(
        ast.unparse(tree), "program", "<checked>", math=math, _checked=checked, _compute=compute, _compare=compare
    )
