import pytest
from hypothesis import given
from hypothesis import strategies as st

from snakemake_executor_plugin_dask.options import ClusterError, Options, is_loopback, seconds

SLURM = {"workers": 4, "kind": "slurm", "memory": "2GiB"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30", 1800),
        ("30:15", 1815),
        ("01:30:00", 5400),
        ("2-00", 172800),
        ("1-02:03", 93780),
        ("1-02:03:04", 93784),
    ],
)
def test_durations_in_slurm_s_notation(text: str, expected: int) -> None:
    assert seconds(text) == expected


@given(st.integers(0, 30), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_durations_there_and_back(days: int, hours: int, minutes: int, rest: int) -> None:
    total = ((days * 24 + hours) * 60 + minutes) * 60 + rest
    assert seconds(f"{days}-{hours:02}:{minutes:02}:{rest:02}") == total


@pytest.mark.parametrize("text", ["", "1h", "1:2:3:4", "-5", "infinite"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(ClusterError, match="--dask-walltime has to be a time as Slurm writes it"):
        seconds(text)


def test_options_travel_as_text() -> None:
    options = Options(**SLURM, directives=("--qos=long", '--comment="a b"'), partition="short")
    assert Options.from_json(options.to_json()) == options


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"kind": "cloud"}, "--dask-cluster has to be one of local, slurm, allocation; found 'cloud'"),
        ({"workers": 0}, "at least 1"),
        ({"threads": 0}, "at least 1"),
        ({"memory": "plenty"}, "has to be a size such as 2GiB, or auto; found 'plenty'"),
        ({"memory": "auto"}, "Slurm jobs need a memory limit"),
        ({"minimum": 5}, "--dask-minimum-workers is 5"),
        ({"walltime": "00:05:00"}, "leaves nothing of the wall time"),
        ({"walltime": "soon"}, "found 'soon'"),
    ],
)
def test_options_that_make_no_sense(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ClusterError, match=message):
        Options(**(SLURM | wrong))


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("127.0.1.1", True), ("localhost", True), ("::1", True), ("10.0.0.1", False)],
)
def test_loopback(host: str, local: bool) -> None:
    assert is_loopback(host) is local
