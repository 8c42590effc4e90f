"""Small whole algorithms."""

# Written oddly, and wrongly, on purpose.
# mypy: ignore-errors

from tests.virtualize.corpus.record import case


@case((6,))
def collatz(n):
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
        if steps > 100:
            return None
    return steps


@case((30,))
def primes(limit):
    found = []
    for candidate in range(2, limit):
        for prime in found:
            if prime * prime > candidate:
                found.append(candidate)
                break
            if candidate % prime == 0:
                break
        else:
            found.append(candidate)
    return found


@case(("a(b[c]{d})",), ("(]",), ("((",))
def brackets(text):
    stack = []
    for i, char in enumerate(text):
        if char in "([{":
            stack.append(char)
        elif char in ")]}":
            if not stack or "([{".index(stack.pop()) != ")]}".index(char):
                return i
    if stack:
        return len(text)
    return -1


@case(([5, 2, 9, 1],))
def bubble_sort(xs):
    n = len(xs)
    while True:
        swapped = False
        for i in range(1, n):
            if xs[i - 1] > xs[i]:
                xs[i - 1], xs[i] = xs[i], xs[i - 1]
                swapped = True
        if not swapped:
            break
        n -= 1
    return xs
