"""Stores, `del` and method calls that change objects: in every form of target, and in the order Python has."""

# Written oddly, and wrongly, on purpose.
# mypy: ignore-errors

from collections import defaultdict, deque

from tests.virtualize.corpus.record import case, note


class Thing:
    def __init__(self, n):
        self.n = n
        self.parts = [n]

    def __repr__(self):
        return f"Thing({self.n}, {self.parts})"

    def __setattr__(self, name, value):
        note((name, value))
        super().__setattr__(name, value)

    def append(self, value):
        self.parts = [*self.parts, value]
        return self


@case((2,))
def stores(n):
    xs, table, thing = [0] * 4, {}, Thing(n)
    xs[note(1)] = note(5)
    xs[2:3], thing.n = [n, n], note(7)
    note(xs)[note(0)] += note(1)
    thing.parts[0] -= 3
    thing.n *= 2
    (table["a"], *table["b"]), xs[-1] = (1, 2, 3), table
    for xs[0] in range(3):
        for thing.n, xs[1] in [(1, 2)]:
            pass
    with open("/dev/null") as thing.file:
        del thing.file, xs[0]
    if n:
        del table["a"], (thing.n, [xs[0]])
    return xs, table, thing


@case((3,))
def methods(n):
    xs, seen, queue, counts = [3, 1, 2], {n}, deque([n]), defaultdict(list)
    while queue:
        k = queue.popleft()
        if (k and k not in seen) or k == n:
            seen.add(k)
            queue.extend(x for x in xs if x < k)
            counts[k].append(len(queue))
    xs.sort(key=lambda x: -x)
    xs.insert(note(0), note("first"))
    thing = Thing(n).append(n).append(note(1))
    last = xs.pop()
    counts.update(a=1)
    setattr(thing, "n", last)
    items = iter(xs)
    return xs, seen, dict(counts), thing, next(items), next(items), next(iter([]), "none")


@case((2,))
def made_in_blocks(n):
    rows = [[] for _ in range(n)]
    for i in range(n):
        row = {"i": [i], "s": {i}}
        row["i"].append(n)
        rows[i].append(row)
        if (thing := Thing(i)) and i:
            thing.parts.append(thing.n)
            rows += [thing, [k for k in range(i) if (last := [k])], last]
    return rows


class Stack:
    def __init__(self):
        self.items = []

    def push(self, value):
        self.items.append(value)
        self.__top = value
        return self

    def top(self):
        return self.__top


@case((1,))
def private_names(n):
    return Stack().push(n).push(2).top()
