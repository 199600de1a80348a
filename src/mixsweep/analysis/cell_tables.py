"""The rows that one cell adds to the tables of a sweep."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mixsweep.analysis.drawn import NOTHING_DRAWN, counted_once, drawn, is_oracle, role_of, warnings_in_words
from mixsweep.analysis.flow import flow
from mixsweep.analysis.multimodality import best_known, optima_table
from mixsweep.analysis.paired import paired_comparison, pooled_comparison
from mixsweep.analysis.rarefaction import rarefaction_curves
from mixsweep.analysis.running_time import cheapest
from mixsweep.analysis.shares import basin_shares
from mixsweep.analysis.speed_tables import frame_of
from mixsweep.analysis.unseen import unseen_by_initializer, unseen_by_method
from mixsweep.analysis.verdict import verdict
from mixsweep.plan import Cell, Shard, cell_shards
from mixsweep.progress import rerun_command
from mixsweep.schema import KINDS
from mixsweep.status import FAILURES, Status

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["ALL", "cell_tables"]

#: What stands for all initializers together, but those that use the generating parameters.
ALL = "all"
ALL_ORACLES = "cannot say: all starts are made from the generating parameters"
NOTHING_SEEN = "cannot say: no start of this kind led to an optimum"
FEW_SEEN = "cannot say: fewer than two of the method's fits from such starts ended in an optimum"
#: What the choice of the cheapest arm is made from.
_SPENT = ["optimum", "n_passes", "seconds"]


def cell_tables(
    fits: xr.Dataset,
    optima: xr.Dataset,
    rates: xr.Dataset,
    costs: xr.Dataset,
    cell: Cell,
    max_passes: int,
    methods: dict[str, str],
) -> dict[str, pd.DataFrame]:
    """Return a cell's rows of the tables of optima, hits, statuses and failures.

    The columns that name the cell are left to the caller.

    Parameters
    ----------
    fits : xarray.Dataset
        Scalars and traces over (method, initializer, restart).
    optima : xarray.Dataset
        The cell's optima.
    rates : xarray.Dataset
        `mixsweep.analysis.success.hit_rates` of the cell.
    costs : xarray.Dataset
        `mixsweep.analysis.running_time.expected_running_time` of the cell.
    cell : Cell
    max_passes : int
        The sweep's, which decides the blocks of its shards.
    methods : dict
        The optimiser of each label.
    """
    import pandas as pd

    best = best_known(optima)
    n_starts = fits.sizes["initializer"] * fits.sizes["restart"]
    names = [str(name) for name in fits["initializer"].values]
    starts = counted_once(fits, cell.n_rows)
    warnings = [warnings_in_words([name], cell.n_rows) for name in names]
    roles = [role_of(name, cell.n_rows) for name in names]
    labelled = rates.assign(
        role=("initializer", np.array(roles, dtype=object)),
        warning=("initializer", np.array(warnings, dtype=object)),
    )
    return {
        "verdicts": pd.DataFrame([verdict(fits, optima, rates)]),
        "optima": _optima(optima, fits["status"].size, n_starts),
        "basin_shares": _basin_shares(fits, optima),
        "unseen": _unseen(fits, optima, warnings),
        "unseen_by_method": _unseen_by_method(fits, optima, warnings),
        "rarefaction": frame_of(rarefaction_curves(fits, optima)),
        "agreement": _agreement(optima),
        "hit_rates": frame_of(labelled),
        "costs": frame_of(costs),
        "cheapest": _cheapest(fits[_SPENT].sel(initializer=drawn(names, cell.n_rows)), best),
        "pairs": _pairs(starts, best),
        "flow": _flow(starts, best),
        "statuses": _statuses(fits),
        "failures": _failures(fits, cell, max_passes, methods),
    }


def _optima(optima: xr.Dataset, n_fits: int, n_starts: int) -> pd.DataFrame:
    found = frame_of(optima_table(optima, n_fits, n_starts))
    led = optima["escape_optimum"].transpose("optimum", "side").values
    found["escape_optimum"] = [", ".join(map(str, np.unique(row[row >= 0]))) for row in led]
    return found


def _basin_shares(fits: xr.Dataset, optima: xr.Dataset) -> pd.DataFrame:
    kinds = np.array([KINDS[kind] for kind in optima["kind"].values], dtype=object)
    found = frame_of(basin_shares(fits, optima).assign(kind=("optimum", kinds)))
    return found[found["n_fits"] > 0]


def _unseen(fits: xr.Dataset, optima: xr.Dataset, warnings: list[str]) -> pd.DataFrame:
    found = unseen_by_initializer(fits, optima)
    return _with_words(found, np.where(found["n_starts_ended"] > 0, "", NOTHING_SEEN), warnings)


def _unseen_by_method(fits: xr.Dataset, optima: xr.Dataset, warnings: list[str]) -> pd.DataFrame:
    found = unseen_by_method(fits, optima)
    return _with_words(found, np.where(found["n_fits_ended"] > 1, "", FEW_SEEN), warnings)


def _with_words(found: xr.Dataset, reason: np.ndarray[Any, Any], warnings: list[str]) -> pd.DataFrame:
    """Return estimates with why they are missing, and what must be known of each initializer."""
    warning = ("initializer", np.array(warnings, dtype=object))
    return frame_of(found.assign(reason=(tuple(found.sizes), reason.astype(object)), warning=warning))


def _agreement(optima: xr.Dataset) -> pd.DataFrame:
    names = {"leading": "optimum_a", "leading_": "optimum_b"}
    found = frame_of(optima[["adjusted_rand", "density_distance"]].rename(names))
    return found[found["optimum_a"] < found["optimum_b"]]


def _cheapest(fits: xr.Dataset, best: int) -> pd.DataFrame:
    """Return the cheapest arm by unit, of the drawn starts."""
    found = frame_of(cheapest(fits, best))
    return found if fits.sizes["initializer"] else found.assign(reason=NOTHING_DRAWN)


def _pairs(fits: xr.Dataset, best: int) -> pd.DataFrame:
    import pandas as pd

    searched = [name for name in fits["initializer"].values if not is_oracle(str(name))]
    pooled = frame_of(pooled_comparison(fits.sel(initializer=searched), best)).assign(initializer=ALL)
    if not searched:
        pooled["reason"] = ALL_ORACLES
    return pd.concat([frame_of(paired_comparison(fits, best)), pooled], ignore_index=True)


def _flow(fits: xr.Dataset, best: int) -> pd.DataFrame:
    found = frame_of(flow(fits, best))
    return found[found["n_flow"] > 0]


def _statuses(fits: xr.Dataset) -> pd.DataFrame:
    import pandas as pd

    status = fits["status"].transpose("method", "initializer", "restart").values
    counts = np.stack([(status == each).sum(axis=-1) for each in Status])
    which, i, j = np.nonzero(counts)
    order = np.lexsort((which, j, i))
    which, i, j = which[order], i[order], j[order]
    labels = np.array(Status.labels(), dtype=object)
    return pd.DataFrame(
        {
            "method": fits["method"].values[i],
            "initializer": fits["initializer"].values[j],
            "status": labels[which],
            "n_fits": counts[which, i, j],
            "n_fits_total": status.shape[-1],
        }
    )


def _failures(fits: xr.Dataset, cell: Cell, max_passes: int, methods: dict[str, str]) -> pd.DataFrame:
    """Return every failed fit with its shard and the command that reruns it."""
    import pandas as pd

    failed = np.argwhere(np.isin(fits["status"].values, FAILURES))
    if not len(failed):
        return pd.DataFrame()
    initializers = [str(name) for name in fits["initializer"].values]
    blocks: dict[tuple[str, str], list[Shard]] = {}
    for shard in cell_shards(cell, methods, initializers, fits.sizes["restart"], max_passes):
        blocks.setdefault((shard.method, shard.initializer), []).append(shard)
    rows: list[dict[str, Any]] = []
    for i, j, restart in failed:
        method, initializer = str(fits["method"].values[i]), initializers[j]
        path = next(block.path for block in blocks[method, initializer] if restart < block.stop)
        rows.append(
            {
                "method": method,
                "initializer": initializer,
                "restart": int(restart),
                "status": Status(fits["status"].values[i, j, restart]).label,
                "log_likelihood": float(fits["log_likelihood"].values[i, j, restart]),
                "n_passes": float(fits["n_passes"].values[i, j, restart]),
                "shard": path,
                "command": rerun_command(Path("results") / path, damaged=True),
            }
        )
    return pd.DataFrame(rows)
