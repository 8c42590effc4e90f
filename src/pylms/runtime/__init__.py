"""Compiling generated C++ and calling it: toolchain, disk cache, loading, the call binding.

In: C++ text that defines `pylms_entry` (include/pylms_abi.h). Out: Python callables. Knows nothing of staging or of
the IR.
"""
