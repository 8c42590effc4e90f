"""Which processor this is, as far as code compiled for it can tell.

In: the machine. Out: its name for people, and an identity for cache keys, since `-march=native` code runs only where
the instruction set is the same.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import NamedTuple

from .cache_key import cache_key

_FIRST_PROCESSOR_BYTES = 8192
_IDENTIFYING_FIELDS = (
    "vendor_id",
    "cpu family",
    "model",
    "model name",
    "stepping",
    "flags",
    "CPU part",
    "Features",
    "isa",
)


class Cpu(NamedTuple):
    """A processor: its model name, and a digest of all that decides which instructions it has."""

    name: str
    identity: str


@lru_cache(maxsize=1)
def this_cpu() -> Cpu:
    """The processor this process runs on."""
    fields = _first_processor()
    machine = os.uname().machine
    known = {field: fields[field] for field in _IDENTIFYING_FIELDS if field in fields}
    return Cpu(name=fields.get("model name", machine), identity=cache_key({"machine": machine, **known})[:16])


def _first_processor() -> dict[str, str]:
    """The fields of the first processor. Only the start is read: on large machines the whole takes the kernel long."""
    try:
        with open("/proc/cpuinfo", "rb", buffering=0) as file:
            text = file.read(_FIRST_PROCESSOR_BYTES).decode(errors="replace")
    except OSError:
        return {}
    lines = text.split("\n\n", 1)[0].splitlines()
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
