"""Leaving a row out leaves it out, scores are the known ones, and each model finds its own."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.genmod.families import NegativeBinomial
from statsmodels.genmod.generalized_linear_model import GLM
from test_metrics import counted, rising, surveyed

from marketsim.analysis.inference import checks, forecasts, posting, summaries
from marketsim.analysis.inference.emulator import Moments
from marketsim.parameters.settings import Inference, Settings
from marketsim.survey import statistics
from marketsim.survey.intervals import INTERVAL

ROWS = forecasts.volume_rows(np.exp(summaries.published(summaries.OF_SERIES)) - summaries.NOTHING)
IDS = list(forecasts.WEEKS)
MODELS = ["marketsim", "constant_mean", "interrupted_time_series"]
DESIGNS = [forecasts.constant_mean, forecasts.interrupted_time_series]
BEFORE, DROP, SLOPE = np.log(800.0), np.log(0.55), 0.07


def split(rows: pd.DataFrame, left_out: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows that are kept, and the row asked for without what was observed."""
    here = rows["id"] == left_out
    return rows[~here], rows[here].drop(columns="observed")


def line(rows: pd.DataFrame) -> np.ndarray:
    """Return the means of a fall in week 5 that is made good at a constant rate."""
    return np.exp(forecasts.interrupted_time_series(rows) @ [BEFORE, DROP, SLOPE])


# Within a draw of the parameters rows vary by 5 % each; between draws the level varies by 40 %, and
# so does each fall with its return.
MEAN = np.log([750.0, 780.0, 500.0, 650.0, 800.0])
FALL = np.array([0.0, 0.0, 1.0, 0.7, 0.3])
BETWEEN = 0.16 + 0.16 * np.outer(FALL, FALL)
WITHIN = 0.05**2 * (np.eye(5) + 0.3)


def moments(means: np.ndarray, *covariances: np.ndarray) -> Moments:
    """Return moments with these means, equally probable; one covariance for all, or one each."""
    roots = [np.linalg.cholesky(np.linalg.inv(one)) for one in covariances]
    root = np.broadcast_to(np.array(roots), (len(means), 5, 5))
    return Moments(means, root, np.zeros(len(means)))


def prior(draws: int = 20_000, seed: int = 3) -> Moments:
    """Return moments of draws over which the logarithms of the series are normal."""
    random = np.random.default_rng(seed)
    half = np.linalg.cholesky(BETWEEN + 1e-9 * np.eye(5))
    return moments(MEAN + random.standard_normal((draws, 5)) @ half.T, WITHIN)


OF = prior()


def logs(rows: pd.DataFrame) -> np.ndarray:
    return np.log(rows["observed"].to_numpy() + summaries.NOTHING)


def predictions(rows: pd.DataFrame, left_out: str) -> dict[str, np.ndarray]:
    """Return the draws of each model for the row left out."""
    ours, _ = forecasts.predict(OF, logs(rows), [IDS.index(left_out)])
    rivals = {
        name: forecasts.negative_binomial(design, *split(rows, left_out))
        for name, design in forecasts.RIVALS.items()
    }
    return {forecasts.OURS: ours} | rivals


# ---------------------------------------------------------------- the rows


def test_the_rows_are_the_published_counts():
    """The report has 800, 843, 464 and 829 advertisements a week; 614 is the remainder's mean."""
    assert ROWS["id"].tolist() == IDS
    assert ROWS["observed"].to_numpy() == pytest.approx([800, 843, 464, 614, 829], rel=3e-3)
    assert ROWS["weeks"].tolist() == [3, 1, 1, 7, 1]
    assert ROWS["middle_week"].tolist() == [2, 4, 5, 9, 13]


def test_the_rows_cover_each_week_once():
    """Weeks 1 to 13 are each in one row."""
    spans = zip(ROWS["first_week"], ROWS["last_week"], strict=True)
    covered = [week for first, last in spans for week in range(first, last + 1)]
    assert covered == list(range(1, statistics.WEEKS + 1))


def test_counts_are_the_weeks_of_the_survey():
    """From the statistics of a survey come the means over its own weeks."""
    survey = surveyed(rising, traders=(3, 4), runs=(0, 1))
    counts = summaries.weekly_counts(statistics.statistics(survey, counted((0, 1))))
    weeks = statistics.weekly(survey)
    for place, (first, last) in enumerate(forecasts.WEEKS.values()):
        means = weeks[list(range(first, last + 1))].mean(axis=1)
        np.testing.assert_allclose(counts[:, place], means, rtol=1e-14)


# ---------------------------------------------------------------- the score


def brute(draws: np.ndarray, observed: float) -> float:
    pairs = [abs(one - other) for one in draws for other in draws]
    return float(np.mean([abs(one - observed) for one in draws]) - np.mean(pairs) / 2)


@pytest.mark.parametrize("size", [1, 2, 3, 10, 57])
def test_the_score_is_that_of_all_pairs(size):
    """Sorting gives what a double loop over the draws gives, with ties and in any order."""
    rng = np.random.default_rng(size)
    for draws in (rng.normal(3.0, 2.0, size), rng.poisson(2.0, size).astype(float)):
        for observed in (-1.0, 2.0, draws[0]):
            score = forecasts.crps(draws, observed)
            assert score == pytest.approx(brute(draws, observed), abs=1e-12)
            assert score == pytest.approx(forecasts.crps(draws[::-1], observed), abs=1e-12)


def test_the_double_loop_tells_scores_apart():
    """The control: without half of the spread between draws the score is another."""
    draws = np.random.default_rng(1).normal(size=20)
    assert abs(np.abs(draws - 0.3).mean() - brute(draws, 0.3)) > 0.1


@pytest.mark.parametrize(("mean", "spread"), [(0.0, 1.0), (600.0, 40.0)])
@pytest.mark.parametrize("off", [-2.5, 0.0, 0.4, 3.0])
def test_the_score_of_a_normal_is_the_closed_form(mean, spread, off):
    """Gneiting & Raftery 2007: s (z (2 Phi(z) - 1) + 2 phi(z) - 1 / sqrt(pi))."""
    draws = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000, mean, spread)
    expected = off * (2 * stats.norm.cdf(off) - 1) + 2 * stats.norm.pdf(off) - np.pi**-0.5
    score = forecasts.crps(draws, mean + off * spread)
    assert score == pytest.approx(spread * expected, rel=1e-3)


def test_one_draw_scores_its_error():
    """Of a forecast without spread the score is the absolute error, however often it is drawn."""
    assert forecasts.crps(np.array([5.0]), 7.5) == forecasts.crps(np.full(9, 5.0), 7.5) == 2.5


def test_the_truth_scores_best():
    """On average no forecast beats the distribution that the outcomes come from."""
    rng = np.random.default_rng(2)
    outcomes, draws = rng.normal(size=400), rng.normal(size=2000)
    true, wide, narrow, aside = (
        np.mean([forecasts.crps(forecast, outcome) for outcome in outcomes])
        for forecast in (draws, 2 * draws, draws / 3, draws + 0.7)
    )
    assert true < min(wide, narrow, aside)


# ---------------------------------------------------------------- leaving out


@pytest.mark.parametrize("left_out", IDS)
def test_the_row_left_out_has_no_say(left_out):
    """Whatever was observed in the row left out, each model draws the same."""
    drawn = predictions(ROWS, left_out)
    for factor in (0.0, 0.5, 3.0):
        changed = ROWS.copy()
        changed.loc[changed["id"] == left_out, "observed"] *= factor
        again = predictions(changed, left_out)
        np.testing.assert_allclose(again[forecasts.OURS], drawn[forecasts.OURS], rtol=1e-6)
        for model in forecasts.RIVALS:
            np.testing.assert_array_equal(again[model], drawn[model], err_msg=model)


@pytest.mark.parametrize("left_out", IDS)
def test_each_other_row_has_a_say(left_out):
    """The control: a change of any row that is kept changes the draws of every model."""
    drawn = predictions(ROWS, left_out)
    for other in set(IDS) - {left_out}:
        changed = ROWS.copy()
        changed.loc[changed["id"] == other, "observed"] *= 1.3
        again = predictions(changed, left_out)
        for model in MODELS:
            assert not np.array_equal(again[model], drawn[model]), (other, model)


@pytest.mark.parametrize("left_out", IDS)
def test_four_rows_give_every_coefficient(left_out):
    """Without any one row a level before, a level after and a slope are still told apart."""
    kept, _ = split(ROWS, left_out)
    assert np.linalg.matrix_rank(forecasts.interrupted_time_series(kept)) == 3


# ---------------------------------------------------------------- the baselines


@pytest.mark.parametrize("left_out", IDS)
def test_constant_rows_are_predicted_by_their_mean(left_out):
    """Rows of 800 a week give 800 with Poisson noise, and doubt that falls with the weeks seen."""
    kept, asked = split(ROWS.assign(observed=800.0), left_out)
    draws = forecasts.negative_binomial(forecasts.constant_mean, kept, asked)
    weeks = asked["weeks"].item()
    assert draws.shape == (forecasts.DRAWS, 1)
    assert draws.mean() == pytest.approx(800.0, rel=3e-3)
    variance = 800.0 / kept["weeks"].sum() + 800.0 / weeks
    assert draws.std() == pytest.approx(np.sqrt(variance), rel=0.05)


@pytest.mark.parametrize("left_out", IDS)
def test_the_dispersion_is_that_of_the_moments(left_out):
    """For one mean the weighted mean, the dispersion and the variance have closed forms."""
    kept, asked = split(ROWS, left_out)
    weeks, seen = kept["weeks"].to_numpy(), kept["observed"].to_numpy()
    mean = np.average(seen, weights=weeks)
    variance = (weeks * (seen - mean) ** 2).sum() / 3
    assert variance > 10 * mean  # far beyond Poisson
    draws = forecasts.negative_binomial(forecasts.constant_mean, kept, asked)
    doubt = variance / weeks.sum() / mean**2  # variance of the logarithm of the mean
    noise = mean + (variance - mean) * np.exp(2 * doubt)
    expected = mean**2 * (np.exp(doubt) - 1) * np.exp(doubt) + noise / asked["weeks"].item()
    assert draws.mean() == pytest.approx(mean * np.exp(doubt / 2), rel=0.03)
    assert draws.std() == pytest.approx(np.sqrt(expected), rel=0.05)


@pytest.mark.parametrize("left_out", IDS)
def test_a_series_with_a_break_is_continued(left_out):
    """Rows made by a break and a slope: its own model meets the row left out."""
    rows = ROWS.assign(observed=line(ROWS))
    kept, asked = split(rows, left_out)
    truth = rows.loc[rows["id"] == left_out, "observed"].item()
    draws = forecasts.negative_binomial(forecasts.interrupted_time_series, kept, asked)
    low, median, high = np.quantile(draws, [0.05, 0.5, 0.95])
    assert median == pytest.approx(truth, rel=0.01)
    assert low < truth < high and high - low < 0.35 * truth


def test_one_mean_misses_a_break():
    """The control: one mean for all weeks is far from the week of the fall."""
    rows = ROWS.assign(observed=line(ROWS))
    draws = forecasts.negative_binomial(forecasts.constant_mean, *split(rows, "fall_week_5"))
    assert abs(np.median(draws) / rows.loc[2, "observed"] - 1) > 0.3


def poisson_rows(rng: np.random.Generator) -> pd.DataFrame:
    return ROWS.assign(observed=rng.poisson(ROWS["weeks"] * line(ROWS)) / ROWS["weeks"])


def test_intervals_hold_what_they_say():
    """Of Poisson weeks about a line, nine in ten rows left out lie in their interval."""
    rng = np.random.default_rng(5)
    inside = []
    for _ in range(40):
        rows = poisson_rows(rng)
        for left_out, truth in zip(IDS, rows["observed"], strict=True):
            kept, asked = split(rows, left_out)
            draws = forecasts.negative_binomial(forecasts.interrupted_time_series, kept, asked)
            low, high = np.quantile(draws, INTERVAL)
            inside.append(low <= truth <= high)
    assert 0.82 < np.mean(inside) < 0.97


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("dispersion", [1e-6, 1e-3, 0.1])
def test_means_with_weights_are_sums_with_an_offset(design, dispersion):
    """Sums of weeks, with offset log(weeks) and a share of the dispersion, give the same fit."""
    kept, _ = split(ROWS, "ads_week_4")
    weeks = kept["weeks"].to_numpy()
    family = NegativeBinomial(alpha=dispersion / weeks)
    sums = weeks * kept["observed"].to_numpy()
    other = GLM(sums, design(kept), family, offset=np.log(weeks)).fit()
    fit = forecasts._regression(design, kept, dispersion)
    np.testing.assert_allclose(fit.params, other.params, rtol=1e-6)
    np.testing.assert_allclose(fit.cov_params(), other.cov_params(), rtol=1e-4, atol=1e-12)


# ---------------------------------------------------------------- marketsim


def conditional(covariance: np.ndarray, asked: list[int], mean: np.ndarray = MEAN):
    """Return mean and covariance of rows, given the others as published."""
    kept = [place for place in range(5) if place not in asked]
    weights = covariance[np.ix_(asked, kept)] @ np.linalg.inv(covariance[np.ix_(kept, kept)])
    middle = mean[asked] + weights @ (logs(ROWS) - mean)[kept]
    return middle, covariance[np.ix_(asked, asked)] - weights @ covariance[np.ix_(kept, asked)]


ASKED = [*([place] for place in range(5)), [2, 3, 4]]


@pytest.mark.parametrize("asked", ASKED)
def test_known_parameters_give_the_conditional_normal(asked):
    """With one draw of the parameters prediction and score are those of a normal, in closed form.

    Negative control: without regard to the other rows the score is another.
    """
    covariance = BETWEEN + WITHIN
    drawn, score = forecasts.predict(moments(MEAN[None], covariance), logs(ROWS), asked)
    middle, spread = conditional(covariance, asked)
    exact = stats.multivariate_normal(middle, spread)
    assert score == pytest.approx(exact.logpdf(logs(ROWS)[asked]), abs=1e-8)
    assert drawn.shape == (forecasts.DRAWS, len(asked))
    error = np.sqrt(np.diag(spread) / forecasts.DRAWS)
    assert (np.abs(drawn.mean(axis=0) - middle) < 4.0 * error).all()
    np.testing.assert_allclose(
        np.atleast_2d(np.cov(drawn, rowvar=False)), spread, atol=0.1 * np.diag(spread).max()
    )
    alone = stats.multivariate_normal(MEAN[asked], covariance[np.ix_(asked, asked)])
    assert abs(alone.logpdf(logs(ROWS)[asked]) - score) > 0.1


@pytest.mark.parametrize("asked", ASKED)
def test_uncertain_parameters_are_weighted_by_the_other_rows(asked):
    """Of three draws each has the likelihood of the rows that are given, and its probability."""
    means, survey = MEAN + np.array([[-0.1], [0.05], [0.2]]), logs(ROWS)
    covariances = [BETWEEN + factor * WITHIN for factor in (1.0, 4.0, 9.0)]
    odds = np.array([0.2, 0.7, 0.4])
    of = moments(means, *covariances)._replace(log_chance=np.log(odds))
    kept = [place for place in range(5) if place not in asked]
    given, whole = (
        sum(
            chance * stats.multivariate_normal(mean[at], cov[np.ix_(at, at)]).pdf(survey[at])
            for chance, mean, cov in zip(odds, means, covariances, strict=True)
        )
        for at in (kept, list(range(5)))
    )
    assert forecasts.predict(of, survey, asked)[1] == pytest.approx(np.log(whole / given))


@pytest.mark.parametrize("left_out", IDS)
def test_a_normal_prior_gives_the_known_answer(left_out):
    """Over many draws with normal logarithms the prediction is the conditional distribution."""
    middle, variance = conditional(BETWEEN + WITHIN, [IDS.index(left_out)])
    spread = np.sqrt(variance.item())
    expected = middle + spread * stats.norm.ppf([0.05, 0.5, 0.95])
    drawn, score = forecasts.predict(OF, logs(ROWS), [IDS.index(left_out)])
    found = np.quantile(drawn, [0.05, 0.5, 0.95])
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.3 * spread)
    truth = logs(ROWS)[IDS.index(left_out)]
    assert score == pytest.approx(stats.norm.logpdf(truth, middle.item(), spread), abs=0.3)


def test_a_prior_that_misses_the_row_says_so():
    """Parameters with which posts never fall predict no fall: the model can fail."""
    random = np.random.default_rng(4)
    flat = moments(np.log(800.0) + random.normal(0.0, 0.2, (20_000, 1)) * np.ones(5), WITHIN)
    drawn, score = forecasts.predict(flat, logs(ROWS), [IDS.index("fall_week_5")])
    assert np.quantile(drawn, 0.05) > np.log(464.0) + 0.1
    assert score < forecasts.predict(OF, logs(ROWS), [IDS.index("fall_week_5")])[1]


# ---------------------------------------------------------------- the comparison


SURVEYS = 3  # simulated ones


@pytest.fixture
def compared(monkeypatch) -> dict[str, pd.DataFrame]:
    """Compare on surveys made here, with the moments above in place of a trained emulator."""
    later = np.array([0.55, 0.7, 0.9])
    columns = {"ads_week_1_3": [800.0, 600.0, 900.0], "ads_week_4": [820.0, 650.0, 700.0]}
    columns |= dict(zip(IDS[2:], later[:, None] * [1.0, 0.8, 1.2], strict=True))
    monkeypatch.setattr(forecasts, "train", lambda *_: None)
    monkeypatch.setattr(posting, "prior_pool", lambda *_: (None, None))
    monkeypatch.setattr(checks, "nearest", lambda tests, count: pd.DataFrame(columns)[:count])
    asked = []
    monkeypatch.setattr(forecasts.nets, "moments", lambda *of: asked.append(of[3]) or OF)
    nothing = posting.Search(*[pd.DataFrame({"round": [0]})] * 2, [], [])
    out = forecasts.compare(Settings(), Inference(tests=10), nothing)
    assert asked == [True, False]  # the published survey is of the whole market
    return out


def test_the_comparison_has_a_row_for_each_model(compared):
    """Five rows left out, three models; each score is that of the model's own draws."""
    scores = compared["leave_one_out"]
    assert scores["id"].tolist() == [name for name in IDS for _ in MODELS]
    assert scores["model"].tolist() == MODELS * len(IDS)
    for row in scores.itertuples():
        draws = predictions(ROWS, row.id)[row.model].ravel()
        if row.model == forecasts.OURS:
            draws = np.exp(draws) - summaries.NOTHING
        assert row.crps == pytest.approx(forecasts.crps(draws, row.observed))
        expected = np.quantile(draws, [0.05, 0.5, 0.95])
        assert (row.q05, row.median, row.q95) == pytest.approx(tuple(expected))
        assert row.width == row.q95 - row.q05 > 0
        if row.model == forecasts.OURS:
            place = IDS.index(row.id)
            assert row.log_score == forecasts.predict(OF, logs(ROWS), [place])[1]
    assert scores["observed"].tolist() == np.repeat(ROWS["observed"], len(MODELS)).tolist()


def test_all_questions_are_scored(compared):
    """Both questions about both kinds of surveys; what cannot be asked of a rival is not."""
    scores = compared["models"].set_index(["survey", "question"])
    for survey, count in (("published", 1), ("simulated", SURVEYS)):
        each, later = (scores.loc[[(survey, one)]] for one in ("each row", "weeks 5 to 13"))
        assert each["model"].tolist() == MODELS
        assert later["model"].tolist() == ["marketsim", "constant_mean"]
        assert (each["surveys"] == count).all() and (later["surveys"] == count).all()
        assert each["coverage"].between(0.0, 1.0).all()
    one = compared["leave_one_out"].groupby("model")[["log_score", "crps"]].mean()
    found = scores.loc[("published", "each row")].set_index("model")
    for column in one:
        assert found[column].to_dict() == pytest.approx(one[column].to_dict())
    own = compared["models"].set_index(["survey", "question", "model"])
    joint = own.loc[("published", "weeks 5 to 13", "marketsim"), "log_score"]
    assert joint == pytest.approx(forecasts.predict(OF, logs(ROWS), [2, 3, 4])[1])


def test_the_score_of_a_rival_is_that_of_its_draws():
    """Draws with normal logarithms have about the density of that normal, one row or three."""
    random = np.random.default_rng(1)
    for size in (1, 3):
        middle, half = np.log(700.0) * np.ones(size), 0.1 * (np.eye(size) + 0.5)
        drawn = middle + random.standard_normal((50_000, size)) @ half
        exact = stats.multivariate_normal(middle, half @ half.T)
        at = middle + 0.05
        found = forecasts._normal_score(np.exp(drawn) - summaries.NOTHING, at)
        assert found == pytest.approx(exact.logpdf(at), abs=0.03)


def test_the_summary_is_the_mean_over_rows_and_surveys():
    """Two surveys of two rows: means within a survey, then means and their error over surveys."""
    rows = pd.DataFrame(
        [(0, 1.0, 2.0, True), (0, 3.0, 4.0, False), (1, 5.0, 6.0, True), (1, 7.0, 8.0, True)],
        columns=["number", "log_score", "crps", "inside"],
    )
    same = {"survey": "simulated", "question": "each row"}
    other = rows.assign(**same, model="b", log_score=0.0)
    of = forecasts._summary(pd.concat([rows.assign(**same, model="a"), other]))
    assert of["model"].tolist() == ["a", "b"]
    assert of["surveys"].tolist() == [2, 2]
    assert of["log_score"].tolist() == [4.0, 0.0]
    assert of["standard_error"].tolist() == pytest.approx([np.std([2.0, 6.0], ddof=1) / 2**0.5, 0])
    assert of["crps"].tolist() == [5.0, 5.0]
    assert of["crps_error"].tolist() == pytest.approx([np.std([3.0, 7.0], ddof=1) / 2**0.5] * 2)
    assert of["coverage"].tolist() == [0.75, 0.75]
