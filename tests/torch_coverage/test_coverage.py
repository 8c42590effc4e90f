"""docs/pytorch.md says what is so: every row is run, and the page has every row."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from pylms import PylmsError, stageTensor
from tests.torch_front.compare import check as check_script

from .__main__ import PAGE
from .batch import failures
from .page import SECTIONS, page
from .rows import Refusal, ScriptCheck, Section


@pytest.mark.parametrize("section", [each for each in SECTIONS if each.checks], ids=lambda each: each.title)
def test_what_is_staged_does_what_pytorch_does(section: Section) -> None:
    wrong = failures(section.checks)
    assert not wrong, "\n\n".join(wrong)


REFUSALS = [refusal for section in SECTIONS for refusal in section.refusals]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.what)
def test_what_is_not_staged_is_a_located_error(refusal: Refusal) -> None:
    tensors = [tensor.clone() for tensor in refusal.tensors]

    def program(rounds: int) -> None:
        for _ in range(rounds):
            refusal.function(*tensors)

    with pytest.raises(PylmsError) as caught:
        stageTensor(program)(1)
    assert type(caught.value).__name__ == refusal.error, caught.value
    assert refusal.says in str(caught.value)
    code, loc = refusal.function.__code__, caught.value.loc
    lines = {line for _, _, line in code.co_lines() if line is not None}
    assert loc is not None and loc.file == code.co_filename and loc.line in lines, loc


SCRIPTS = [script for section in SECTIONS for script in section.scripts]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.what)
def test_scripts_end_as_in_pytorch(script: ScriptCheck) -> None:
    check_script(script.make, calls=script.calls)


def test_the_page_has_these_rows() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew: python -m tests.torch_coverage"
