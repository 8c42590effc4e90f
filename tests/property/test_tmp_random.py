"""The law (DESIGN D13) on random programs of whole arrays, also where arguments overlap or are empty."""

from __future__ import annotations

import random

import numpy as np
import pytest

from pylms.errors import InternalError, PylmsError
from tests.harness.array_law import check_array_law
from tests.property.array_programs import ArrayPrograms
from tests.virtualize.sources import define


def arguments(seed: int):
    """Arrays of small whole numbers, of both kinds and any layout; the same ones each time."""
    chooser = random.Random(seed)
    extent = chooser.choice((0, 1, 2, 3, 4))
    kinds = [chooser.choice((np.float64, np.int64, np.int32, np.float64)) for _ in range(4)]

    def make():
        numbers = np.random.default_rng(seed)
        base = numbers.integers(-3, 4, 2 * extent + 1)
        vectors = [base.astype(np.float64)[:extent], numbers.integers(-3, 4, extent).astype(kinds[1])]
        if seed % 5 == 0 and extent:
            whole = base.astype(np.float64)
            vectors = [whole[:extent], whole[1 : extent + 1]]
        matrices = [numbers.integers(-3, 4, (extent, extent)).astype(kind) for kind in kinds[2:]]
        if seed % 3 == 0:
            matrices[0] = np.asfortranarray(matrices[0])
        return (*vectors, *matrices, number)

    number = chooser.choice((2, -1, 0, 1.0, -2.0))
    return make


@pytest.mark.parametrize("seed", range(100, 150))
def test_random_array_programs(seed):
    text = ArrayPrograms(random.Random(seed)).program()
    program = define(text, "program", np=np)
    try:
        check_array_law(program, arguments(seed), arguments(seed + 1000))
    except PylmsError as error:
        # NumPy raises these when the code runs; what is out of question is refused before.
        assert not isinstance(error, InternalError), text
    except AssertionError as error:
        raise AssertionError(f"{error}\n{text}") from None
