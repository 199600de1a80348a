"""The shape of a cell's landscape: paths and barriers between its leading maxima, a tree, a slice, a map."""

from mixsweep.analysis.landscape.barriers import barriers
from mixsweep.analysis.landscape.cell import LEAVES, landscape
from mixsweep.analysis.landscape.tree import Branches, branches

__all__ = ["LEAVES", "Branches", "barriers", "branches", "landscape"]
