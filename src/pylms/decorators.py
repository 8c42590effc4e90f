"""The decorators users write: `@lms`, `@stage`, `@stageTensor`, and `lmscompile`. Thin: each hands on to the road."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from types import FunctionType
from typing import Any, Protocol, TypeVar, cast, overload

from .errors import ArgumentError, SourceError
from .loc import caller_loc
from .options import Options
from .records import record
from .staged import ListCodeFunction, StagedFunction
from .staging.context import current_trace
from .staging.functions import call_function
from .staging.parameters import Signature, takes_tensors
from .staging.rewriting import rewritten
from .staging.values import Front, ScalarFront, describe_static
from .tracebacks import hiding_library_frames
from .virtualize import virtualize

AnyFunction = Callable[..., Any]
AnyClass = TypeVar("AnyClass")
_SOURCE_ATTRIBUTE = "__pylms_source__"


class VirtualisedFunction(Protocol):
    """What `@lms` makes of a function: it is called as before, and shows its source before and after."""

    original_src: str
    src: str

    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...


@record(frozen=True, slots=True)
class _Source:
    """A Python function and its virtualised form."""

    plain: FunctionType
    rewritten: FunctionType
    original_src: str
    src: str


@overload
def lms(function: type[AnyClass], /) -> type[AnyClass]: ...  # type: ignore[overload-overlap]  # classes are callable
@overload
def lms(function: AnyFunction, /) -> VirtualisedFunction: ...
@overload
def lms(*, recursive: bool = True) -> Callable[[AnyFunction], VirtualisedFunction]: ...
@hiding_library_frames
def lms(function: Any = None, /, *, recursive: bool = True) -> Any:
    """Virtualise a function, so that staged values decide its control flow while it is staged.

    Called from ordinary Python it behaves as undecorated. `.original_src` and `.src` are the source before and after.
    `recursive`: whether functions that it calls with staged values are virtualised as well, where they are the user's
    and their source is at hand.
    Of a class, the functions that its body defines are virtualised (static and class methods and properties too), and
    the class itself is given back.
    Raises `SyntaxNotSupportedError` for syntax that cannot be staged, `SourceError` where there is no source to read.
    """

    @hiding_library_frames
    def decorate(function: Any) -> Any:
        if isinstance(function, type):
            return _with_virtualised_methods(function, decorate)
        if isinstance(function, (staticmethod, classmethod)):
            return type(function)(decorate(function.__func__))
        return _wrapper(_virtualised(function, recursive=recursive), is_native=False)

    return decorate if function is None else decorate(function)


def _with_virtualised_methods(cls: type, decorate: Callable[[Any], Any]) -> type:
    """The class, with the methods virtualised that its body defines."""
    for name, member in list(vars(cls).items()):
        if isinstance(member, property):
            accessors: tuple[Any, ...] = (member.fget, member.fset, member.fdel)
            get, set_, delete = (decorate(each) if _is_written_in(cls, each) else each for each in accessors)
            setattr(cls, name, property(get, set_, delete, member.__doc__))
        elif _is_written_in(cls, getattr(member, "__func__", member)):
            setattr(cls, name, decorate(member))
    return cls


def _is_written_in(cls: type, member: object) -> bool:
    """Whether it is a method whose source is the user's: not what `@dataclass` has written."""
    if not isinstance(member, FunctionType) or member.__module__ != cls.__module__:
        return False
    return not member.__code__.co_filename.startswith("<string>")


@hiding_library_frames
def rep_fun(function: AnyFunction) -> VirtualisedFunction:
    """As `lms`; called from staged code it is a native function of its own, and is not inlined.

    Its arguments that are numbers are staged values in it, also where they are known while staging.
    """
    return _wrapper(_virtualised(function), is_native=True)


def _wrapper(source: _Source, *, is_native: bool) -> VirtualisedFunction:
    """What users call: the function as it was written, or the rewritten one while a program is staged."""
    plain, rewritten = source.plain, source.rewritten

    @functools.wraps(plain)
    def call(*args: Any, **kwargs: Any) -> Any:
        trace = current_trace()
        if trace is None:
            return plain(*args, **kwargs)
        return call_function(trace, rewritten, args, kwargs, is_native=is_native)

    # With the function it belongs to: wrappers of it get a copy of its attributes.
    setattr(call, _SOURCE_ATTRIBUTE, (call, source))
    virtualised = cast(VirtualisedFunction, call)
    virtualised.original_src = source.original_src
    virtualised.src = source.src
    return virtualised


def _virtualised(function: AnyFunction, *, recursive: bool = True) -> _Source:
    """The function's source forms; those of an `@lms` function are made already."""
    known = _known_source(function)
    if known is not None:
        return known
    plain = _python_function(function)
    virtualized = virtualize(plain)
    return _Source(plain, rewritten(virtualized, plain, recursive=recursive), virtualized.original_src, virtualized.src)


@overload
def stage(function: AnyFunction, /) -> Any: ...
@overload
def stage(
    *,
    checks: bool | None = None,
    reassociate: bool | None = None,
    recursive: bool | None = None,
    options: Options | None = None,
) -> Callable[[AnyFunction], Any]: ...
@hiding_library_frames
def stage(
    function: AnyFunction | None = None,
    /,
    *,
    checks: bool | None = None,
    reassociate: bool | None = None,
    recursive: bool | None = None,
    options: Options | None = None,
) -> Any:
    """Compile a function to native code at its first call with each signature of argument types.

    Use as `@stage` or `@stage(checks=False)`; `recursive=False` as with `lms`. The result is called like the function,
    and has `.code` (the IR), `.Ccode` (the generated C++), `.inspect_ir()`, `.inspect_c()`, `.inspect_asm()`,
    `.py_func` and `.signatures`. Tensors as arguments are values, which it does not change; functions of them may use
    what `stageTensor` stages.
    """
    chosen = _chosen(options, checks=checks, reassociate=reassociate, recursive=recursive)
    return _decorate(function, _front_for, chosen)


def _front_for(signature: Signature) -> Front:
    """How `stage` sees what it stages: where there are tensors, as `stageTensor` does."""
    return _torch_front(signature) if takes_tensors(signature) else ScalarFront()


def _torch_front(_signature: Signature) -> Front:
    from .torch_front import TorchFront

    front: Front = TorchFront()
    return front


@overload
def stageTensor(function: AnyFunction, /) -> Any: ...
@overload
def stageTensor(
    *,
    checks: bool | None = None,
    reassociate: bool | None = None,
    recursive: bool | None = None,
    fallback: str | None = None,
    options: Options | None = None,
) -> Callable[[AnyFunction], Any]: ...
@hiding_library_frames
def stageTensor(
    function: AnyFunction | None = None,
    /,
    *,
    checks: bool | None = None,
    reassociate: bool | None = None,
    recursive: bool | None = None,
    fallback: str | None = None,
    options: Options | None = None,
) -> Any:
    """Compile a whole PyTorch program (loaders, modules, backward, optimisers) to native code.

    As `stage`; data loaders and the storage of modules and optimisers count as staged. After a call the modules hold
    the trained weights. Needs PyTorch.

    With `fallback="torch"` the compiled code calls PyTorch for functions that cannot be staged, where what they give
    has a known shape; their derivatives are PyTorch's.
    """

    if fallback not in (None, "", "torch"):
        raise ArgumentError(f"fallback={fallback!r}: it is 'torch' or nothing")
    chosen = _chosen(options, checks=checks, reassociate=reassociate, recursive=recursive, fallback=fallback)
    return _decorate(function, _torch_front, chosen)


@hiding_library_frames
def lmscompile(function: AnyFunction, *, options: Options | None = None) -> Any:
    """Stage a function of scalars as it stands; `.code` is the IR before optimisation, as nested lists.

    The function itself is not virtualised (a lambda that calls `@lms` functions does not need it).
    """
    plain = _python_function(function)
    source = _known_source(plain) or _Source(plain, plain, "", "")
    return _as_callable(ListCodeFunction, source, _front_for, options or Options.from_environment())


def _known_source(function: AnyFunction) -> _Source | None:
    """The source forms that `@lms` gave a function."""
    owner, source = getattr(function, _SOURCE_ATTRIBUTE, (None, None))
    return source if owner is function else None


def count_as_virtualised(function: FunctionType, original: AnyFunction) -> None:
    """Have `stage` take a function as it is: it does its own staging, for `original`, whose source it shows."""
    texts = [getattr(original, name, "") for name in ("original_src", "src")]
    setattr(function, _SOURCE_ATTRIBUTE, (function, _Source(function, function, *texts)))


def _python_function(function: AnyFunction) -> FunctionType:
    """The function, which must be one of Python's. SourceError where it is not."""
    if isinstance(function, FunctionType):
        return function
    if isinstance(getattr(function, "owner", None), StagedFunction):
        raise SourceError(
            f"`{function.__name__}` is staged already",
            loc=caller_loc(),
            hint="for other options, stage its Python function again: stage(checks=False)(f.py_func)",
        )
    raise SourceError(
        f"{describe_static(function)} is no Python function, and only those can be staged",
        loc=caller_loc(),
        hint="decorate a function defined with `def`; under @staticmethod and @classmethod, not above them",
    )


def _chosen(options: Options | None, **told: bool | str | None) -> Options:
    """The options asked for: the environment's, unless given, with what the decorator was told."""
    changes: dict[str, Any] = {name: value for name, value in told.items() if value is not None}
    return replace(options or Options.from_environment(), **changes)


def _decorate(function: AnyFunction | None, make_front: Callable[[Signature], Front], chosen: Options) -> Any:
    @hiding_library_frames
    def decorate(function: AnyFunction) -> Any:
        if chosen.disable:
            return function
        return _as_callable(StagedFunction, _virtualised(function), make_front, chosen)

    return decorate if function is None else decorate(function)


def _as_callable(
    kind: type[StagedFunction], source: _Source, make_front: Callable[[Signature], Front], options: Options
) -> Any:
    staged = kind(
        source.plain,
        traced=source.rewritten,
        original_src=source.original_src,
        src=source.src,
        make_front=make_front,
        options=options,
    )
    # Not at the top: `import pylms` must not pay for the runtime.
    from .runtime.native import load_native

    return staged.as_callable(load_native(options))
