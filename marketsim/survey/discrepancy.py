"""Distance between simulated and published summary statistics."""

import numpy as np
import pandas as pd

from marketsim.parameters.evidence import Fact
from marketsim.survey import targets

# Every target on posting. By this distance a pair of a draw and a seed is like the published
# survey; posting is fitted by a likelihood (`analysis.inference.summaries`). The level of a panel
# is mostly stochastic: it enters once, as the total; others are rescaled to the published total.
AT_PUBLISHED_TOTAL = ("pictures_total", "videos_total", "ads_week_1_3", "ads_week_4")
SUMMARIES = (
    "ads_total",
    "ads_week_1_3",
    "ads_week_4",
    "pictures_total",
    "videos_total",
    "fall_week_5",
    "items_per_ad_week_5",
    "return_week_13",
    "videos_sd",
    "heavy_posters_count",
    "heavy_posters_share",
    "backup_accounts",
    "backup_accounts_early",
)
# Stochastic variability of the panel alone has a standard deviation of 5.2 half-widths of the
# interval of the total (300 runs at the reference values). In half-widths the total would dominate
# the distance; so its unit combines interval and stochastic variability.
LEVEL_UNIT = 5.3  # half-widths: sqrt(1 + 5.2**2)
FARTHEST = 10.0  # half-widths: the largest deviation, also that of a missing statistic


def deviations(values: pd.DataFrame) -> pd.DataFrame:
    """Compute deviations of summaries from the published ones, in half-widths of their intervals.

    The total is in units of `LEVEL_UNIT` half-widths. Pictures, videos and weeks before the fall
    are rescaled to the published number of advertisements, so that the level of posting enters
    once. The deviation from a row without a value is 0 inside its interval.

    Parameters
    ----------
    values : DataFrame
        From `statistics.statistics`.

    Returns
    -------
    DataFrame
        One row a run, one column for each of `SUMMARIES`, from -10 to 10; 10 for a missing
        statistic. Without backup accounts none is early.
    """
    facts = targets.targets()
    out = {}
    with np.errstate(divide="ignore", invalid="ignore"):
        level = (facts["ads_total"].value or 0.0) / values["ads_total"].to_numpy(float)
        for name in SUMMARIES:
            simulated = values[name].to_numpy()
            if name in AT_PUBLISHED_TOTAL:
                simulated = simulated * level
            if name == "backup_accounts_early":
                simulated = np.where(values["backup_accounts"] == 0, 0.0, simulated)
            unit = LEVEL_UNIT if name == "ads_total" else 1.0
            out[name] = deviation(facts[name], simulated, unit)
    return pd.DataFrame(out, values.index)


def deviation(fact: Fact, simulated: np.ndarray, unit: float = 1.0) -> np.ndarray:
    """Compute deviations of values from a row of the evidence, from -10 to 10.

    Parameters
    ----------
    fact : Fact
        The row; it has an interval.
    simulated : ndarray of float64, shape (n,)
        Simulated values; nan counts as 10.
    unit : float
        Unit of the deviation, in half-widths of the interval on that side.

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    off = _in_half_widths(fact, simulated) / unit
    return np.where(np.isnan(off), FARTHEST, np.clip(off, -FARTHEST, FARTHEST))


def _in_half_widths(fact: Fact, simulated: np.ndarray) -> np.ndarray:
    assert fact.low is not None and fact.high is not None
    if fact.value is None:
        half = (fact.high - fact.low) / 2.0
        return (
            np.maximum(simulated - fact.high, 0.0) / half
            + np.minimum(simulated - fact.low, 0.0) / half
        )
    above, below = fact.high - fact.value, fact.value - fact.low
    return np.where(
        simulated > fact.value, (simulated - fact.value) / above, (simulated - fact.value) / below
    )


def distance(off: pd.DataFrame) -> np.ndarray:
    """Compute the root mean square of the deviations of each run, in half-widths."""
    return np.sqrt((off.to_numpy() ** 2).mean(axis=1))
