"""Structured control flow.

`if(condition) then else`: blocks without parameters; their results are the node's. Passes mark as `VERSIONS` what does
the same on both sides, on the first with fewer checks.
`while(initial...) condition body`: both blocks take the carried values; the condition block gives one bool,
the body the next values; the results are the final ones.
`for(start, stop, step, initial...) body`: the body takes the index and the carried values; counts as Python's range
does. Passes mark as `UPWARDS` what surely has a positive step, and a stop that an index passes within 64 bits.
`finally() body cleanup`: both blocks without parameters; the body's results are the node's. The cleanup, which gives
nothing, runs however the body is left: at its end, by an error, or by an exception that Python raised.
`check(condition) {error, message}`: leaves the function with that Python exception unless the condition holds.
`check(condition, i, j) {error, message, shown}`: the same; where the run can tell two ints, the message is
`shown.format(i, j)`.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import StagedTypeError
from ..effects import RAISES_KEPT, Effect
from ..node import Atom, AttributeValue, Block
from ..primitive import Primitive
from ..rules import effect_of_blocks, effect_rules, type_rules
from ..types import BOOL, INT, Type

IF = Primitive("if")
WHILE = Primitive("while")
FOR = Primitive("for")
FINALLY = Primitive("finally")
CHECK = Primitive("check")
PRIMITIVES = (IF, WHILE, FOR, FINALLY, CHECK)

UPWARDS = ("upwards", True)
VERSIONS = ("versions", True)

# Exceptions that native code can raise; `check` nodes and checked arithmetic name them.
ERROR_NAMES = frozenset(
    {
        *("OverflowError", "ZeroDivisionError", "IndexError", "ValueError", "UnboundLocalError", "AssertionError"),
        *("KeyError", "RuntimeError", "TypeError", "AttributeError"),
    }
)


def _result_types(block: Block) -> tuple[Type, ...]:
    return tuple([result.type for result in block.results])


def _require_same(what: str, expected: tuple[Type, ...], found: tuple[Type, ...]) -> None:
    if expected != found:
        left, right = ", ".join(map(str, expected)), ", ".join(map(str, found))
        raise StagedTypeError(f"{what}: ({left}) and ({right})")


@type_rules.define(IF)
def _if_type(
    args: tuple[Type, ...], _attrs: Mapping[str, AttributeValue], blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    if args != (BOOL,):
        raise StagedTypeError(f"the condition of a branch must be bool, not {args[0]}")
    then, otherwise = blocks
    _require_same("the two sides of a branch have different types", _result_types(then), _result_types(otherwise))
    return _result_types(then)


@type_rules.define(WHILE)
def _while_type(
    args: tuple[Type, ...], _attrs: Mapping[str, AttributeValue], blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    condition, body = blocks
    _require_same("the condition of a loop must be one bool", (BOOL,), _result_types(condition))
    _require_same("a loop's values change type", args, _result_types(body))
    for block in blocks:
        _require_same("a loop's values change type", args, tuple(param.type for param in block.params))
    return args


@type_rules.define(FOR)
def _for_type(
    args: tuple[Type, ...], _attrs: Mapping[str, AttributeValue], blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    (body,) = blocks
    _require_same("a range is made of ints", (INT, INT, INT), args[:3])
    _require_same("a loop's values change type", (INT, *args[3:]), tuple(param.type for param in body.params))
    _require_same("a loop's values change type", args[3:], _result_types(body))
    return args[3:]


@type_rules.define(FINALLY)
def _finally_type(
    args: tuple[Type, ...], _attrs: Mapping[str, AttributeValue], blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    body, cleanup = blocks
    _require_same("`finally` takes no values", (), args)
    _require_same("a cleanup gives nothing", (), _result_types(cleanup))
    return _result_types(body)


@type_rules.define(CHECK)
def _check_type(
    args: tuple[Type, ...], attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    shown = (INT, INT) if "shown" in attrs else ()
    if args != (BOOL, *shown) or attrs["error"] not in ERROR_NAMES:
        raise StagedTypeError("check needs one bool, two ints if it shows some, and a known exception")
    return ()


# A `for` whose step is staged and may be zero is preceded by a `check`.
effect_rules.define(IF, WHILE, FOR, FINALLY)(effect_of_blocks)


@effect_rules.define(CHECK)
def _check_effect(_args: tuple[Atom, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]) -> Effect:
    return RAISES_KEPT
