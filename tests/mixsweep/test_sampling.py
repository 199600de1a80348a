"""Rows drawn from reported parameters, whatever says how components spread."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mixsweep.errors import MixsweepError
from mixsweep.sampling import SPREADS, sample

WEIGHTS, MEANS = np.array([0.3, 0.7]), np.array([[0.0, 1.0], [5.0, -2.0]])
MATRICES = np.array([[[2.0, 0.5], [0.5, 1.0]], [[0.4, -0.1], [-0.1, 0.2]]])
#: What is reported, and the distribution about its mean of the first feature of the first component.
REPORTED = {
    "covariances": ({"covariances": MATRICES}, stats.norm(scale=np.sqrt(2.0))),
    "tied_covariance": ({"tied_covariance": MATRICES[0]}, stats.norm(scale=np.sqrt(2.0))),
    "variances": ({"variances": np.array([[2.0, 1.0], [0.4, 0.2]])}, stats.norm(scale=np.sqrt(2.0))),
    "scale_matrices": (
        {"scale_matrices": MATRICES, "inverse_degrees_of_freedom": np.array([1 / 3, 0.1])},
        stats.t(3.0, scale=np.sqrt(2.0)),
    ),
}


def draw(name, count=20_000, seed=0):
    own = {"weights": WEIGHTS, "means": MEANS, **REPORTED[name][0]}
    return sample(own, count, np.random.default_rng(seed))


@pytest.mark.parametrize("name", SPREADS)
def test_rows_have_the_distribution_of_their_component(name):
    rows, labels = draw(name)
    assert stats.binomtest(int((labels == 0).sum()), len(labels), 0.3).pvalue > 1e-6
    assert stats.kstest(rows[labels == 0, 0], REPORTED[name][1].cdf).pvalue > 1e-6
    centre = np.median(rows[labels == 1], axis=0)
    np.testing.assert_allclose(centre, MEANS[1], atol=0.05)


@pytest.mark.parametrize("name", ["covariances", "tied_covariance", "scale_matrices"])
def test_features_of_a_row_depend_on_each_other(name):
    rows, labels = draw(name)
    found = stats.kendalltau(*rows[labels == 0][:4000].T).statistic
    # of every elliptical distribution: 2 / pi times the arc sine of the correlation
    expected = 2 / np.pi * np.arcsin(0.5 / np.sqrt(2.0))
    assert abs(found - expected) < 0.06


def test_other_mixtures_are_refused():
    with pytest.raises(MixsweepError, match="rates; expected one of covariances"):
        sample({"weights": WEIGHTS, "means": MEANS, "rates": MEANS}, 3, np.random.default_rng(0))
