from __future__ import annotations

import numpy as np
import pytest

import mixsweep
from mixsweep.problems import BUILTIN, load_builtin
from mixsweep.problems.dependence import DEPENDENT, dependent_columns

rng = np.random.default_rng(0)
Z = np.concatenate([rng.normal(size=(60, 3)), rng.normal(3, 1, (40, 3))])
#: Units that differ by nine orders of magnitude, and a place far from zero.
UNITS = np.array([1e-6, 1.0, 1e3, 1e-2, 7.0])


@pytest.mark.parametrize(
    ("made", "columns", "relations"),
    [
        ((Z[:, 0], Z[:, 1], Z[:, 2]), [], 0),
        ((Z[:, 0], Z[:, 1], Z[:, 0] + Z[:, 1]), [0, 1, 2], 1),
        ((Z[:, 0], Z[:, 1], Z[:, 2], Z[:, 1]), [1, 3], 1),
        ((Z[:, 0], Z[:, 1], Z[:, 2], 5 - 2 * Z[:, 2]), [2, 3], 1),
        ((Z[:, 0], Z[:, 1], Z[:, 0] - 1e-3 * Z[:, 1], Z[:, 2]), [0, 1, 2], 1),
        ((Z[:, 0], Z[:, 0], Z[:, 2], Z[:, 2], Z[:, 1]), [0, 1, 2, 3], 2),
    ],
)
@pytest.mark.parametrize("weights", [None, rng.uniform(0.1, 9, 100)])
def test_the_columns_of_a_relation_are_named_whatever_their_units(made, columns, relations, weights):
    X = np.column_stack(made) * UNITS[: len(made)] + 100 * UNITS[: len(made)]
    found, count, smallest = dependent_columns(X, weights)
    assert (found.tolist(), count) == (columns, relations)
    assert (smallest <= DEPENDENT) == bool(relations)


@pytest.mark.parametrize("name", BUILTIN)
def test_no_built_in_data_are_dependent(name):
    assert dependent_columns(load_builtin(name).X)[1] == 0


def test_what_is_let_through_ends_as_a_copy_does_that_differs_by_a_linear_map():
    # a third column that is a sum but for so much: just above the limit
    part = 5e-6
    X = np.column_stack([Z[:, 0], Z[:, 1], Z[:, 0] + Z[:, 1] + part * Z[:, 2]])
    assert DEPENDENT < dependent_columns(X)[2] < 5 * DEPENDENT
    for family in ("gaussian-full", "gaussian-tied"):
        near, plain = (mixsweep.fit(data, 2, family=family, n_restarts=4) for data in (X, Z))
        np.testing.assert_array_equal(near["status"], plain["status"])
        gap = near["log_likelihood"].max() - plain["log_likelihood"].max() + len(Z) * np.log(part)
        # measured 4e-8 at most: sums over the rows lose all but three digits of such an eigenvalue
        assert abs(gap) < 1e-6


def test_a_sum_rounded_to_seven_digits_is_dependent():
    rounded = [float(f"{value:.6e}") for value in Z[:, 0] + Z[:, 1]]
    assert dependent_columns(np.column_stack([Z[:, 0], Z[:, 1], rounded]))[0].tolist() == [0, 1, 2]
