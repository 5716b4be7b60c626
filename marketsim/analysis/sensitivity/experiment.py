"""Which uncertain parameters matter: to the market, and to what a scenario does to it.

Morris walks screen every uncertain parameter; Sobol indices are then estimated of those that matter
most, the others resting at the middle of their priors. Every point is simulated with the same luck,
so that what differs between points is parameters. The structure of recovery is held.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from marketsim.analysis.comparison import outcomes as comparison_outcomes
from marketsim.analysis.comparison.arms import first_changed
from marketsim.analysis.sensitivity import indices
from marketsim.errors import InputError
from marketsim.model.scenario import timeline
from marketsim.parameters import posterior, presets, priors
from marketsim.parameters.settings import POSTS, WHOLE, Scenario, Sensitivity, Settings, check
from marketsim.simulation import files
from marketsim.simulation import run as simulation
from marketsim.survey.intervals import interval

BATCH = 10  # points kept together: a kill loses at most so many
STAGES = ("morris", "sobol")
MIDDLE = 0.5  # share of its prior below a parameter that is not among those kept
Table = pd.DataFrame


@dataclass(frozen=True)
class Arms:
    """The baseline, the scenario where it is another one, and the first day that counts."""

    baseline: Settings
    scenario: Settings | None
    first: int

    @property
    def outcomes(self) -> list[str]:
        """What parameters matter to: outcomes of the baseline, then effects of the scenario."""
        effects = [EFFECT + name for name in OUTCOMES] if self.scenario else []
        return [*OUTCOMES, *effects]


def arms(settings: Settings, asked: Sensitivity) -> Arms:
    """Return what is simulated at every point, or refuse what cannot be.

    Raises
    ------
    InputError
        For settings outside their ranges, anything but the prior and a chosen structure, a market
        without trade, nothing uncertain, or a number of samples that is no power of two.
    """
    if settings.market == POSTS:
        raise InputError("market", POSTS, f"{WHOLE}: trade is among what is asked about")
    if settings.posterior != posterior.PRIOR:
        raise InputError("posterior", settings.posterior, "prior, which the points go over")
    if settings.recovery.name == posterior.MIXTURE:
        allowed = f"one structure, which is held: {', '.join(priors.STRUCTURES)}"
        raise InputError("recovery", posterior.MIXTURE, allowed)
    if asked.samples & (asked.samples - 1):
        raise InputError("samples", asked.samples, "a power of two: 32, 64, 128 and so on")
    try:
        chosen = Scenario(**copy.deepcopy(presets.choice("scenario", asked.baseline)))
    except InputError as fault:
        raise InputError("baseline", asked.baseline, fault.allowed) from None
    base, other = replace(settings, scenario=chosen), copy.deepcopy(settings)
    same = base.scenario == other.scenario
    last = max(timeline.horizon(one)[1] for one in (base, other))
    for one in (base, other):
        one.scenario.until = str(last)
        check(one)
        posterior.check(one)
        timeline.compile_levers(one)
    if not parameters(settings):
        raise InputError("held", settings.held, "at most all but one of the uncertain parameters")
    start = first_changed([base, other])
    first = (start - timeline.horizon(base)[0]).days
    return Arms(base, None if same else other, first)


def parameters(settings: Settings) -> list[str]:
    """Return the names of the parameters that are uncertain and not held."""
    return [name for name in priors.everything() if name not in settings.held]


def values(names: Sequence[str], varied: Sequence[str], shares: np.ndarray) -> Table:
    """Return points in natural units, by the priors; what is not varied is at its middle.

    Parameters
    ----------
    names : sequence of str
        Columns of the table.
    varied : sequence of str
        Which of them the shares are of.
    shares : ndarray of float64, shape (points, varied)
        Of the priors.
    """
    column = dict(zip(varied, np.asarray(shares).T, strict=True))
    middle = np.full(len(shares), MIDDLE)
    known = priors.everything()
    return Table({name: priors.values(known[name], column.get(name, middle)) for name in names})


def _live(
    stage: str,
    points: Table,
    of: Arms,
    runs_each: int,
    folder: Path,
    threads: int,
    done: Callable[[int], object],
) -> Table:
    """Simulate the points of a design in batches, each of which is kept."""
    folder.mkdir(exist_ok=True)
    parts = []
    for start in range(0, len(points), BATCH):
        some = points.iloc[start : start + BATCH]
        place = STAGES.index(stage) * 10**7 + start
        part = files.read_batch(folder, place)
        if part is None:
            part = {"runs": _batch(stage, some, of, runs_each, threads, lambda: done(1))}
            described = described_columns(of.outcomes)
            part = files.write_batch(folder, place, part, described)
        else:
            done(len(part["runs"]))
        parts.append(part["runs"])
    return pd.concat(parts, ignore_index=True)


def _batch(
    stage: str, some: Table, of: Arms, runs_each: int, threads: int, done: Callable[[], object]
) -> Table:
    """Return one row for each point and run: what was simulated, and what came out."""

    def one(job: tuple[dict[str, Any], int]) -> dict[str, float]:
        found = lived(of, *job)
        done()
        return found

    points = {int(str(number)): row for number, row in some.to_dict("index").items()}
    jobs = [(number, run) for number in points for run in range(runs_each)]
    found = simulation.on_threads(one, [(points[number], run) for number, run in jobs], threads)
    rows = [
        {"stage": stage, "point": np.int32(number), "run": np.int32(run)} | points[number] | mine
        for (number, run), mine in zip(jobs, found, strict=True)
    ]
    return Table(rows)


def lived(of: Arms, values: dict[str, Any], run: int) -> dict[str, float]:
    """Return the outcomes of the baseline, and the effects of the scenario, of one run at a point.

    Parameters
    ----------
    of : Arms
        What is simulated.
    values : dict of str to float
        Parameters by their dotted names.
    run : int
        Which luck: the same at all points.
    """
    base = _outcomes(of.baseline, values, run, of.first)
    if of.scenario is None:
        return base
    other = _outcomes(of.scenario, values, run, of.first)
    return base | {EFFECT + name: effect(name, base[name], other[name]) for name in OUTCOMES}


def _outcomes(settings: Settings, values: dict[str, Any], run: int, first: int) -> dict[str, float]:
    mine = priors.put(settings, settings.recovery.name, values)
    series, records, _ = simulation.simulate(mine, simulation.run_seed(settings.seed, run))
    retailers = mine.population.retailers
    found = comparison_outcomes.of_run(series, records, first, retailers)
    return {name: float(found[name]) for name in OUTCOMES}


OUTCOMES = ("visible", "displaced", "grams_sold", "revenue", "price", "seized", "elephants")
# Effects in the outcome's unit: of some the baseline may have none. Others are in percent.
DIFFERENCES = ("displaced", "seized", "elephants")
EFFECT = "effect_on_"


def effect(name: str, base: float, other: float) -> float:
    """Return an effect, in percent but for `DIFFERENCES`; nan where the baseline has none."""
    if name in DIFFERENCES:
        return other - base
    return 100.0 * (other - base) / base if base else np.nan


def about(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return unit and meaning of what is asked about."""
    out = {}
    for name in names:
        plain = name.removeprefix(EFFECT)
        one = comparison_outcomes.OUTCOMES[plain]
        unit, meaning = one.unit, one.meaning
        if name != plain:
            unit = unit if plain in DIFFERENCES else "percent of the baseline"
            meaning = f"effect of the scenario on: {meaning}"
        out[name] = (unit, meaning)
    return out


def described_columns(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return unit and meaning of the columns of simulations.parquet."""
    return about(names) | {
        "stage": ("name", "the design that the point is of: morris or sobol"),
        "point": ("1", "number of the point in its design"),
        "run": ("1", "which luck: the same at all points"),
    }


def point_means(rows: Table, names: Sequence[str]) -> Table:
    """Return the mean over the runs of each point; nan where one of them has no figure."""
    runs = rows["run"].nunique()
    means = rows[list(names)].to_numpy(float).reshape(-1, runs, len(names)).mean(axis=1)
    return Table(means, columns=list(names))


def spread(names: Sequence[str], stage: str, rows: Table, size: int) -> Table:
    """Return how outcomes spread in a design, and what luck has of that.

    Parameters
    ----------
    names : sequence of str
        Outcomes.
    stage : str
        Name of the design.
    rows : DataFrame
        One row a point and run, in that order.
    size : int
        Points of a group: one with a missing figure is left out.

    Returns
    -------
    DataFrame
        One row an outcome: stage, outcome, meaning, unit, points, points_left_out, low, median and
        high (5, 50, 95 % of the points), luck and luck_of_means (see `sensitivity_sums.luck`).
    """
    runs, out = rows["run"].nunique(), []
    for name, (unit, meaning) in about(names).items():
        figures = rows[name].to_numpy(float).reshape(-1, runs)
        whole = indices.whole_groups(figures.mean(axis=1), size)
        figures = figures[np.repeat(whole, size)]
        median, low, high = interval(figures.mean(axis=1))
        row: dict[str, Any] = {"stage": stage, "outcome": name, "meaning": meaning, "unit": unit}
        row |= {"points": len(figures), "points_left_out": int((~whole).sum()) * size}
        row |= {"low": low, "median": median, "high": high}
        lucks = indices.luck(figures)
        out.append(row | dict(zip(("luck", "luck_of_means"), lucks, strict=True)))
    return Table(out)
