"""How seconds and memory grow with the market and with its trade."""

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
LARGEST = 1_000_000
TRADE = (0.01, 0.1, 1.0, 10.0, 100.0)  # inquiries and visits, against the calibrated
ANSWERS = 1000.0  # a day and seller: nobody is turned away while trade grows


def options(words: argparse.ArgumentParser) -> None:
    """Add the options of this part."""
    words.add_argument(
        "--sizes",
        type=int,
        nargs="+",
        default=SIZES,
        metavar="RETAILERS",
        help="scaling: markets of so many retailers, with 100 buyers each",
    )
    words.add_argument(
        "--trade-at",
        type=int,
        default=10_000,
        metavar="RETAILERS",
        help="scaling: the market whose trade grows",
    )
    words.add_argument(
        "--largest",
        action="store_true",
        help="scaling: a million retailers with 100 million buyers as well, once",
    )


def measure(asked: argparse.Namespace) -> list[Table]:
    """Time markets of growing size, of growing trade, the nation, and the largest if asked for."""
    sizes = {f"{n:,}": {"retailers": n, "demand": {"buyers": BUYERS}} for n in asked.sizes}
    trade = {f"{x:g}": _trade(x, asked.trade_at) for x in TRADE}
    found = measured(sizes | trade | {"national": {"population": "national"}}, asked.repetitions)
    tables = [
        over_size([found[name] for name in sizes]),
        over_trade([found[name] | {"trade": float(name)} for name in trade], asked.trade_at),
        Table("national", [{"population": "national"} | figures(found["national"])]),
    ]
    if asked.largest:
        task = {"retailers": LARGEST, "demand": {"buyers": BUYERS}}
        tables.append(Table("largest", [figures(measured({"one": task}, 1)["one"])]))
    return tables


def _trade(factor: float, retailers: int) -> dict[str, Any]:
    usual = runs.settings().demand
    demand = {"asked": usual.asked * factor, "visits": usual.visits * factor, "answers": ANSWERS}
    return {"retailers": retailers, "demand": demand}


def measured(tasks: dict[str, dict[str, Any]], repetitions: int) -> dict[str, Any]:
    """Live each task in a process of its own, all in turn; return medians of its figures."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in tasks}
    for seed in range(1, repetitions + 1):
        for name, task in tasks.items():
            found[name].append(runs.in_a_process("benchmarks.scaling", task | {"seed": seed}))
    return {
        name: {key: statistics.median(one[key] for one in several) for key in several[0]}
        for name, several in found.items()
    }


def figures(one: dict[str, Any]) -> dict[str, Any]:
    """Return what is told of any market."""
    return {
        "retailers": int(one["retailers"]),
        "buyers": int(one["buyers"]),
        "inquiries": int(one["inquiries"]),
        "deals": int(one["deals"]),
        "make_seconds": rounded(one["make_seconds"]),
        "live_seconds": rounded(one["live_seconds"]),
        "microseconds_an_inquiry": rounded(1e6 * one["live_seconds"] / max(one["inquiries"], 1)),
        "market_gb": rounded(one["market_gb"]),
        "peak_gb": rounded(one["peak_gb"]),
    }


def over_size(found: list[dict[str, Any]]) -> Table:
    """Return the table over sizes."""
    rows = [figures(one) for one in found]
    return Table("scaling with size", rows, _exponents(rows, "retailers", "inquiries"))


def over_trade(found: list[dict[str, Any]], retailers: int) -> Table:
    """Return the table over trade volumes at one size."""
    rows = [{"asked_times": one["trade"]} | figures(one) for one in found]
    note = f"{retailers:,} retailers. {_exponents(rows, 'inquiries')}"
    least, usual = found[0], next(one for one in found if one["trade"] == 1.0)
    more = usual["inquiries"] - least["inquiries"]
    if more:
        each = 1e6 * (usual["live_seconds"] - least["live_seconds"]) / more
        note += f" At the usual trade one more inquiry costs {rounded(each)} µs."
    return Table("scaling with trade", rows, note)


def _exponents(rows: Rows, *names: str) -> str:
    """Say with which power seconds of life grow (least squares on logarithms)."""
    if len(rows) < 2:
        return ""
    slopes = {name: exponent(rows, name) for name in names}
    told = ", ".join(f"{name} to the power of {slope:.2f}" for name, slope in slopes.items())
    return f"Seconds of life go with {told}."


def exponent(rows: Rows, name: str) -> float:
    """Return the slope of the logarithm of seconds against that of another figure."""
    logs = [np.log([row[key] for row in rows]) for key in (name, "live_seconds")]
    return float(np.polyfit(*logs, 1)[0])


def live_one(seed: int, demand: dict[str, float], **which: Any) -> dict[str, float]:
    """Live one market in this process and return its figures, memory among them."""
    runs.lived(runs.settings(retailers=100), 0)  # compiles, or reads what was compiled
    before = peak()
    state, make, live = runs.lived(runs.settings(**which, **demand), seed)
    return {
        "retailers": state.founders,
        "buyers": state.trade.buyers.risk.size,
        "inquiries": runs.counted(state, TradeCounter.INQUIRIES),
        "deals": runs.counted(state, TradeCounter.DEALS),
        "make_seconds": make,
        "live_seconds": live,
        "market_gb": (peak() - before) / 1e9,
        "peak_gb": peak() / 1e9,
    }


def peak() -> int:
    """Return the most bytes that this process has had so far.

    On Linux what `getrusage` says goes on from the process that started this one.
    """
    status = Path("/proc/self/status")
    if not status.is_file():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lines = dict(line.split(":", 1) for line in status.read_text(encoding="utf-8").splitlines())
    return 1024 * int(lines["VmHWM"].split()[0])


if __name__ == "__main__":
    print(json.dumps(live_one(**{"demand": {}} | json.load(sys.stdin))))
