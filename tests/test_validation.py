"""Leaving a row out leaves it out, scores are the known ones, and each model finds its own."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.genmod.families import NegativeBinomial
from statsmodels.genmod.generalized_linear_model import GLM
from test_metrics import counted, rising, surveyed

from marketsim.analysis.inference import cross_validation
from marketsim.survey import statistics
from marketsim.survey.intervals import INTERVAL

ROWS = cross_validation.volume_rows()
IDS = list(cross_validation.WEEKS)
MODELS = ["constant_mean", "interrupted_time_series", "marketsim"]
DESIGNS = [cross_validation.constant_mean, cross_validation.interrupted_time_series]
BEFORE, DROP, SLOPE = np.log(800.0), np.log(0.55), 0.07


def split(rows: pd.DataFrame, left_out: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows that are kept, and the row asked for without what was observed."""
    here = rows["id"] == left_out
    return rows[~here], rows[here].drop(columns="observed")


def line(rows: pd.DataFrame) -> np.ndarray:
    """Return the means of a fall in week 5 that is made good at a constant rate."""
    return np.exp(cross_validation.interrupted_time_series(rows) @ [BEFORE, DROP, SLOPE])


def simulated(logs: np.ndarray) -> pd.DataFrame:
    """Return the statistics of simulations with these logarithms of the five counts a week."""
    first, fourth, fifth, later, last = np.exp(logs.T)
    level = (first * 3 + fourth) / 4
    columns = [first, fourth, fifth / fourth, later / level, last / level]
    return pd.DataFrame(dict(zip(IDS, columns, strict=True)), dtype=float)


def prior(runs: int = 20_000, seed: int = 3) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Return simulations whose logarithms are normal, with their mean and covariance.

    The level varies by 40 %, so does each fall with its return, and each row by 5 % of its own.
    """
    mean = np.log([750.0, 780.0, 500.0, 650.0, 800.0])
    fall = np.array([0.0, 0.0, 1.0, 0.7, 0.3])
    covariance = 0.16 + 0.16 * np.outer(fall, fall) + 0.05**2 * np.eye(5)
    draws = np.random.default_rng(seed).multivariate_normal(mean, covariance, runs)
    return simulated(draws), mean, covariance


TABLE, MEAN, COVARIANCE = prior()

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
    counts = cross_validation.weekly_counts(statistics.statistics(survey, counted((0, 1))))
    weeks = statistics.weekly(survey)
    for name, (first, last) in cross_validation.WEEKS.items():
        means = weeks[list(range(first, last + 1))].mean(axis=1)
        np.testing.assert_allclose(counts[name], means, rtol=1e-14)


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
            score = cross_validation.crps(draws, observed)
            assert score == pytest.approx(brute(draws, observed), abs=1e-12)
            assert score == pytest.approx(cross_validation.crps(draws[::-1], observed), abs=1e-12)


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
    score = cross_validation.crps(draws, mean + off * spread)
    assert score == pytest.approx(spread * expected, rel=1e-3)


def test_one_draw_scores_its_error():
    """Of a forecast without spread the score is the absolute error, however often it is drawn."""
    assert (
        cross_validation.crps(np.array([5.0]), 7.5)
        == cross_validation.crps(np.full(9, 5.0), 7.5)
        == 2.5
    )


def test_the_truth_scores_best():
    """On average no forecast beats the distribution that the outcomes come from."""
    rng = np.random.default_rng(2)
    outcomes, draws = rng.normal(size=400), rng.normal(size=2000)
    true, wide, narrow, aside = (
        np.mean([cross_validation.crps(forecast, outcome) for outcome in outcomes])
        for forecast in (draws, 2 * draws, draws / 3, draws + 0.7)
    )
    assert true < min(wide, narrow, aside)


# ---------------------------------------------------------------- leaving out


@pytest.mark.parametrize("left_out", IDS)
def test_the_row_left_out_has_no_say(left_out):
    """Whatever was observed in the row left out, each model draws the same."""
    drawn = cross_validation.predictions(ROWS, left_out, TABLE)
    for factor in (0.0, 0.5, 3.0, np.nan):
        changed = ROWS.copy()
        changed.loc[changed["id"] == left_out, "observed"] *= factor
        again = cross_validation.predictions(changed, left_out, TABLE)
        for model in MODELS:
            np.testing.assert_array_equal(again[model], drawn[model], err_msg=model)


@pytest.mark.parametrize("left_out", IDS)
def test_each_other_row_has_a_say(left_out):
    """The control: a change of any row that is kept changes the draws of every model."""
    drawn = cross_validation.predictions(ROWS, left_out, TABLE)
    for other in set(IDS) - {left_out}:
        changed = ROWS.copy()
        changed.loc[changed["id"] == other, "observed"] *= 1.3
        again = cross_validation.predictions(changed, left_out, TABLE)
        for model in MODELS:
            assert not np.array_equal(again[model], drawn[model]), (other, model)


@pytest.mark.parametrize("left_out", IDS)
def test_four_rows_give_every_coefficient(left_out):
    """Without any one row a level before, a level after and a slope are still told apart."""
    kept, _ = split(ROWS, left_out)
    assert np.linalg.matrix_rank(cross_validation.interrupted_time_series(kept)) == 3


# ---------------------------------------------------------------- the baselines


@pytest.mark.parametrize("left_out", IDS)
def test_constant_rows_are_predicted_by_their_mean(left_out):
    """Rows of 800 a week give 800 with Poisson noise, and doubt that falls with the weeks seen."""
    kept, asked = split(ROWS.assign(observed=800.0), left_out)
    draws = cross_validation.negative_binomial(cross_validation.constant_mean, kept, asked)
    weeks = asked["weeks"].item()
    assert draws.shape == (cross_validation.DRAWS,)
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
    draws = cross_validation.negative_binomial(cross_validation.constant_mean, kept, asked)
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
    draws = cross_validation.negative_binomial(
        cross_validation.interrupted_time_series, kept, asked
    )
    low, median, high = np.quantile(draws, [0.05, 0.5, 0.95])
    assert median == pytest.approx(truth, rel=0.01)
    assert low < truth < high and high - low < 0.35 * truth


def test_one_mean_misses_a_break():
    """The control: one mean for all weeks is far from the week of the fall."""
    rows = ROWS.assign(observed=line(ROWS))
    draws = cross_validation.negative_binomial(
        cross_validation.constant_mean, *split(rows, "fall_week_5")
    )
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
            draws = cross_validation.negative_binomial(
                cross_validation.interrupted_time_series, kept, asked
            )
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
    fit = cross_validation._regression(design, kept, dispersion)
    np.testing.assert_allclose(fit.params, other.params, rtol=1e-6)
    np.testing.assert_allclose(fit.cov_params(), other.cov_params(), rtol=1e-4, atol=1e-12)


# ---------------------------------------------------------------- marketsim


def conditional(left_out: str) -> tuple[float, float]:
    """Return mean and spread of the logarithm of a row, given the others as published."""
    here = np.array(IDS) == left_out
    among, across = COVARIANCE[np.ix_(~here, ~here)], COVARIANCE[here][:, ~here]
    weights = np.linalg.solve(among, across[0])
    off = np.log(ROWS["observed"].to_numpy()) - MEAN
    variance = COVARIANCE[here, here] - across @ weights
    return float(MEAN[here][0] + weights @ off[~here]), float(np.sqrt(variance[0]))


def quantiles(left_out: str, table: pd.DataFrame = TABLE) -> np.ndarray:
    draws = cross_validation.nearest_simulations(*split(ROWS, left_out), table)
    assert draws.shape == (cross_validation.NEAREST,)
    return np.quantile(np.log(draws), [0.05, 0.5, 0.95])


@pytest.mark.parametrize("left_out", IDS)
def test_a_normal_prior_gives_the_known_answer(left_out):
    """Of simulations with normal logarithms the nearest give the conditional distribution.

    A quantile of 500 draws is itself uncertain by about a tenth of their spread.
    """
    middle, spread = conditional(left_out)
    expected = middle + spread * stats.norm.ppf([0.05, 0.5, 0.95])
    np.testing.assert_allclose(quantiles(left_out), expected, rtol=0, atol=0.3 * spread)


@pytest.mark.parametrize("left_out", ["ads_week_1_3", "fall_week_5", "return_week_13"])
def test_the_nearest_alone_are_blunter(left_out, monkeypatch):
    """The control: the kept simulations are further apart before they are moved."""
    moved = np.ptp(quantiles(left_out))
    monkeypatch.setattr(cross_validation, "adjust_values", lambda values, *_: values)
    assert np.ptp(quantiles(left_out)) > 1.15 * moved


def test_the_distance_has_the_level_once_and_the_shape():
    """Rows that are all off alike are as far as one; those off against each other, as their sum."""
    half_widths = np.array([0.05, 0.1, 0.1, 0.15])
    alike, against = np.full(4, 0.2), np.array([0.0, 0.3, -0.3, 0.0])
    known = cross_validation._distance(
        np.array([alike, against, alike + against, 0 * alike]), half_widths
    )
    assert known == pytest.approx([2.0, np.sqrt(18.0), np.sqrt(22.0), 0.0])


def test_other_columns_and_order_do_not_matter():
    """The table may hold structures and parameters, and its rows may stand in any order."""
    shuffled = TABLE.assign(structure="combined").sample(frac=1.0, random_state=1)
    shuffled["posting.base_posts"] = 2.0
    np.testing.assert_allclose(quantiles("fall_week_5", shuffled), quantiles("fall_week_5"))


def test_simulations_without_counts_are_left_out():
    """An empty panel, or no advertisement in week 4, changes nothing; an empty week is far."""
    broken = pd.DataFrame(np.nan, range(3), IDS)
    broken.loc[1] = [800.0, 0.0, np.inf, 0.7, 1.0]
    broken.loc[2] = [800.0, 843.0, 0.55, 0.0, 0.0]
    table = pd.concat([broken, TABLE], ignore_index=True)
    np.testing.assert_array_equal(quantiles("ads_week_4", table), quantiles("ads_week_4"))


def test_a_prior_that_misses_the_row_says_so():
    """Simulations that never fall, whatever the other rows, predict no fall: the model can fail."""
    flat = simulated(np.random.default_rng(4).normal(np.log(800.0), 0.2, (20_000, 5)))
    assert quantiles("fall_week_5", flat)[0] > np.log(464.0) + 0.1


# ---------------------------------------------------------------- the comparison


def test_the_comparison_has_a_row_for_each_model():
    """Five rows left out, three models; each score is that of the model's own draws."""
    scores = cross_validation.leave_one_out(TABLE)
    assert scores["id"].tolist() == [name for name in IDS for _ in MODELS]
    assert scores["model"].tolist() == MODELS * len(IDS)
    for row in scores.itertuples():
        draws = cross_validation.predictions(ROWS, row.id, TABLE)[row.model]
        assert row.crps == cross_validation.crps(draws, row.observed)
        assert (row.q05, row.median, row.q95) == tuple(np.quantile(draws, [0.05, 0.5, 0.95]))
        assert row.width == row.q95 - row.q05 > 0
    assert scores["observed"].tolist() == np.repeat(ROWS["observed"], len(MODELS)).tolist()


def test_the_comparison_is_the_same_again():
    """Seeds are fixed: the same table gives the same scores to the last bit."""
    few = TABLE.head(2_000)
    pd.testing.assert_frame_equal(
        cross_validation.leave_one_out(few), cross_validation.leave_one_out(few)
    )


def test_the_summary_is_the_mean_over_rows():
    """Two rows a model: mean score, mean width, and the share of intervals that hold."""
    scores = pd.DataFrame(
        [("b", 5.0, 1.0, 9.0, 8.0, 2.0), ("a", 5.0, 1.0, 3.0, 2.0, 3.0)] * 2
        + [("b", 5.0, 6.0, 8.0, 2.0, 5.0), ("a", 5.0, 4.0, 12.0, 8.0, 6.0)] * 2,
        columns=["model", "observed", "q05", "q95", "width", "crps"],
    )
    of = cross_validation.summary(scores)
    assert of.index.tolist() == ["b", "a"]
    assert of["mean_crps"].tolist() == [3.5, 4.5]
    assert of["mean_width"].tolist() == [5.0, 5.0]
    assert of["coverage"].tolist() == [0.5, 0.5]
