"""The emulator against surveys whose distribution is known, and the summaries it learns."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri
from scipy.stats import multivariate_normal, norm

from marketsim.analysis.inference import checks, emulator, forecasts, pairs, posting, summaries
from marketsim.analysis.inference.emulator import Moments
from marketsim.analysis.inference.summaries import FITTED, SUMMARIES
from marketsim.parameters import presets, priors
from marketsim.survey import statistics, targets

KEYS = list(priors.uncertain())
STRUCTURES = ("none", "trend")
LEVEL = KEYS.index("posting.base_posts")
NOISE = 0.2  # standard deviation of the logarithm of the total, given the parameters


def published_row() -> dict[str, float]:
    """Return the statistics of a survey equal to the published one."""
    facts = targets.targets() | targets.validation() | targets.context()
    row = {name: facts[name].value for name in statistics.STATISTICS}
    row |= {"panel_unblocked": 1.0, "backup_accounts": 5.0, "backup_accounts_early": 0.2}
    return {name: 1.0 if value is None else float(value) for name, value in row.items()}


def toy(rows: int, seed: int) -> pd.DataFrame:
    """Return surveys whose total depends on one parameter, and on whether there is trade.

    The logarithm of the total has the mean 9.2 + 0.4 z - 0.3 trade, where z is the normal score of
    the level of posting, and the standard deviation `NOISE`. Half of the surveys with `trend` see
    the events; all of the others do.
    """
    random = np.random.default_rng(seed)
    shares = random.random((rows, len(KEYS)))
    values = {
        key: priors.values(prior, shares[:, place])
        for place, (key, prior) in enumerate(priors.uncertain().items())
    }
    names = np.array(STRUCTURES)[random.integers(0, 2, rows)]
    trade = (random.random(rows) < 0.3).astype(float)
    table = pd.DataFrame({"structure": names, **values, "trade": trade, **published_row()})
    table["ads_total"] = np.exp(expected(shares, trade) + NOISE * random.standard_normal(rows))
    for name in ("pictures_total", "videos_total", "ads_week_1_3", "ads_week_4"):
        spread = 0.1 * random.standard_normal(rows)
        table[name] *= table["ads_total"] / 10650.0 * np.exp(spread)
    for name in SUMMARIES[5:]:
        table[name] *= np.exp(0.1 * random.standard_normal(rows))
    table.loc[(names == "trend") & (random.random(rows) < 0.5), "panel_unblocked"] = 0.0
    return table


def expected(shares: np.ndarray, trade: np.ndarray | float) -> np.ndarray:
    """Return the mean of the logarithm of the total."""
    scores = ndtri(np.clip(shares[:, LEVEL], emulator.EDGE, 1.0 - emulator.EDGE))
    return 9.2 + 0.4 * scores - 0.3 * trade


@pytest.fixture(scope="module")
def learned() -> emulator.Emulator:
    return emulator.train(toy(24_000, 1), STRUCTURES, 3)


def points(rows: int = 400) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(9)
    return random.uniform(0.1, 0.9, (rows, len(KEYS))), random.integers(0, 2, rows)


# ---------------------------------------------------------------- summaries


def test_the_published_survey_has_the_published_summaries():
    """A survey with the published statistics is in range, saw the events, and is not moved."""
    same = pd.DataFrame([published_row()])
    assert summaries.in_range(same).all()
    assert summaries.events(same).all()
    np.testing.assert_array_equal(FITTED.transform(same)[0], summaries.published())
    other = same.assign(fall_week_5=0.9)
    assert not np.array_equal(FITTED.transform(other)[0], summaries.published())


@pytest.mark.parametrize("name", sorted(set(statistics.STATISTICS) - set(SUMMARIES)))
def test_what_is_not_fitted_moves_no_summary(name):
    """Validation rows, context and events never enter the summaries."""
    moved = pd.DataFrame([published_row() | {name: 0.123}])
    np.testing.assert_array_equal(FITTED.transform(moved)[0], summaries.published())


def test_every_summary_is_a_target():
    """Validation rows cannot be fitted by mistake."""
    assert set(SUMMARIES) <= set(targets.targets())
    assert not set(SUMMARIES) & set(targets.validation())


@pytest.mark.parametrize("factor", [0.5, 3.0])
def test_the_level_enters_once(factor):
    """All counts together move the total and nothing else."""
    row = published_row()
    counts = ("ads_total", "pictures_total", "videos_total", "ads_week_1_3", "ads_week_4")
    scaled = pd.DataFrame([row | {name: factor * row[name] for name in counts}])
    off = FITTED.transform(scaled)[0] - summaries.published()
    assert off[0] == pytest.approx(np.log(factor))
    np.testing.assert_allclose(off[1:], 0.0, atol=2e-3)  # half an advertisement is added to counts


@pytest.mark.parametrize(
    "change", [{"panel_unblocked": 0.0}, {"backup_accounts": 0.0}, {"backup_accounts_early": 0.9}]
)
def test_each_event_counts(change):
    assert not summaries.events(pd.DataFrame([published_row() | change])).any()


# ---------------------------------------------------------------- the network


def test_mean_spread_and_chance_are_learned(learned):
    """The emulator gives the known distribution, of the panel market and of the whole one."""
    shares, structures = points()
    for trade in (False, True):
        of = emulator.moments(learned, shares, structures, trade)
        off = of.mean[:, 0] - expected(shares, float(trade))
        assert np.abs(off).mean() < 0.25 * NOISE
        assert 0.9 * NOISE < emulator.spreads(of)[:, 0].mean() < 1.4 * NOISE
        chance = np.exp(of.log_chance)
        assert chance[structures == 0].mean() == pytest.approx(1.0, abs=0.05)
        assert chance[structures == 1].mean() == pytest.approx(0.5, abs=0.07)


def test_a_network_that_has_seen_nothing_is_noticed(monkeypatch):
    """Negative control of the test above."""
    monkeypatch.setattr(emulator, "EPOCHS", 1)
    blind = emulator.train(toy(600, 1), STRUCTURES, 3)
    shares, structures = points()
    off = emulator.moments(blind, shares, structures).mean[:, 0] - expected(shares, 1.0)
    assert np.abs(off).mean() > 0.5 * NOISE


def test_a_parameter_that_cannot_act_is_no_input(learned):
    """Both ends of it give the same where its mechanism is absent, and only there."""
    shares, structures = points(20)
    ends = [shares.copy() for _ in range(2)]
    for of, end in zip(ends, (0.01, 0.99), strict=True):
        of[:, KEYS.index("posting.trend")] = end
    low, high = (emulator.moments(learned, of, structures) for of in ends)
    for one, other in zip(low, high, strict=True):
        np.testing.assert_array_equal(one[structures == 0], other[structures == 0])
    assert not np.array_equal(low.mean[structures == 1], high.mean[structures == 1])


def test_the_likelihood_is_a_normal_density_times_a_chance(learned):
    shares, structures = points(5)
    of = emulator.moments(learned, shares, structures)
    survey = summaries.published()
    cov = np.linalg.inv(of.precision)
    by_hand = [
        multivariate_normal.logpdf(survey, of.mean[row], cov[row]) + of.log_chance[row]
        for row in range(5)
    ]
    constant = 0.5 * survey.size * np.log(2.0 * np.pi)
    found = emulator.log_likelihood(of, survey)
    np.testing.assert_allclose(found - constant, by_hand, atol=2e-3)
    many = checks.log_likelihoods(of, np.array([survey, survey + 0.05]))
    np.testing.assert_allclose(many[:, 0], found, atol=2e-3)


def test_a_saved_network_is_the_same(learned, tmp_path):
    learned.save(tmp_path / "net.npz")
    again, (shares, structures) = emulator.load(tmp_path / "net.npz"), points(20)
    assert again.names == learned.names
    for one, other in zip(
        emulator.moments(learned, shares, structures),
        emulator.moments(again, shares, structures),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_training_is_repeatable_here():
    """The same surveys and seed give the same network on one machine; another seed does not."""
    table = toy(1500, 2)
    one, same, other = (emulator.train(table, STRUCTURES, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.weights[0][0], same.weights[0][0])
    assert not np.array_equal(one.weights[0][0], other.weights[0][0])


def test_the_posterior_is_the_exact_one(learned):
    """Importance weights give the conjugate posterior of a parameter with a normal likelihood."""
    shares, structures = np.random.default_rng(4).random((40_000, len(KEYS))), np.zeros(40_000, int)
    survey = summaries.published()
    logs = emulator.log_likelihood(emulator.moments(learned, shares, structures), survey)
    weights = np.exp(logs - logs.max())
    scores = ndtri(np.clip(shares[:, LEVEL], emulator.EDGE, 1.0 - emulator.EDGE))
    mean = np.average(scores, weights=weights)
    spread = np.sqrt(np.average((scores - mean) ** 2, weights=weights))
    precision = 1.0 + (0.4 / NOISE) ** 2
    exact = (survey[0] - 9.2 + 0.3) * 0.4 / NOISE**2 / precision
    assert mean == pytest.approx(exact, abs=0.12)
    assert spread == pytest.approx(precision**-0.5, rel=0.15)


# ---------------------------------------------------------------- checks


def exact_tests(tests: int, told: float, seed: int = 5) -> checks.Tests:
    """Return tests in which each parameter is seen with an error of 0.1, and said to be `told`."""
    random = np.random.default_rng(seed)
    shares = random.random((4000, len(KEYS))).astype(np.float32)
    truth = random.random((tests, len(KEYS)))
    values = {
        key: priors.values(prior, truth[:, place])
        for place, (key, prior) in enumerate(priors.uncertain().items())
    }
    names = np.array(STRUCTURES)[random.integers(0, 2, tests)]
    seen = truth[:, LEVEL] + 0.1 * random.standard_normal(tests)
    logs = norm.logpdf(seen, shares[:, [LEVEL]], told)
    weights = np.exp(logs) / np.exp(logs).sum(axis=0)
    table = pd.DataFrame({"structure": names, **values})
    structures = random.integers(0, 2, 4000)
    observed = np.zeros((tests, 2))
    return checks.Tests(table, observed, shares, structures, weights.astype(np.float32))


@pytest.mark.parametrize(("told", "holds"), [(0.1, True), (0.03, False), (0.4, False)])
def test_coverage_is_nominal_for_an_exact_posterior_alone(told, holds):
    """Too narrow and too wide posteriors are both noticed."""
    found = checks.coverage(exact_tests(500, told), [])
    level = found[found["parameter"] == KEYS[LEVEL]].set_index("level")["covered"]
    near = np.abs(level - level.index) < 0.06
    assert near.all() if holds else not near.all()
    idle = found[found["parameter"] == "perception.habituation"].set_index("level")["covered"]
    assert (np.abs(idle - idle.index) < 0.08).all()


def test_structures_that_are_told_apart_are_on_the_diagonal():
    tests = exact_tests(200, 0.1)
    true = emulator.codes(tests.truth, STRUCTURES)
    weights = np.where(tests.structures[:, None] == true, 1.0, 0.0)
    sure = tests._replace(weights=(weights / weights.sum(axis=0)).astype(np.float32))
    for found, right in ((checks.confusion(sure, list(STRUCTURES)), 1.0),):
        own = found[found["true"] == found["selected"]]
        assert (own["chosen"] == right).all()
    blind = tests._replace(weights=np.full_like(tests.weights, 1.0 / 4000))
    guessed = checks.chances(blind, list(STRUCTURES))
    np.testing.assert_allclose(guessed, 0.5, atol=0.03)


def test_p_values_of_a_correct_model_are_uniform():
    """A row is predicted from the others: conditional normals, known in closed form."""
    random = np.random.default_rng(6)
    covariance = np.array([[1.0, 0.6], [0.6, 0.5]])
    root = np.linalg.cholesky(np.linalg.inv(covariance))
    of = Moments(np.zeros((1, 2)), root[None], np.zeros(1))
    surveys = random.multivariate_normal(np.zeros(2), covariance, 2000)
    found = np.array([checks._p_values(of, survey) for survey in surveys])
    assert (found < checks.UNUSUAL).mean(axis=0) == pytest.approx([0.05, 0.05], abs=0.015)
    by_hand = 2.0 * norm.sf(
        abs(surveys[:, 0] - 1.2 * surveys[:, 1]), scale=np.sqrt(1.0 - 0.36 / 0.5)
    )
    np.testing.assert_allclose(found[:, 0], by_hand, atol=1e-6)
    wrong = [checks._p_values(of, 2.0 * survey) for survey in surveys]
    assert (np.array(wrong) < checks.UNUSUAL).mean() > 0.2


def test_a_row_is_predicted_by_draws_weighted_by_the_others():
    """Two draws: each counts by its density of the other row, and by nothing of the row itself."""
    mean = np.array([[0.0, 0.0], [1.0, 2.0]])
    spread = np.array([[0.5, 1.0], [2.0, 0.7]])
    roots = np.array([np.diag(1.0 / one) for one in spread])
    of = Moments(mean, roots, np.log([0.8, 0.3]))
    survey = np.array([0.9, 1.1])
    for row, other in ((0, 1), (1, 0)):
        weight = np.array([0.8, 0.3]) * norm.pdf(survey[other], mean[:, other], spread[:, other])
        below = (weight / weight.sum()) @ norm.cdf(survey[row], mean[:, row], spread[:, row])
        found = checks._p_values(of, survey)[row]
        assert found == pytest.approx(2.0 * min(below, 1.0 - below), rel=1e-5)


def test_the_emulator_fit_notices_a_bias(learned):
    """Held-out surveys of the toy fit; the same with a tenth more advertisements do not."""
    whole = toy(1500, 8)
    whole = whole[whole["trade"] == 1.0]
    fits = checks.emulator_fit([learned], whole, list(STRUCTURES)).set_index("id")
    assert abs(fits["bias"]["ads_total"]) < 0.25
    assert fits["covered"]["ads_total"] == pytest.approx(0.9, abs=0.06)
    assert abs(fits["bias"]["events"]) < 4.0 * fits["bias_error"]["events"]
    moved = whole.assign(ads_total=1.15 * whole["ads_total"])
    assert checks.emulator_fit([learned], moved, list(STRUCTURES))["bias"][0] > 0.4


# ---------------------------------------------------------------- forecasts and pairs


def test_a_forecast_is_the_conditional_distribution():
    """With one draw of the parameters the forecast is that of a multivariate normal."""
    random = np.random.default_rng(3)
    square = random.standard_normal((5, 5))
    covariance, mean = square @ square.T / 20.0 + 0.1 * np.eye(5), random.standard_normal(5)
    root = np.linalg.cholesky(np.linalg.inv(covariance))
    of = Moments(mean[None], root[None], np.zeros(1))
    survey = mean + 0.3 * random.standard_normal(5)
    given, asked = [0, 1], [2, 3, 4]
    drawn, score = forecasts.predict(of, survey, asked)
    gain = covariance[np.ix_(asked, given)] @ np.linalg.inv(covariance[np.ix_(given, given)])
    center = mean[asked] + gain @ (survey - mean)[given]
    spread = covariance[np.ix_(asked, asked)] - gain @ covariance[np.ix_(given, asked)]
    assert score == pytest.approx(multivariate_normal.logpdf(survey[asked], center, spread))
    np.testing.assert_allclose(drawn.mean(axis=0), center, atol=0.05)
    np.testing.assert_allclose(np.cov(drawn, rowvar=False), spread, atol=0.05)


def test_without_rounds_prior_and_proposal_are_the_same():
    """Surveys of the prior alone have equal weights."""
    table = toy(50, 1).assign(round=0)
    found = posting.Search(table, table.iloc[:1], [], [])
    weights = pairs.prior_over_proposal(presets.named(recovery="mixture"), found, table)
    np.testing.assert_allclose(weights, 1.0)


def test_pairs_are_weighted_by_prior_over_the_mixture_of_rounds(monkeypatch):
    """A survey that a round drew g times as often as the prior counts less, by the mixture."""
    table = toy(30, 1)
    surveys = pd.concat([table.assign(round=0), table.assign(round=1), table.assign(round=1)])
    g = np.linspace(0.1, 5.0, 30)
    pool = posting.Pool(np.zeros((2, 1)), np.zeros(2, int), np.log([3.0, 5.0]))  # 4 on average
    monkeypatch.setattr(posting, "weigh", lambda *_, **__: pool)
    monkeypatch.setattr(posting, "likelihood", lambda *_, **__: np.log(4.0 * g))
    found = posting.Search(surveys, table.iloc[:1], [None], [])
    weights = pairs.prior_over_proposal(presets.named(recovery="mixture"), found, table)
    np.testing.assert_allclose(weights, 90.0 / (30.0 + 60.0 * g))
