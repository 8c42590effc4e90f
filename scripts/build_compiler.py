"""Build the call binding and report the toolchain: compiler, flags, BLAS and processor.

In: the environment's `PYLMS_*` settings and `CXX`. Out: the report on stdout; status 1, with what to install, where
there is no compiler that works.
"""

from __future__ import annotations

import sys

import scipy_openblas32

from pylms.errors import PylmsError
from pylms.options import Options
from pylms.runtime.report import describe_toolchain


def main() -> int:
    """Print the report; 1 where the toolchain does not work."""
    try:
        print(describe_toolchain(Options.from_environment()))
        print(f"BLAS      {scipy_openblas32.get_openblas_config()}")
    except PylmsError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
