"""`__print`, `__printf`, `__format`: text with staged values in it, printed when the code runs.

Inside a staged function every print is staged, with or without staged values: calling the compiled function prints
what calling the original one would. Text of plain values is made while generating.
"""

from __future__ import annotations

import builtins
import string
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn, cast

from ...errors import NotSupportedYetError, StagedTypeError, StagingError
from ...ir.node import Atom
from ...ir.ops.arithmetic import CONVERT
from ...ir.ops.host import PRINT
from ...ir.types import BOOL, FLOAT, INT, ScalarType
from ...loc import caller_loc
from ..context import Trace, current_trace
from ..rep import Rep

_FORMATTER = string.Formatter()
_SAMPLES = {BOOL: False, INT: 0, FLOAT: 0.0}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class StagedText:
    """A string that will be known when the code runs: a format and the atoms for its fields."""

    template: str
    atoms: tuple[Atom, ...]

    def __str__(self) -> str:
        _refuse_text()

    def __repr__(self) -> str:
        return f"StagedText({self.template!r})"

    def __format__(self, spec: str) -> str:
        _refuse_text()

    def __eq__(self, other: object) -> bool:
        _refuse_text()

    def __hash__(self) -> int:
        _refuse_text()

    def __len__(self) -> int:
        _refuse_text()

    def __iter__(self) -> NoReturn:
        _refuse_text()

    def __getitem__(self, index: object) -> NoReturn:
        _refuse_text()

    def __contains__(self, part: object) -> bool:
        _refuse_text()

    def __add__(self, other: object) -> StagedText:
        return self._joined(self, other)

    def __radd__(self, other: object) -> StagedText:
        return self._joined(other, self)

    @staticmethod
    def _joined(left: object, right: object) -> StagedText:
        parts = [
            part if isinstance(part, StagedText) else StagedText(_escape(part), ())
            for part in (left, right)
            if isinstance(part, (str, StagedText))
        ]
        if len(parts) != 2:
            _refuse_text()
        return StagedText(parts[0].template + parts[1].template, parts[0].atoms + parts[1].atoms)


def format_text(template: str, *args: object, **kwargs: object) -> object:
    """`template.format(*args, **kwargs)`: a str, or a `StagedText` when a field is staged."""
    trace = current_trace()
    if trace is None or not any(_holds_staged(trace, value) for value in (*args, *kwargs.values())):
        return template.format(*args, **kwargs)
    return _format(trace, template, args, kwargs)


def print_formatted(template: str, *args: object, **kwargs: object) -> None:
    """`print(template.format(*args, **kwargs))`."""
    print_values(format_text(template, *args, **kwargs))


def print_values(
    *values: object, sep: str | None = " ", end: str | None = "\n", file: object = None, flush: bool = False
) -> None:
    """`print`, staged inside a staging run."""
    trace = current_trace()
    if trace is None:
        builtins.print(*values, sep=sep, end=end, file=file, flush=flush)  # type: ignore[call-overload]
        return
    if file is not None and file is not sys.stdout:
        raise NotSupportedYetError(
            "staged code prints to sys.stdout only", loc=caller_loc(), hint="print to another file outside staged code"
        )
    separator, ending = " " if sep is None else sep, "\n" if end is None else end
    texts = [_as_text(trace, value) for value in values]
    template = _escape(separator).join(text.template for text in texts) + _escape(ending)
    trace.emit(PRINT, [atom for text in texts for atom in text.atoms], attrs={"format": template})


def _as_text(trace: Trace, value: object) -> StagedText:
    if isinstance(value, StagedText):
        return value
    if _is_staged(trace, value):
        return StagedText("{}", (_printable(trace, value),))
    if _holds_staged(trace, value):
        return _container_text(trace, cast("list[object] | tuple[object, ...]", value))
    return StagedText(_escape(str(value)), ())


def _container_text(trace: Trace, value: list[object] | tuple[object, ...]) -> StagedText:
    """`str` of a list or tuple with staged values in it: its items by `repr`."""
    texts = [_item_text(trace, item) for item in value]
    atoms = tuple(atom for text in texts for atom in text.atoms)
    items = ", ".join(text.template for text in texts)
    if isinstance(value, list):
        return StagedText(f"[{items}]", atoms)
    return StagedText(f"({items},)" if len(value) == 1 else f"({items})", atoms)


def _item_text(trace: Trace, item: object) -> StagedText:
    if _holds_staged(trace, item):
        return _as_text(trace, item)
    return StagedText(_escape(repr(item)), ())


def _holds_staged(trace: Trace, value: object) -> bool:
    """Whether printing the value needs what only the run knows. Located error where that cannot be printed."""
    if type(value) in (list, tuple):
        return any(_holds_staged(trace, item) for item in cast(Sequence[object], value))
    if isinstance(value, dict) and any(_holds_staged(trace, item) for pair in value.items() for item in pair):
        raise NotSupportedYetError("a dict that holds staged values cannot be printed yet", loc=caller_loc())
    return _is_staged(trace, value)


def _is_staged(trace: Trace, value: object) -> bool:
    return isinstance(value, StagedText) or trace.is_staged(value)


def _printable(trace: Trace, value: object) -> Atom:
    """The scalar to print, as a Python number."""
    if not isinstance(value, Rep):
        raise StagingError(
            "a staged tensor cannot be printed",
            loc=caller_loc(),
            hint="print `x.item()`, or numbers computed from it",
        )
    atom = trace.lift(value)
    assert isinstance(atom.type, ScalarType)
    if atom.type.python:
        return atom
    target = FLOAT if atom.type.is_float else INT
    return trace.emit(CONVERT, [atom], attrs={"dtype": target})[0]


def _format(trace: Trace, template: str, args: Sequence[object], kwargs: dict[str, object]) -> StagedText:
    pieces: list[str] = []
    atoms: list[Atom] = []
    automatic = iter(range(len(args)))
    for literal, field, spec, conversion in _FORMATTER.parse(template):
        pieces.append(_escape(literal))
        if field is None:
            continue
        if field == "" or field[0] in ".[":
            field = f"{next(automatic)}{field}"
        value, _ = _FORMATTER.get_field(field, args, kwargs)
        plain_spec = _resolve_spec(trace, spec or "", args, kwargs, automatic)
        if isinstance(value, StagedText):
            pieces.append(value.template)
            atoms.extend(value.atoms)
        elif trace.is_staged(value):
            atom = _printable(trace, value)
            pieces.append(_field(atom, conversion, plain_spec))
            atoms.append(atom)
        elif _holds_staged(trace, value):
            text = _as_text(trace, value)
            pieces.append(text.template)
            atoms.extend(text.atoms)
        else:
            converted = _FORMATTER.convert_field(value, conversion)
            pieces.append(_escape(format(converted, plain_spec)))
    return StagedText("".join(pieces), tuple(atoms))


def _resolve_spec(
    trace: Trace, spec: str, args: Sequence[object], kwargs: dict[str, object], automatic: Iterator[int]
) -> str:
    """A format spec with its nested fields filled in; those must be plain values."""
    if "{" not in spec:
        return spec
    pieces: list[str] = []
    for literal, field, _, _ in _FORMATTER.parse(spec):
        pieces.append(literal)
        if field is None:
            continue
        name = field or str(next(automatic))
        value, _ = _FORMATTER.get_field(name, args, kwargs)
        if trace.is_staged(value):
            raise NotSupportedYetError(
                "a staged width or precision in a format is not supported yet",
                loc=caller_loc(),
                hint="use a width and a precision that are known now",
            )
        pieces.append(str(value))
    return "".join(pieces)


def _field(atom: Atom, conversion: str | None, spec: str) -> str:
    """The replacement field for a staged value, tried on a sample so that a bad spec is an error now."""
    text = f"{{{'!' + conversion if conversion else ''}{':' + spec if spec else ''}}}"
    assert isinstance(atom.type, ScalarType)
    try:
        text.format(_SAMPLES[atom.type])
    except ValueError as error:
        raise StagedTypeError(
            f"format `{spec}` does not fit a staged {atom.type}: {error}",
            loc=caller_loc(),
            hint="convert the value, or use another format",
        ) from None
    return text


def _escape(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _refuse_text() -> NoReturn:
    raise StagingError(
        "a text with staged values in it can only be printed",
        loc=caller_loc(),
        hint="format it inside the print",
    )
