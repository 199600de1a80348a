"""The script that draws the page's charts: Vega, Vega-Lite and Vega-Embed in one piece."""

from __future__ import annotations

import contextlib
from importlib.metadata import version

from mixsweep.caches import cache_home
from mixsweep.io import UnwritableFileError, write_text

__all__ = ["drawing_script"]


def drawing_script() -> str:
    """Return the script, which depends on vl-convert's version alone, from the cache if it is there.

    Bundling takes a second, a third of a small sweep's page.
    """
    path = cache_home() / "report" / f"vega-{version('vl-convert-python')}.js"
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        script = _bundled()
    with contextlib.suppress(UnwritableFileError):  # without a cache it is bundled each time
        write_text(path, script)
    return script


def _bundled() -> str:
    import vl_convert

    # A function of its own keeps the bundle's short names off the page; "<\/" is the same text in a string.
    names = "window.vegaEmbed = vegaEmbed;"
    return "(function(){" + vl_convert.javascript_bundle(names).replace("</script", "<\\/script") + "})();"
