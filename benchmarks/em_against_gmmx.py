"""EM per fit: the batch of restarts against gmmx (JAX on the CPU), same starts, as many iterations.

Usage: python benchmarks/em_against_gmmx.py [--repeats 3] [n,d,K ...]

gmmx is no dependency: `python -m pip install gmmx` beside mixsweep, in an environment of its own. It works
in single precision, mixsweep in double; its log-likelihoods are therefore computed anew, in double precision,
from the parameters it returns. It fits one start a call. (Its function mapped over the starts by `jax.vmap`,
which it does not offer, was tried: no faster from n=2000 on, slower at n=500, and at d=32 it did not return;
gmmx 0.7 and JAX 0.10.2 on two cores.) The first call, which compiles, is reported apart. Times are CPU time,
of all threads.
"""

from __future__ import annotations

import itertools

import common
import jax
import numpy as np
from common import Row
from gmmx import EMFitter, GaussianMixtureModelJax

from mixsweep.loop import run
from mixsweep.methods import METHODS
from mixsweep.objective import Objective

ITERATIONS = 50
#: At most so many of the starts are given to gmmx.
STARTS = 4
#: Largest relative difference of log-likelihoods that are the same; 4e-6 was seen, as the rounding of single
#: precision (6e-8) grows over 50 iterations.
SAME = 1e-4


def peer_models(objective: Objective, starts: dict[str, np.ndarray]) -> list[GaussianMixtureModelJax]:
    """Return gmmx's models at the starts it is given."""
    values = common.standardised(objective, starts)
    moments = (values[name].astype(np.float32) for name in ("means", "covariances", "weights"))
    return [
        GaussianMixtureModelJax.from_squeezed(*each)
        for each in itertools.islice(zip(*moments, strict=True), STARTS)
    ]


def log_likelihoods(objective: Objective, fitted: list[GaussianMixtureModelJax]) -> np.ndarray:
    """Return the log-likelihoods in double precision, of weights that sum to 1 in double precision too."""
    weights, means, covariances = (
        np.array([np.asarray(part(model), dtype=float) for model in fitted])
        for part in (
            lambda model: model.weights_numpy,
            lambda model: model.means_numpy,
            lambda model: model.covariances.values_numpy,
        )
    )
    parameters = objective.family.from_moments(
        weights / weights.sum(axis=1, keepdims=True), means, covariances
    )
    return objective.evaluate(parameters).log_likelihood


def compare(n: int, d: int, K: int, restarts: int, repeats: int) -> Row:
    """Return the ratio at one size."""
    objective, starts = common.blobs_near_truth(n, d, K, restarts)
    rows = jax.numpy.asarray(objective.X, dtype=np.float32)
    fitter = EMFitter(max_iter=ITERATIONS, tol=0.0, reg_covar=0.0)
    models = peer_models(objective, starts)

    def theirs() -> list[GaussianMixtureModelJax]:
        # gmmx returns before the work is done
        return [jax.block_until_ready(fitter.fit(rows, model).gmm) for model in models]

    first, _ = common.cpu_seconds(theirs)
    pairs = common.in_pairs(
        theirs,
        # one pass more, as gmmx ends after its last M-step
        lambda: run(objective, METHODS["em"](), starts, tol=0, max_passes=ITERATIONS + 1),
        repeats,
    )
    fitted, ends = pairs.results
    expected = ends.log_likelihood[: len(models)]
    difference = np.max(np.abs(log_likelihoods(objective, fitted) - expected) / np.abs(expected))
    seconds = common.Spread.of(pairs.first).median
    ratio = pairs.ratios(restarts / len(models))
    details = {
        "range": ratio.range,
        "restarts": str(restarts),
        "gmmx": f"{1e3 * seconds / len(models):.3g} ms",
        "mixsweep": f"{1e3 * common.Spread.of(pairs.second).median / restarts:.3g} ms",
        "gmmx compiling": f"{first - seconds:.1f} s",
        "largest relative difference": f"{difference:.1e}",
    }
    row = common.at_least(common.size_name(n, d, K), ratio.median, "times faster", 1, **details)
    return common.provided(row, difference <= SAME)


def main(argv: list[str] | None = None) -> None:
    parser = common.argument_parser(__doc__)
    common.add_sizes(parser)
    arguments = parser.parse_args(argv)
    rows = (compare(*size, arguments.repeats) for size in common.chosen(arguments))
    common.report(f"A fit of {ITERATIONS} EM iterations against gmmx", rows, arguments.json)


if __name__ == "__main__":
    main()
