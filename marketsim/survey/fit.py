"""Fit of simulated survey statistics to the published ones."""

import math

import numpy as np
import pandas as pd

from marketsim.parameters.evidence import Fact
from marketsim.survey import targets
from marketsim.survey.intervals import interval, proportion_interval, stochastic_share

SEE = "as in the column unit"
# columns of `fit`: unit, meaning
COLUMNS = {
    "id": ("name", "row of the evidence (docs/evidence.md)"),
    "observed": (SEE, "published value"),
    "obs_low": (SEE, "low end of the interval of the evidence"),
    "obs_high": (SEE, "high end of the interval of the evidence"),
    "median": (SEE, "median of the runs; of shares of runs the mean"),
    "q05": (SEE, "low end of the central 90 % of the runs"),
    "q95": (SEE, "high end of the central 90 % of the runs"),
    "stochastic_share": (
        "share",
        "of between-run variance, due to stochasticity; the rest: parameters",
    ),
    "unit": ("name", "unit of the row"),
    "role": ("name", "target, or validation: reported unfitted"),
    "runs": ("1", "runs in which the statistic is finite"),
    "p_value": ("share", "predictive p-value of the published survey; below 0.05: unusual"),
}
SHARE_OF_RUNS = "share of runs"  # unit of a row that says whether something happened
UNUSUAL = 0.05  # rows with a smaller p-value are unusual for the model
FEWEST = 40  # runs with which a two-sided p-value can be below it: 2 / (runs + 1)
NORMAL_95 = 1.6448536269514722  # 95 % quantile of the normal distribution


def fit(values: pd.DataFrame, draws: pd.Series | None = None) -> pd.DataFrame:
    """Compare the statistics of many runs with the evidence.

    Parameters
    ----------
    values : DataFrame
        From `statistics`. Columns of the role ``context`` are not compared.
    draws : Series, optional
        Which runs share a draw of the parameters; default: all.

    Returns
    -------
    DataFrame
        Columns id, role, observed, obs_low, obs_high, median, q05, q95, stochastic_share, unit,
        runs, p_value: the median over runs and its central 90 % interval. A share of runs
        (`panel_unblocked`) is a mean with its 90 % Monte Carlo interval. Runs in which a statistic
        is not finite (a ratio to a week without advertisements) are omitted; `runs` counts the
        others. `stochastic_share` is the share of the variance that is stochastic: that between
        runs of one draw; the rest is parameter uncertainty. `p_value` is that of `p_value`.
    """
    judged = targets.targets() | targets.validation()
    same = np.zeros(len(values), int) if draws is None else draws.to_numpy()
    names = [str(name) for name in values if name in judged]
    rows = [_row(judged[name], values[name].to_numpy(float), same) for name in names]
    return pd.DataFrame(rows)


def _row(fact: Fact, runs: np.ndarray, draws: np.ndarray) -> dict[str, object]:
    known = runs[np.isfinite(runs)]
    is_share = fact.unit == SHARE_OF_RUNS and known.size > 0
    value, low, high = _share(known) if is_share else interval(known)
    return {
        "id": fact.id,
        "role": fact.role,
        "observed": fact.value,
        "obs_low": fact.low,
        "obs_high": fact.high,
        "median": value,
        "q05": low,
        "q95": high,
        "stochastic_share": stochastic_share(known, draws[np.isfinite(runs)]),
        "unit": fact.unit,
        "runs": known.size,
        "p_value": p_value(fact, known),
    }


def _share(runs: np.ndarray) -> tuple[float, float, float]:
    """Return a share of runs with its Clopper-Pearson interval."""
    low, high = proportion_interval(runs.sum(keepdims=True), runs.size)
    return float(runs.mean()), float(low[0]), float(high[0])


def p_value(fact: Fact, runs: np.ndarray) -> float:
    """Compute the predictive p-value of a published row (model.md 7.9).

    It is the probability, under the model, of a survey at least as far out as the published one:
    two-sided for a value or an interval, one-sided for a bound and for something that happened.

    Parameters
    ----------
    fact : Fact
        The row. Its interval is the error of printing and reading its value: normal, with 90 %
        inside, on either side by itself. Without a value the point of the interval nearest to
        the median counts as published.
    runs : ndarray of float64, shape (runs,)
        The statistic in simulated surveys; those that are not finite are omitted.

    Returns
    -------
    float
        From 1 / (runs + 1) or 2 / (runs + 1) to 1; nan without a finite value.
    """
    known = runs[np.isfinite(runs)]
    if known.size == 0:
        return math.nan
    sides = _agreement(fact, known)
    # fsum is exact, so that the order of the runs changes no bit
    tails = [(1.0 + math.fsum(side)) / (known.size + 1) for side in sides]
    return min(1.0, len(tails) * min(tails))


def _agreement(fact: Fact, runs: np.ndarray) -> list[np.ndarray]:
    """Return, for each side on which a row can be missed, the probability that a run agrees."""
    if fact.unit == SHARE_OF_RUNS:
        return [runs == fact.value]
    if fact.value is not None:
        return [_share_of_error(fact, runs, -1.0), _share_of_error(fact, runs, 1.0)]
    sides = []
    if fact.high is not None:
        sides.append(runs <= fact.high)
    if fact.low is not None:
        sides.append(runs >= fact.low)
    return sides


def _share_of_error(fact: Fact, runs: np.ndarray, sign: float) -> np.ndarray:
    """Return the probability that a run is at least the vague value (sign 1), or at most (-1)."""
    from scipy.special import ndtr

    assert fact.value is not None
    low, high = (fact.value if end is None else end for end in (fact.low, fact.high))
    off = runs - fact.value
    spread = np.where(off > 0.0, high - fact.value, fact.value - low) / NORMAL_95
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.where(off == 0.0, 0.0, sign * off / spread)
    ties = fact.value == (high if sign > 0.0 else low)  # all of the error on the other side
    return np.where((off == 0.0) & ties, 1.0, ndtr(score))


def is_unusual(table: pd.DataFrame) -> pd.Series:
    """Return which rows of a fit are unusual for the model; not one without a p-value."""
    return table["p_value"] < UNUSUAL


def count_unusual(table: pd.DataFrame) -> pd.DataFrame:
    """Count the rows of a fit that are unusual for the model, by role.

    Returns
    -------
    DataFrame
        Index target and validation; columns rows (with a p-value), unusual, and expected: the
        mean number of unusual rows of a correct model, at most.
    """
    known = table[table["p_value"].notna()]
    roles = known["role"]
    counted = pd.DataFrame(
        {
            role: {
                "rows": int((roles == role).sum()),
                "unusual": int((is_unusual(known) & (roles == role)).sum()),
            }
            for role in ("target", "validation")
        }
    ).T
    return counted.assign(expected=UNUSUAL * counted["rows"])
