"""Dask's configuration for clusters of our own, each value with its reason."""

import json
from typing import Any

__all__ = ["EVERYWHERE", "ON_SLURM", "ON_WORKERS", "variables"]

ON_WORKERS: dict[str, Any] = {
    # Dask holds nothing but exit codes, so it could not free memory:
    # a paused worker would only stay paused.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    # Daemons may not start processes, commands may.
    "distributed.worker.daemon": False,
    # Dask has freed memory given back to the system at once, for workers that
    # hold data. A numerical command would then fetch each temporary array of
    # 128 kB or more page by page again, which took a third of its time.
    "distributed.nanny.pre-spawn-environ": {
        "MALLOC_TRIM_THRESHOLD_": 2**27,
        "MALLOC_MMAP_THRESHOLD_": 2**25,
    },
}

EVERYWHERE: dict[str, Any] = ON_WORKERS | {
    # 0 would blame jobs that only waited on a worker that died
    "distributed.scheduler.allowed-failures": 3,
    # A command may keep the interpreter's lock for minutes, so silence
    # is no sign of death; a closed connection is.
    "distributed.scheduler.worker-ttl": None,
}

ON_SLURM: dict[str, Any] = EVERYWHERE | {
    # A worker holds no job in reserve, which would wait for it when it retires.
    "distributed.scheduler.worker-saturation": 1.0,
    # A worker whose connection is gone has met its wall time; the next may be asked for.
    "distributed.deploy.lost-worker-timeout": "2s",
}


def variables(config: dict[str, Any]) -> dict[str, str]:
    """Return the environment in which another process finds this configuration."""
    return {
        "DASK_" + key.upper().replace(".", "__").replace("-", "_"): json.dumps(value)
        for key, value in config.items()
    }
