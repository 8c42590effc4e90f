"""A decision forest, compiled: each tree is the comparisons on one path, and nothing else.

The forest is data (`Tree`s, here taken from a fitted scikit-learn model); predicting walks it while staging.
"""

from dataclasses import dataclass

import numpy as np

from pylms import lms, stage


@dataclass(frozen=True)
class Leaf:
    """What a tree says: one number a class."""

    votes: tuple


@dataclass(frozen=True)
class Split:
    """`left` where row[feature] <= threshold."""

    feature: int
    threshold: float
    left: object
    right: object


@lms
def votes_of(tree, row):
    """The votes of one tree for one row. Rows are float32 and thresholds float64, as scikit-learn has them."""
    if isinstance(tree, Leaf):
        return tree.votes
    if float(row[tree.feature]) <= tree.threshold:
        return votes_of(tree.left, row)
    return votes_of(tree.right, row)


@lms
def best_of(trees, classes, row):
    """The class with most votes; the first among equals."""
    totals = [0.0] * classes
    for tree in trees:
        totals = [total + vote for total, vote in zip(totals, votes_of(tree, row))]
    best = 0
    most = totals[0]
    for k in range(1, classes):
        if totals[k] > most:
            best = k
            most = totals[k]
    return best


def trees_of(model):
    """The trees of a fitted `sklearn.ensemble.RandomForestClassifier`."""

    def convert(tree, node):
        if tree.children_left[node] < 0:
            votes = tree.value[node][0]
            return Leaf(tuple((votes / votes.sum()).tolist()))
        children = (convert(tree, child[node]) for child in (tree.children_left, tree.children_right))
        return Split(int(tree.feature[node]), float(tree.threshold[node]), *children)

    return tuple(convert(estimator.tree_, 0) for estimator in model.estimators_)


def compiled(trees, features, classes, **options):
    """Native functions: of one row (float32 [features]), and of rows ([n, features]) with int64 results to write."""

    @stage(**options)
    def predict_row(row):
        assert row.shape[0] == features
        return best_of(trees, classes, row)

    @stage(**options)
    def predict(rows, result):
        assert rows.shape[1] == features and rows.shape[0] == result.shape[0]
        for i in range(rows.shape[0]):
            result[i] = best_of(trees, classes, rows[i])

    return predict_row, predict


def fitted_model(trees=10, depth=6):
    """A model of the iris flowers, and the rows it was fitted to, as float32."""
    from sklearn.datasets import load_iris
    from sklearn.ensemble import RandomForestClassifier

    rows, classes = load_iris(return_X_y=True)
    rows = rows.astype(np.float32)
    return RandomForestClassifier(trees, max_depth=depth, random_state=0).fit(rows, classes), rows


def main():
    model, rows = fitted_model(trees=2, depth=3)
    predict_row, predict = compiled(trees_of(model), rows.shape[1], 3)
    result = np.empty(len(rows), np.int64)
    predict(rows, result)
    print(f"{(result == model.predict(rows)).sum()} of {len(rows)} rows as scikit-learn has them")
    print(f"row 0 is of class {predict_row(rows[0])}\n\n{predict_row.Ccode}")


if __name__ == "__main__":
    main()
