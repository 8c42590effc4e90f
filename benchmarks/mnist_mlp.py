"""Workload: a 784-50-10 classifier on MNIST, relu, log_softmax, nll_loss, plain SGD with rate 5e-4, unshuffled.

All start from the weights PyTorch draws for seed 42 and see the same images in the same order, normalised with 0.1307
and 0.3081. Fast competitors are timed over the whole training set, slow ones over its beginning; the column
"steps a round" tells.
"""

from __future__ import annotations

import importlib.util
import shutil

from .harness import Competitor, Workload
from .report import SUBJECT

IMAGES = 60000


def workloads() -> tuple[Workload, ...]:
    return (
        Workload(
            "mnist_mlp_1", "MNIST MLP 784-50-10, batch 1", 1, check_steps=1500, competitors=competitors(1, slow=1500)
        ),
        Workload(
            "mnist_mlp_64", "MNIST MLP 784-50-10, batch 64", 64, check_steps=150, competitors=competitors(64, slow=150)
        ),
    )


def competitors(batch: int, *, slow: int) -> tuple[Competitor, ...]:
    epoch = IMAGES // batch
    torch, jax, subject = (f"benchmarks.{name}_mnist:trainer" for name in ("pytorch", "jax", "pylms"))
    reassociated = Competitor(f"{SUBJECT}, reassociate=True", subject, epoch, choice="reassociate")
    return (
        Competitor("PyTorch as written", torch, slow, choice="as written"),
        Competitor("PyTorch, data prepared", torch, slow, choice="data prepared"),
        Competitor("torch.compile, forward and loss", torch, slow, choice="compiled forward"),
        Competitor("torch.compile, functional step", torch, slow, choice="compiled step"),
        Competitor("JAX, epoch in scan, weights [out, in]", jax, epoch, choice="out in"),
        Competitor("JAX, epoch in scan, weights [in, out]", jax, epoch, choice="in out"),
        *(
            Competitor(f"hand-written C++, {compiler}", "benchmarks.native_mnist:trainer", epoch, choice=compiler)
            for compiler in compilers()
        ),
        Competitor(SUBJECT, subject, epoch),
        # With large batches the option changes nothing.
        *([reassociated] if batch == 1 else []),
    )


def compilers() -> list[str]:
    """The C++ compilers on this machine."""
    found = [name for name in ("g++", "clang++") if shutil.which(name)]
    return [*found, "zig c++"] if importlib.util.find_spec("ziglang") else found
