"""From a rewritten tree back to a function that lives where the original does.

In: the rewritten tree, and the original function. Out: a code object whose operators are free variables, and
functions made from it with the original's globals, defaults, closure cells (the very same), and names.

The tree is compiled inside a factory function whose parameters are the operators and the original's free variables.
The factory is never run: its inner code object is taken out and given a closure directly. Within it, the function
has a name that no source can contain, so that a recursive call still goes through the globals.
"""

from __future__ import annotations
import __future__

import ast
import re
from collections.abc import Mapping
from types import CellType, CodeType, FunctionType
from typing import NamedTuple

from .context import BLOCK_KINDS, OPERATOR_NAMES
from .methods import mangled
from .nodes import FunctionNode, function, place

_FUTURE_FLAGS: int = sum({getattr(__future__, name).compiler_flag for name in __future__.all_feature_names})

# The last constant of every code object made here.
_MARK = "virtualised$"

_FACTORY = "factory$"
_FUNCTION = "function$"
_AROUND = re.compile(rf"(?:{'|'.join(sorted(BLOCK_KINDS))})\$\d+\.<locals>\.")


class Compiled(NamedTuple):
    """A code object; for each of its free variables that is an operator, which one (in classes, names are mangled)."""

    code: CodeType
    operators: Mapping[str, str]


def annotations_are_text(code: CodeType) -> bool:
    """Whether the code was compiled under `from __future__ import annotations`."""
    return bool(code.co_flags & __future__.annotations.compiler_flag)


def is_rewritten(code: CodeType) -> bool:
    """Whether the code is that of a virtualised function, or of one within it."""
    return code.co_consts[-1:] == (_MARK,)


def compile_function(
    node: FunctionNode, code: CodeType, qualified_name: str, true_names: Mapping[str, str]
) -> Compiled:
    """Compile what became of the function with `code`.

    `node` has neither decorators, defaults nor annotations; it is renamed here.
    """
    operators = _operator_spellings(node)
    inner: ast.stmt
    if isinstance(node, ast.Lambda):
        inner = place(ast.Expr(node), node)
    else:
        node.name = _FUNCTION
        inner = node
    parameters = [*operators, *(name for name in code.co_freevars if name not in operators)]
    factory = function(_FACTORY, parameters, [inner], at=node)
    module = ast.Module([factory], type_ignores=[])
    flags = code.co_flags & _FUTURE_FLAGS
    outer: CodeType = compile(module, code.co_filename, "exec", flags=flags, dont_inherit=True)
    found = _code_in(_code_in(outer, _FACTORY), "<lambda>" if isinstance(node, ast.Lambda) else _FUNCTION)
    prefix = f"{_FACTORY}.<locals>.{found.co_name}"
    names = _TrueNames(prefix, qualified_name, {**true_names, _FUNCTION: code.co_name})
    return Compiled(names.restored(found), operators)


def rebind(compiled: Compiled, original: FunctionType, operators: Mapping[str, object]) -> FunctionType:
    """A function with the compiled code, and all else as in `original`. Raises KeyError for a missing operator."""
    cells = dict(zip(original.__code__.co_freevars, original.__closure__ or (), strict=True))
    closure = tuple(
        CellType(operators[compiled.operators[name]]) if name in compiled.operators else cells[name]
        for name in compiled.code.co_freevars
    )
    made = FunctionType(compiled.code, original.__globals__, original.__name__, original.__defaults__, closure or None)
    made.__kwdefaults__ = original.__kwdefaults__
    made.__qualname__ = original.__qualname__
    made.__module__ = original.__module__
    made.__doc__ = original.__doc__
    # Python 3.14 evaluates annotations on demand; this must not be the demand.
    lazily = "__annotate__" if hasattr(original, "__annotate__") else "__annotations__"
    setattr(made, lazily, getattr(original, lazily))
    return made


def _operator_spellings(node: FunctionNode) -> dict[str, str]:
    """The operators that the tree uses, by the names Python will look them up under."""
    used = {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and each.id in OPERATOR_NAMES}
    classes = [None, *(each.name for each in ast.walk(node) if isinstance(each, ast.ClassDef))]
    return {mangled(name, class_name): name for class_name in classes for name in sorted(used)}


def _code_in(code: CodeType, name: str) -> CodeType:
    return next(each for each in code.co_consts if isinstance(each, CodeType) and each.co_name == name)


class _TrueNames:
    """Gives code objects the names that the user's own functions and classes would have."""

    def __init__(self, prefix: str, qualified: str, true_names: Mapping[str, str]) -> None:
        self.prefix = prefix
        self.qualified = qualified
        self.true_names = true_names

    def restored(self, code: CodeType) -> CodeType:
        """`code`, with `__name__` and `__qualname__` as in the original, in all that it defines."""
        renamed = {each.co_name for each in code.co_consts if isinstance(each, CodeType)} & self.true_names.keys()
        constants = (*[self._constant(each, renamed) for each in code.co_consts], _MARK)
        code = code.replace(co_consts=constants, co_name=self.true_names.get(code.co_name, code.co_name))
        qualified: str | None = getattr(code, "co_qualname", None)
        if qualified is None:
            return code
        changes: dict[str, str] = {"co_qualname": self._qualified(qualified)}
        return code.replace(**changes)  # type: ignore[arg-type]

    def _constant(self, constant: object, renamed: set[str]) -> object:
        if isinstance(constant, CodeType):
            return self.restored(constant)
        if not isinstance(constant, str):
            return constant
        # Class statements, and before Python 3.11 functions too, keep their names among the constants.
        return self.true_names[constant] if constant in renamed else self._qualified(constant)

    def _qualified(self, name: str) -> str:
        if not name.startswith(self.prefix):
            return name
        inner = _AROUND.sub("", name[len(self.prefix) :])
        return self.qualified + ".".join(self.true_names.get(part, part) for part in inner.split("."))
