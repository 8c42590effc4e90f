"""Kernels of numerical Python, against hand-written C++ and Numba: `python -m benchmarks.kernels`."""
