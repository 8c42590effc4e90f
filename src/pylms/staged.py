"""`StagedFunction`: what `@stage` makes of a function. Signature by signature it is staged, compiled, and called.

In: a Python function and the front that stages it. Out: a callable that acts like the function, with everything on
the way to look at. Fast calls do not pass here: the runtime's callable tries its native specialisations first, and
comes to `call_slow` when none fits.

What looking and compiling take is imported where it is used: `import pylms` must not pay for it (DESIGN §3).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from threading import RLock
from types import FunctionType
from typing import TYPE_CHECKING, Any

from .errors import ArgumentError, OutdatedError
from .ir.types import ArrayType, ScalarType
from .loc import Loc, caller_loc
from .options import Options
from .running import Specialisation, prepare, run, run_prepared
from .staging.context import current_trace
from .staging.exclusive import process_state
from .staging.functions import call_function
from .staging.parameters import (
    ArrayParameter,
    LeafType,
    Signature,
    item_names,
    items_of,
    keywords_of,
    leaf_types,
    leaf_values,
    takes_tensors,
)
from .staging.reify import Staged, reify
from .staging.signature import (
    arrays_overlap,
    declared_signature,
    overlapping,
    signature_of,
)
from .staging.values import Front, Leaf, Static, TupleOf
from .tracebacks import hide_library_frames, hiding_library_frames

if TYPE_CHECKING:
    from .diagnostics import Diagnostics
    from .runtime.native import NativeInterface, StagedCallable


class StagedFunction:
    """A function compiled at its first call with each new signature of argument types."""

    def __init__(
        self,
        function: FunctionType,
        *,
        traced: Callable[..., object],
        original_src: str,
        src: str,
        make_front: Callable[[Signature], Front],
        options: Options,
    ) -> None:
        self.py_func = function
        self.original_src = original_src
        self.src = src
        self.options = options
        self.__name__ = function.__name__
        self.__qualname__ = function.__qualname__
        self.__doc__ = function.__doc__
        self.__module__ = function.__module__
        self.__wrapped__ = function
        self._traced = traced
        self._make_front = make_front
        self._python_signature = inspect.signature(function)
        self._keyword_only = [
            name
            for name, parameter in self._python_signature.parameters.items()
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY
        ]
        kinds = [each.kind for each in self._python_signature.parameters.values()]
        self._takes_keywords = inspect.Parameter.VAR_KEYWORD in kinds
        self._staged: dict[Signature, Staged] = {}
        self._specialisations: dict[Signature, Specialisation] = {}
        self._latest: Signature | None = None
        self._callable: StagedCallable | None = None
        self._native: NativeInterface | None = None
        self._compiling = RLock()

    def __repr__(self) -> str:
        return f"<staged function {self.__qualname__}>"

    # Looking at it

    @property
    def signatures(self) -> list[Signature]:
        """The signatures compiled so far."""
        return list(self._specialisations)

    @property
    def code(self) -> Any:
        """The IR as an S-expression, of the latest signature; before the first call, of the declared types."""
        from .ir.sexpr import function_sexpr

        return function_sexpr(self._stage(self._shown_signature()).function)

    @property
    def Ccode(self) -> str:
        """The generated C++, as `code` chooses the signature."""
        return self.inspect_c()

    @hiding_library_frames
    def inspect_ir(self, signature: Signature | None = None, *, optimised: bool = True) -> str:
        """The typed IR, as text: what goes into code generation, or with `optimised=False` what staging built."""
        staged = self._stage(signature or self._shown_signature())
        from .generate import optimise
        from .ir.printer import print_function

        return print_function(optimise(staged.function, self.options) if optimised else staged.function)

    @hiding_library_frames
    def inspect_c(self, signature: Signature | None = None) -> str:
        """The generated C++ of a signature."""
        chosen = signature or self._shown_signature()
        compiled = self._specialisations.get(chosen)
        if compiled is not None:
            return compiled.compiled.bundle.listing
        from .generate import generate

        return generate(self._stage(chosen).function, self.options).listing

    @hiding_library_frames
    def inspect_asm(self, signature: Signature | None = None) -> str:
        """The machine code of a signature in Intel syntax, Python lines between, by `objdump`."""
        from .driver import disassemble

        return disassemble(self._specialise(signature or self._shown_signature()).compiled.library)

    @hiding_library_frames
    def diagnostics(self, signature: Signature | None = None) -> Diagnostics:
        """What became of each line: loops unrolled or native, checks that are left, calls and allocations.

        Prints as one line a finding; iterates as `Note`s with `loc`, `kind` and `text`.
        """
        from .diagnostics import diagnose
        from .generate import optimise

        staged = self._stage(signature or self._shown_signature())
        return diagnose(staged, optimise(staged.function, self.options))

    # Calling it

    def __call__(self, *args: object, **kwargs: object) -> object:
        return self.call_slow(args, kwargs)

    def as_callable(self, native: NativeInterface) -> StagedCallable:
        """The runtime's callable in front of this: it calls natively at once where a specialisation fits."""
        self._native = native
        parameters = self._python_signature.parameters.values()
        self._callable = native.StagedCallable(
            self,
            tuple(["" if each.kind is each.POSITIONAL_ONLY else each.name for each in parameters]),
            len(parameters) - len(self._keyword_only),
            {each.name: each.default for each in parameters if each.default is not each.empty},
        )
        return self._callable

    def call_slow(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> object:
        """Call with any arguments: stages and compiles for a new signature first."""
        trace = current_trace()
        if trace is not None:
            return call_function(trace, self._traced, args, kwargs)
        arguments = self._bind(args, kwargs)
        signature, leaves = self._arguments(arguments)
        try:
            return run(self._specialise(signature), arguments, leaves)
        except OutdatedError:
            self._forget(signature)
            # Nothing may come between staging and the check that what it found still holds.
            with process_state:
                specialisation = self._specialise(signature)
                prepare(specialisation)
            return run_prepared(specialisation, arguments, leaves)

    def _forget(self, signature: Signature) -> None:
        """Stage that signature anew when it is next needed."""
        with self._compiling:
            self._staged.pop(signature, None)
            self._specialisations.pop(signature, None)

    def show_error(self, error: BaseException) -> None:
        """What the runtime's callable does with an error on its way out to the user."""
        if not self.options.full_tracebacks:
            hide_library_frames(error)

    def _bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[object]:
        """The arguments in the order of the parameters, defaults included."""
        try:
            bound = self._python_signature.bind(*args, **kwargs)
        except TypeError as error:
            hint = f"it is called as {self.__name__}{self._python_signature}"
            raise ArgumentError(f"{self.__name__}: {error}", loc=caller_loc(), hint=hint) from None
        bound.apply_defaults()
        values = [bound.arguments[name] for name in self._python_signature.parameters]
        if self._takes_keywords:
            values[-1] = keywords_of(values[-1])
        return values

    def _arguments(self, values: Sequence[object]) -> tuple[Signature, list[object]]:
        """The signature of a call, and the leaves of its arguments."""
        parameters = self._python_signature.parameters.values()
        apart = signature_of(self.__name__, list(zip(parameters, values, strict=True)))
        leaves = leaf_values(values, apart)
        if not arrays_overlap(leaves, [_may_be_written(leaf) for leaf in leaf_types(apart)]):
            return apart, leaves
        staged = self._stage(apart)
        needs_apart = staged.overlap is False and arrays_overlap(leaves, staged.written)
        return overlapping(apart) if needs_apart else apart, leaves

    def _shown_signature(self) -> Signature:
        if self._latest is not None:
            return self._latest
        return declared_signature(self.__name__, list(self._python_signature.parameters.values()))

    def _stage(self, signature: Signature) -> Staged:
        # One thread at a time: while a program is staged, what it calls outside this package stands in for staging.
        with process_state:
            staged = self._staged.get(signature)
            if staged is None:
                staged = self._staged[signature] = self._reify(signature)
            return staged

    def _reify(self, signature: Signature) -> Staged:
        return reify(
            self._call_traced,
            list(zip(self._python_signature.parameters, signature, strict=True)),
            name=self.__name__,
            loc=Loc(self.py_func.__code__.co_filename, self.py_func.__code__.co_firstlineno),
            front=self._make_front(signature),
            options=self.options,
            compile_late=self._compile_late,
        )

    def _compile_late(self, staged: Staged) -> Callable[..., object]:
        """A native function of what was staged while this one runs; it takes and gives numbers."""
        from .driver import compile_staged
        from .runtime.native import load_native

        specialisation = Specialisation(compile_staged(staged, load_native(self.options), self.options), RLock())
        return lambda *values: run_prepared(specialisation, (), values)

    def _call_traced(self, *values: object) -> object:
        """The rewritten function, given one value a parameter, in the order of the parameters."""
        trace = current_trace()
        assert trace is not None
        positional: list[object] = []
        keywords: dict[str, object] = {}
        for parameter, value in zip(self._python_signature.parameters.values(), values, strict=True):
            if parameter.kind is parameter.VAR_POSITIONAL:
                positional += items_of(value) or ()
            elif parameter.kind is parameter.VAR_KEYWORD:
                names = item_names(type(value), 0)
                keywords |= zip(names, items_of(value) or (), strict=True)
            elif parameter.kind is parameter.KEYWORD_ONLY:
                keywords[parameter.name] = value
            else:
                positional.append(value)
        return call_function(trace, self._traced, positional, keywords)

    def _specialise(self, signature: Signature) -> Specialisation:
        self._latest = signature
        known = self._specialisations.get(signature)
        if known is not None:
            return known
        staged = self._stage(signature)
        with self._compiling:
            # Another thread may have compiled it meanwhile.
            return self._specialisations.get(signature) or self._compile(signature, staged)

    def _compile(self, signature: Signature, staged: Staged) -> Specialisation:
        from .driver import compile_staged
        from .runtime.native import load_native

        native = load_native(self.options, with_numpy=_has_numpy(staged))
        compiled = compile_staged(staged, native, self.options)
        specialisation = Specialisation(compiled, RLock())
        self._specialisations[signature] = specialisation
        if self._callable is not None and native is self._native and self._is_direct(staged, signature):
            self._callable.install(compiled.native)
        return specialisation

    def _is_direct(self, staged: Staged, signature: Signature) -> bool:
        """Whether the native callable's own arguments and result are already the Python ones."""
        is_plain = leaf_types(signature) == list(signature) and not takes_tensors(signature)
        if staged.before_run or staged.after_run or not is_plain:
            return False
        match staged.structure:
            case Leaf():
                return True
            case Static(value):
                return value is None
            case TupleOf(items, _, name):
                return name == "tuple" and len(items) > 1 and all(isinstance(item, Leaf) for item in items)


class ListCodeFunction(StagedFunction):
    """A staged function whose `.code` is the documents' list form, before optimisation."""

    @property
    def code(self) -> list[Any]:
        from .ir.sexpr import let_list

        return let_list(self._stage(self._shown_signature()).function)


def _has_numpy(staged: Staged) -> bool:
    """Whether NumPy's arrays or numbers are among the arguments or results."""
    types = [atom.type for atom in (*staged.function.params, *staged.function.body.results)]
    return any(isinstance(each, ArrayType) or (isinstance(each, ScalarType) and not each.python) for each in types)


def _may_be_written(type_: LeafType) -> bool:
    return isinstance(type_, ArrayParameter) and type_.is_writeable
