"""Medians, 90 % intervals and the stochastic share of the variance, over runs."""

import numpy as np
import pandas as pd

INTERVAL = (0.05, 0.95)  # the central 90 %
LEVELS = (0.5, *INTERVAL)


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """Compute the median and the central 90 % interval of the finite values.

    Parameters
    ----------
    values : ndarray of float64, shape (runs,)

    Returns
    -------
    tuple of float
        Median, low end, high end; nan without a finite value.
    """
    known = values[np.isfinite(values)]
    if known.size == 0:
        return np.nan, np.nan, np.nan
    median, low, high = np.quantile(known, LEVELS).tolist()
    return median, low, high


def column_intervals(table: pd.DataFrame) -> pd.DataFrame:
    """Compute the median and the central 90 % interval of each column.

    Returns
    -------
    DataFrame
        The columns of `table`; rows median, low, high.
    """
    return table.astype(float).quantile(list(LEVELS)).set_axis(["median", "q05", "q95"])


def proportion_interval(
    hits: np.ndarray, trials: float, levels: tuple[float, float] = INTERVAL
) -> tuple[np.ndarray, np.ndarray]:
    """Compute Clopper-Pearson intervals of proportions.

    Parameters
    ----------
    hits : ndarray of float64, shape (n,)
        Successes.
    trials : float
        Trials of each.
    levels : tuple of float
        Probabilities below the two ends.

    Returns
    -------
    tuple of ndarray of float64, shape (n,)
        Low and high ends.
    """
    from scipy.special import betaincinv

    misses = trials - hits
    low = np.where(hits > 0, betaincinv(hits, misses + 1, levels[0]), 0.0)
    high = np.where(misses > 0, betaincinv(hits + 1, misses, levels[1]), 1.0)
    return low, high


def stochastic_share(runs: np.ndarray, draws: np.ndarray) -> float:
    """Compute the share of the variance that is stochastic: within draws of the parameters.

    Parameters
    ----------
    runs : ndarray of float64, shape (runs,)
        One value a run.
    draws : ndarray of int64, shape (runs,)
        Which runs share a draw of the parameters.

    Returns
    -------
    float
        At most 1; nan where nothing varies, or no two runs share a draw.
    """
    _, place, sizes = np.unique(draws, return_inverse=True, return_counts=True)
    freedom = runs.size - sizes.size
    if freedom < 1 or np.ptp(runs) == 0.0:
        return np.nan
    means = np.bincount(place, runs) / sizes
    within = ((runs - means[place]) ** 2).sum() / freedom
    return float(min(1.0, within / runs.var(ddof=1)))
