"""Cold start: the main command with compilation, without it, and several at once."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.runs import ROOT
from benchmarks.tables import Table

FIRST, AGAIN = 90.0, 20.0  # seconds allowed
SEED, OTHER_SEED = 2015, 7


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this part."""
    parser.add_argument(
        "--job",
        nargs="+",
        default=["replicates=20"],
        metavar="KEY=VALUE",
        help="cold start: settings of the job",
    )
    parser.add_argument(
        "--at-once",
        type=int,
        default=4,
        metavar="PROCESSES",
        help="cold start: processes started together on one empty cache",
    )


def measure(options: argparse.Namespace) -> list[Table]:
    """Time the job cold, warm, and started several times at once on one empty cache."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        first = _timed([_start(options.job, folder, "alone", SEED)])
        seeds = range(OTHER_SEED, OTHER_SEED + options.repetitions)
        again = [_timed([_start(options.job, folder, "alone", seed)]) for seed in seeds]
        jobs = [
            _start(options.job, folder, "together", SEED, f"-{k}") for k in range(options.at_once)
        ]
        together = _timed(jobs)
        same = len({_hashes(folder / f"results-{k}") for k in range(options.at_once)}) == 1
    rows = [
        _row("first run, compilation included", first, FIRST),
        _row("again, other seeds", statistics.median(again), AGAIN),
        _row(f"{options.at_once} at once, nothing compiled", together)
        | {"same_tables": "yes" if same else "NO"},
    ]
    note = f"`marketsim run {' '.join(options.job)}` on all cores ({os.cpu_count()})."
    return [Table("cold start", rows, note)]


def _row(what: str, seconds: float, allowed: float | None = None) -> dict[str, Any]:
    row: dict[str, Any] = {"run": what, "seconds": round(seconds, 1)}
    if allowed:
        row |= {"allowed": allowed, "met": "yes" if seconds <= allowed else "NO"}
    return row


def _start(
    job: list[str], folder: Path, cache: str, seed: int, name: str = ""
) -> subprocess.Popen[str]:
    """Start the job in a process of its own, with a cache folder of this name."""
    output = f"output={folder / ('results' + name)}"
    words = [*job, "progress=false", f"seed={seed}", output]
    return subprocess.Popen(
        [sys.executable, "-m", "marketsim", "run", *words],
        cwd=ROOT,
        env={**os.environ, "NUMBA_CACHE_DIR": str(folder / cache)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def _timed(jobs: list[subprocess.Popen[str]]) -> float:
    """Return the seconds until all jobs, just started, have ended without error."""
    start = time.perf_counter()
    for job in jobs:
        _, err = job.communicate()
        if job.returncode != 0:
            raise RuntimeError(err)
    return time.perf_counter() - start


def _hashes(folder: Path) -> str:
    """Return the hashes of all tables of the one result in a folder."""
    (manifest,) = folder.glob("*/*/manifest.json")
    tables = json.loads(manifest.read_text(encoding="utf-8"))["tables"]
    return json.dumps(tables, sort_keys=True)
