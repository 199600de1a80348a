"""A browser without a window, and pages made from synthetic results."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from playwright.sync_api import BrowserContext, sync_playwright

from mixsweep.report import write_report

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def synthetic() -> ModuleType:
    # With --import-mode=importlib test folders are not importable, so the helper is loaded by its path.
    path = Path(__file__).parents[1] / "mixsweep" / "report" / "synthetic.py"
    spec = importlib.util.spec_from_file_location("synthetic", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def chromium() -> str:
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip(f"no chromium on this machine (looked for {', '.join(NAMES)})")
    return path


@pytest.fixture(scope="session")
def browser(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"),
            executable_path=chromium,
            args=["--no-sandbox"],
            viewport={"width": 1280, "height": 900},
            color_scheme="light",
            accept_downloads=True,
        )
        yield context
        context.close()


@pytest.fixture(scope="session")
def report(chromium: str, synthetic: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = synthetic.write_results(tmp_path_factory.mktemp("browser") / "results")
    write_report(results, results / "report" / "index.html")
    path: Path = results / "report" / "index.html"
    return path
