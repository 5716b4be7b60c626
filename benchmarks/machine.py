"""Machine and versions of the measurement."""

import argparse
import datetime as dt
import importlib.metadata
import os
import platform
from contextlib import suppress
from pathlib import Path

from benchmarks.tables import Table

LIBRARIES = ("numba", "numpy", "mesa", "mesa-frames", "polars", "starsim")


def measure(options: argparse.Namespace) -> list[Table]:
    """Describe the machine, the versions and the date."""
    row = {
        "date": dt.date.today().isoformat(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else "",
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "load_at_start": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "repetitions": options.repetitions,
    }
    for name in LIBRARIES:
        with suppress(importlib.metadata.PackageNotFoundError):
            row[name] = importlib.metadata.version(name)
    return [Table("machine", [row])]


def _processor() -> str:
    """Return the name of the processor, as far as the system reports it."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
