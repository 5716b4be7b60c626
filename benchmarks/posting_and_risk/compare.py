"""Comparison of the installed versions."""

import argparse
from functools import partial

import numpy as np

from benchmarks import runs
from benchmarks.posting_and_risk import DAYS, OURS, VERSIONS, Task, present, task_of
from benchmarks.tables import Rows, Table, rounded

SLOW = {
    "mesa_objects": 10_000,
    "starsim_module": 100_000,
    "starsim_streams": 100_000,
}  # most agents timed
NUMPY = "arrays"


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this part."""
    parser.add_argument(
        "--agents",
        type=int,
        nargs="+",
        default=[1_000, 10_000, 100_000],
        help="sub-model: so many agents",
    )


def measure(options: argparse.Namespace) -> list[Table]:
    """Time all versions at each size, in turn."""
    rows = [row for agents in options.agents for row in one_size(agents, options.repetitions)]
    note = f"{DAYS} days, without initialization, in one thread."
    return [Table("posting and risk", rows, note)]


def one_size(agents: int, repetitions: int) -> Rows:
    """Return nanoseconds for each agent and day, and against ours."""
    installed = present()
    task, small = task_of(agents), task_of(100)
    timed = [name for name in installed if agents <= SLOW.get(name, agents)]
    for name in timed:
        installed[name].prepare(small, 0)()  # compiles

    def seconds(name: str, seed: int) -> float:
        return runs.seconds_of(installed[name].prepare(task, seed))

    arms = {name: partial(seconds, name) for name in timed}
    took = runs.medians(runs.in_turn(arms, repetitions))
    rows: Rows = []
    for name in VERSIONS:
        row = {"agents": agents, "version": installed[name].NAME if name in installed else name}
        if name in took:
            row |= {"ns_an_agent_day": rounded(1e9 * took[name] / agents / DAYS)}
            row |= {"to_ours": rounded(took[name] / took[OURS])}
            if name == NUMPY:
                row |= {"wanted": 1.0, "met": "yes" if took[name] >= took[OURS] else "NO"}
        else:
            row |= {"ns_an_agent_day": "left out" if name in installed else "not installed"}
        rows.append(row)
    return rows


def weekly(name: str, task: Task, seeds: range) -> np.ndarray:
    """Return the posts of each week and seed, shape (seeds, weeks)."""
    days = np.array([present()[name].prepare(task, seed)() for seed in seeds])
    return days[:, : DAYS // 7 * 7].reshape(len(seeds), -1, 7).sum(axis=2)


def distances(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Return how far the mean weeks of two versions are apart, in standard errors."""
    error = one.var(axis=0, ddof=1) / len(one) + two.var(axis=0, ddof=1) / len(two)
    return (one.mean(axis=0) - two.mean(axis=0)) / np.sqrt(error)
