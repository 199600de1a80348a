"""Kinds of start: one file each, entered here or by the entry-point group ``mixsweep.initializers``."""

from __future__ import annotations

from mixsweep.registry import Registry

__all__ = ["INITIALIZERS"]

INITIALIZERS: Registry[type] = Registry(
    "initializer",
    {
        "agglomerative": "mixsweep.initializers.agglomerative:Agglomerative",
        "k-means": "mixsweep.initializers.k_means:KMeans",
        "kmeans++": "mixsweep.initializers.kmeans_plus_plus:KMeansPlusPlus",
        "perturbed-truth": "mixsweep.initializers.perturbed_truth:PerturbedTruth",
        "random-parameters": "mixsweep.initializers.random_parameters:RandomParameters",
        "random-points": "mixsweep.initializers.random_points:RandomPoints",
        "random-responsibilities": "mixsweep.initializers.random_responsibilities:RandomResponsibilities",
        "small-em": "mixsweep.initializers.small_em:SmallEM",
        "space-filling": "mixsweep.initializers.space_filling:SpaceFilling",
        "split": "mixsweep.initializers.split:Split",
        "truth": "mixsweep.initializers.truth:Truth",
        "user-starts": "mixsweep.initializers.user_starts:UserStarts",
    },
    "mixsweep.initializers",
)
