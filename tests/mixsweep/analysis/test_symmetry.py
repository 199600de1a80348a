from __future__ import annotations

import itertools

import numpy as np
import pytest

from mixsweep.analysis.symmetry import symmetric_copies


@pytest.mark.parametrize(
    ("places", "weights"),
    [
        ([0, 1, 2, 3], [0.25] * 4),
        ([0, 0, 2, 3], [0.25] * 4),
        ([0, 0, 2, 2], [0.25] * 4),
        ([0, 0, 0, 0], [0.25] * 4),
        ([0, 0, 2, 3], [0.2, 0.3, 0.25, 0.25]),
        ([0], [1.0]),
    ],
)
def test_copies_are_the_different_orders(places, weights):
    orders = set(itertools.permutations(zip(places, weights, strict=True)))
    found = symmetric_copies(np.array([weights]), np.array(places, float)[None, :, None], 1e-3)
    assert found.tolist() == [len(orders)]


def test_many_components_have_more_copies_than_integers_hold():
    found = symmetric_copies(np.full((1, 30), 1 / 30), np.arange(30.0)[None, :, None], 1e-3)
    assert found[0] == pytest.approx(2.6525285981219103e32)
