"""The lock on what staging borrows from the whole process.

While a PyTorch program is staged, methods of PyTorch's classes are others, and the random state moves and is put
back. Whoever stages holds this lock, and so does compiled code where it calls back into what draws random numbers:
else one thread's draws would be undone, or taken for another's.
"""

from __future__ import annotations

from threading import RLock

process_state = RLock()
