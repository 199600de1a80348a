"""Component families: one file each, entered here or by the entry-point group ``mixsweep.families``."""

from __future__ import annotations

from mixsweep.registry import Registry

__all__ = ["FAMILIES"]

FAMILIES: Registry[type] = Registry(
    "family",
    {
        "gaussian-diag": "mixsweep.families.gaussian_diag:GaussianDiag",
        "gaussian-full": "mixsweep.families.gaussian_full:GaussianFull",
        "gaussian-spherical": "mixsweep.families.gaussian_spherical:GaussianSpherical",
        "gaussian-tied": "mixsweep.families.gaussian_tied:GaussianTied",
        "student-t": "mixsweep.families.student_t:StudentT",
    },
    "mixsweep.families",
)
