"""The C++ compiler: which one, with which flags, and running it.

In: the environment (`CXX`, `PATH`), a source file. Out: a shared library, or a ToolchainError that tells where the
compiler's output was kept. Finding a compiler starts no process; `version` and `compile` do.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..errors import ToolchainError
from ..late import late_module
from ..options import Options
from .cache_key import KeyPart
from .process import capture, run_to_files

if TYPE_CHECKING:
    import logging
else:
    logging = late_module("logging")

Family = Literal["gcc", "clang", "zig"]
Optimise = Literal["O0", "O1", "O2", "O3"]

_ONLY_OF_GCC = frozenset({"-fno-thread-jumps"})
_COMMON_FLAGS = (
    "-g1",  # the Python lines, for debuggers, profilers and `inspect_asm`
    "-std=c++17",
    "-shared",
    "-fPIC",
    "-march=native",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fno-exceptions",  # what exceptions need comes with the C++ library, which is not linked
    "-fvisibility=hidden",
)
# The C++ library and the start files serve nothing in generated code, and take a fifth of a small compile to link.
# How far g++ puts a recursive function into itself: further than by default, as CPUs foretell few returns in a row.
_RECURSION_FLAGS: Mapping[Family, tuple[str, ...]] = {
    "gcc": (
        "--param=max-inline-insns-recursive-auto=1000",
        "--param=max-inline-recursive-depth-auto=8",
        "--param=min-inline-recursive-probability=1",
    ),
    "clang": (),
    "zig": (),
}
_LEAN_LINK_FLAGS: Mapping[Family, tuple[str, ...]] = {
    "gcc": ("-nostdlib",),
    "clang": ("-nostdlib++", "-nostartfiles"),
    "zig": ("-nostdlib++",),  # zig would first compile its own C++ library, which takes a minute
}
_LINK_LIBRARIES: Mapping[Family, tuple[str, ...]] = {"gcc": ("-lm", "-lc", "-lgcc"), "clang": ("-lm",), "zig": ("-lm",)}
_INSTALL_HINT = "install one with `apt install g++` (or your system's package of g++ or clang) or `pip install ziglang`"


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A compiler: the command that starts it, and its kind. Failed compiles leave their output in `log_directory`."""

    command: tuple[str, ...]
    family: Family
    log_directory: Path = field(compare=False)

    @property
    def identity(self) -> tuple[KeyPart, ...]:
        """For cache keys: the command, and each program in it with its size and time of change. Starts no process."""
        return tuple(_program_identity(word) for word in self.command)

    def version(self) -> str:
        """The first line of what the compiler says of itself."""
        return _version_of(self.command, self.identity)

    def flags(self, optimise: Optimise = "O2") -> tuple[str, ...]:
        """The flags every library is compiled with. None lets the compiler change the meaning of floating point."""
        lean = _LEAN_LINK_FLAGS[self.family] if sys.platform == "linux" else ()
        return (*_COMMON_FLAGS, *_RECURSION_FLAGS[self.family], f"-{optimise}", *lean)

    def compile(
        self,
        source_path: Path,
        output_path: Path,
        *,
        flags: Sequence[str] | None = None,
        extra_flags: Sequence[str] = (),
        include_dirs: Sequence[Path] = (),
        optimise: Optimise = "O2",
        pieces: int = 1,
    ) -> None:
        """Compile one source file to one shared library; a long one in several pieces at once (`pieces.h`).

        `extra_flags` follow the source, so that libraries can be among them. `flags` replaces the flags that generated
        C++ is compiled with, for sources of another kind. Raises ToolchainError, with the path of the log, where the
        compiler fails.
        """
        words = list(flags) if flags is not None else list(self.flags(optimise))
        words += [f"-I{directory}" for directory in include_dirs]
        extra = [flag for flag in extra_flags if self.family == "gcc" or flag not in _ONLY_OF_GCC]
        if flags is None and sys.platform == "linux":
            extra += _LINK_LIBRARIES[self.family]
        if pieces == 1:
            self._run([([*words, str(source_path), "-o", str(output_path), *extra], output_path)], source_path)
            return
        objects = [output_path.with_name(f"{output_path.name}.{piece}.o") for piece in range(pieces)]
        jobs = []
        for piece, made in enumerate(objects):
            macros = ("-c", f"-DPYLMS_PIECES={pieces}", f"-DPYLMS_PIECE={piece}")
            jobs.append(([*words, *macros, str(source_path), "-o", str(made), *extra], made))
        self._run(jobs, source_path)
        self._run([([*words, *map(str, objects), "-o", str(output_path), *extra], output_path)], source_path)
        for made in objects:
            made.unlink()

    def _run(self, jobs: Sequence[tuple[Sequence[str], Path]], source_path: Path) -> None:
        """Run the compiler with each of these words, at once; what each makes stands beside them."""
        started = time.perf_counter()
        commands = [([*self.command, *words], made.with_name(f"{made.name}.log")) for words, made in jobs]
        try:
            statuses = run_to_files(commands)
        except OSError as error:
            message = f"the compiler {self.command[0]} cannot be started: {error.strerror}"
            raise ToolchainError(message, hint=_INSTALL_HINT) from error
        milliseconds = (time.perf_counter() - started) * 1e3
        for (command, output_log), status in zip(commands, statuses, strict=True):
            logging.getLogger("pylms").debug("%s: status %d, %.0f ms", " ".join(command), status, milliseconds)
            if status != 0:
                self._raise_failed(command, status, output_log, source_path)
            output_log.unlink(missing_ok=True)

    def _raise_failed(self, command: list[str], status: int, output_log: Path, source_path: Path) -> None:
        output = output_log.read_text(errors="replace")
        output_log.unlink()
        first_error = next((line for line in output.splitlines() if "error" in line.lower()), "")
        first_error = first_error or next(iter(output.splitlines()), "it said nothing")
        log_path = self._keep_log(command, output, source_path)
        raise ToolchainError(
            f"the C++ compiler failed with status {status}: {first_error}\nits whole output is in {log_path}",
            log_path=str(log_path),
        )

    def _keep_log(self, command: list[str], output: str, source_path: Path) -> Path:
        """Write the log, and beside it the source: what the compiler was given is deleted with its temporary folder."""
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}-{time.time_ns() % 1_000_000_000:09d}"
        for directory in (self.log_directory, Path(os.environ.get("TMPDIR") or "/tmp")):
            log_path = directory / f"{name}.log"
            try:
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                log_path.write_text(f"$ {' '.join(command)}\n{output}")
                log_path.with_suffix(source_path.suffix).write_bytes(source_path.read_bytes())
                return log_path
            except OSError:
                continue
        return Path("(nowhere: no folder for it can be written)")


def find_toolchain(options: Options, environment: Mapping[str, str] | None = None) -> Toolchain:
    """The compiler: `CXX`, else g++, else clang++, else the ziglang wheel. ToolchainError where there is none."""
    env = os.environ if environment is None else environment
    log_directory = options.resolved_cache_dir() / "logs"
    search_path = env.get("PATH", os.defpath)
    asked_for = env.get("CXX", "").strip()
    if asked_for:
        words = _split_command(asked_for)
        program = _which(words[0], search_path)
        if program is None:
            message = f"CXX is '{asked_for}', and there is no program '{words[0]}'"
            raise ToolchainError(message, hint=f"correct or unset CXX; or {_INSTALL_HINT}")
        command = (program, *words[1:])
        return Toolchain(command, _family_of(command), log_directory)
    for name in ("g++", "clang++"):
        program = _which(name, search_path)
        if program is not None:
            return Toolchain((program,), _family_of((program,)), log_directory)
    zig = _zig_of_wheel()
    if zig is not None:
        return Toolchain((zig, "c++"), "zig", log_directory)
    raise ToolchainError(
        "no C++ compiler was found: CXX is not set, and there is no g++, no clang++ and no ziglang wheel",
        hint=_INSTALL_HINT,
    )


def _split_command(text: str) -> list[str]:
    """The words of a command as a shell would read it, quotes included."""
    if not any(quote in text for quote in "'\"\\"):
        return text.split()
    import shlex  # takes longer to import than finding a compiler does, and is seldom needed

    return shlex.split(text)


def _which(program: str, search_path: str) -> str | None:
    folders = [""] if os.sep in program else search_path.split(os.pathsep)
    candidates = [os.path.join(folder, program) for folder in folders]
    return next((path for path in candidates if os.path.isfile(path) and os.access(path, os.X_OK)), None)


def _zig_of_wheel() -> str | None:
    """The program in the ziglang wheel. It is the one that `python -m ziglang` starts, without a Python around it."""
    spec = PathFinder.find_spec("ziglang")
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        program = os.path.join(folder, "zig")
        if os.access(program, os.X_OK):
            return program
    return None


def _family_of(command: tuple[str, ...]) -> Family:
    """By name where the name tells (links followed), else by asking."""
    for word in command:
        for name in (os.path.basename(word), os.path.basename(os.path.realpath(word))):
            if name.startswith("zig") or word == "ziglang":
                return "zig"
            if "clang" in name:
                return "clang"
            if "g++" in name or "gcc" in name:
                return "gcc"
    return "clang" if "clang" in _version_of(command, tuple(_program_identity(word) for word in command)) else "gcc"


def _program_identity(word: str) -> KeyPart:
    path = os.path.realpath(_which(word, os.environ.get("PATH", os.defpath)) or word)
    try:
        status = os.stat(path)
    except OSError:
        return word
    return (word, path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=16)
def _version_of(command: tuple[str, ...], identity: tuple[KeyPart, ...]) -> str:
    """`identity` is there so that a compiler that is replaced is asked again."""
    try:
        output = capture([*command, "--version"])
    except OSError:
        output = ""
    return next(iter(output.splitlines()), "unknown version")
