"""A query over columns, compiled from its description: filter, group, aggregate in one native loop.

The description is data: a condition as an expression, the column to group by, and what to add up. None of it is left in
the native code but the comparisons and additions that it asks for.
"""

from dataclasses import dataclass

import numpy as np

from pylms import lms, stage

OPERATORS = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "==": lambda a, b: a == b,
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
}


@dataclass(frozen=True)
class Query:
    """Expressions are numbers, names of columns, or (operator, left, right); `where` may also be ("and", a, b).

    where: the rows that count. group: an integer column with values from 0 to below `groups`. sums: what to add up.
    """

    where: tuple
    group: str
    groups: int
    sums: tuple


@lms
def evaluate(expression, row):
    """The value of an expression for a row, a dict of what its columns hold."""
    if isinstance(expression, str):
        return row[expression]
    if not isinstance(expression, tuple):
        return expression
    operator, left, right = expression
    if operator == "and":
        return evaluate(left, row) and evaluate(right, row)
    return OPERATORS[operator](evaluate(left, row), evaluate(right, row))


def columns_of(expression):
    """The columns that an expression names."""
    if isinstance(expression, str):
        return {expression}
    if not isinstance(expression, tuple):
        return set()
    return columns_of(expression[1]) | columns_of(expression[2])


def columns_read(query):
    """The columns that a query reads, in alphabetical order."""
    return tuple(sorted(columns_of(query.where) | {query.group}.union(*map(columns_of, query.sums))))


def compiled(query, **options):
    """A native function (result, columns...) that adds to result[group, k] the sums, and at the end the row count.

    The columns are those of `columns_read`, in that order; `result` is a float64 array [groups, sums + 1].
    """
    names = columns_read(query)

    @lms
    def run(result, columns):
        rows = columns[0].shape[0]
        for column in columns:
            assert column.shape[0] == rows
        for i in range(rows):
            row = {name: column[i] for name, column in zip(names, columns)}
            if evaluate(query.where, row):
                group = row[query.group]
                for k, summed in enumerate(query.sums):
                    result[group, k] += evaluate(summed, row)
                result[group, len(query.sums)] += 1.0

    # A staged function names its arguments: one for each column.
    source = f"def query({', '.join(['result', *names])}):\n    run(result, ({', '.join(names)},))\n"
    return stage(**options)(defined(source, "query", {"run": run}))


def defined(source, name, namespace):
    """The function that a text defines; where it came from is kept, as staging reads it."""
    import linecache

    file = f"<{name} of {id(namespace):x}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    exec(compile(source, file, "exec"), namespace)
    return namespace[name]


REVENUE = Query(
    where=("and", ("<", "shipped", 2400), ("and", (">", "discount", 0.04), ("<", "quantity", 24))),
    group="flag",
    groups=4,
    sums=(("*", "price", "discount"), "quantity"),
)


def example_table(rows, seed=0):
    """Columns for REVENUE."""
    draw = np.random.default_rng(seed)
    return {
        "discount": draw.integers(0, 11, size=rows) / 100,
        "flag": draw.integers(0, 4, size=rows),
        "price": draw.uniform(1, 1000, size=rows),
        "quantity": draw.integers(1, 51, size=rows),
        "shipped": draw.integers(0, 3000, size=rows),
    }


def main():
    query, table = compiled(REVENUE), example_table(100_000)
    result = np.zeros((REVENUE.groups, len(REVENUE.sums) + 1))
    query(result, *(table[name] for name in columns_read(REVENUE)))
    print(f"{result}\n\n{query.Ccode}")


if __name__ == "__main__":
    main()
