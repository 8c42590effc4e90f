"""What one virtualisation carries from pass to pass: where the function stands, and the names handed out so far.

In: facts about the decorated function. Out: fresh names and errors with positions. One `Context` lives for one
virtualisation; passes share nothing else but the tree.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from ..errors import SyntaxNotSupportedError
from ..loc import loc_of_node
from .known_functions import KnownNames

IN_PLACE_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "__iadd",
    ast.Sub: "__isub",
    ast.Mult: "__imul",
    ast.Div: "__itruediv",
    ast.FloorDiv: "__ifloordiv",
    ast.Mod: "__imod",
    ast.Pow: "__ipow",
    ast.MatMult: "__imatmul",
    ast.BitAnd: "__iand",
    ast.BitOr: "__ior",
    ast.BitXor: "__ixor",
    ast.LShift: "__ilshift",
    ast.RShift: "__irshift",
}

OPERATOR_NAMES: frozenset[str] = frozenset(IN_PLACE_OPERATORS.values()) | {
    "__var",
    "__assign",
    "__delete",
    "__read",
    "__if",
    "__while",
    "__for",
    "__for_dataloader",
    "__return",
    "__and",
    "__or",
    "__not",
    "__try",
    "__uncaught",
    "__finally",
    "__is_none",
    "__match_singleton",
    "__match_sequence",
    "__match_mapping",
    "__match_rest",
    "__match_class",
    "__match_field",
    "__reduce",
    "__entering",
    "__changing",
    "__new",
    "__call",
    "__invoke",
    "__print",
    "__format",
    "__percent",
    "__item",
    "__printf",
    "__list",
    "__dict",
    "__in",
    "__each",
}
"""All names that rewritten code may call; a user's function may use none of them."""

BLOCK_KINDS = frozenset({"then", "else", "cond", "body", "forfunc", "stop"})
"""The kinds of functions that blocks of statements become: `then$1`, `body$2`, ..."""


@dataclass
class Context:
    """Facts about the decorated function, and the counters behind its `then$1`, `cond$1`, ...

    class_name: the innermost class around the function in its source; private names are mangled with it.
    has_class_cell: whether the function can reach `__class__`, so that `super()` works in it.
    annotations_run: whether annotations of nested functions are evaluated when these are defined.
    shadowed: builtins that the user's globals or closure give another meaning.
    known: names that stand for functions of `math` or NumPy.
    true_names: the name to show for each function or class that had to be renamed.
    """

    file: str
    class_name: str | None
    has_class_cell: bool
    annotations_run: bool
    shadowed: frozenset[str]
    known: KnownNames
    true_names: dict[str, str] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)

    def fresh(self, kind: str) -> str:
        """`kind$1`, `kind$2`, ...: names that no Python source can contain."""
        number = self.counters.get(kind, 0) + 1
        self.counters[kind] = number
        return f"{kind}${number}"

    def refusal(self, node: ast.AST, what: str, hint: str) -> SyntaxNotSupportedError:
        """The error that says `what` at `node` cannot be virtualised."""
        message = f"{what} not supported in a function that Snek-LMS rewrites"
        return SyntaxNotSupportedError(message, loc=loc_of_node(self.file, node), hint=hint)


def is_block_name(name: str) -> bool:
    """Whether `name` is that of a function made from a block of statements."""
    kind, _, number = name.partition("$")
    return kind in BLOCK_KINDS and number.isdigit()
