"""Settings: one frozen value, each field mirrored by a `PYLMS_*` environment variable (DESIGN D17).

In: the environment and a caller's overrides. Out: an `Options` that is handed down explicitly.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .late import late_module

if TYPE_CHECKING:
    import pathlib
    from pathlib import Path
else:
    pathlib = late_module("pathlib")

_FALSE_WORDS = frozenset({"", "0", "false", "no", "off"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to stage and compile. Environment variable of field `x`: `PYLMS_X`.

    disable: run the original Python functions instead of staging them.
    cache_dir: where compiled code is kept; `$XDG_CACHE_HOME/pylms` or `~/.cache/pylms` by default.
    checks: check integer overflow, zero divisors and bounds as Python does (D7).
    reassociate: let sums that the program makes step by step be made in another order, where that is faster: results
        differ from Python's in the last bits (D14).
    fallback: "torch" to have PyTorch called by the compiled code for what of it cannot be staged; "" for an error.
    recursive: virtualise the functions that staged code calls with staged values, where their source is at hand.
    num_threads: threads that share parallel loops and work on large tensors; 0 for as many as there are cores.
    unroll_budget: how many IR nodes a loop over a plain range may unroll to before it is made a native loop (D3).
    shape_limit: of how many shapes the batches of a loader may be without a warning. Each is compiled by itself.
    dump_ir, dump_c: print the IR after each pass, and the generated C++, to stderr.
    log_compiles: log one line a compile as a warning, so that it is seen.
    explain_cache_misses: log why the compile cache had nothing, as a warning.
    gen_dir: write generated sources there as `module_<name>.cpp`.
    data_dir: where data sets are looked for before anything is downloaded.
    full_tracebacks: keep the library's own frames in tracebacks.
    """

    disable: bool = False
    cache_dir: Path | None = None
    checks: bool = True
    reassociate: bool = False
    fallback: str = ""
    recursive: bool = True
    num_threads: int = 0
    unroll_budget: int = 20_000
    shape_limit: int = 8
    dump_ir: bool = False
    dump_c: bool = False
    log_compiles: bool = False
    explain_cache_misses: bool = False
    gen_dir: Path | None = None
    data_dir: Path | None = None
    full_tracebacks: bool = False

    @staticmethod
    def from_environment(environment: Mapping[str, str] | None = None) -> Options:
        """The options that the environment asks for; unset variables keep their defaults."""
        env = os.environ if environment is None else environment
        return Options(
            disable=_flag(env, "PYLMS_DISABLE", default=False),
            cache_dir=_path(env, "PYLMS_CACHE_DIR"),
            checks=_flag(env, "PYLMS_CHECKS", default=True),
            reassociate=_flag(env, "PYLMS_REASSOCIATE", default=False),
            fallback=env.get("PYLMS_FALLBACK", ""),
            recursive=_flag(env, "PYLMS_RECURSIVE", default=True),
            num_threads=int(env.get("PYLMS_NUM_THREADS", "0")),
            unroll_budget=int(env.get("PYLMS_UNROLL_BUDGET", "20000")),
            shape_limit=int(env.get("PYLMS_SHAPE_LIMIT", "8")),
            dump_ir=_flag(env, "PYLMS_DUMP_IR", default=False),
            dump_c=_flag(env, "PYLMS_DUMP_C", default=False),
            log_compiles=_flag(env, "PYLMS_LOG_COMPILES", default=False),
            explain_cache_misses=_flag(env, "PYLMS_EXPLAIN_CACHE_MISSES", default=False),
            gen_dir=_path(env, "PYLMS_GEN_DIR"),
            data_dir=_path(env, "PYLMS_DATA_DIR"),
            full_tracebacks=_flag(env, "PYLMS_FULL_TRACEBACKS", default=False),
        )

    def resolved_cache_dir(self) -> Path:
        """The cache folder: the one asked for, else the XDG one."""
        if self.cache_dir is not None:
            return self.cache_dir
        base = os.environ.get("XDG_CACHE_HOME")
        return (pathlib.Path(base) if base else pathlib.Path.home() / ".cache") / "pylms"


def _flag(env: Mapping[str, str], name: str, *, default: bool) -> bool:
    value = env.get(name)
    return default if value is None else value.strip().lower() not in _FALSE_WORDS


def _path(env: Mapping[str, str], name: str) -> Path | None:
    value = env.get(name)
    return pathlib.Path(value).expanduser() if value else None
