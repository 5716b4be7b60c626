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
    """Compare the statistics of many runs with the evidence.

    Parameters
    ----------
    values : DataFrame
        From `statistics`.
    draws : Series, optional
        Which runs share a draw of the parameters; default: all.

    Returns
    -------
    DataFrame
        Columns id, role, observed, low, high, simulated, sim_low, sim_high, luck, unit, within: the
        median over runs and its central 90 % interval. A share of runs (`panel_unblocked`) is a
        mean with its 90 % Monte Carlo interval. Runs in which a statistic is not finite (a ratio
        to a week without advertisements) are omitted. `luck` is the share of the variance that is
        stochastic: that between runs of one draw; the rest is parameter uncertainty. `within` is
        whether the simulated value lies inside the interval of the evidence.
    """
    judged = targets.targets() | targets.validation()
    same = np.zeros(len(values), int) if draws is None else draws.to_numpy()
    rows = [_row(judged[str(name)], values[name].to_numpy(float), same) for name in values]
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
        "low": fact.low,
        "high": fact.high,
        "simulated": value,
        "sim_low": low,
        "sim_high": high,
        "luck": stochastic_share(known, draws[np.isfinite(runs)]),
        "unit": fact.unit,
        "within": bool(within),
    }


def _share(runs: np.ndarray) -> tuple[float, float, float]:
    """Return a share of runs with its Clopper-Pearson interval."""
    low, high = proportion_interval(runs.sum(keepdims=True), runs.size)
    return float(runs.mean()), float(low[0]), float(high[0])
