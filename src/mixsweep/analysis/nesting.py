"""The nesting audit: a maximised log-likelihood cannot fall when K grows or a constraint is lifted.

A model with K components of a family is contained in the one with K + 1 (split a component into two equal
ones) and in that of every family with fewer constraints. So the maximum of the larger model is at least any
value of a smaller one.

**What a break proves.** Let a fit of the larger model lie below a fit of a smaller one, by more than
rounding. The smaller fit, written as a point of the larger model, has the same covariances and a higher
likelihood. So the larger fit is not the maximum: neither over all parameters nor, where the likelihood is
unbounded, over those whose covariances are no nearer to singular than the smaller fit's. It does not prove
that a higher *proper* local maximum exists (the way up from that point may lead to a degenerate one), it says
nothing about which start finds a higher value, and a cell that breaks nothing may still be below its maximum.

**What it needs.** Both values are total log-likelihoods, natural logarithm, of the same rows in the same
units; the smaller fit is not degenerate (its value would be as high as one likes, so only proper maxima of
our own cells enter); and neither fit carries a penalty or a constant added to its covariances. The tolerance
covers what fits lose by stopping early and by printing: a deficit below it shows an early stop and no more.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mixsweep.analysis.counts import reasons
from mixsweep.analysis.intervals import wilson
from mixsweep.collect import FITS, GRID, CellKey, cell_group
from mixsweep.schema import KINDS
from mixsweep.status import Status
from mixsweep.typing import BoolArray

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "NESTED",
    "OWN_TOLERANCE",
    "TOLERANCE",
    "audit_in_words",
    "audit_summary",
    "best_proper",
    "larger_families",
    "nesting_audit",
]

#: Nats by which a fit may fall short: of polished optima, the distance at which two are taken for one; of
#: other people's fits, what usual stopping rules lose, and what two printed decimals hide.
OWN_TOLERANCE, TOLERANCE = 1e-4, 1e-2

NO_VALUE = "cannot say: the log-likelihood is missing or not finite"
NO_NESTED = "cannot say: no cell nested in this one is given"


def _covariance_models() -> Iterable[tuple[str, str]]:
    """Yield the nested pairs of the covariance models of Celeux and Govaert (1995).

    A name has a letter each for the components' volume, shape and orientation: equal (E), varying (V) or, for
    the last two, the identity (I). Every letter can be freed by itself: I before E before V.
    """
    freedom = {"I": 0, "E": 1, "V": 2}
    names = [
        a + b + c for a, b, c in product("EV", "IEV", "IEV") if not (b == "I" and c != "I")
    ]  # spheres have no orientation
    for small, large in product(names, names):
        if small != large and all(freedom[a] <= freedom[b] for a, b in zip(small, large, strict=True)):
            yield small, large


#: Families by pairs: every model of the first is one of the second. Closed under chains by `larger_families`;
#: two that contain each other are the same. Families without a pair are audited over K alone.
NESTED: tuple[tuple[str, str], ...] = (
    ("gaussian-spherical", "gaussian-diag"),
    ("gaussian-diag", "gaussian-full"),
    ("gaussian-tied", "gaussian-full"),
    # in the limit of infinite degrees of freedom: only where these are free and without an upper bound
    ("gaussian-full", "student-t"),
    # one feature: equal and varying variances
    ("E", "V"),
    ("E", "gaussian-tied"),
    ("gaussian-tied", "E"),
    ("V", "gaussian-full"),
    ("gaussian-full", "V"),
    *_covariance_models(),
    ("EEE", "gaussian-tied"),
    ("gaussian-tied", "EEE"),
    ("VVI", "gaussian-diag"),
    ("gaussian-diag", "VVI"),
    ("VVV", "gaussian-full"),
    ("gaussian-full", "VVV"),
)


@cache
def larger_families(family: str) -> frozenset[str]:
    """Return the families in which a family is contained, itself among them."""
    found = {family}
    while new := {large for small, large in NESTED if small in found} - found:
        found |= new
    return frozenset(found)


def nesting_audit(values: xr.Dataset, tolerance: float) -> xr.Dataset:
    """Compare every cell with the best of those that are nested in it.

    Parameters
    ----------
    values : xarray.Dataset
        Over ``cell``: ``problem``, ``family``, ``n_components`` and ``log_likelihood``; NaN or infinite where
        there is no value. Of several entries of a cell the highest counts.
    tolerance : float
        Nats by which a cell may fall short without being called broken.

    Returns
    -------
    xarray.Dataset
        Over ``cell``, in the order of first appearance: the above, with ``bound`` and its ``bound_family``
        and ``bound_n_components``: the highest value of the nested cells (the smallest of equals),
        ``deficit`` (bound minus own value), ``broken`` and ``reason``, which says why a cell could not be
        audited.
    """
    import xarray as xr

    names = list(zip(*(values[name].values.tolist() for name in GRID), strict=True))
    highest: dict[CellKey, float] = {}
    for key, value in zip(names, values["log_likelihood"].values.tolist(), strict=True):
        known = value if np.isfinite(value) else np.nan
        highest[key] = np.fmax(highest.get(key, np.nan), known)
    cells = list(highest)
    own = np.array([highest[key] for key in cells], float)
    by_problem: dict[str, list[CellKey]] = {}
    for key in cells:
        if not np.isnan(highest[key]):
            by_problem.setdefault(key[0], []).append(key)
    bounds = [_bound(key, by_problem.get(key[0], []), highest) for key in cells]
    bound = np.array([highest[key] if key is not None else np.nan for key in bounds], float)
    deficit = bound - own
    columns: dict[str, Any] = {
        name: np.array([key[axis] for key in cells], dtype=object if axis < 2 else np.int64)
        for axis, name in enumerate(GRID)
    }
    columns |= {
        "log_likelihood": own,
        "bound": bound,
        "bound_family": np.array([key[1] if key else "" for key in bounds], dtype=object),
        "bound_n_components": np.array([key[2] if key else 0 for key in bounds], dtype=np.int64),
        "deficit": deficit,
        "broken": deficit > tolerance,
        "reason": reasons(own.shape, (np.isnan(own), NO_VALUE), (np.isnan(bound), NO_NESTED)),
    }
    return xr.Dataset(
        {name: ("cell", column) for name, column in columns.items()}, attrs={"tolerance": tolerance}
    )


def _bound(cell: CellKey, known: list[CellKey], highest: dict[CellKey, float]) -> CellKey | None:
    """Return the highest of the problem's cells that are nested in this one, None without any."""
    nested = [
        other
        for other in known
        if other != cell and other[2] <= cell[2] and cell[1] in larger_families(other[1])
    ]
    return max(nested, key=lambda other: (highest[other], -other[2]), default=None)


def audit_summary(audit: xr.Dataset) -> xr.Dataset:
    """Return how many cells were given, audited and broken, and the share of these with its 95 % interval."""
    import xarray as xr

    audited: BoolArray = np.isfinite(audit["deficit"].values)
    n_audited, n_broken = int(audited.sum()), int(audit["broken"].values.sum())
    low, high = wilson(n_broken, n_audited)
    share = (n_broken / n_audited, float(low), float(high)) if n_audited else (np.nan,) * 3
    names = ("share_broken", "share_broken_low", "share_broken_high")
    counts = {"n_cells": audited.size, "n_audited": n_audited, "n_broken": n_broken}
    reason = "" if n_audited else "cannot say: no cell has a value and a nested cell with one"
    return xr.Dataset(counts | dict(zip(names, share, strict=True)) | {"reason": reason})


def audit_in_words(audit: xr.Dataset) -> list[str]:
    """Return a sentence for each broken cell, the largest deficit first."""
    rows = audit.isel(cell=np.flatnonzero(audit["broken"].values))
    order = np.argsort(-rows["deficit"].values, kind="stable")
    columns = {str(name): rows[name].values[order].tolist() for name in rows.data_vars}
    return [
        f"{row['problem']}, {row['family']}, K = {row['n_components']}: {row['log_likelihood']:.4f} is "
        f"{row['deficit']:.4f} nats below {row['bound_family']}, K = {row['bound_n_components']} "
        f"({row['bound']:.4f}), which it contains: not at its maximum."
        for row in (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
    ]


def best_proper(tree: xr.DataTree) -> xr.Dataset:
    """Return the highest proper optimum of every cell of a sweep, as `nesting_audit` takes it.

    Parameters
    ----------
    tree : xarray.DataTree
        As `mixsweep.collect.open_sweep` gives it.

    Returns
    -------
    xarray.Dataset
        Over ``cell``: ``problem``, ``family``, ``n_components``, ``log_likelihood``: NaN in a cell without a
        proper optimum, or whose optima are not in the file.
    """
    import xarray as xr

    root = tree.to_dataset(inherit=False)
    present = (root["status"] != Status.NOT_RUN).any(FITS).transpose(*GRID).values
    axes = [root[name].values.tolist() for name in GRID]
    cells = [
        (str(axes[0][i]), str(axes[1][j]), int(axes[2][k]))
        for i, j, k in zip(*np.nonzero(present), strict=True)
    ]
    groups = set(tree.groups)
    best = []
    for key in cells:
        path = f"/{cell_group(key)}/optima"
        if path not in groups:
            best.append(np.nan)
            continue
        # a path may give a DataTree or an array by its type; here it is always a group
        optima = cast("xr.DataTree", tree[path]).to_dataset(inherit=False)
        proper = optima["kind"].values == KINDS.index("proper")
        best.append(float(np.max(optima["log_likelihood"].values[proper], initial=-np.inf)))
    columns = zip(*cells, strict=True) if cells else ((), (), ())
    return xr.Dataset(
        {name: ("cell", np.array(column, dtype=object)) for name, column in zip(GRID, columns, strict=True)}
        | {"log_likelihood": ("cell", np.where(np.isfinite(best), best, np.nan))}
    )
