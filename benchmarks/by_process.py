"""What each process of the day takes, and how much of it are the draws that it must make."""

import argparse
import json
import statistics
import sys
import tempfile
import time
import types
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import runs
from benchmarks.tables import Table, rounded
from marketsim.model import market
from marketsim.model.state import MarketState
from marketsim.numerics import rng
from marketsim.numerics.jit import array_kernel

BLOCKS = 1_000_000
LARGEST = 5
Around = Callable[[str, Callable[..., Any], tuple[Any, ...]], Any]


def options(words: argparse.ArgumentParser) -> None:
    """Add the options of this part."""
    words.add_argument(
        "--no-floor",
        action="store_true",
        help="by process: do not count draws (saves a compilation)",
    )


def measure(asked: argparse.Namespace) -> list[Table]:
    """Time each process of the day, and hold the largest against the draws they make."""
    found = [seconds_by_process(asked.population, seed) for seed in range(asked.repetitions)]
    middle = Counter({name: statistics.median(one[name] for one in found) for name in found[0]})
    tables = [shares(middle)]
    if not asked.no_floor:
        tables.append(floors(middle, blocks_by_process(asked.population, 0), asked.repetitions))
    return tables


def shares(seconds: Counter[str]) -> Table:
    """Return the share of each process in the day."""
    whole = sum(seconds.values())
    rows = [
        {"process": name, "milliseconds": round(1e3 * took, 1), "share": round(took / whole, 3)}
        for name, took in seconds.most_common()
    ]
    return Table("by process", rows)


def floors(seconds: Counter[str], blocks: dict[str, int], repetitions: int) -> Table:
    """Return the seconds that the blocks of the largest processes take by themselves."""
    each = statistics.median(seconds_a_block(n) for n in range(repetitions))
    rows = []
    for name, took in seconds.most_common(LARGEST):
        floor = blocks[name] * each
        rows.append(
            {
                "process": name,
                "blocks": blocks[name],
                "measured_milliseconds": round(1e3 * took, 1),
                "floor_milliseconds": round(1e3 * floor, 1),
                "measured_to_floor": rounded(took / floor) if floor else "no draws",
            }
        )
    note = f"A block of the generator (four draws) takes {1e9 * each:.1f} ns in a loop of its own."
    return Table("draws as the floor", rows, note)


def day_around(around: Around) -> Callable[[MarketState, int, int], None]:
    """Return the order of the day in which every process is called through `around`."""
    names = [name for name in market.advance.py_func.__code__.co_names if name in vars(market)]
    processes = [name for name in names if hasattr(vars(market)[name], "py_func")]

    def wrapped(name: str) -> Callable[..., Any]:
        return lambda *arguments: around(name, vars(market)[name], arguments)

    known = vars(market) | {name: wrapped(name) for name in processes}
    return types.FunctionType(market.advance.py_func.__code__, known)


def seconds_by_process(population: str, seed: int) -> Counter[str]:
    """Return the seconds of each process over one run, less those of handing over its arguments.

    A run calls them from compiled code, where to hand over hundreds of arrays costs nothing; here
    they are called from Python, each beside a kernel with the same arguments that does nothing.
    """
    seconds: Counter[str] = Counter()

    def timed(name: str, process: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        start = time.perf_counter()
        _nothing(*arguments)
        handed = time.perf_counter()
        out = process(*arguments)
        seconds[name] += time.perf_counter() - handed - (handed - start)
        return out

    state, live = market.initialize(runs.settings(population), seed), day_around(timed)
    live(state, 0, 2)  # compiles
    seconds.clear()
    live(state, 2, state.series.risk.size)
    return Counter({name: max(took, 0.0) for name, took in seconds.items()})


def blocks_by_process(population: str, seed: int) -> dict[str, int]:
    """Return the blocks of each process over one run, counted in a process of its own."""
    task = {"population": population, "seed": seed}
    with tempfile.TemporaryDirectory() as empty:
        return runs.in_a_process("benchmarks.by_process", task, NUMBA_CACHE_DIR=empty)


def count_blocks(population: str, seed: int) -> Counter[str]:
    """Count the blocks of each process in this process, whose kernels are given up for it."""
    from benchmarks import other_words

    other_words.replace(other_words.counted)
    blocks: Counter[str] = Counter()

    def counting(name: str, process: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        before = int(other_words.COUNTER[0])
        out = process(*arguments)
        blocks[name] += int(other_words.COUNTER[0]) - before
        return out

    state, live = market.initialize(runs.settings(population), seed), day_around(counting)
    live(state, 0, 2)
    blocks.clear()
    live(state, 2, state.series.risk.size)
    return blocks


def seconds_a_block(seed: int) -> float:
    """Return the seconds that one block takes, among many in a row."""
    _blocks(seed, 1)
    return runs.seconds_of(lambda: _blocks(seed, BLOCKS)) / BLOCKS


@array_kernel
def _nothing(*_):
    """Do nothing with any arguments."""


@array_kernel
def _blocks(seed, number):
    """Make blocks, and let none of their words be left out."""
    out = np.uint64(0)
    for agent in range(number):
        a, b, c, d = rng.words(seed, 4, 0, agent, 0)
        out ^= a ^ b ^ c ^ d
    return out


if __name__ == "__main__":
    print(json.dumps(count_blocks(**json.load(sys.stdin))))
