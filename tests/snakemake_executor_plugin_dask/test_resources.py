from types import SimpleNamespace

import pytest
from snakemake_interface_common.exceptions import WorkflowError

from snakemake_executor_plugin_dask.resources import Advertised, required_resources, worker_resources


def test_resources() -> None:
    workers = [{"mem_mb": 1000.0}, {"threads": 4.0, "mem_mb": 4000.0}]
    wanted = {"threads": 2, "mem_mb": 500, "runtime": 10, "tmpdir": "/tmp", "_cores": 2}
    assert required_resources(wanted, workers) == {"threads": 2.0, "mem_mb": 500.0}
    assert required_resources(wanted, [{}, {}]) == {}
    assert required_resources(wanted, []) == {}
    # no single worker has both
    with pytest.raises(WorkflowError, match="threads=2, mem_mb=500"):
        required_resources(wanted, [{"threads": 4.0}, {"mem_mb": 4000.0}])


def test_what_a_worker_of_ours_offers() -> None:
    assert worker_resources(2, "2GB") == {"threads": 2.0, "mem_mb": 2000.0}
    assert worker_resources(1, "auto") == worker_resources(1, "0") == {"threads": 1.0}
    with pytest.raises(WorkflowError, match="A job needs mem_mb=3000, threads=1"):
        required_resources({"mem_mb": 3000, "threads": 1}, [worker_resources(1, "2GB")])


def test_what_workers_advertise_is_asked_for_once_in_a_while() -> None:
    asked = []

    def scheduler_info(n_workers: int) -> dict:
        asked.append(n_workers)
        return {"workers": {"tcp://a": {"resources": {"mem_mb": 1.0}}, "tcp://b": {"resources": {}}}}

    advertised = Advertised(SimpleNamespace(scheduler_info=scheduler_info))
    assert advertised.resources() == advertised.resources() == [{"mem_mb": 1.0}, {}]
    assert asked == [-1]  # all workers, not the first few
