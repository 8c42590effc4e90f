"""What users read when they do what cannot be done: the whole text, with line and caret (DESIGN D16).

The texts are in `messages.txt`, one section a program of `programs.py`; PYLMS_UPDATE_GOLDENS=1 writes it anew.
"""

from __future__ import annotations

import linecache
import os
import re
import sys
from pathlib import Path

import pytest

from pylms import lms, stage, static
from pylms.errors import PylmsError
from tests.errors.programs import PROGRAMS

GOLDEN = Path(__file__).with_name("messages.txt")
OTHER_LINES = {"staged twice", "staged staticmethod"}
SECTION = re.compile(r"^== (.*)\n", re.MULTILINE)


def message_of(name: str) -> str:
    """The class and the text of the error that a program ends in."""
    source = PROGRAMS[name].lstrip("\n")
    file = "<cell>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    space = {"__name__": "cell", "lms": lms, "stage": stage, "static": static}
    with pytest.raises(PylmsError) as caught:
        exec(compile(source, file, "exec", dont_inherit=True), space)
    return f"{type(caught.value).__name__}: {caught.value}\n"


def golden_messages() -> dict[str, str]:
    _, *parts = SECTION.split(GOLDEN.read_text())
    return {name: text.rstrip("\n") + "\n" for name, text in zip(parts[::2], parts[1::2], strict=True)}


@pytest.mark.skipif(sys.version_info < (3, 11), reason="before Python 3.11 only lines are known")
@pytest.mark.parametrize("name", PROGRAMS)
def test_message(name: str) -> None:
    if os.environ.get("PYLMS_UPDATE_GOLDENS"):
        pytest.skip("goldens are being written")
    assert message_of(name) == golden_messages()[name]


@pytest.mark.parametrize("name", PROGRAMS)
def test_message_without_columns(name: str) -> None:
    """The same on every version: what is wrong, the line, what to do."""
    if sys.version_info < (3, 11) and name in OTHER_LINES:
        pytest.skip("decorators have another line before Python 3.11")
    expected, found = golden_messages()[name].splitlines(), message_of(name).splitlines()
    without_column = re.compile(r"(<cell>:\d+)(:\d+)?")
    assert without_column.sub(r"\1", found[0]) == without_column.sub(r"\1", expected[0])
    assert found[1] == expected[1]
    assert found[3:] == expected[3:]


def test_every_program_has_its_message() -> None:
    if os.environ.get("PYLMS_UPDATE_GOLDENS"):
        GOLDEN.write_text("\n".join(f"== {name}\n{message_of(name)}" for name in PROGRAMS))
    assert list(golden_messages()) == list(PROGRAMS)


def test_every_message_says_what_to_do() -> None:
    assert [name for name, text in golden_messages().items() if "\nhelp: " not in text] == []
