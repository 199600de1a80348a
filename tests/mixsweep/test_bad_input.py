"""Every mistake in a config: the message names the file, the key, what was found and what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from mixsweep.config import load_config
from mixsweep.errors import MixsweepError
from mixsweep.plan import make_plan

GOOD = {"problems": "{iris: {}}", "methods": "[em]", "n_components": "[2]"}


def config_text(**changes: str | None) -> str:
    """Return a good config with some keys changed, added or (None) left out."""
    keys = GOOD | changes
    return "".join(f"{key}: {value}\n" for key, value in keys.items() if value is not None)


SIMULATE = "{{a: {{simulate: {{n: {n}, d: {d}, k: {k}, separation: {s}{rest}}}}}}}"


def simulated(n: str = "50", d: str = "2", k: str = "3", s: str = "2", rest: str = "") -> str:
    return config_text(problems=SIMULATE.format(n=n, d=d, k=k, s=s, rest=rest))


TWO_OF_A_NAME = (
    "problems: {a-n50-d2-k3-s2-r1: {builtin: iris}, a: {simulate: {n: 50, d: 2, k: 3, separation: 2}}}\n"
    "methods: [em]\nn_components: 2\n"
)

WHOLE = "a whole number of at least 1"
CASES: list[tuple[str, str, tuple[str, ...]]] = [
    # the file itself
    ("empty", "", ("found nothing", "problems:")),
    ("list", "- a\n", ("found a list", "keys and values")),
    ("syntax", "problems: [\n", ("line 2", "not valid YAML")),
    ("tab", "problems:\n\tiris: {}\n", ("line 2", "spaces")),
    ("duplicate key", config_text() + "methods: [lbfgs]\n", ("'methods'", "lines 2 and 4", "once")),
    ("duplicate problem", config_text(problems="\n  iris: {}\n  iris: {}"), ("'iris'", "lines 2 and 3")),
    # keys
    ("misspelt key", config_text(restart="10"), ("'restart'", "did you mean 'restarts'")),
    ("misspelt required key", config_text(problems=None, problem="{iris: {}}"), ("did you mean 'problems'",)),
    ("key a number", config_text() + "1: 2\n", ("found the key 1", "quotes")),
    ("problem key a number", config_text(problems="{iris: {1: 2}}"), ("problems.iris: found the key 1",)),
    ("foreign key", config_text(cores="2"), ("unknown key 'cores'", "Valid:")),
    ("no problems", config_text(problems=None), ("problems", "missing")),
    ("no component counts", config_text(n_components=None), ("n_components", "missing", "problems.iris")),
    ("problem key", config_text(problems="{a: {fil: a.csv}}"), ("problems.a.fil", "did you mean 'file'")),
    ("simulate key", simulated(rest=", separaton: 3"), ("simulate.sep", "did you mean 'separation'")),
    # numbers
    ("restarts 0", config_text(restarts="0"), ("restarts", WHOLE, "found 0")),
    ("restarts text", config_text(restarts="many"), ("restarts", WHOLE, "'many'")),
    ("restarts fraction", config_text(restarts="2.5"), ("restarts", WHOLE, "2.5")),
    ("restarts true", config_text(restarts="true"), ("restarts", WHOLE, "True")),
    ("restarts list", config_text(restarts="[10]"), ("restarts", WHOLE, "[10]")),
    ("restarts huge", config_text(restarts="1000000000"), ("restarts", "at most 100,000,000")),
    ("seed huge", config_text(seed=str(2**63)), ("seed", "below 2**63")),
    ("seed negative", config_text(seed="-1"), ("seed", "at least 0", "-1")),
    ("seed text", config_text(seed="x"), ("seed", "whole number", "'x'")),
    ("tol negative", config_text(tol="-1.0"), ("tol", "a number of at least 0", "-1.0")),
    ("tol nan", config_text(tol=".nan"), ("tol", "a number of at least 0", "nan")),
    ("tol text", config_text(tol="small"), ("tol", "a number", "'small'")),
    ("max_passes 0", config_text(max_passes="0"), ("max_passes", WHOLE)),
    ("floor 0", config_text(covariance_floor="0"), ("covariance_floor", "between 0 and 1", "found 0")),
    ("floor 2", config_text(covariance_floor="2"), ("covariance_floor", "between 0 and 1")),
    ("replace text", config_text(replace="maybe"), ("replace", "true or false", "'maybe'")),
    # component counts
    ("K 0", config_text(n_components="[0, 2]"), ("n_components", "at least 1", "[0, 2]")),
    ("K text", config_text(n_components="[two]"), ("n_components", "word truth")),
    ("K empty", config_text(n_components="[]"), ("n_components", "not an empty list")),
    ("K twice", config_text(n_components="[2, 2]"), ("n_components", "2 is listed twice")),
    ("K truth of real data", config_text(n_components="truth"), ("n_components", "'iris' is not simulated")),
    ("K above n", config_text(n_components="[151]"), ("n_components", "151", "'iris' has 150 rows")),
    (
        "K above n, own",
        config_text(problems="{iris: {n_components: 200}}"),
        ("problems.iris.n_components", "found 200", "150 rows"),
    ),
    # names
    ("name with slash", config_text(problems="{a/b: {builtin: iris}}"), ("problems", "'a/b'", "file names")),
    ("name of the parent", config_text(problems="{..: {builtin: iris}}"), ("'..'", "file names")),
    ("name with space", config_text(problems="{a b: {builtin: iris}}"), ("'a b'", "file names")),
    ("name empty", config_text(problems="{'': {builtin: iris}}"), ("''", "file names")),
    ("name too long", config_text(problems=f"{{{'a' * 101}: {{}}}}"), ("at most 100 characters",)),
    ("name a number", config_text(problems="{1: {builtin: iris}}"), ("problems", "quotes")),
    ("name YAML takes for false", config_text(problems="{no: {builtin: iris}}"), ("False", "quotes")),
    (
        "names differ by case",
        config_text(problems="{iris: {}, Iris: {builtin: iris}}"),
        ("'iris' and 'Iris'",),
    ),
    ("label with slash", config_text(methods="{a/b: {method: em}}"), ("methods", "'a/b'", "file names")),
    ("name from a grid", TWO_OF_A_NAME, ("'a-n50-d2-k3-s2-r1'", "'a'", "Rename")),
    # problems
    ("problems empty", config_text(problems="{}"), ("problems", "at least one problem")),
    ("problems list", config_text(problems="[iris]"), ("problems", "mapping", "['iris']")),
    ("problem text", config_text(problems="{iris: x}"), ("problems.iris", "mapping", "'x'")),
    ("builtin misspelt", config_text(problems="{irs: {}}"), ("problems.irs", "did you mean 'iris'")),
    ("builtin misspelt, own name", config_text(problems="{a: {builtin: irs}}"), ("problems.a", "'iris'")),
    (
        "two sources",
        config_text(problems="{a: {builtin: iris, file: a.csv}}"),
        ("builtin and file", "one of"),
    ),
    (
        "columns without file",
        config_text(problems="{iris: {columns: [a]}}"),
        ("problems.iris.columns", "no file"),
    ),
    (
        "columns text",
        config_text(problems="{a: {file: a.csv, columns: x}}"),
        ("columns", "list of column names"),
    ),
    ("columns twice", config_text(problems="{a: {file: a.csv, columns: [x, x]}}"), ("'x' is listed twice",)),
    ("column a number", config_text(problems="{a: {file: a.csv, columns: [1]}}"), ("columns", "in quotes")),
    (
        "file a number",
        config_text(problems="{a: {file: 3}}"),
        ("problems.a.file", "expected text", "found 3"),
    ),
    (
        "file missing",
        config_text(problems="{a: {file: a.csv}}"),
        ("problems.a", "a.csv", "no such data file"),
    ),
    # simulation
    (
        "simulate n missing",
        config_text(problems="{a: {simulate: {d: 2, k: 3, separation: 1}}}"),
        ("simulate.n",),
    ),
    ("simulate n text", simulated(n="many"), ("simulate.n", "whole number", "'many'")),
    ("simulate n small", simulated(n="2"), ("simulate.n", "found 2 rows", "d + 1 = 3")),
    ("simulate k 0", simulated(k="0"), ("simulate.k", "at least 1")),
    ("simulate d empty", simulated(d="[]"), ("simulate.d", "not an empty list")),
    ("simulate separation negative", simulated(s="-1"), ("simulate.separation", "at least 0")),
    ("simulate separation twice", simulated(s="[2, 2.0]"), ("simulate.separation", "listed twice")),
    ("simulate weights word", simulated(rest=", weights: even"), ("simulate.weights", "equal, unequal")),
    ("simulate weights sum", simulated(rest=", weights: [0.5, 0.2, 0.2]"), ("weights", "sum to 1")),
    ("simulate weights count", simulated(rest=", weights: [0.5, 0.5]"), ("2 weights", "single k")),
    ("simulate replicates 0", simulated(rest=", replicates: 0"), ("simulate.replicates", WHOLE)),
    # families, initializers, methods
    ("family misspelt", config_text(families="[gaussian-ful]"), ("families", "did you mean 'gaussian-full'")),
    ("families empty", config_text(families="[]"), ("families", "at least one name")),
    ("families twice", config_text(families="[gaussian-full, gaussian-full]"), ("families", "listed twice")),
    (
        "initializer misspelt",
        config_text(initializers="[kmeans+]"),
        ("initializers", "did you mean 'kmeans++'"),
    ),
    ("method misspelt", config_text(methods="[emm]"), ("methods.emm", "did you mean 'em'")),
    (
        "method of a label",
        config_text(methods="{slow: {method: adm}}"),
        ("methods.slow", "did you mean 'adam'"),
    ),
    ("label without method", config_text(methods="{mine: {memory: 3}}"), ("methods.mine", "method: em")),
    ("method empty", config_text(methods="[]"), ("methods", "at least one label")),
    ("method twice", config_text(methods="[em, em]"), ("methods", "listed twice")),
    ("method settings text", config_text(methods="{em: fast}"), ("methods", "mapping", "'fast'")),
    ("setting of em", config_text(methods="{em: {memory: 3}}"), ("methods.em", "'memory'", "no settings")),
    (
        "setting misspelt",
        config_text(methods="{lbfgs: {memry: 3}}"),
        ("methods.lbfgs", "did you mean 'memory'"),
    ),
    (
        "setting of wrong value",
        config_text(methods="{adam: {learning_rate: -1}}"),
        ("methods.adam", "learning_rate"),
    ),
    ("setting of wrong type", config_text(methods="{adam: {learning_rate: fast}}"), ("methods.adam",)),
    (
        "setting infinite",
        config_text(methods="{adam: {learning_rate: .inf}}"),
        ("learning_rate", "finite"),
    ),
    (
        "setting a list",
        config_text(methods="{adam: {learning_rate: [1]}}"),
        ("adam.learning_rate", "[1]"),
    ),
    ("memory 0", config_text(methods="{lbfgs: {memory: 0}}"), ("methods.lbfgs", "memory")),
    ("pathvars", config_text(pathvars="{results: 3}"), ("pathvars", "mapping from path names to folders")),
]


@pytest.mark.parametrize(("text", "fragments"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_message_names_file_key_and_expectation(
    tmp_path: Path, text: str, fragments: tuple[str, ...]
) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(text)
    with pytest.raises(MixsweepError) as caught:
        make_plan(load_config(path))
    message = str(caught.value)
    for fragment in ("sweep.yaml", *fragments):
        assert fragment in message
    assert "pydantic" not in message
    assert "Traceback" not in message


def test_the_good_config_is_good(tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(config_text())
    assert len(make_plan(load_config(path)).cells) == 1


def test_without_methods_there_is_em(tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(config_text(methods=None))
    assert list(load_config(path).method_specs) == ["em"]


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_missing_config(tmp_path: Path, name: str) -> None:
    with pytest.raises(MixsweepError, match="expected a YAML file"):
        load_config(tmp_path / name)


def test_config_of_bytes(tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_bytes(b"problems: \xff\xfe\n")
    with pytest.raises(MixsweepError, match="UTF-8"):
        load_config(path)


def test_many_mistakes_make_a_handful_of_lines(tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(config_text(**{f"key{i}": "1" for i in range(9)}))
    with pytest.raises(MixsweepError) as caught:
        load_config(path)
    lines = str(caught.value).splitlines()
    assert len(lines) == 6
    assert lines[-1] == "(and 4 more)"
