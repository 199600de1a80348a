"""Type aliases shared by the numerical modules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

#: Parameters of a batch of mixtures by name; the leading axis of every array is the restart.
Parameters = dict[str, FloatArray]
#: Settings of a method as given in the config.
Settings = Mapping[str, Any]
