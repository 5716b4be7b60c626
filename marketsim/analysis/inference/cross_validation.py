"""Leave-one-out cross-validation on weekly volumes, with two statistical models as baselines.

Five rows of the evidence are advertisements a week in the survey. Each is predicted from the other
four by `constant_mean` (no effect of the crackdown), `interrupted_time_series` (Wagner et al. 2002,
doi:10.1046/j.1365-2710.2002.00430.x) and `nearest_simulations` (marketsim). All three use the same
four rows and the week of the crackdown; none uses the row left out.

The source prints counts for weeks 4, 5 and 13. That of weeks 6 to 12 is the remainder of the total:
it is not a target (its role is context), and not independent of the others, for every model alike.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from marketsim.analysis.inference.regression_adjustment import adjust_values
from marketsim.parameters.evidence import Fact
from marketsim.survey import statistics, targets
from marketsim.survey.intervals import interval

# First and last week of each row.
WEEKS = {
    "ads_week_1_3": (1, 3),
    "ads_week_4": (4, 4),
    "fall_week_5": (5, 5),
    "ratio_week_6_12": (6, 12),
    "return_week_13": (13, 13),
}
SEED = 2015  # of the draws of each baseline for each row
DRAWS = 4_000  # of each baseline for each row
NEAREST = 500  # simulations kept for each row: the draws of marketsim
# Dispersion: variance of a week beyond Poisson, over its mean squared. The minimum is undetectable
# in counts of some hundreds; four rows cannot need more than the maximum.
MIN_DISPERSION, MAX_DISPERSION = 1e-6, 100.0
NO_ADS = 0.5  # advertisements a week, in place of 0 in logarithms

Design = Callable[[pd.DataFrame], np.ndarray]


def weekly_counts(values: pd.DataFrame) -> pd.DataFrame:
    """Convert the statistics of the posting series to counts a week.

    Parameters
    ----------
    values : DataFrame
        One row a run, with the columns of `statistics.statistics` that `WEEKS` names.

    Returns
    -------
    DataFrame
        One row a run, one column an id of `WEEKS`: advertisements a week (three regular surveys),
        the mean over the weeks of the row.
    """
    first, fourth = values["ads_week_1_3"], values["ads_week_4"]
    level = (3.0 * first + fourth) / 4.0  # the mean of weeks 1 to 4
    counts = {
        "ads_week_1_3": first,
        "ads_week_4": fourth,
        "fall_week_5": values["fall_week_5"] * fourth,
        "ratio_week_6_12": values["ratio_week_6_12"] * level,
        "return_week_13": values["return_week_13"] * level,
    }
    return pd.DataFrame(counts, values.index)


def volume_rows() -> pd.DataFrame:
    """Return the published rows of the posting series as counts a week.

    Returns
    -------
    DataFrame
        One row for each id of `WEEKS`, in order of time. Columns id, first_week, last_week,
        weeks (how many), middle_week, and observed: advertisements a week (three regular
        surveys), the mean over the weeks (T15).
    """
    facts = _facts()
    published = weekly_counts(pd.DataFrame([{name: facts[name].value for name in WEEKS}]))
    rows = pd.DataFrame(list(WEEKS.values()), columns=["first_week", "last_week"])
    rows.insert(0, "id", list(WEEKS))
    rows["weeks"] = rows["last_week"] - rows["first_week"] + 1
    rows["middle_week"] = (rows["first_week"] + rows["last_week"]) / 2.0
    rows["observed"] = published.iloc[0].to_numpy(float)
    return rows


def _facts() -> dict[str, Fact]:
    return targets.targets() | targets.context()


# ---------------------------------------------------------------- the baselines


def negative_binomial(design: Design, kept: pd.DataFrame, left_out: pd.DataFrame) -> np.ndarray:
    """Predict a row by negative binomial regression on the other rows, with a logarithmic link.

    Coefficients are sampled from their asymptotic normal distribution, then a negative binomial
    count for each week. The dispersion makes Pearson's chi-squared equal to its degrees of freedom
    (Breslow 1984, doi:10.2307/2347661); for rows closer to the line than Poisson counts it is
    minimal. Maximum likelihood ignores the number of fitted coefficients: three on four rows leave
    no dispersion, whichever row is left out.

    The uncertainty of the dispersion itself is not sampled. With one degree of freedom, 90 %
    intervals cover 90 % if weeks are Poisson, and about 65 % to 70 % if they vary by 10 % to 20 %
    beyond it (measured); for rows close to the line this narrows the intervals of the baseline.

    Parameters
    ----------
    design : callable
        From rows to their regressors, shape (rows, coefficients).
    kept : DataFrame
        Rows of `volume_rows` to fit.
    left_out : DataFrame
        The one row to predict; `observed` is not read.

    Returns
    -------
    ndarray
        `DRAWS` counts a week, the mean over the weeks of the row.
    """
    dispersion = _dispersion(design, kept)
    fit = _regression(design, kept, dispersion)
    rng = np.random.default_rng(SEED)
    # Cholesky: signs of a singular value decomposition may differ between machines.
    coefficients = rng.multivariate_normal(fit.params, fit.cov_params(), DRAWS, method="cholesky")
    mean = np.exp(coefficients @ design(left_out)[0])
    weeks = left_out["weeks"].item()
    # Independent weeks of one mean and one dispersion have a negative binomial sum.
    return rng.negative_binomial(weeks / dispersion, 1.0 / (1.0 + dispersion * mean)) / weeks


def constant_mean(rows: pd.DataFrame) -> np.ndarray:
    """Return the design of one mean for all weeks, for `negative_binomial`."""
    return np.ones((len(rows), 1))


def interrupted_time_series(rows: pd.DataFrame) -> np.ndarray:
    """Return the design of a level before week 5, another in week 5, and a slope after it.

    A row of many weeks is placed at its middle week, an error of about 1 % for weeks 6 to 12.
    Without any one of the five rows, the others determine all three coefficients with one degree
    of freedom left.
    """
    since = rows["middle_week"].to_numpy(float) - statistics.CRACKDOWN_WEEK
    after = since >= 0.0
    return np.column_stack([np.ones(len(rows)), after, after * since])


def _dispersion(design: Design, kept: pd.DataFrame) -> float:
    from scipy.optimize import brentq

    def excess(dispersion: float) -> float:
        fit = _regression(design, kept, dispersion)
        return fit.pearson_chi2 - fit.df_resid

    if excess(MIN_DISPERSION) <= 0.0:
        return MIN_DISPERSION
    return brentq(excess, MIN_DISPERSION, MAX_DISPERSION)


def _regression(design: Design, kept: pd.DataFrame, dispersion: float) -> Any:
    """Fit weekly means weighted by weeks: equivalent to sums with the offset log(weeks)."""
    from statsmodels.genmod.families import NegativeBinomial
    from statsmodels.genmod.generalized_linear_model import GLM
    from statsmodels.tools import sm_exceptions

    means, weeks = kept["observed"].to_numpy(), kept["weeks"].to_numpy()
    family = NegativeBinomial(alpha=dispersion)
    with warnings.catch_warnings():
        # The warning is about zeros and ones; counts on the line are valid.
        warnings.simplefilter("ignore", sm_exceptions.PerfectSeparationWarning)
        fit = GLM(means, design(kept), family, var_weights=weeks).fit()
    assert fit.converged  # statsmodels does not warn of it
    return fit


# ---------------------------------------------------------------- marketsim


def nearest_simulations(
    kept: pd.DataFrame, left_out: pd.DataFrame, table: pd.DataFrame
) -> np.ndarray:
    """Predict a row by the simulations with the other rows nearest to the published ones.

    The distance includes the level once (the mean logarithm of the four rows) and the shape (the
    difference of each from the level), in half-widths of the published intervals relative to their
    values. The logarithm of the row left out is moved along its linear regression on the four
    logarithms, over the kept simulations, to their observed values (see `regression_adjustment`,
    with equal weights). Each simulation samples parameters and a panel, so that the draws include
    parameter uncertainty and stochastic variability.

    Parameters
    ----------
    kept : DataFrame
        Rows of `volume_rows` to match.
    left_out : DataFrame
        The one row to predict; `observed` is not read.
    table : DataFrame
        One row a simulation from the prior, with the columns of `statistics.statistics`.
        Simulations without a survey, or without advertisements in week 4, are omitted.

    Returns
    -------
    ndarray
        Counts a week, the mean over the weeks of the row, one for each of the `NEAREST` kept.
    """
    counts = weekly_counts(table)
    known = np.isfinite(counts.to_numpy()).all(axis=1)
    logs = np.log(counts[known].clip(lower=NO_ADS))
    off = logs[list(kept["id"])].to_numpy() - np.log(kept["observed"].to_numpy())
    near = np.argsort(_distance(off, _half_widths(kept)), kind="stable")[:NEAREST]
    unknown, equal = logs[[left_out["id"].item()]].to_numpy(), np.full(near.size, 1.0 / near.size)
    return np.exp(adjust_values(unknown[near], off[near], equal)[:, 0])


def _half_widths(kept: pd.DataFrame) -> np.ndarray:
    low, high, value = (
        np.array([getattr(_facts()[name], end) for name in kept["id"]], float)
        for end in ("low", "high", "value")
    )
    return (high - low) / 2.0 / value


def _distance(off: np.ndarray, half_widths: np.ndarray) -> np.ndarray:
    """Return one distance a simulation; `off` has shape (simulations, kept rows)."""
    level = off.mean(axis=1)
    shape = (off - level[:, None]) / half_widths
    return np.sqrt((level / half_widths.mean()) ** 2 + (shape**2).sum(axis=1))


# ---------------------------------------------------------------- the comparison


def predictions(rows: pd.DataFrame, left_out: str, table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Predict one row from the others by each model.

    Parameters
    ----------
    rows : DataFrame
        From `volume_rows`.
    left_out : str
        Id of the row to predict; models do not receive its observed value.
    table : DataFrame
        Simulations from the prior, for `nearest_simulations`.

    Returns
    -------
    dict of str to ndarray
        Draws of the count a week, by name of the model.
    """
    is_left_out = rows["id"] == left_out
    kept, predicted = rows[~is_left_out], rows[is_left_out].drop(columns="observed")
    return {
        "constant_mean": negative_binomial(constant_mean, kept, predicted),
        "interrupted_time_series": negative_binomial(interrupted_time_series, kept, predicted),
        "marketsim": nearest_simulations(kept, predicted, table),
    }


def crps(draws: np.ndarray, observed: float) -> float:
    """Compute the continuous ranked probability score, E|X - y| - E|X - X'| / 2, of a sample.

    Exact for draws of equal weight, in n log n steps (Gneiting & Raftery 2007,
    doi:10.1198/016214506000001437). Smaller is better; for one draw it is the absolute error.

    Parameters
    ----------
    draws : ndarray
        Shape (draws,).
    observed : float
        Observed value, in the unit of the draws.

    Returns
    -------
    float
        In the unit of the draws.
    """
    ordered, n = np.sort(draws), len(draws)
    half_spread = (np.arange(1 - n, n, 2) * ordered).sum() / n**2
    return float(np.abs(ordered - observed).mean() - half_spread)


def leave_one_out(table: pd.DataFrame) -> pd.DataFrame:
    """Leave out each published row in turn and score the prediction of each model.

    Parameters
    ----------
    table : DataFrame
        Simulations from the prior, for `nearest_simulations`.

    Returns
    -------
    DataFrame
        One row for each id and model. Columns id, model, and in advertisements a week observed,
        low, median, high (central 90 %), width (high less low), crps.
    """
    rows = volume_rows()
    return pd.DataFrame(
        {"id": left_out, "model": model, **_score(draws, published)}
        for left_out, published in zip(rows["id"], rows["observed"], strict=True)
        for model, draws in predictions(rows, left_out, table).items()
    )


def _score(draws: np.ndarray, published: float) -> dict[str, float]:
    median, low, high = interval(draws)
    out = {"observed": published, "q05": low, "median": median, "q95": high}
    return out | {"width": high - low, "crps": crps(draws, published)}


def summary(scores: pd.DataFrame) -> pd.DataFrame:
    """Summarize the scores of each model over the rows left out.

    Parameters
    ----------
    scores : DataFrame
        From `leave_one_out`.

    Returns
    -------
    DataFrame
        One row a model, by name. Columns mean_crps and mean_width (advertisements a week), and
        coverage: the share of rows whose interval contains the observed value.
    """
    inside = scores["observed"].between(scores["q05"], scores["q95"])
    models = scores.assign(coverage=inside).groupby("model", sort=False)
    means = models[["crps", "width", "coverage"]].mean()
    return means.rename(columns={"crps": "mean_crps", "width": "mean_width"})
