import copy
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake_interface_common.exceptions import WorkflowError

from snakemake_executor_plugin_dask.attach import (
    address_from_file,
    check_commands,
    check_versions,
    command_versions,
    refuse_open_network,
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


def test_scheduler_file(tmp_path: Path) -> None:
    file = tmp_path / "scheduler.json"
    with pytest.raises(WorkflowError, match="did not appear within 0"):
        address_from_file(file, 0)
    file.write_text(json.dumps({"address": "tcp://127.0.0.1:1"}))
    assert address_from_file(file, 0) == "tcp://127.0.0.1:1"
    file.write_text("{}")
    with pytest.raises(WorkflowError, match="not a Dask scheduler file"):
        address_from_file(file, 0)


@pytest.mark.parametrize(
    ("address", "refused"),
    [
        ("tcp://127.0.0.1:1", False),
        ("tcp://localhost:1", False),
        ("tcp://[::1]:1", False),
        ("tls://10.0.0.1:1", False),
        ("tcp://10.0.0.1:1", True),
        ("tcp://cluster.example.org:8786", True),
    ],
)
def test_open_networks(address: str, refused: bool) -> None:
    if refused:
        with pytest.raises(WorkflowError, match="on a network without encryption"):
            refuse_open_network(address)
    else:
        refuse_open_network(address)


def test_workers_with_other_commands_are_named() -> None:
    ours = command_versions(["snakemake"])
    assert ours["snakemake"].startswith("snakemake 9.")

    def client(found: object) -> SimpleNamespace:
        return SimpleNamespace(run=lambda *_, **__: {"tcp://a": ours, "tcp://b": found})

    check_commands(client(ours), ["snakemake"])
    with pytest.raises(WorkflowError) as error:
        check_commands(client({"snakemake": "snakemake 8.1"}), ["snakemake"])
    assert "snakemake of worker tcp://b is snakemake 8.1, here it is snakemake 9." in str(error.value)
    assert "tcp://a" not in str(error.value)
    with pytest.raises(WorkflowError, match="worker tcp://b cannot run this package: No module named"):
        check_commands(client(ModuleNotFoundError("No module named 'x'")), ["snakemake"])
    assert command_versions(["no-such-command"])["no-such-command"].startswith("not installed")
