"""mixsweep: designed experiments on the likelihood surfaces of mixture models."""

__version__ = "0.1.0"

#: Raised when a change alters the numbers of any fit; a part of every shard's parameters.
NUMERICS_VERSION = "1"
