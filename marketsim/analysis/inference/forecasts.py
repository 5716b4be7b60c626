"""Forecasts of the posting series, by marketsim and by statistical models, scored alike.

Five rows of the evidence are advertisements a week in the survey. Two questions are asked: each row
from the other four, and weeks 5 to 13 from weeks 1 to 4. The rivals are negative binomial
regressions: `constant_mean` (no effect of the crackdown) and `interrupted_time_series` (Wagner et
al. 2002, doi:10.1046/j.1365-2710.2002.00430.x), which is given the week of the crackdown. The same
is asked of the published survey and of simulated ones, where marketsim is the truth.

The source prints counts for weeks 4, 5 and 13. That of weeks 6 to 12 is the remainder of the total:
it is not independent of the others, for every model alike.
"""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm

from marketsim.analysis.inference import checks, posting, reference_table, summaries
from marketsim.analysis.inference import emulator as nets
from marketsim.analysis.inference.emulator import Emulator, Moments
from marketsim.analysis.inference.summaries import OF_SERIES
from marketsim.parameters.settings import Inference, Settings
from marketsim.survey import statistics
from marketsim.survey.intervals import interval

# First and last week of each row.
WEEKS = dict(zip(summaries.SERIES, ((1, 3), (4, 4), (5, 5), (6, 12), (13, 13)), strict=True))
BEFORE = 2  # rows before the crackdown
SEED = 2015  # of the draws of each model
DRAWS = 4_000  # of each prediction
POOL = 100_000  # draws of the prior over which marketsim averages
SYNTHETIC = 200  # simulated surveys that are treated as observed
# Dispersion: variance of a week beyond Poisson, over its mean squared. The minimum is undetectable
# in counts of some hundreds; four rows cannot need more than the maximum.
MIN_DISPERSION, MAX_DISPERSION = 1e-6, 100.0
PRECISION = 0.02  # of the logarithm of the dispersion
LEAST_SPREAD = 1e-3  # of the logarithm of a prediction
OURS = "marketsim"

Design = Callable[[pd.DataFrame], np.ndarray]


def volume_rows(counts: np.ndarray) -> pd.DataFrame:
    """Return the rows of a posting series.

    Parameters
    ----------
    counts : ndarray of float64, shape (5,)
        Advertisements a week, from `summaries.weekly_counts`.

    Returns
    -------
    DataFrame
        One row for each id of `WEEKS`, in order of time. Columns id, first_week, last_week,
        weeks (how many), middle_week, and observed: advertisements a week (three regular
        surveys), the mean over the weeks.
    """
    rows = pd.DataFrame(list(WEEKS.values()), columns=["first_week", "last_week"])
    rows.insert(0, "id", list(WEEKS))
    rows["weeks"] = rows["last_week"] - rows["first_week"] + 1
    rows["middle_week"] = (rows["first_week"] + rows["last_week"]) / 2.0
    rows["observed"] = counts
    return rows


# ---------------------------------------------------------------- the baselines


def negative_binomial(design: Design, kept: pd.DataFrame, left_out: pd.DataFrame) -> np.ndarray:
    """Predict rows by negative binomial regression on the other rows, with a logarithmic link.

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
        The rows to predict; `observed` is not read.

    Returns
    -------
    ndarray of float64, shape (`DRAWS`, rows to predict)
        Counts a week, the mean over the weeks of the row.
    """
    dispersion = _dispersion(design, kept)
    fit = _regression(design, kept, dispersion)
    rng = np.random.default_rng(SEED)
    # Cholesky: signs of a singular value decomposition may differ between machines.
    coefficients = rng.multivariate_normal(fit.params, fit.cov_params(), DRAWS, method="cholesky")
    mean = np.exp(coefficients @ design(left_out).T)
    weeks = left_out["weeks"].to_numpy()
    # Independent weeks of one mean and one dispersion have a negative binomial sum.
    drawn = rng.negative_binomial(weeks / dispersion, 1.0 / (1.0 + dispersion * mean))
    return np.asarray(drawn / weeks)


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


RIVALS = {"constant_mean": constant_mean, "interrupted_time_series": interrupted_time_series}


def _dispersion(design: Design, kept: pd.DataFrame) -> float:
    """Return the dispersion, to `PRECISION` of its logarithm."""
    from scipy.optimize import brentq

    def excess(logarithm: float) -> float:
        fit = _regression(design, kept, float(np.exp(logarithm)))
        return float(fit.pearson_chi2 - fit.df_resid)

    low, high = np.log(MIN_DISPERSION), np.log(MAX_DISPERSION)
    if excess(low) <= 0.0:
        return MIN_DISPERSION
    return float(np.exp(brentq(excess, low, high, xtol=PRECISION)))


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


def predict(of: Moments, survey: np.ndarray, asked: list[int]) -> tuple[np.ndarray, float]:
    """Predict rows of a series from the others, over parameters weighted by these.

    Parameters
    ----------
    of : Moments
        Of draws of the prior, for the design `OF_SERIES`.
    survey : ndarray of float64, shape (5,)
        Logarithms of the series; what is asked for enters the score alone.
    asked : list of int
        Places of the rows to predict.

    Returns
    -------
    draws : ndarray of float64, shape (`DRAWS`, rows asked)
        Of their logarithms.
    log_score : float
        Logarithm of the joint predictive density at the values of `survey`.
    """
    precision, mean = of.precision, of.mean.astype(float)
    off, size = survey - mean, len(asked)
    pull = np.einsum("bij,bj->bi", precision, off)
    log_all = of.log_chance + np.log(np.einsum("bii->bi", of.root)).sum(axis=1)
    log_all -= 0.5 * (np.einsum("bi,bi->b", off, pull) + survey.size * np.log(2.0 * np.pi))
    # those asked for, given the others: their precision is a block of the whole one
    block = precision[:, asked][:, :, asked]
    spread = np.linalg.inv(block)
    away = np.einsum("bij,bj->bi", spread, pull[:, asked])
    log_asked = 0.5 * np.linalg.slogdet(block)[1] - 0.5 * size * np.log(2.0 * np.pi)
    log_asked -= 0.5 * np.einsum("bi,bi->b", away, pull[:, asked])
    log_given = log_all - log_asked
    score = logsumexp(log_all) - logsumexp(log_given)
    random = np.random.default_rng(SEED)
    weight = np.exp(log_given - logsumexp(log_given))
    at = random.choice(len(weight), DRAWS, p=weight / weight.sum())
    noise = np.einsum(
        "bij,bj->bi", np.linalg.cholesky(spread[at]), random.standard_normal((DRAWS, size))
    )
    return survey[asked] - away[at] + noise, float(score)


def train(settings: Settings, found: posting.Search) -> Emulator:
    """Train an emulator of the posting series on the surveys of a search."""
    known = pd.concat([found.known.assign(trade=0.0), found.whole.assign(trade=1.0)])
    return nets.train(known, reference_table.structures(settings), settings.seed, OF_SERIES)


# ---------------------------------------------------------------- the comparison


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


def compare(settings: Settings, how: Inference, found: posting.Search) -> dict[str, pd.DataFrame]:
    """Score the predictions of each model, for the published survey and for simulated ones.

    Parameters
    ----------
    settings, how
        Of the calibration.
    found : posting.Search
        From `posting.search`.

    Returns
    -------
    dict of str to DataFrame
        `leave_one_out`: one row for each id and model, for the published survey: observed, q05,
        median, q95 (advertisements a week), width, crps, log_score (of the logarithm).
        `models`: for each survey (published, or simulated: means over them), question (each row
        from the others, or weeks 5 to 13 from weeks 1 to 4) and model: surveys, log_score,
        standard_error (over surveys), crps, crps_error, coverage (of central 90 % intervals).
    """
    net = train(settings, found)
    shares, structures = posting.prior_pool(settings, POOL, settings.seed + 11)
    tests = checks.nearest(found.tests, min(SYNTHETIC, how.tests))
    own = [("published", True, np.exp(summaries.published(OF_SERIES))[None] - summaries.NOTHING)]
    own.append(("simulated", False, summaries.weekly_counts(tests)))
    rows = []
    for survey, trade, series in own:
        of = nets.moments(net, shares, structures, trade)
        for number, counts in enumerate(series):
            scored = _scores(of, volume_rows(counts))
            rows += [{"survey": survey, "number": number, **one} for one in scored]
    scores = pd.DataFrame(rows)
    published = scores[(scores["survey"] == "published") & (scores["question"] == "each row")]
    names = ["id", "model", "observed", "q05", "median", "q95", "width", "crps", "log_score"]
    return {"leave_one_out": published[names].reset_index(drop=True), "models": _summary(scores)}


def _scores(of: Moments, rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield the score of each model in each question about one survey."""
    logs = np.log(rows["observed"].to_numpy(float) + summaries.NOTHING)
    later = list(range(BEFORE, len(rows)))
    for question, asked in [*(("each row", [place]) for place in range(len(rows))),
                            ("weeks 5 to 13", later)]:  # fmt: skip
        out = rows.iloc[asked]
        drawn, score = predict(of, logs, asked)
        yield from _scored(question, OURS, out, np.exp(drawn) - summaries.NOTHING, score)
        kept = rows.drop(index=asked)
        for model, design in RIVALS.items():
            if np.linalg.matrix_rank(design(kept)) < design(kept).shape[1]:
                continue  # weeks 1 to 4 say nothing about a level after them
            counts = negative_binomial(design, kept, out)
            yield from _scored(question, model, out, counts, _normal_score(counts, logs[asked]))


def _normal_score(counts: np.ndarray, logs: np.ndarray) -> float:
    """Return the log density of logarithms of counts, as normal with the moments of the draws."""
    drawn = np.log(counts + summaries.NOTHING)
    spread = np.atleast_2d(np.cov(drawn, rowvar=False)) + LEAST_SPREAD**2 * np.eye(logs.size)
    if logs.size == 1:
        return float(norm.logpdf(logs[0], drawn.mean(), np.sqrt(spread[0, 0])))
    return float(multivariate_normal.logpdf(logs, drawn.mean(axis=0), spread))


def _scored(
    question: str, model: str, rows: pd.DataFrame, counts: np.ndarray, log_score: float
) -> Iterator[dict[str, Any]]:
    """Yield a row for each row predicted; the log score is of all of them together."""
    for place, (name, observed) in enumerate(zip(rows["id"], rows["observed"], strict=True)):
        median, low, high = interval(counts[:, place])
        yield {
            "question": question, "id": name, "model": model, "observed": observed, "q05": low,
            "median": median, "q95": high, "width": high - low,
            "crps": crps(counts[:, place], observed), "log_score": log_score,
            "inside": low <= observed <= high,
        }  # fmt: skip


def _summary(scores: pd.DataFrame) -> pd.DataFrame:
    by_survey = scores.groupby(["survey", "question", "model", "number"], sort=False)
    means = by_survey[["log_score", "crps", "inside"]].mean().reset_index()
    grouped = means.groupby(["survey", "question", "model"], sort=False)
    found = grouped.agg(
        surveys=("number", "size"),
        log_score=("log_score", "mean"),
        spread=("log_score", "std"),
        crps=("crps", "mean"),
        crps_error=("crps", "sem"),
        coverage=("inside", "mean"),
    ).reset_index()
    found.insert(5, "standard_error", found.pop("spread") / np.sqrt(found["surveys"]))
    return found
