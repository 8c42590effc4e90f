"""What calling native code takes, whichever way it is done: the interface of the C binding and of its ctypes fallback.

In: options. Out: a `NativeInterface`: the types that make a native entry point a Python callable. Both implementations
are modules, and mean the same; the fallback is slower and keeps the GIL.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol, TypeAlias, cast

from ..options import Options
from .binding import load_binding

Callback: TypeAlias = tuple[Callable[..., Any], str, str]
Site: TypeAlias = Callable[[int, int], BaseException]
"""Makes the exception of an error; the ints are those that its message may show."""
Pointers: TypeAlias = tuple[int, ...] | Callable[[], tuple[int, ...]]


class Owner(Protocol):
    """What stands behind a staged callable: takes the calls that no native specialisation fits.

    If it has a method `show_error`, that sees each exception which leaves it, and may take frames out of its traceback.
    """

    def call_slow(self, args: tuple[Any, ...], kwargs: dict[str, Any], /) -> Any: ...


class NativeFunction(Protocol):
    """One compiled specialisation; takes positional arguments of exactly the coded types."""

    @property
    def argument_codes(self) -> str: ...
    @property
    def result_codes(self) -> str: ...
    @property
    def keep_alive(self) -> object: ...
    def __call__(self, *args: Any) -> Any: ...


class StagedCallable(Protocol):
    """What a staged function is to its users. Attributes it does not have are its owner's."""

    @property
    def owner(self) -> Any: ...
    @property
    def natives(self) -> tuple[NativeFunction, ...]: ...
    def install(self, native: NativeFunction, /) -> None: ...
    def clear(self) -> None: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    def __getattr__(self, name: str) -> Any: ...


class MakeNativeFunction(Protocol):
    """Makes a NativeFunction of the entry point at an address (see include/pylms_abi.h).

    argument_codes: see `arguments`. result_codes: nothing for None, one code, or a tuple's (see `marshal`).
    callbacks: (callable, argument codes, result codes), by number.
    sites: makers of exceptions; the first belongs to error site 1.
    pointers: what follows the arguments in the entry's `args`; a callable is asked at each call.
    keep_alive: whatever must live as long as this does.
    overlap: whether a written array must share memory with another argument, or must not; None where either will do.
    """

    def __call__(
        self,
        entry: int,
        argument_codes: str,
        result_codes: str,
        callbacks: tuple[Callback, ...] = (),
        sites: tuple[Site, ...] = (),
        pointers: Pointers = (),
        releases_gil: bool = False,
        keep_alive: object = None,
        overlap: bool | None = None,
    ) -> NativeFunction: ...


class MakeStagedCallable(Protocol):
    """Makes the callable in front of an owner.

    parameters: their names; one that is empty cannot be given by keyword. positional: how many can be given by
    position. defaults: by name.
    """

    def __call__(
        self, owner: Owner, /, parameters: tuple[str, ...], positional: int, defaults: dict[str, Any]
    ) -> StagedCallable: ...


class NativeInterface(Protocol):
    """How native code is loaded and called. `open_library` raises OSError where there is no such library, and
    `find_symbol` where it has no such symbol; a library stays loaded as long as the handle lives. `takes_numpy`:
    whether functions may have NumPy's arrays and numbers; the binding's may unless NumPy's headers were missing when it
    was built."""

    @property
    def takes_numpy(self) -> bool: ...

    @property
    def NativeFunction(self) -> MakeNativeFunction: ...
    @property
    def StagedCallable(self) -> MakeStagedCallable: ...
    def open_library(self, path: str, /) -> object: ...
    def find_symbol(self, library: object, name: str, /) -> int: ...


def load_native(options: Options, *, with_numpy: bool = False) -> NativeInterface:
    """The C binding, or where it cannot be had (or knows no NumPy, and must), its ctypes fallback."""
    binding = load_binding(options)
    if binding is not None and (binding.takes_numpy or not with_numpy):
        return cast(NativeInterface, binding)
    return cast(NativeInterface, import_module(".ctypes_call", __package__))
