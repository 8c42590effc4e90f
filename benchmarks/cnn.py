"""Workload: the convolutional network of examples/lantern/mnist_cnn.py on MNIST, plain SGD with rate 0.05, unshuffled.

conv10@5-pool-conv20@5-pool-fc50-fc10, without dropout, which no two libraries draw alike. All start from the weights
PyTorch draws for seed 42 and see the same images in the same order.
"""

from __future__ import annotations

from .digits_pytorch import IMAGES
from .harness import Competitor, Workload
from .report import SUBJECT


def workloads() -> tuple[Workload, ...]:
    return (
        Workload("cnn_1", "MNIST CNN, batch 1", 1, check_steps=200, competitors=competitors("cnn", 1, slow=500)),
        Workload(
            "cnn_100",
            "MNIST CNN, batch 100",
            100,
            check_steps=30,
            competitors=(*competitors("cnn", 100, slow=30), *on_two_threads("cnn", 100, slow=30)),
        ),
    )


def competitors(model: str, batch: int, *, slow: int) -> tuple[Competitor, ...]:
    """Those that use one thread. A round takes `slow` steps, of this project four times as many."""
    torch, jax, subject = (f"benchmarks.digits_{name}:trainer" for name in ("pytorch", "jax", "pylms"))
    fast = min(4 * slow, IMAGES // batch)
    return (
        Competitor("PyTorch as written", torch, slow, choice=f"{model}, as written"),
        Competitor("PyTorch, data prepared", torch, slow, choice=f"{model}, data prepared"),
        Competitor("torch.compile, forward and loss", torch, slow, choice=f"{model}, compiled"),
        Competitor("JAX, epoch in scan, channels first", jax, slow, choice=f"{model}, NCHW"),
        Competitor("JAX, epoch in scan, channels last", jax, slow, choice=f"{model}, NHWC"),
        Competitor(SUBJECT, subject, fast, choice=model),
    )


def on_two_threads(model: str, batch: int, *, slow: int) -> tuple[Competitor, ...]:
    prepared = f"{model}, data prepared"
    return (
        Competitor(
            "PyTorch, data prepared, 2 threads", "benchmarks.digits_pytorch:trainer", slow, choice=prepared, threads=2
        ),
        Competitor(f"{SUBJECT}, 2 threads", "benchmarks.digits_pylms:trainer", 4 * slow, choice=model, threads=2),
    )
