from __future__ import annotations

import shlex

import numpy as np
import pandas as pd
import pytest
from tests.mixsweep.helpers import SWEPT

from mixsweep.analysis.columns import APART, TEXT
from mixsweep.analysis.metrics import METRICS
from mixsweep.analysis.paired import holm
from mixsweep.analysis.tables import COLUMNS, analyse, analyse_speed, cells_of, of_cells, write_tables
from mixsweep.collect import cell_group, open_sweep, read_cell
from mixsweep.status import FAILURES, Status


@pytest.fixture(scope="module")
def tables(sweep_path):
    with open_sweep(sweep_path) as tree:
        return every_table(tree, sweep_path.parent / "problems")


def every_table(tree, problems):
    return analyse(tree, problems) | analyse_speed(tree, problems)


def test_the_two_calls_make_different_tables(sweep_path):
    with open_sweep(sweep_path) as tree:
        first, second = (call(tree, sweep_path.parent) for call in (analyse, analyse_speed))
    assert not first.keys() & second.keys()
    assert (first | second).keys() == {name for name in COLUMNS if name not in APART}


def test_tables_have_exactly_the_declared_columns(tables):
    expected = {name: columns for name, columns in COLUMNS.items() if name not in APART}
    assert {name: tuple(frame.columns) for name, frame in tables.items()} == expected
    for name, frame in tables.items():
        assert len(frame) or name in {"step_sizes", "tuning", "parametrisations"}, name
        numbers = [column for column in frame if column not in TEXT]
        assert frame.empty or all(frame[column].dtype.kind in "if" for column in numbers), name


def test_what_is_missing_has_its_reason(tables):
    for name, frame in tables.items():
        if "reason" in frame:
            silent = frame[frame["reason"].fillna("") == ""]
            empty = silent[[column for column in silent if column not in TEXT]].isna().any()
            assert set(empty[empty].index) <= UNKNOWN.get(name, set()), name


#: Real data have no separation; a log-odds of a level has no range.
UNKNOWN = {"difficulty": {"separation"}, "verdicts": {"unseen_share"}}


def test_cells_are_those_that_were_run(tree):
    assert cells_of(tree) == list(SWEPT)


def test_each_cell_has_one_verdict_with_its_counts(tables):
    verdicts = tables["verdicts"].set_index(["problem", "n_components"])
    assert len(verdicts) == len(SWEPT)
    assert (verdicts["n_fits"] == 2 * 2 * 12).all()
    assert verdicts.loc[("faithful", 2), "best_log_likelihood"] == pytest.approx(-1130.2640, abs=1e-3)
    assert verdicts.loc[("faithful", 2), "n_rows"] == 272
    assert verdicts["verdict"].str.endswith(".").all()


def tables_with_second_start(sweep_path, name):
    """The tables of the same sweep, as if its second kind of start had been another."""
    with open_sweep(sweep_path) as opened:
        tree = opened.load()
    names = ["random-points", name]
    renamed = tree.map_over_datasets(
        lambda own: own.assign_coords(initializer=names) if "initializer" in own.coords else own
    )
    renamed.attrs = tree.attrs
    return every_table(renamed, sweep_path.parent / "problems")


@pytest.fixture(scope="module")
def oracle_tables(sweep_path):
    return tables_with_second_start(sweep_path, "perturbed-truth")


def test_starts_from_the_truth_are_rows_for_reference_and_nothing_is_advised_from_them(oracle_tables):
    rates = oracle_tables["hit_rates"]
    roles = {"random-points": "drawn", "perturbed-truth": "oracle"}
    assert dict(zip(rates["initializer"], rates["role"], strict=True)) == roles
    oracle = rates[rates["role"] == "oracle"]
    assert oracle["hit_rate"].notna().all()
    assert oracle["warning"].str.contains("left out of verdicts and advice").all()
    assert (oracle_tables["verdicts"]["n_fits"] == 2 * 12).all()
    for table, column in (
        ("verdicts", "best_initializer"),
        ("advice", "initializer"),
        ("cheapest", "cheapest_initializer"),
        ("performance_profiles", "initializer"),
        ("difficulty", "initializer"),
    ):
        assert set(oracle_tables[table][column]) <= {"random-points", ""}, table


def test_pairs_and_flow_count_copies_of_a_start_once(sweep_path):
    found = tables_with_second_start(sweep_path, "agglomerative")
    expected = {"random-points": 12, "agglomerative": 1, "all": 13}
    assert (found["pairs"]["n_starts"] == found["pairs"]["initializer"].map(expected)).all()
    assert set(found["pairs"]["initializer"]) == set(expected)
    flow = found["flow"]
    assert (flow["n_starts"] == flow["initializer"].map(expected)).all()


def test_one_family_of_comparisons_is_adjusted_for(tables):
    pairs = tables["pairs"]
    # cells, each by two initializers and by both together
    assert len(pairs) == len(SWEPT) * 3
    np.testing.assert_allclose(pairs["p_holm"], holm(pairs["p_value"]))
    smallest = pairs["p_value"].idxmin()
    assert pairs.loc[smallest, "p_holm"] == pytest.approx(min(1, len(pairs) * pairs["p_value"].min()))


def test_methods_are_not_compared_over_starts_from_the_truth_and_others_together(oracle_tables):
    pairs = oracle_tables["pairs"].set_index("initializer")
    counts = ["n_starts", "n_both", "n_only_a", "n_only_b", "n_neither"]
    assert (pairs.loc["perturbed-truth", "n_starts"] == 12).all()
    np.testing.assert_array_equal(pairs.loc["all", counts], pairs.loc["random-points", counts])


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
    write_tables(tables, tmp_path)
    assert {path.stem for path in tmp_path.iterdir()} == set(COLUMNS) - APART
    for name, frame in tables.items():
        path = tmp_path / f"{name}.csv"
        text = {column: str for column in frame if column in TEXT}
        read = pd.read_csv(path, dtype=text).fillna(dict.fromkeys(text, ""))
        pd.testing.assert_frame_equal(
            read, frame.astype(text), check_dtype=False, check_exact=False, check_column_type=False
        )


def test_a_sweep_without_failures_has_an_empty_table_with_its_columns(tree, tmp_path):
    status = tree["status"].load()
    tree["status"] = status.where(status == Status.NOT_RUN, np.int8(Status.CONVERGED))
    assert tuple(analyse(tree, tmp_path)["failures"].columns) == COLUMNS["failures"]


def test_a_cell_that_is_missing_from_the_collection_has_an_entry_that_says_so(sweep_path, tmp_path):
    with open_sweep(sweep_path) as opened:
        tree = opened.load()
    del tree["iris"]
    found = every_table(tree, tmp_path)
    last = found["verdicts"].iloc[-1]
    assert last["problem"] == "iris"
    assert last["verdict"] == "Cannot say: the cell is missing from the collection."
    assert np.isnan(last["hit_rate"])
    assert set(found["hit_rates"]["problem"]) == {"faithful"}


def test_a_sweep_in_which_every_fit_failed_has_no_rates(tree, tmp_path):
    for name in ("optimum", "polished_log_likelihood", "status"):
        blank = {"optimum": -1, "status": np.int8(Status.COLLAPSED)}.get(name, np.nan)
        values = tree[name].load()
        tree[name] = values.where(tree["status"] == Status.NOT_RUN, blank).astype(values.dtype)
    for node in list(tree.subtree):
        if node.name == "optima":
            node.dataset = node.to_dataset(inherit=False).isel(
                optimum=slice(0), leading=slice(0), leading_=slice(0)
            )
    found = every_table(tree, tmp_path)
    assert found["verdicts"]["verdict"].str.startswith("Cannot say: none of 48 fits").all()
    assert found["hit_rates"]["hit_rate"].isna().all()
    assert found["costs"]["passes_per_hit"].isna().all()
    assert found["advice"]["statement"].str.startswith("Cannot say").all()
    assert (found["nesting"]["reason"] != "").all()


def test_tables_that_rest_on_several_analyses_agree(tables):
    arm = ["problem", "family", "n_components", "method", "initializer"]
    rates, costs, shares = (tables[name].set_index(arm) for name in ("hit_rates", "costs", "basin_shares"))
    pd.testing.assert_series_equal(rates["n_hits"], costs["n_hits"])
    optima = tables["optima"]
    best = optima[optima["gap"] == 0].set_index(["problem", "family", "n_components"])["optimum"]
    for key, own in shares.groupby(level=arm):
        hits = own.loc[own["optimum"] == best[key[:3]], "n_fits"].sum()
        assert hits == rates.loc[key, "n_hits"]
    pairs = tables["pairs"]
    assert (pairs[["n_both", "n_only_a", "n_only_b", "n_neither"]].sum(axis=1) == pairs["n_starts"]).all()
    assert (pairs.loc[pairs["initializer"] == "all", "n_starts"] == 24).all()
    flow = tables["flow"].groupby(["problem", "n_components", "initializer"])
    assert (flow["n_flow"].sum() == 12).all()


def test_no_estimate_of_the_unseen_stands_in_two_rows(tables):
    cell = ["problem", "family", "n_components"]
    starts, own = tables["unseen"], tables["unseen_by_method"]
    assert not starts.duplicated([*cell, "initializer"]).any()
    assert len(starts) == len(SWEPT) * 2
    assert not own.duplicated([*cell, "method", "initializer"]).any()
    assert len(own) == len(SWEPT) * 2 * 2
    # a start ended where any of its fits did, and the methods together saw what each of them saw
    both = own.merge(starts, on=[*cell, "initializer"])
    assert (both["n_fits_ended"] <= both["n_starts_ended"]).all()
    assert (both["n_optima_arm"] <= both["n_optima"]).all()
    together = both.groupby([*cell, "initializer"])
    assert (together["n_optima_arm"].sum() >= together["n_optima"].first()).all()


def test_numbers_have_a_record_of_what_they_mean(tables):
    described = {
        "conduct",
        "rates",
        "ratios",
        "convergence",
        "costs",
        "hit_rates",
        "cheapest",
        "pairs",
        "flow",
        "nesting",
        "trend",
        "decay",
        "advice",
    }
    names = {"restarts", "optimum", "n_components", "n_rows", "n_features", "separation", "tolerance"}
    names |= {"p_holm"}
    for table in described:
        for column in set(COLUMNS[table]) - TEXT - names:
            plain = column.removesuffix("_low").removesuffix("_high")
            assert plain in METRICS, (table, column)


def test_rows_of_all_cells_are_named_by_their_cells():
    rows = [
        (SWEPT[0], pd.DataFrame({"optimum": [0, 1]})),
        (SWEPT[1], pd.DataFrame()),
        (SWEPT[2], pd.DataFrame({"optimum": [0]})),
    ]
    (found,) = of_cells(rows)
    assert found["optimum"].tolist() == [0, 1, 0]
    keys = list(found[["problem", "family", "n_components"]].itertuples(index=False, name=None))
    assert keys == [SWEPT[0], SWEPT[0], SWEPT[2]]
    assert of_cells(rows[1:2]) == []
