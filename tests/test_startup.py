"""What starting a program costs, told by what it loads: never more than the program needs (ADR 11)."""

import ast
import importlib
import os
import pathlib
import subprocess
import sys

import pytest

import pylms

SOURCES = pathlib.Path(pylms.__file__).parent

PROGRAM = """
import math
import sys
import pylms

def show():
    print(*sorted(sys.modules))

@pylms.lms
def power(b, x):
    if x == 0:
        return 1
    else:
        return b * power(b, x - 1)

show()
power3 = pylms.stage(lambda x: power(x, 3))
show()
power3(4)
show()
@pylms.stage
def loops(n, x):
    total = 0.0
    for i in range(n):
        while total < x and i > 2:
            total += math.sqrt(min(x, 7.0))
        total += abs(float(i))
    return total

loops(5, 2.0)
show()
"""

NOT_FOR_SCALARS = [
    "json",
    "logging",
    "numpy",
    "torch",
    "pylms.ad",
    "pylms.backends.cpp",
    "pylms.data",
    "pylms.ir.interpret",
    "pylms.ir.ops.array_nests",
    "pylms.ir.ops.arrays",
    "pylms.ir.ops.buffers",
    "pylms.ir.ops.differentiation",
    "pylms.ir.ops.tapes",
    "pylms.staging.differentiation",
    "pylms.transforms",
    "pylms.ir.ops.catalogue",
    "pylms.ir.ops.dicts",
    "pylms.ir.ops.lists",
    "pylms.ir.ops.tensors",
    "pylms.ir.ops.texts",
    "pylms.passes",
    "pylms.staging.array_methods",
    "pylms.staging.arrays",
    "pylms.staging.bits",
    "pylms.staging.containers.dicts",
    "pylms.staging.containers.lists",
    "pylms.staging.containers.strings",
    "pylms.staging.creation",
    "pylms.staging.elementwise",
    "pylms.staging.known_arrays",
    "pylms.staging.native",
    "pylms.staging.native_call",
    "pylms.staging.nests",
    "pylms.staging.number_methods",
    "pylms.staging.numpy_scalars",
    "pylms.staging.numpy_tables",
    "pylms.staging.operators.attempt",
    "pylms.staging.operators.call",
    "pylms.staging.operators.container",
    "pylms.staging.operators.loop",
    "pylms.staging.operators.matching",
    "pylms.staging.operators.printing",
    "pylms.staging.products",
    "pylms.staging.reductions",
    "pylms.staging.selections",
    "pylms.staging.ufuncs",
    "pylms.torch_front",
]
"""Packages count with all that is in them."""

NOT_FOR_IMPORT = [
    *NOT_FOR_SCALARS,
    "pathlib",
    "pylms.driver",
    "pylms.backends",
    "pylms.runtime",
]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """The modules there are after decorating, after staging was asked for, and after calls that the cache serves."""
    folder = tmp_path_factory.mktemp("startup")
    program = folder / "program.py"
    program.write_text(PROGRAM)
    environment = os.environ | {"PYTHONPATH": str(SOURCES.parent), "PYLMS_CACHE_DIR": str(folder / "cache")}
    for _run in ("compiles", "finds it compiled"):
        done = subprocess.run(
            [sys.executable, str(program)], env=environment, capture_output=True, text=True, check=True, timeout=300
        )
    return [line.split() for line in done.stdout.splitlines()]


def among(modules, unwanted):
    return [name for name in modules if any(name == each or name.startswith(f"{each}.") for each in unwanted)]


def test_importing_and_decorating_loads_neither_the_compiler_nor_what_scalars_do_not_use(loaded):
    decorated, *_ = loaded
    assert "pylms" in decorated
    assert among(decorated, NOT_FOR_IMPORT) == []


def test_a_cached_function_of_scalars_loads_what_scalars_use(loaded):
    _, asked_for, staged, _ = loaded
    assert "pylms.staging.operators.branch" in staged
    assert among(asked_for, NOT_FOR_SCALARS) == []
    assert among(staged, NOT_FOR_SCALARS) == []


def test_loops_and_calls_of_scalars_load_what_scalars_use(loaded):
    of_loops = {"pylms.staging.operators.call", "pylms.staging.operators.loop", "pylms.ir.ops.lists"}
    assert of_loops <= {*loaded[-1]}
    assert among(loaded[-1], {*NOT_FOR_SCALARS} - of_loops) == []


def late_modules():
    """Each file of the library that has late modules, with their names for the run and for type checkers."""
    for path in sorted(SOURCES.rglob("*.py")):
        for block in ast.parse(path.read_text()).body:
            if isinstance(block, ast.If) and any("late_module(" in ast.unparse(each) for each in block.orelse):
                late = {}
                for each in block.orelse:
                    assert isinstance(each, ast.Assign) and isinstance(each.value, ast.Call), ast.unparse(each)
                    late[each.targets[0].id] = ast.literal_eval(each.value.args[0])
                yield path, late, dict(checked_names(path, block))


def checked_names(path, block):
    package = ["pylms", *path.relative_to(SOURCES).parent.parts]
    for each in block.body:
        for alias in each.names:
            if isinstance(each, ast.Import):
                yield alias.name, alias.name
            elif each.level:
                parts = [*package[: len(package) - each.level + 1], *filter(None, [each.module]), alias.name]
                yield alias.asname or alias.name, ".".join(parts)


def test_late_modules_are_those_that_type_checkers_see():
    found = list(late_modules())
    assert found
    for path, late, checked in found:
        for name, module in late.items():
            assert checked.get(name) == module, path
            importlib.import_module(module)


def test_a_late_module_has_what_the_module_has():
    from pylms.late import late_module

    late = late_module("fractions")
    assert late.Fraction is importlib.import_module("fractions").Fraction
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        late.nothing
