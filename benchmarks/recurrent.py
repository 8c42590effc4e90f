"""Workloads: character models on windows of a text, 26 letters, hidden size 50, 20 steps of time.

An RNN and a GRU written by hand, and PyTorch's own LSTM (examples/lantern); Adagrad at 0.1, gradients clipped to an L1
norm of 5. All start from the weights PyTorch draws for seed 42 and see the same windows in the same order; a pass over
the text is `STEPS_A_PASS` steps.
"""

from __future__ import annotations

from examples.lantern.characters import BATCH, loader

from .harness import Competitor, Workload
from .report import SUBJECT

TITLES = {
    "rnn": "Character RNN by hand, hidden 50, time 20, batch 20",
    "lstm": "Character LSTM (nn.LSTM), hidden 50, time 20, batch 20",
    "gru": "Character GRU by hand, hidden 50, time 20, batch 20",
}
STEPS_A_PASS = len(loader())
# Adagrad's first steps make rounding grow tenfold a step in the RNN: after ten, float32 and float64 differ visibly.
CHECK_STEPS = {"rnn": 6, "lstm": 20, "gru": 20}


def workloads() -> tuple[Workload, ...]:
    return tuple(
        Workload(f"characters_{kind}", title, BATCH, check_steps=CHECK_STEPS[kind], competitors=competitors(kind))
        for kind, title in TITLES.items()
    )


def competitors(kind: str) -> tuple[Competitor, ...]:
    torch, jax, subject = (f"benchmarks.recurrent_{name}:trainer" for name in ("pytorch", "jax", "pylms"))
    slow, fast = STEPS_A_PASS, STEPS_A_PASS * 10
    return (
        Competitor("PyTorch as written", torch, slow, choice=f"{kind}, as written"),
        Competitor("PyTorch, data prepared", torch, slow, choice=f"{kind}, data prepared"),
        Competitor("torch.compile, forward and loss", torch, slow, choice=f"{kind}, compiled"),
        Competitor("JAX, epoch in scan, time in scan", jax, fast, choice=f"{kind}, 1"),
        Competitor("JAX, epoch in scan, time unrolled 5 a turn", jax, fast, choice=f"{kind}, 5"),
        Competitor("JAX, epoch in scan, time unrolled", jax, fast, choice=f"{kind}, 20"),
        Competitor(SUBJECT, subject, fast, choice=kind),
    )
