"""Simulation of the runs on the page, and their tables, equal to those of the command line."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import pandas as pd

from marketsim.analysis.comparison import paired_runs
from marketsim.analysis.comparison.arms import Arm
from marketsim.model.market import advance, fork, initialize
from marketsim.model.scenario import timeline
from marketsim.model.state import MarketState
from marketsim.parameters import evidence, posterior
from marketsim.parameters.settings import Settings
from marketsim.parameters.traders import Population
from marketsim.reporting import trade_summary
from marketsim.simulation import run as simulation
from marketsim.simulation.run import Run, Tables
from marketsim.survey import statistics

EDGES = (0, 6, 20)  # first runs of the first batches: few runs, for a quick first result
BATCH = 20
KEPT = 1000  # largest market, in retailers, whose trunks are cached
WEEKLY = (*trade_summary.POSTS, "grams_delivered")
threads = 2  # parallel runs; set by `server.start`


def key(settings: Settings) -> str:
    """Return a key of all settings that a run depends on; the number of runs is not in it."""
    tree = asdict(settings)
    named = {"name": "", "about": "", "source": "", "dose_multipliers": []}
    return json.dumps(
        tree | {"replicates": 0, "scenario": tree["scenario"] | named}, sort_keys=True
    )


def warm() -> None:
    """Compile and load the kernels, so that the first request is quick."""
    simulation.compile_kernels()
    simulation.simulate(Settings(population=Population(retailers=10)), 0)


def batches(count: int) -> list[tuple[int, int]]:
    """Return start and end (exclusive) of each batch of runs."""
    edges = [*EDGES, *range(EDGES[-1] + BATCH, count + BATCH, BATCH)]
    return [(first, min(stop, count)) for first, stop in pairwise(edges) if first < count]


def simulate(settings: Settings, first: int, stop: int) -> list[Run]:
    """Simulate the runs from `first` to `stop` (exclusive)."""
    each = simulation.threads_of_a_run(threads, stop - first)
    return simulation.on_threads(
        partial(simulation.simulate_run, settings, threads=each), range(first, stop), threads
    )


class Trunk(NamedTuple):
    """One run of the reference, up to the day on which the scenario branches from it."""

    run: int
    drawn: posterior.Draw
    state: MarketState


def trunks(settings: Settings, row: int, first: int, stop: int) -> list[Trunk]:
    """Simulate the first `row` days of the runs from `first` to `stop` (exclusive)."""

    def trunk(run: int) -> Trunk:
        seed, drawn, own = simulation.sample_run(settings, run)
        state = initialize(own, seed)
        advance(state, 0, row)
        return Trunk(run, drawn, state)

    return simulation.on_threads(trunk, range(first, stop), threads)


def branches(several: Sequence[Trunk], settings: Settings, row: int) -> list[Run]:
    """Simulate the rest of the trunks under a scenario that differs from day `row` on.

    The result is that of `simulate` to the bit.
    """

    def branch(trunk: Trunk) -> Run:
        own = posterior.settings_of(settings, trunk.drawn)
        state = fork(trunk.state, timeline.compile_levers(own))
        advance(state, row, state.series.risk.size)
        return Run(trunk.run, state.seed, trunk.drawn, own, *simulation.outputs(state))

    return simulation.on_threads(branch, several, threads)


def is_cached(settings: Settings, stop: int) -> bool:
    """Return whether trunks of runs up to `stop` are cached: 12 MB each in a small market."""
    small = settings.population.retailers <= KEPT
    return small and stop <= EDGES[-1] and settings.posterior != paired_runs.PRIOR


def tables(several: Sequence[Run]) -> Tables:
    """Return the tables of a study of these runs."""
    return simulation.join_tables([one.tables for one in several])


def effects(
    arms: Sequence[Arm],
    start: dt.date,
    simulated: Mapping[str, Sequence[Sequence[Run]]],
) -> dict[str, pd.DataFrame]:
    """Compute the tables of a comparison.

    Parameters
    ----------
    arms : sequence of Arm
        The reference first.
    start : datetime.date
        First day of the evaluation period.
    simulated : mapping of str to sequence of sequence of Run
        The runs of each arm by source of the parameters, the posterior first.

    Returns
    -------
    dict of str to DataFrame
        As `effects.tables`.
    """
    found: list[tuple[pd.DataFrame, pd.DataFrame]] = []
    for source, of_arms in simulated.items():
        for runs in zip(*of_arms, strict=True):
            for arm, one in zip(arms, runs, strict=True):
                outputs = (one.series, one.records)
                about = (arm.name, one.run, source, one.drawn)
                found.append(paired_runs.summarize_run(*about, outputs, one.settings, start))
    both = {
        name: pd.concat([pair[k] for pair in found], ignore_index=True)
        for k, name in enumerate(paired_runs.TABLES)
    }
    return paired_runs.summarize(arms, start, both)[1]


def under_prior(arm: Arm) -> Settings:
    """Return the settings of an arm with parameters from the prior."""
    return paired_runs.under_prior(arm.settings)


def weekly(settings: Settings, daily: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Sum complete weeks from the first day of the run on, per 1,000 traders at its start.

    Parameters
    ----------
    settings : Settings
        Settings of the runs.
    daily : DataFrame
        Their `daily` table.

    Returns
    -------
    dict of str to DataFrame
        For each of `WEEKLY`, one row per run and one column per week, by its first day.
    """
    first, last = timeline.horizon(settings)
    weeks = ((last - first).days + 1) // 7
    days = pd.to_datetime(daily["day"])
    week = (days - pd.Timestamp(first)).dt.days // 7
    whole = daily[week < weeks].groupby(["run", week[week < weeks].rename("week")])
    sums = whole[list(WEEKLY)].sum() * (1000.0 / settings.population.retailers)
    begins = pd.date_range(str(first), periods=weeks, freq="7D")
    return {name: sums[name].unstack("week").set_axis(begins, axis=1) for name in WEEKLY}


def ratios(survey: pd.DataFrame) -> pd.DataFrame:
    """Return each week of the survey relative to the run's weeks 1 to 4; nan if these are empty."""
    found = statistics.ratios(statistics.weekly(survey))
    return found.where(found.abs() < float("inf"))


def survey_days() -> tuple[dt.date, dt.date]:
    """Return the first and last day of the survey."""
    facts: Any = evidence.inputs()
    return facts["survey_start"].date, facts["survey_end"].date
