"""Kinds of start: one file each, entered here or by the entry-point group ``mixsweep.initializers``."""

from __future__ import annotations

from mixsweep.registry import Registry

__all__ = ["INITIALIZERS"]

INITIALIZERS: Registry[type] = Registry(
    "initializer",
    {
        "kmeans++": "mixsweep.initializers.kmeans_plus_plus:KMeansPlusPlus",
        "random-points": "mixsweep.initializers.random_points:RandomPoints",
    },
    "mixsweep.initializers",
)
