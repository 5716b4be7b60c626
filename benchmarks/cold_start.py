"""The main job as a newcomer meets it: compilation and all, then again, then several at once."""

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

FIRST, AGAIN = 90.0, 20.0  # seconds that are allowed
SEED, OTHER_SEED = 2015, 7


def options(words: argparse.ArgumentParser) -> None:
    """Add the options of this part."""
    words.add_argument(
        "--job",
        nargs="+",
        default=["replicates=20"],
        metavar="KEY=VALUE",
        help="cold start: settings of the job",
    )
    words.add_argument(
        "--at-once",
        type=int,
        default=4,
        metavar="PROCESSES",
        help="cold start: so many begin together on one empty cache",
    )


def measure(asked: argparse.Namespace) -> list[Table]:
    """Time the job cold, warm, and begun several times at once on one empty cache."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        first = _timed([_begun(asked.job, folder, "alone", SEED)])
        seeds = range(OTHER_SEED, OTHER_SEED + asked.repetitions)
        again = [_timed([_begun(asked.job, folder, "alone", seed)]) for seed in seeds]
        jobs = [_begun(asked.job, folder, "together", SEED, f"-{k}") for k in range(asked.at_once)]
        together = _timed(jobs)
        same = len({_hashes(folder / f"results-{k}") for k in range(asked.at_once)}) == 1
    rows = [
        _row("first run, compilation included", first, FIRST),
        _row("again, other seeds", statistics.median(again), AGAIN),
        _row(f"{asked.at_once} at once, nothing compiled", together)
        | {"same_tables": "yes" if same else "NO"},
    ]
    note = f"`marketsim run {' '.join(asked.job)}` on all cores ({os.cpu_count()})."
    return [Table("cold start", rows, note)]


def _row(what: str, seconds: float, allowed: float | None = None) -> dict[str, Any]:
    row: dict[str, Any] = {"run": what, "seconds": round(seconds, 1)}
    if allowed:
        row |= {"allowed": allowed, "met": "yes" if seconds <= allowed else "NO"}
    return row


def _begun(
    job: list[str], folder: Path, cache: str, seed: int, name: str = ""
) -> subprocess.Popen[str]:
    """Begin the job in a process of its own, with a cache folder of this name."""
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
    """Return the seconds until all jobs, begun just now, have ended well."""
    start = time.perf_counter()
    for job in jobs:
        _, said = job.communicate()
        if job.returncode != 0:
            raise RuntimeError(said)
    return time.perf_counter() - start


def _hashes(folder: Path) -> str:
    """Return the hashes of all tables of the one result in a folder."""
    (manifest,) = folder.glob("*/*/manifest.json")
    tables = json.loads(manifest.read_text(encoding="utf-8"))["tables"]
    return json.dumps(tables, sort_keys=True)
