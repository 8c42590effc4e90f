"""Reverse-mode differentiation of structured SSA (DESIGN D12).

In: a `Function` without IR variables. Out: one where every `backward` node is replaced by its reverse sweep.

Nothing is imported here: what stages PyTorch needs to know what is constant, and not how to differentiate.
"""
