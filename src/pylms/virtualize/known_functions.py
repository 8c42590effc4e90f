"""Which names of a function stand for functions of `math` or NumPy, or for builtins under another name.

In: a function, before it is rewritten. Out: the names whose calls go through `__call`, which knows what such
functions are on staged values. Where a name means something else when it is called, `__call` calls that.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterator, Mapping
from types import CodeType, FunctionType, ModuleType

from ..records import record

_MODULES = frozenset({"math", "numpy"})


@record(frozen=True, slots=True)
class KnownNames:
    """Names that stand for modules of functions, and names that stand for such functions themselves."""

    modules: frozenset[str] = frozenset()
    functions: frozenset[str] = frozenset()


def known_names(fn: FunctionType, called_builtins: frozenset[str]) -> KnownNames:
    """What the globals and the closure that `fn` uses hold at present."""
    modules: set[str] = set()
    functions: set[str] = set()
    values = {**_values_of(fn.__globals__, set(_names_in(fn.__code__))), **_values_in_closure(fn)}
    for name, value in values.items():
        if isinstance(value, ModuleType):
            if value.__name__ in _MODULES:
                modules.add(name)
        elif callable(value) and _is_known(value, called_builtins):
            functions.add(name)
    return KnownNames(frozenset(modules), frozenset(functions))


def imported_names(node: ast.AST) -> KnownNames:
    """The same for what import statements inside the function bind."""
    modules: set[str] = set()
    functions: set[str] = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Import):
            modules.update(alias.asname or alias.name for alias in each.names if alias.name in _MODULES)
        elif isinstance(each, ast.ImportFrom) and each.module in _MODULES and not each.level:
            functions.update(alias.asname or alias.name for alias in each.names)
    return KnownNames(frozenset(modules), frozenset(functions))


def _is_known(value: Callable[..., object], called_builtins: frozenset[str]) -> bool:
    if type(value).__module__ in _MODULES:
        return type(value).__name__ == "ufunc"
    name = getattr(value, "__name__", None)
    if not isinstance(name, str):
        return False
    return getattr(value, "__module__", None) in _MODULES or (
        name in called_builtins and getattr(builtins, name, None) is value
    )


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)


def _values_of(names: Mapping[str, object], wanted: set[str]) -> dict[str, object]:
    return {name: names[name] for name in wanted if name in names}


def _values_in_closure(fn: FunctionType) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, cell in zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    return found
