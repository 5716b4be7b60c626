"""Fit of simulated survey statistics to the published ones."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from marketsim.parameters.evidence import Fact
from marketsim.survey import targets
from marketsim.survey.statistics import INTERVAL

SEE = "as in the column unit"
# columns of `fit`: unit, meaning
COLUMNS = {
    "id": ("name", "row of the evidence (docs/evidence.md)"),
    "observed": (SEE, "published value"),
    "low": (SEE, "low end of the interval of the evidence"),
    "high": (SEE, "high end of the interval of the evidence"),
    "simulated": (SEE, "median of the runs; of shares of runs the mean"),
    "sim_low": (SEE, "low end of the central 90 % of the runs"),
    "sim_high": (SEE, "high end of the central 90 % of the runs"),
    "luck": ("share", "of the variance between runs, luck; the rest is not knowing parameters"),
    "unit": ("name", "unit of the row"),
    "role": ("name", "target, or validation: only ever compared"),
    "within": ("yes or no", "the simulated value is within the interval of the evidence"),
}


def fit(values: pd.DataFrame, draws: pd.Series | None = None) -> pd.DataFrame:
    """Hold the statistics of many runs against the evidence.

    Parameters
    ----------
    values : DataFrame
        From `statistics`.
    draws : Series, optional
        Which runs share a draw of the parameters; all of them if not given.

    Returns
    -------
    DataFrame
        Columns id, role, observed, low, high, simulated, sim_low, sim_high, luck, unit, within: the
        median over runs and its central 90 % interval. A share of runs (`panel_unblocked`) is a
        mean with its 90 % Monte Carlo interval. Runs in which a statistic is not finite (a ratio
        to a week without advertisements) are left out. `luck` is the share of the variance between
        runs that remains between runs of one draw: the rest is not knowing the parameters.
        `within` says whether the simulated figure
        lies inside the interval of the evidence.
    """
    judged = targets.targets() | targets.validation()
    same = np.zeros(len(values), int) if draws is None else draws.to_numpy()
    rows = [_row(judged[str(name)], values[name].to_numpy(float), same) for name in values]
    return pd.DataFrame(rows)


def _row(fact: Fact, runs: np.ndarray, draws: np.ndarray) -> dict[str, object]:
    summary: Callable[[np.ndarray], tuple[float, float, float]]
    summary = _share if fact.unit == "share of runs" else _quantiles
    known = runs[np.isfinite(runs)]
    middle, low, high = summary(known) if known.size > 0 else (np.nan, np.nan, np.nan)
    within = (fact.low is None or middle >= fact.low) and (fact.high is None or middle <= fact.high)
    return {
        "id": fact.id,
        "role": fact.role,
        "observed": fact.value,
        "low": fact.low,
        "high": fact.high,
        "simulated": middle,
        "sim_low": low,
        "sim_high": high,
        "luck": luck_share(known, draws[np.isfinite(runs)]),
        "unit": fact.unit,
        "within": bool(within),
    }


def luck_share(runs: np.ndarray, draws: np.ndarray) -> float:
    """Return the variance within draws over the variance of all; nan where there is none.

    Parameters
    ----------
    runs : ndarray of float64, shape (runs,)
        One figure a run.
    draws : ndarray of int64, shape (runs,)
        Which runs share a draw of the parameters.
    """
    _, place, sizes = np.unique(draws, return_inverse=True, return_counts=True)
    freedom = runs.size - sizes.size
    if freedom < 1 or np.ptp(runs) == 0.0:
        return np.nan
    means = np.bincount(place, runs) / sizes
    within = ((runs - means[place]) ** 2).sum() / freedom
    return float(min(1.0, within / runs.var(ddof=1)))


def _quantiles(runs: np.ndarray) -> tuple[float, float, float]:
    low, middle, high = np.quantile(runs, [INTERVAL[0], 0.5, INTERVAL[1]])
    return float(middle), float(low), float(high)


def _share(runs: np.ndarray) -> tuple[float, float, float]:
    """Return a share of runs with its Clopper-Pearson interval."""
    from scipy.special import betaincinv

    hits, misses = runs.sum(), runs.size - runs.sum()
    low = betaincinv(hits, misses + 1, INTERVAL[0]) if hits > 0 else 0.0
    high = betaincinv(hits + 1, misses, INTERVAL[1]) if misses > 0 else 1.0
    return float(runs.mean()), float(low), float(high)
