"""Predictive checks: every published row against the predictions of many runs."""

import numpy as np
import pandas as pd

from marketsim.survey import fit
from marketsim.survey.intervals import INTERVAL

SIZES = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)


def predictive(values: pd.DataFrame, draws: pd.Series) -> pd.DataFrame:
    """Compare each row of the evidence with the predictions of many runs.

    Parameters
    ----------
    values : DataFrame
        From `summary.run_statistics`.
    draws : Series
        Which runs share a draw of the parameters.

    Returns
    -------
    DataFrame
        The columns of `survey.fit.fit`, and width (of the predictive 90 % interval), tail (the
        two-sided predictive probability of a value at least as extreme as the observed one; nan if
        no run has the statistic) and inside (whether it is 10 % or more, so that the observed value
        is within the central 90 % of single surveys). If the evidence has an interval but no
        value, the point of the interval nearest to the median counts as observed.
    """
    table = fit.fit(values, draws)
    table["width"] = table["q95"] - table["q05"]
    nearest = table["median"].clip(table["obs_low"], table["obs_high"])
    observed = table["observed"].fillna(nearest)
    tails = []
    for name, value in zip(table["id"], observed, strict=True):
        runs = values[name].to_numpy(float)
        runs = runs[np.isfinite(runs)]
        sides = [(runs <= value).mean(), (runs >= value).mean()] if runs.size > 0 else [np.nan]
        tails.append(min(2.0 * min(sides), 1.0))
    table["p_value"] = tails
    table["within_90"] = table["p_value"] >= 2.0 * INTERVAL[0]
    return table


def variation(values: pd.DataFrame) -> pd.DataFrame:
    """Compute the coefficient of variation of each statistic over increasing numbers of runs.

    Enough replicates are those from which on it is stable (Lorscheid et al. 2012).

    Returns
    -------
    DataFrame
        Columns id, runs, variation (standard deviation over mean).
    """
    rows = [
        {
            "id": name,
            "runs": size,
            "variation": values[name][:size].std() / values[name][:size].mean(),
        }
        for name in values
        for size in sorted({*(size for size in SIZES if size < len(values)), len(values)})
    ]
    return pd.DataFrame(rows)
