"""Workload: a TreeLSTM on the dev trees of the Stanford Sentiment Treebank, 300 -> 150 -> 5, a loss at every node.

Adagrad at 0.05, tree by tree; a step is a tree. All start from the weights PyTorch draws for seed 42 and see the same
trees in the same order. Trees differ in size: everybody is timed over the first `TREES` of them.
"""

from __future__ import annotations

from .harness import Competitor, Workload
from .report import SUBJECT

TREES = 300
CHECK_TREES = 30


def workloads() -> tuple[Workload, ...]:
    title = "TreeLSTM 300-150-5, sentences of the Stanford Sentiment Treebank one by one"
    return (Workload("treelstm", title, 1, check_steps=CHECK_TREES, competitors=competitors()),)


def competitors() -> tuple[Competitor, ...]:
    torch, subject = (f"benchmarks.treelstm_{name}:trainer" for name in ("pytorch", "pylms"))
    return (
        Competitor("PyTorch as written", torch, TREES, choice="as written"),
        Competitor("PyTorch, data prepared", torch, TREES, choice="data prepared"),
        Competitor("torch.compile, cells and loss", torch, TREES, choice="compiled"),
        Competitor(SUBJECT, subject, TREES),
    )
