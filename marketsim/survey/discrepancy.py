"""How far a simulated survey is from the published one: what parameters are fitted by."""

import numpy as np
import pandas as pd

from marketsim.parameters.evidence import Fact
from marketsim.survey import targets

# What parameters are fitted to: every target on posting. The level of a panel is mostly luck, so
# it enters once, as the total; the other counts enter as they would be at the published total.
AT_PUBLISHED_TOTAL = ("pictures_total", "videos_total", "ads_week_1_3", "ads_week_4")
SUMMARIES = (
    "ads_total",
    "ads_week_1_3",
    "ads_week_4",
    "pictures_total",
    "videos_total",
    "spread_week_1_4",
    "fall_week_5",
    "ratio_week_6_12",
    "return_week_13",
    "heavy_posters_count",
    "heavy_posters_share",
    "backup_accounts",
    "backup_accounts_early",
)
# For luck of the panel alone the total varies by a standard deviation of 5.2 half-widths of its
# interval (measured: 300 runs at the reference values). In half-widths it would drown every shape;
# so its unit is interval and luck together.
LEVEL_UNIT = 5.3  # half-widths: sqrt(1 + 5.2**2)
FARTHEST = 10.0  # half-widths; a statistic that is not there is as far off as one can be


def deviations(values: pd.DataFrame) -> pd.DataFrame:
    """Return how far each summary is from the published one, in half-widths of its interval.

    The total is measured in `LEVEL_UNIT` half-widths, since luck of the panel dwarfs its interval.

    Pictures, videos and the weeks before the fall are counted at the published number of
    advertisements, so that the level of posting enters once. A row without a value is met anywhere
    inside its interval.

    Parameters
    ----------
    values : DataFrame
        From `metrics.statistics`.

    Returns
    -------
    DataFrame
        One row a run, one column for each of `SUMMARIES`, from -10 to 10; a statistic that is
        not there counts as 10. Where nobody has a backup account none is early.
    """
    facts = targets.targets()
    out = {}
    with np.errstate(divide="ignore", invalid="ignore"):
        level = (facts["ads_total"].value or 0.0) / values["ads_total"].to_numpy(float)
        for name in SUMMARIES:
            seen = values[name].to_numpy()
            if name in AT_PUBLISHED_TOTAL:
                seen = seen * level
            if name == "backup_accounts_early":
                seen = np.where(values["backup_accounts"] == 0, 0.0, seen)
            unit = LEVEL_UNIT if name == "ads_total" else 1.0
            out[name] = deviation(facts[name], seen, unit)
    return pd.DataFrame(out, values.index)


def deviation(fact: Fact, seen: np.ndarray, unit: float = 1.0) -> np.ndarray:
    """Return how far values are from a row of the evidence, from -10 to 10.

    Parameters
    ----------
    fact : Fact
        The row; it has an interval.
    seen : ndarray of float64, shape (n,)
        Values of it; nan counts as 10.
    unit : float
        What is one, in half-widths of the interval on that side.

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    off = _in_half_widths(fact, seen) / unit
    return np.where(np.isnan(off), FARTHEST, np.clip(off, -FARTHEST, FARTHEST))


def _in_half_widths(fact: Fact, seen: np.ndarray) -> np.ndarray:
    assert fact.low is not None and fact.high is not None
    if fact.value is None:
        half = (fact.high - fact.low) / 2.0
        return np.maximum(seen - fact.high, 0.0) / half + np.minimum(seen - fact.low, 0.0) / half
    above, below = fact.high - fact.value, fact.value - fact.low
    return np.where(seen > fact.value, (seen - fact.value) / above, (seen - fact.value) / below)


def distance(off: pd.DataFrame) -> np.ndarray:
    """Return the root mean square of the deviations of each run, in half-widths."""
    return np.sqrt((off.to_numpy() ** 2).mean(axis=1))
