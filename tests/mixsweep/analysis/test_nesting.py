from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from tests.mixsweep.helpers import SWEPT

from mixsweep import fit
from mixsweep.analysis.nesting import (
    NESTED,
    audit_in_words,
    audit_summary,
    best_proper,
    larger_families,
    nesting_audit,
)
from mixsweep.collect import FITS
from mixsweep.families import FAMILIES
from mixsweep.problems import load_builtin
from mixsweep.schema import KINDS
from mixsweep.status import Status


def fits(*rows):
    problem, family, n_components, log_likelihood = zip(*rows, strict=True)
    return xr.Dataset(
        {
            "problem": ("cell", np.array(problem, object)),
            "family": ("cell", np.array(family, object)),
            "n_components": ("cell", np.array(n_components)),
            "log_likelihood": ("cell", np.array(log_likelihood, float)),
        }
    )


def broken_cells(audit):
    chosen = audit.isel(cell=np.flatnonzero(audit["broken"].values))
    return list(zip(chosen["family"].values, chosen["n_components"].values.tolist(), strict=True))


def test_families_are_nested_along_chains():
    assert larger_families("gaussian-spherical") >= {"gaussian-diag", "gaussian-full", "student-t", "VVV"}
    assert "gaussian-tied" not in larger_families("gaussian-diag")
    assert "gaussian-diag" not in larger_families("gaussian-tied")
    assert "gaussian-full" in larger_families("VVV")
    assert larger_families("poisson") == {"poisson"}


def test_covariance_models_are_the_fourteen():
    names = {name for pair in NESTED for name in pair if len(name) == 3}
    assert names == {
        *("EII", "VII", "EEI", "VEI", "EVI", "VVI"),
        *("EEE", "VEE", "EVE", "VVE", "EEV", "VEV", "EVV", "VVV"),
    }
    assert all(name in larger_families("EII") for name in names)
    assert "VEI" not in larger_families("EVI")
    assert "EVE" not in larger_families("VII")


@given(st.sampled_from(sorted({name for pair in NESTED for name in pair})))
def test_nesting_is_transitive(family):
    for larger in larger_families(family):
        assert larger_families(larger) <= larger_families(family)


@pytest.mark.parametrize(("small", "large"), [pair for pair in NESTED if {*pair} <= {*FAMILIES.names()}])
def test_maxima_of_own_families_are_nested(small, large):
    # with one component there is one maximum, and L-BFGS stops within 1e-5 nats of it
    X = load_builtin("iris").X
    settings = {"n_components": 1, "n_restarts": 1, "method": "lbfgs", "max_passes": 500}
    value = [float(fit(X, family=family, **settings)["log_likelihood"].max()) for family in (small, large)]
    assert value[0] <= value[1] + 1e-5


def test_published_fits_of_a_standard_package_break_nesting():
    # acidity and galaxies (equal and varying variances) and faithful (one covariance for all): fits from
    # one hierarchical start; higher values are known
    audit = nesting_audit(
        fits(
            ("acidity", "V", 2, -187.24),
            ("acidity", "E", 2, -185.95),
            ("galaxies", "E", 1, -240.338),
            ("galaxies", "E", 2, -240.354),
            ("faithful", "EEE", 3, -1126.326),
            ("faithful", "EEE", 4, -1126.371),
            ("waiting", "E", 2, -1034.0020),
            ("waiting", "V", 2, -1034.0074),
        ),
        tolerance=0.01,
    )
    assert audit["problem"].values[audit["broken"].values].tolist() == ["acidity", "galaxies", "faithful"]
    assert audit["deficit"].values[-1] == pytest.approx(0.0054)
    words = audit_in_words(audit)
    assert words[0] == (
        "acidity, V, K = 2: -187.2400 is 1.2900 nats below E, K = 2 (-185.9500), which it contains: "
        "not at its maximum."
    )
    assert len(words) == 3


def test_the_bound_is_the_best_of_all_nested_cells_not_of_the_next():
    audit = nesting_audit(
        fits(
            ("a", "gaussian-diag", 2, -90),
            ("a", "gaussian-full", 3, -95),
            ("a", "gaussian-full", 5, -92),
            ("b", "gaussian-full", 9, -999),
        ),
        0.01,
    )
    assert broken_cells(audit) == [("gaussian-full", 3), ("gaussian-full", 5)]
    assert audit["bound"].values[1:3].tolist() == [-90, -90]
    assert audit["bound_family"].values[2] == "gaussian-diag"
    assert audit["reason"].values[3] == "cannot say: no cell nested in this one is given"


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=8), st.floats(0, 10))
def test_a_cell_is_broken_exactly_when_a_smaller_one_is_higher(values, tolerance):
    audit = nesting_audit(fits(*(("a", "poisson", k + 1, v) for k, v in enumerate(values))), tolerance)
    expected = [k > 0 and max(values[:k]) - v > tolerance for k, v in enumerate(values)]
    assert audit["broken"].values.tolist() == expected


def test_ties_and_deficits_within_the_tolerance_are_no_breaks():
    audit = nesting_audit(fits(("a", "f", 1, -5), ("a", "f", 2, -5), ("a", "f", 3, -5.009)), 0.01)
    assert not audit["broken"].any()
    assert audit["bound_n_components"].values.tolist() == [0, 1, 1]


def test_of_several_fits_of_a_cell_the_best_counts():
    audit = nesting_audit(fits(("a", "f", 1, -5), ("a", "f", 2, -9), ("a", "f", 2, -4)), 0.01)
    assert audit["log_likelihood"].values.tolist() == [-5, -4]


def test_missing_values_are_entries_without_a_finding():
    audit = nesting_audit(fits(("a", "f", 1, np.nan), ("a", "f", 2, np.inf), ("a", "f", 3, -4)), 0.01)
    assert [text.partition(": ")[2] for text in audit["reason"].values] == [
        "the log-likelihood is missing or not finite",
        "the log-likelihood is missing or not finite",
        "no cell nested in this one is given",
    ]
    summary = audit_summary(audit)
    assert (int(summary["n_cells"]), int(summary["n_audited"])) == (3, 0)
    assert np.isnan(summary["share_broken"])
    assert str(summary["reason"].item()).startswith("cannot say")


def test_summary_counts_the_audited():
    audit = nesting_audit(fits(("a", "f", 1, -5), ("a", "f", 2, -9), ("a", "f", 3, -4)), 0.01)
    summary = audit_summary(audit)
    assert (int(summary["n_audited"]), int(summary["n_broken"]), float(summary["share_broken"])) == (
        2,
        1,
        0.5,
    )


def test_own_cells_are_their_highest_proper_optima(tree):
    values = best_proper(tree)
    key = list(
        zip(values["problem"].values, values["family"].values, values["n_components"].values, strict=True)
    )
    assert key == list(SWEPT)
    assert values["log_likelihood"].values[0] == pytest.approx(-1130.2640, abs=1e-3)
    assert not nesting_audit(values, 1e-4)["broken"].any()


def test_a_cell_without_proper_optima_or_without_optima_has_no_value(tree):
    groups = {path: node.to_dataset(inherit=False) for path, node in tree.subtree_with_keys}
    optima = groups["faithful/gaussian-full/K2/optima"].load()
    groups["faithful/gaussian-full/K2/optima"] = optima.assign(
        kind=optima["kind"] * 0 + KINDS.index("saddle")
    )
    del groups["faithful/gaussian-full/K3/optima"]
    values = best_proper(xr.DataTree.from_dict(groups))["log_likelihood"].values
    assert np.isnan(values).tolist() == [True, True, False]


def test_a_sweep_without_fits_has_no_cells(tree):
    root = tree.to_dataset().load()
    root["status"] = root["status"] * 0 + int(Status.NOT_RUN)
    values = best_proper(xr.DataTree(root))
    assert values.sizes["cell"] == 0
    assert set(FITS) <= set(root.dims)
    assert nesting_audit(values, 1e-4).sizes["cell"] == 0
