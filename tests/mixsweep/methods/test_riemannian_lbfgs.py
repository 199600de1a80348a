from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tests.mixsweep.helpers import GAUSSIAN, cell, starts

from mixsweep.errors import MixsweepError
from mixsweep.loop import run
from mixsweep.methods import METHODS
from mixsweep.objective import Objective
from mixsweep.shard import make_method
from mixsweep.status import Status

NAME = "riemannian-lbfgs"


# student-t, whose EM creeps, has cells of its own
@pytest.mark.parametrize(("data", "n_components"), [("faithful", 3), ("iris", 2), ("galaxies", 2)])
@pytest.mark.parametrize("family", GAUSSIAN)
def test_it_ends_in_the_optimum_of_the_basin(family, data, n_components):
    objective = cell(data, family, n_components)
    begin = run(
        objective, METHODS["em"](), starts(objective, data, 4, "kmeans++"), tol=1e-6, max_passes=2000
    ).parameters
    ends, reference = (
        run(objective, METHODS[name](), begin, tol=tol, max_passes=8000)
        for name, tol in ((NAME, 1e-11), ("em", 1e-14))
    )
    assert (ends.status == Status.CONVERGED).all()
    np.testing.assert_allclose(ends.log_likelihood, reference.log_likelihood, atol=1e-6)


def mapped_cells(family):
    """Two cells of the same rows, the second's after an affine map, with the same starts."""
    X = cell("iris").X
    A = np.random.default_rng(5).standard_normal((4, 4)) + 2 * np.eye(4)
    b = np.array([1.0, -20.0, 3.0, 0.5])
    here, there = (Objective.of(data, family, 2, 1e-9) for data in (X, X @ A.T + b))
    begin = starts(here, "iris", count=6, initializer="kmeans++")
    points = here.family.to_reported(begin, here.location, here.scale)
    image = {name: values @ A.T + b if name == "means" else values for name, values in points.items()} | {
        name: A @ points[name] @ A.T
        for name in points
        if name in ("covariances", "tied_covariance", "scale_matrices")
    }
    shift = -len(X) * np.linalg.slogdet(A)[1]
    return here, there, begin, there.family.from_reported(image, there.location, there.scale), shift


def paths(name, family, max_passes=40):
    """Log-likelihoods by passes in data units, of both cells, without the map's volume."""
    here, there, begin, image, shift = mapped_cells(family)
    settings = {"tol": 0, "max_passes": max_passes, "checkpoints": max_passes + 1}
    one, other = (
        run(objective, METHODS[name](), points, **settings).trace_log_likelihood
        + objective.log_likelihood_offset
        for objective, points in ((here, begin), (there, image))
    )
    return one, other - shift


@pytest.mark.parametrize("family", ["gaussian-full", "gaussian-tied", "student-t"])
def test_the_path_does_not_depend_on_the_coordinates_of_the_rows(family):
    one, other = paths(NAME, family)
    np.testing.assert_allclose(other, one, rtol=1e-6)
    # not so in coordinates of Cholesky factors
    one, other = paths("lbfgs", family)
    assert np.nanmax(np.abs(other - one)) > 1.0


@pytest.mark.parametrize("family", GAUSSIAN)
def test_the_log_likelihood_never_falls_between_iterations(family):
    objective = cell("iris", family, 3)
    ends = run(objective, METHODS[NAME](), starts(objective, "iris", 20), tol=1e-11, max_passes=300)
    assert (ends.n_decreases == 0).all()
    assert (ends.n_trial_passes + ends.n_iterations + 1 == ends.n_passes).all()


@pytest.mark.parametrize(("data", "family"), [("iris", "gaussian-full"), ("faithful", "gaussian-full")])
def test_it_takes_fewer_passes_than_in_coordinates_of_cholesky_factors(data, family):
    objective = cell(data, family, 3)
    begin = starts(objective, data, 40, "kmeans++")
    passes = {}
    for name in (NAME, "lbfgs"):
        ends = run(objective, METHODS[name](), begin)
        passes[name] = np.median(ends.n_passes[ends.status == Status.CONVERGED])
    assert passes[NAME] < 0.75 * passes["lbfgs"]


@pytest.mark.parametrize("memory", [1, 100])
def test_any_memory_does(memory):
    objective = cell("faithful", "gaussian-full", 2)
    begin = starts(objective, count=5, initializer="kmeans++")
    few, usual = (
        run(objective, METHODS[NAME](**settings), begin, tol=1e-11) for settings in ({"memory": memory}, {})
    )
    assert (few.status == Status.CONVERGED).all()
    np.testing.assert_allclose(few.log_likelihood, usual.log_likelihood, atol=1e-6)


def test_it_leaves_the_starts_as_they_are():
    objective = cell("faithful", "gaussian-full", 2)
    begin = starts(objective, count=2)
    before = {name: values.copy() for name, values in begin.items()}
    method = METHODS[NAME]()
    state = method.start(objective, begin, np.arange(2))
    for _ in range(5):
        points = method.ask(objective, state).parameters
        with np.errstate(invalid="ignore"):  # without a loss before the start
            state, _ = method.tell(objective, state, points, objective.evaluate(points))
    for name, values in before.items():
        np.testing.assert_array_equal(begin[name], values)


def test_a_family_without_frames_is_refused():
    class Counts:
        name = "counts"
        kinds = {"weights": "simplex", "rates": "positive"}  # noqa: RUF012

    bare = dataclasses.replace(cell("faithful", "gaussian-full", 2), family=Counts())
    with pytest.raises(MixsweepError, match=rf"method {NAME} cannot fit family counts: .*scales"):
        run(bare, METHODS[NAME](), {})


def test_bad_settings_are_named():
    for settings, words in [
        ({"memory": 0}, ["memory", "at least 1"]),
        ({"covariances": "tilted"}, ["covar"]),
    ]:
        with pytest.raises(MixsweepError) as caught:
            make_method({"method": NAME, **settings})
        for word in (NAME, *words):
            assert word in str(caught.value)
