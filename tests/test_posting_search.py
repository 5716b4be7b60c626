"""The posterior of posting: importance sampling where its answer is known, and its summaries."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import settings as small
from scipy import stats
from test_priors import same_at_both_ends

from marketsim.analysis.inference import posting, reference_table
from marketsim.analysis.inference.posting import Pool
from marketsim.parameters import posterior, presets, priors
from marketsim.parameters.settings import POSTING_ONLY, Settings, value_of
from marketsim.survey import targets

KEYS = list(priors.uncertain())
LEVEL, OTHER = "posting.base_posts", "posting.full_grid"
AT = KEYS.index(LEVEL)
MIDDLE, SPREAD = 0.4, 0.05  # of the likelihood below, in shares of the prior
NAMES = list(priors.STRUCTURES)


def start(recovery: str = "mixture", **changes: object) -> Settings:
    changes = {"market": POSTING_ONLY, "posterior": posterior.PRIOR} | changes
    return small(30, recovery=recovery, **changes)


@pytest.fixture
def normal(monkeypatch):
    """Let the likelihood be normal in one parameter, with a penalty of half a nat a structure.

    A network is a number here, which is added to the logarithm.
    """

    def likelihood(net, shares, structures, trade):
        return net - 0.5 * ((shares[:, AT] - MIDDLE) / SPREAD) ** 2 - 0.5 * structures

    monkeypatch.setattr(posting, "likelihood", likelihood)
    monkeypatch.setattr(posting, "SCOUTS", 4000)
    monkeypatch.setattr(posting, "POOL", 20_000)


def pool_of(shares: dict[str, np.ndarray], weights: np.ndarray, structure: int = 0) -> Pool:
    """Return weighted draws of one structure; other parameters are at the middle of their prior."""
    table = np.full((len(weights), len(KEYS)), 0.5, np.float32)
    for key, values in shares.items():
        table[:, KEYS.index(key)] = values
    with np.errstate(divide="ignore"):
        return Pool(table, np.full(len(weights), structure), np.log(weights))


# ---------------------------------------------------------------- draws of the prior


def test_draws_of_the_prior_are_even_and_fixed_ones_keep_their_value():
    """Shares are even, structures equally frequent; what is fixed is at its share; seeds count."""
    of = start(posting__base_posts=2.0, fixed=[LEVEL])
    shares, structures = posting.prior_pool(of, 5000, 3)
    assert shares.shape == (5000, len(KEYS))
    for place, key in enumerate(KEYS):
        if key != LEVEL:
            assert stats.kstest(shares[:, place], "uniform").pvalue > 1e-4, key
    values = priors.values(priors.uncertain()[LEVEL], shares[:, AT].astype(float))
    assert values == pytest.approx(2.0, rel=1e-5)
    assert stats.chisquare(np.bincount(structures)).pvalue > 1e-4
    again, other = posting.prior_pool(of, 5000, 3)[0], posting.prior_pool(of, 5000, 4)[0]
    assert np.array_equal(again, shares) and not np.array_equal(other, shares)
    assert set(posting.prior_pool(start("trend"), 50, 3)[1]) == {0}
    box = np.array([[0.2] * len(KEYS), [0.3] * len(KEYS)])
    inside = posting.prior_pool(start(), 50, 3, box)[0]
    assert ((inside >= np.float32(0.2)) & (inside <= np.float32(0.3))).all()


def test_resampling_is_by_weight():
    """Each draw is picked as often as its weight says, but for less than one; without, never."""
    weights = np.array([0.5, 0.0, 0.22, 0.28])
    pool = pool_of({LEVEL: np.arange(4) / 4}, 7.0 * weights)
    np.testing.assert_allclose(pool.weights, weights)
    assert pool.effective == pytest.approx(1.0 / (weights**2).sum())
    for seed in range(20):
        counts = np.bincount(pool.pick(50, seed), minlength=4)
        assert (np.abs(counts - 50 * weights) < 1.0).all() and counts[1] == 0
    rows = pool.table(np.array([2]), NAMES)
    assert rows.loc[0, "structure"] == NAMES[0]
    assert rows.loc[0, LEVEL] == pytest.approx(priors.value(priors.uncertain()[LEVEL], 0.5))


# ---------------------------------------------------------------- the posterior


def test_the_posterior_of_a_normal_likelihood_is_known(normal):
    """Probabilities, evidence, and mean and spread of the parameter are the closed forms.

    The likelihood is averaged over networks: one that is three times as large doubles it.
    """
    networks = [0.0, np.log(3.0)]
    pool = posting.weigh(start(), networks, 40_000, 5, trade=True)
    found = posting.probabilities(pool, networks, NAMES)
    odds = np.exp(-0.5 * np.arange(len(NAMES)))
    error = found["standard_error"].to_numpy()
    assert (np.abs(found["probability"] - odds / odds.sum()) < 4.0 * error).all()
    assert (error > 0.0).all() and (error < 0.03).all()
    evidence = np.log(2.0 * np.sqrt(2.0 * np.pi) * SPREAD * odds)
    np.testing.assert_allclose(found["log_evidence"], evidence, atol=0.1)
    for code, count in enumerate(found["effective_draws"]):
        own = pool.weights[pool.structures == code]
        assert count == pytest.approx(own.sum() ** 2 / (own**2).sum())
    share = pool.shares[:, AT].astype(float)
    mean = pool.weights @ share
    assert mean == pytest.approx(MIDDLE, abs=0.003)
    assert np.sqrt(pool.weights @ (share - mean) ** 2) == pytest.approx(SPREAD, rel=0.05)
    others = [place for place in range(len(KEYS)) if place != AT]
    apart = pool.weights @ pool.shares[:, others] - 0.5  # negative control: they keep the prior
    assert np.abs(apart).max() < 0.02
    assert np.ptp(share) < 0.7 < np.ptp(pool.shares[:, others], axis=0).min()


def test_the_error_of_a_probability_is_what_pools_scatter(normal):
    """Probabilities from many pools scatter about as the standard error says."""
    made = [
        posting.probabilities(posting.weigh(start(), [0.0, 0.0], 1500, seed, True), [0, 0], NAMES)
        for seed in range(40)
    ]
    for row in (0, 1):
        scatter = np.std([one["probability"][row] for one in made], ddof=1)
        said = np.mean([one["standard_error"][row] for one in made])
        assert scatter == pytest.approx(said, rel=0.4)


def test_networks_that_differ_make_an_error(monkeypatch, normal):
    """Networks that disagree on the odds of structures add what they differ by to the error."""
    pool = posting.weigh(start(), [0.0], 20_000, 5, True)
    plain = posting.likelihood
    monkeypatch.setattr(
        posting, "likelihood",
        lambda net, shares, structures, trade: plain(0.0, shares, structures, trade)
        + net * (structures == 0),
    )  # fmt: skip
    alike, apart = (posting.probabilities(pool, nets, NAMES)["standard_error"][0]
                    for nets in ([0.0, 0.0], [-0.5, 0.5]))  # fmt: skip
    others = np.exp(-0.5 * np.arange(1, len(NAMES))).sum()
    p = [1.0 / (1.0 + others * np.exp(-net)) for net in (-0.5, 0.5)]
    assert alike < 0.02
    assert apart == pytest.approx(np.sqrt(alike**2 + np.var(p, ddof=1) / 2), rel=0.15)


def test_each_structure_has_as_many_draws(normal):
    """Also an improbable one; weights are equal, and draws are of the posterior, by the seed."""
    pool = posting.weigh(start(), [0.0], 40_000, 5, True)
    rows = posting.draws(pool, NAMES, 200, 1)
    assert rows["structure"].tolist() == [name for name in NAMES for _ in range(200)]
    assert (rows["weight"] == 1.0 / 200).all()
    for _, own in rows.groupby("structure"):
        shares = priors.shares(priors.uncertain()[LEVEL], own[LEVEL].to_numpy())
        assert shares.mean() == pytest.approx(MIDDLE, abs=4.0 * SPREAD / np.sqrt(200))
        assert shares.std() == pytest.approx(SPREAD, rel=0.2)
    pd.testing.assert_frame_equal(posting.draws(pool, NAMES, 200, 1), rows)
    assert not posting.draws(pool, NAMES, 200, 2).equals(rows)


@pytest.mark.parametrize(("best", "chosen"), [(0.47, 0.47), (0.6, 0.58), (0.9, 0.58), (0.0, 0.42)])
def test_the_point_is_the_likeliest_of_those_near_the_mean(monkeypatch, best, chosen):
    """A draw far from the mean may not win; what is the same in all draws does not count."""
    monkeypatch.setattr(posting, "CANDIDATES", 4)
    first = priors.FITTED["trend"][0]
    place = KEYS.index(first)
    monkeypatch.setattr(
        posting, "likelihood", lambda _, shares, codes, trade: -np.abs(shares[:, place] - best)
    )
    places = np.array([0.1, 0.05, 0.42, 0.47, 0.53, 0.58, 0.9, 0.95])
    rows = pool_of({first: places}, np.ones(8)).table(np.arange(8), ["trend"])
    table = posting.point([0, 0], rows, ["trend"]).set_index("key")["value"]
    assert list(table.index) == ["structure", *KEYS]
    assert table["structure"] == "trend"
    share = priors.share(priors.uncertain()[first], float(table[first]))
    assert share == pytest.approx(chosen, abs=1e-6)


def test_near_the_mean_is_in_units_of_each_spread(monkeypatch):
    """A step that is small among the draws of one parameter is far among those of another."""
    monkeypatch.setattr(posting, "CANDIDATES", 1)
    monkeypatch.setattr(posting, "likelihood", lambda _, shares, *__: np.zeros(len(shares)))
    wide, narrow = priors.FITTED["trend"][:2]
    shares = {wide: np.array([0.1, 0.9, 0.1, 0.9, 0.55, 0.65])}
    shares[narrow] = np.array([0.49, 0.51, 0.51, 0.49, 0.53, 0.5])
    rows = pool_of(shares, np.ones(6)).table(np.arange(6), ["trend"])
    table = posting.point([0], rows, ["trend"]).set_index("key")["value"]
    found = priors.share(priors.uncertain()[wide], float(table[wide]))
    assert found == pytest.approx(0.65, abs=1e-6)


# ---------------------------------------------------------------- contraction and correlations

EVEN = (np.arange(10_000) + 0.5) / 10_000


def contraction(pool: Pool, of: Settings | None = None) -> pd.DataFrame:
    names = ["none"] if pool.structures.max() == 0 else ["none", "trend"]
    table = posting.contraction(of or start("none"), pool, names)
    return table.set_index(["structure", "parameter"])


def test_contraction_has_its_closed_form():
    """Draws like the prior gained nothing; over a quarter of its range, fifteen sixteenths."""
    parts = [pool_of({LEVEL: EVEN, OTHER: EVEN}, np.ones(10_000))]
    parts.append(pool_of({LEVEL: 0.5 + EVEN / 4.0}, np.ones(10_000), 1))
    pool = Pool(*(np.concatenate(each) for each in zip(*parts, strict=True)))
    of = contraction(pool)
    gained = of["contraction"]
    assert gained["none"][[LEVEL, OTHER]].tolist() == pytest.approx([0.0, 0.0], abs=1e-5)
    assert gained["trend", LEVEL] == pytest.approx(15.0 / 16.0, abs=1e-5)
    prior = priors.uncertain()[LEVEL]
    expected = [priors.value(prior, share) for share in (0.5125, 0.625, 0.7375)]
    ends = of.loc[("trend", LEVEL), ["q05", "median", "q95"]].tolist()
    assert ends == pytest.approx(expected, rel=1e-3)
    fixed = contraction(pool, start("none", fixed=[LEVEL]))
    assert LEVEL not in fixed.index.get_level_values("parameter")


def test_weights_count():
    """Draws of weight nothing are as if not there; only ratios of weights count."""
    ghosts = np.concatenate([EVEN, np.zeros(500)])
    weighted = pool_of({LEVEL: ghosts}, 3.0 * np.concatenate([np.ones(10_000), np.zeros(500)]))
    one, plain = (
        contraction(pool).loc[("none", LEVEL)]
        for pool in (weighted, pool_of({LEVEL: EVEN}, np.ones(10_000)))
    )
    columns = ["q05", "median", "q95", "contraction", "standard_error"]
    np.testing.assert_allclose(one[columns].to_list(), plain[columns].to_list(), atol=1e-6)


def test_the_error_of_a_contraction_is_what_samples_scatter():
    """Contractions from many samples of the prior scatter as their standard error says."""
    random = np.random.default_rng(1)
    of = [
        contraction(pool_of({LEVEL: random.random(300)}, np.ones(300))).loc[("none", LEVEL)]
        for _ in range(60)
    ]
    scatter = np.std([one["contraction"] for one in of], ddof=1)
    assert scatter == pytest.approx(np.mean([one["standard_error"] for one in of]), rel=0.3)


@pytest.mark.parametrize("sign", [1, -1])
def test_parameters_that_move_together_correlate(sign):
    """Shares that run together correlate fully on any scale of the prior; independent ones not."""
    other = priors.FITTED["none"][1]
    assert {LEVEL, other} <= {*priors.FITTED["none"]} & {*priors.FITTED["trend"]}
    count = len(EVEN)
    parts = [pool_of({LEVEL: EVEN, other: EVEN[::sign]}, np.ones(count))]
    loose = {LEVEL: np.repeat(EVEN[::100], 100), other: np.tile(EVEN[::100], 100)}
    parts.append(pool_of(loose, np.ones(count), 1))
    rows = pd.concat([part.table(np.arange(count), ["none", "trend"]) for part in parts])
    of = posting.correlations(rows)
    pair = [key for key in priors.FITTED["none"] if key in (LEVEL, other)]
    assert of[["structure", "parameter_1", "parameter_2"]].values.tolist() == [
        ["none", *pair],
        ["trend", *[key for key in priors.FITTED["trend"] if key in pair]],
    ]
    assert of["correlation"].tolist() == pytest.approx([sign, 0.0], abs=1e-5)


# ---------------------------------------------------------------- what is known of structures


def test_what_is_fitted_can_act():
    """Each fitted parameter can act in its structure; those of one mechanism not in the null."""
    for name, keys in priors.FITTED.items():
        assert all(priors.acts(key, name) for key in keys)
    assert not any(priors.acts(key, "none") for key in priors.OWN)


IDLE = [(name, key) for name in NAMES for key in priors.OWN if not priors.acts(key, name)]


@pytest.mark.parametrize(("structure", "key"), IDLE)
def test_what_cannot_act_changes_no_survey(structure, key):
    """From one end of its prior to the other: so no survey can inform it."""
    assert same_at_both_ends(structure, key)


def test_rounds_count_surveys_like_the_published_one():
    """Of each round the share in range with the events, and the share in which none was blocked."""
    facts = targets.targets() | targets.context()
    row = {name: fact.value for name, fact in facts.items() if fact.value is not None}
    row |= {"panel_unblocked": 1.0, "backup_accounts": 5.0, "backup_accounts_early": 0.4}
    good = pd.DataFrame([row] * 4)
    mixed = good.assign(panel_unblocked=[1.0, 0.0, 1.0, 1.0])
    mixed.loc[3, "ads_total"] *= 9.0
    surveys = pd.concat([good.assign(round=0), mixed.assign(round=1)], ignore_index=True)
    found = posting.rounds(posting.Search(surveys, good[:1], [], []))
    assert found["round"].tolist() == [0, 1, 2]
    assert found["simulations"].tolist() == [4, 4, 1]
    assert found["like_published"].tolist() == [1.0, 0.5, 1.0]
    assert found["unblocked"].tolist() == [1.0, 0.75, 1.0]


def test_a_fifth_of_the_prior_only_tests():
    """The last rows of the round of the prior are the tests, those of other rounds are not."""
    surveys = pd.DataFrame({"round": [0] * 10 + [1] * 5, "number": [*range(10), *range(5)]})
    found = posting.Search(surveys, surveys, [], [])
    assert posting.trained_rows(10) == 8
    assert found.tests["number"].tolist() == [8, 9]


def test_the_whole_market_has_the_draw_of_posting_and_one_of_trade(monkeypatch):
    """Row n has draw n of trade; what is fixed keeps its value."""
    monkeypatch.setattr(reference_table, "BATCH", 1)
    of = start(posting__base_posts=2.0, fixed=[LEVEL])
    row = reference_table.table(of, Path("table"), 1).iloc[0]
    shifted = row.copy()
    shifted[LEVEL] = 3.0
    one, other = (posting.whole_settings(of, shifted, number) for number in (0, 1))
    assert (one.market, one.posterior, one.recovery.name) == ("full", "none", row["structure"])
    assert one.posting.base_posts == 2.0
    assert all(value_of(one, key) == row[key] for key in KEYS if key != LEVEL)
    full = small(30, recovery="mixture", posterior=presets.POSTERIOR)
    for number, made in ((0, one), (1, other)):
        sampled = posterior.trade_values(full, number)
        assert {key: value_of(made, key) for key in sampled} == sampled
