"""How many runs of a study a second, on one thread and on two."""

import argparse
from functools import partial

from benchmarks import runs
from benchmarks.tables import Rows, Table, rounded
from marketsim.parameters.settings import Settings
from marketsim.simulation import run

THREADS = (1, 2)
LEAST = 2 * max(THREADS)


def options(words: argparse.ArgumentParser) -> None:
    """Add the options of this part."""
    words.add_argument(
        "--replicates",
        type=int,
        default=20,
        metavar="RUNS",
        help="replicates: so many runs of a market of 1,000 traders, fewer of a larger one",
    )


def measure(asked: argparse.Namespace) -> list[Table]:
    """Time the runs of a study with their tables, in a small market and in the one asked for."""
    rows = []
    for population in dict.fromkeys(("survey", asked.population)):
        of = runs.settings(population)
        number = max(asked.replicates * 1000 // of.population.retailers, LEAST)
        rows += [{"population": population} | row for row in over_threads(of, number, asked)]
    return [Table("replicates", rows, "What is not lived, tables above all, waits for its turn.")]


def over_threads(of: Settings, number: int, asked: argparse.Namespace) -> Rows:
    """Time so many runs on each number of threads, in turn."""
    run.replicate(of, range(LEAST), max(THREADS))

    def seconds(threads: int, repetition: int) -> float:
        jobs = range(repetition * number, (repetition + 1) * number)
        return runs.seconds_of(lambda: run.replicate(of, jobs, threads))

    arms = {str(threads): partial(seconds, threads) for threads in THREADS}
    took = runs.medians(runs.in_turn(arms, asked.repetitions))
    return [
        {
            "threads": threads,
            "runs": number,
            "seconds": rounded(took[str(threads)]),
            "runs_a_second": rounded(number / took[str(threads)]),
            "to_one_thread": rounded(took["1"] / took[str(threads)]),
        }
        for threads in THREADS
    ]
