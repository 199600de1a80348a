"""Optimisers: one file each, entered here or by the entry-point group ``mixsweep.methods``."""

from __future__ import annotations

from mixsweep.registry import Registry

__all__ = ["METHODS"]

METHODS: Registry[type] = Registry(
    "method",
    {
        "adam": "mixsweep.methods.adam:Adam",
        "cg": "mixsweep.methods.cg:ConjugateGradient",
        "daarem": "mixsweep.methods.daarem:DAAREM",
        "em": "mixsweep.methods.em:EM",
        "em+lbfgs": "mixsweep.methods.em_lbfgs:EMThenLBFGS",
        "gd": "mixsweep.methods.gd:GradientDescent",
        "lbfgs": "mixsweep.methods.lbfgs:LBFGS",
        "natural-gradient": "mixsweep.methods.natural_gradient:NaturalGradient",
        "nesterov": "mixsweep.methods.nesterov:Nesterov",
        "rmsprop": "mixsweep.methods.rmsprop:RMSprop",
        "squarem": "mixsweep.methods.squarem:SQUAREM",
    },
    "mixsweep.methods",
)
