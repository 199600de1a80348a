from __future__ import annotations

from pathlib import Path

import pytest

from mixsweep.caches import cache_home
from mixsweep.report import bundle


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return cache_home()


def test_the_script_is_bundled_once_and_cannot_end_its_element(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = bundle.drawing_script()
    assert "</script" not in first
    assert "window.vegaEmbed" in first
    assert [path.read_text(encoding="utf-8") for path in cache.rglob("*.js")] == [first]
    monkeypatch.setattr(bundle, "_bundled", lambda: pytest.fail("bundled again"))
    assert bundle.drawing_script() == first


def test_another_version_of_the_compiler_has_a_script_of_its_own(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "_bundled", lambda: "of this version")
    bundle.drawing_script()
    monkeypatch.setattr(bundle, "version", lambda name: "another")
    monkeypatch.setattr(bundle, "_bundled", lambda: "of another")
    assert bundle.drawing_script() == "of another"
    assert len(list(cache.rglob("*.js"))) == 2


def test_without_a_cache_the_script_is_bundled_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(file))
    monkeypatch.setattr(bundle, "_bundled", lambda: "script")
    assert bundle.drawing_script() == "script"
    assert file.read_text() == "no folder"
