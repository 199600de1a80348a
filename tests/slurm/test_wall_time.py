"""What happens to a run whose worker meets its wall time; the last test, as the run began with the first."""

import pytest

pytestmark = pytest.mark.slurm


def test_a_worker_meets_its_wall_time(doomed, wait) -> None:
    folder, process = doomed
    assert process.wait(150) == 0, folder.printed
    assert (folder.path / "long.done").exists()
    assert (folder.path / "short.done").exists()
    logs = [path.read_text() for path in (folder.path / ".snakemake" / "log").glob("dask-worker-*")]
    assert any("DUE TO TIME LIMIT" in log for log in logs)
    wait(lambda: not folder.processes(), 20, lambda: f"still there: {folder.processes()}")
