"""``python -m benchmarks``: one thread, compilation apart, medians over repetitions.

Prints Markdown tables and, with ``--json FILE``, writes the same figures.
"""

import argparse
import json
import statistics
import time
import types
from collections import Counter
from pathlib import Path
from typing import Any

from marketsim import day, posterior, presets
from marketsim.settings import Settings
from marketsim.state import World
from marketsim.trade_state import Tally

BUYERS = (5.0, 50.0, 500.0)  # per retailer: the same trade among ever more people


def settings(population: str, **demand: float) -> Settings:
    """Return the calibrated point at a preset population, with demand changed."""
    out = presets.named(population=population)
    out.posterior = posterior.POINT
    out = posterior.settings_of(out, posterior.draw(out, 0))
    for key, value in demand.items():
        setattr(out.demand, key, value)
    return out


def lived(one: Settings, seed: int) -> tuple[World, float, float]:
    """Live one run; return the market, the seconds to make it and the seconds to live it."""
    start = time.perf_counter()
    world = day.build(one, seed)
    made = time.perf_counter()
    day.live(world, 0, world.series.risk.size)
    return world, made - start, time.perf_counter() - made


def default_run(population: str, repetitions: int) -> dict[str, Any]:
    """Time whole runs after a first one that compiles."""
    one = settings(population)
    lived(one, 0)
    runs = [lived(one, seed) for seed in range(1, repetitions + 1)]
    made, alive = ([run[k] for run in runs] for k in (1, 2))
    return {
        "population": population,
        "make_seconds": round(statistics.median(made), 3),
        "live_seconds": round(statistics.median(alive), 3),
        "slowest_seconds": round(max(a + b for a, b in zip(made, alive, strict=True)), 3),
    }


def by_process(population: str) -> list[dict[str, Any]]:
    """Time each process of the day over one run, called from Python."""
    names = [name for name in day.live.py_func.__code__.co_names if name in vars(day)]
    processes = [name for name in names if hasattr(vars(day)[name], "py_func")]
    seconds: Counter[str] = Counter()

    def timed(name: str) -> Any:
        def call(*arguments: Any) -> Any:
            start = time.perf_counter()
            out = vars(day)[name](*arguments)
            seconds[name] += time.perf_counter() - start
            return out

        return call

    world = day.build(settings(population), 1)
    known = vars(day) | {name: timed(name) for name in processes}
    live = types.FunctionType(day.live.py_func.__code__, known)
    live(world, 0, 2)
    seconds.clear()
    live(world, 2, world.series.risk.size)
    whole = sum(seconds.values())
    return [
        {"process": name, "milliseconds": round(1e3 * took, 1), "share": round(took / whole, 3)}
        for name, took in seconds.most_common()
    ]


def over_buyers(population: str, repetitions: int) -> list[dict[str, Any]]:
    """Time runs with ever more buyers at the same trade volume."""
    rows = []
    for buyers in BUYERS:
        one = settings(population, buyers=buyers)
        runs = [lived(one, seed) for seed in range(repetitions)]
        inquiries = [int(run[0].chain.tallies.trade[:, Tally.INQUIRIES].sum()) for run in runs]
        chain = runs[0][0].chain
        friends = chain.friends.who.size
        rows.append(
            {
                "buyers": chain.buyers.risk.size,
                "inquiries": int(statistics.median(inquiries)),
                "live_seconds": round(statistics.median(run[2] for run in runs), 3),
                "bytes_a_buyer": sum(a.nbytes for a in chain.buyers) / chain.buyers.risk.size,
                "bytes_a_friend": (chain.friends.who.nbytes + chain.friends.trust.nbytes) / friends,
            }
        )
    return rows


def as_markdown(rows: list[dict[str, Any]]) -> str:
    """Return a table of rows."""
    lines = [f"| {' | '.join(rows[0])} |", "|" + "---|" * len(rows[0])]
    lines += [f"| {' | '.join(str(value) for value in row.values())} |" for row in rows]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run the benchmarks asked for."""
    words = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    words.add_argument("--population", default="wechat", choices=presets.names("population"))
    words.add_argument("--repetitions", type=int, default=5)
    words.add_argument("--json", type=Path)
    asked = words.parse_args()
    found = {
        "default run": [default_run(asked.population, asked.repetitions)],
        "by process": by_process(asked.population),
        "over buyers": over_buyers(asked.population, min(3, asked.repetitions)),
    }
    for title, rows in found.items():
        print(f"## {title}\n\n{as_markdown(rows)}")
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
