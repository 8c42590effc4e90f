"""Derivatives of calls of native functions, recursive ones among them.

A function is made into two. Its forward form does what it does, and leaves on the tape, which is its last argument,
what the reverse form needs. The reverse form takes the adjoints of the function's results, and gives those of its
parameters; what it adds to the adjoint of a buffer it adds in memory that is passed to it. The calls that a function
makes, of itself too, become calls of forward and reverse forms, so that records are taken in the order of the calls.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from typing import cast

from ..ir.builder import Builder
from ..ir.call_graph import callee_of
from ..ir.effects import Effect, Place
from ..ir.node import Atom, AttributeValue, Block, Const, Function, Node, Sym
from ..ir.ops.differentiation import is_differentiable
from ..ir.ops.functions import CALL, call_attributes
from ..ir.types import TAPE, BufferType, Region, TapeType, Type
from ..passes.rewrite import Replacements, copy_block
from .activity import Varied, is_active
from .context import Context, written_places
from .program import Derived
from .rename import renamed_params
from .shadows import ShadowRegions
from .sweep import Sweep, derivative_rules, memory_type
from .taping import keep_on_tape


@dataclass(frozen=True)
class _Plan:
    """What of a native function takes part in a sweep, by the positions of parameters and results.

    results: those with adjoints. values: the parameters whose adjoints are given. buffers: the parameters whose
    adjoints are added up in memory. memory: those that hold varied values for a while, each with memory for adjoints.
    arrays, arrays_given: the parameters and results that go with their shadows, of the regions told. tapes: the
    parameters that hold arrays, and go with a tape of shadows.
    """

    results: tuple[int, ...]
    arrays: tuple[int, ...]
    arrays_given: tuple[int, ...]
    tapes: tuple[int, ...]
    regions: ShadowRegions
    values: tuple[int, ...]
    buffers: tuple[int, ...]
    memory: tuple[int, ...]


@derivative_rules.define(CALL)
def _call(sweep: Sweep, node: Node) -> None:
    callee = sweep.context.program.function(callee_of(node))
    _, varied = sweep.varied.of_callee(callee.name)
    plan = _plan(sweep, callee, varied)
    unstable = [param for param, arg in zip(callee.params, node.args, strict=True) if arg in sweep.context.unstable]
    derived = _derived(sweep, callee, plan, varied, unstable)
    tape = sweep.context.own_tape(node.loc)
    shadows = [sweep.shadow(node.args[index]) for index in plan.arrays]
    shadows += [_shadows_of(sweep.context, node.args[index]) for index in plan.tapes]
    results = (*node.results, *[sweep.shadow(node.results[index]) for index in plan.arrays_given])
    types = [each.type for each in results]
    touched = _shadow_regions(sweep, varied)
    effect = _with_places(node.effect.reads | touched, node.effect.writes | touched)
    forward = _node(sweep.builder, derived.forward, (*node.args, *shadows, tape), types, effect, node)
    sweep.replace_forward(node, replace(forward, results=results))
    sources = [node.args[index] for index in plan.buffers]
    gradients = {source: _memory_for_gradient(sweep, source) for source in sources}
    adjoint_memory = [_adjoints_of(sweep, node.args[index]) for index in plan.memory]
    primal = [arg for arg in node.args if isinstance(arg.type, BufferType)]
    arguments = [
        *[sweep.adjoint_or_zero(node.results[index]) for index in plan.results],
        *primal,
        *[gradients[source] for source in sources],
        *adjoint_memory,
        tape,
    ]
    targets = [node.args[index] for index in plan.values]
    types = [callee.params[index].type for index in plan.values]
    effect = _with_places(node.effect.reads | touched, touched)
    reverse = _node(sweep.builder, derived.reverse, arguments, types, effect, node)
    sweep.builder.append(reverse)
    for target, adjoint in zip(targets, reverse.results, strict=True):
        sweep.accumulate(target, adjoint)
    for source, buffer in gradients.items():
        if source not in sweep.memory:
            sweep.accumulate(source, sweep.sum_in(buffer))


def _shadow_regions(sweep: Sweep, varied: Varied) -> frozenset[Place]:
    """Where the shadows lie that a function may read or write."""
    regions = sweep.context.shadows.regions
    return frozenset([regions.of(place) for place in varied.shared() if isinstance(place, Region)])


def _with_places(reads: frozenset[Place], writes: frozenset[Place]) -> Effect:
    """What a call of a derived function may do; what else, is found out when all functions are there."""
    read, written = (frozenset([place for place in each if not isinstance(place, Sym)]) for each in (reads, writes))
    return Effect(read, written, io=True, raises=True, keep=True)


def _node(
    builder: Builder, name: str, args: Sequence[Atom], results: Sequence[Type], effect: Effect, like: Node
) -> Node:
    unchanged = [arg for arg in like.args if arg not in like.effect.writes]
    memory = (BufferType, TapeType)
    mutated = [i for i, arg in enumerate(args) if isinstance(arg.type, memory) and arg not in unchanged]
    attrs = call_attributes(name, cast("AttributeValue", tuple(results)), effect, mutated)
    return builder.node(CALL, args, loc=like.loc, attrs=attrs)


def _memory_for_gradient(sweep: Sweep, buffer: Atom) -> Sym:
    assert isinstance(buffer, Sym) and isinstance(buffer.type, BufferType)
    return sweep.memory.get(buffer) or sweep.new_memory(buffer)


def _adjoints_of(sweep: Sweep, memory: Atom) -> Sym:
    adjoints = sweep.context.adjoints_of(memory) if isinstance(memory, Sym) else None
    assert adjoints is not None, "varied memory of the range has memory for adjoints"
    return adjoints


def _shadows_of(context: Context, tape: Atom) -> Sym:
    assert isinstance(tape, Sym)
    return context.shadows_of(tape)


def _plan(sweep: Sweep, callee: Function, varied: Varied) -> _Plan:
    params = [index for index, param in enumerate(callee.params) if param in varied]
    written = written_places(callee.body.nodes)
    memory = [i for i in params if callee.params[i].type == TAPE or callee.params[i] in written]
    return _Plan(
        results=tuple([i for i, result in enumerate(callee.body.results) if result in varied]),
        arrays=tuple([i for i, param in enumerate(callee.params) if is_active(param, varied)]),
        arrays_given=tuple([i for i, result in enumerate(callee.body.results) if is_active(result, varied)]),
        tapes=tuple([i for i, param in enumerate(callee.params) if param in varied.holding]),
        regions=sweep.context.shadows.regions,
        values=tuple([i for i in params if is_differentiable(callee.params[i].type)]),
        buffers=tuple([i for i in params if isinstance(callee.params[i].type, BufferType) and i not in memory]),
        memory=tuple(memory),
    )


def _derived(sweep: Sweep, callee: Function, plan: _Plan, varied: Varied, unstable: Sequence[Sym]) -> Derived:
    """The forward and reverse form of a function, made at the first call that needs them.

    `unstable`: those of its parameters that are memory which the swept range writes.
    """
    program = sweep.context.program
    shared = {place for place in sweep.context.unstable if not isinstance(place, Sym)}
    changing = frozenset({*unstable, *shared})
    key = (callee.name, plan, changing, frozenset(varied), frozenset(varied.holding))
    known = program.derived.get(key)
    if known is None:
        names = [program.fresh_name(f"{callee.name}_{form}") for form in ("forward", "reverse")]
        # Known before it is made: the function may call itself.
        known = program.derived[key] = Derived(*names)
        for made in _differentiated(sweep, callee, plan, varied, changing, known):
            program.add(made)
    return known


def _copied(place: Place, copies: Replacements) -> Place:
    """What stands in the copy of a function for memory of it."""
    copy = copies.get(place, place) if isinstance(place, Sym) else place
    assert not isinstance(copy, Const), "places are no constants"
    return copy


def _differentiated(
    outer: Sweep, callee: Function, plan: _Plan, varied: Varied, changing: Set[Place], names: Derived
) -> tuple[Function, Function]:
    builder = Builder()
    copies: Replacements = {}
    body = copy_block(callee.body, builder, copies)
    own = Varied([_copied(place, copies) for place in varied], outer.context.program, outer.varied.callees)
    own.holding = {cast("Sym", _copied(tape, copies)) for tape in varied.holding}
    tape = builder.fresh(TAPE, "tape")
    unstable = {_copied(place, copies) for place in changing} | written_places(body.nodes)
    context = Context(builder, outer.context.program, unstable=unstable, regions=plan.regions, tape=tape)
    arrays = [context.shadows.of(body.params[index]) for index in plan.arrays]
    arrays_given = [context.shadows.of(body.results[index]) for index in plan.arrays_given]
    memory = [builder.fresh(body.params[i].type, f"{body.params[i].name}_grad") for i in plan.memory]
    for index, adjoints in zip(plan.memory, memory, strict=True):
        context.pair(body.params[index], adjoints)
    sources = {index: body.params[index] for index in plan.buffers}
    buffers = {
        param: builder.fresh(param.type, param.name) for param in body.params if isinstance(param.type, BufferType)
    }
    gradients = [builder.fresh(memory_type(source.type), f"{source.name}_grad") for source in sources.values()]
    sweep = Sweep(
        builder,
        varied=own,
        sources=frozenset(sources.values()),
        loc=callee.loc,
        context=context,
        memory=dict(zip(sources.values(), gradients, strict=True)),
        runs_often=True,
    )
    with builder.block() as scope:
        asked = [builder.fresh(body.results[i].type, "adjoint") for i in plan.results]
        for index, adjoint in zip(plan.results, asked, strict=True):
            sweep.accumulate(body.results[index], adjoint)
        forward = sweep.run(body.nodes)
        sweep.loc = callee.loc
        results = [sweep.adjoint_or_zero(body.params[i]) for i in plan.values]
    reverse = Block((*asked, *buffers.values(), *gradients, *memory, tape), tuple(scope.nodes), tuple(results))
    tapes = [context.shadows_of(body.params[index]) for index in plan.tapes]
    params = (*body.params, *arrays, *tapes)
    forward, reverse = keep_on_tape(sweep, params, forward, reverse, buffers, callee.loc)
    # Functions have no symbol in common.
    reverse = renamed_params(reverse, {tape: builder.fresh(TAPE, "tape")})
    return (
        Function(names.forward, Block((*params, tape), tuple(forward), (*body.results, *arrays_given)), callee.loc),
        Function(names.reverse, reverse, callee.loc),
    )
