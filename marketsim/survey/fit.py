"""Fit of simulated survey statistics to the published ones."""

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
    "role": ("name", "target, or validation: only ever compared"),
    "within": ("yes or no", "the simulated value is within the interval of the evidence"),
}


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
        within: the median over runs and its central 90 % interval. A share of runs
        (`panel_unblocked`) is a mean with its 90 % Monte Carlo interval. Runs in which a statistic
        is not finite (a ratio to a week without advertisements) are omitted. `stochastic_share` is
        the share of the variance that is stochastic: that between runs of one draw; the rest is
        parameter uncertainty. `within` is whether the simulated value lies inside the interval of
        the evidence.
    """
    judged = targets.targets() | targets.validation()
    same = np.zeros(len(values), int) if draws is None else draws.to_numpy()
    names = [str(name) for name in values if name in judged]
    rows = [_row(judged[name], values[name].to_numpy(float), same) for name in names]
    return pd.DataFrame(rows)


def _row(fact: Fact, runs: np.ndarray, draws: np.ndarray) -> dict[str, object]:
    known = runs[np.isfinite(runs)]
    is_share = fact.unit == "share of runs" and known.size > 0
    value, low, high = _share(known) if is_share else interval(known)
    within = (fact.low is None or value >= fact.low) and (fact.high is None or value <= fact.high)
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
        "within": bool(within),
    }


def _share(runs: np.ndarray) -> tuple[float, float, float]:
    """Return a share of runs with its Clopper-Pearson interval."""
    low, high = proportion_interval(runs.sum(keepdims=True), runs.size)
    return float(runs.mean()), float(low[0]), float(high[0])
