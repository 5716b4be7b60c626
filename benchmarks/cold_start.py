"""Cold start: the main command with compilation, without it, ahead of it, and several at once."""

import argparse
import json
import os
import resource
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
    """Time the job cold, warm, with portable kernels, and several times at once while cold."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        first = _timed([_start(options.job, folder, "alone", SEED)])
        seeds = range(OTHER_SEED, OTHER_SEED + options.repetitions)
        again = [_timed([_start(options.job, folder, "alone", seed)]) for seed in seeds]
        ahead = _timed([_command(["compile", "--to", "ahead"], folder, "ahead")])
        portable = [
            _timed([_start(options.job, folder, "ahead", seed, "-ahead")]) for seed in seeds
        ]
        names = [f"-{k}" for k in range(options.at_once)]
        together = _timed([_start(options.job, folder, "together", SEED, name) for name in names])
        same = len({_hashes(folder / f"results{name}") for name in names}) == 1
    rows = [
        _row("first run, compilation included", first, FIRST),
        _row("again, other seeds", _median(again), AGAIN),
        _row("`marketsim compile --to FOLDER`", ahead),
        _row("run with the kernels of that folder", _median(portable), AGAIN),
        _row(f"{options.at_once} at once, nothing compiled", together)
        | {"same_tables": "yes" if same else "NO"},
    ]
    note = f"`marketsim run {' '.join(options.job)}` on all cores ({os.cpu_count()})."
    return [Table("cold start", rows, note)]


def _median(timed: list[tuple[float, float]]) -> tuple[float, float]:
    seconds, cpu = zip(*timed, strict=True)
    return statistics.median(seconds), statistics.median(cpu)


def _row(what: str, timed: tuple[float, float], allowed: float | None = None) -> dict[str, Any]:
    seconds, cpu = timed
    row: dict[str, Any] = {"run": what, "seconds": round(seconds, 1), "cpu_seconds": round(cpu, 1)}
    if allowed:
        row |= {"allowed": allowed, "met": "yes" if seconds <= allowed else "NO"}
    return row


def _start(
    job: list[str], folder: Path, cache: str, seed: int, name: str = ""
) -> subprocess.Popen[str]:
    """Start the job in a process of its own, with a cache folder of this name."""
    output = f"output={folder / ('results' + name)}"
    words = [*job, "progress=false", "panel=new", f"seed={seed}", output]
    return _command(["run", *words], folder, cache)


def _command(words: list[str], folder: Path, cache: str) -> subprocess.Popen[str]:
    """Start marketsim in a folder; no other cache than this one is read."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    caches = {"NUMBA_CACHE_DIR": str(folder / cache), "XDG_CACHE_HOME": str(folder / "none")}
    return subprocess.Popen(
        [sys.executable, "-m", "marketsim", *words],
        cwd=folder,
        env={**os.environ, **caches, "PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def _timed(jobs: list[subprocess.Popen[str]]) -> tuple[float, float]:
    """Return the seconds until all jobs have ended without error, and their CPU seconds."""
    start, before = time.perf_counter(), _cpu()
    for job in jobs:
        _, err = job.communicate()
        if job.returncode != 0:
            raise RuntimeError(err)
    return time.perf_counter() - start, _cpu() - before


def _cpu() -> float:
    """Return the CPU seconds of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _hashes(folder: Path) -> str:
    """Return the hashes of all tables of the one result in a folder."""
    (manifest,) = folder.glob("*/*/manifest.json")
    tables = json.loads(manifest.read_text(encoding="utf-8"))["tables"]
    return json.dumps(tables, sort_keys=True)
