"""C++ names for the user's names: kept where possible, unique where they are in scope, never a word of C++."""

from __future__ import annotations

import re
from collections.abc import Iterable

_KEYWORDS = frozenset(
    {
        "alignas",
        "alignof",
        "and",
        "and_eq",
        "asm",
        "auto",
        "bitand",
        "bitor",
        "bool",
        "break",
        "case",
        "catch",
        "char",
        "char8_t",
        "char16_t",
        "char32_t",
        "class",
        "co_await",
        "co_return",
        "co_yield",
        "compl",
        "concept",
        "const",
        "const_cast",
        "consteval",
        "constexpr",
        "constinit",
        "continue",
        "decltype",
        "default",
        "delete",
        "do",
        "double",
        "dynamic_cast",
        "else",
        "enum",
        "explicit",
        "export",
        "extern",
        "false",
        "final",
        "float",
        "for",
        "friend",
        "goto",
        "if",
        "import",
        "inline",
        "int",
        "long",
        "module",
        "mutable",
        "namespace",
        "new",
        "noexcept",
        "not",
        "not_eq",
        "nullptr",
        "operator",
        "or",
        "or_eq",
        "override",
        "private",
        "protected",
        "public",
        "register",
        "reinterpret_cast",
        "requires",
        "return",
        "short",
        "signed",
        "sizeof",
        "static",
        "static_assert",
        "static_cast",
        "struct",
        "switch",
        "template",
        "this",
        "thread_local",
        "throw",
        "true",
        "try",
        "typedef",
        "typeid",
        "typename",
        "typeof",
        "union",
        "unix",
        "linux",
        "unsigned",
        "using",
        "virtual",
        "void",
        "volatile",
        "wchar_t",
        "while",
        "xor",
        "xor_eq",
    }
)

# What generated code, the ABI header and the kernels call themselves, and what C++ reserves to the program as a whole.
_OURS = frozenset({"ctx", "arena", "args", "results", "status", "pylms", "main", "std"})

_NOT_A_NAME = re.compile(r"\W", re.ASCII)
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_RUN_OF_UNDERSCORES = re.compile(r"__+")


def identifiers(text: str) -> list[str]:
    """The identifiers in C++ text."""
    return _IDENTIFIER.findall(text)


class Names:
    """Hands out identifiers, each once, and none of those given."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken: set[str] = {*_KEYWORDS, *_OURS, *taken}
        self._next_suffix: dict[str, int] = {}

    def fresh(self, hint: str) -> str:
        """`hint` itself, made an identifier, if nobody has it yet; else with the first free number after it."""
        base = _identifier(hint)
        name = base
        number = self._next_suffix.get(base, 2)
        while name in self._taken:
            name = f"{base}_{number}"
            number += 1
        self._next_suffix[base] = number
        self._taken.add(name)
        return name


def _identifier(hint: str) -> str:
    """A name that C++ leaves to programs: no two underscores together, none in front; and none of this library's."""
    name = _RUN_OF_UNDERSCORES.sub("_", _NOT_A_NAME.sub("_", hint)).strip("_")
    if not name:
        return "x"
    if name.startswith(("pylms", "PYLMS")) or name[0].isdigit():
        return f"x_{name}"
    return name
