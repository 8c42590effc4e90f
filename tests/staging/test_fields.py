"""Fields of dataclasses, assigned under staged control: of objects that the function makes, and of its arguments."""

import copy
import dataclasses

import numpy as np
import pytest

from pylms import stage
from pylms.errors import ArgumentError, PylmsError


@dataclasses.dataclass
class Ball:
    place: float
    speed: float = 1.0
    bounces: int = 0
    last: object = None

    def step(self, dt):
        self.place += self.speed * dt
        if self.place < 0.0:
            self.place, self.speed = -self.place, -self.speed
            self.bounces += 1
            self.last = self.place


@dataclasses.dataclass(slots=True)
class Slotted:
    total: int


@dataclasses.dataclass
class Team(Slotted):
    best: Slotted
    scores: object = None


def fallen(ball, steps):
    for _ in range(steps):
        ball.step(0.5)
        ball.speed -= 0.25
    return ball.place


def made(n):
    kept = Ball(2.0, -1.0)
    total = 0.0
    for i in range(n):
        own = Ball(kept.place, 0.5 * i)
        own.step(1.0)
        kept.step(0.5)
        if own.place > 2.5:
            total += own.place
            kept.bounces = -i
    changed = dataclasses.replace(kept, speed=9.0)
    copied = copy.copy(kept)
    kept.place = 7.0
    return kept, changed, copied, total, type(kept) is Ball, isinstance(kept, Ball)


def counted(n):
    seen = Slotted(0)

    def visit(k):
        seen.total += 1
        if k > 1:
            visit(k - 1)
            visit(k - 2)

    visit(n)
    return seen.total


@pytest.mark.parametrize("n", [0, 1, 7])
def test_fields_of_what_the_function_makes(n: int) -> None:
    assert stage(made)(n) == made(n)
    assert stage(counted)(n) == counted(n)


def test_fields_of_arguments_are_written_back() -> None:
    staged = stage(fallen)
    mine, other = Ball(1.0), Ball(1.0)
    for steps in (3, 0, 20, 5):
        assert staged(mine, steps) == fallen(other, steps)
        assert mine == other
    assert mine.bounces > 0


def test_fields_within_arguments_and_arguments_as_results() -> None:
    def played(team, pair, n):
        for i in range(n):
            team.total += i
            if team.total > team.best.total:
                team.best.total = team.total
                team.scores = np.full(2, team.total)
            pair[0].total -= 1
        return team, team.best, (pair[0], team.scores)

    staged = stage(played)
    for n in (0, 3):
        mine, other = Team(1, Slotted(2), np.zeros(1, int)), Team(1, Slotted(2), np.zeros(1, int))
        pairs = (Slotted(5), 1), (Slotted(5), 1)
        whole, best, (first, scores) = staged(mine, pairs[0], n)
        played(other, pairs[1], n)
        assert (whole, best, first) == (mine, mine.best, pairs[0][0])
        assert whole is mine and best is mine.best and first is pairs[0][0]
        assert (mine.total, mine.best, pairs[0]) == (other.total, other.best, pairs[1])
        assert mine.scores.tolist() == other.scores.tolist() == scores.tolist()


def test_one_object_in_two_places_is_refused_where_it_is_changed() -> None:
    @stage
    def moved(one, two):
        one.total += 1
        return two.total

    ball = Slotted(3)
    with pytest.raises(ArgumentError, match="moved changes a Slotted that is passed to it in two places"):
        moved(ball, ball)
    assert ball.total == 3
    assert moved(ball, Slotted(8)) == 8
    assert ball.total == 4


def test_a_field_that_only_a_branch_assigns_keeps_one_type() -> None:
    @stage
    def marked(n):
        ball = Ball(0.0)
        if n > 0:
            ball.speed = "fast"
        return ball.speed

    with pytest.raises(PylmsError, match=r"`Ball.speed` is float before the branch, a str after|Ball.speed"):
        marked(1)


@dataclasses.dataclass
class Checked:
    value: int

    def __setattr__(self, name, value):
        object.__setattr__(self, name, abs(value))


def test_classes_with_attribute_access_of_their_own_are_left_alone() -> None:
    @stage
    def assigned(checked):
        checked.value = -4
        return checked.value

    with pytest.raises(PylmsError, match="a field of a Checked is assigned, whose class has attribute access"):
        assigned(Checked(1))

    @stage
    def in_a_loop(n):
        checked = Checked(1)
        for i in range(n):
            checked.value = i
        return checked.value

    with pytest.raises(PylmsError, match="a Checked that is older than this staged loop is changed in it"):
        in_a_loop(3)


def test_attributes_that_are_no_fields_are_no_variables() -> None:
    @stage
    def marked(n):
        ball = Ball(0.0)
        for i in range(n):
            ball.mark = i
        return ball.place

    with pytest.raises(PylmsError, match="a Ball that is older than this staged loop is changed in it"):
        marked(3)


def test_an_object_kept_after_staging_is_no_use() -> None:
    kept = []

    @stage
    def keeping(n):
        ball = Ball(n * 1.0)
        kept.append(ball)
        return ball.place

    assert keeping(2) == 2.0
    with pytest.raises(PylmsError, match="a Ball was kept after the staging run that made it"):
        kept[0].place += 1.0


@dataclasses.dataclass
class Default:
    given: int
    kept: int = dataclasses.field(default=3, init=False)
    names: list = dataclasses.field(default_factory=list)

    def __post_init__(self):
        self.given += 1


def test_defaults_and_what_is_made_after_them() -> None:
    def made(n):
        thing = Default(n)
        for i in range(n):
            thing.kept += i
        thing.names.append(n)
        return thing.kept, thing.given, len(thing.names), dataclasses.asdict(thing)["given"]

    staged = stage(made)
    for n in (0, 3):
        assert staged(n) == made(n)


def test_several_objects_and_a_list_of_them() -> None:
    def played(n):
        balls = [Ball(float(k), 0.5 * k) for k in range(3)]
        fastest = balls[2]
        for _ in range(n):
            for ball in balls:
                ball.step(1.0)
            if fastest.place > 4.0:
                fastest.speed = -fastest.speed
        return balls[0], balls[2], fastest.bounces, fastest is balls[2]

    staged = stage(played)
    for n in (0, 9):
        assert staged(n) == played(n)
