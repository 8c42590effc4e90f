"""Arrays in one another's memory: native code does what Python does, whatever the parts and the order of calls."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pylms import lms, stage

SIZE = 12
bounds = st.one_of(st.none(), st.integers(-SIZE - 2, SIZE + 2))
slices = st.builds(slice, bounds, bounds, st.sampled_from([None, 1, 2, 3, -1, -2, -5]))


@lms
def mix(source, target, other):
    n = min(len(source), len(target))
    for i in range(n):
        target[i] = source[i] * 2.0 + i
        if i < len(other):
            target[n - 1 - i] = target[n - 1 - i] + other[i]
    return target[::-1], source[1:]


native = stage(mix)


@settings(max_examples=300, deadline=None)
@given(
    parts=st.tuples(slices, slices, slices),
    owners=st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 1)),
    frozen=st.booleans(),
)
def test_parts_of_arrays_are_what_they_are_in_python(parts, owners, frozen):
    outcomes = []
    for run in (mix, native):
        bases = [np.arange(SIZE, dtype=float), np.arange(SIZE, dtype=float) * 10.0]
        source, target, other = (bases[owner][part] for owner, part in zip(owners, parts, strict=True))
        if frozen:
            source.flags.writeable = other.flags.writeable = False
        results = run(source, target, other)
        outcomes.append((bases, results))
        for result, argument in zip(results, (target, source), strict=True):
            assert result.size == 0 or np.shares_memory(result, argument)
    (expected_bases, expected), (found_bases, found) = outcomes
    for left, right in zip((*expected_bases, *expected), (*found_bases, *found), strict=True):
        assert left.shape == right.shape and np.array_equal(left, right)
        # Where arguments overlap, a result that lies in several is writeable if one of them is.
        assert left.size == 0 or right.flags.writeable or not left.flags.writeable
