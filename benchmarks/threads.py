"""One large market on one thread and on several.

Two copies of a market are advanced by turns, some days at a time: one on one thread, one on several
threads. That they are the same in the end is checked too.
"""

import argparse
import statistics
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from benchmarks import runs
from benchmarks.tables import Table, rounded
from marketsim.model import market

STRETCH = 4  # days that a copy is advanced in its turn
WANTED, WANTED_AT = 1.4, (1_000_000, 2)  # times as fast; in a market of so many, on so many threads
PIECE = 10_000_000  # numbers
GOAL = 60.0  # seconds of that market


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this part."""
    parser.add_argument(
        "--shared",
        type=int,
        nargs="+",
        default=[30_000, 100_000],
        metavar="RETAILERS",
        help="threads: markets of so many retailers, with 100 buyers each",
    )
    parser.add_argument(
        "--threads", type=int, default=2, help="threads: so many; as many cores must be idle"
    )


def measure(options: argparse.Namespace) -> list[Table]:
    """Time markets on one thread and on several, by turns."""
    runs.simulated(runs.settings(retailers=100), 0)  # compiles
    rows = [one_size(retailers, options.threads) for retailers in options.shared]
    note = (
        f"All days, without initialization; stretches of {STRETCH} days on one thread and on "
        "several, by turns. The last ratios are the least and the largest of a stretch."
    )
    return [Table("threads", rows, note)]


def one_size(retailers: int, threads: int) -> dict[str, Any]:
    """Return the figures of a market of one size."""
    of = runs.settings(retailers=retailers, buyers=100.0)
    alone, shared = market.initialize(of, 1), market.initialize(of, 1)
    days = alone.series.risk.size
    found = []
    for number, row in enumerate(range(0, days, STRETCH)):
        stretch = (row, min(row + STRETCH, days))
        arms = {
            "one": partial(market.advance, alone, *stretch, 1),
            "several": partial(market.advance, shared, *stretch, threads),
        }
        turn = list(arms)[:: 1 if number % 2 == 0 else -1]
        found.append({arm: runs.seconds_of(arms[arm]) for arm in turn})
    seconds = {arm: sum(one[arm] for one in found) for arm in ("one", "several")}
    ratios = [one["one"] / one["several"] for one in found]
    figures = {
        "retailers": retailers,
        "buyers": alone.trade.buyers.risk.size,
        "threads": threads,
        "one_thread_seconds": rounded(seconds["one"]),
        "seconds": rounded(seconds["several"]),
        "times_as_fast": rounded(seconds["one"] / seconds["several"]),
        "median": rounded(statistics.median(ratios)),
        "least": rounded(min(ratios)),
        "largest": rounded(max(ratios)),
        "same_state": "yes" if is_same(alone, shared) else "NO",
    }
    if (retailers, threads) == WANTED_AT:
        fast = seconds["one"] >= WANTED * seconds["several"]
        figures |= {"wanted": WANTED, "met": "yes" if fast else "NO", "goal_seconds": GOAL}
    return figures


def is_same(one: Any, other: Any) -> bool:
    """Return whether all arrays of two markets have the same bytes."""
    pairs = zip(_pieces(one), _pieces(other), strict=True)
    return all(np.array_equal(a.view(np.uint8), b.view(np.uint8)) for a, b in pairs)


def _pieces(value: Any) -> Iterator[np.ndarray]:
    """Yield the arrays of a market in pieces: comparing a large one at once would fill memory."""
    if isinstance(value, np.ndarray):
        flat = value.reshape(-1)
        yield from (flat[start : start + PIECE] for start in range(0, flat.size, PIECE))
    elif isinstance(value, tuple):
        for one in value:
            yield from _pieces(one)
