"""Starting another program and waiting for it, without the cost of importing `subprocess`.

In: a command. Out: its exit status, and what it wrote.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

_STDIN, _STDOUT, _STDERR = 0, 1, 2


def run_to_files(commands: Sequence[tuple[Sequence[str], Path]]) -> list[int]:
    """Run commands at once, the output and errors of each going to its file; their exit statuses, negative for signals.

    Raises OSError where a program cannot be started. An exception while waiting (Ctrl-C) ends the programs first.
    """
    running: list[int] = []
    try:
        for command, output_path in commands:
            send = (os.POSIX_SPAWN_OPEN, _STDOUT, str(output_path), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            running.append(_spawn(command, send))
        return [_wait(running.pop(0)) for _ in commands]
    finally:
        for process in running:
            os.kill(process, 9)
            os.waitpid(process, 0)


def capture(command: Sequence[str]) -> str:
    """Run the command; what it wrote, errors included. Raises OSError where it cannot be started."""
    reader, writer = os.pipe()
    with os.fdopen(reader, errors="replace") as output:
        try:
            process = _spawn(command, (os.POSIX_SPAWN_DUP2, writer, _STDOUT))
        finally:
            os.close(writer)
        text = output.read()
    _wait(process)
    return text


def _spawn(command: Sequence[str], send_output: tuple[object, ...]) -> int:
    actions = [
        (os.POSIX_SPAWN_OPEN, _STDIN, os.devnull, os.O_RDONLY, 0),
        send_output,
        (os.POSIX_SPAWN_DUP2, _STDOUT, _STDERR),
    ]
    # Messages in one language: they are searched for the word "error".
    return os.posix_spawnp(command[0], list(command), {**os.environ, "LC_ALL": "C"}, file_actions=actions)


def _wait(process: int) -> int:
    try:
        _, status = os.waitpid(process, 0)
    except BaseException:
        os.kill(process, 9)
        os.waitpid(process, 0)
        raise
    return os.waitstatus_to_exitcode(status)
