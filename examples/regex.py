"""A regular expression becomes a native matcher: its states are known while staging, comparisons of bytes are left."""

import numpy as np

from pylms import lms, stage

from .regex_machine import machine_of, parse


@lms
def step(machine, number, state, byte):
    """The next state after `state`, which is one from `number` on; -1 where no match is left."""
    if number == len(machine.moves):
        return -1
    if state == number:
        return move(machine.moves[number], byte)
    return step(machine, number + 1, state, byte)


@lms
def move(ranges, byte):
    """The state to which the range leads that the byte is in."""
    if not ranges:
        return -1
    first, last, target = ranges[0]
    if first <= byte and byte <= last:
        return target
    return move(ranges[1:], byte)


@lms
def accepts(machine, state):
    """Whether the pattern matches in this state."""
    return any([state == number for number, accepting in enumerate(machine.accepts) if accepting])


def matcher(pattern, **options):
    """A native function that tells whether a whole text (a uint8 array) matches."""
    machine = machine_of(parse(pattern))

    @stage(**options)
    def fullmatch(text):
        state = 0
        for byte in text:
            state = step(machine, 0, state, byte)
            if state < 0:
                break
        return accepts(machine, state)

    return fullmatch


def as_bytes(text):
    """A text as matchers take it."""
    return np.frombuffer(text.encode() if isinstance(text, str) else text, np.uint8)


EMAIL = r"(\w+\.)*\w+@\w+(\.\w+)+"


def main():
    fullmatch = matcher(EMAIL)
    for text in ("ada.lovelace@example.org", "nobody@", "a@b.c"):
        print(text, fullmatch(as_bytes(text)))
    print(fullmatch.Ccode)


if __name__ == "__main__":
    main()
