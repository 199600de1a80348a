"""What values may look like."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.mixsweep.config.minimal import parsed

from mixsweep.config import load_config


def test_scalars_mean_lists() -> None:
    config = parsed(families="gaussian-diag", initializers="kmeans++", methods="lbfgs", n_components=2)
    assert config.families == ["gaussian-diag"]
    assert config.initializers == ["kmeans++"]
    assert list(config.method_specs) == ["lbfgs"]


@pytest.mark.parametrize("tol", [1e-9, "1e-9", 0])
def test_exponents_without_a_dot_are_numbers(tol: object) -> None:
    assert parsed(tol=tol).tol == float(tol)  # type: ignore[arg-type]
    assert (
        parsed(methods={"adam": {"learning_rate": "1e-3"}}).method_specs["adam"].settings["learning_rate"]
        == 1e-3
    )


def test_exponents_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("{problems: {iris: {}}, methods: [em], n_components: 2, tol: 1e-9}")
    assert load_config(path).tol == 1e-9
