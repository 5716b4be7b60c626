"""Predictive checks: every published row against the predictions of many runs."""

import pandas as pd

from marketsim.survey import fit

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
        The columns of `survey.fit.fit`, and width (of the predictive 90 % interval).
    """
    table = fit.fit(values, draws)
    return table.assign(width=table["q95"] - table["q05"])


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
