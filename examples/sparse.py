"""A sparse matrix times a vector, specialised to the matrix: its structure and values become code."""

from itertools import pairwise

import numpy as np

from pylms import lms, stage


@lms
def multiply(rows, x, y):
    """y = A x, for a matrix that is known: for each row, its columns and values."""
    for row, entries in enumerate(rows):
        total = 0.0
        for column, value in entries:
            total += value * x[column]
        y[row] = total


def entries_by_row(matrix):
    """The rows of a matrix in compressed sparse row form (`scipy.sparse.csr_array`) as lists of plain pairs."""
    indptr, indices, data = matrix.indptr.tolist(), matrix.indices.tolist(), matrix.data.tolist()
    return [list(zip(indices[first:last], data[first:last], strict=True)) for first, last in pairwise(indptr)]


def specialised(matrix, **options):
    """A native function (x, y) that writes A x into y."""
    rows, columns = entries_by_row(matrix), matrix.shape[1]

    @stage(**options)
    def product(x, y):
        assert x.shape[0] == columns and y.shape[0] == len(rows)
        multiply(rows, x, y)

    return product


def random_matrix(size=50, density=0.05, seed=0):
    """A random matrix of SciPy's."""
    from scipy.sparse import random_array

    return random_array((size, size), density=density, format="csr", rng=np.random.default_rng(seed))


def main():
    matrix = random_matrix(8, 0.2)
    product = specialised(matrix)
    x, y = np.arange(8.0), np.empty(8)
    product(x, y)
    print(f"{y}\n{matrix @ x} by SciPy\n")
    print(product.Ccode)


if __name__ == "__main__":
    main()
