"""`__percent`: `"%d of %s" % (n, name)` with staged values, as the same text made by `str.format`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

from ...errors import NotSupportedYetError, StagedTypeError
from ...ir.types import BOOL, TEXT, ScalarType, TextType
from ...loc import caller_loc
from ..context import Trace, current_trace
from ..rep import StagedValue
from . import printing
from .call import call

_FIELD = re.compile(
    r"%(?:\((?P<name>[^)]*)\))?(?P<flags>[-+ #0]*)(?P<width>\d*)(?:\.(?P<precision>\d*))?"
    r"[hlL]?(?P<kind>[diouxXeEfFgGcrsa%])"
)
_SAMPLES: Mapping[object, object] = {BOOL: False, TEXT: ""}
_WHOLE, _TEXTS = "diouxX", "rsa"


def percent_format(template: str, values: object) -> object:
    """`template % values`: a str, or a `FormattedStr` where a value in it is staged."""
    trace = current_trace()
    given = _parts(values)
    if trace is None or not any(printing.holds_staged(trace, each) for each in given):
        return template % values
    _require_fit(trace, template, values)
    # Without a name, a field is of the whole dict.
    remaining = iter([values] if isinstance(values, dict) else given)
    pieces: list[str] = []
    fields: list[object] = []
    end = 0
    for found in _FIELD.finditer(template):
        pieces.append(_literal(template[end : found.start()]))
        end = found.end()
        if found["kind"] == "%":
            pieces.append("%")
            continue
        is_named = found["name"] is not None
        value = cast("Mapping[str, object]", values)[found["name"]] if is_named else next(remaining)
        if printing.holds_staged(trace, value):
            field, value = _field(trace, found, value)
            pieces.append(field)
            fields.append(value)
        else:
            plain = "%" + found["flags"] + found["width"] + _precision(found) + found["kind"]
            pieces.append(_literal(plain % (value,)))
    pieces.append(_literal(template[end:]))
    return printing.format_text("".join(pieces), *fields)


def _parts(values: object) -> list[object]:
    if isinstance(values, tuple):
        return list(values)
    return list(values.values()) if isinstance(values, dict) else [values]


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _precision(found: re.Match[str]) -> str:
    return "" if found["precision"] is None else f".{found['precision'] or 0}"


def _require_fit(trace: Trace, template: str, values: object) -> None:
    """Python's own error where the values do not fit the text; a located one for a width that is an argument."""
    if "*" in _FIELD.sub("", template):
        raise NotSupportedYetError(
            "a width or precision of `*` beside staged values is not supported yet",
            loc=caller_loc(),
            hint="write the width into the text, or use an f-string",
        )

    def sample(value: object) -> object:
        if trace.is_staged(value):
            type_ = _type_of(value)
            is_float = isinstance(type_, ScalarType) and type_.is_float
            return 0.0 if is_float else _SAMPLES.get(type_, 0)
        return "" if printing.holds_staged(trace, value) else value

    if isinstance(values, tuple):
        _ = template % tuple([sample(value) for value in values])
    elif isinstance(values, dict):
        _ = template % {name: sample(value) for name, value in values.items()}
    else:
        _ = template % (sample(values),)


def _type_of(value: object) -> object:
    """The type of a staged number or string; None of others."""
    return value.atom.type if isinstance(value, StagedValue) else None


def _field(trace: Trace, found: re.Match[str], value: object) -> tuple[str, object]:
    """The field of `str.format` that writes the same, and what it is given."""
    kind, flags = found["kind"], found["flags"]
    if not trace.is_staged(value) and found[0] in ("%s", "%r"):
        return "{}", value  # a list or tuple
    is_text = isinstance(_type_of(value), TextType)
    is_unusual = not trace.is_staged(value) or "#" in flags or kind == "c"
    if is_unusual or (kind in _WHOLE and found["precision"] is not None):
        raise NotSupportedYetError(
            f"`{found[0]}` of a staged value is not supported yet", loc=caller_loc(), hint="use an f-string"
        )
    if is_text and kind not in _TEXTS:
        raise StagedTypeError(f"`{found[0]}` takes a number, not a staged str", loc=caller_loc(), hint="use %s")
    if kind in _TEXTS:
        side = "<" if "-" in flags else ">"
        spec = (f"{side}{found['width']}" if found["width"] else "") + _precision(found)
        return f"{{!{kind}{':' + spec if spec else ''}}}", value
    if kind in _WHOLE:
        value = call(int, value)
        kind = {"i": "d", "u": "d"}.get(kind, kind)
    side = "<" if "-" in flags and found["width"] else ""
    sign = "+" if "+" in flags else " " if " " in flags else ""
    zero = "0" if "0" in flags and "-" not in flags and found["width"] else ""
    return f"{{:{side}{sign}{zero}{found['width']}{_precision(found)}{kind}}}", value
