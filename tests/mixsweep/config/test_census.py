"""The thresholds of the census."""

from __future__ import annotations

from pathlib import Path

import pytest

from mixsweep.analysis.thresholds import Thresholds
from mixsweep.config import parse_config
from mixsweep.errors import MixsweepError


def test_the_census_of_a_config_has_the_thresholds_of_the_census(tmp_path: Path) -> None:
    plain = parse_config({"problems": {"iris": {}}, "n_components": [3]}, tmp_path)
    assert Thresholds(**plain.census.model_dump()) == Thresholds()
    given = {"problems": {"iris": {}}, "n_components": [3], "census": {"ended_within": "1e-3"}}
    assert parse_config(given, tmp_path).census.ended_within == 1e-3
    with pytest.raises(MixsweepError, match=r"census.ended_with.*ended_within"):
        parse_config(given | {"census": {"ended_with": 1}}, tmp_path)
