"""Workload: LeNet-5 as in examples/lantern/lenet5.py on MNIST, Adam with rate 0.001, batch 64, unshuffled."""

from __future__ import annotations

from .cnn import competitors, on_two_threads
from .harness import Workload

BATCH = 64


def workloads() -> tuple[Workload, ...]:
    contenders = (*competitors("lenet", BATCH, slow=50), *on_two_threads("lenet", BATCH, slow=50))
    return (Workload("lenet_64", "LeNet-5, batch 64", BATCH, check_steps=20, competitors=contenders),)
