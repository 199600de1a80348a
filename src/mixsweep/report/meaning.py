"""What a number means, in the words of its record."""

from __future__ import annotations

from mixsweep.analysis.columns import record

__all__ = ["defined", "note"]


def note(name: str, table: str = "") -> str:
    """Return what a number means, in a table if one is named, with its denominator and interval."""
    own = record(name, table)
    parts = [own.meaning]
    if own.denominator:
        parts.append(f"denominator: {own.denominator}")
    if own.interval:
        parts.append(f"95 % interval: {own.interval}")
    return "; ".join(parts)


def defined(label: str, name: str, table: str = "") -> str:
    """Return a sentence for a caption that defines a number, of a table if one is named."""
    return f"{label}: {note(name, table)}."
