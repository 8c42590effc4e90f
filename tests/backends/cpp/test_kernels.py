"""The tensor kernels compute what NumPy does, at any shape, and touch nothing but their operands."""

from __future__ import annotations

import ctypes
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.backends.cpp.kernel_drivers import (
    Array,
    Case,
    Drivers,
    Target,
    available_targets,
    compile_cases,
    compile_source,
)

FORMS = ("NN", "NT", "TN", "TT")
DTYPES = {"float": np.float32, "double": np.float64}
TOLERANCE = {"float": 2e-5, "double": 1e-13}
PADDING = 3
SENTINEL = 777.0

# Single elements, sizes under, at and past a vector, the sizes of the MNIST model, several blocks along K.
SHAPES = (
    (1, 1, 1),
    (2, 3, 40),
    (5, 1, 9),
    (16, 16, 16),
    (13, 35, 21),
    (64, 10, 50),
    (10, 50, 64),
    (33, 47, 129),
    (24, 130, 600),
)
VECTOR_SHAPES = ((1, 1), (3, 5), (10, 50), (50, 784), (7, 33), (129, 18))
LENGTHS = (1, 2, 7, 8, 16, 31, 64, 100, 784)


@dataclass(frozen=True, slots=True)
class Gemm:
    """One matrix product: leading dimensions are padded in `padded` cases."""

    form: str
    dtype: str
    shape: tuple[int, int, int]
    epilogue: str
    padded: bool

    @property
    def name(self) -> str:
        m, n, k = self.shape
        return f"gemm_{self.form}_{self.dtype}_{m}_{n}_{k}_{self.epilogue}_{'padded' if self.padded else 'dense'}"

    @property
    def stored_a(self) -> tuple[int, int]:
        m, _, k = self.shape
        return (k, m) if self.form[0] == "T" else (m, k)

    @property
    def stored_b(self) -> tuple[int, int]:
        _, n, k = self.shape
        return (n, k) if self.form[1] == "T" else (k, n)

    @property
    def case(self) -> Case:
        m, n, k = self.shape
        extra = PADDING if self.padded else 0
        strides = f", {n + extra}, {self.stored_a[1] + extra}, {self.stored_b[1] + extra}" if self.padded else ""
        t = self.dtype
        epilogue = {
            "assign": "Assign{}",
            "accumulate": "Accumulate{}",
            "add_scaled": f"AddScaled{{{t}(-0.5)}}",
            "add_bias": "AddBias{bias}",
            "add_bias_relu": "AddBiasRelu{bias}",
        }[self.epilogue]
        parameters = f"{t}* c, const {t}* a, const {t}* b, [[maybe_unused]] const {t}* bias"
        return Case(self.name, parameters, f"gemm<{self.form}, {m}, {n}, {k}{strides}>(c, a, b, {epilogue});")


def finished(epilogue: str, product: Array, old: Array, bias: Array) -> Array:
    match epilogue:
        case "assign":
            return product
        case "accumulate":
            return old + product
        case "add_scaled":
            return old - 0.5 * product
        case "add_bias":
            return product + bias
    return np.maximum(product + bias, 0)


EPILOGUES = ("assign", "accumulate", "add_scaled", "add_bias", "add_bias_relu")
GEMMS = tuple(
    Gemm(form, dtype, shape, EPILOGUES[(index + offset) % len(EPILOGUES)], padded=(index + offset) % 2 == 0)
    for dtype in DTYPES
    for offset, form in enumerate(FORMS)
    for index, shape in enumerate(SHAPES)
    if dtype == "float" or index % 2 == offset % 2
)


# More products than fit into the cache together, of which the last block has fewer.
PRODUCTS = 23
SUMS = [
    (form, m, n, k, epilogue)
    for form in ("NN", "TN")
    for m, n, k, epilogue in (
        (1, 1, 1, "Assign"),
        (7, 3, 5, "Accumulate"),
        (50, 50, 20, "Assign"),
        (9, 200, 20, "Accumulate"),
        (13, 70, 4, "Assign"),
    )
]


ELEMENTARY = {"float": ("exp", "log", "tanh", "logistic", "erf"), "double": ("exp", "log", "tanh", "logistic")}


def vector_cases() -> list[Case]:
    cases = []
    for t in DTYPES:
        for m, n in VECTOR_SHAPES:
            pointers = f"{t}* y, const {t}* w, const {t}* x, const {t}* bias"
            suffix = f"{t}_{m}_{n}"
            cases.append(Case(f"gemv_{suffix}", pointers, f"gemv<{m}, {n}>(y, w, x, AddBias{{bias}});"))
            transposed = f"(void)bias; gemv_transposed<{m}, {n}>(y, w, x, Accumulate{{}});"
            cases.append(Case(f"gemv_transposed_{suffix}", pointers, transposed))
            outer = f"add_outer<{m}, {n}, {n + PADDING}>(w, a, x, {t}(factor));"
            cases.append(Case(f"add_outer_{suffix}", f"{t}* w, const {t}* a, const {t}* x, double factor", outer))
            sums = f"column_sums<{m}, {n}>(y, a, AddScaled{{{t}(0.25)}});"
            cases.append(Case(f"column_sums_{suffix}", f"{t}* y, const {t}* a", sums))
        for form, m, n, k, epilogue in SUMS:
            name = f"gemm_sum_{t}_{form}_{m}_{n}_{k}_{epilogue}"
            products = ", ".join(f"{{a + {i * m * k}, b + {i * k * n}}}" for i in range(PRODUCTS))
            body = f"const Factors<{t}> factors[] = {{{products}}};"
            body += f" gemm_sum<{form}, {m}, {n}, {k}>(c, factors, {epilogue}{{}});"
            cases.append(Case(name, f"{t}* c, const {t}* a, const {t}* b", body))
        for length in LENGTHS:
            pointers = f"{t}* out, const {t}* a, const {t}* b"
            body = "[&](auto at) { return pylms::abs(at(a)) * at(b) + 1; }"
            fused = f"out[2] = sum_of<{length}, {t}>({body});"
            reductions = f"out[0] = sum<{length}>(a); out[1] = maximum<{length}>(a); {fused}"
            cases.append(Case(f"reductions_{t}_{length}", pointers, reductions))
        for function in ELEMENTARY[t]:
            pointers = f"{t}* out, const {t}* x, long n"
            scalars = f"for (long i = 0; i < n; ++i) out[i] = pylms::{function}(x[i]);"
            vectors = f"for (long i = 0; i < n; i += width<{t}>) store(out + i, pylms::{function}(load(x + i)));"
            cases.append(Case(f"{function}_{t}_scalars", pointers, scalars))
            cases.append(Case(f"{function}_{t}_vectors", pointers, vectors))
    return cases


@pytest.fixture(scope="module", params=available_targets(), ids=str)
def target(request: pytest.FixtureRequest) -> Target:
    chosen: Target = request.param
    return chosen


@pytest.fixture(scope="module")
def drivers(target: Target, tmp_path_factory: pytest.TempPathFactory) -> Drivers:
    cases = [gemm.case for gemm in GEMMS] + vector_cases()
    return compile_cases(cases, tmp_path_factory.mktemp("kernels"), target)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def stored(rng: np.random.Generator, shape: tuple[int, int], dtype: str, *, padded: bool) -> Array:
    """A random matrix, the padding of its rows holding NaN, which would spread to any result that used it."""
    whole = np.full((shape[0], shape[1] + (PADDING if padded else 0)), np.nan, DTYPES[dtype])
    whole[:, : shape[1]] = rng.standard_normal(shape)
    return whole


def close(actual: Array, expected: Array, dtype: str) -> None:
    scale = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=TOLERANCE[dtype] * scale)


@pytest.mark.parametrize("gemm", GEMMS, ids=lambda gemm: gemm.name)
def test_matrix_products_equal_numpy(drivers: Drivers, rng: np.random.Generator, gemm: Gemm) -> None:
    m, n, _ = gemm.shape
    a = stored(rng, gemm.stored_a, gemm.dtype, padded=gemm.padded)
    b = stored(rng, gemm.stored_b, gemm.dtype, padded=gemm.padded)
    bias = rng.standard_normal(n).astype(DTYPES[gemm.dtype])
    c = np.full((m + 1, n + (PADDING if gemm.padded else 0)), SENTINEL, DTYPES[gemm.dtype])
    c[:m, :n] = rng.standard_normal((m, n))
    old = c[:m, :n].copy()
    used_a = a[:, : gemm.stored_a[1]].astype(np.float64)
    used_b = b[:, : gemm.stored_b[1]].astype(np.float64)
    product = (used_a.T if gemm.form[0] == "T" else used_a) @ (used_b.T if gemm.form[1] == "T" else used_b)

    drivers.call(gemm.name, c, a, b, bias)

    close(c[:m, :n], finished(gemm.epilogue, product, old, bias), gemm.dtype)
    assert (c[:m, n:] == SENTINEL).all()
    assert (c[m] == SENTINEL).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("form", "m", "n", "k", "epilogue"), SUMS)
def test_sums_of_products_equal_numpy(
    drivers: Drivers, rng: np.random.Generator, form: str, m: int, n: int, k: int, epilogue: str, dtype: str
) -> None:
    a = rng.standard_normal((PRODUCTS, k, m) if form == "TN" else (PRODUCTS, m, k)).astype(DTYPES[dtype])
    b = rng.standard_normal((PRODUCTS, k, n)).astype(DTYPES[dtype])
    c = np.full(m * n + 1, SENTINEL, DTYPES[dtype])
    c[: m * n] = rng.standard_normal(m * n)
    left = (a.transpose(0, 2, 1) if form == "TN" else a).astype(np.float64)
    expected = (left @ b).sum(0).ravel() + (c[: m * n] if epilogue == "Accumulate" else 0)
    drivers.call(f"gemm_sum_{dtype}_{form}_{m}_{n}_{k}_{epilogue}", c, a, b)
    close(c[: m * n], expected, dtype)
    assert c[-1] == SENTINEL


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", VECTOR_SHAPES)
def test_matrix_vector_kernels_equal_numpy(
    drivers: Drivers, rng: np.random.Generator, shape: tuple[int, int], dtype: str
) -> None:
    m, n = shape
    numpy_type = DTYPES[dtype]
    w = rng.standard_normal(shape).astype(numpy_type)
    x, bias = rng.standard_normal(n).astype(numpy_type), rng.standard_normal(m).astype(numpy_type)
    y = np.full(m + 1, SENTINEL, numpy_type)
    drivers.call(f"gemv_{dtype}_{m}_{n}", y, w, x, bias)
    close(y[:m], w @ x + bias, dtype)
    assert y[m] == SENTINEL

    y = np.concatenate([x, [SENTINEL]]).astype(numpy_type)
    drivers.call(f"gemv_transposed_{dtype}_{m}_{n}", y, w, bias, bias)
    close(y[:n], x + w.T @ bias, dtype)
    assert y[n] == SENTINEL

    y = np.concatenate([x, [SENTINEL]]).astype(numpy_type)
    drivers.call(f"column_sums_{dtype}_{m}_{n}", y, w)
    close(y[:n], x + 0.25 * w.sum(0), dtype)
    assert y[n] == SENTINEL


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", VECTOR_SHAPES)
def test_outer_product_updates_only_its_matrix(
    drivers: Drivers, rng: np.random.Generator, shape: tuple[int, int], dtype: str
) -> None:
    m, n = shape
    numpy_type = DTYPES[dtype]
    w = np.full((m, n + PADDING), SENTINEL, numpy_type)
    w[:, :n] = rng.standard_normal(shape)
    a, x = rng.standard_normal(m).astype(numpy_type), rng.standard_normal(n).astype(numpy_type)
    expected = w[:, :n] - 0.125 * np.outer(a, x)
    drivers.call(f"add_outer_{dtype}_{m}_{n}", w, a, x, -0.125)
    close(w[:, :n], expected, dtype)
    assert (w[:, n:] == SENTINEL).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("length", LENGTHS)
def test_reductions_equal_numpy(drivers: Drivers, rng: np.random.Generator, length: int, dtype: str) -> None:
    a, b = (rng.standard_normal(length).astype(DTYPES[dtype]) - 3 for _ in range(2))
    out = np.zeros(3, DTYPES[dtype])
    drivers.call(f"reductions_{dtype}_{length}", out, a, b)
    close(out, np.array([a.sum(), a.max(), (abs(a) * b + 1).sum()]), dtype)


@pytest.mark.parametrize("length", LENGTHS)
def test_maximum_is_nan_wherever_a_nan_stands(drivers: Drivers, length: int) -> None:
    for position in range(length):
        a = np.arange(length, dtype=np.float32)
        a[position] = np.nan
        out = np.zeros(3, np.float32)
        drivers.call(f"reductions_float_{length}", out, a, a)
        assert np.isnan(out[1])


GUARDED = """
import ctypes, mmap, sys
import numpy as np

kept = []

def before_a_forbidden_page(array):
    pages = -(-array.nbytes // mmap.PAGESIZE) * mmap.PAGESIZE
    memory = mmap.mmap(-1, pages + mmap.PAGESIZE)
    kept.append(memory)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(start + pages), ctypes.c_size_t(mmap.PAGESIZE), 0) == 0
    ctypes.memmove(start + pages - array.nbytes, array.ctypes.data, array.nbytes)
    return ctypes.c_void_p(start + pages - array.nbytes)

library = ctypes.CDLL(sys.argv[1])
for name, *sizes in (line.split() for line in sys.stdin):
    dtype = np.float64 if "_double_" in name else np.float32
    getattr(library, name)(*(before_a_forbidden_page(np.ones(int(size), dtype)) for size in sizes))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="protects pages through the C library of Linux")
def test_kernels_never_touch_memory_past_their_operands(drivers: Drivers) -> None:
    lines = []
    for gemm in GEMMS:
        m, n, k = gemm.shape
        if not gemm.padded:
            lines.append(f"{gemm.name} {m * n} {m * k} {k * n} {n}")
    for dtype in DTYPES:
        lines += [f"gemv_{dtype}_{m}_{n} {m} {m * n} {n} {m}" for m, n in VECTOR_SHAPES]
        lines += [f"gemv_transposed_{dtype}_{m}_{n} {n} {m * n} {m} {m}" for m, n in VECTOR_SHAPES]
        lines += [f"column_sums_{dtype}_{m}_{n} {n} {m * n}" for m, n in VECTOR_SHAPES]
        lines += [f"reductions_{dtype}_{length} 3 {length} {length}" for length in LENGTHS]
    command = [sys.executable, "-c", GUARDED, str(drivers.path)]
    result = subprocess.run(command, input="\n".join(lines), capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def logistic(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


REFERENCES: dict[str, Callable[[Array], Array]] = {
    "exp": np.exp,
    "log": np.log,
    "tanh": np.tanh,
    "logistic": logistic,
    "erf": lambda x: np.vectorize(math.erf)(x.astype(np.float64)),
}


@pytest.mark.parametrize("form", ["scalars", "vectors"])
@pytest.mark.parametrize(
    ("function", "dtype"), [(function, dtype) for dtype, functions in ELEMENTARY.items() for function in functions]
)
def test_elementary_functions_are_exact_to_a_few_units(
    drivers: Drivers, rng: np.random.Generator, function: str, dtype: str, form: str
) -> None:
    special = [
        0.0,
        -0.0,
        np.inf,
        -np.inf,
        np.nan,
        1e-45,
        1e-40,
        3.4e38,
        -3.4e38,
        88.7,
        88.8,
        -87.5,
        -103.0,
        -105.0,
        1.0,
        0.625,
        0.95,
        709.7,
        709.8,
        -744.0,
        -746.0,
        5e-324,
        1e-310,
    ]
    drawn = [rng.uniform(-110, 95, 4000), rng.uniform(-745, 709, 2000), rng.standard_normal(4000)]
    x = np.concatenate([special, *drawn, 10 ** rng.uniform(-44, 38, 4000)])
    x = x[: len(x) // 16 * 16]  # whole vectors
    x = x.astype(DTYPES[dtype])
    out = np.empty_like(x)
    drivers.call(f"{function}_{dtype}_{form}", out, x, len(x))
    with np.errstate(all="ignore"):
        expected = REFERENCES[function](x.astype(np.longdouble)).astype(x.dtype)
    epsilon = float(np.finfo(x.dtype).eps)
    tiny = float(np.finfo(x.dtype).tiny) if function == "logistic" else float(np.finfo(x.dtype).smallest_subnormal)
    np.testing.assert_allclose(out, expected, rtol=4 * epsilon, atol=2 * tiny)
    zeros = x == 0
    assert (np.signbit(out[zeros]) == np.signbit(expected[zeros])).all()


def parameters_of_the_model(rng: np.random.Generator) -> list[Array]:
    return [
        rng.uniform(-1 / 28, 1 / 28, (50, 784)).astype(np.float32),
        rng.uniform(-1 / 28, 1 / 28, 50).astype(np.float32),
        rng.uniform(-1 / 7, 1 / 7, (10, 50)).astype(np.float32),
        rng.uniform(-1 / 7, 1 / 7, 10).astype(np.float32),
    ]


def numpy_training(
    images: NDArray[np.uint8], labels: NDArray[np.int64], parameters: list[Array], rate: float, batch: int
) -> tuple[float, list[Array]]:
    w1, b1, w2, b2 = (parameter.astype(np.float64) for parameter in parameters)
    total = 0.0
    for start in range(0, len(images), batch):
        x, target = (images[start : start + batch] / 255 - 0.1307) / 0.3081, labels[start : start + batch]
        rows = np.arange(batch)
        h = np.maximum(x @ w1.T + b1, 0)
        logits = h @ w2.T + b2
        shifted = logits - logits.max(1, keepdims=True)
        exponentials = np.exp(shifted)
        total += float((np.log(exponentials.sum(1)) - shifted[rows, target]).mean())
        gradient = exponentials / exponentials.sum(1, keepdims=True)
        gradient[rows, target] -= 1
        gradient /= batch
        dh = (gradient @ w2) * (h > 0)
        w2 -= rate * gradient.T @ h
        b2 -= rate * gradient.sum(0)
        w1 -= rate * dh.T @ x
        b1 -= rate * dh.sum(0)
    return total, [w1, b1, w2, b2]


@pytest.mark.parametrize(("batch", "steps"), [(1, 50), (64, 10)])
def test_a_training_loop_of_kernels_learns_what_numpy_does(
    target: Target, tmp_path: Path, rng: np.random.Generator, batch: int, steps: int
) -> None:
    library = compile_source(Path(__file__).with_name("mlp_step.cpp"), tmp_path / "mlp_step.so", target)
    train = getattr(library, f"train_{batch}")
    train.restype = ctypes.c_double
    images = rng.integers(0, 256, (steps * batch, 784), dtype=np.uint8)
    labels = rng.integers(0, 10, steps * batch)
    parameters = parameters_of_the_model(rng)
    expected_loss, expected = numpy_training(images, labels, parameters, 0.01, batch)

    pointers = [ctypes.c_void_p(parameter.ctypes.data) for parameter in parameters]
    data = ctypes.c_void_p(images.ctypes.data), ctypes.c_void_p(labels.ctypes.data), ctypes.c_long(steps)
    loss = train(*data, *pointers, ctypes.c_float(0.01))

    assert loss == pytest.approx(expected_loss, rel=1e-5)
    for actual, wanted in zip(parameters, expected, strict=True):
        np.testing.assert_allclose(actual, wanted, rtol=1e-4, atol=1e-5)
