from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mixsweep.report.frames import MAX_POINTS, encode, page_frames, safe_json
from mixsweep.report.material import Material
from mixsweep.report.tables import read_results


def decode(table: dict[str, Any]) -> pd.DataFrame:
    """What the page's script makes of an encoded table."""
    columns = {}
    for name, data in table["columns"].items():
        values = data["values"]
        if "runs" in data:
            values = [value for value, count in zip(values, data["runs"], strict=True) for _ in range(count)]
        if data.get("cycle"):
            values = [values[index % len(values)] for index in range(table["rows"])]
        columns[name] = [data["levels"][code] for code in values] if "levels" in data else values
    return pd.DataFrame(columns)


def test_encoding_keeps_every_row(results: Path) -> None:
    for name, frame in Material.of(results).frames.items():
        table = json.loads(safe_json(encode(frame, MAX_POINTS)))
        assert table["rows"] == table["total"] == len(frame), name
        back = decode(table)
        assert list(back.columns) == list(frame.columns)
        for column in frame:
            if pd.api.types.is_numeric_dtype(frame[column]):
                expected = frame[column].replace(np.inf, np.nan).to_numpy(float)
                np.testing.assert_allclose(back[column].to_numpy(float), expected, rtol=1e-5, atol=1e-9)
            else:
                assert list(back[column]) == list(frame[column])


def test_log_likelihoods_keep_four_decimals() -> None:
    frame = pd.DataFrame({"log_likelihood": [-1130.26401, -123456.78914]})
    np.testing.assert_allclose(decode(encode(frame, 2))["log_likelihood"], frame["log_likelihood"], atol=5e-5)


def test_rows_left_out_are_counted() -> None:
    table = encode(pd.DataFrame({"x": np.arange(25.0)}), 10)
    assert (table["rows"], table["total"]) == (10, 25)


def curve(passes: list[float], shares: list[float], method: str = "em") -> pd.DataFrame:
    keys = {
        "problem": "p",
        "family": "f",
        "n_components": 2.0,
        "method": method,
        "reference": "own",
        "tolerance": 1e-4,
        "cell": "c",
    }
    return pd.DataFrame({"passes": passes, "share_reached": shares}).assign(**keys)


def test_curves_are_the_step_functions_on_one_grid(results: Path) -> None:
    tables = read_results(results).tables
    tables["run_time"] = pd.concat([curve([2, 10, 50], [0.2, 0.5, 0.8]), curve([5, 1000], [0.4, 0.6], "gd")])
    frame = page_frames(tables)["run_time"]
    em, gd = (frame[frame["method"] == name].set_index("passes")["share_reached"] for name in ("em", "gd"))
    assert list(em.index) == list(gd.index)
    assert em.index[0] == 2
    assert em.index[-1] == 1000
    assert em[em.index < 10].unique().tolist() == [0.2]
    # The fits that never arrive stay visible: the curve ends where it is, not at one.
    assert em.iloc[-1] == 0.8
    assert gd[gd.index < 5].unique().tolist() == [0.0]
    assert gd.iloc[-1] == 0.6


def test_failures_are_grouped_by_shard(results: Path) -> None:
    tables = read_results(results).tables
    grouped = page_frames(tables)["failures"]
    assert grouped["n_fits"].sum() == len(tables["failures"])
    assert grouped["n_fits"].is_monotonic_decreasing
    assert not grouped.duplicated(["status", "cell", "method", "initializer", "command"]).any()
    assert grouped["restart_numbers"].str.match(r"^\d+(, \d+)*(, …)?$").all()


def test_json_cannot_end_its_script_element() -> None:
    text = safe_json({"name": "</script><!-- & \u2028"})
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"name": "</script><!-- & \u2028"}
