"""What a worker of ours does beside its jobs: it retires before its time is up.

Preloaded by ``dask worker --preload``. Dask's own ``--lifetime`` does not wait for
the job that is running, whose work would be lost.
"""

import asyncio
import os
import random
from typing import Any

__all__ = ["RETIRE_VARIABLE", "STAGGER", "dask_setup"]

RETIRE_VARIABLE = "DASK_EXECUTOR_RETIRE_AFTER"
# Workers that started together retire over this share of their time, so that the
# queue gets their successors one after the other.
STAGGER = 0.1

_LOOK_SECONDS = 0.5
_FETCH_SECONDS = 20.0


async def dask_setup(worker: Any) -> None:
    """Let a worker retire when its time has come.

    Parameters
    ----------
    worker
        A ``distributed.Worker``.
    """
    after = float(os.environ[RETIRE_VARIABLE])
    after *= 1 - STAGGER * random.random()
    worker.snakemake_retirement = asyncio.create_task(_retire(worker, after))


async def _retire(worker: Any, after: float) -> None:
    """Take no new job from a moment on, finish the one that runs, and leave."""
    from distributed import Status

    await asyncio.sleep(after)
    # Dask's own monitor of memory would end the pause, but it is switched off (see config.py).
    worker.status = Status.paused
    while worker.state.executing_count:
        await asyncio.sleep(_LOOK_SECONDS)
    # A result that nobody has fetched yet would be computed again.
    looks = int(_FETCH_SECONDS / _LOOK_SECONDS)
    while worker.data and (looks := looks - 1) > 0:
        await asyncio.sleep(_LOOK_SECONDS)
    await worker.close_gracefully(reason="its time is nearly up")
