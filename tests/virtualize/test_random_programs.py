"""Random programs behave the same before and after rewriting."""

from __future__ import annotations

import re

from hypothesis import HealthCheck, assume, given, settings

from tests.harness.python_bugs import STORES_ONE_NAME_TWICE
from tests.virtualize.plain_operators import rewritten
from tests.virtualize.random_programs import fuel, load, programs
from tests.virtualize.test_same_behaviour import behaviour

ARGUMENTS = [(0, 0), (1, 2), (-3, 5)]


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(programs())
def test_random_program_behaves_as_written(source):
    assume(STORES_ONE_NAME_TWICE or not re.search(r"^\s*(\w+), \1 = ", source, re.MULTILINE))
    # Loaded twice: a program may change variables outside of it.
    program, changed = load(source), rewritten(load(source))
    for arguments in ARGUMENTS:
        fuel.left = 60
        expected = behaviour(program, arguments)
        fuel.left = 60
        assert behaviour(changed, arguments) == expected, source
