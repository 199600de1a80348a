"""EM per fit: the batch of restarts against gmmx (JAX on the CPU), same starts, as many iterations.

Usage: python benchmarks/em_against_gmmx.py [--repeats 3] [n,d,K ...]

gmmx is no dependency: `python -m pip install gmmx` beside mixsweep, in an environment of its own. It works
in single precision, mixsweep in double; its log-likelihoods are therefore computed anew, in double precision,
from the parameters it returns. It fits one start a call: the starts are given to it one by one, and then all
in one call of its function mapped over them (`jax.vmap`), which it does not offer but allows. The first call,
which compiles, is reported apart. Times are CPU time, of all threads.
"""

from __future__ import annotations

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
STARTS = 10


def single_precision(objective: Objective, starts: dict[str, np.ndarray]) -> tuple[jax.Array, ...]:
    """Return means, covariances and weights of the starts given to gmmx."""
    values = common.standardised(objective, starts)
    names = ("means", "covariances", "weights")
    return tuple(jax.numpy.asarray(values[name][:STARTS], dtype=np.float32) for name in names)


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


def compare(n: int, d: int, K: int, restarts: int, repeats: int) -> list[Row]:
    """Return the ratios at one size: starts one by one, and all in one call."""
    objective, starts = common.blobs_near_truth(n, d, K, restarts)
    rows = jax.numpy.asarray(objective.X, dtype=np.float32)
    fitter = EMFitter(max_iter=ITERATIONS, tol=0.0, reg_covar=0.0)
    moments = single_precision(objective, starts)
    models = [GaussianMixtureModelJax.from_squeezed(*each) for each in zip(*moments, strict=True)]

    def leaves(*moments_of_one: jax.Array) -> list[jax.Array]:
        model = GaussianMixtureModelJax.from_squeezed(*moments_of_one)
        return jax.tree.leaves(fitter.fit(rows, model).gmm)

    mapped = jax.jit(jax.vmap(leaves))
    structure = jax.tree.structure(models[0])

    def unstacked(stacked: list[jax.Array]) -> list[GaussianMixtureModelJax]:
        return [jax.tree.unflatten(structure, [leaf[r] for leaf in stacked]) for r in range(len(models))]

    ways = {
        "one by one": (lambda: [fitter.fit(rows, model).gmm for model in models], list),
        "mapped": (lambda: jax.block_until_ready(mapped(*moments)), unstacked),
    }
    results = []
    for way, (theirs, as_models) in ways.items():
        first, _ = common.cpu_seconds(theirs)
        pairs = common.in_pairs(
            theirs,
            # one pass more, as gmmx ends after its last M-step
            lambda: run(objective, METHODS["em"](), starts, tol=0, max_passes=ITERATIONS + 1),
            repeats,
        )
        fitted, ends = pairs.results
        expected = ends.log_likelihood[: len(models)]
        found = log_likelihoods(objective, as_models(fitted))
        seconds = common.Spread.of(pairs.first).median
        ratio = pairs.ratios(restarts / len(models))
        details = {
            "range": ratio.range,
            "gmmx": f"{1e3 * seconds / len(models):.3g} ms",
            "mixsweep": f"{1e3 * common.Spread.of(pairs.second).median / restarts:.3g} ms",
            "gmmx compiling": f"{first - seconds:.1f} s",
            "largest relative difference": f"{np.max(np.abs(found - expected) / np.abs(expected)):.1e}",
        }
        name = f"{common.size_name(n, d, K)}, {way}"
        results.append(Row(name, ratio.median, "times faster", details=details))
    return results


def main(argv: list[str] | None = None) -> None:
    parser = common.argument_parser(__doc__)
    common.add_sizes(parser)
    arguments = parser.parse_args(argv)
    rows = [row for size in common.chosen(arguments) for row in compare(*size, arguments.repeats)]
    common.report(f"A fit of {ITERATIONS} EM iterations against gmmx", rows, arguments.json)


if __name__ == "__main__":
    main()
