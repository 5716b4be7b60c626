"""The whole model as kernels compared with the whole model as plain Mesa agents.

The second is the oracle of the tests, written from the documentation with the same draws. Both
simulate the same settings and seed for the same days; that they end in the same state is checked
here too, since a ratio means nothing where the work differs.
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
MISSING = "not available"


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this part."""
    parser.add_argument(
        "--whole",
        type=int,
        nargs="+",
        default=[100, 300, 1000],
        metavar="RETAILERS",
        help="whole model: markets of so many retailers",
    )
    parser.add_argument(
        "--days", type=int, default=148, help="whole model: so many days of each, at most all"
    )


def measure(options: argparse.Namespace) -> list[Table]:
    """Time both models over sizes."""
    oracle = find_oracle()
    if oracle is None:
        note = "The plain Mesa model is not available: it is in tests/, not in the package."
        return [Table("whole model", [{"model": "Mesa", "seconds": MISSING}], note)]
    one_size(oracle, runs.settings(retailers=100), 2, 1)  # compiles
    rows = [
        one_size(oracle, runs.settings(retailers=size), options.days, options.repetitions)
        for size in options.whole
    ]
    return [Table("whole model", rows, "Without initialization.")]


def find_oracle() -> ModuleType | None:
    """Return the module of the plain Mesa model, if available."""
    if str(TESTS) not in sys.path:
        sys.path.append(str(TESTS))
    try:
        return importlib.import_module("oracle.market")
    except ModuleNotFoundError as fault:
        if fault.name not in ("oracle", "oracle.market"):
            raise
        return None


def one_size(oracle: ModuleType, of: Settings, days: int, repetitions: int) -> dict[str, Any]:
    """Time both models at one size, in turn, and compare their last states."""
    engine: dict[int, MarketState] = {}
    plain: dict[int, Any] = {}

    def run_engine(seed: int) -> float:
        state = engine[0] = daily_schedule.initialize(of, seed)
        return runs.seconds_of(
            lambda: daily_schedule.advance(state, 0, min(days, state.series.risk.size))
        )

    def run_plain(seed: int) -> float:
        market = plain[0] = oracle.Market(of, seed)
        start = time.perf_counter()
        for _ in range(min(days, engine[0].series.risk.size)):
            market.step()
        return time.perf_counter() - start

    took = runs.medians(runs.in_turn({"engine": run_engine, "mesa": run_plain}, repetitions))
    simulated = min(days, engine[0].series.risk.size)
    return {
        "retailers": of.population.retailers,
        "days": simulated,
        "posts": int(engine[0].series.flows[:simulated, Flow.OFFERS].sum()),
        "engine_seconds": rounded(took["engine"]),
        "mesa_seconds": rounded(took["mesa"]),
        "mesa_to_engine": rounded(took["mesa"] / took["engine"]),
        "same_state": "yes" if same(engine[0], plain[0], simulated - 1) else "NO",
    }


def same(state: MarketState, market: Any, row: int) -> bool:
    """Return whether both models have the same state at the end of a day, in every number."""
    pictures = importlib.import_module("oracle.pictures")
    state_of_plain = {key: pictures.plain(value) for key, value in market.picture().items()}
    return pictures.difference(pictures.of_engine(state, row), state_of_plain) == ""
