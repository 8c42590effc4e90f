"""How far the stack of a thread reaches, for calls through ctypes; `csrc/stack.h` says the same in C.

In: the thread that asks. Out: the address that its stack must not come below.
"""

from __future__ import annotations

import ctypes
import sys
import threading

_RESERVE = 512 * 1024
_ATTRIBUTE_BYTES = 256  # more than any system's pthread_attr_t

_known = threading.local()


def stack_end() -> int:
    """The end of this thread's stack, found out once."""
    end: int | None = getattr(_known, "end", None)
    if end is None:
        end = _known.end = _find_end()
    return end


def _find_end() -> int:
    library = ctypes.CDLL(None)
    library.pthread_self.restype = ctypes.c_void_p
    thread = ctypes.c_void_p(library.pthread_self())
    lowest, size = _stack_of_mac(library, thread) if sys.platform == "darwin" else _stack_of(library, thread)
    return lowest + min(size // 4, _RESERVE)


def _stack_of(library: ctypes.CDLL, thread: ctypes.c_void_p) -> tuple[int, int]:
    """The lowest address of a thread's stack, and its size. OSError where the system does not tell."""
    attributes = ctypes.create_string_buffer(_ATTRIBUTE_BYTES)
    address, size = ctypes.c_void_p(), ctypes.c_size_t()
    if library.pthread_getattr_np(thread, attributes) != 0:
        raise OSError("this thread's stack is not known")
    library.pthread_attr_getstack(attributes, ctypes.byref(address), ctypes.byref(size))
    library.pthread_attr_destroy(attributes)
    return address.value or 0, size.value


def _stack_of_mac(library: ctypes.CDLL, thread: ctypes.c_void_p) -> tuple[int, int]:
    library.pthread_get_stackaddr_np.restype = ctypes.c_void_p
    library.pthread_get_stacksize_np.restype = ctypes.c_size_t
    size = int(library.pthread_get_stacksize_np(thread))
    return int(library.pthread_get_stackaddr_np(thread)) - size, size
