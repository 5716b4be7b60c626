"""The whole model as kernels against the whole model as Mesa agents, on the same work.

The second is the oracle of the tests: written from the documents, to the same draws, as plain
Mesa objects. Both live the same settings and seed for the same days; that they end in the same
state, to the last fen, is asked here too, since a ratio says nothing where the work differs.
"""

import argparse
import importlib
import sys
import time
from types import ModuleType
from typing import Any

from benchmarks import runs
from benchmarks.tables import Table, rounded
from marketsim.model import market as daily_schedule
from marketsim.model.state import Flow, MarketState
from marketsim.parameters.settings import Settings

TESTS = runs.ROOT / "tests"
NOT_THERE = "not there"


def options(words: argparse.ArgumentParser) -> None:
    """Add the options of this part."""
    words.add_argument(
        "--whole",
        type=int,
        nargs="+",
        default=[100, 300, 1000],
        metavar="RETAILERS",
        help="whole model: markets of so many retailers",
    )
    words.add_argument(
        "--days", type=int, default=148, help="whole model: so many days of each, at most all"
    )


def measure(asked: argparse.Namespace) -> list[Table]:
    """Time both models over sizes."""
    oracle = find_oracle()
    if oracle is None:
        note = "The plain Mesa model is not there: it stands in tests/, not in the package."
        return [Table("whole model", [{"model": "Mesa", "seconds": NOT_THERE}], note)]
    one_size(oracle, runs.settings(retailers=100), 2, 1)  # compiles
    rows = [
        one_size(oracle, runs.settings(retailers=size), asked.days, asked.repetitions)
        for size in asked.whole
    ]
    return [Table("whole model", rows, "Making the market is not in the seconds.")]


def find_oracle() -> ModuleType | None:
    """Return the module of the plain Mesa model, where it is there."""
    if str(TESTS) not in sys.path:
        sys.path.append(str(TESTS))
    try:
        return importlib.import_module("oracle.market")
    except ModuleNotFoundError as fault:
        if fault.name not in ("oracle", "oracle.market"):
            raise
        return None


def one_size(oracle: ModuleType, of: Settings, days: int, repetitions: int) -> dict[str, Any]:
    """Time both models at one size, in turn, and hold their last evenings together."""
    engine: dict[int, MarketState] = {}
    plain: dict[int, Any] = {}

    def live_engine(seed: int) -> float:
        state = engine[0] = daily_schedule.initialize(of, seed)
        return runs.seconds_of(
            lambda: daily_schedule.advance(state, 0, min(days, state.series.risk.size))
        )

    def live_plain(seed: int) -> float:
        market = plain[0] = oracle.Market(of, seed)
        start = time.perf_counter()
        for _ in range(min(days, engine[0].series.risk.size)):
            market.step()
        return time.perf_counter() - start

    took = runs.medians(runs.in_turn({"engine": live_engine, "mesa": live_plain}, repetitions))
    lived = min(days, engine[0].series.risk.size)
    return {
        "retailers": of.population.retailers,
        "days": lived,
        "posts": int(engine[0].series.flows[:lived, Flow.OFFERS].sum()),
        "engine_seconds": rounded(took["engine"]),
        "mesa_seconds": rounded(took["mesa"]),
        "mesa_to_engine": rounded(took["mesa"] / took["engine"]),
        "same_state": "yes" if same(engine[0], plain[0], lived - 1) else "NO",
    }


def same(state: MarketState, market: Any, row: int) -> bool:
    """Return whether both models stand the same in the evening of a day, in every number."""
    pictures = importlib.import_module("oracle.pictures")
    told = {key: pictures.plain(value) for key, value in market.picture().items()}
    return pictures.difference(pictures.of_engine(state, row), told) == ""
