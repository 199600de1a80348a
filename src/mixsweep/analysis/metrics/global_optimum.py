"""Records of how often and at what cost the best known optimum is found."""

from __future__ import annotations

from mixsweep.analysis.metrics.record import AUGER, SQUARE_AND_ADD, STARTS, Metric, share

__all__ = ["RECORDS"]

_SANDWICH = "Student's t with standard errors by leaving out one cluster at a time"
_PAIRED_SOURCE = "Fagerland, Lydersen and Laake (2013)"
_BELL = "Bell and McCaffrey (2002); Liang and Zeger (1986)"


def _restarts(chance: int) -> Metric:
    return Metric(
        f"restarts_{chance}",
        f"restarts after which the best known optimum is among the endpoints with a chance of {chance} %",
        interval="that of the hit rate, turned into restarts",
        better="lower",
    )


#: Hits and their costs, comparisons, nesting, trends and advice.
RECORDS = (
    # hit rates
    Metric("n_fits", "fits that ran, failures included"),
    Metric("n_hits", "fits that ended in the best known optimum", better="higher"),
    share(
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
        interval=SQUARE_AND_ADD,
        better="lower",
        source=AUGER,
    ),
    Metric(
        "seconds_per_hit",
        "expected seconds of fits one after the other until the first that hits, failures paid for",
        unit="s",
        denominator="fits that ended in the best known optimum",
        interval=SQUARE_AND_ADD,
        better="lower",
        source=AUGER,
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
        denominator=STARTS,
        interval="Newcombe's square-and-add for paired proportions",
        source="Newcombe (1998), method 10",
    ),
    Metric(
        "p_value",
        "mid-p value of McNemar's exact conditional test that both methods hit equally often",
        source=_PAIRED_SOURCE,
    ),
    # flow
    Metric("n_flow", "starts from which the first method ends in one optimum and the second in the other"),
    share("share_same", "starts from which both methods end in the same optimum", of=STARTS),
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
    share("share_broken", "cells proven not to be at the maximum", of="audited cells", better="lower"),
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
        "restarts of the advised method and start to make in each cell: for a chance of 95 % of the best "
        "known optimum in the hardest one, by the low end of its hit rate's interval",
        better="lower",
    ),
    Metric("expected_passes", "passes that these restarts take, all cells together", "pass", better="lower"),
    Metric("expected_seconds", "seconds that these restarts take, all cells together", "s", better="lower"),
    Metric("n_rates", "hit rates among which the choice was, and for all of which its interval holds"),
    Metric("n_cells_answered", "cells in which some method and start hit often enough for advice"),
    Metric("statement", "the advice, or why there is none, in a sentence", unit=""),
    # adaptive sweeps
    Metric("wanted", "restarts for each method and initializer that the cell should have"),
)
