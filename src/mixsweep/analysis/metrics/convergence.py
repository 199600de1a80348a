"""Records of how fast and how well fits come near an optimum."""

from __future__ import annotations

from mixsweep.analysis.metrics.record import ALL_FITS, AUGER, SQUARE_AND_ADD, STARTS, WILSON, Metric, share

__all__ = ["RECORDS"]

_COST = "pass or s"
_ORDER = "order statistics"
_CONOVER = "Conover (1999), section 3.2"
_CLUSTERED = (
    "Korn and Graubard's for clusters, which are the problems, since cells of one are alike; wide with few "
    "problems"
)
_DOLAN = "Dolan and More (2002)"
_MISSING = "Dempster, Laird and Rubin (1977); Meng and Rubin (1991)"
_RESAMPLED = "percentiles over resampled starts, which the methods share"


def _gap(quantile: str, meaning: str) -> Metric:
    return Metric(
        f"gap_{quantile}",
        f"distance from the optimum, such that {meaning}; infinite where so many have no such optimum",
        unit="nat",
        denominator=ALL_FITS,
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


#: Arrivals, profiles, rates, conduct, ratios, settings and seconds.
RECORDS = (
    # gaps and arrivals; their cost is in passes or in seconds, as the coordinate ``unit`` says
    _gap("q05", "5 % of the fits are as near or nearer"),
    _gap("q25", "25 % of the fits are as near or nearer"),
    _gap("median", "half of the fits are as near or nearer"),
    _gap("q75", "75 % of the fits are as near or nearer"),
    _gap("q95", "95 % of the fits are as near or nearer"),
    Metric("cost", "cost at which the curve is read", unit=_COST),
    Metric("n_reached", "fits that came within the tolerance of the optimum", better="higher"),
    share("share_reached", "fits that came within the tolerance of the optimum", better="higher"),
    Metric(
        "cost_q25",
        "cost after which a quarter of the fits came within the tolerance; infinite where fewer ever do",
        unit=_COST,
        denominator=ALL_FITS,
        better="lower",
    ),
    Metric(
        "cost_median",
        "cost after which half of the fits came within the tolerance; infinite where fewer ever do",
        unit=_COST,
        denominator=ALL_FITS,
        interval=_ORDER,
        better="lower",
        source=_CONOVER,
    ),
    Metric(
        "cost_q75",
        "cost after which three quarters of the fits came within the tolerance; infinite where fewer ever do",
        unit=_COST,
        denominator=ALL_FITS,
        better="lower",
    ),
    Metric(
        "cost_per_arrival",
        "expected cost of fits one after the other until one comes within the tolerance, others paid for",
        unit=_COST,
        denominator="fits that came within the tolerance",
        interval=SQUARE_AND_ADD,
        better="lower",
        source=AUGER,
    ),
    Metric(
        "share_arrived",
        "share of fits that came within the tolerance at this cost or less",
        denominator=ALL_FITS,
        interval=f"{WILSON}, at each cost by itself",
        better="higher",
        source="Hansen et al. (2021)",
    ),
    Metric(
        "share_never",
        "share of fits that never came within the tolerance: they stopped short, ended elsewhere or failed",
        denominator=ALL_FITS,
        better="lower",
    ),
    # profiles
    Metric(
        "share_within",
        "share of cells in which the arm costs at most so many times as much as the cheapest",
        denominator="cells in which the costs of all arms are known",
        interval=_CLUSTERED,
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
        interval=f"{_CLUSTERED}; of one cell {WILSON}, over starts",
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
    Metric(
        "share_settled",
        "share of these fits in which the rates of the two halves of the last fall differ by 0.001 at most",
        denominator="fits that ended in the optimum and whose trace falls far enough",
        better="higher",
    ),
    Metric(
        "rate_difference",
        "observed rate of EM minus the theoretical one; empty where EM leaves the point, where traces cannot "
        "tell its two largest eigenvalues apart and where most fits stopped before their rate had settled",
    ),
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
    share("share_decreasing", "fits whose log-likelihood fell at least once", better="lower"),
    share("share_violating", "fits that asked at least once for a point that was no mixture", better="lower"),
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
        denominator=STARTS,
        interval=_RESAMPLED,
        better="lower",
        source=f"{AUGER}; Efron and Tibshirani (1993)",
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
)
