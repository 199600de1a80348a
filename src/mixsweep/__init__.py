"""mixsweep: designed experiments on the likelihood surfaces of mixture models."""

__version__ = "0.1.0"
