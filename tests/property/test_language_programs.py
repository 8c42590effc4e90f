"""The law (DESIGN D13) on random programs of the whole language; `make fuzz` tries others each time."""

from __future__ import annotations

import random

import pytest

from tests.property.guarded import Died, guarded
from tests.property.language_programs import LanguagePrograms
from tests.property.program_law import Failure, Prepared, check_interpreted, check_natively, prepare

_IN_A_BATCH = 100
_MOST_REFUSED = 0.12
# What C++ leaves undefined ends the process: no library of the sanitizer is needed.
_TRAPPING = ("-O0", "-fsanitize=undefined", "-fno-sanitize=float-divide-by-zero", "-fsanitize-undefined-trap-on-error")


def _prepared(batch: int) -> list[Prepared]:
    """The programs of a batch, with the interpreter compared."""
    ready = []
    for seed in range(batch * _IN_A_BATCH, (batch + 1) * _IN_A_BATCH):
        case = LanguagePrograms(random.Random(seed), statements=2, depth=2).case()
        found = prepare(case)
        if found is None:
            continue
        failure = found if isinstance(found, Failure) else check_interpreted(found)
        assert failure is None, f"seed {seed}: {failure.message}\n{case.source}"
        ready.append(found)
    return ready


@pytest.mark.parametrize("batch", range(20))
def test_random_programs_mean_what_python_means(batch: int) -> None:
    ready = _prepared(batch)
    refused = [each for each in ready if each.refused is not None]
    assert len(refused) < _MOST_REFUSED * len(ready), "a test that refuses most programs tests little"
    for failure in check_natively(ready, flags=("-O0",)):
        raise AssertionError(f"{failure.message}\n{failure.case.source}")


def test_random_programs_do_nothing_undefined() -> None:
    ready = _prepared(3)
    found = guarded(lambda: check_natively(ready, flags=_TRAPPING), seconds=120)
    assert not isinstance(found, Died), f"{found}: `make fuzz ARGS=--sanitize` tells where"
    assert found == []
