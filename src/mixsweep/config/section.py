"""What all sections of the config have in common."""

from __future__ import annotations

from pydantic import ConfigDict

__all__ = ["SECTION"]

#: Known keys only; the schema explains them in the words of their docstrings.
SECTION = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
