from __future__ import annotations

import shlex

import numpy as np
import pandas as pd
import pytest
from tests.mixsweep.helpers import SWEPT

from mixsweep.analysis.tables import COLUMNS, analyse, cells_of, write_tables
from mixsweep.collect import cell_group, read_cell
from mixsweep.status import FAILURES, Status


@pytest.fixture
def tables(tree):
    return analyse(tree)


def test_tables_have_exactly_the_declared_columns(tables):
    assert {name: list(frame.columns) for name, frame in tables.items()} == COLUMNS
    for name in set(COLUMNS) - {"failures"}:
        assert len(tables[name]), name
        assert not tables[name].drop(columns=["gap", "restarts_95"], errors="ignore").isna().any(axis=None), (
            name
        )


def test_cells_are_those_that_were_run(tree):
    assert cells_of(tree) == list(SWEPT)


def test_each_cell_has_one_verdict_with_its_counts(tables):
    verdicts = tables["verdicts"].set_index(["problem", "n_components"])
    assert len(verdicts) == len(SWEPT)
    assert (verdicts["n_fits"] == 2 * 2 * 12).all()
    assert verdicts.loc[("faithful", 2), "best_log_likelihood"] == pytest.approx(-1130.2640, abs=1e-3)
    assert verdicts.loc[("faithful", 2), "n_rows"] == 272
    assert verdicts["verdict"].str.endswith(".").all()


def test_hit_rates_and_statuses_add_up_to_all_fits(tables):
    rates, statuses, verdicts = (tables[name] for name in ("hit_rates", "statuses", "verdicts"))
    assert (rates["n_fits"] == 12).all()
    key = ["problem", "family", "n_components"]
    np.testing.assert_array_equal(rates.groupby(key)["n_hits"].sum(), verdicts.set_index(key)["n_hits"])
    assert (statuses.groupby([*key, "method", "initializer"])["n_fits"].sum() == 12).all()
    assert set(statuses["status"]) <= set(Status.labels())


def test_optima_are_best_first_and_their_shares_over_all_fits(tables):
    for _, optima in tables["optima"].groupby(["problem", "n_components"]):
        assert optima["log_likelihood"].is_monotonic_decreasing
        assert (optima["n_fits_total"] == 48).all()
        np.testing.assert_allclose(optima["basin_share"], optima["n_fits"] / 48)
        assert optima.loc[optima["kind"] == "proper", "gap"].min() == 0


def test_every_failed_fit_is_listed_with_the_command_that_reruns_its_shard(cells_folder, tables):
    failures = tables["failures"]
    expected = 0
    for key in SWEPT:
        fits, _ = read_cell(cells_folder / cell_group(key))
        expected += int(np.isin(fits["status"].values, FAILURES).sum())
    assert len(failures) == expected > 0
    for row in failures.itertuples():
        fits, _ = read_cell(cells_folder / cell_group((row.problem, row.family, row.n_components)))
        fit = fits.sel({name: getattr(row, name) for name in ("method", "initializer", "restart")})
        assert Status(int(fit["status"])).label == row.status
        assert row.n_passes == float(fit["n_passes"])
        place = f"{row.problem}/{row.family}/K{row.n_components}/{row.method}"
        assert row.shard == f"shards/{place}/{row.initializer}-000000-000012.nc"
        assert (cells_folder.parent / row.shard).is_file()
        words = shlex.split(row.command)
        assert words == ["snakemake", "--cores", "1", "--forcerun", "shard", "--", f"results/{row.shard}"]


def test_tables_are_written_as_csv_that_reads_back(tables, tmp_path):
    write_tables(tables, tmp_path / "tables", tmp_path / "verdicts.csv")
    assert {path.stem for path in (tmp_path / "tables").iterdir()} == set(COLUMNS) - {"verdicts"}
    for name, frame in tables.items():
        path = tmp_path / "verdicts.csv" if name == "verdicts" else tmp_path / "tables" / f"{name}.csv"
        pd.testing.assert_frame_equal(
            pd.read_csv(path, keep_default_na=True), frame, check_dtype=False, check_exact=False
        )


def test_a_sweep_without_failures_has_an_empty_table_with_its_columns(tree):
    status = tree["status"].load()
    tree["status"] = status.where(status == Status.NOT_RUN, np.int8(Status.CONVERGED))
    assert list(analyse(tree)["failures"].columns) == COLUMNS["failures"]
