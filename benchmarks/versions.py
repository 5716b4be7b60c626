"""Two versions side by side: another checkout and this one, taking turns, each in own processes.

A process runs this file with the package of its checkout, so that nothing else of `benchmarks`,
which the other may not have, is imported at the top.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SURVEYS = 20  # of a calibration, by each process


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this part."""
    parser.add_argument(
        "--other",
        type=Path,
        metavar="CHECKOUT",
        help="versions: a folder with another version of marketsim; without it the part is omitted",
    )
    parser.add_argument(
        "--runs-of",
        nargs="+",
        type=int,
        default=[1_000, 10_000],
        metavar="RETAILERS",
        help="versions: sizes of the markets",
    )


def measure(options: argparse.Namespace) -> list[Any]:
    """Time both versions in turn; the first turn, which may compile, does not count."""
    from benchmarks import runs
    from benchmarks.tables import Table, rounded

    if options.other is None:
        return []
    arms = {"other": options.other.absolute(), "this": runs.ROOT}
    found: dict[str, list[dict[str, float]]] = {name: [] for name in arms}
    for _ in range(options.repetitions + 1):
        for name, checkout in arms.items():
            found[name].append(_in_a_process(checkout, options.runs_of))
    other, this = found["other"][1:], found["this"][1:]
    rows = []
    for work in this[0]:
        pairs = [one[work] / two[work] for one, two in zip(other, this, strict=True)]
        before, now = (statistics.median(turn[work] for turn in turns) for turns in (other, this))
        ratios = {
            "times_as_fast": rounded(before / now),
            "least": rounded(min(pairs)),
            "largest": rounded(max(pairs)),
        }
        is_share = work.startswith("share")
        rows.append(
            {"work": work, "other": rounded(before), "this": rounded(now)}
            | ({} if is_share else ratios)
        )
    note = (
        "CPU seconds, medians of turns; how many times as fast, and the least and the largest "
        "ratio of the two processes of a turn."
    )
    return [Table("versions", rows, note)]


def _in_a_process(checkout: Path, sizes: list[int]) -> dict[str, float]:
    """Return the CPU seconds of each piece of work with the code of a checkout."""
    words = [sys.executable, __file__, *map(str, sizes)]
    changed = {"PYTHONPATH": str(checkout)}
    text = subprocess.run(
        words, cwd=checkout, env={**os.environ, **changed}, stdout=subprocess.PIPE, check=True
    ).stdout
    return dict(json.loads(text))


def main(sizes: list[int]) -> None:
    """Print the CPU seconds of each piece of work; what it calls is the same in both versions."""
    from marketsim.model import market
    from marketsim.parameters import presets
    from marketsim.simulation import run

    def seconds_of(states: list[Any]) -> float:
        start = time.process_time()
        for state in states:
            market.advance(state, 0, state.series.risk.size)
        return (time.process_time() - start) / len(states)

    found = {}
    for size in sizes:
        of = presets.named(population="survey")
        of.posterior, of.population.retailers = "none", size
        market.advance(market.initialize(of, 1), 0, 3)
        states = [market.initialize(of, seed) for seed in range(max(1, 10_000 // size))]
        found[f"a run of {size:,} traders"] = seconds_of(states)
    of = presets.named(population="survey")
    of.posterior, of.market = "none", "posting_only"
    run.statistics([(of, 1)])
    start = time.process_time()
    run.statistics([(of, seed) for seed in range(SURVEYS)])
    whole = (time.process_time() - start) / SURVEYS
    kernels = seconds_of([market.initialize(of, seed) for seed in range(SURVEYS)])
    found["a survey of a calibration"] = whole
    found["share of it outside kernels"] = 1.0 - kernels / whole
    print(json.dumps(found))


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]])
