"""Running what may crash or never end: in a child process, which says what came out."""

from __future__ import annotations

import os
import pickle
import signal
import sys
from collections.abc import Callable
from typing import Any


def guarded(run: Callable[[], Any], *, seconds: int = 20) -> Any:
    """What `run` gives, computed in a child process; a `Died` where that came to no end of its own."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.close(reading)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(seconds)
        try:
            with os.fdopen(writing, "wb") as pipe:
                pickle.dump(run(), pipe)
        except BaseException as error:
            os.write(2, f"{type(error).__name__}: {error}\n".encode()[:2000])
            os._exit(1)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        content = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        return Died(os.waitstatus_to_exitcode(status))
    return pickle.loads(content)


class Died:
    """A child that did not finish. `status`: its exit code, or minus the number of the signal that ended it."""

    def __init__(self, status: int) -> None:
        self.status = status

    def __str__(self) -> str:
        if self.status == -signal.SIGALRM:
            return "does not end"
        return f"dies of {signal.Signals(-self.status).name}" if self.status < 0 else f"exits with {self.status}"
