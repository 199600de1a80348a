"""The data sets which come with mixsweep; their sources and licences are in ``data/README.md``."""

from __future__ import annotations

from importlib.resources import as_file, files

from mixsweep.errors import MixsweepError, nearest
from mixsweep.problems.base import Problem

__all__ = ["BUILTIN", "load_builtin"]

#: Name to (columns, source in words); labels such as the species of iris are not features.
BUILTIN: dict[str, tuple[tuple[str, ...], str]] = {
    "faithful": (
        ("eruptions", "waiting"),
        "Old Faithful geyser, minutes; Azzalini and Bowman 1990, R datasets::faithful",
    ),
    "galaxies": (
        ("velocity_km_s",),
        "Corona Borealis galaxies, km/s; Postman et al. 1986, Roeder 1990; MASS copy (row 78 is 26690, not "
        "26960)",
    ),
    "iris": (
        ("sepal_length", "sepal_width", "petal_length", "petal_width"),
        "Iris, cm; Anderson 1935, Fisher 1936; R copy (rows 35 and 38 differ from the UCI copy)",
    ),
    "wine": (
        (
            "alcohol",
            "malic_acid",
            "ash",
            "alcalinity_of_ash",
            "magnesium",
            "total_phenols",
            "flavanoids",
            "nonflavanoid_phenols",
            "proanthocyanins",
            "color_intensity",
            "hue",
            "od280/od315_of_diluted_wines",
            "proline",
        ),
        "Wine, chemical analysis; Forina et al. 1988, UCI",
    ),
}


def load_builtin(builtin: str, name: str | None = None) -> Problem:
    """Read a built-in data set.

    Parameters
    ----------
    builtin : str
        Which one.
    name : str, optional
        Its name in the sweep; the data set's own by default.

    Raises
    ------
    MixsweepError
        If there is no such data set.
    """
    from mixsweep.problems.files import load_file

    if builtin not in BUILTIN:
        raise MixsweepError(f"no built-in data set {builtin!r}{nearest(builtin, BUILTIN)}")
    columns, source = BUILTIN[builtin]
    with as_file(files("mixsweep.problems") / "data" / f"{builtin}.csv") as path:
        problem = load_file(path, name or builtin, columns)
    return Problem(problem.name, problem.X, problem.features, None, {"builtin": builtin, "source": source})
