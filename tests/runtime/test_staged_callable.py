"""What a staged function is to its users: dispatch on exact types, methods, attributes, pickling."""

from __future__ import annotations

import copy
import gc
import inspect
import pickle
import sys
import weakref

import pytest

ADD_ONE = "results[0].i = args[0].i + 1;"
HALVE = "results[0].f = args[0].f / 2;"


class Recorder:
    """An owner that records the calls no native specialisation took."""

    __name__ = "recorder"
    __qualname__ = "Recorder.recorder"
    code = "(the code)"

    def __init__(self):
        self.calls = []

    def call_slow(self, args, kwargs):
        self.calls.append((args, kwargs))
        return "slow"


@pytest.fixture
def staged(native, make):
    """A staged callable with an int and a float specialisation."""
    callable_ = native.StagedCallable(Recorder(), ("x",), 1, {})
    callable_.install(make(ADD_ONE, "i", "i"))
    callable_.install(make(HALVE, "f", "f"))
    return callable_


def test_the_specialisation_of_the_exact_types_runs(staged):
    assert staged(41) == 42
    assert staged(3.0) == 1.5
    assert staged.owner.calls == []


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((True,), {}), (("text",), {}), ((), {}), ((1, 2), {}), ((2**63,), {}), ((), {"y": 1}), ((1,), {"k": 2, "j": 3})],
)
def test_any_other_call_is_the_owners(staged, args, kwargs):
    assert staged(*args, **kwargs) == "slow"
    assert staged.owner.calls == [(args, kwargs)]


MIX = "results[0].i = args[0].i * 100 + args[1].i * 10 + args[2].i;"


@pytest.mark.parametrize(
    ("args", "kwargs", "result"),
    [
        ((1, 2, 3), {}, "slow"),
        ((1, 2), {"c": 3}, 123),
        ((1,), {}, 157),
        ((1,), {"c": 3}, 153),
        ((), {"c": 3, "b": 2, "a": 1}, 123),
        ((), {"c": 3, "b": 2}, "slow"),
        ((1,), {"a": 2}, "slow"),
        ((1,), {"d": 2}, "slow"),
        ((1, 2), {"b": 2}, "slow"),
        ((1,), {"b": 2.0}, "slow"),
        ((), {}, "slow"),
        ((1, 2, 3, 4), {}, "slow"),
    ],
)
def test_keywords_and_defaults_find_their_places(native, make, args, kwargs, result):
    staged = native.StagedCallable(Recorder(), ("a", "b", "c"), 2, {"b": 5, "c": 7})
    staged.install(make(MIX, "iii", "i"))
    assert staged(*args, **kwargs) == result
    assert staged.owner.calls == ([(args, kwargs)] if result == "slow" else [])


def test_a_parameter_without_a_name_is_given_by_position(native, make):
    staged = native.StagedCallable(Recorder(), ("", "b", "c"), 3, {})
    staged.install(make(MIX, "iii", "i"))
    assert staged(1, 2, c=3) == staged(1, b=2, c=3) == 123
    assert staged(a=1, b=2, c=3) == "slow"


def test_keywords_whose_names_are_equal_only_are_seen_by_the_owner_or_at_once(native, make):
    staged = native.StagedCallable(Recorder(), ("value",), 1, {})
    staged.install(make(ADD_ONE, "i", "i"))
    assert staged(**{"".join(("val", "ue")): 41}) in (42, "slow")


def test_a_subclass_of_int_is_the_owners(staged):
    class Number(int):
        pass

    assert staged(Number(1)) == "slow"


def test_what_the_owner_raises_comes_out(native):
    class Failing(Recorder):
        def call_slow(self, args, kwargs):
            raise LookupError("in the slow call")

    with pytest.raises(LookupError, match="in the slow call"):
        native.StagedCallable(Failing(), ("x",), 1, {})(1)


def test_the_first_specialisation_that_fits_wins(native, make):
    staged = native.StagedCallable(Recorder(), ("x",), 1, {})
    staged.install(make("results[0].i = 1;", "i", "i"))
    staged.install(make("results[0].i = 2;", "i", "i"))
    assert staged(0) == 1


def test_clearing_leaves_every_call_to_the_owner(staged):
    assert len(staged.natives) == 2
    staged.clear()
    assert staged.natives == ()
    assert staged(41) == "slow"


def test_a_specialisation_may_be_cleared_while_it_runs(native, make):
    staged = native.StagedCallable(Recorder(), (), 0, {})
    body = "if (context->call(context, 0, results)) return -1; results[0].i = 5;"
    staged.install(make(body, "", "i", callbacks=((staged.clear, "", ""),)))
    assert staged() == 5
    assert staged() == "slow"


def test_only_native_functions_can_be_installed(staged):
    with pytest.raises(TypeError, match="takes a NativeFunction, not str"):
        staged.install("text")


def test_it_binds_as_a_method(native):
    class Model:
        method = native.StagedCallable(Recorder(), ("x",), 1, {})

    model = Model()
    assert Model.method is Model.__dict__["method"]
    assert model.method(3, k=4) == "slow"
    bound = model.method
    assert bound() == "slow"
    assert bound.__self__ is model
    assert Model.method.owner.calls == [((model, 3), {"k": 4}), ((model,), {})]


def test_attributes_are_the_owners(native):
    def original(x: int) -> int:
        """Doc of the original."""
        return x

    class Owner(Recorder):
        __doc__ = original.__doc__
        __module__ = "a.module"

    owner = Owner()
    vars(owner)["__wrapped__"] = original
    staged = native.StagedCallable(owner, ("x",), 1, {})
    assert staged.code == "(the code)"
    assert staged.__name__ == "recorder"
    assert staged.__doc__ == "Doc of the original."
    assert staged.__module__ == "a.module"
    assert str(inspect.signature(staged)) == "(x: 'int') -> 'int'"
    assert {"code", "call_slow"} <= set(dir(staged))
    with pytest.raises(AttributeError, match="no attribute 'typo'"):
        _ = staged.typo
    staged.note = 3
    assert staged.owner.note == 3
    del staged.note
    assert not hasattr(staged, "note")


def test_its_repr_is_the_owners(native):
    class Owner(Recorder):
        def __repr__(self):
            return "<staged f>"

    assert repr(native.StagedCallable(Owner(), ("x",), 1, {})) == "<staged f>"


def test_it_is_hashable_and_equal_to_itself_only(staged, native):
    assert {staged: 1}[staged] == 1
    assert staged != native.StagedCallable(staged.owner, ("x",), 1, {})


def test_copies_and_pickles_are_by_name_as_of_functions(native, monkeypatch):
    class Owner(Recorder):
        __qualname__ = "staged_for_pickling"

    owner = Owner()
    owner.__qualname__, owner.__name__, owner.__module__ = "staged_for_pickling", "staged_for_pickling", __name__
    staged = native.StagedCallable(owner, ("x",), 1, {})
    assert copy.deepcopy(staged) is copy.copy(staged) is staged
    with pytest.raises(pickle.PicklingError, match="staged_for_pickling"):
        pickle.dumps(staged)
    monkeypatch.setattr(sys.modules[__name__], "staged_for_pickling", staged, raising=False)
    assert pickle.loads(pickle.dumps(staged)) is staged


def test_it_can_be_weakly_referenced_and_collected_in_a_cycle(native, make):
    owner = Recorder()
    staged = native.StagedCallable(owner, ("x",), 1, {})
    vars(owner)["staged"] = staged
    staged.install(make(ADD_ONE, "i", "i"))
    references = [weakref.ref(staged), weakref.ref(owner)]
    del staged, owner
    gc.collect()
    assert [reference() for reference in references] == [None, None]


def test_slow_calls_leak_nothing(staged):
    argument, value = object(), object()
    before = sys.getrefcount(argument), sys.getrefcount(value)
    for _ in range(100):
        staged(argument, k=value)
    staged.owner.calls.clear()
    assert (sys.getrefcount(argument), sys.getrefcount(value)) == before
