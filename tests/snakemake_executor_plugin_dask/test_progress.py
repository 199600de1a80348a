import threading

from snakemake_executor_plugin_dask.progress import Tally, Ticker


def test_line() -> None:
    now = [0.0]
    tally = Tally(lambda: now[0])
    assert tally.line(10) == "Dask: 0 of 10 jobs done, 0 running, 0 failed"
    for _ in range(5):
        tally.submitted()
    now[0] = 2.0
    tally.ended(True, {"fits": 50})
    tally.ended(True, {"fits": 50, "failures": 3})
    tally.ended(False, {})
    assert tally.line(10) == (
        "Dask: 2 of 10 jobs done, 2 running, 1 failed; 1 jobs/s, about 7 s left; "
        "fits 100 (50/s), failures 3 (1.5/s)"
    )


def test_cpu_line() -> None:
    tally = Tally()
    tally.ended(True, {}, 30.0)
    tally.ended(False, {}, 45.0)
    assert tally.cpu_line(100.0, True) == (
        "Dask: worker computation 75.0 s CPU, everything else 25.0 s CPU (25%)"
    )
    assert tally.cpu_line(9.0, False) == (
        "Dask: worker computation 75.0 s CPU, Snakemake on this machine 9.0 s CPU"
    )


def test_ticker_ticks_until_stopped() -> None:
    ticks = threading.Semaphore(0)
    ticker = Ticker(0.01, ticks.release)
    assert ticks.acquire(timeout=5)
    assert ticks.acquire(timeout=5)
    ticker.stop()
    ticker.stop()
    while ticks.acquire(blocking=False):
        continue
    assert not ticks.acquire(timeout=0.1)
