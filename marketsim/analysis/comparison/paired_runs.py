"""Scenarios compared on the same luck: runs in pairs, and when there are enough of them."""

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
from marketsim.parameters.settings import Comparison, Settings
from marketsim.simulation import files
from marketsim.simulation import run as simulation

LEAST = 40  # runs before precision is asked about
POSTERIOR, PRIOR = "posterior", "prior"
KINDS = ("rows", "weekly")


def _live(
    compared: Sequence[Arm],
    start: dt.date,
    settings: Settings,
    asked: Comparison,
    folder: Path,
    threads: int,
    progress: bool,
    beliefs: Sequence[str],
) -> dict[str, pd.DataFrame]:
    """Live all arms in rounds of the same runs, until there are enough; keep each round."""
    from tqdm import tqdm

    folder.mkdir(exist_ok=True)
    parts: list[dict[str, pd.DataFrame]] = []
    runs = settings.replicates
    lived = {POSTERIOR: compared, PRIOR: _one_a_scenario(compared)}
    total = runs * sum(len(lived[belief]) for belief in beliefs)
    with tqdm(total=total, unit="run", disable=not progress) as bar:
        for number, belief in enumerate(beliefs):
            for first in range(0, runs, simulation.BATCH):
                several = range(first, min(first + simulation.BATCH, runs))
                place = (
                    number * 10**7 + first
                )  # rounds of the second belief after those of the first
                part = files.read_batch(folder, place)
                if part is None:
                    part = _round(lived[belief], start, several, belief, threads, bar.update)
                    part = files.write_batch(folder, place, part, outcomes_described())
                else:
                    bar.update(len(several) * len(lived[belief]))
                parts.append(part)
                if number == 0 and _enough(parts, asked.precision):
                    runs = several.stop  # of the prior as many
                    break
    return {name: pd.concat([part[name] for part in parts], ignore_index=True) for name in KINDS}


def _one_a_scenario(compared: Sequence[Arm]) -> list[Arm]:
    """Return each scenario at the strength as written, or else the nearest to it."""
    nearest = sorted(compared, key=lambda arm: abs(np.log(arm.scenario.strength)))
    first = {arm.scenario.name: arm for arm in reversed(nearest)}
    return [arm for arm in compared if first[arm.scenario.name] is arm]


def _enough(parts: Sequence[dict[str, pd.DataFrame]], precision: float | None) -> bool:
    """Return whether the effect on ivory sold is known as precisely as asked, in every arm."""
    if precision is None:
        return False
    rows = pd.concat([part["rows"] for part in parts])
    if rows["run"].nunique() < LEAST:
        return False
    return bool((effects.half_widths(rows, "grams_sold") <= precision).all())


def _round(
    compared: Sequence[Arm],
    start: dt.date,
    runs: range,
    belief: str,
    threads: int,
    done: Callable[[], object],
) -> dict[str, pd.DataFrame]:
    """Live some runs of every arm."""

    def one(run: int) -> list[tuple[pd.DataFrame, pd.DataFrame]]:
        return _run(compared, run, belief, start, done)

    found = [pair for pairs in simulation.on_threads(one, runs, threads) for pair in pairs]
    return {
        name: pd.concat([pair[k] for pair in found], ignore_index=True)
        for k, name in enumerate(KINDS)
    }


def _run(
    compared: Sequence[Arm], run: int, belief: str, start: dt.date, done: Callable[[], object]
) -> list[tuple[pd.DataFrame, pd.DataFrame]]:
    """Live one run of every arm; return the outcomes and weeks of each.

    The baseline is lived once. An arm parts from it on the eve of the first day on which a lever
    differs: up to there nothing could.
    """
    settings = compared[0].settings
    if belief == PRIOR:
        settings = replace(settings, posterior=posterior.PRIOR)
    seed, drawn, mine = simulation.sample_run(settings, run)
    trunk, row = initialize(mine, seed), 0
    levers = [
        timeline.compile_levers(replace(mine, scenario=arm.settings.scenario)) for arm in compared
    ]
    parting = [_parting(trunk.levers, of) for of in levers]
    found = {}
    for place in np.argsort(parting, kind="stable"):  # the baseline, which never parts, comes last
        advance(trunk, row, parting[place])
        row = parting[place]
        branch = fork(trunk, levers[place])
        advance(branch, row, branch.series.risk.size)
        told = (branch.series, branch.trade.records)
        found[place] = summed(compared[place].name, run, belief, drawn, told, mine, start)
        done()
    return [found[place] for place in range(len(compared))]


def _parting(one: timeline.Levers, other: timeline.Levers) -> int:
    """Return the first row on which levers differ, or the number of days."""
    rows = [np.flatnonzero(a != b)[:1] for a, b in zip(one, other, strict=True)]
    return int(min(np.concatenate(rows), default=one.news.size))


def summed(
    arm: str,
    run: int,
    belief: str,
    drawn: posterior.Draw,
    told: tuple[Series, TradeRecords],
    settings: Settings,
    start: dt.date,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the outcomes of a run of an arm from `start` on, one row, and all of its weeks.

    Parameters
    ----------
    arm, run, belief, drawn
        What the row is of.
    told : (Series, Tallies)
        Daily counts.
    settings : Settings
        Their horizon and population are read.
    start : datetime.date
        First day that counts.
    """
    retailers = settings.population.retailers
    first = (start - timeline.horizon(settings)[0]).days
    about: dict[str, Any] = {"belief": belief, "arm": arm, "run": np.int32(run)}
    of = outcomes.of_run(*told, first, retailers)
    row = pd.DataFrame([about | {"draw": drawn.number, "structure": drawn.structure} | of])
    weeks = outcomes.weekly(*told, retailers)
    return row, weeks.assign(**about)[[*about, *weeks.columns]]


def outcomes_described() -> dict[str, tuple[str, str]]:
    """Return unit and meaning of the columns that only a comparison has."""
    out = {name: (one.unit, one.meaning) for name, one in outcomes.OUTCOMES.items()}
    return out | {
        "belief": ("name", "where uncertain parameters are drawn from: posterior or prior"),
        "arm": ("name", "scenario, with its strength after @"),
        "week": ("weeks", "whole weeks since the first day of the run"),
        "moved": ("posts a week per 1,000 traders", "posts on backups, in groups and elsewhere"),
        "grams": ("g a week per 1,000 traders", "ivory sold"),
    }


def summed_up(
    compared: Sequence[Arm], start: dt.date, tables: dict[str, pd.DataFrame]
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Return every run of every arm with its held weeks, and what they come to.

    Parameters
    ----------
    compared : sequence of Arm
        The baseline first.
    start : datetime.date
        First day that counts.
    tables : dict of str to DataFrame
        `rows` and `weekly`: those of `summed`, for each belief the baseline's first.
    """
    base = compared[0]
    first_week = -(-(start - timeline.horizon(base.settings)[0]).days // outcomes.WEEK)
    rows = effects.with_held_weeks(tables["rows"], tables["weekly"], first_week)
    costs = {arm.name: effort.extra(arm.settings, base.settings, start) for arm in compared}
    about = {arm.name: (arm.scenario.name, arm.scenario.strength) for arm in compared}
    return rows, effects.tables(rows, about, costs)
