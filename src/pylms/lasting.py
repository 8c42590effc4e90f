"""Work that makes many objects which all stay: Python's search for garbage would look at them again and again.

Without it, tracing and the passes take three quarters of the time.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# Fewer are searched in a few milliseconds.
_MANY = 100_000


@contextmanager
def lasting_objects() -> Iterator[None]:
    """Run a `with` body without that search; where it has made many objects, they are not searched at once either."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            if gc.get_count()[0] > _MANY and gc.get_freeze_count() == 0:  # else what the program froze would thaw
                gc.freeze()
                gc.unfreeze()
            gc.enable()
