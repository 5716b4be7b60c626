"""Time and memory of a run by size of the market and by volume of trade."""

import argparse
import json
import resource
import statistics
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import runs
from benchmarks.tables import Rows, Table, rounded
from marketsim.model.state import TradeCounter

SIZES = (1_000, 3_000, 10_000, 30_000, 100_000)
BUYERS = 100.0  # for each retailer, in markets of every size
TRADE = (0.01, 0.1, 1.0, 10.0, 100.0)  # inquiries and visits, against the calibrated
ANSWERS = 1000.0  # a day and seller: no inquiry is left unanswered while trade grows


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this part."""
    parser.add_argument(
        "--sizes",
        type=int,
        nargs="+",
        default=SIZES,
        metavar="RETAILERS",
        help="scaling: markets of so many retailers, with 100 buyers each",
    )
    parser.add_argument(
        "--trade-at",
        type=int,
        default=10_000,
        metavar="RETAILERS",
        help="scaling: the market whose trade grows",
    )


def measure(options: argparse.Namespace) -> list[Table]:
    """Time markets of growing size, of growing trade, and the national market."""
    sizes = {f"{n:,}": {"retailers": n, "demand": {"buyers": BUYERS}} for n in options.sizes}
    trade = {f"{x:g}": _trade(x, options.trade_at) for x in TRADE}
    found = measured(sizes | trade | {"national": {"population": "national"}}, options.repetitions)
    return [
        over_size([found[name] for name in sizes]),
        over_trade([found[name] | {"trade": float(name)} for name in trade], options.trade_at),
        Table("national", [{"population": "national"} | figures(found["national"])]),
    ]


def _trade(factor: float, retailers: int) -> dict[str, Any]:
    usual = runs.settings().demand
    demand = {
        "inquiries_per_post": usual.inquiries_per_post * factor,
        "visits": usual.visits * factor,
        "max_inquiries_per_day": ANSWERS,
    }
    return {"retailers": retailers, "demand": demand}


def measured(tasks: dict[str, dict[str, Any]], repetitions: int) -> dict[str, Any]:
    """Simulate each task in a process of its own, in turn; return medians of its figures."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in tasks}
    for seed in range(1, repetitions + 1):
        for name, task in tasks.items():
            found[name].append(runs.in_a_process("benchmarks.scaling", task | {"seed": seed}))
    return {
        name: {key: statistics.median(one[key] for one in several) for key in several[0]}
        for name, several in found.items()
    }


def figures(one: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a market."""
    return {
        "retailers": int(one["retailers"]),
        "buyers": int(one["buyers"]),
        "inquiries": int(one["inquiries"]),
        "deals": int(one["deals"]),
        "setup_seconds": rounded(one["setup_seconds"]),
        "run_seconds": rounded(one["run_seconds"]),
        "microseconds_an_inquiry": rounded(1e6 * one["run_seconds"] / max(one["inquiries"], 1)),
        "market_gb": rounded(one["market_gb"]),
        "peak_gb": rounded(one["peak_gb"]),
    }


def over_size(found: list[dict[str, Any]]) -> Table:
    """Return the table over sizes."""
    rows = [figures(one) for one in found]
    return Table("scaling with size", rows, _exponents(rows, "retailers", "inquiries"))


def over_trade(found: list[dict[str, Any]], retailers: int) -> Table:
    """Return the table over trade volumes at one size."""
    rows = [{"times_calibrated": one["trade"]} | figures(one) for one in found]
    note = f"{retailers:,} retailers. {_exponents(rows, 'inquiries')}"
    least, usual = found[0], next(one for one in found if one["trade"] == 1.0)
    more = usual["inquiries"] - least["inquiries"]
    if more:
        each = 1e6 * (usual["run_seconds"] - least["run_seconds"]) / more
        note += f" At the calibrated trade one more inquiry costs {rounded(each)} µs."
    return Table("scaling with trade", rows, note)


def _exponents(rows: Rows, *names: str) -> str:
    """Describe with which power the time grows (least squares on logarithms)."""
    if len(rows) < 2:
        return ""
    slopes = {name: exponent(rows, name) for name in names}
    powers = ", ".join(f"{name} to the power of {slope:.2f}" for name, slope in slopes.items())
    return f"The time grows with {powers}."


def exponent(rows: Rows, name: str) -> float:
    """Return the slope of the logarithm of seconds against that of another figure."""
    logs = [np.log([row[key] for row in rows]) for key in (name, "run_seconds")]
    return float(np.polyfit(*logs, 1)[0])


def simulate_one(seed: int, demand: dict[str, float], **which: Any) -> dict[str, float]:
    """Simulate one market in this process and return its figures, memory among them."""
    runs.simulated(runs.settings(retailers=100), 0)  # compiles, or reads what was compiled
    before = peak()
    state, setup, run = runs.simulated(runs.settings(**which, **demand), seed)
    return {
        "retailers": state.founders,
        "buyers": state.trade.buyers.risk.size,
        "inquiries": runs.counted(state, TradeCounter.INQUIRIES),
        "deals": runs.counted(state, TradeCounter.DEALS),
        "setup_seconds": setup,
        "run_seconds": run,
        "market_gb": (peak() - before) / 1e9,
        "peak_gb": peak() / 1e9,
    }


def peak() -> int:
    """Return the peak memory of this process in bytes.

    On Linux the peak of `getrusage` includes the process that started this one.
    """
    status = Path("/proc/self/status")
    if not status.is_file():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lines = dict(line.split(":", 1) for line in status.read_text(encoding="utf-8").splitlines())
    return 1024 * int(lines["VmHWM"].split()[0])


if __name__ == "__main__":
    print(json.dumps(simulate_one(**{"demand": {}} | json.load(sys.stdin))))
