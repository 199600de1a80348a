"""The data contract: every variable that a file may hold, declared once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mixsweep import __version__
from mixsweep.errors import MixsweepError
from mixsweep.status import Status

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "FILE_ATTRIBUTES",
    "FORMAT_VERSION",
    "KINDS",
    "VARIABLES",
    "Variable",
    "annotated",
    "validate",
    "variable_attributes",
]

#: Raised when a name, a dimension or a meaning below changes.
FORMAT_VERSION = "2"

#: What an optimum is; the positions are the ``flag_values``.
KINDS = ("proper", "saddle", "degenerate", "spurious", "boundary", "plateau", "unresolved")

#: Dimensions over which fits and optima are collected; any of them may lead a variable's own dimensions.
SAMPLE_DIMS = ("problem", "family", "n_components", "method", "initializer", "restart", "optimum", "retry")


@dataclass(frozen=True)
class Variable:
    """One declared variable: own dimensions, kinds of dtype, unit and meaning."""

    dims: tuple[str, ...]
    kinds: str
    units: str
    long_name: str
    flags: tuple[str, ...] = ()


def _number(long_name: str, units: str = "1", dims: tuple[str, ...] = (), kinds: str = "f") -> Variable:
    return Variable(dims, kinds, units, long_name)


def _flag(long_name: str, flags: tuple[str, ...]) -> Variable:
    return Variable((), "i", "1", long_name, flags)


def _label(long_name: str) -> Variable:
    return Variable((), "OUT", "", long_name)


_COMPONENT = ("component",)
_MEAN = ("component", "feature")
_COVARIANCE = ("component", "feature", "feature_")
_TRACE = ("checkpoint",)
_REPEAT = ("repeat",)
_START = ("start", "start_component")
_PAIR = ("pair",)
_PAIRWISE = ("leading", "leading_")

VARIABLES: dict[str, Variable] = {
    # coordinates
    "problem": _label("problem"),
    "family": _label("component family with its covariance structure"),
    "method": _label("optimiser with its settings, as named in the config"),
    "initializer": _label("kind of start"),
    "feature": Variable(("feature",), "OUT", "", "column of the data"),
    "feature_": Variable(("feature_",), "OUT", "", "column of the data, second index of covariances"),
    "n_components": _number("number of mixture components K", kinds="i"),
    "restart": _number("restart number within (cell, initializer)", kinds="i"),
    "optimum": Variable(
        (), "i", "1", "number of the optimum in its cell, best first; -1 where there is none"
    ),
    "component": Variable(("component",), "i", "1", "component"),
    # problems
    "X": Variable(("row", "feature"), "f", "data units", "data matrix"),
    "location": Variable(("feature",), "f", "data units", "column means, subtracted inside"),
    "scale": Variable(
        ("feature",), "f", "data units", "column standard deviations (divisor n), divided by inside"
    ),
    "row_weights": _number("how many times the row counts", dims=("row",)),
    "start_weights": _number("weights of the user's starts", dims=_START),
    "start_means": _number("means of the user's starts", "data units", (*_START, "feature")),
    "start_covariances": _number(
        "covariances of the user's starts", "data units squared", (*_START, "feature", "feature_")
    ),
    "truth_weights": _number("generating weights", dims=_COMPONENT),
    "truth_means": _number("generating means", "data units", _MEAN),
    "truth_covariances": _number("generating covariances", "data units squared", _COVARIANCE),
    # fits
    "log_likelihood": _number("total log-likelihood, natural logarithm, data units", "nat"),
    "status": _flag("why the fit stopped", tuple(Status.labels())),
    "n_passes": _number("passes over all rows, the unit of cost"),
    "n_iterations": _number("accepted steps of the method", kinds="i"),
    "em_decrement": _number(
        "gain of the expected complete-data log-likelihood by one M-step, per row", "nat"
    ),
    "gradient_norm": _number(
        "Euclidean norm of the log-likelihood's gradient per row at the end, standardised units, in softmax "
        "logits, means and logarithmic Cholesky factors",
        "nat",
    ),
    "n_function_values": _number("points evaluated, those on mini-batches included", kinds="i"),
    "n_trial_passes": _number("passes spent at points that were not accepted"),
    "n_decreases": _number("accepted points with a lower log-likelihood than the one before", kinds="i"),
    "largest_decrease": _number("largest of these decreases", "nat"),
    "n_constraint_violations": _number("points asked for that were no mixtures", kinds="i"),
    "n_floored_components": _number("components below the eigenvalue floor at the end", kinds="i"),
    "n_vanishing_components": _number("components of less than one expected row at the end", kinds="i"),
    "weights": _number("component weights", dims=_COMPONENT),
    "means": _number("component means", "data units", _MEAN),
    "covariances": _number("component covariances", "data units squared", _COVARIANCE),
    "variances": _number("component variances, one for each feature", "data units squared", _MEAN),
    "spherical_variances": _number(
        "component variances, the same for every standardised feature", dims=_COMPONENT
    ),
    "tied_covariance": _number(
        "covariance of every component", "data units squared", ("feature", "feature_")
    ),
    "scale_matrices": _number(
        "scale matrices of t components; covariances times (nu - 2) / nu, nu their degrees of freedom",
        "data units squared",
        _COVARIANCE,
    ),
    "degrees_of_freedom": _number("degrees of freedom of t components, at most 1e10", dims=_COMPONENT),
    "inverse_degrees_of_freedom": _number(
        "reciprocals of the degrees of freedom, near 0 for Gaussian tails", dims=_COMPONENT
    ),
    "trace_passes": _number("passes used at the checkpoint", dims=_TRACE),
    "trace_log_likelihood": _number("log-likelihood at the checkpoint", "nat", _TRACE),
    "seconds": _number("own share of the batch's wall time; differs from run to run", "s"),
    # fits that were run again
    "first_status": _flag("why the first attempt stopped", tuple(Status.labels())),
    "first_log_likelihood": _number("total log-likelihood of the first attempt, data units", "nat"),
    "covariance_floor": _number("smallest eigenvalue of a covariance relative to the data covariance's"),
    "tol": _number("EM decrement per row at which the fit has converged", "nat"),
    "max_passes": _number("pass budget of the fit", kinds="i"),
    # seconds measured apart from the sweep
    "seconds_alone": _number("wall time of the fit by itself", "s", _REPEAT),
    "processor_seconds_alone": _number("processor time of the fit by itself", "s", _REPEAT),
    "seconds_batched": _number("wall time of a batch over the number of its fits", "s", _REPEAT),
    "processor_seconds_batched": _number(
        "processor time of a batch over the number of its fits", "s", _REPEAT
    ),
    "n_passes_batched": _number("passes over all rows of the fit in the batch"),
    # optima
    "kind": _flag("what the optimum is", KINDS),
    "basin_share": _number("share of the cell's fits that ended in the optimum"),
    "n_fits": _number("number of fits that ended in the optimum", kinds="i"),
    "largest_curvature": _number("largest eigenvalue of the Hessian per row; positive at a saddle", "nat"),
    "smallest_weight": _number("smallest component weight"),
    "smallest_eigenvalue_ratio": _number(
        "smallest covariance eigenvalue over the data covariance's smallest"
    ),
    "n_ascending": _number("number of directions in which the log-likelihood curves up", kinds="i"),
    "ascent_direction": _number(
        "unit vector along which a saddle is left, in softmax logits, means and logarithmic Cholesky "
        "factors; NaN elsewhere",
        dims=("coordinate",),
    ),
    "escape_optimum": _number(
        "optimum to which the way up from a saddle leads, forwards and backwards along its direction of "
        "ascent; -1 where to none",
        dims=("side",),
        kinds="i",
    ),
    "closest_components": _number("distance of the two closest components, standardised units"),
    "leave_one_out_row": _number(
        "row left out of the data: of those of the lightest component the farthest out; -1 where none was",
        kinds="i",
    ),
    "leave_one_out_gain": _number(
        "how far EM without the row rises above the optimum's log-likelihood of the other rows; infinite "
        "where it collapses",
        "nat",
    ),
    "leave_one_out_moved": _number(
        "largest change of a component when the row is left out, standardised units"
    ),
    "n_copies": _number("copies of the optimum under other orders of its components"),
    "classification_entropy": _number(
        "entropy of the rows' posterior probabilities, summed over rows", "nat"
    ),
    "leading": Variable(("leading",), "i", "1", "number of one of the highest optima"),
    "leading_": Variable(("leading_",), "i", "1", "number of one of the highest optima, second index"),
    "hessian_eigenvalues": _number(
        "eigenvalues of the Hessian of the log-likelihood per row, largest first",
        "nat",
        ("leading", "curvature"),
    ),
    "adjusted_rand": _number(
        "adjusted Rand index of the clusterings of two optima", dims=("leading", "leading_")
    ),
    "density_distance": _number(
        "root mean square difference of the rows' log-densities under two optima",
        "nat",
        ("leading", "leading_"),
    ),
    "fit_optimum": _number("optimum in which the fit ended; -1 where in none", kinds="i"),
    "polished_log_likelihood": _number(
        "log-likelihood of the optimum that the fit's endpoint was polished to", "nat"
    ),
    "n_rows": _number("rows of the data", kinds="i"),
    "n_features": _number("features of the data", kinds="i"),
    # the shape of the landscape
    "height": _number("log-likelihood of the optimum", "nat", ("leading",)),
    "pair_first": _number("number of the optimum where the path begins", dims=_PAIR, kinds="i"),
    "pair_second": _number("number of the optimum where the path ends", dims=_PAIR, kinds="i"),
    "straight_position": _number("share of the straight path's length", dims=("point",)),
    "straight_log_likelihood": _number("log-likelihood along the straight path", "nat", (*_PAIR, "point")),
    "relaxed_position": _number("share of the relaxed path's length", dims=(*_PAIR, "point")),
    "relaxed_log_likelihood": _number("log-likelihood along the relaxed path", "nat", (*_PAIR, "point")),
    "straight_level": _number("lowest log-likelihood on the straight path", "nat", _PAIRWISE),
    "relaxed_level": _number("lowest log-likelihood on the relaxed path", "nat", _PAIRWISE),
    "connected_level": _number(
        "lowest log-likelihood on the best known way, by other optima if need be", "nat", _PAIRWISE
    ),
    "barrier": _number(
        "how far the best known way to the other optimum leads down from this one (the row); an upper bound "
        "of the barrier",
        "nat",
        _PAIRWISE,
    ),
    "node_optimum": _number("optimum at a node of the tree; -1 at a merge", dims=("node",), kinds="i"),
    "node_level": _number("log-likelihood of the node: of its optimum, or of the merge", "nat", ("node",)),
    "node_parent": _number("merge that the node belongs to; -1 for none", dims=("node",), kinds="i"),
    "node_position": _number("place of the node across the tree", dims=("node",)),
    "slice_x": _number("first coordinate in the plane through three optima", dims=("slice_column",)),
    "slice_y": _number("second coordinate in the plane through three optima", dims=("slice_row",)),
    "slice_log_likelihood": _number(
        "log-likelihood in the plane through three optima", "nat", ("slice_row", "slice_column")
    ),
    "corner_optimum": _number("optimum that the plane goes through", dims=("corner",), kinds="i"),
    "corner_position": _number("its coordinates in the plane", dims=("corner", "axis")),
    "map_position": _number(
        "place of the optimum on a map of the density distances", "nat", ("leading", "axis")
    ),
    "stress": _number("error of the distances on the map, as a share of the distances"),
}


class _Named(Protocol):
    """What is checked of a variable: xarray's and `mixsweep.contents.StoredArray` have it."""

    @property
    def dims(self) -> tuple[Any, ...]: ...
    @property
    def ndim(self) -> int: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...


class _Holding(Protocol):
    """What has variables: a dataset, or `mixsweep.contents.Contents`."""

    @property
    def variables(self) -> Mapping[Any, _Named]: ...


def validate(dataset: _Holding) -> None:
    """Check every variable's name, dimensions and dtype.

    Raises
    ------
    MixsweepError
        At the first variable that does not match its declaration.
    """
    for name, array in dataset.variables.items():
        declared = VARIABLES.get(str(name))
        if declared is None:
            raise MixsweepError(f"variable {name!r} is not declared in mixsweep.schema")
        own = tuple(array.dims[array.ndim - len(declared.dims) :]) if declared.dims else ()
        leading = array.dims[: array.ndim - len(own)]
        if own != declared.dims or any(dim not in SAMPLE_DIMS for dim in leading):
            raise MixsweepError(
                f"variable {name!r} has dims {array.dims}; expected (sample dims ..., {declared.dims})"
            )
        if array.dtype.kind not in declared.kinds:
            raise MixsweepError(
                f"variable {name!r} has dtype {array.dtype}; expected one of kinds {declared.kinds!r}"
            )


def variable_attributes(name: str) -> dict[str, object]:
    """Return what a file says of a variable: meaning, unit, and the words of its flags."""
    declared = VARIABLES[name]
    attributes: dict[str, object] = {"long_name": declared.long_name}
    if declared.units:
        attributes["units"] = declared.units
    if declared.flags:
        attributes["flag_values"] = np.arange(len(declared.flags), dtype=np.int8)
        attributes["flag_meanings"] = " ".join(declared.flags)
    return attributes


#: What every file says of itself.
FILE_ATTRIBUTES = {
    "Conventions": "CF-1.11",
    "mixsweep_version": __version__,
    "mixsweep_format_version": FORMAT_VERSION,
}


def annotated(dataset: xr.Dataset) -> xr.Dataset:
    """Return the validated dataset with units, meanings, flags and versions as attributes."""
    validate(dataset)
    dataset = dataset.copy()
    for name in dataset.variables:
        dataset.variables[name].attrs.update(variable_attributes(str(name)))
    dataset.attrs.update(FILE_ATTRIBUTES)
    return dataset
