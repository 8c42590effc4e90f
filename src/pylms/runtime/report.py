"""What `make build_compiler` prints: the compiler, its flags, the processor, the cache and the call binding.

In: options. Out: text, one fact a line. Asking for it builds the binding, if it is not built.
"""

from __future__ import annotations

from ..options import Options
from .binding import binding_status
from .cpu import this_cpu
from .toolchain import find_toolchain


def describe_toolchain(options: Options) -> str:
    """The toolchain in a few lines. Raises ToolchainError where there is no compiler."""
    toolchain = find_toolchain(options)
    cpu = this_cpu()
    status = binding_status(options)
    binding = f"ctypes fallback, because {status.reason}" if status.module is None else f"C extension, {status.state}"
    rows = {
        "compiler": f"{' '.join(toolchain.command)} ({toolchain.family})",
        "version": toolchain.version(),
        "flags": " ".join(toolchain.flags()),
        "CPU": f"{cpu.name} ({cpu.identity})",
        "cache": str(options.resolved_cache_dir()),
        "binding": binding,
    }
    width = max(map(len, rows))
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows.items())
