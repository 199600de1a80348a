"""Why a fit stopped: a closed list, stored as a CF flag variable."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["FAILURES", "Status"]


class Status(IntEnum):
    """Why a fit stopped; the values are the ``flag_values`` in every file."""

    NOT_RUN = 0
    """The grid has no such fit."""
    CONVERGED = 1
    """The EM decrement per row fell below the tolerance."""
    BUDGET = 2
    """The pass budget was used up first."""
    COLLAPSED = 3
    """A component lost its rows or a covariance fell below the eigenvalue floor."""
    DIVERGED = 4
    """The log-likelihood or the parameters stopped being finite; the best finite point is kept."""
    STALLED = 5
    """The line search found no further progress above rounding error, or a solver ended by its own rules."""
    SADDLE = 6
    """Converged where two components are equal, or where EM drives two nearly equal ones apart; in a census
    also, converged where the log-likelihood has a direction of ascent."""
    ERROR = 7
    """The method or the family raised an exception; the best finite point is kept."""

    @property
    def label(self) -> str:
        """The word used in files, tables and reports."""
        return self.name.lower().replace("_", "-")

    @classmethod
    def labels(cls) -> list[str]:
        """All words, in the order of their values."""
        return [status.label for status in cls]

    @classmethod
    def from_label(cls, label: str) -> Status:
        """Return the status of a word."""
        return cls[label.upper().replace("-", "_")]


#: Statuses listed as failures in reports.
FAILURES = (Status.COLLAPSED, Status.DIVERGED, Status.STALLED, Status.ERROR)
