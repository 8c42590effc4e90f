"""The kernels, as a Python programmer writes them: the same source for CPython, Numba and this project.

None is decorated: each competitor makes of it what it makes. What they compute is in the docstrings; arrays are
changed in place where one says so.
"""

import math

import numpy as np


def mandelbrot(width, height, limit):
    """Iterations until escape, summed over a grid. Floats, a data-dependent loop."""
    total = 0
    for row in range(height):
        for column in range(width):
            a = column * 3.0 / width - 2.0
            b = row * 2.0 / height - 1.0
            x = 0.0
            y = 0.0
            count = 0
            while count < limit and x * x + y * y <= 4.0:
                x, y = x * x - y * y + a, 2.0 * x * y + b
                count += 1
            total += count
    return total


def collatz(n):
    """The longest Collatz chain that starts below n. Integers whose growth depends on the data."""
    longest = 0
    for start in range(1, n):
        value = start
        length = 1
        while value != 1:
            if value % 2 == 0:
                value //= 2
            else:
                value = 3 * value + 1
            length += 1
        longest = max(longest, length)
    return longest


def nbody(position, velocity, mass, steps):
    """Gravity among a few bodies, integrated in place; the sum of all coordinates."""
    bodies = mass.shape[0]
    for _ in range(steps):
        for i in range(bodies):
            for j in range(bodies):
                if i != j:
                    dx = position[j, 0] - position[i, 0]
                    dy = position[j, 1] - position[i, 1]
                    dz = position[j, 2] - position[i, 2]
                    distance = math.sqrt(dx * dx + dy * dy + dz * dz + 0.01)
                    pull = 0.001 * mass[j] / (distance * distance * distance)
                    velocity[i, 0] += pull * dx
                    velocity[i, 1] += pull * dy
                    velocity[i, 2] += pull * dz
        for i in range(bodies):
            for axis in range(3):
                position[i, axis] += 0.001 * velocity[i, axis]
    total = 0.0
    for i in range(bodies):
        for axis in range(3):
            total += position[i, axis]
    return total


def jacobi(grid, other, rounds):
    """The five-point stencil, back and forth between two arrays."""
    rows, columns = grid.shape
    for _ in range(rounds):
        for i in range(1, rows - 1):
            for j in range(1, columns - 1):
                other[i, j] = 0.25 * (grid[i - 1, j] + grid[i + 1, j] + grid[i, j - 1] + grid[i, j + 1])
        for i in range(1, rows - 1):
            for j in range(1, columns - 1):
                grid[i, j] = 0.25 * (other[i - 1, j] + other[i + 1, j] + other[i, j - 1] + other[i, j + 1])
    return grid[rows // 2, columns // 2]


def life(board, other, rounds):
    """Conway's game on a torus of bytes; the living cells at the end."""
    rows, columns = board.shape
    for _ in range(rounds):
        for i in range(rows):
            above = rows - 1 if i == 0 else i - 1
            below = 0 if i == rows - 1 else i + 1
            for j in range(columns):
                left = columns - 1 if j == 0 else j - 1
                right = 0 if j == columns - 1 else j + 1
                around = (
                    board[above, left]
                    + board[above, j]
                    + board[above, right]
                    + board[i, left]
                    + board[i, right]
                    + board[below, left]
                    + board[below, j]
                    + board[below, right]
                )
                other[i, j] = 1 if around == 3 or (around == 2 and board[i, j] == 1) else 0
        for i in range(rows):
            for j in range(columns):
                board[i, j] = other[i, j]
    alive = 0
    for i in range(rows):
        for j in range(columns):
            if board[i, j] == 1:
                alive += 1
    return alive


def matmul(a, b, c):
    """c = a b, three loops."""
    for i in range(a.shape[0]):
        for k in range(a.shape[1]):
            factor = a[i, k]
            for j in range(b.shape[1]):
                c[i, j] += factor * b[k, j]
    return c[0, 0]


def floyd_warshall(distance):
    """All shortest paths, in place."""
    n = distance.shape[0]
    for k in range(n):
        for i in range(n):
            through = distance[i, k]
            for j in range(n):
                if through + distance[k, j] < distance[i, j]:
                    distance[i, j] = through + distance[k, j]
    return distance[0, n - 1]


def edit_distance(left, right, previous, current):
    """Levenshtein's distance of two arrays of codes, two rows at a time."""
    columns = right.shape[0]
    for j in range(columns + 1):
        previous[j] = j
    for i in range(left.shape[0]):
        current[0] = i + 1
        for j in range(columns):
            cost = 0 if left[i] == right[j] else 1
            current[j + 1] = min(previous[j + 1] + 1, current[j] + 1, previous[j] + cost)
        for j in range(columns + 1):
            previous[j] = current[j]
    return previous[columns]


def sieve(flags):
    """The number of primes below the length of `flags`, which are set in place."""
    n = flags.shape[0]
    for i in range(2, n):
        flags[i] = 1
    i = 2
    while i * i < n:
        if flags[i] == 1:
            j = i * i
            while j < n:
                flags[j] = 0
                j += i
        i += 1
    count = 0
    for i in range(2, n):
        if flags[i] == 1:
            count += 1
    return count


def heapsort(values):
    """Sorts in place."""
    n = values.shape[0]
    start = n // 2
    end = n
    while end > 1:
        if start > 0:
            start -= 1
        else:
            end -= 1
            values[end], values[0] = values[0], values[end]
        root = start
        while 2 * root + 1 < end:
            child = 2 * root + 1
            if child + 1 < end and values[child] < values[child + 1]:
                child += 1
            if values[root] >= values[child]:
                break
            values[root], values[child] = values[child], values[root]
            root = child
    return values[n // 2]


def binary_search(table, wanted):
    """The sum of the positions at which sorted `wanted` would be inserted, searched one by one."""
    total = 0
    for k in range(wanted.shape[0]):
        low = 0
        high = table.shape[0]
        while low < high:
            middle = (low + high) // 2
            if table[middle] < wanted[k]:
                low = middle + 1
            else:
                high = middle
        total += low
    return total


def fnv_hash(data, rounds):
    """FNV-1a over bytes, in unsigned 64-bit arithmetic that wraps."""
    prime = np.uint64(1099511628211)
    value = np.uint64(14695981039346656037)
    for _ in range(rounds):
        for k in range(data.shape[0]):
            value = (value ^ np.uint64(data[k])) * prime
    return value


def fib(n):
    """Recursion on ints."""
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)


def ackermann(m, n):
    """Deep recursion on two ints."""
    if m == 0:
        return n + 1
    if n == 0:
        return ackermann(m - 1, 1)
    return ackermann(m - 1, ackermann(m, n - 1))


def random_walk(n, modulus):
    """A linear congruential generator and a sum of its low digits: ints that no analysis can bound."""
    state = 12345
    total = 0
    for _ in range(n):
        state = (state * 1103515245 + 12345) % modulus
        total += state % 100
    return total


def count_words(codes, n_keys):
    """How often the most frequent key occurs: a dict of ints."""
    counts = {}
    for k in range(codes.shape[0]):
        key = int(codes[k]) * 7919 % n_keys
        counts[key] = counts.get(key, 0) + 1
    most = 0
    for key in counts:
        most = max(most, counts[key])
    return most


def count_vowels(text):
    """The vowels in a string."""
    vowels = 0
    for letter in text:
        if letter == "a" or letter == "e" or letter == "i" or letter == "o" or letter == "u":
            vowels += 1
    return vowels
