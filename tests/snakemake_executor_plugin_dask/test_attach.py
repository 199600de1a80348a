import copy
import json
import time
from pathlib import Path

import pytest
from snakemake_interface_common.exceptions import WorkflowError

from snakemake_executor_plugin_dask.attach import (
    address_from_file,
    check_versions,
    connect,
    required_resources,
)

MACHINE = {"host": {"python": "3.11.7.final.0"}, "packages": {"dask": "1", "distributed": "2", "numpy": "3"}}


def versions() -> dict:
    one, two, three = (copy.deepcopy(MACHINE) for _ in range(3))
    return {"client": one, "scheduler": two, "workers": {"tcp://a": three}}


def test_same_versions_pass() -> None:
    same = versions()
    same["workers"]["tcp://a"]["host"]["python"] = "3.11.9.final.0"
    same["workers"]["tcp://a"]["packages"]["numpy"] = "4"
    check_versions(same)


def test_differences_are_named() -> None:
    other = versions()
    other["scheduler"]["packages"]["distributed"] = "1.9"
    other["workers"]["tcp://a"]["host"]["python"] = "3.12.0.final.0"
    with pytest.raises(WorkflowError) as error:
        check_versions(other)
    assert "distributed of the scheduler is 1.9, here it is 2" in str(error.value)
    assert "python of worker tcp://a is 3.12, here it is 3.11" in str(error.value)
    assert "dask of" not in str(error.value)


def test_resources() -> None:
    workers = [{"mem_mb": 1000.0}, {"threads": 4.0, "mem_mb": 4000.0}]
    wanted = {"threads": 2, "mem_mb": 500, "runtime": 10, "tmpdir": "/tmp", "_cores": 2}
    assert required_resources(wanted, workers) == {"threads": 2.0, "mem_mb": 500.0}
    assert required_resources(wanted, [{}, {}]) == {}
    assert required_resources(wanted, []) == {}
    # no single worker has both
    with pytest.raises(WorkflowError, match="threads=2, mem_mb=500"):
        required_resources(wanted, [{"threads": 4.0}, {"mem_mb": 4000.0}])


def test_scheduler_file(tmp_path: Path) -> None:
    file = tmp_path / "scheduler.json"
    with pytest.raises(WorkflowError, match="did not appear within 0"):
        address_from_file(file, 0)
    file.write_text(json.dumps({"address": "tcp://127.0.0.1:1"}))
    assert address_from_file(file, 0) == "tcp://127.0.0.1:1"
    file.write_text("{}")
    with pytest.raises(WorkflowError, match="not a Dask scheduler file"):
        address_from_file(file, 0)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense://x"])
def test_nobody_answers(address: str) -> None:
    start = time.monotonic()
    with pytest.raises(WorkflowError, match=f"No Dask scheduler answers at {address}"):
        connect(address, 1)
    assert time.monotonic() - start < 10
