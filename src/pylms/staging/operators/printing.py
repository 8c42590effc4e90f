"""`__print`, `__printf`, `__format`: text with staged values in it, printed when the code runs.

Inside a staged function every print is staged, with or without staged values: calling the compiled function prints
what calling the original one would. Text of plain values is made while generating.
"""

from __future__ import annotations

import builtins
import string
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, cast

from ...errors import NotSupportedYetError, StagedTypeError, StagingError
from ...ir.node import Atom
from ...ir.ops.arithmetic import CONVERT
from ...ir.ops.host import PRINT
from ...ir.ops.texts import TEXT_FORMAT
from ...ir.types import BOOL, FLOAT, INT, TEXT, ContainerType, ScalarType, TensorType, Type
from ...loc import caller_loc
from ..constructs import NOTHING_ASSIGNED
from ..containers.strings import FormattedStr, StagedStr, escape
from ..containers.traced import TracedList
from ..context import Trace, current_trace
from ..kinds import has_staged_length, is_staged_array
from ..rep import Rep
from ..truth import scalar_of
from ..values import is_maybe
from .branch import run_if

if TYPE_CHECKING:
    from ..maybe import StagedMaybe

_FORMATTER = string.Formatter()
_SAMPLES: dict[Type, object] = {BOOL: False, INT: 0, FLOAT: 0.0, TEXT: ""}


def format_text(template: str, *args: object, **kwargs: object) -> object:
    """`template.format(*args, **kwargs)`: a str, or a `FormattedStr` when a field is staged."""
    trace = current_trace()
    if trace is None or not any(holds_staged(trace, value) for value in (*args, *kwargs.values())):
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
    template = escape(separator).join(text.template for text in texts) + escape(ending)
    trace.emit(PRINT, [atom for text in texts for atom in text.atoms], attrs={"format": template})


def _as_text(trace: Trace, value: object) -> FormattedStr:
    if isinstance(value, FormattedStr):
        return value
    if trace.is_staged(value):
        return FormattedStr("{}", (_printable(trace, value),), trace)
    if holds_staged(trace, value):
        return _container_text(trace, cast("list[object] | tuple[object, ...]", value))
    return FormattedStr(escape(str(value)), (), trace)


def _container_text(trace: Trace, value: list[object] | tuple[object, ...]) -> FormattedStr:
    """`str` of a list or tuple with staged values in it: its items by `repr`."""
    texts = [_item_text(trace, item) for item in value]
    atoms = tuple(atom for text in texts for atom in text.atoms)
    items = ", ".join(text.template for text in texts)
    if isinstance(value, list):
        return FormattedStr(f"[{items}]", atoms, trace)
    return FormattedStr(f"({items},)" if len(value) == 1 else f"({items})", atoms, trace)


def _item_text(trace: Trace, item: object) -> FormattedStr:
    if isinstance(item, StagedStr):
        return FormattedStr("{!r}", (item.atom,), trace)
    if is_maybe(item):
        return FormattedStr("{}", (trace.lift(_text_or_none(item, "{!r}")),), trace)
    if holds_staged(trace, item):
        return _as_text(trace, item)
    return FormattedStr(escape(repr(item)), (), trace)


def holds_staged(trace: Trace, value: object) -> bool:
    """Whether printing the value needs what only the run knows. Located error where that cannot be printed."""
    if type(value) in (list, tuple, TracedList):
        return any(holds_staged(trace, item) for item in cast(Sequence[object], value))
    if isinstance(value, dict) and any(holds_staged(trace, item) for pair in value.items() for item in pair):
        raise NotSupportedYetError("a dict that holds staged values cannot be printed yet", loc=caller_loc())
    return trace.is_staged(value)


def _printable(trace: Trace, value: object) -> Atom:
    """What to print: a string, a container, or a scalar as a Python number."""
    if is_maybe(value):
        return trace.lift(_text_or_none(value, "{}"))
    if has_staged_length(value):
        return trace.lift(value)
    if not isinstance(value, Rep):
        is_array = is_staged_array(value)
        raise StagingError(
            f"a staged {'array' if is_array else 'tensor'} cannot be printed",
            loc=caller_loc(),
            hint="print its elements, or return it" if is_array else "print `x.item()`, or numbers computed from it",
        )
    atom = trace.lift(value)
    assert isinstance(atom.type, ScalarType)
    if atom.type.python:
        return atom
    target = FLOAT if atom.type.is_float else INT
    return trace.emit(CONVERT, [atom], attrs={"dtype": target})[0]


def _number_of(trace: Trace, value: object, conversion: str | None) -> object:
    """What is formatted of a tensor without dimensions: its number, as PyTorch has it."""
    if conversion or isinstance(value, Rep) or is_maybe(value) or has_staged_length(value):
        return value
    atom = trace.lift(value)
    is_number = isinstance(atom.type, TensorType) and atom.type.shape == ()
    return trace.wrap(scalar_of(trace, value, "the number")) if is_number else value


def _text_or_none(value: StagedMaybe, template: str) -> object:
    return run_if(value.present, lambda: format_text(template, value.value), lambda: "None", NOTHING_ASSIGNED)


def _format(trace: Trace, template: str, args: Sequence[object], kwargs: dict[str, object]) -> FormattedStr:
    pieces: list[str] = []
    atoms: list[Atom] = []
    automatic = iter(range(len(args)))
    for literal, field, spec, conversion in _FORMATTER.parse(template):
        pieces.append(escape(literal))
        if field is None:
            continue
        if field == "" or field[0] in ".[":
            field = f"{next(automatic)}{field}"
        value, _ = _FORMATTER.get_field(field, args, kwargs)
        plain_spec = _resolve_spec(trace, spec or "", args, kwargs, automatic)
        if isinstance(value, FormattedStr) and not conversion and not plain_spec:
            pieces.append(value.template)
            atoms.extend(value.atoms)
        elif trace.is_staged(value):
            if is_maybe(value) and plain_spec:
                value = value.required("unsupported format string passed to NoneType.__format__")
            elif is_maybe(value) and conversion:
                value, conversion = _text_or_none(value, f"{{!{conversion}}}"), None
            printable = _printable(trace, _number_of(trace, value, conversion))
            atom = _as_it_is_now(trace, printable, conversion)
            pieces.append(_field(atom, conversion if atom is printable else None, plain_spec))
            atoms.append(atom)
        elif holds_staged(trace, value):
            text = _as_text(trace, value)
            pieces.append(text.template)
            atoms.extend(text.atoms)
        else:
            converted = _FORMATTER.convert_field(value, conversion)
            pieces.append(escape(format(converted, plain_spec)))
    return FormattedStr("".join(pieces), tuple(atoms), trace)


def _as_it_is_now(trace: Trace, atom: Atom, conversion: str | None) -> Atom:
    """A container as text, since it may change before the text is used."""
    if not isinstance(atom.type, ContainerType):
        return atom
    return trace.emit(TEXT_FORMAT, [atom], attrs={"format": "{!r}" if conversion == "r" else "{}"})[0]


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
    try:
        text.format(_SAMPLES[atom.type])
    except ValueError as error:
        raise StagedTypeError(
            f"format `{spec}` does not fit a staged {atom.type}: {error}",
            loc=caller_loc(),
            hint="convert the value, or use another format",
        ) from None
    return text
