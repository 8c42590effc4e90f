"""The road from a function to its rewritten form: the ordered passes, and what they make.

In: a function. Out: a `Virtualized`: the rewritten source as users see it, what its blocks assign, and
`instantiate`, which gives a function to call. Each pass takes the tree to a stricter form that the next relies on;
the tree is runnable Python after each.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import CodeType, FunctionType, MappingProxyType
from typing import TypeAlias

from ..errors import SyntaxNotSupportedError
from ..loc import Loc
from .asserts import rewrite_asserts
from .assigned import collect_assignments
from .bool_ops import rewrite_bool_ops
from .branches import rewrite_branches
from .break_continue import desugar_loop_exits
from .calls import CALLED_BUILTINS, REWRITTEN_BUILTINS, rewrite_calls
from .changes import mark_changes
from .containers import rewrite_containers, spread_dicts
from .context import Context
from .invocations import rewrite_invocations
from .known_functions import KnownNames, known_names
from .loops import rewrite_loops
from .matches import desugar_matches
from .methods import write_out_class_context
from .nodes import FunctionNode, constant, parameters_of, place
from .none_tests import rewrite_none_tests
from .rebind import Compiled, annotations_are_text, compile_function, rebind
from .reductions import desugar_reductions
from .reject import reject_unsupported
from .returns import desugar_returns
from .source import SourceFile, find_function, read_source_file
from .subscripts import rewrite_subscripts
from .tries import guard_tries, mark_managers
from .variables import rewrite_variables

Pass: TypeAlias = Callable[[FunctionNode, Context], FunctionNode]

PASSES: tuple[Pass, ...] = (
    reject_unsupported,  # first: all others count on what it refuses (no yield) and carets are the user's
    desugar_matches,  # before all that looks at names: what patterns bind becomes assignments; it makes an `if`
    write_out_class_context,  # before names are compared, and before code moves to where `super()` cannot see `self`
    rewrite_asserts,  # before bool_ops and branches: it makes a `not` and an `if`
    guard_tries,  # before returns and break_continue, which know a `try` in this form
    desugar_returns,  # before break_continue: returns from loops become breaks
    desugar_loop_exits,  # before bool_ops: its guards are `not` and `and` of flags
    desugar_reductions,  # before bool_ops: its conditions become conditional expressions
    rewrite_bool_ops,  # before variables: thunks are blocks whose reads count; afterwards expressions are final
    rewrite_containers,  # after bool_ops, which makes chains of comparisons into single ones
    rewrite_variables,  # before loops and branches: once shared names are cells, blocks can become functions
    rewrite_loops,  # before branches: a `for` that may stop ends with an `if` that is the loop's
    rewrite_branches,  # after all that makes branches
    rewrite_subscripts,  # before calls: what `print` and f-strings show are expressions as well
    rewrite_calls,  # last: where names are bound is final, and what the passes made needs no such rewriting
)


@dataclass(frozen=True, eq=False)
class Virtualized:
    """A function rewritten so that control flow and variables are calls of operators.

    original_src: the source as written, decorators included, without common indentation.
    src: the rewritten source, without decorators and bookkeeping arguments.
    assigned: for each block function (`then$1`, ...), the cells visible outside it that it, or a function in it,
    assigns.
    assigned_outside: the same for variables of functions around the decorated one (through `nonlocal`): these are
    ordinary Python variables, which staged control flow cannot restore or merge. Only blocks that assign some are
    listed.
    """

    original_src: str
    src: str
    assigned: Mapping[str, tuple[str, ...]]
    assigned_outside: Mapping[str, tuple[str, ...]]
    compiled: Compiled = field(repr=False)

    def instantiate(self, fn: FunctionType, operators: Mapping[str, object]) -> FunctionType:
        """The rewritten `fn`, sharing its globals, defaults and closure cells.

        `operators` maps the names in OPERATOR_NAMES to callables. Raises KeyError where one that is used is missing.
        """
        return rebind(self.compiled, fn, operators)


def virtualize(fn: FunctionType, passes: tuple[Pass, ...] = PASSES) -> Virtualized:
    """Rewrite a function, once for each code object. `passes` may be a first part of PASSES, to look at one step.

    Raises SourceError where its source cannot be had, SyntaxNotSupportedError where it holds what cannot be rewritten.
    """
    file = read_source_file(fn)
    shadowed = REWRITTEN_BUILTINS & {*fn.__globals__, *file.bound_names, *fn.__code__.co_freevars}
    known = known_names(fn, CALLED_BUILTINS)
    try:
        return _virtualize(fn.__code__, fn.__qualname__, file, frozenset(shadowed), known, passes)
    except RecursionError:
        raise SyntaxNotSupportedError(
            f"{fn.__name__!r} is nested too deeply for Snek-LMS to rewrite it (elif and early returns nest)",
            loc=Loc(file.name, fn.__code__.co_firstlineno),
            hint="split the function; many cases are better looked up in a dict, or raise sys.setrecursionlimit()",
        ) from None


@lru_cache(maxsize=4096)
def _virtualize(
    code: CodeType,
    qualified_name: str,
    file: SourceFile,
    shadowed: frozenset[str],
    known: KnownNames,
    passes: tuple[Pass, ...],
) -> Virtualized:
    source = find_function(code, file)
    node = source.node
    header = _Header(node)
    context = Context(
        file=file.name,
        class_name=source.class_name,
        has_class_cell="__class__" in code.co_freevars,
        annotations_run=not annotations_are_text(code),
        shadowed=shadowed,
        known=known,
    )
    for run in passes:
        node = run(node, context)
    text = header.shown_with(node)
    _name_cells(node)
    rewrite_none_tests(node)
    spread_dicts(node)
    mark_changes(node)
    mark_managers(node)
    rewrite_invocations(node)
    assignments = collect_assignments(node)
    return Virtualized(
        original_src=source.text,
        src=text,
        assigned=MappingProxyType(assignments.cells),
        assigned_outside=MappingProxyType(assignments.outside),
        compiled=compile_function(node, code, qualified_name, context.true_names),
    )


class _Header:
    """What is evaluated when the function is defined, taken off: the original function has it already."""

    def __init__(self, node: FunctionNode) -> None:
        arguments = node.args
        self.defaults, arguments.defaults = arguments.defaults, []
        self.kw_defaults, arguments.kw_defaults = arguments.kw_defaults, [None] * len(arguments.kwonlyargs)
        self.annotations = [parameter.annotation for parameter in parameters_of(arguments)]
        self.returns = None
        for parameter in parameters_of(arguments):
            parameter.annotation = None
        self.decorators: list[ast.expr] = []
        if isinstance(node, ast.FunctionDef):
            # Python counts a function's first line from its decorators: something must stand there.
            node.decorator_list = [constant(None, at=decorator) for decorator in node.decorator_list]
            self.returns, node.returns = node.returns, None
            if hasattr(node, "type_params"):
                node.type_params = []

    def shown_with(self, node: FunctionNode) -> str:
        """The text of the rewritten function, its defaults and annotations as the user wrote them."""
        compiled = _Header(node)
        if isinstance(node, ast.FunctionDef):
            compiled.decorators, node.decorator_list = node.decorator_list, []
        self._put_on(node)
        text = ast.unparse(node)
        compiled._put_on(node)
        return _BLANK_LINE_BEFORE_DEFINITION.sub("", text)

    def _put_on(self, node: FunctionNode) -> None:
        node.args.defaults = self.defaults
        node.args.kw_defaults = self.kw_defaults
        for parameter, annotation in zip(parameters_of(node.args), self.annotations, strict=True):
            parameter.annotation = annotation
        if isinstance(node, ast.FunctionDef):
            node.returns = self.returns
            node.decorator_list = self.decorators


_BLANK_LINE_BEFORE_DEFINITION = re.compile(r"^[ ]*\n(?=[ ]*(?:def|class|@))", re.MULTILINE)


def _name_cells(node: FunctionNode) -> None:
    """Tell each `__var` the name of its variable, for the message of an UnboundLocalError."""
    for each in ast.walk(node):
        if isinstance(each, ast.Assign) and isinstance(each.value, ast.Call) and isinstance(each.targets[0], ast.Name):
            made = each.value
            if isinstance(made.func, ast.Name) and made.func.id == "__var":
                name = constant(each.targets[0].id, at=made)
                made.keywords.append(place(ast.keyword("name", name), made))
