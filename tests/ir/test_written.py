"""Which array parameters a function writes."""

from __future__ import annotations

import pytest

from pylms.ir.parser import parse_function
from pylms.ir.verify import verify
from pylms.ir.written import written_parameters

APART = "%0.a: array<float64[:,:]@1>, %1.b: array<float64[:]@2>"
SHARED = "%0.a: array<float64[:,:]@0>, %1.b: array<float64[:]@0>"
STORE_THROUGH_A_VARIABLE = """
    %2: array<float64[:]@{region}> = array_pick %0.a, 0 {{axis = 0}}
    %3: var<array<float64[:]@{region}>> = var_new %2
    if True do {{
        %4: array<float64[:]@{region}> = var_get %3
        array_store %4, 1.0:float64, 0
        yield
    }} do {{
        yield
    }}
"""
STORE_INTO_A_VIEW = """
    %2: array<float64[:]@{region}> = array_pick %0.a, 0 {{axis = 0}}
    %3: array<float64[:]@{region}> = array_slice %2, 0, 1, 1 {{axis = 0, unit_step = True}}
    array_store %3, 1.0:float64, 0
"""
STORE_INTO_NEW_MEMORY = """
    %2: array<float64[:]@{new}> = array_new 3 {{dtype = float64, region = {new}, zeroed = True}}
    %3: float64 = array_load %1.b, 0
    array_store %2, %3, 0
"""


@pytest.mark.parametrize(
    ("parameters", "body", "written"),
    [
        (APART, STORE_INTO_A_VIEW, ["a"]),
        (SHARED, STORE_INTO_A_VIEW, ["a"]),
        (APART, STORE_THROUGH_A_VARIABLE, ["a"]),
        (SHARED, STORE_THROUGH_A_VARIABLE, ["a", "b"]),
        (APART, STORE_INTO_NEW_MEMORY, []),
        (SHARED, STORE_INTO_NEW_MEMORY, []),
        (APART, "array_store %1.b, 1.0:float64, 0", ["b"]),
        (APART, "%2: float64 = array_load %1.b, 0", []),
    ],
)
def test_written_parameters(parameters, body, written):
    shared = parameters is SHARED
    text = body.format(region=0 if shared else 1, new=0 if shared else 3)
    function = parse_function(f"function @f({parameters}) {{ {text} return }}")
    verify(function)
    assert [symbol.name for symbol in written_parameters(function)] == written
