"""During a default run nobody else can talk to the cluster: not over the network, nor on this machine."""

import signal
import socket
from pathlib import Path

import psutil
import pytest
from snakemake_interface_common.exceptions import WorkflowError

from snakemake_executor_plugin_dask import credentials
from snakemake_executor_plugin_dask.connection import connect

SLEEP = """
    rule sleep:
        output: "end"
        shell: "toycmd sleep 100 start {output}"
"""


def own_addresses() -> list[str]:
    """Return the addresses of this machine that others can reach it by."""
    found = [address.address for group in psutil.net_if_addrs().values() for address in group]
    return [address for address in found if "." in address and not address.startswith("127.")]


def is_open(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex((address, port)) == 0


@pytest.fixture
def running(make_flow, wait):
    flow = make_flow(SLEEP)
    scratch = flow.folder / "scratch"
    snakemake = flow.start("--dask-dashboard-port", "0", "--dask-local-directory", str(scratch))
    wait((flow.folder / "start").exists, 60, lambda: (flow.folder / "output").read_text())
    yield flow
    snakemake.send_signal(signal.SIGINT)
    assert snakemake.wait(20) == 1
    assert flow.scratch_folders() == []


def test_a_scan_of_the_ports(running, tmp_path: Path) -> None:
    listening = {
        (connection.laddr.ip, connection.laddr.port)
        for process in running.processes()
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    }
    # the scheduler, its dashboard, the worker, and its nanny
    assert len(listening) >= 4
    assert {address for address, _ in listening} == {"127.0.0.1"}
    assert all(is_open("127.0.0.1", port) for _, port in listening)
    reachable = [(a, port) for a in own_addresses() for _, port in listening if is_open(a, port)]
    assert reachable == []
    # who is on this machine, but has not the run's credentials
    (folder,) = (running.folder / "scratch").glob("dask-credentials-*")
    assert folder.stat().st_mode & 0o077 == 0
    credentials.make(tmp_path / "other")
    accepted = []
    for _, port in listening:
        for address, tls in (
            (f"tcp://127.0.0.1:{port}", None),
            (f"tls://127.0.0.1:{port}", tmp_path / "other"),
        ):
            try:
                connect(address, 1, tls).close()
            except WorkflowError:
                continue
            accepted.append(address)
    assert accepted == []
