"""The law of DESIGN D13 for functions of arrays: what they give, and what they leave in the arrays they were given."""

import numpy as np

from pylms import generate, stage
from pylms.ir.interpret import interpret
from pylms.ir.types import SCALAR_TYPES, SHARED_REGION, ArrayType, Region
from tests.harness.law import OPTIONS, PrintingHost, outcome, staged_of, type_of

SILENT = {"all": "ignore"}


def types_of(arguments):
    """The staged types of arguments; arrays that overlap are of the shared region."""
    arrays = [each for each in arguments if isinstance(each, np.ndarray)]
    overlap = any(np.may_share_memory(one, other) for at, one in enumerate(arrays) for other in arrays[:at])
    return tuple(
        ArrayType(
            SCALAR_TYPES[each.dtype.name],
            each.ndim,
            each.flags.c_contiguous,
            SHARED_REGION if overlap else Region(position + 1),
        )
        if isinstance(each, np.ndarray)
        else type_of(each)
        for position, each in enumerate(arguments)
    )


def check_array_law(function, *makers, rtol=0.0):
    """Run a function four ways on what each maker gives anew; numbers may be apart by `rtol`, relative to them."""
    native = stage(function)
    for make in makers:
        staged = staged_of(function, *types_of(make()))
        optimised = generate.optimise(staged.function, OPTIONS)
        owners = [capture.owner for capture in staged.captures]
        expected = _ran(function, make)
        ways = {
            "interpreted": _ran(lambda *a, f=staged.function: interpret(f, [*a, *owners], host=PrintingHost()), make),
            "optimised": _ran(lambda *a: interpret(optimised, [*a, *owners], host=PrintingHost()), make),
            "native": _ran(native, make),
        }
        for way, found in ways.items():
            assert _same(expected, found, rtol), f"{way}{make()}: {found}, and Python gives {expected}"


def _ran(run, make):
    """The exception's type, or the result as a flat list, and the arguments afterwards."""
    arguments = make()
    with np.errstate(**SILENT):
        result, _ = outcome(lambda: run(*arguments))
    if isinstance(result, type):
        return [result, *arguments]
    return [*_flat(result), *arguments]


def _flat(value):
    if isinstance(value, tuple):
        return [each for item in value for each in _flat(item)]
    return [] if value is None else [value]


def _same(left, right, rtol):
    return len(left) == len(right) and all(_same_value(*pair, rtol) for pair in zip(left, right, strict=True))


def _same_value(left, right, rtol):
    if isinstance(left, type) or isinstance(right, type):
        return isinstance(left, type) and isinstance(right, type) and issubclass(left, right)
    if isinstance(left, np.ndarray) != isinstance(right, np.ndarray):
        return False
    # Python's own numbers, and the bools that stand for NumPy's, have no dtype to compare.
    one, other = np.asarray(left), np.asarray(right)
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if one.dtype.kind != "f":
        return np.array_equal(one, other)
    return np.allclose(one, other, rtol=rtol, atol=rtol, equal_nan=True)
