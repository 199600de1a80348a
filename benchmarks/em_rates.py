"""Rates of EM at known optima: in theory, as observed, and beside figures to compare with.

Usage: python benchmarks/em_rates.py [--restarts 200] [--part real|population]

The rate in theory is the largest eigenvalue of the EM map's Jacobian at the optimum; the observed one is the
median over the fits that end there, from their last falls of the log-likelihood. The figures to compare with
come from separate programs that formed the Jacobian by differences: of real data to 2e-3, of populations to
1e-4 of the rate. Nothing is timed.
"""

from __future__ import annotations

from collections.abc import Iterator

import common
import numpy as np
import xarray as xr
from common import Row

from mixsweep.analysis.census import Thresholds, census
from mixsweep.analysis.em_jacobian import largest_eigenvalues
from mixsweep.analysis.rates import em_rates, observed_rates
from mixsweep.objective import Objective
from mixsweep.problems.builtin import load_builtin
from mixsweep.shard import ShardSpec, fit_shard

#: Of problem and K: log-likelihood of the optimum and the rate to compare with. Velocities of galaxies were
#: in 1000 km/s there and are in km/s here.
REAL = {
    ("iris", 2): {-214.354704: 0.0028, -294.127951: 0.879},
    ("iris", 3): {-180.185477: 0.5655, -186.569460: 0.7387},
    ("faithful", 2): {-1130.263960: 0.2408},
    ("faithful", 3): {-1114.439873: 0.8366, -1119.213971: 0.937},
    ("galaxies", 3): {-203.179228: 0.0008, -212.080404: 0.876},
    ("galaxies", 4): {-197.453764: 0.910},
}
UNITS = {"galaxies": -82 * np.log(1000)}
#: Of distance of two unit normals and weight of the first: the rate to compare with.
POPULATION = {
    **{(1, 0.5): 0.999978, (1.5, 0.5): 0.999399, (2, 0.5): 0.994908, (2.5, 0.5): 0.977223},
    **{(3, 0.5): 0.932147, (4, 0.5): 0.724909, (5, 0.5): 0.424067, (6, 0.5): 0.180797, (8, 0.5): 0.012900},
    **{(3, 0.3): 0.9360, (3, 0.1): 0.9532, (3, 0.05): 0.9641, (3, 0.01): 0.9828},
    **{(4, 0.3): 0.7346, (4, 0.1): 0.7817, (4, 0.05): 0.8160, (4, 0.01): 0.8891},
}
#: Log-likelihoods that differ by less are those of one optimum, in nats.
SAME = 1e-3


def cell(name: str, n_components: int, restarts: int) -> tuple[xr.Dataset, xr.Dataset]:
    """Return long fits of EM on a cell, with the optima in which they end, and these."""
    problem = load_builtin(name)
    spec = ShardSpec(
        family="gaussian-full",
        n_components=n_components,
        method="em",
        settings={"method": "em"},
        initializer="random-points",
        start=0,
        stop=restarts,
        seed=1,
        tol=1e-14,
        max_passes=3000,
        covariance_floor=1e-6,
    )
    fits, _ = fit_shard(problem, spec)
    fits = fits.expand_dims({"method": ["em"], "initializer": ["random-points"]})
    optima = census(problem, fits, Thresholds())
    ended = {"optimum": optima["fit_optimum"], "polished_log_likelihood": optima["polished_log_likelihood"]}
    return fits.assign(ended), optima


def real(restarts: int) -> Iterator[Row]:
    """Yield the rates on real data."""
    for (name, n_components), known in REAL.items():
        fits, optima = cell(name, n_components, restarts)
        theory = em_rates(load_builtin(name), optima, optima.sizes["optimum"])
        observed = observed_rates(fits, optima, optima.sizes["optimum"]).isel(method=0)
        for value, rate in known.items():
            height = value + UNITS.get(name, 0.0)
            place = int(np.abs(optima["log_likelihood"].values - height).argmin())
            found = f"{name}, K={n_components}, optimum {value:.3f}"
            if abs(float(optima["log_likelihood"][place]) - height) > SAME:
                continue  # so few restarts did not find it
            yield _row(found, theory.isel(optimum=place), rate, 2e-3, observed.isel(optimum=place))


def population() -> Iterator[Row]:
    """Yield the rates at the true parameters of populations, all parameters free."""
    for (distance, weight), rate in POPULATION.items():
        half = distance / 2
        grid = np.linspace(-half - 12, half + 12, 4001)
        # the trapezoid rule, exact to rounding for such densities
        first, second = (np.exp(-np.square(grid - mean) / 2) for mean in (-half, half))
        density = weight * first + (1 - weight) * second
        objective = Objective.of(grid[:, None], "gaussian-spherical", 2, 1e-6, density / density.sum())
        truth = objective.family.from_moments(
            np.array([[weight, 1 - weight]]),
            (np.array([[[-half], [half]]]) - objective.location) / objective.scale,
            np.full((1, 2, 1, 1), 1 / objective.scale[0] ** 2),
        )
        own = largest_eigenvalues(objective, truth, 1)[0][0, 0]
        name = f"distance {distance:g}, weight {weight:g}: {own:.6f}, off by a share of"
        yield common.at_most(name, abs(own / rate - 1), "", 1e-4, **{"to compare with": f"{rate:g}"})


def _row(name: str, theory: xr.Dataset, rate: float, bound: float, observed: xr.Dataset) -> Row:
    low, high = (float(observed[f"observed_rate{end}"]) for end in ("_low", "_high"))
    rated = int(observed["n_rated"])
    seen = f"{float(observed['observed_rate']):.4f} ({low:.4f} to {high:.4f}), {rated} fits"
    details = {"to compare with": f"{rate:g}", "observed": seen if rated else "too fast to see"}
    own = float(theory["em_rate"])
    return common.at_most(f"{name}: {own:.4f}, off by", abs(own - rate), "", bound, **details)


def main(argv: list[str] | None = None) -> None:
    parser = common.argument_parser(__doc__)
    parser.add_argument("--restarts", type=int, default=200)
    parser.add_argument("--part", choices=["real", "population"], help="both by default")
    arguments = parser.parse_args(argv)

    def rows() -> Iterator[Row]:
        if arguments.part != "population":
            yield from real(arguments.restarts)
        if arguments.part != "real":
            yield from population()

    common.report("Rates of EM", rows(), arguments.json)


if __name__ == "__main__":
    main()
