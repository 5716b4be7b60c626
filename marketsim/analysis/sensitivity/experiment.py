"""Experiment of the sensitivity analysis: designs, simulations and outcomes.

Morris trajectories screen every uncertain parameter; Sobol indices are then estimated for the most
influential ones, with the others at the median of their priors. All points use common random
numbers, so that only parameters differ between them. The recovery mechanism is fixed.
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
from marketsim.errors import InputError, UnknownNameError
from marketsim.model.scenario import timeline
from marketsim.parameters import panel, posterior, presets, priors
from marketsim.parameters.settings import FULL, POSTING_ONLY, Scenario, Sensitivity, Settings
from marketsim.simulation import files
from marketsim.simulation import run as simulation
from marketsim.survey.intervals import interval

BATCH = 10  # points stored together: the most that a killed process loses
STAGES = ("morris", "sobol")
MEDIAN = 0.5  # share of the prior below a parameter that does not vary
Table = pd.DataFrame


@dataclass(frozen=True)
class Arms:
    """The baseline, the scenario if it differs, and the first row of the evaluation period."""

    baseline: Settings
    scenario: Settings | None
    first: int

    @property
    def outcomes(self) -> list[str]:
        """Outcomes of the baseline, then effects of the scenario."""
        effects = [EFFECT + name for name in OUTCOMES] if self.scenario else []
        return [*OUTCOMES, *effects]


def arms(settings: Settings, options: Sensitivity) -> Arms:
    """Return what is simulated at every point.

    Raises
    ------
    InputError
        For settings outside their ranges, anything but the prior and a chosen structure, a market
        without trade, nothing uncertain, or a number of samples that is no power of two.
    """
    if settings.market == POSTING_ONLY:
        raise InputError("market", POSTING_ONLY, f"{FULL}, since outcomes of trade are analysed")
    if settings.posterior != posterior.PRIOR:
        raise InputError(
            "posterior", settings.posterior, "prior, from which the points are sampled"
        )
    if settings.recovery.name == posterior.MIXTURE:
        allowed = f"one structure: {', '.join(priors.STRUCTURES)}"
        raise InputError("recovery", posterior.MIXTURE, allowed)
    if options.samples & (options.samples - 1):
        raise InputError("samples", options.samples, "a power of two: 32, 64, 128 and so on")
    try:
        chosen = Scenario(**copy.deepcopy(presets.choice("scenario", options.baseline)))
    except InputError as fault:
        raise UnknownNameError("baseline", options.baseline, fault.allowed) from None
    base, other = replace(settings, scenario=chosen), copy.deepcopy(settings)
    same = base.scenario == other.scenario
    last = max(timeline.horizon(one)[1] for one in (base, other))
    for one in (base, other):
        one.scenario.until = str(last)
        timeline.check_settings(one)
    if not parameters(settings):
        raise InputError("fixed", settings.fixed, "at most all but one of the uncertain parameters")
    start = first_changed([base, other])
    first = (start - timeline.horizon(base)[0]).days
    return Arms(base, None if same else other, first)


def parameters(settings: Settings) -> list[str]:
    """Return the names of the uncertain parameters that are not fixed."""
    kept = priors.kept_parameters(settings)
    return [name for name in priors.everything() if name not in kept]


def values(names: Sequence[str], varied: Sequence[str], shares: np.ndarray) -> Table:
    """Convert points to natural units; what does not vary is at the median of its prior.

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
    median = np.full(len(shares), MEDIAN)
    known = priors.everything()
    return Table({name: priors.values(known[name], column.get(name, median)) for name in names})


def simulate_points(
    stage: str,
    points: Table,
    compared: Arms,
    runs_each: int,
    folder: Path,
    threads: int,
    done: Callable[[int], object],
) -> Table:
    """Simulate the points of a design in batches, each of which is stored.

    Parameters
    ----------
    stage : str
        One of `STAGES`.
    points : DataFrame
        One row a point, one column a parameter, in natural units.
    compared : Arms
        What is simulated.
    runs_each : int
        Runs at every point.
    folder : Path
        Where complete batches are stored.
    threads : int
        Parallel runs; does not affect results.
    done : callable
        Called with the number of runs that are complete.

    Returns
    -------
    DataFrame
        One row a point and run: stage, point, run, the parameters, and `compared.outcomes`.
    """
    folder.mkdir(exist_ok=True)
    parts = []
    for start in range(0, len(points), BATCH):
        batch = points.iloc[start : start + BATCH]
        stored = STAGES.index(stage) * 10**7 + start
        part = files.read_batch(folder, stored)
        if part is None:
            part = {
                "runs": _simulate_batch(stage, batch, compared, runs_each, threads, lambda: done(1))
            }
            described = describe_columns(compared.outcomes)
            part = files.write_batch(folder, stored, part, described)
        else:
            done(len(part["runs"]))
        parts.append(part["runs"])
    return pd.concat(parts, ignore_index=True)


def _simulate_batch(
    stage: str,
    batch: Table,
    compared: Arms,
    runs_each: int,
    threads: int,
    done: Callable[[], object],
) -> Table:
    """Return one row for each point and run: parameters and outcomes."""

    def simulate(job: tuple[int, int]) -> dict[str, float]:
        number, run = job
        found = simulate_point(compared, points[number], run)
        done()
        return found

    points: dict[int, Any] = {
        int(str(number)): row for number, row in batch.to_dict("index").items()
    }
    jobs = [(number, run) for number in points for run in range(runs_each)]
    rows = [
        {"stage": stage, "point": np.int32(number), "run": np.int32(run)} | points[number] | found
        for (number, run), found in zip(
            jobs, simulation.on_threads(simulate, jobs, threads), strict=True
        )
    ]
    return Table(rows)


def simulate_point(compared: Arms, values: dict[str, Any], run: int) -> dict[str, float]:
    """Return the outcomes of the baseline, and the effects of the scenario, of one run at a point.

    Parameters
    ----------
    compared : Arms
        What is simulated.
    values : dict of str to float
        Parameters by their dotted names.
    run : int
        Number of the run; its random numbers are the same at all points.
    """
    base = _outcomes(compared.baseline, values, run, compared.first)
    if compared.scenario is None:
        return base
    other = _outcomes(compared.scenario, values, run, compared.first)
    return base | {EFFECT + name: effect(name, base[name], other[name]) for name in OUTCOMES}


def _outcomes(settings: Settings, values: dict[str, Any], run: int, first: int) -> dict[str, float]:
    sampled = priors.with_values(settings, settings.recovery.name, values)
    series, records, _ = simulation.simulate(sampled, panel.run_seed(settings.seed, run))
    retailers = sampled.population.retailers
    found = comparison_outcomes.run_outcomes(series, records, first, retailers)
    return {name: float(found[name]) for name in OUTCOMES}


OUTCOMES = ("visible", "displaced", "grams_delivered", "revenue", "price", "seized", "elephants")
# Effects in the unit of the outcome, since it may be 0 in the baseline. Others are in percent.
DIFFERENCES = ("displaced", "seized", "elephants")
EFFECT = "effect_on_"


def effect(name: str, base: float, other: float) -> float:
    """Compute an effect, in percent except for `DIFFERENCES`; nan if the baseline is 0."""
    if name in DIFFERENCES:
        return other - base
    return 100.0 * (other - base) / base if base else np.nan


def describe(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return unit and meaning of outcomes and effects."""
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


def describe_columns(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return unit and meaning of the columns of simulations.parquet."""
    return describe(names) | {
        "stage": ("name", "the design that the point is of: morris or sobol"),
        "point": ("1", "number of the point in its design"),
        "run": ("1", "replicate: random seed, the same at all points"),
    }


def point_means(rows: Table, names: Sequence[str]) -> Table:
    """Compute the mean over the runs of each point; nan if one of them has no value."""
    runs = rows["run"].nunique()
    means = rows[list(names)].to_numpy(float).reshape(-1, runs, len(names)).mean(axis=1)
    return Table(means, columns=list(names))


def outcome_spread(names: Sequence[str], stage: str, rows: Table, size: int) -> Table:
    """Compute the spread of outcomes in a design, and the stochastic share of it.

    Parameters
    ----------
    names : sequence of str
        Outcomes.
    stage : str
        Name of the design.
    rows : DataFrame
        One row a point and run, in that order.
    size : int
        Points of a group: one with a missing value is left out.

    Returns
    -------
    DataFrame
        One row an outcome: stage, outcome, meaning, unit, points, points_left_out, low, median and
        high (5, 50, 95 % of the points), stochastic_share and stochastic_share_of_means (see
        `indices.stochastic_shares`).
    """
    runs, out = rows["run"].nunique(), []
    for name, (unit, meaning) in describe(names).items():
        values = rows[name].to_numpy(float).reshape(-1, runs)
        complete = indices.complete_groups(values.mean(axis=1), size)
        values = values[np.repeat(complete, size)]
        median, low, high = interval(values.mean(axis=1))
        row: dict[str, Any] = {"stage": stage, "outcome": name, "meaning": meaning, "unit": unit}
        row |= {"points": len(values), "points_left_out": int((~complete).sum()) * size}
        row |= {"q05": low, "median": median, "q95": high}
        shares = indices.stochastic_shares(values)
        out.append(
            row | dict(zip(("stochastic_share", "stochastic_share_of_means"), shares, strict=True))
        )
    return Table(out)
