"""Time whole runs and the processes of a day, beside the floor that the draws set.

``python -m benchmarks`` prints a table; ``--retailers`` takes other sizes. Compilation is timed
apart; each figure is the median of several runs on one thread.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

from marketsim import presets, rng
from marketsim.compiled import kernel
from marketsim.day import build, live
from marketsim.kernels.accounts import keep_accounts
from marketsim.kernels.moderation import open_cases, review, sweep
from marketsim.kernels.noting import note, record
from marketsim.kernels.perception import perceive
from marketsim.kernels.posting import post
from marketsim.kernels.turnover import come_and_go
from marketsim.rng import Purpose
from marketsim.settings import Settings
from marketsim.state import Flow, World


@kernel
def draw_blocks(blocks):
    """Draw as many blocks as a run needs, and do nothing else."""
    total = 0.0
    for i in range(blocks):
        a, b, c, d = rng.uniforms(1, Purpose.PLACE, 1, i, 0)
        total += a + b + c + d
    return total


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that some work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def processes(world: World) -> dict[str, float]:
    """Live a whole run process by process and return the seconds of each."""
    seconds: dict[str, float] = {}

    def spend(process: Callable[..., object], *arguments: object) -> None:
        name = process.__name__
        seconds[name] = seconds.get(name, 0.0) + timed(lambda: process(*arguments))

    seed, rules, levers = world.seed, world.rules, world.levers
    traders, today, queue = world.retailers, world.today, world.queue
    for row in range(world.series.risk.size):
        day = world.first_day + row
        effort = (levers.recall[row], levers.reports[row])
        struck = (levers.sweep_accounts[row], levers.sweep_posts[row], levers.sweep_lean[row])
        news = (levers.news[row], levers.habituation[row])
        spend(come_and_go, seed, day, rules.turnover, traders)
        spend(post, seed, day, levers.activity[row], effort, rules, traders, today)
        spend(open_cases, seed, day, traders, today, queue)
        spend(review, seed, day, levers.capacity[row], rules, traders, today, queue)
        spend(sweep, seed, day, *struck, rules, traders, today)
        spend(perceive, seed, day, *news, rules, traders, today, world.ties)
        spend(keep_accounts, seed, day, rules.accounts, traders, today)
        spend(note, row, world.contacts, traders, today, world.notes)
        spend(record, row, day, traders, today, queue, world.series)
    return seconds


def settings(retailers: int) -> Settings:
    """Return the baseline with a number of retailers."""
    out = presets.named()
    out.population.retailers = retailers
    return out


def measure(retailers: int, repeats: int) -> None:
    """Print the table of one size."""
    of = settings(retailers)
    building, living = [], []
    for seed in range(repeats):
        building.append(timed(lambda seed=seed: build(of, seed)))
        world = build(of, seed)
        living.append(timed(lambda world=world: live(world, 0, world.series.risk.size)))
    parts = processes(build(of, 0))
    flows = world.series.flows
    posts = int(flows[:, [Flow.OFFERS, Flow.WITHHELD]].sum())
    trader_days = world.series.risk.size * world.retailers.state.size
    # a trader's day takes a block each for posting, leaving and accounts; a post takes one
    blocks = 3 * trader_days + posts
    floor = timed(lambda: draw_blocks(blocks))
    print(f"\n{retailers:,} retailers, {trader_days:,} trader-days, {posts:,} posts meant")
    print(f"  make the market   {statistics.median(building) * 1e3:8.1f} ms")
    print(f"  live the horizon  {statistics.median(living) * 1e3:8.1f} ms")
    print(f"  floor: its draws  {floor * 1e3:8.1f} ms ({floor / blocks * 1e9:.1f} ns a block)")
    for name, seconds in sorted(parts.items(), key=lambda item: -item[1]):
        print(f"    {name:15s} {seconds * 1e3:8.1f} ms  {seconds / sum(parts.values()):4.0%}")
    size = sum(array.nbytes for array in [*world.retailers, *world.today])
    print(f"  {size / world.retailers.state.size:.0f} bytes a trader, and ties beside them")


def main() -> None:
    """Read the sizes and measure each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--retailers", type=int, nargs="+", default=[1_000, 10_000, 50_000])
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    small = build(settings(10), 0)
    compiling = timed(lambda: live(small, 0, 1)) + timed(lambda: processes(build(settings(10), 0)))
    print(f"compile or load the kernels: {compiling:.1f} s; numpy {np.__version__}")
    draw_blocks(1)
    for retailers in arguments.retailers:
        measure(retailers, arguments.repeats)


main()
