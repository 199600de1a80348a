"""Which processor this is, for machine code that is kept for it."""

from __future__ import annotations

import platform
from pathlib import Path

__all__ = ["processor"]

#: What Linux says of each processor, and the lines that tell which instructions it has.
LINUX = Path("/proc/cpuinfo")
TELLING = ("model name", "flags", "cpu family", "model", "CPU implementer", "CPU part", "Features")


def processor(description: Path = LINUX) -> str:
    """Return a text that differs between processors that differ in their instructions.

    Machines that are equal in it can run each other's machine code.
    """
    lines = [platform.machine(), platform.processor()]
    try:
        with description.open(encoding="utf-8") as file:
            for line in file:
                if not line.strip():  # the next one is the same
                    break
                if line.partition(":")[0].strip() in TELLING:
                    lines.append(line.strip())
    except OSError:  # not Linux
        pass
    return "\n".join(lines)
