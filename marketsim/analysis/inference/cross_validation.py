"""Leave out each published weekly volume in turn: marketsim beside two plain baselines.

Five rows of the evidence say how many advertisements a week the survey saw. Each is predicted
from the other four by `constant_mean` (no effect of the crackdown), `interrupted_time_series`
(Wagner et al. 2002, doi:10.1046/j.1365-2710.2002.00430.x) and `nearest_simulations` (marketsim).
All three see the same four rows and that the crackdown came in week 5; none is handed the row
left out. That makes the comparison fair.

The source prints counts for weeks 4, 5 and 13. That of weeks 6 to 12 is what the total leaves
beside the printed weeks, so it knows a little of them: as much for one model as for another.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from marketsim.analysis.inference.regression_adjustment import moved
from marketsim.survey import statistics
from marketsim.survey.intervals import interval
from marketsim.survey.targets import targets

# First and last week of each row.
WEEKS = {
    "ads_week_1_3": (1, 3),
    "ads_week_4": (4, 4),
    "fall_week_5": (5, 5),
    "ratio_week_6_12": (6, 12),
    "return_week_13": (13, 13),
}
SEED = 2015  # of each baseline's draws for each row
DRAWS = 4_000  # of each baseline for each row
NEAREST = 500  # simulations kept for each row, and so the draws of marketsim
# Dispersion: variance of a week beyond Poisson, over its mean squared. The least is below what
# counts of some hundreds can show; four rows cannot ask for more than the most.
LEAST_DISPERSION, MOST_DISPERSION = 1e-6, 100.0
NO_ADS = 0.5  # advertisements a week that stand for none where a logarithm is taken

Design = Callable[[pd.DataFrame], np.ndarray]


def weekly_counts(values: pd.DataFrame) -> pd.DataFrame:
    """Turn the statistics of the posting series into counts a week.

    Parameters
    ----------
    values : DataFrame
        One row a run, with the columns of `metrics.statistics` that `WEEKS` names.

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
        surveys), the mean over the weeks, from `observed.targets` (T15).
    """
    facts = targets()
    published = weekly_counts(pd.DataFrame([{name: facts[name].value for name in WEEKS}]))
    rows = pd.DataFrame(list(WEEKS.values()), columns=["first_week", "last_week"])
    rows.insert(0, "id", list(WEEKS))
    rows["weeks"] = rows["last_week"] - rows["first_week"] + 1
    rows["middle_week"] = (rows["first_week"] + rows["last_week"]) / 2.0
    rows["observed"] = published.iloc[0].to_numpy(float)
    return rows


# ---------------------------------------------------------------- the baselines


def negative_binomial(design: Design, kept: pd.DataFrame, asked: pd.DataFrame) -> np.ndarray:
    """Predict a row by negative binomial regression on other rows, with a logarithmic link.

    Draws take the coefficients from their asymptotic normal distribution and then a negative
    binomial count for each week. The dispersion makes Pearson's chi-squared equal its degrees of
    freedom (Breslow 1984, doi:10.2307/2347661); rows that lie closer to the line than Poisson
    counts would have next to none. Maximum likelihood takes no account of the coefficients
    fitted: three of them on four rows leave it no dispersion, whichever row is left out.

    Doubt about the dispersion itself is not drawn. With one degree of freedom the interval of 90 %
    then holds 90 % where weeks are Poisson, and about 65 % to 70 % where they vary by 10 % to 20 %
    beyond it (measured); on rows that lie close to the line this sharpens the baseline.

    Parameters
    ----------
    design : callable
        From rows to their regressors, shape (rows, coefficients).
    kept : DataFrame
        Rows of `volume_rows` to fit.
    asked : DataFrame
        The one row to predict; `observed` is not read.

    Returns
    -------
    ndarray
        `DRAWS` counts a week, the mean over the weeks of the row.
    """
    dispersion = _dispersion(design, kept)
    fit = _regression(design, kept, dispersion)
    rng = np.random.default_rng(SEED)
    # Cholesky: a singular value decomposition may turn signs from one machine to another.
    coefficients = rng.multivariate_normal(fit.params, fit.cov_params(), DRAWS, method="cholesky")
    mean = np.exp(coefficients @ design(asked)[0])
    weeks = asked["weeks"].item()
    # Independent weeks of one mean and one dispersion have a negative binomial sum.
    return rng.negative_binomial(weeks / dispersion, 1.0 / (1.0 + dispersion * mean)) / weeks


def constant_mean(rows: pd.DataFrame) -> np.ndarray:
    """Return the design of one mean for all weeks, for `negative_binomial`."""
    return np.ones((len(rows), 1))


def interrupted_time_series(rows: pd.DataFrame) -> np.ndarray:
    """Return the design of a level before week 5, another in week 5, and a slope from there.

    A row of many weeks stands at its middle week, which is about 1 % off for weeks 6 to 12.
    Whichever of the five rows is left out, the others give all three coefficients and leave one
    degree of freedom.
    """
    since = rows["middle_week"].to_numpy(float) - statistics.CRACKDOWN_WEEK
    after = since >= 0.0
    return np.column_stack([np.ones(len(rows)), after, after * since])


def _dispersion(design: Design, kept: pd.DataFrame) -> float:
    from scipy.optimize import brentq

    def excess(dispersion: float) -> float:
        fit = _regression(design, kept, dispersion)
        return fit.pearson_chi2 - fit.df_resid

    if excess(LEAST_DISPERSION) <= 0.0:
        return LEAST_DISPERSION
    return brentq(excess, LEAST_DISPERSION, MOST_DISPERSION)


def _regression(design: Design, kept: pd.DataFrame, dispersion: float) -> Any:
    """Fit weekly means weighted by weeks: the same as sums with the offset log(weeks)."""
    from statsmodels.genmod.families import NegativeBinomial
    from statsmodels.genmod.generalized_linear_model import GLM
    from statsmodels.tools import sm_exceptions

    means, weeks = kept["observed"].to_numpy(), kept["weeks"].to_numpy()
    family = NegativeBinomial(alpha=dispersion)
    with warnings.catch_warnings():
        # A warning about zeros and ones; counts that lie on the line are no trouble.
        warnings.simplefilter("ignore", sm_exceptions.PerfectSeparationWarning)
        fit = GLM(means, design(kept), family, var_weights=weeks).fit()
    assert fit.converged  # statsmodels does not warn of it
    return fit


# ---------------------------------------------------------------- marketsim


def nearest_simulations(kept: pd.DataFrame, asked: pd.DataFrame, table: pd.DataFrame) -> np.ndarray:
    """Predict a row by the simulations whose other rows are nearest to the published ones.

    The distance has the level once (the mean logarithm of the four rows) and the shape (what each
    is above the level), in half-widths of the published intervals relative to their values. The
    logarithm of the row asked for is moved along its linear regression on the four logarithms,
    over the kept simulations, to where these were observed (see `adjustment`, with weights all
    equal). A simulation draws parameters and a panel and surveys it, so that the draws hold the
    doubt and the luck.

    Parameters
    ----------
    kept : DataFrame
        Rows of `volume_rows` to be near to.
    asked : DataFrame
        The one row to predict; `observed` is not read.
    table : DataFrame
        One row a simulation from the prior, with the columns of `metrics.statistics`. Simulations
        without a survey, or with no advertisement in week 4, are left out.

    Returns
    -------
    ndarray
        Counts a week, the mean over the weeks of the row, one for each of the `NEAREST` kept.
    """
    counts = weekly_counts(table)
    there = np.isfinite(counts.to_numpy()).all(axis=1)
    logs = np.log(counts[there].clip(lower=NO_ADS))
    off = logs[list(kept["id"])].to_numpy() - np.log(kept["observed"].to_numpy())
    near = np.argsort(_distance(off, _half_widths(kept)), kind="stable")[:NEAREST]
    asked_for, alike = logs[[asked["id"].item()]].to_numpy(), np.full(near.size, 1.0 / near.size)
    return np.exp(moved(asked_for[near], off[near], alike)[:, 0])


def _half_widths(kept: pd.DataFrame) -> np.ndarray:
    low, high, value = (
        np.array([getattr(targets()[name], end) for name in kept["id"]], float)
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
        Id of the row to predict; no model is handed what was observed.
    table : DataFrame
        Simulations from the prior, for `nearest_simulations`.

    Returns
    -------
    dict of str to ndarray
        Draws of the count a week, by name of the model.
    """
    here = rows["id"] == left_out
    kept, asked = rows[~here], rows[here].drop(columns="observed")
    return {
        "constant_mean": negative_binomial(constant_mean, kept, asked),
        "interrupted_time_series": negative_binomial(interrupted_time_series, kept, asked),
        "marketsim": nearest_simulations(kept, asked, table),
    }


def crps(draws: np.ndarray, observed: float) -> float:
    """Return the continuous ranked probability score, E|X - y| - E|X - X'| / 2, of a sample.

    Exact for draws of equal weight, in n log n steps (Gneiting & Raftery 2007,
    doi:10.1198/016214506000001437). The smaller the better; of one draw it is the absolute error.

    Parameters
    ----------
    draws : ndarray
        Shape (draws,).
    observed : float
        What came to be, in the unit of the draws.

    Returns
    -------
    float
        In the unit of the draws.
    """
    ordered, n = np.sort(draws), len(draws)
    half_spread = (np.arange(1 - n, n, 2) * ordered).sum() / n**2
    return float(np.abs(ordered - observed).mean() - half_spread)


def leave_one_out(table: pd.DataFrame) -> pd.DataFrame:
    """Leave out each published row in turn and score each model's prediction of it.

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
    out = {"observed": published, "low": low, "median": median, "high": high}
    return out | {"width": high - low, "crps": crps(draws, published)}


def summary(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the scores of each model over the rows left out.

    Parameters
    ----------
    scores : DataFrame
        From `leave_one_out`.

    Returns
    -------
    DataFrame
        One row a model, by name. Columns mean_crps and mean_width (advertisements a week), and
        inside: the share of rows whose interval holds what was observed.
    """
    inside = scores["observed"].between(scores["low"], scores["high"])
    models = scores.assign(inside=inside).groupby("model", sort=False)
    means = models[["crps", "width", "inside"]].mean()
    return means.rename(columns={"crps": "mean_crps", "width": "mean_width"})
