"""Paired runs of scenarios: common random numbers, in rounds until effects are precise enough."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from marketsim.analysis.comparison import effects, effort, outcomes
from marketsim.analysis.comparison.arms import Arm
from marketsim.model.market import advance, fork, initialize
from marketsim.model.scenario import timeline
from marketsim.model.state import Series, TradeRecords
from marketsim.parameters import posterior
from marketsim.parameters.settings import NEW, Comparison, Settings
from marketsim.simulation import files
from marketsim.simulation import run as simulation
from marketsim.simulation.progress import bar as progress_bar

MIN_RUNS = 40  # before the precision of effects is tested
POSTERIOR, PRIOR = "posterior", "prior"  # sources of the parameters
TABLES = ("rows", "weekly")


def simulate_rounds(
    compared: Sequence[Arm],
    start: dt.date,
    settings: Settings,
    options: Comparison,
    folder: Path,
    threads: int,
    progress: bool,
    sources: Sequence[str],
) -> dict[str, pd.DataFrame]:
    """Simulate all arms in rounds of the same runs, until there are enough; store each round.

    Parameters
    ----------
    compared : sequence of Arm
        The baseline first.
    start : datetime.date
        First day of the evaluation period.
    settings : Settings
        `replicates` is the largest number of runs of an arm.
    options : Comparison
        `precision` is read.
    folder : Path
        Where complete rounds are stored.
    threads : int
        Parallel runs; does not affect results.
    progress : bool
        Show a bar on the error stream.
    sources : sequence of str
        Sources of the parameters: `POSTERIOR`, then `PRIOR` if wanted.

    Returns
    -------
    dict of str to DataFrame
        `rows` and `weekly`, as `summarize_run`.
    """
    folder.mkdir(exist_ok=True)
    parts: list[dict[str, pd.DataFrame]] = []
    runs = settings.replicates
    arms = {POSTERIOR: compared, PRIOR: _main_doses(compared)}
    total = runs * sum(len(arms[source]) for source in sources)
    with progress_bar(total, "run", progress) as bar:
        for number, source in enumerate(sources):
            for first in range(0, runs, simulation.BATCH):
                batch = range(first, min(first + simulation.BATCH, runs))
                stored = number * 10**7 + first  # number of the round in the folder
                part = files.read_batch(folder, stored)
                if part is None:
                    part = _simulate_round(arms[source], start, batch, source, threads, bar.update)
                    part = files.write_batch(folder, stored, part, describe_columns())
                else:
                    bar.update(len(batch) * len(arms[source]))
                parts.append(part)
                if number == 0 and _is_precise(parts, options.precision):
                    runs = batch.stop  # the same number of runs under the prior
                    break
    return {name: pd.concat([part[name] for part in parts], ignore_index=True) for name in TABLES}


def _main_doses(compared: Sequence[Arm]) -> list[Arm]:
    """Return one arm of each scenario: at the dose as written, or the nearest to it."""
    nearest = sorted(compared, key=lambda arm: abs(np.log(arm.scenario.dose_multiplier)))
    first = {arm.scenario.name: arm for arm in reversed(nearest)}
    return [arm for arm in compared if first[arm.scenario.name] is arm]


def _is_precise(parts: Sequence[dict[str, pd.DataFrame]], precision: float | None) -> bool:
    """Return whether the effect on ivory sold is as precise as requested, in every arm."""
    if precision is None:
        return False
    rows = pd.concat([part["rows"] for part in parts])
    if rows["run"].nunique() < MIN_RUNS:
        return False
    return bool((effects.half_widths(rows, "grams_delivered") <= precision).all())


def _simulate_round(
    compared: Sequence[Arm],
    start: dt.date,
    runs: range,
    source: str,
    threads: int,
    done: Callable[[], object],
) -> dict[str, pd.DataFrame]:
    """Simulate some runs of every arm."""
    each = simulation.threads_of_a_run(threads, len(runs))

    def simulate(run: int) -> list[tuple[pd.DataFrame, pd.DataFrame]]:
        return _simulate_run(compared, run, source, start, each, done)

    results = [result for arms in simulation.on_threads(simulate, runs, threads) for result in arms]
    return {
        name: pd.concat([result[k] for result in results], ignore_index=True)
        for k, name in enumerate(TABLES)
    }


def _simulate_run(
    compared: Sequence[Arm],
    run: int,
    source: str,
    start: dt.date,
    threads: int,
    done: Callable[[], object],
) -> list[tuple[pd.DataFrame, pd.DataFrame]]:
    """Simulate one run of every arm; return the outcomes and weeks of each.

    The baseline is simulated once; each arm branches from a copy of its state at the first day on
    which a lever differs.
    """
    settings = compared[0].settings
    if source == PRIOR:
        settings = under_prior(settings)
    seed, drawn, sampled = simulation.sample_run(settings, run)
    trunk, row = initialize(sampled, seed), 0
    levers = [
        timeline.compile_levers(replace(sampled, scenario=arm.settings.scenario))
        for arm in compared
    ]
    branching = [_first_difference(trunk.levers, of_arm) for of_arm in levers]
    results = {}
    for k in np.argsort(branching, kind="stable"):  # the baseline, which never differs, is last
        advance(trunk, row, branching[k], threads)
        row = branching[k]
        branch = fork(trunk, levers[k])
        advance(branch, row, branch.series.risk.size, threads)
        counts = (branch.series, branch.trade.records)
        results[k] = summarize_run(compared[k].name, run, source, drawn, counts, sampled, start)
        done()
    return [results[k] for k in range(len(compared))]


def under_prior(settings: Settings) -> Settings:
    """Return settings with parameters from the prior, which is before any panel was surveyed."""
    return replace(settings, posterior=posterior.PRIOR, panel=NEW)


def _first_difference(one: timeline.Levers, other: timeline.Levers) -> int:
    """Return the first row on which levers differ, or the number of days."""
    rows = [np.flatnonzero(a != b)[:1] for a, b in zip(one, other, strict=True)]
    return int(min(np.concatenate(rows), default=one.news.size))


def summarize_run(
    arm: str,
    run: int,
    source: str,
    drawn: posterior.Draw,
    counts: tuple[Series, TradeRecords],
    settings: Settings,
    start: dt.date,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the outcomes of a run of an arm from `start` on, one row, and all of its weeks.

    Parameters
    ----------
    arm, run, source, drawn
        Identify the row.
    counts : (Series, TradeRecords)
        Daily counts.
    settings : Settings
        Their horizon and population are read.
    start : datetime.date
        First day of the evaluation period.
    """
    retailers = settings.population.retailers
    first = (start - timeline.horizon(settings)[0]).days
    about: dict[str, Any] = {"parameter_source": source, "arm": arm, "run": np.int32(run)}
    values = outcomes.run_outcomes(*counts, first, retailers)
    row = pd.DataFrame([about | {"draw": drawn.number, "structure": drawn.structure} | values])
    weeks = outcomes.weekly_outcomes(*counts, retailers)
    return row, weeks.assign(**about)[[*about, *weeks.columns]]


def describe_columns() -> dict[str, tuple[str, str]]:
    """Return unit and meaning of the columns that only a comparison has."""
    out = {name: (one.unit, one.meaning) for name, one in outcomes.OUTCOMES.items()}
    return out | {
        "parameter_source": (
            "name",
            "where uncertain parameters are drawn from: posterior or prior",
        ),
        "arm": ("name", "scenario, with its dose multiplier after @"),
        "week": ("weeks", "whole weeks since the first day of the run"),
        "moved": ("posts a week per 1,000 traders", "posts on backups, in groups and elsewhere"),
        "grams": ("g a week per 1,000 traders", "ivory sold"),
    }


def summarize(
    compared: Sequence[Arm], start: dt.date, tables: dict[str, pd.DataFrame]
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Return every run of every arm with its held weeks, and the tables of effects.

    Parameters
    ----------
    compared : sequence of Arm
        The baseline first.
    start : datetime.date
        First day of the evaluation period.
    tables : dict of str to DataFrame
        `rows` and `weekly`, as `summarize_run`; for each source the baseline's first.
    """
    base = compared[0]
    first_week = -(-(start - timeline.horizon(base.settings)[0]).days // outcomes.WEEK)
    rows = effects.with_suppressed_weeks(tables["rows"], tables["weekly"], first_week)
    costs = {arm.name: effort.extra(arm.settings, base.settings, start) for arm in compared}
    about = {arm.name: (arm.scenario.name, arm.scenario.dose_multiplier) for arm in compared}
    return rows, effects.tables(rows, about, costs)
