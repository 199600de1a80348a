"""Built-in and simulated problems, their sources and their files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixsweep.errors import MixsweepError
from mixsweep.io import IncompleteFileError
from mixsweep.problems import (
    BUILTIN,
    BuiltinSource,
    FileSource,
    SimulatedSource,
    load_builtin,
    read_problem,
    simulate,
    source_from_spec,
    write_problem,
)
from mixsweep.problems.simulate import mixture_weights, separation_of

BLOBS = SimulatedSource(400, 3, 4, 2.5, "unequal", 1)


@pytest.mark.parametrize(
    ("name", "shape"),
    [("faithful", (272, 2)), ("galaxies", (82, 1)), ("iris", (150, 4)), ("wine", (178, 13))],
)
def test_builtin_shapes(name: str, shape: tuple[int, int]) -> None:
    problem = load_builtin(name)
    assert problem.X.shape == shape
    assert len(problem.features) == shape[1]
    assert {"species", "cultivar"}.isdisjoint(problem.features)


def test_builtin_facts() -> None:
    assert load_builtin("galaxies").X[77, 0] == 26690
    np.testing.assert_allclose(load_builtin("faithful").X.mean(axis=0), [3.487783, 70.897059], rtol=1e-6)
    np.testing.assert_allclose(
        load_builtin("iris").X.mean(axis=0), [5.843333, 3.057333, 3.758, 1.199333], rtol=1e-6
    )


def test_every_builtin_has_a_source_note() -> None:
    from importlib.resources import files

    notes = (files("mixsweep.problems") / "data" / "README.md").read_text()
    for name, (_, source) in BUILTIN.items():
        assert f"{name}.csv" in notes
        assert source
    assert "26690" in notes
    assert "26960" in notes


def test_unknown_builtin() -> None:
    with pytest.raises(MixsweepError, match="did you mean 'faithful'"):
        load_builtin("faithfull")


def test_simulation_depends_on_name_and_seed_alone() -> None:
    first = simulate(BLOBS, "a", 1)
    np.testing.assert_array_equal(first.X, simulate(BLOBS, "a", 1).X)
    assert not np.array_equal(first.X, simulate(BLOBS, "b", 1).X)
    assert not np.array_equal(first.X, simulate(BLOBS, "a", 2).X)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 10),
    st.integers(1, 8),
    st.sampled_from([0.0, 0.5, 2.0, 10.0]),
    st.sampled_from(["equal", "unequal"]),
    st.integers(0, 2**40),
)
def test_truth_obeys_the_stated_law(d: int, k: int, separation: float, law: str, seed: int) -> None:
    truth = simulate(SimulatedSource(60, d, k, separation, law, 1), "a", seed).truth
    assert truth is not None
    assert truth["weights"].sum() == pytest.approx(1)
    eigenvalues = np.linalg.eigvalsh(truth["covariances"])
    np.testing.assert_allclose(eigenvalues.mean(axis=1), 1)
    assert (eigenvalues.max(axis=1) / eigenvalues.min(axis=1)).max() <= 4 + 1e-9
    np.testing.assert_array_equal(truth["covariances"], truth["covariances"].transpose(0, 2, 1))
    if k > 1:
        assert separation_of(truth["means"], truth["covariances"]) == pytest.approx(separation, abs=1e-12)


def test_data_follow_the_truth() -> None:
    problem = simulate(SimulatedSource(200_000, 2, 2, 3.0, (0.25, 0.75), 1), "a", 3)
    assert problem.truth is not None
    weights, means = problem.truth["weights"], problem.truth["means"]
    spread = np.einsum("k,kij->ij", weights, problem.truth["covariances"]) + np.einsum(
        "k,ki,kj->ij", weights, means - weights @ means, means - weights @ means
    )
    np.testing.assert_allclose(problem.X.mean(axis=0), weights @ means, atol=0.02)
    np.testing.assert_allclose(np.cov(problem.X.T), spread, atol=0.05)


def test_weights() -> None:
    np.testing.assert_allclose(mixture_weights("unequal", 3), [1 / 6, 2 / 6, 3 / 6])
    np.testing.assert_allclose(mixture_weights("equal", 4), 0.25)
    with pytest.raises(MixsweepError, match="2 weights for k = 3"):
        mixture_weights((0.5, 0.5), 3)


@pytest.mark.parametrize(
    "source",
    [
        BuiltinSource("iris"),
        FileSource(Path("a.csv")),
        FileSource(Path("a.csv"), ("x", "y")),
        BLOBS,
        SimulatedSource(400, 3, 2, 2.5, (0.25, 0.75), 2),
    ],
)
def test_specs_come_back(source: BuiltinSource | FileSource | SimulatedSource) -> None:
    assert source_from_spec(source.spec()) == source


@pytest.mark.parametrize(
    "spec", [{}, {"builtin": 3}, {"builtin": "iris", "file": "a"}, {"simulate": {"n": 3}}]
)
def test_bad_specs(spec: dict[str, object]) -> None:
    with pytest.raises(MixsweepError, match="problem specification"):
        source_from_spec(spec)


@pytest.mark.parametrize("simulated", [True, False])
def test_file_round_trip(tmp_path: Path, simulated: bool) -> None:
    problem = simulate(BLOBS, "a", 1) if simulated else load_builtin("iris", "a")
    write_problem(problem, tmp_path / "a.nc", seed=1)
    again = read_problem(tmp_path / "a.nc")
    np.testing.assert_array_equal(again.X, problem.X)
    assert (again.name, again.features, again.provenance) == ("a", problem.features, problem.provenance)
    assert (again.truth is None) == (problem.truth is None)
    if problem.truth is not None and again.truth is not None:
        for key, values in problem.truth.items():
            np.testing.assert_array_equal(again.truth[key], values)


def test_file_opens_without_mixsweep_and_is_the_same_to_the_byte(tmp_path: Path) -> None:
    import xarray as xr

    problem = simulate(BLOBS, "a", 1)
    for name in ("one.nc", "two.nc"):
        write_problem(problem, tmp_path / name, seed=1)
    assert (tmp_path / "one.nc").read_bytes() == (tmp_path / "two.nc").read_bytes()
    with xr.open_dataset(tmp_path / "one.nc") as dataset:
        np.testing.assert_allclose(dataset["location"], problem.X.mean(axis=0))
        np.testing.assert_allclose(dataset["scale"], problem.X.std(axis=0))
        assert dataset["truth_covariances"].dims == ("component", "feature", "feature_")
        assert dataset.attrs["seed"] == 1
        assert len(dataset.attrs["checksum"]) == 64


def test_truncated_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.nc"
    write_problem(load_builtin("iris"), path)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(IncompleteFileError, match=r"a\.nc"):
        read_problem(path)
