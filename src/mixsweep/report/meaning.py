"""What a number means, in the words of its record."""

from __future__ import annotations

from mixsweep.analysis.columns import record

__all__ = ["defined", "note"]


def note(name: str) -> str:
    """Return what a number means, with its denominator and interval."""
    own = record(name)
    parts = [own.meaning]
    if own.denominator:
        parts.append(f"denominator: {own.denominator}")
    if own.interval:
        parts.append(f"95 % interval: {own.interval}")
    return "; ".join(parts)


def defined(label: str, name: str) -> str:
    """Return a sentence for a caption that defines a number."""
    return f"{label}: {note(name)}."
