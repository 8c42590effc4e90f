"""A rewritten function behaves as the one the user wrote: result, error, side effects and their order, output."""

from __future__ import annotations

import contextlib
import copy
import io

import pytest

from pylms.virtualize.bool_ops import rewrite_bool_ops
from pylms.virtualize.containers import rewrite_containers
from pylms.virtualize.pipeline import PASSES
from pylms.virtualize.reductions import desugar_reductions
from tests.virtualize import corpus
from tests.virtualize.plain_operators import rewritten

WITH_WALRUS = (corpus.walrus.__name__, corpus.matches.__name__, corpus.reductions.__name__)


def behaviour(function, arguments, events=corpus.events):
    """All that can be seen of one call."""
    arguments = copy.deepcopy(arguments)
    events.clear()
    output = io.StringIO()
    outcome: tuple[object, ...]
    try:
        with contextlib.redirect_stdout(output):
            outcome = ("returned", repr(function(*arguments)))
    except NameError as error:
        # A closure that reads an unset cell raises UnboundLocalError, where Python raises its base class NameError.
        outcome = ("unset", error.args[0].split("'")[1])
    except Exception as error:
        outcome = ("raised", type(error), str(error))
    return outcome, list(events), output.getvalue(), repr(arguments)


@pytest.mark.parametrize("passes", range(1, len(PASSES) + 1), ids=lambda count: PASSES[count - 1].__name__)
@pytest.mark.parametrize(("function", "arguments"), corpus.CASES, ids=lambda value: getattr(value, "__name__", None))
def test_behaves_as_written_after_each_pass(function, arguments, passes):
    if (
        PASSES[passes - 1] in (desugar_reductions, rewrite_bool_ops, rewrite_containers)
        and function.__module__ in WITH_WALRUS
    ):
        pytest.skip("a := in a thunk is whole again after rewrite_variables")
    expected = behaviour(function, arguments)
    assert behaviour(rewritten(function, PASSES[:passes]), arguments) == expected
