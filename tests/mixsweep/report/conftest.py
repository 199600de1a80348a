"""A synthetic results folder of the default size, and its report, made once."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from mixsweep.report import write_figures, write_report


@pytest.fixture(scope="session")
def synthetic() -> ModuleType:
    # With --import-mode=importlib test folders are not importable, so the helper is loaded by its path.
    spec = importlib.util.spec_from_file_location("synthetic", Path(__file__).with_name("synthetic.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def results(synthetic: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = synthetic.write_results(tmp_path_factory.mktemp("default") / "results")
    return folder


@pytest.fixture(scope="session")
def page(results: Path) -> Path:
    path = results / "report" / "index.html"
    write_report(results, path)
    return path


@pytest.fixture(scope="session")
def figures(results: Path) -> Path:
    folder = results / "report" / "figures"
    write_figures(results, folder)
    return folder
