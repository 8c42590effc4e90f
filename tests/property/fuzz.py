"""`make fuzz`: random programs under the law until stopped; what breaks it is shrunk and printed as a program to run.

`python -m tests.property.fuzz [--seed N] [--batch N] [--seconds N] [--sanitize]`: with `--sanitize` native code is
compiled with AddressSanitizer and UndefinedBehaviorSanitizer, whose findings end the process and count as failures.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from pylms.errors import ToolchainError
from pylms.runtime.native import load_native
from tests.harness.law import OPTIONS
from tests.property.guarded import Died, guarded
from tests.property.language_programs import Case, LanguagePrograms
from tests.property.program_law import Failure, Prepared, check_interpreted, check_natively, prepare
from tests.property.shrink import shrunk

SANITIZERS = ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-sanitize=float-divide-by-zero")
_REPORTED_TWICE = 2


@dataclass
class Fuzzer:
    """Checks batch after batch. Each kind of failure is shrunk and printed at most twice."""

    flags: Sequence[str]
    seen: dict[str, int] = field(default_factory=dict)
    programs: int = 0
    refused: int = 0

    def batch(self, seeds: Sequence[int]) -> None:
        cases = [LanguagePrograms(random.Random(seed)).case() for seed in seeds]
        found = guarded(lambda: self._check(cases), seconds=60 + 3 * len(cases))
        failures, refused = (self._one_by_one(cases), 0) if isinstance(found, Died) else found
        self.programs += len(cases)
        self.refused += refused
        for failure in failures:
            self._report(failure)

    def _check(self, cases: Sequence[Case], *, natively: bool = True) -> tuple[list[Failure], int]:
        """What breaks the law, and how many programs were refused."""
        failures, ready, refused = [], [], 0
        for case in cases:
            found = prepare(case)
            if isinstance(found, Failure):
                failures.append(found)
            elif found is not None:
                refused += found.refused is not None
                failure = check_interpreted(found)
                failures += [failure] if failure else []
                ready += [found] if failure is None and found.staged is not None else []
        return failures + (self._check_natively(ready) if ready and natively else []), refused

    def _check_natively(self, ready: Sequence[Prepared]) -> list[Failure]:
        try:
            return check_natively(ready, flags=self.flags)
        except Exception as error:
            if len(ready) == 1:
                kind = f"native: {type(error).__name__}"
                if isinstance(error, ToolchainError):
                    kind = "native: does not compile"
                return [Failure(kind, ready[0].case, f"{type(error).__name__}: {error}")]
            return [failure for each in ready for failure in self._check_natively([each])]

    def _one_by_one(self, cases: Sequence[Case]) -> list[Failure]:
        return [failure for case in cases for failure in self._check_alone(case)]

    def _check_alone(self, case: Case, *, natively: bool = True) -> list[Failure]:
        found = guarded(lambda: self._check([case], natively=natively), seconds=30)
        return [Failure(f"process: {found}", case, str(found))] if isinstance(found, Died) else found[0]

    def _report(self, failure: Failure) -> None:
        count = self.seen[failure.kind] = self.seen.get(failure.kind, 0) + 1
        if count > _REPORTED_TWICE:
            return

        natively = failure.kind.startswith(("native", "process"))

        def still_fails(case: Case) -> bool:
            return any(each.kind == failure.kind for each in self._check_alone(case, natively=natively))

        small = shrunk(failure.case, still_fails)
        (again, *_) = self._check_alone(small) or [failure]
        print("=" * 80, *f"{failure.kind}\n{again.message}".splitlines(), sep="\n# ")
        print(stand_alone(small), flush=True)


def stand_alone(case: Case) -> str:
    """A program that shows the failure without any of this."""
    calls = "\n".join(f"    show(lambda: {call})" for call in case.calls)
    return (
        "import math\nimport numpy as np\nfrom math import inf, nan\nfrom pylms import stage, staged\n\n"
        f"{case.source}\n"
        "def show(make):\n    for run in (program, stage(program)):\n        arguments = make()\n        try:\n"
        "            print(run(*arguments), arguments)\n        except Exception as error:\n"
        "            print(repr(error), arguments)\n\n"
        f'if __name__ == "__main__":\n{calls}\n'
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(2**40))
    parser.add_argument("--batch", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--sanitize", action="store_true")
    settings = parser.parse_args()
    if settings.sanitize and "libasan" not in os.environ.get("LD_PRELOAD", ""):
        _start_again_with_sanitizers()
    os.environ.pop("LD_PRELOAD", None)  # the compiler is no business of the sanitizers
    os.environ.setdefault("PYLMS_CACHE_DIR", tempfile.mkdtemp(prefix="pylms-fuzz-"))
    load_native(OPTIONS, with_numpy=True)  # once, and not in each child
    fuzzer = Fuzzer(SANITIZERS if settings.sanitize else ("-O1",))
    ends = time.monotonic() + settings.seconds
    seed = settings.seed
    print(f"from seed {seed}", flush=True)
    while time.monotonic() < ends:
        fuzzer.batch(range(seed, seed + settings.batch))
        seed += settings.batch
        share = fuzzer.refused / fuzzer.programs
        print(f"# {fuzzer.programs} programs, {share:.0%} refused, failures: {fuzzer.seen or 'none'}", flush=True)
    sys.exit(bool(fuzzer.seen))


def _start_again_with_sanitizers() -> None:
    """The sanitizers' libraries must be loaded before anything else."""
    names = ("libasan.so", "libubsan.so")
    paths = [subprocess.check_output(["g++", f"-print-file-name={name}"], text=True).strip() for name in names]
    environment = {
        **os.environ,
        "LD_PRELOAD": " ".join(paths),
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1:allocator_may_return_null=1",
        "UBSAN_OPTIONS": "print_stacktrace=1:abort_on_error=1",
    }
    os.execve(sys.executable, [sys.executable, "-m", "tests.property.fuzz", *sys.argv[1:]], environment)


if __name__ == "__main__":
    main()
