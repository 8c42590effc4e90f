"""The C binding's fallback: the same calls through ctypes, for a Python whose headers are missing.

In: entry addresses, codes, owners (see `native`). Out: the same types with the same meaning, slower, and with the GIL
held throughout: a poll is then Python's own signal check, which is all that Ctrl-C needs.
"""

from __future__ import annotations

import ctypes
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType, MethodType
from typing import Any

from .arguments import SlotValue, parse_arguments, slots_of_arguments
from .containers import TextMemory
from .marshal import decode, decode_run, encode, parse_codes, parse_result, slot_count
from .native import Callback, Owner, Pointers, Site
from .stack import stack_end

_ARENA_ALIGNMENT = 64
_LARGEST_REQUEST = 1 << 60
# PYLMS_LOOK: with `interrupt` always set, recursive functions poll at every call.
_LOOK = ctypes.c_void_p(-1).value
_OVERLAP_WORDS = {
    False: ", the written ones sharing no memory",
    True: ", a written one sharing memory",
    None: "",
}

takes_numpy = True


class _Value(ctypes.Union):
    _fields_ = (("i", ctypes.c_longlong), ("f", ctypes.c_double), ("p", ctypes.c_void_p))


class _Context(ctypes.Structure):
    _fields_ = (
        ("interrupt", ctypes.c_int),
        ("call", ctypes.c_void_p),
        ("poll", ctypes.c_void_p),
        ("allocate", ctypes.c_void_p),
        ("arena", ctypes.c_void_p),
        ("arena_size", ctypes.c_longlong),
        ("stack_end", ctypes.c_void_p),
        ("stack_limit", ctypes.c_void_p),
        ("landing", ctypes.c_void_p),
        ("heap", ctypes.c_void_p),
        ("user", ctypes.c_void_p),
        ("shown", ctypes.c_longlong * 2),
    )


# PYFUNCTYPE keeps the GIL, and raises the Python exception that is set when the native code returns.
_ENTRY_TYPE = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Context), ctypes.POINTER(_Value), ctypes.POINTER(_Value))
_CALL_TYPE = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_longlong, ctypes.POINTER(_Value))
_ALLOCATE_TYPE = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_longlong)
# It ignores the context it is given, and leaves `interrupt` set: cheap enough to be asked at every turn.
_POLL_ADDRESS = ctypes.cast(ctypes.pythonapi.PyErr_CheckSignals, ctypes.c_void_p).value


def open_library(path: str) -> ctypes.CDLL:
    """Load a shared library; OSError where that fails."""
    return ctypes.CDLL(path)


def find_symbol(library: ctypes.CDLL, name: str) -> int:
    """The address of a function of the library; OSError where it has none of that name."""
    try:
        address = ctypes.cast(library[name], ctypes.c_void_p).value
    except AttributeError as error:
        raise OSError(f"no symbol '{name}' in the library") from error
    return address or 0


class NativeFunction:
    """See `native.MakeNativeFunction`."""

    def __init__(
        self,
        entry: int,
        argument_codes: str,
        result_codes: str,
        callbacks: tuple[Callback, ...] = (),
        sites: tuple[Site, ...] = (),
        pointers: Pointers = (),
        releases_gil: bool = False,  # the fallback never does
        keep_alive: object = None,
        overlap: bool | None = None,
    ) -> None:
        if not entry:
            raise ValueError("the entry address is null")
        if not isinstance(pointers, tuple) and not callable(pointers):
            raise TypeError("pointers must be a tuple of ints, or a callable that returns one")
        self.argument_codes = argument_codes
        self.result_codes = result_codes
        self.keep_alive = keep_alive
        self._arguments = parse_arguments(argument_codes)
        self._overlap = overlap
        self._entry = _ENTRY_TYPE(entry)
        self._result = parse_result(result_codes)
        self._result_slots = 0 if self._result is None else slot_count(self._result)
        self._callbacks = tuple(
            (function, parse_codes(given), parse_result(taken)) for function, given, taken in callbacks
        )
        if any("[" in taken for _, _, taken in callbacks):
            raise ValueError("no callback gives arrays")
        self._sites = sites
        self._pointers = pointers
        # Made once: making one takes longer than calling it. They find their call by the context's address.
        self._in_flight: dict[int, _Call] = {}
        self._call_thunk = _CALL_TYPE(self._guarded_call)
        self._allocate_thunk = _ALLOCATE_TYPE(self._guarded_allocate)
        self._call_address = ctypes.cast(self._call_thunk, ctypes.c_void_p).value
        self._allocate_address = ctypes.cast(self._allocate_thunk, ctypes.c_void_p).value

    def __repr__(self) -> str:
        return f"<NativeFunction ({self.argument_codes}) -> '{self.result_codes}' through ctypes>"

    def __call__(self, *args: Any) -> Any:
        values = self.fitting_slots(args)
        if values is None:
            raise TypeError(
                f"this native function takes exactly {len(self._arguments)} positional arguments, "
                f"of types '{self.argument_codes}'{_OVERLAP_WORDS[self._overlap]}"
            )
        return self.call(values, args)

    def fitting_slots(self, args: Sequence[object]) -> list[SlotValue] | None:
        """What `call` takes for these arguments; None where they are not what the function was compiled for."""
        return slots_of_arguments(self._arguments, args, overlap=self._overlap)

    def call(self, values: Sequence[SlotValue], args: Sequence[object]) -> Any:
        """Call with what goes into the slots of the arguments, and these themselves."""
        pointers = self._pointers if isinstance(self._pointers, tuple) else self._pointers()
        if not isinstance(pointers, tuple):
            raise TypeError("pointers() must return a tuple of ints")
        slots = (_Value * max(1, len(values) + len(pointers)))()
        for slot, value in zip(slots, values, strict=False):
            if isinstance(value, TextMemory):
                slot.p = value.address
            else:
                setattr(slot, "f" if isinstance(value, float) else "i", value)
        for position, pointer in enumerate(pointers, start=len(values)):
            slots[position].p = pointer
        results = (_Value * max(1, self._result_slots))()
        return self._enter(slots, results, args)

    def _enter(self, slots: Any, results: Any, args: Sequence[object]) -> Any:
        """Run the native code; its result. Raises what a callback or a signal handler raised, and what status means."""
        context = _Context(
            interrupt=1,
            call=self._call_address,
            poll=_POLL_ADDRESS,
            allocate=self._allocate_address,
            stack_end=stack_end(),
            stack_limit=_LOOK,
        )
        address = ctypes.addressof(context)
        call = self._in_flight[address] = _Call()
        try:
            with call.signals_put_off():
                status = self._entry(context, slots, results)
        finally:
            del self._in_flight[address]
        if call.failure is not None:
            raise call.failure
        if status == -1:
            raise SystemError("native code failed without setting an exception")
        if status != 0:
            raise self._exception_of(status, *context.shown)
        # Arrays and containers among the result are in the call's memory.
        return None if self._result is None else decode(self._result, iter(results), args)

    def _guarded_call(self, context: int, index: int, args: Any) -> int:
        call = self._in_flight[context]
        try:
            call.run_put_off()
            self._run_callback(call, index, args)
            call.run_put_off()
        except BaseException as error:  # `_enter` raises it again
            call.failure = error
            return -1
        return 0

    def _guarded_allocate(self, context: int, size: int) -> int | None:
        call = self._in_flight[context]
        try:
            call.run_put_off()
            if not 0 <= size <= _LARGEST_REQUEST:
                raise MemoryError
            block = ctypes.create_string_buffer(size + _ARENA_ALIGNMENT)
        except BaseException as error:  # `_enter` raises it again
            call.failure = error
            return None
        call.blocks.append(block)
        return -(-ctypes.addressof(block) // _ARENA_ALIGNMENT) * _ARENA_ALIGNMENT

    def _run_callback(self, call: _Call, index: int, args: Any) -> None:
        if not 0 <= index < len(self._callbacks):
            raise SystemError(f"native code called callback {index} of {len(self._callbacks)}")
        function, given, taken = self._callbacks[index]
        slots: Iterator[Any] = (args[position] for position in range(1 << 62))
        result = function(*decode_run(given, slots))
        if taken is not None:
            encode(taken, result, (args[position] for position in range(1 << 62)), call.blocks.append)

    def _exception_of(self, status: int, *shown: int) -> BaseException:
        if not 0 < status <= len(self._sites):
            return SystemError(f"native code returned the unknown status {status}")
        exception = self._sites[status - 1](*shown)
        if isinstance(exception, BaseException):
            return exception
        return SystemError(f"an error site made a {type(exception).__name__}, not an exception")


class _Call:
    """One native call in flight: its memory, what its callbacks raised, and signals that must wait.

    An exception must not leave a function that ctypes calls: it would be printed and forgotten. Python may run a
    signal handler, and so raise, as it enters such a function, before any `try` in it. While a call runs on the main
    thread, a handler stands before the user's that puts off a signal seen in the frame of such a function, until its
    `try` is reached.
    """

    __slots__ = ("_put_off", "_users_handler", "blocks", "failure")

    def __init__(self) -> None:
        self.failure: BaseException | None = None
        self.blocks: list[Any] = []
        self._put_off: list[int] = []
        self._users_handler: Any = None

    @contextmanager
    def signals_put_off(self) -> Iterator[None]:
        """Stand before the user's handler, if this is the main thread and there is one."""
        handler = signal.getsignal(signal.SIGINT)
        if not callable(handler) or threading.current_thread() is not threading.main_thread():
            yield
            return
        self._users_handler = handler
        stand_in = self._on_signal
        try:
            signal.signal(signal.SIGINT, stand_in)
            yield
        finally:
            if signal.getsignal(signal.SIGINT) == stand_in:
                signal.signal(signal.SIGINT, handler)
        self.run_put_off()

    def run_put_off(self) -> None:
        """Run the user's handler for the signals that waited; what it raises comes out."""
        while self._put_off:
            self._users_handler(self._put_off.pop(), None)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if frame is not None and frame.f_code in _GUARDED_CODES:
            self._put_off.append(number)
        else:
            self._users_handler(number, frame)


_GUARDED_CODES = frozenset({NativeFunction._guarded_call.__code__, NativeFunction._guarded_allocate.__code__})


class StagedCallable:
    """See `native.StagedCallable`."""

    __slots__ = ("__weakref__", "_defaults", "_parameters", "_positional", "natives", "owner")
    owner: Owner
    natives: tuple[NativeFunction, ...]
    _parameters: tuple[str, ...]
    _positional: int
    _defaults: dict[str, object]

    def __init__(self, owner: Owner, parameters: tuple[str, ...], positional: int, defaults: dict[str, object]) -> None:
        object.__setattr__(self, "owner", owner)
        object.__setattr__(self, "_parameters", parameters)
        object.__setattr__(self, "_positional", positional)
        object.__setattr__(self, "_defaults", defaults)
        object.__setattr__(self, "natives", ())

    def install(self, native: NativeFunction) -> None:
        """Add a NativeFunction; earlier ones go first."""
        if not isinstance(native, NativeFunction):
            raise TypeError(f"install() takes a NativeFunction, not {type(native).__name__}")
        object.__setattr__(self, "natives", (*self.natives, native))

    def clear(self) -> None:
        """Drop every NativeFunction."""
        object.__setattr__(self, "natives", ())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        completed = self._completed(args, kwargs)
        if completed is not None:
            for native in self.natives:
                values = native.fitting_slots(completed)
                if values is not None:
                    return native.call(values, completed)
        try:
            return self.owner.call_slow(args, kwargs)
        except BaseException as error:
            show_error = getattr(self.owner, "show_error", None)
            if show_error is not None:
                show_error(error)
            raise error  # a bare `raise` would bring the frames back

    def _completed(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...] | None:
        """One argument for each parameter, in order; None where they do not fit the parameters."""
        by_keyword = self._parameters[len(args) :]
        if len(args) > self._positional or not kwargs.keys() <= set(by_keyword):
            return None
        given = {**self._defaults, **kwargs}
        return (*args, *[given[name] for name in by_keyword]) if given.keys() >= set(by_keyword) else None

    def __get__(self, instance: object, _owner_type: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __getattribute__(self, name: str) -> Any:
        # Every class has these two; here they mean the function.
        if name in ("__doc__", "__module__"):
            return getattr(object.__getattribute__(self, "owner"), name)
        return object.__getattribute__(self, name)

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "owner"), name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self.owner, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self.owner, name)

    def __repr__(self) -> str:
        return repr(self.owner)

    def __dir__(self) -> list[str]:
        return dir(self.owner)

    def __reduce__(self) -> str:
        """Functions are pickled and copied by name; so is this."""
        return str(self.owner.__qualname__)  # type: ignore[attr-defined]  # AttributeError says what is missing
