"""Labels and settings of methods."""

from __future__ import annotations

import json

from tests.mixsweep.config.minimal import parsed


def test_a_label_names_its_optimiser() -> None:
    config = parsed(methods={"adam": None, "adam-slow": {"method": "adam", "learning_rate": 0.005}})
    slow = config.method_specs["adam-slow"]
    assert (slow.method, slow.settings["learning_rate"]) == ("adam", 0.005)
    assert config.method_specs["adam"].as_json()["method"] == "adam"


def test_settings_are_complete_so_that_writing_a_default_out_changes_nothing() -> None:
    given = parsed(methods={"lbfgs": {"memory": 10}}).method_specs["lbfgs"].as_json()
    assert given == parsed(methods=["lbfgs"]).method_specs["lbfgs"].as_json()


def test_numbers_are_as_the_setting_has_them() -> None:
    settings = parsed(methods={"adam": {"learning_rate": 1}}).method_specs["adam"].as_json()
    assert json.dumps(settings["learning_rate"]) == "1.0"
