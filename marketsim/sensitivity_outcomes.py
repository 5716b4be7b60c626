"""What parameters may matter to: outcomes of a market and effects of a scenario, run by run."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from marketsim import outcomes, sensitivity_sums

OUTCOMES = ("visible", "displaced", "grams_sold", "revenue", "price", "seized", "elephants")
# Effects in the outcome's unit: of some the baseline may have none. Others are in percent.
DIFFERENCES = ("displaced", "seized", "elephants")
EFFECT = "effect_on_"
Table = pd.DataFrame


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
        one = outcomes.OUTCOMES[plain]
        unit, meaning = one.unit, one.meaning
        if name != plain:
            unit = unit if plain in DIFFERENCES else "percent of the baseline"
            meaning = f"effect of the scenario on: {meaning}"
        out[name] = (unit, meaning)
    return out


def described(names: Sequence[str]) -> dict[str, tuple[str, str]]:
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
        whole = sensitivity_sums.whole_groups(figures.mean(axis=1), size)
        figures = figures[np.repeat(whole, size)]
        none = np.full(3, np.nan)
        ends = np.quantile(figures.mean(axis=1), [0.05, 0.5, 0.95]) if whole.any() else none
        row: dict[str, Any] = {"stage": stage, "outcome": name, "meaning": meaning, "unit": unit}
        row |= {"points": len(figures), "points_left_out": int((~whole).sum()) * size}
        row |= dict(zip(("low", "median", "high"), ends, strict=True))
        lucks = sensitivity_sums.luck(figures)
        out.append(row | dict(zip(("luck", "luck_of_means"), lucks, strict=True)))
    return Table(out)
