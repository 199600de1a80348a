"""Sizes that the kernels and their callers agree on."""

from __future__ import annotations

__all__ = ["TILE_ROWS"]

#: Rows of a tile of a matrix product: coefficients and sums are given in whole tiles.
TILE_ROWS = 4
