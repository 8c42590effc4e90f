"""The law of DESIGN D13 on random programs: native code does what the interpreter does, errors and output included."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pylms.ir.interpret import interpret
from pylms.ir.printer import print_function
from pylms.ir.verify import verify
from tests.backends.cpp.native import RecordingHost, compile_all
from tests.backends.cpp.random_programs import arguments, programs


def observe(run, args):
    """All that can be seen of a run: results or exception, output, and the buffer afterwards."""
    buffer = np.array([1, -2, 3, 2**40])
    seen = []

    def answer(callback, values):
        seen.append((callback, [repr(getattr(v, "item", lambda v=v: v)()) for v in values[1:]]))
        return len(seen), len(seen) / 3

    host = RecordingHost(answer)
    try:
        with np.errstate(all="ignore"):
            results = [(type(value), repr(value)) for value in run([*args, buffer], host)]
    except (ArithmeticError, ValueError, IndexError, AssertionError) as error:
        results = [(type(error), str(error))]
    return results, host.printed, seen, buffer.tolist()


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(programs(), st.lists(arguments, min_size=2, max_size=6)), min_size=1, max_size=20))
def test_native_code_does_what_the_interpreter_does(cases):
    functions = [function for function, _ in cases]
    for function in functions:
        verify(function)
    for (function, argument_lists), native in zip(cases, compile_all(functions), strict=True):
        for args in argument_lists:
            expected = observe(lambda values, host, f=function: interpret(f, values, host=host), args)
            found = observe(native, args)
            assert found == expected, f"{args}\n{print_function(function)}\n{native.bundle.listing}"
