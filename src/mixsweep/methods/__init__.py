"""Optimisers: one file each, entered here or by the entry-point group ``mixsweep.methods``."""

from __future__ import annotations

from mixsweep.registry import Registry

__all__ = ["METHODS"]

METHODS: Registry[type] = Registry(
    "method",
    {
        "adam": "mixsweep.methods.adam:Adam",
        "cem": "mixsweep.methods.cem:CEM",
        "cg": "mixsweep.methods.cg:ConjugateGradient",
        "daarem": "mixsweep.methods.daarem:DAAREM",
        "daem": "mixsweep.methods.daem:DAEM",
        "ecm": "mixsweep.methods.ecm:ECM",
        "em": "mixsweep.methods.em:EM",
        "em+lbfgs": "mixsweep.methods.em_lbfgs:EMThenLBFGS",
        "em+newton": "mixsweep.methods.em_newton:EMThenNewton",
        "gd": "mixsweep.methods.gd:GradientDescent",
        "gem": "mixsweep.methods.gem:GEM",
        "lbfgs": "mixsweep.methods.lbfgs:LBFGS",
        "natural-gradient": "mixsweep.methods.natural_gradient:NaturalGradient",
        "nesterov": "mixsweep.methods.nesterov:Nesterov",
        "newton-cg": "mixsweep.methods.newton_cg:NewtonCG",
        "online-em": "mixsweep.methods.online_em:OnlineEM",
        "riemannian-lbfgs": "mixsweep.methods.riemannian_lbfgs:RiemannianLBFGS",
        "rmsprop": "mixsweep.methods.rmsprop:RMSprop",
        "scikit-learn": "mixsweep.methods.scikit_learn:ScikitLearn",
        "scipy": "mixsweep.methods.scipy_minimize:SciPyMinimize",
        "sem": "mixsweep.methods.sem:SEM",
        "slsqp": "mixsweep.methods.slsqp:SLSQP",
        "sgd": "mixsweep.methods.sgd:StochasticGradientDescent",
        "squarem": "mixsweep.methods.squarem:SQUAREM",
        "trust": "mixsweep.methods.trust:TrustRegion",
        "trust-constr": "mixsweep.methods.trust_constr:TrustConstr",
    },
    "mixsweep.methods",
)
