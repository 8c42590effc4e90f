"""Gets the source of a function: its syntax tree, with true positions, and its text.

In: a function. Out: a `FunctionSource` with a fresh tree that the caller may change. The whole file is parsed, so
that every node has its line and column in the user's file; this also finds nested functions, methods and lambdas.
Files come from `linecache`, which knows notebook cells as well.
"""

from __future__ import annotations

import ast
import copy
import linecache
import sys
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType, FunctionType
from typing import NamedTuple

from ..errors import SourceError, SyntaxNotSupportedError
from ..loc import Loc, loc_of_node
from .nodes import FunctionNode, parameters_of


class SourceFile(NamedTuple):
    """A file as it is now: its name and text, and the names its top level binds."""

    name: str
    text: str
    bound_names: frozenset[str]


class FunctionSource(NamedTuple):
    """A function's tree, its text without common indentation, and the innermost class around it."""

    node: FunctionNode
    text: str
    class_name: str | None


class _Candidate(NamedTuple):
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    class_name: str | None


def read_source_file(function: FunctionType) -> SourceFile:
    """The file the function was defined in. Raises SourceError where there is none, or it is not Python."""
    code = function.__code__
    linecache.checkcache(code.co_filename)
    lines = linecache.getlines(code.co_filename, function.__globals__)
    if not lines:
        raise _source_error(code, "is not available", _NO_FILE_HINT)
    text = "".join(lines)
    return SourceFile(code.co_filename, text, _parse(code, text).bound_names)


def find_function(code: CodeType, file: SourceFile) -> FunctionSource:
    """The function with this code. Raises SourceError where it cannot be told which part of the file it is."""
    candidates = _parse(code, file.text).candidates.get(code.co_firstlineno, ())
    found = [each for each in candidates if _name_of(each.node) == code.co_name and _has_parameters(each.node, code)]
    if len(found) > 1:
        found = [each for each in found if isinstance(each.node, ast.Lambda) and _has_body_of(each.node, code)]
        if len(found) != 1:
            raise _source_error(code, "cannot be told from that of other lambdas on its line", _LAMBDA_HINT)
    if not found:
        raise _source_error(code, "is not in its file: the file has changed since it was loaded", _CHANGED_HINT)
    node = found[0].node
    if isinstance(node, ast.AsyncFunctionDef):
        hint = "keep async and await outside the decorated function"
        raise SyntaxNotSupportedError(
            "async functions are not supported: Snek-LMS cannot rewrite them",
            loc=loc_of_node(file.name, node),
            hint=hint,
        )
    text = _text_of(node, file.text)
    return FunctionSource(copy.deepcopy(node), text, found[0].class_name)


_NO_FILE_HINT = (
    "put the function in a file or a notebook cell; code typed into the plain Python prompt "
    "or passed to exec() has no source to read"
)
_LAMBDA_HINT = "put each lambda on a line of its own, or use def"
_CHANGED_HINT = "reload the module, or start Python again"


def _source_error(code: CodeType, what: str, hint: str) -> SourceError:
    return SourceError(
        f"the source of {code.co_name!r} {what}", loc=Loc(code.co_filename, code.co_firstlineno), hint=hint
    )


class _Parsed(NamedTuple):
    candidates: dict[int, tuple[_Candidate, ...]]
    bound_names: frozenset[str]


def _parse(code: CodeType, text: str) -> _Parsed:
    try:
        return _parse_text(text)
    except SyntaxError as error:
        raise _source_error(code, f"cannot be parsed ({error})", _CHANGED_HINT) from None


@lru_cache(maxsize=32)
def _parse_text(text: str) -> _Parsed:
    tree = ast.parse(text)
    candidates: dict[int, tuple[_Candidate, ...]] = {}
    for candidate in _candidates_in(tree):
        decorators = [] if isinstance(candidate.node, ast.Lambda) else candidate.node.decorator_list
        first_line = min([candidate.node.lineno, *(decorator.lineno for decorator in decorators)])
        candidates[first_line] = (*candidates.get(first_line, ()), candidate)
    return _Parsed(candidates, frozenset(_bound_at_top_level(tree)))


def _candidates_in(tree: ast.Module) -> Iterator[_Candidate]:
    # Not recursive: a function elsewhere in the file may nest deeper than Python recurses.
    waiting: list[tuple[ast.AST, str | None]] = [(tree, None)]
    while waiting:
        node, class_name = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield _Candidate(node, class_name)
        inside = node.name if isinstance(node, ast.ClassDef) else class_name
        waiting.extend((child, inside) for child in ast.iter_child_nodes(node))


def _bound_at_top_level(tree: ast.Module) -> Iterator[str]:
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
            continue
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        if isinstance(node, ast.alias):
            yield node.asname or node.name.partition(".")[0]
        if not isinstance(node, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            waiting.extend(ast.iter_child_nodes(node))


def _name_of(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> str:
    return "<lambda>" if isinstance(node, ast.Lambda) else node.name


def _has_parameters(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, code: CodeType) -> bool:
    names = [parameter.arg for parameter in parameters_of(node.args)]
    in_code = code.co_varnames[: len(names)]
    count = code.co_argcount + code.co_kwonlyargcount
    plain = len(node.args.posonlyargs) + len(node.args.args) + len(node.args.kwonlyargs)
    # The names of private parameters are mangled in the code object.
    return plain == count and all(stored.endswith(name) for stored, name in zip(in_code, names, strict=True))


def _has_body_of(node: ast.Lambda, code: CodeType) -> bool:
    if sys.version_info < (3, 11):
        return False
    body = node.body
    return (body.lineno, body.end_lineno, body.col_offset, body.end_col_offset) in set(code.co_positions())


def _text_of(node: ast.FunctionDef | ast.Lambda, text: str) -> str:
    if isinstance(node, ast.Lambda):
        return ast.get_source_segment(text, node) or ""
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    lines = text.splitlines(keepends=True)[first - 1 : node.end_lineno]
    margin = node.col_offset
    return "".join(line if line[:margin].strip() else line[margin:] or "\n" for line in lines)
