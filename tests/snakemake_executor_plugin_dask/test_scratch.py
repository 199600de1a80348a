from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from snakemake_executor_plugin_dask.scratch import read_counts, scratch, tail


@given(lines=st.lists(st.text("ab", min_size=1, max_size=400), max_size=50), skipped=st.integers(0, 50))
def test_the_tail_is_the_last_lines_of_what_was_appended(lines: list[str], skipped: int) -> None:
    with TemporaryDirectory() as folder:
        log = Path(folder, "log")
        before = "".join(f"{line}\n" for line in lines[:skipped])
        log.write_text(before + "".join(f"{line}\n" for line in lines[skipped:]))
        found = tail(log, len(before))
    assert found.split("\n") == (lines[skipped:][-len(found.split("\n")) :] or [""])
    assert len(found) <= 8000
    assert len(found.split("\n")) <= 30
    if sum(len(line) + 1 for line in lines[skipped:]) <= 8000:
        assert len(found.splitlines()) == min(len(lines[skipped:]), 30)


def test_what_cannot_be_read_again_has_no_tail() -> None:
    assert tail("/dev/null") == ""


def test_the_folder_lives_as_long_as_the_job() -> None:
    with scratch() as folder:
        (folder / "file").touch()
    assert not folder.exists()


def test_counts_are_summed_up_to_the_first_line_that_is_none(tmp_path: Path) -> None:
    file = tmp_path / "counts"
    assert read_counts(file) == ({}, "")
    file.write_text('{"fits": 2}\n{"fits": 3, "bad": 1}\n')
    assert read_counts(file) == ({"fits": 5, "bad": 1}, "")
    file.write_text('{"fits": 2}\n[3]\n{"fits": 4}\n')
    counts, warning = read_counts(file)
    assert counts == {"fits": 2}
    assert warning.endswith("is not a JSON object of integers: '[3]'")
