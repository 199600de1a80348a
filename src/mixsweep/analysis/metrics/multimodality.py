"""Records of the census of optima, of what it has not seen, and of the landscape between them."""

from __future__ import annotations

from mixsweep.analysis.metrics.record import ALL_FITS, Metric

__all__ = ["RECORDS"]

_STRING = "E, Ren and Vanden-Eijnden (2007)"


#: Optima, what was not seen, agreement, choice of K, and the landscape.
RECORDS = (
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
        "leave_one_out_row",
        "row left out to see whether the optimum stands, done for the highest proper and spurious ones: of "
        "the rows of the lightest component the one farthest out",
    ),
    Metric(
        "leave_one_out_gain",
        "how far EM without the row rises above the optimum's log-likelihood of the other rows; large at a "
        "spurious maximum, infinite where it collapses",
        unit="nat",
        better="lower",
    ),
    Metric(
        "leave_one_out_moved",
        "largest change of a component when the row is left out, standardised units; empty where one "
        "collapses",
        better="lower",
    ),
    Metric(
        "basin_share",
        "share of fits that ended in the optimum",
        denominator=ALL_FITS,
        interval="mid-p binomial, simultaneous by Bonferroni for the number of optima estimated to exist",
        source="Lancaster (1961); Chao (1984)",
    ),
    Metric("n_fits_total", "all fits of the method and initializer, failures included"),
    Metric(
        "unseen_share",
        "chance that the next start leads to an optimum not seen yet; bounds no log-likelihood",
        denominator="starts that led to an optimum",
        interval="score one with Esty's variance, by the rule of three without optima found once or twice; "
        "conservative where less than one start's worth is unseen",
        better="lower",
        source="Good (1953); Esty (1983)",
    ),
    Metric("n_starts_ended", "starts from which some fit ended in an optimum"),
    Metric("n_optima", "different optima seen, whatever their kind"),
    Metric(
        "n_optima_chao1",
        "lower bound of the number of optima that exist, from how many starts led to each",
        interval="log-normal, rounded outwards to whole numbers; of the number of optima where their basins "
        "are alike, too low where they are not",
        source="Chao (1984); Chao (1987)",
    ),
    Metric("n_fits_ended", "fits of the method and initializer that ended in an optimum"),
    Metric("n_optima_arm", "different optima that fits of the method and initializer ended in"),
    Metric(
        "n_optima_boender",
        "posterior mean of the number of optima that the method can reach, from its fits that ended in one; "
        "too low where basins are uneven",
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
    Metric("height_a", "log-likelihood of the first maximum, the higher one", unit="nat"),
    Metric("height_b", "log-likelihood of the second maximum", unit="nat"),
    Metric(
        "straight_barrier",
        "how far the straight path, in unconstrained coordinates, leads down from the second maximum",
        unit="nat",
    ),
    Metric(
        "relaxed_barrier",
        "how far the path between the two that has risen as a string leads down from the second maximum",
        unit="nat",
        source=_STRING,
    ),
    Metric(
        "barrier_a",
        "how far the best known way to the second maximum, by others if need be, leads down from the first; "
        "an upper bound of the barrier",
        unit="nat",
        source=f"{_STRING}; Hu (1961)",
    ),
    Metric(
        "barrier_b",
        "how far the best known way to the first maximum, by others if need be, leads down from the second; "
        "an upper bound of the barrier",
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
)
