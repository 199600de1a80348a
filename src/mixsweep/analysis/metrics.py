"""What every number of the analyses means: one record for each, for tables, reports and documentation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mixsweep.errors import MixsweepError, nearest

__all__ = ["METRICS", "Metric", "metric"]

#: Which way is better; neither where the number describes and does not judge.
Better = Literal["higher", "lower", "neither"]


@dataclass(frozen=True)
class Metric:
    """What a number means.

    Attributes
    ----------
    name : str
        The variable, and the column of the tables. ``NAME_low`` and ``NAME_high`` are its interval's ends.
    meaning : str
        One sentence.
    unit : str
        ``1`` for counts, shares and other plain numbers; empty for text.
    denominator : str
        What it is a share or a mean of; empty where it is neither.
    interval : str
        How the interval is made, 95 % unless said otherwise; empty without one.
    better : {"higher", "lower", "neither"}
        Which way is better.
    source : str
        Where the definition is from; empty for plain counts.
    """

    name: str
    meaning: str
    unit: str = "1"
    denominator: str = ""
    interval: str = ""
    better: Better = "neither"
    source: str = ""


_ALL_FITS = "all fits of the method and initializer that ran, failures included"
_STARTS = "starts from which both methods ran"
_WILSON = "Wilson"
_SQUARE_AND_ADD = (
    "square-and-add of the odds of a miss (Wilson) and the mean costs of hits and misses (Student's t)"
)
_SANDWICH = "Student's t with standard errors by leaving out one cluster at a time"
_AUGER = "Auger and Hansen (2005); Hansen et al. (2021)"
_PAIRED_SOURCE = "Fagerland, Lydersen and Laake (2013)"
_STRING = "E, Ren and Vanden-Eijnden (2007)"
_BELL = "Bell and McCaffrey (2002); Liang and Zeger (1986)"

_COST = "pass or s"
_ORDER = "order statistics"
_CONOVER = "Conover (1999), section 3.2"
_DOLAN = "Dolan and More (2002)"
_MISSING = "Dempster, Laird and Rubin (1977); Meng and Rubin (1991)"
_RESAMPLED = "percentiles over resampled starts, which the methods share"


def _gap(quantile: str, meaning: str) -> Metric:
    return Metric(
        f"gap_{quantile}",
        f"distance from the optimum, such that {meaning}; infinite where so many have no such optimum",
        unit="nat",
        denominator=_ALL_FITS,
        better="lower",
    )


def _measured(name: str, meaning: str, unit: str = "1", denominator: str = "") -> Metric:
    return Metric(
        name,
        f"median over repeats of the {meaning}",
        unit=unit,
        denominator=denominator,
        interval=f"{_ORDER}, about the measurement on these starts",
        better="lower",
        source=_CONOVER,
    )


def _share(
    name: str, meaning: str, of: str = _ALL_FITS, better: Better = "neither", source: str = "Wilson (1927)"
) -> Metric:
    """Return the record of a share with Wilson's interval."""
    return Metric(name, f"share of {meaning}", denominator=of, interval=_WILSON, better=better, source=source)


def _restarts(chance: int) -> Metric:
    return Metric(
        f"restarts_{chance}",
        f"restarts after which the best known optimum is among the endpoints with a chance of {chance} %",
        interval="that of the hit rate, turned into restarts",
        better="lower",
    )


_RECORDS = (
    # hit rates
    Metric("n_fits", "fits that ran, failures included"),
    Metric("n_hits", "fits that ended in the best known optimum", better="higher"),
    _share(
        "hit_rate",
        "fits that ended in the best known optimum",
        better="higher",
        source="Wilson (1927); Brown, Cai and DasGupta (2001)",
    ),
    _restarts(90),
    _restarts(95),
    _restarts(99),
    Metric("reason", "why numbers of the entry are missing; empty where none is", unit=""),
    # expected running time
    Metric(
        "passes_per_hit",
        "expected passes of fits one after the other until the first that hits, failures paid for",
        unit="pass",
        denominator="fits that ended in the best known optimum",
        interval=_SQUARE_AND_ADD,
        better="lower",
        source=_AUGER,
    ),
    Metric(
        "seconds_per_hit",
        "expected seconds of fits one after the other until the first that hits, failures paid for",
        unit="s",
        denominator="fits that ended in the best known optimum",
        interval=_SQUARE_AND_ADD,
        better="lower",
        source=_AUGER,
    ),
    Metric(
        "cheapest_method", "method of the arm (method and initializer) with the least cost per hit", unit=""
    ),
    Metric("cheapest_initializer", "initializer of the arm with the least cost per hit", unit=""),
    Metric(
        "cheapest_share",
        "share of bootstrap samples of the starts in which the cheapest arm is the cheapest again",
        denominator="bootstrap samples in which any arm hits",
        better="higher",
        source="Efron and Tibshirani (1993)",
    ),
    # paired comparison of methods
    Metric("n_starts", "starts from which both methods ran"),
    Metric("n_both", "starts from which both methods hit"),
    Metric("n_only_a", "starts from which only the first method hits"),
    Metric("n_only_b", "starts from which only the second method hits"),
    Metric("n_neither", "starts from which neither method hits"),
    Metric(
        "difference",
        "hit rate of the first method minus that of the second, on the same starts",
        denominator=_STARTS,
        interval="Newcombe's square-and-add for paired proportions",
        source="Newcombe (1998), method 10",
    ),
    Metric(
        "p_value",
        "mid-p value of McNemar's exact conditional test that both methods hit equally often",
        source=_PAIRED_SOURCE,
    ),
    Metric(
        "p_holm",
        "the same, adjusted for all comparisons of the table by Holm's step-down procedure",
        source="Holm (1979)",
    ),
    # flow
    Metric("n_flow", "starts from which the first method ends in one optimum and the second in the other"),
    _share("share_same", "starts from which both methods end in the same optimum", of=_STARTS),
    # nesting audit
    Metric("log_likelihood", "highest log-likelihood given for the cell", unit="nat", better="higher"),
    Metric("bound", "highest log-likelihood of the cells that are nested in this one", unit="nat"),
    Metric("bound_family", "family of the nested cell with the highest log-likelihood", unit=""),
    Metric("bound_n_components", "number of components of that cell; 0 where there is none"),
    Metric("deficit", "bound minus the cell's own value; positive in a cell below its bound", unit="nat"),
    Metric("broken", "whether the deficit is above the tolerance: proven not to be at the maximum"),
    Metric("n_cells", "cells given"),
    Metric("n_audited", "cells with a value and at least one nested cell with a value"),
    Metric("n_broken", "cells proven not to be at the maximum", better="lower"),
    _share("share_broken", "cells proven not to be at the maximum", of="audited cells", better="lower"),
    # trend
    Metric(
        "estimate",
        "coefficient of the fitted model: change of the log-odds of a hit, or of the log of the expected "
        "number of optima, for one unit of the term",
        interval=_SANDWICH,
        source=_BELL,
    ),
    Metric("standard_error", "cluster-robust standard error of the coefficient", source=_BELL),
    Metric("covariance", "cluster-robust covariance of the coefficients", source=_BELL),
    Metric(
        "dispersion",
        "Pearson chi-square over its degrees of freedom: above 1, cells differ by more than chance",
        denominator="observations minus coefficients",
        source="McCullagh and Nelder (1989), section 4.5",
    ),
    Metric("n_clusters", "clusters that the fitted model rests on"),
    Metric("n_observations", "counts that the fitted model rests on"),
    Metric("degrees_of_freedom", "of Student's t: clusters minus coefficients that vary between clusters"),
    Metric("lowest", "smallest value of the term in the design: predictions below it are refused"),
    Metric("highest", "largest value of the term in the design: predictions above it are refused"),
    Metric(
        "predicted_hit_rate",
        "hit rate that the fitted model expects",
        interval=f"{_SANDWICH}, on the scale of the log-odds",
        better="higher",
        source=_BELL,
    ),
    Metric(
        "decay",
        "change of the log of the hit rate for one component more; negative where starts fail exponentially",
        interval=_SANDWICH,
        source="Jin, Zhang, Balakrishnan, Wainwright and Jordan (2016); Zou (2004)",
    ),
    # advice
    Metric("method", "method to use", unit=""),
    Metric("initializer", "kind of start to use", unit=""),
    Metric(
        "restarts",
        "restarts of the advised method and start for each cell, for a chance of 95 % of the best known "
        "optimum in the hardest one",
        interval="that of the hit rate, turned into restarts",
        better="lower",
    ),
    Metric("expected_passes", "passes that these restarts take, all cells together", "pass", better="lower"),
    Metric("expected_seconds", "seconds that these restarts take, all cells together", "s", better="lower"),
    Metric("n_cells_answered", "cells in which some method and start hit often enough for advice"),
    Metric("statement", "the advice, or why there is none, in a sentence", unit=""),
    # census
    Metric(
        "gradient_norm",
        "Euclidean norm of the log-likelihood's gradient per row, in unconstrained coordinates of the "
        "standardised data; zero at a stationary point",
        unit="nat",
        denominator="rows",
        better="lower",
    ),
    Metric(
        "largest_curvature",
        "largest eigenvalue of the Hessian per row: negative at a maximum, positive at a saddle",
        unit="nat",
        denominator="rows",
        source="Louis (1982)",
    ),
    Metric("n_ascending", "directions in which the log-likelihood curves up; none at a maximum"),
    Metric("smallest_weight", "smallest component weight; small where few rows make a component"),
    Metric(
        "smallest_eigenvalue_ratio",
        "smallest covariance eigenvalue; small at spurious and degenerate maxima",
        denominator="smallest eigenvalue of the data covariance",
        source="McLachlan and Peel (2000), section 3.10",
    ),
    Metric("closest_components", "distance of the two closest components, standardised units"),
    Metric("n_copies", "copies of the optimum under other orders of its components, at most K!"),
    Metric(
        "classification_entropy",
        "entropy of the rows' posterior probabilities, summed over rows",
        unit="nat",
        source="Biernacki, Celeux and Govaert (2000)",
    ),
    Metric(
        "basin_share",
        "share of fits that ended in the optimum",
        denominator=_ALL_FITS,
        interval="mid-p binomial, simultaneous by Bonferroni for the number of optima estimated to exist",
        source="Lancaster (1961); Chao (1984)",
    ),
    Metric("n_fits_total", "all fits of the method and initializer, failures included"),
    Metric(
        "unseen_share",
        "chance that the next start leads to an optimum not seen yet; bounds no log-likelihood",
        denominator="starts that led to an optimum",
        interval="Esty's normal one, by the rule of three without optima found once or twice",
        better="lower",
        source="Good (1953); Esty (1983)",
    ),
    Metric("n_starts_ended", "starts from which some fit ended in an optimum"),
    Metric("n_optima", "different optima seen, whatever their kind"),
    Metric(
        "n_optima_chao1",
        "lower bound of the number of optima that exist",
        interval="log-normal",
        source="Chao (1984); Chao (1987)",
    ),
    Metric("n_fits_ended", "fits of the method and initializer that ended in an optimum"),
    Metric("n_optima_arm", "different optima that fits of the method and initializer ended in"),
    Metric(
        "n_optima_boender",
        "posterior mean of the number of optima that the method can reach; too low where basins are uneven",
        source="Boender and Rinnooy Kan (1987)",
    ),
    Metric(
        "unseen_share_boender",
        "posterior mean of the method's unseen share; too low by a factor of two to four where basins are "
        "uneven",
        denominator="fits of the method and initializer that ended in an optimum",
        better="lower",
        source="Boender and Rinnooy Kan (1987)",
    ),
    Metric(
        "expected_optima",
        "optima that so many of the restarts made show on average",
        interval="range of 95 % of the parts of so many restarts, by their exact variance",
        source="Hurlbert (1971); Heck, van Belle and Simberloff (1975)",
    ),
    Metric(
        "adjusted_rand",
        "agreement of the clusterings of two optima: 1 for the same clusters, 0 as by chance",
        source="Hubert and Arabie (1985)",
    ),
    Metric(
        "density_distance",
        "root mean square difference of the rows' log-densities under two optima",
        unit="nat",
        denominator="rows",
    ),
    Metric(
        "chance",
        "chance that the criterion chooses the number of components after so many restarts",
        denominator="parts of so many restarts",
        source="Schwarz (1978); Biernacki, Celeux and Govaert (2000)",
    ),
    Metric("chance_none", "chance that none of so many restarts ends in a proper optimum", better="lower"),
    Metric("choice", "number of components chosen most often, 0 where none is"),
    Metric(
        "gain",
        "how far the fit without the row rises above the optimum's log-likelihood of the other rows",
        unit="nat",
        better="lower",
    ),
    Metric(
        "moved", "largest change of a component when the row is left out, standardised units", better="lower"
    ),
    # gaps and arrivals; their cost is in passes or in seconds, as the coordinate ``unit`` says
    _gap("q05", "5 % of the fits are as near or nearer"),
    _gap("q25", "25 % of the fits are as near or nearer"),
    _gap("median", "half of the fits are as near or nearer"),
    _gap("q75", "75 % of the fits are as near or nearer"),
    _gap("q95", "95 % of the fits are as near or nearer"),
    Metric("cost", "cost at which the curve is read", unit=_COST),
    Metric("n_reached", "fits that came within the tolerance of the optimum", better="higher"),
    _share("share_reached", "fits that came within the tolerance of the optimum", better="higher"),
    Metric(
        "cost_q25",
        "cost after which a quarter of the fits came within the tolerance; infinite where fewer ever do",
        unit=_COST,
        denominator=_ALL_FITS,
        better="lower",
    ),
    Metric(
        "cost_median",
        "cost after which half of the fits came within the tolerance; infinite where fewer ever do",
        unit=_COST,
        denominator=_ALL_FITS,
        interval=_ORDER,
        better="lower",
        source=_CONOVER,
    ),
    Metric(
        "cost_q75",
        "cost after which three quarters of the fits came within the tolerance; infinite where fewer ever do",
        unit=_COST,
        denominator=_ALL_FITS,
        better="lower",
    ),
    Metric(
        "cost_per_arrival",
        "expected cost of fits one after the other until one comes within the tolerance, others paid for",
        unit=_COST,
        denominator="fits that came within the tolerance",
        interval=_SQUARE_AND_ADD,
        better="lower",
        source=_AUGER,
    ),
    Metric(
        "share_arrived",
        "share of fits that came within the tolerance at this cost or less",
        denominator=_ALL_FITS,
        interval=f"{_WILSON}, at each cost by itself",
        better="higher",
        source="Hansen et al. (2021)",
    ),
    Metric(
        "share_never",
        "share of fits that never came within the tolerance: they stopped short, ended elsewhere or failed",
        denominator=_ALL_FITS,
        better="lower",
    ),
    # profiles
    _share(
        "share_within",
        "cells in which the arm costs at most so many times as much as the cheapest",
        of="cells in which the costs of all arms are known",
        better="higher",
        source=_DOLAN,
    ),
    Metric("cost_ratio", "cost over that of the cheapest arm in the same cell", source=_DOLAN),
    Metric(
        "share_solved",
        "share of cells that the arm solves at any cost",
        denominator="cells in which the costs of all arms are known",
        better="higher",
        source=_DOLAN,
    ),
    Metric(
        "share_cheapest",
        "share of cells in which no arm is cheaper; ties count for each",
        denominator="cells in which the costs of all arms are known",
        better="higher",
        source=_DOLAN,
    ),
    Metric("n_compared", "cells in which the costs of all arms are known"),
    Metric("n_left_out", "cells in which the cost of some arm is not known"),
    Metric(
        "share_profile",
        "share of problems, which are starts, solved to the accuracy within so many passes",
        denominator="starts from which some fit ended in an optimum not above the best known",
        interval=f"{_WILSON}, over starts, or over cells where there is more than one",
        better="higher",
        source="More and Wild (2009)",
    ),
    Metric("n_problems", "starts from which some fit ended in an optimum not above the best known"),
    Metric("passes", "passes at which the profile is read", unit="pass"),
    # rates
    Metric(
        "em_rate",
        "largest eigenvalue of the EM map's Jacobian, the largest fraction of missing information: the "
        "factor by which EM's distance to the optimum shrinks a pass, in theory",
        better="lower",
        source=_MISSING,
    ),
    Metric("em_rate_second", "second eigenvalue of the EM map's Jacobian", source=_MISSING),
    Metric("em_rate_error", "residual of the largest eigenvalue", better="lower", source="Arnoldi (1951)"),
    Metric(
        "em_passes_per_digit",
        "passes in which EM's distance to the optimum falls to a tenth; infinite where EM leaves it",
        unit="pass",
        better="lower",
        source=_MISSING,
    ),
    Metric(
        "observed_rate",
        "median over fits of the factor by which the distance to the optimum shrank a pass at the end",
        denominator="fits that ended in the optimum and whose trace falls far enough",
        interval=_ORDER,
        better="lower",
        source=_CONOVER,
    ),
    Metric("observed_rate_q25", "lower quartile over fits of the same"),
    Metric("observed_rate_q75", "upper quartile over fits of the same"),
    Metric("n_rated", "fits that ended in the optimum and whose trace falls far enough"),
    Metric("rate_difference", "observed rate of EM minus the theoretical one"),
    # conduct
    Metric(
        "n_decreases",
        "accepted points with a lower log-likelihood than the one before, over all fits",
        better="lower",
    ),
    Metric(
        "n_constraint_violations", "points asked for that were no mixtures, over all fits", better="lower"
    ),
    Metric("n_function_values", "points evaluated, over all fits", better="lower"),
    Metric("n_trial_passes", "passes at points not accepted, over all fits", unit="pass", better="lower"),
    _share("share_decreasing", "fits whose log-likelihood fell at least once", better="lower"),
    _share(
        "share_violating", "fits that asked at least once for a point that was no mixture", better="lower"
    ),
    Metric(
        "largest_decrease", "largest fall of the log-likelihood over all fits", unit="nat", better="lower"
    ),
    Metric(
        "share_trial",
        "share of passes that were taken at points not accepted",
        denominator="all passes of the method and initializer",
        better="lower",
    ),
    # ratios of costs
    Metric(
        "hit_cost_ratio",
        "expected cost to the first hit of the reference method, over that of the other",
        denominator=_STARTS,
        interval=_RESAMPLED,
        better="lower",
        source=f"{_AUGER}; Efron and Tibshirani (1993)",
    ),
    Metric(
        "same_optimum_ratio",
        "geometric mean of the cost of the reference method over that of the other, to come near the optimum "
        "that both reach",
        denominator="starts from which both methods come near the same optimum",
        interval=f"{_RESAMPLED}, widened for small samples",
        better="lower",
        source="Efron and Tibshirani (1993); Hesterberg (2015)",
    ),
    Metric("n_same", "starts from which both methods come near the same optimum"),
    Metric("reason_same", "why the ratio from the same optimum is missing; empty where it is not", unit=""),
    # sensitivity to settings
    Metric("optimiser", "name of the method whose settings vary", unit=""),
    Metric("learning_rate", "step size"),
    Metric("best_learning_rate", "step size with the least expected passes to the first hit"),
    Metric("n_tried", "values of the settings tried"),
    Metric(
        "tuning_cost",
        "passes of the fits with all step sizes tried over those with the best",
        denominator="passes of the fits with the best step size",
        better="lower",
    ),
    Metric(
        "hit_rate_spread",
        "highest minus lowest hit rate of arms that differ in their coordinates alone",
        denominator="starts from which both arms ran",
        interval="Newcombe's square-and-add for paired proportions, of the two arms as if not chosen",
        better="lower",
        source="Newcombe (1998), method 10",
    ),
    Metric("best_parametrisation", "arm with the highest hit rate", unit=""),
    Metric("worst_parametrisation", "arm with the lowest hit rate", unit=""),
    Metric(
        "cost_spread",
        "largest over smallest expected passes to a hit of arms that differ in their coordinates alone",
        better="lower",
    ),
    # seconds measured apart from the sweep
    _measured(
        "seconds_per_fit", "wall time of a fit, alone or as its part of a batch's", "s", "fits measured"
    ),
    _measured("seconds_per_pass", "wall time of a pass", "s", "passes of the fits measured"),
    _measured("processor_seconds_per_fit", "processor time of a fit", "s", "fits measured"),
    _measured("seconds_ratio", "wall time of a fit over that with the first method, in the same repeat"),
    Metric(
        "scatter",
        "interquartile range of the wall times over their median",
        denominator="repeats",
        better="lower",
    ),
    Metric("busy", "wall time over processor time: above 1 something else was running", better="lower"),
    Metric("n_repeats", "times that everything was measured"),
    Metric("n_measured", "fits measured in each repeat"),
    Metric("n_failed", "fits of these that failed", better="lower"),
    # landscape
    Metric("height", "log-likelihood of the optimum", unit="nat", better="higher"),
    Metric(
        "straight_log_likelihood",
        "log-likelihood along the straight path between two optima, in unconstrained coordinates",
        unit="nat",
    ),
    Metric(
        "relaxed_log_likelihood",
        "log-likelihood along a path between two optima that has risen as a string",
        unit="nat",
        source=_STRING,
    ),
    Metric("straight_level", "lowest log-likelihood on the straight path", unit="nat"),
    Metric("relaxed_level", "lowest log-likelihood on the risen path", unit="nat", source=_STRING),
    Metric(
        "connected_level",
        "lowest log-likelihood on the best known way between two optima, by others if need be",
        unit="nat",
        source="Hu (1961)",
    ),
    Metric(
        "barrier",
        "how far the best known way to the other optimum leads down; an upper bound of the barrier",
        unit="nat",
        source=f"{_STRING}; Hu (1961)",
    ),
    Metric(
        "node_level",
        "log-likelihood of an optimum, or below which two groups of optima are one",
        unit="nat",
        source="Becker and Karplus (1997)",
    ),
    Metric("slice_log_likelihood", "log-likelihood in the plane through three optima", unit="nat"),
    Metric(
        "stress",
        "error of the distances on the map of the optima; 0 where all lie in a plane",
        denominator="root of the sum of the squared density distances",
        better="lower",
        source="Torgerson (1952); Kruskal (1964)",
    ),
    # adaptive sweeps
    Metric("wanted", "restarts for each method and initializer that the cell should have"),
)

#: All records by name.
METRICS: dict[str, Metric] = {record.name: record for record in _RECORDS}


def metric(name: str) -> Metric:
    """Return the record of a variable, or of the number whose interval's end it is.

    Raises
    ------
    MixsweepError
        If there is no such metric.
    """
    own = METRICS.get(name) or METRICS.get(name.removesuffix("_low").removesuffix("_high"))
    if own is None:
        raise MixsweepError(f"unknown metric {name!r}{nearest(name, METRICS)}")
    return own
