"""Optimisers, schedulers, loaders, and the loop around them: scripts that end as they do in PyTorch."""

from __future__ import annotations

from tests.torch_front.compare import train_script

from .rows import Section

SECTION = Section("Training")

SECTION.script("`optim.SGD`", lambda: train_script({"momentum": 0.9, "weight_decay": 0.01}))
