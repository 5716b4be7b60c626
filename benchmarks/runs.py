"""Timed runs: settings, one simulation, alternating arms, and separate processes."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from marketsim.model import market
from marketsim.model.state import MarketState, TradeCounter
from marketsim.parameters import posterior, presets
from marketsim.parameters.settings import Settings

ROOT = Path(__file__).parents[1]
SINGLE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}


def settings(population: str = "survey", retailers: int = 0, **demand: float) -> Settings:
    """Return the calibrated point.

    Parameters
    ----------
    population : str
        A preset.
    retailers : int
        Instead of the preset's, if not 0.
    **demand : float
        Parameters of demand instead of the calibrated ones.
    """
    out = presets.named(population=population)
    out.posterior = posterior.POINT
    out = posterior.settings_of(out, posterior.draw(out, 0))
    for key, value in demand.items():
        setattr(out.demand, key, value)
    out.population.retailers = retailers or out.population.retailers
    return out


def simulated(one: Settings, seed: int) -> tuple[MarketState, float, float]:
    """Simulate one run; return the market, the seconds to initialize and those to advance it."""
    start = time.perf_counter()
    state = market.initialize(one, seed)
    made = time.perf_counter()
    market.advance(state, 0, state.series.risk.size)
    return state, made - start, time.perf_counter() - made


def counted(state: MarketState, what: TradeCounter) -> int:
    """Return the sum of a daily counter of trade over a run."""
    return int(state.trade.records.counts[:, what].sum())


def seconds_of(work: Callable[[], Any]) -> float:
    """Return the seconds that a piece of work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_turn(arms: Mapping[str, Callable[[int], float]], repetitions: int) -> dict[str, list[float]]:
    """Measure every arm once, then every arm again, so that slow minutes affect all alike.

    Parameters
    ----------
    arms : mapping of str to callable
        Each takes the number of the repetition and returns seconds.
    repetitions : int
        How often.
    """
    found: dict[str, list[float]] = {name: [] for name in arms}
    for repetition in range(repetitions):
        for name, arm in arms.items():
            found[name].append(arm(repetition))
    return found


def medians(found: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return the median of each arm."""
    return {name: statistics.median(values) for name, values in found.items()}


def in_a_process(module: str, task: dict[str, Any], **environment: str) -> dict[str, Any]:
    """Run ``python -m MODULE`` in a process of its own, with a task and a result in JSON."""
    done = subprocess.run(
        [sys.executable, "-m", module],
        cwd=ROOT,
        env={**os.environ, **SINGLE, **environment},
        input=json.dumps(task),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{module}: {done.stderr}")
    return dict(json.loads(done.stdout))
