"""Whole training programs: a PyTorch model each, as it would be written anyway, and the decorators."""
