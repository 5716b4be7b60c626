"""A run of a preset population after compilation, and what more people cost at the same trade."""

import argparse
import statistics

from benchmarks import runs
from benchmarks.tables import Table
from marketsim.model.state import TradeCounter

BUYERS = (5.0, 50.0, 500.0)  # per retailer: the same trade among ever more people


def measure(asked: argparse.Namespace) -> list[Table]:
    """Time whole runs, and runs with ever more buyers."""
    return [
        default_run(asked.population, asked.repetitions),
        over_buyers(asked.population, asked.repetitions),
    ]


def default_run(population: str, repetitions: int) -> Table:
    """Time whole runs after a first one that compiles."""
    one = runs.settings(population)
    runs.lived(one, 0)
    found = [runs.lived(one, seed) for seed in range(1, repetitions + 1)]
    made, alive = ([run[k] for run in found] for k in (1, 2))
    row = {
        "population": population,
        "make_seconds": round(statistics.median(made), 3),
        "live_seconds": round(statistics.median(alive), 3),
        "slowest_seconds": round(max(a + b for a, b in zip(made, alive, strict=True)), 3),
    }
    return Table("default run", [row])


def over_buyers(population: str, repetitions: int) -> Table:
    """Time runs with ever more buyers at the same trade volume, in turn."""
    found: dict[float, list[tuple[int, float]]] = {buyers: [] for buyers in BUYERS}
    sizes = {}
    for seed in range(repetitions):
        for buyers in BUYERS:
            state, _, seconds = runs.lived(runs.settings(population, buyers=buyers), seed)
            found[buyers].append((runs.counted(state, TradeCounter.INQUIRIES), seconds))
            sizes[buyers] = state.trade.buyers.risk.size
    rows = [
        {
            "buyers": sizes[buyers],
            "inquiries": int(statistics.median(one[0] for one in found[buyers])),
            "live_seconds": round(statistics.median(one[1] for one in found[buyers]), 3),
        }
        for buyers in BUYERS
    ]
    return Table("over buyers", rows, "The same trade among ever more people.")
