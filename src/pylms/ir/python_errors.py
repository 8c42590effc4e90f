"""The messages of the exceptions that staged arithmetic raises, CPython's own where Python raises them too.

One place for the interpreter and for the backends, so that they say the same.
"""

from __future__ import annotations

import ast
import sys

from .primitive import Primitive

INT_FLOORDIV_BY_ZERO = "integer division or modulo by zero"
INT_MOD_BY_ZERO = "integer modulo by zero"
INT_DIVISION_BY_ZERO = "division by zero"
NEGATIVE_SHIFT = "negative shift count"
NEGATIVE_ROOT = "isqrt() argument must be nonnegative"
ZERO_MODULUS = "pow() 3rd argument cannot be 0"
NOT_INVERTIBLE = "base is not invertible for the given modulus"
FLOAT_DIVISION_BY_ZERO = "float division by zero"
FLOAT_FLOORDIV_BY_ZERO = "float floor division by zero"
FLOAT_MOD_BY_ZERO = "float modulo"
ZERO_TO_NEGATIVE_POWER = "0.0 cannot be raised to a negative power"
FLOAT_POWER_OVERFLOW = "(34, 'Numerical result out of range')"
TOO_DEEP = "maximum recursion depth exceeded"
MATH_DOMAIN = "math domain error"
MATH_RANGE = "math range error"
NAN_TO_INT = "cannot convert float NaN to integer"
INFINITY_TO_INT = "cannot convert float infinity to integer"
LIST_INDEX = "list index out of range"
LIST_ASSIGNMENT_INDEX = "list assignment index out of range"
POP_FROM_EMPTY_LIST = "pop from empty list"
POP_INDEX = "pop index out of range"
NOT_IN_LIST = "{!r} is not in list"
REMOVE_NOT_IN_LIST = "list.remove(x): x not in list"
TEXT_INDEX = "string index out of range"
ORD_LENGTH = "ord() expected a character, but string of another length found"
C_INT_OVERFLOW = "Python int too large to convert to C int"
CHR_RANGE = "chr() arg not in range(0x110000)"
DICT_CHANGED_SIZE = "dictionary changed size during iteration"
DICT_CHANGED_KEYS = "dictionary keys changed during iteration"

# Where Python would go on, with a larger int, a complex number or a float.
FLOAT_TO_INT_OVERFLOW = "integer overflow: the float is too large for a 64-bit integer"
NEGATIVE_TO_FRACTION = "a negative number to a fractional power is a complex number, which staged code does not have"
NEGATIVE_INT_POWER = "an int to a negative int power is a float: convert the base with float() first"
NAN_KEY = "a NaN cannot be a key here: Python tells NaNs apart by their identity, which compiled code does not have"


def argument_of(error: str, message: str) -> object:
    """What an exception of that class and text is made of: the text of a KeyError shows the key, as `repr` does."""
    return ast.literal_eval(message) if error == "KeyError" and message else message


def empty_sequence(function: str) -> str:
    """What `min` and `max` say of nothing."""
    if sys.version_info >= (3, 12):
        return f"{function}() iterable argument is empty"
    return f"{function}() arg is an empty sequence"


def integer_overflow(primitive: Primitive) -> str:
    """The result of an operation on Python ints has no place in 64 bits."""
    return f"integer overflow: the result of `{primitive.spelling}` does not fit 64 bits"
