"""Living what the levers stand for, and what it comes to: the tables of the command line."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import pandas as pd

from marketsim.analysis.comparison import paired_runs
from marketsim.analysis.comparison.arms import Arm
from marketsim.model.market import advance as live_days
from marketsim.model.market import fork, initialize
from marketsim.model.scenario import timeline
from marketsim.model.state import MarketState
from marketsim.parameters import evidence, posterior
from marketsim.parameters.settings import Settings
from marketsim.parameters.traders import Population
from marketsim.reporting import trade_summary
from marketsim.simulation import run as simulation
from marketsim.simulation.run import Run, Tables
from marketsim.survey import statistics
from marketsim.survey.intervals import column_intervals

EDGES = (0, 6, 20)  # runs lived between two signs of life: few at first, later `BATCH`
BATCH = 20
KEPT = 1000  # retailers of a market of which trunks are kept
WEEKLY = (*trade_summary.POSTS, "grams_sold")
threads = 2  # lived at the same time; `server.start` sets it


def key(settings: Settings) -> str:
    """Return what the runs of settings depend on; how many there are of them is not in it."""
    tree = asdict(settings)
    named = {"name": "", "about": "", "source": "", "strengths": []}
    return json.dumps(
        tree | {"replicates": 0, "scenario": tree["scenario"] | named}, sort_keys=True
    )


def warm() -> None:
    """Compile the kernels where nobody has, and load them, so that nobody waits at a lever."""
    simulation.compile_kernels()
    simulation.simulate(Settings(population=Population(retailers=10)), 0)


def batches(count: int) -> list[tuple[int, int]]:
    """Return first and stop of each batch of so many runs."""
    edges = [*EDGES, *range(EDGES[-1] + BATCH, count + BATCH, BATCH)]
    return [(first, min(stop, count)) for first, stop in pairwise(edges) if first < count]


def live(settings: Settings, first: int, stop: int) -> list[Run]:
    """Live the runs from number `first` up to, but not including, `stop`."""
    return simulation.on_threads(
        partial(simulation.simulate_run, settings), range(first, stop), threads
    )


class Trunk(NamedTuple):
    """One run of the reference, lived up to the day on which the scenario parts from it."""

    run: int
    drawn: posterior.Draw
    state: MarketState


def trunks(settings: Settings, row: int, first: int, stop: int) -> list[Trunk]:
    """Live the first `row` days of some runs."""

    def one(run: int) -> Trunk:
        seed, drawn, mine = simulation.sample_run(settings, run)
        state = initialize(mine, seed)
        live_days(state, 0, row)
        return Trunk(run, drawn, state)

    return simulation.on_threads(one, range(first, stop), threads)


def branches(several: Sequence[Trunk], settings: Settings, row: int) -> list[Run]:
    """Live the rest of runs under a scenario that parts from the trunk on day `row` or later.

    These are the bits of `live`, for less work where the trunk is there.
    """

    def one(trunk: Trunk) -> Run:
        mine = posterior.settings_of(settings, trunk.drawn)
        state = fork(trunk.state, timeline.compile_levers(mine))
        live_days(state, row, state.series.risk.size)
        return Run(trunk.run, state.seed, trunk.drawn, mine, *simulation.outputs(state))

    return simulation.on_threads(one, several, threads)


def is_kept(settings: Settings, stop: int) -> bool:
    """Return whether trunks of runs up to `stop` are kept: 12 MB each in a market of this size."""
    small = settings.population.retailers <= KEPT
    return small and stop <= EDGES[-1] and settings.posterior != paired_runs.PRIOR


def tables(lived: Sequence[Run]) -> Tables:
    """Return the tables of a study of these runs."""
    return simulation.join_tables([one.tables for one in lived])


def effects(
    arms: Sequence[Arm],
    start: dt.date,
    lived: Mapping[str, Sequence[Sequence[Run]]],
) -> dict[str, pd.DataFrame]:
    """Return what a comparison comes to.

    Parameters
    ----------
    arms : sequence of Arm
        The reference first.
    start : datetime.date
        First day that counts.
    lived : mapping of str to sequence of sequence of Run
        For each belief, the posterior first, the runs of every arm.

    Returns
    -------
    dict of str to DataFrame
        As `comparison_sums.tables`.
    """
    found: list[tuple[pd.DataFrame, pd.DataFrame]] = []
    for belief, of_arms in lived.items():
        for runs in zip(*of_arms, strict=True):
            for arm, one in zip(arms, runs, strict=True):
                told = (one.series, one.records)
                about = (arm.name, one.run, belief, one.drawn)
                found.append(paired_runs.summarize_run(*about, told, one.settings, start))
    both = {
        name: pd.concat([pair[k] for pair in found], ignore_index=True)
        for k, name in enumerate(paired_runs.TABLES)
    }
    return paired_runs.summarize(arms, start, both)[1]


def under_prior(arm: Arm) -> Settings:
    """Return the settings of an arm as they were believed before the survey was heard."""
    return replace(arm.settings, posterior=paired_runs.PRIOR)


def weekly(settings: Settings, daily: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return whole weeks from the first day of the run on, per 1,000 traders at its start.

    Parameters
    ----------
    settings : Settings
        Of the runs.
    daily : DataFrame
        Their `daily` table.

    Returns
    -------
    dict of str to DataFrame
        For each of `WEEKLY`, one row a run and one column a week, by its first day.
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
    """Return each week of the survey over the run's own weeks 1 to 4; nan where these had none."""
    found = statistics.ratios(statistics.weekly(survey))
    return found.where(found.abs() < float("inf"))


def levels(table: pd.DataFrame) -> pd.DataFrame:
    """Return median and central 90 % over the runs, one row a column of the table."""
    return column_intervals(table).T


def survey_days() -> tuple[dt.date, dt.date]:
    """Return the first and last day of the survey."""
    facts: Any = evidence.inputs()
    return facts["survey_start"].date, facts["survey_end"].date
