"""What a number means, in the words of its record."""

from __future__ import annotations

from mixsweep.analysis.metrics import METRICS

__all__ = ["defined", "note"]


def note(name: str) -> str:
    """Return what a number means, with its denominator and interval; empty without a record."""
    record = METRICS.get(name)
    if record is None:
        return ""
    parts = [record.meaning]
    if record.denominator:
        parts.append(f"denominator: {record.denominator}")
    if record.interval:
        parts.append(f"95 % interval: {record.interval}")
    return "; ".join(parts)


def defined(label: str, name: str) -> str:
    """Return a sentence for a caption that defines a number."""
    return f"{label}: {note(name)}."
