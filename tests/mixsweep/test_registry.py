from __future__ import annotations

import importlib
import sys

import pytest

from mixsweep.errors import MixsweepError
from mixsweep.families import FAMILIES
from mixsweep.initializers import INITIALIZERS
from mixsweep.methods import METHODS
from mixsweep.registry import Registry


@pytest.fixture
def registry():
    return Registry("shape", {"square": "fractions:Fraction", "circle": "decimal:Decimal"}, "tests.shapes")


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Another distribution that offers a shape by entry point."""
    (tmp_path / "other_shapes.py").write_text("class Triangle:\n    corners = 3\n")
    info = tmp_path / "other_shapes-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other-shapes\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[tests.shapes]\ntriangle = other_shapes:Triangle\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield
    sys.modules.pop("other_shapes", None)


def test_built_in_names_load_when_first_asked_for(registry):
    import fractions

    assert registry["square"] is fractions.Fraction
    assert list(registry) == ["circle", "square"]


def test_an_entry_point_of_another_distribution_is_known(registry, plugin):
    assert registry.names() == ["circle", "square", "triangle"]
    assert "other_shapes" not in sys.modules
    assert registry["triangle"].corners == 3
    assert "triangle" in registry


def test_an_unknown_name_suggests_the_nearest_plug_ins_among_them(registry, plugin):
    with pytest.raises(MixsweepError, match=r"unknown shape 'triangl'; did you mean 'triangle'\?"):
        registry["triangl"]


def test_a_name_near_to_nothing_lists_all(registry):
    with pytest.raises(MixsweepError, match=r"unknown shape 'xyzzy'\. Valid: circle, square"):
        registry["xyzzy"]


def test_an_object_can_be_entered_for_this_process(registry):
    @registry.register("blob")
    class Blob:
        pass

    assert registry["blob"] is Blob
    assert "blob" in registry.names()


@pytest.mark.parametrize(
    ("table", "wrong", "right"),
    [
        (METHODS, "lbfg", "lbfgs"),
        (FAMILIES, "gausian-full", "gaussian-full"),
        (INITIALIZERS, "kmeans+", "kmeans++"),
    ],
)
def test_the_package_s_own_tables_load_and_suggest(table, wrong, right):
    for name in table:
        assert table[name].name == name
    with pytest.raises(MixsweepError) as raised:
        table[wrong]
    assert f"did you mean {right!r}" in str(raised.value)
