"""Keys: equal for equal parts in any order, different for anything else."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylms.runtime.cache_key import KeyPart, cache_key

scalars = st.one_of(st.text(), st.binary(), st.integers(), st.booleans(), st.none())
parts = st.recursive(scalars, lambda children: st.lists(children, max_size=4).map(tuple), max_leaves=8)


def exactly(part):
    return (type(part), tuple(map(exactly, part)) if isinstance(part, tuple) else part)


def test_the_order_of_parts_does_not_matter():
    assert cache_key({"ir": "f", "flags": ("-O2",)}) == cache_key({"flags": ("-O2",), "ir": "f"})


def test_a_key_is_a_sha256_in_hexadecimal():
    key = cache_key({"ir": "f"})
    assert len(key) == 64
    assert int(key, 16) >= 0


def test_parts_that_look_alike_have_different_keys():
    sets: list[dict[str, KeyPart]] = [
        {},
        {"a": "1"},
        {"a": 1},
        {"a": True},
        {"a": b"1"},
        {"a": ("1",)},
        {"a": (("1",),)},
        {"a": None},
        {"a": ()},
        {"b": "1"},
        {"a": "1", "b": ""},
        {"a": "1b"},
        {"a": ("1", "")},
        {"a": ("", "1")},
    ]
    for one, other in itertools.combinations(sets, 2):
        assert cache_key(one) != cache_key(other)


@given(one=st.dictionaries(st.text(), parts, max_size=4), other=st.dictionaries(st.text(), parts, max_size=4))
def test_keys_are_equal_only_for_equal_parts(one, other):
    same = {name: exactly(part) for name, part in one.items()} == {name: exactly(part) for name, part in other.items()}
    assert (cache_key(one) == cache_key(other)) == same


def test_other_types_are_refused():
    with pytest.raises(TypeError, match="not float"):
        cache_key({"a": 1.5})  # type: ignore[dict-item]
