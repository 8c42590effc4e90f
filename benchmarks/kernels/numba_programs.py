"""Kernels that have to be written otherwise for Numba."""

from numba import njit, types
from numba.typed import Dict


@njit
def count_words(codes, n_keys):
    counts = Dict.empty(types.int64, types.int64)
    for k in range(codes.shape[0]):
        key = codes[k] * 7919 % n_keys
        counts[key] = counts.get(key, 0) + 1
    most = 0
    for key in counts:
        most = max(most, counts[key])
    return most
