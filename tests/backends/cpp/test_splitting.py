"""Long programs are compiled in parts, and mean the same."""

from __future__ import annotations

import ctypes
import random
from pathlib import Path

import numpy as np
import pytest

from pylms.backends.cpp.backend import CppBackend
from pylms.errors import ToolchainError
from pylms.ir.builder import Builder
from pylms.ir.interpret import interpret
from pylms.ir.node import Atom, Const, Function
from pylms.ir.ops import arithmetic as ops
from pylms.ir.ops.buffers import LOAD_ELEMENT, STORE_ELEMENT
from pylms.ir.ops.control import FOR
from pylms.ir.ops.variables import VAR_GET, VAR_NEW, VAR_SET
from pylms.ir.parser import parse_function
from pylms.ir.types import FLOAT, INT, BufferType
from pylms.loc import Loc
from pylms.options import Options
from pylms.runtime.toolchain import find_toolchain
from tests.backends.cpp.native import ABI_DIRECTORY, INCLUDE_DIRECTORY, RecordingHost, compile_all, native_call

LOC = Loc("long.py", 1)


def chain(builder, live, count):
    """`count` operations, most on recent values, some on old ones."""
    dice = random.Random(count)
    for _ in range(count):
        recent, any_ = dice.choice(live[-20:]), dice.choice(live)
        live += builder.emit(dice.choice((ops.ADD, ops.SUB, ops.MINIMUM, ops.MUL)), [recent, any_], loc=LOC)
    return live[-1]


def straight_line(count) -> Function:
    builder = Builder()
    params = [builder.fresh(FLOAT, "x"), builder.fresh(FLOAT, "y")]
    with builder.block(params) as scope:
        result = chain(builder, list(params), count)
    return Function("straight", scope.finish([result]), LOC)


def in_a_loop(count) -> Function:
    """The long code in a loop; it uses values from outside, carried ones, the index, a buffer and a variable."""
    builder = Builder()
    params = [builder.fresh(FLOAT, "x"), builder.fresh(INT, "n"), builder.fresh(BufferType(FLOAT, (3,)), "data")]
    with builder.block(params) as scope:
        (variable,) = builder.emit(VAR_NEW, [params[0]], loc=LOC, names=["cell"])
        index, carried = builder.fresh(INT, "i"), builder.fresh(FLOAT, "total")
        with builder.block([index, carried]) as body:
            (as_float,) = builder.emit(ops.CONVERT, [index], loc=LOC, attrs={"dtype": FLOAT})
            (cell,) = builder.emit(VAR_GET, [variable], loc=LOC)
            (element,) = builder.emit(LOAD_ELEMENT, [params[2], Const(1, INT)], loc=LOC)
            (own,) = builder.emit(VAR_NEW, [cell], loc=LOC)
            middle = chain(builder, [params[0], carried, as_float, cell, element], count)
            (first,) = builder.emit(VAR_GET, [own], loc=LOC)
            builder.emit(VAR_SET, [own, middle], loc=LOC)
            last = chain(builder, [middle, first, carried], count)
            (after,) = builder.emit(VAR_GET, [own], loc=LOC)
            builder.emit(VAR_SET, [variable, after], loc=LOC)
            builder.emit(STORE_ELEMENT, [params[2], last, Const(1, INT)], loc=LOC)
        loop: list[Atom] = [Const(0, INT), params[1], Const(1, INT), params[0]]
        (total,) = builder.emit(FOR, loop, loc=LOC, blocks=[body.finish([last])])
        (cell,) = builder.emit(VAR_GET, [variable], loc=LOC)
    return Function("looping", scope.finish([total, cell]), LOC)


def test_long_code_becomes_functions_of_about_a_thousand_operations():
    listing = CppBackend().emit(straight_line(3500)).listing
    assert listing.count("static __attribute__((noinline)) void part") == 4
    assert "struct Values {" in listing


def test_code_of_a_thousand_operations_stays_in_one_piece():
    assert "part" not in CppBackend().emit(straight_line(1000)).listing


@pytest.mark.parametrize("make", [straight_line, in_a_loop])
def test_parts_together_do_what_the_whole_does(make):
    function = make(1700)
    (native,) = compile_all([function])
    datas = [np.array([1.0, 0.5, 2.0]) for _ in range(2)]
    arguments = [[0.75, 1.25], [0.75, 1.25]] if make is straight_line else [[0.75, 3, data] for data in datas]
    found, expected = native(arguments[0]), interpret(function, arguments[1], host=RecordingHost())
    assert repr(found) == repr(expected)
    np.testing.assert_array_equal(datas[0], datas[1])


def test_errors_and_output_pass_through_parts():
    """Parts that may fail, that print, and that poll."""
    lines = [f"%{k}: int = add %{k - 1}, 1" for k in range(10, 2010)]
    lines.insert(1500, 'print %1000 {format = "half way: {}\\n"}')
    loop = "%5: int = for 0, %1, 1, 0 do(%6: int, %7: int) { yield %6 }"
    text = f"function @f(%9: int, %1: int) {{ {' '.join(lines)} {loop} %6000: int = add %2009, %5 return %6000 }}"
    (native,) = compile_all([parse_function(text)])
    host = RecordingHost()
    assert native((5, 3), host) == (2007,)
    assert host.printed == ["half way: 996\n"]
    with pytest.raises(OverflowError):
        native((2**63 - 1000, 3), host)
    with pytest.raises(KeyboardInterrupt):
        native((5, 3), host, interrupted=True)


def test_many_parts_are_compiled_in_pieces(tmp_path):
    """As the driver does where there are several CPUs: one library, the same results."""
    function = straight_line(17_000)
    bundle = CppBackend().emit(function)
    assert bundle.pieces == 2
    source, library = tmp_path / "long.cpp", tmp_path / "long.so"
    source.write_text(bundle.source)
    includes = [Path(ABI_DIRECTORY), Path(INCLUDE_DIRECTORY)]
    find_toolchain(Options()).compile(source, library, optimise="O0", include_dirs=includes, pieces=3)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["long.cpp", "long.so"]
    found = native_call(bundle, ctypes.CDLL(str(library)).pylms_entry)([0.75, 1.25])
    assert repr(found) == repr(interpret(function, [0.75, 1.25], host=RecordingHost()))


def test_very_long_programs_are_compiled_fast():
    short, long = (CppBackend().emit(straight_line(count)) for count in (1_000, 21_000))
    assert short.flags[0] == "-O3"
    assert long.flags[:2] == ("-O1", "-fno-thread-jumps")


def test_a_piece_that_does_not_compile_is_told(tmp_path):
    source = tmp_path / "bad.cpp"
    source.write_text("#if PYLMS_PIECE == 1\nint f() { return wrong; }\n#endif\n")
    with pytest.raises(ToolchainError, match="wrong"):
        find_toolchain(Options()).compile(source, tmp_path / "bad.so", pieces=2)
