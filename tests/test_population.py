"""Who there is: distributions against theory, ties, arrivals, and what a seed fixes."""

import numpy as np
import pytest
from conftest import levers, plain, settings
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

from marketsim.model import supply_chain
from marketsim.model.kernels.entry_exit import apply_entry_exit
from marketsim.model.market import no_experience
from marketsim.model.population import arrivals, empty_counters, synthesize_traders
from marketsim.model.scenario.interventions import types_mask
from marketsim.model.state import Learned, State
from marketsim.parameters.settings import POSTING_ONLY, kernel_params

FALSE_ALARM = 1e-6
FIRST_DAY = 735_663
MANY = 20_000  # people are cheap to make; none of these live a day

few_markets = hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def people(n=MANY, seed=11, days=1, **changes):
    """Return the traders and ties of a market."""
    return synthesize_traders(plain(n, **changes), seed, FIRST_DAY, days)


def founders(seed=11, **changes):
    """Return the traders there from the start, without any entrants."""
    return people(seed=seed, turnover__entry=0.0, **changes)[0]


# ---------------------------------------------------------------- how traders differ


@pytest.mark.parametrize("shape", [0.1, 0.35, 3.0])
def test_base_rates_are_gamma(shape):
    """Base rates follow a gamma of mean `base_posts`; a neighbouring shape would be seen."""
    rates = founders(population__gamma_shape=shape, posting__base_posts=4.0).base_rate
    assert stats.kstest(rates, stats.gamma(shape, scale=4.0 / shape).cdf).pvalue > FALSE_ALARM
    other = 1.25 * shape
    assert stats.kstest(rates, stats.gamma(other, scale=4.0 / other).cdf).pvalue < FALSE_ALARM


@pytest.mark.parametrize("shape", [0.35, 1.0])
def test_base_rates_have_the_mean_and_variance_of_theory(shape):
    """The mean is m and the variance m^2 / shape, within four standard errors."""
    rates = founders(population__gamma_shape=shape, posting__base_posts=2.0).base_rate
    law = stats.gamma(shape, scale=2.0 / shape)
    excess = float(law.stats(moments="k"))
    assert abs(rates.mean() - 2.0) < 4 * law.std() / np.sqrt(MANY)
    assert abs(rates.var() - law.var()) < 4 * law.var() * np.sqrt((excess + 2.0) / MANY)


def test_the_rate_of_a_type_multiplies_its_base_rates():
    """Doubling the rate of type B doubles the base rates of B and changes no other."""
    one, two = founders(), founders(posting__rate_b=2.0)
    of_b = one.kind == 1
    assert (two.base_rate == np.where(of_b, 2.0, 1.0) * one.base_rate).all()
    assert 0 < of_b.sum() < MANY


def kinds_p(expected, **changes) -> float:
    seen = np.bincount(founders(**changes).kind, minlength=4)
    able = np.array(expected) > 0
    assert seen[~able].sum() == 0
    share = np.array(expected)[able] / np.sum(expected)
    return stats.chisquare(seen[able], MANY * share).pvalue


def test_types_have_their_shares():
    """Types come up as often as in the survey: 8, 24, 12 and 14 of 58; other shares would show."""
    assert kinds_p([8, 24, 12, 14]) > FALSE_ALARM
    assert kinds_p([10, 22, 12, 14]) < FALSE_ALARM


def test_a_type_without_weight_does_not_come_up():
    """Weights may be zero, at either end of the list as well."""
    ends = {"population__type_a": 0.0, "population__type_d": 0.0}
    assert kinds_p([0, 24, 12, 0], **ends) > FALSE_ALARM
    alone = {f"population__type_{letter}": 0.0 for letter in "bcd"}
    assert (founders(**alone).kind == 0).all()


def test_sensitivities_are_lognormal_about_their_type():
    """The logarithm of sensitivity is normal about k times the type's ratio."""
    of = founders(population__sensitivity_spread=0.4, perception__sensitivity=2.0)
    middle = 2.0 * np.array([0.8, 1.0, 1.1, 1.2])[of.kind]
    z = np.log(of.sensitivity / middle) / 0.4
    assert stats.kstest(z, stats.norm.cdf).pvalue > FALSE_ALARM
    assert stats.kstest(z * 1.1, stats.norm.cdf).pvalue < FALSE_ALARM
    even = founders(population__sensitivity_spread=0.0, perception__sensitivity=2.0)
    assert_allclose(even.sensitivity, middle, rtol=1e-15)


def loguniform(low: float, high: float, **changes) -> np.ndarray:
    """Return thresholds of founders where they are loguniform."""
    ends = {"perception__threshold_low": low, "perception__threshold": high}
    return founders(**ends, recovery__log_thresholds=1.0, **changes).threshold


def test_log_thresholds_are_even_on_the_scale_of_logarithms():
    """The share below a value is that of its logarithm; half are below the geometric mean."""
    found = loguniform(0.05, 0.8)
    assert stats.kstest(np.log(found / 0.05) / np.log(16.0), "uniform").pvalue > FALSE_ALARM
    assert np.mean(found < 0.2) == pytest.approx(0.5, abs=0.05)
    even = founders(perception__threshold=0.8)
    assert (found <= even.threshold + 1e-12).all() and np.mean(even.threshold < 0.2) < 0.3


def test_log_thresholds_at_the_ends():
    """Equal ends are one threshold; from no risk on they begin at a thousandth, not at nothing."""
    np.testing.assert_allclose(loguniform(0.05, 0.05), 0.05, rtol=1e-12)
    assert 0.001 <= loguniform(0.0, 0.5).min() < 0.0015
    half = founders(perception__threshold=0.8, recovery__log_thresholds=0.5).threshold
    both = founders(perception__threshold=0.8).threshold + loguniform(0.05, 0.8)
    np.testing.assert_allclose(half, both / 2.0, rtol=1e-12)


def test_thresholds_are_even():
    """Thresholds are even between the two parameters."""
    of = founders(perception__threshold=0.65)
    assert stats.kstest(of.threshold, stats.uniform(0.05, 0.6).cdf).pvalue > FALSE_ALARM
    assert 0.05 < of.threshold.min() < 0.051 < 0.649 < of.threshold.max() < 0.65
    assert (founders(perception__threshold=0.05).threshold == 0.05).all()


@pytest.mark.parametrize("share", [0.0, 0.15, 0.9])
def test_the_first_spell_is_silent_for_the_share(share):
    """A run begins with the silent share of steady times."""
    silent = int((founders(posting__silent_share=share).talking == 0).sum())
    assert stats.binomtest(silent, MANY, share).pvalue > FALSE_ALARM
    assert stats.binomtest(silent, MANY, share + 0.04).pvalue < FALSE_ALARM


@pytest.mark.parametrize(("share", "spread"), [(0.054, 1.0), (0.054, 0.3), (0.2, 0.5)])
def test_video_shares_are_lognormal_about_their_mean(share, spread):
    """Some traders show more videos, and the mean over traders is the share of all."""
    shares = founders(posting__video_share=share, style__video_spread=spread).video_share
    z = np.log(shares / share) / spread + spread / 2.0
    free = shares < 0.9
    assert free.mean() > 0.99 and shares.max() <= 0.9
    normal = stats.truncnorm(-np.inf, np.log(0.9 / share) / spread + spread / 2.0)
    assert stats.kstest(z[free], normal.cdf).pvalue > FALSE_ALARM
    assert stats.kstest(1.1 * z[free], normal.cdf).pvalue < FALSE_ALARM
    deviation = share * np.sqrt(np.exp(spread**2) - 1.0)
    assert abs(shares.mean() - share) < 5 * deviation / np.sqrt(MANY)


@pytest.mark.parametrize("spread", [0.3, 0.8])
def test_full_grids_are_logit_normal(spread):
    """The log odds of nine pictures are normal over traders about those of the share."""
    shares = founders(posting__full_grid=0.27, style__grid_spread=spread).full_grid
    z = (np.log(shares / (1 - shares)) - np.log(0.27 / 0.73)) / spread
    assert stats.kstest(z, stats.norm.cdf).pvalue > FALSE_ALARM
    assert stats.kstest(1.1 * z, stats.norm.cdf).pvalue < FALSE_ALARM


@pytest.mark.parametrize("share", [0.0, 0.27, 1.0])
def test_traders_without_spread_present_alike(share):
    """With no spread, or where all or no posts have nine pictures, all have the share itself."""
    of = founders(posting__full_grid=share, posting__video_share=share)
    assert (of.full_grid == share).all() and (of.video_share == share).all()
    spread = founders(posting__full_grid=share, style__grid_spread=0.8).full_grid
    assert (spread == share).all() == (share in (0.0, 1.0))


def test_differences_between_traders_are_independent():
    """Rate, type, sensitivity, threshold and first spell tell nothing about each other."""
    of = founders(posting__silent_share=0.5, style__video_spread=1.0, style__grid_spread=0.8)
    sensitivity = of.sensitivity / np.array([0.8, 1.0, 1.1, 1.2])[of.kind]
    columns = [of.base_rate, of.kind, sensitivity, of.threshold, of.talking]
    columns += [of.video_share, of.full_grid]
    for i, one in enumerate(columns):
        for two in columns[:i]:
            assert stats.spearmanr(one, two).pvalue > FALSE_ALARM


def test_everybody_begins_unmarked():
    """Founders are active, on their first account, unpunished, with residual fear."""
    of = founders(perception__residual=0.125)
    assert (of.state == State.ACTIVE).all() and (of.arrival == 0).all()
    assert (of.risk == 0.125).all() and (of.audience == 1.0).all()
    for name in ("account", "offences", "blocked_until", "suspended", "return_day", "backup",
                 "follow", "recruits", "guarded_until", "recent", "case_open"):  # fmt: skip
        assert not getattr(of, name).any()


# ---------------------------------------------------------------- ties


def degrees(ties) -> np.ndarray:
    return np.diff(ties.start)


@few_markets
@given(
    n=st.integers(1, 40),
    mean=st.floats(0.0, 50.0),
    entry=st.sampled_from([0.0, 0.02]),
    seed=st.integers(0, 2**63 - 1),
)
def test_ties_are_mutual_sorted_and_between_two(n, mean, entry, seed):
    """Whoever hears from another is heard by him; nobody hears from himself or one twice."""
    retailers, ties = people(n, seed, 20, population__ties=mean, turnover__entry=entry)
    assert ties.start[0] == 0 and ties.start[-1] == ties.other.size
    assert ties.start.size == retailers.state.size + 1
    pairs = set()
    for i in range(retailers.state.size):
        mine = ties.other[ties.start[i] : ties.start[i + 1]]
        assert (np.diff(mine) > 0).all()
        assert i not in mine
        pairs |= {(i, int(j)) for j in mine}
    assert pairs == {(j, i) for i, j in pairs}
    assert all(min(pair) < n for pair in pairs)


@pytest.mark.parametrize("mean", [0.0, 0.5, 1.0, 7.3, 8.0, 20.0])
def test_the_mean_number_of_ties_is_the_parameter(mean):
    """Ties a trader average the parameter, less the few named twice."""
    _, ties = people(population__ties=mean, turnover__entry=0.0)
    assert degrees(ties).mean() == pytest.approx(mean, rel=0.015)


def test_half_of_the_ties_are_named_by_others():
    """The ties others name are Poisson, so the variance over traders is half the mean."""
    _, ties = people(turnover__entry=0.0)
    assert degrees(ties).min() >= 3
    assert degrees(ties).var() == pytest.approx(4.0, rel=0.05)


# ---------------------------------------------------------------- arrivals


def test_a_longer_horizon_keeps_the_earlier_days():
    """Who comes on a day is the same however long the run is, and so are their ids."""
    of = plain(330, turnover__entry=0.005)
    short, long = (arrivals(of, 5, FIRST_DAY, days) for days in (60, 400))
    assert long.size > short.size > 330
    assert (long[: short.size] == short).all()
    assert not (arrivals(of, 6, FIRST_DAY, 60)[:400] == short[:400]).all()


def test_an_earlier_start_keeps_the_later_days():
    """The number of dealers that a day brings does not depend on the first day of the run."""
    of = plain(330, turnover__entry=0.005)
    late, early = arrivals(of, 5, FIRST_DAY, 60), arrivals(of, 5, FIRST_DAY - 30, 90)
    assert (early[early >= FIRST_DAY] == late[330:]).all()


@pytest.mark.parametrize("entry", [0.0, 0.0005, 0.003, 0.02])
def test_entry_has_its_mean(entry):
    """A day brings the whole part of the mean or one more, and the mean over days is right."""
    days = 5_000
    come = arrivals(plain(500, turnover__entry=entry), 5, FIRST_DAY, days)
    assert (come[:500] == 0).all() and (np.diff(come[500:]) >= 0).all()
    daily = np.bincount(come[500:] - FIRST_DAY, minlength=days)
    mean = 500 * entry
    part = mean - np.floor(mean)
    assert daily.size == days
    assert set(daily) <= {np.floor(mean), np.floor(mean) + 1}
    assert abs(daily.mean() - mean) <= 4 * np.sqrt(part * (1 - part) / days)


@pytest.mark.parametrize("entry", [0.0005, 0.02])
def test_where_entry_depends_on_value_twice_as_many_consider_it(entry):
    """Half of the candidates stay away at rest; without trade nobody learns, and none does."""
    of = {"turnover__entry": entry, "motive": "none", "motive__turnover": 1.0}
    twice = settings(500, **{"motive": "none", "turnover__entry": 2 * entry})
    candidates = arrivals(settings(500, **of), 5, FIRST_DAY, 200)
    assert (candidates == arrivals(twice, 5, FIRST_DAY, 200)).all()
    posts = arrivals(settings(500, market=POSTING_ONLY, **of), 5, FIRST_DAY, 200)
    assert (posts == arrivals(plain(500, turnover__entry=entry), 5, FIRST_DAY, 200)).all()


def test_entrants_wait_for_their_day():
    """Those who are yet to come are absent and carry the day of their arrival."""
    of, _ = people(300, days=100, turnover__entry=0.01)
    later = of.arrival > 0
    assert later.sum() > 100 and (~later).sum() == 300
    assert (of.state[later] == State.ABSENT).all() and (of.state[~later] == State.ACTIVE).all()
    assert of.arrival[later].min() >= FIRST_DAY and of.arrival.max() < FIRST_DAY + 100


def turn_over(of, days, seed=11, market=1.0, own=1.0, of_day=None, **changes) -> list[np.ndarray]:
    """Return the states at the end of each day on which nothing but coming and going happens.

    `market` and `own` are the values of the trade to newcomers and to traders.
    """
    leaving = plain(10, **{"demand__buyers": 1.0, "resale__agents": 0.0} | changes)
    values, motives = kernel_params(leaving), no_experience(of.state.size)
    counters = empty_counters(of.state.size)
    trade = supply_chain.build_trade(leaving, values, seed, of, 1, days)
    motives.market[Learned.VALUE] = market
    motives.value[:] = own
    had = trade.friends.count.copy()
    states = []
    for row in range(days):
        day, of_today = FIRST_DAY + row, of_day or levers()
        ids = (0, len(of.state))
        apply_entry_exit(seed, day, of_today, values, of, counters, motives, trade, *ids)
        states.append(of.state.copy())
    stayed_away = (of.arrival > 0) & (of.state == State.LEFT)
    gone = trade.friends.count == 0
    assert (gone[: had.size] == (stayed_away | (had == 0))).all() or own != 1.0
    return states


def test_entrants_come_on_their_day():
    """A dealer is absent to the eve of his arrival, and active from the day itself."""
    of, _ = people(50, days=40, turnover__entry=0.02)
    for k, states in enumerate(turn_over(of, 40, turnover__leave=0.0)):
        here = of.arrival <= FIRST_DAY + k
        assert (states == np.where(here, State.ACTIVE, State.ABSENT)).all()
    assert (of.state == State.ACTIVE).all()


@pytest.mark.parametrize("leave", [0.0005, 0.02])
def test_leaving_is_a_hazard(leave):
    """Each day a trader leaves with the same chance, whatever he does, and nobody comes back."""
    of, _ = people(turnover__entry=0.0)
    of.state[::3], of.state[1::3] = State.LYING_LOW, State.BANNED
    states = np.array(turn_over(of, 60, turnover__leave=leave))
    gone = states == State.LEFT
    assert (gone[1:] >= gone[:-1]).all()
    for part in (gone[-1], gone[-1, ::3], gone[-1, 1::3], gone[-1, 2::3]):
        chance = 1.0 - (1.0 - leave) ** 60
        assert stats.binomtest(int(part.sum()), part.size, chance).pvalue > FALSE_ALARM
    assert stats.binomtest(int(gone[-1].sum()), MANY, 1.4 * chance).pvalue < FALSE_ALARM


def test_nobody_leaves_without_a_hazard_or_before_coming():
    """With no hazard all stay; with one, the absent are not touched by it."""
    stay, _ = people(500)
    assert (turn_over(stay, 100, turnover__leave=0.0)[-1] != State.LEFT).all()
    absent, _ = people(500)
    absent.state[:] = State.ABSENT
    assert (turn_over(absent, 100, turnover__leave=0.02)[-1] == State.ABSENT).all()


VALUES = [-5.0, 0.0, 0.5, 0.9, 1.0, 1.2, 2.0, 3.0, 10.0]


def entered(value: float, turnover=2.0) -> int:
    """Return how many of 4,000 candidates of one day enter, and check that nobody has friends."""
    of, _ = people(4_000, turnover__entry=0.0)
    of = of._replace(arrival=np.full(4_000, FIRST_DAY), state=np.full(4_000, State.ABSENT))
    turn_over(of, 1, market=value, turnover__leave=0.0, motive__turnover=turnover)
    return int((of.state == State.ACTIVE).sum())


def test_candidates_enter_by_the_value_of_the_market():
    """Half of them at a value of 1, all from 1 + log(2) / turnover on, and fewer with less."""
    numbers = [entered(value) for value in VALUES]
    assert numbers == sorted(numbers)
    for value, number in zip(VALUES, numbers, strict=True):
        chance = min(np.exp(2.0 * (value - 1.0)), 2.0) / 2.0
        assert stats.binomtest(number, 4_000, chance).pvalue > FALSE_ALARM
    assert numbers[-3:] == [4_000] * 3
    assert stats.binomtest(entered(0.5, 4.0), 4_000, np.exp(-1.0) / 2).pvalue < FALSE_ALARM
    assert [entered(value, 0.0) for value in (-5.0, 0.5)] == [4_000] * 2


def left(value: float, turnover=2.0, leave=0.02) -> np.ndarray:
    """Return who leaves on one day."""
    of, _ = people(4_000, turnover__entry=0.0)
    changes = {"turnover__leave": leave, "motive__turnover": turnover}
    return turn_over(of, 1, own=value, **changes)[-1] == State.LEFT


def test_traders_leave_by_the_value_of_their_trade():
    """The hazard is `leave` at a value of 1, grows as an exponential below, and falls up to 2."""
    before = np.ones(4_000, bool)
    for value in VALUES[1:]:
        gone = left(value)
        assert (gone <= before).all()
        hazard = 0.02 * np.exp(2.0 * (1.0 - min(value, 2.0)))
        assert stats.binomtest(int(gone.sum()), 4_000, hazard).pvalue > FALSE_ALARM
        before = gone
    assert (left(2.0) == left(9.0)).all()
    assert stats.binomtest(int(left(0.0).sum()), 4_000, 0.02).pvalue < FALSE_ALARM
    assert (left(0.0, 0.0) == left(9.0, 0.0)).all()  # without the exponent nobody compares


@pytest.mark.parametrize(("types", "share"), [("cd", 0.3), ("a", 1.0), ("abcd", 0.5), ("cd", 0.0)])
def test_teaching_lets_some_of_its_types_drop_ivory(types, share):
    """Of the types taught the share leaves on the day, of the others nobody."""
    of, _ = people(turnover__entry=0.0)
    of.state[::2] = State.BANNED
    of_day = levers(taught=share, taught_types=types_mask(types))
    gone = turn_over(of, 1, of_day=of_day, turnover__leave=0.0)[-1] == State.LEFT
    meant = np.isin(of.kind, ["abcd".index(letter) for letter in types])
    assert not gone[~meant].any()
    assert stats.binomtest(int(gone.sum()), int(meant.sum()), share).pvalue > FALSE_ALARM
    if share < 1.0:
        assert stats.binomtest(int(gone.sum()), int(meant.sum()), share + 0.1).pvalue < FALSE_ALARM


def test_teaching_and_leaving_are_apart():
    """Who leaves anyway leaves too where others are taught: teaching adds to it."""
    one, two = (people(4_000, turnover__entry=0.0)[0] for _ in range(2))
    alone = turn_over(one, 1, turnover__leave=0.02)[-1] == State.LEFT
    taught = turn_over(two, 1, of_day=levers(taught=0.5), turnover__leave=0.02)[-1] == State.LEFT
    assert (taught >= alone).all()
    assert stats.binomtest(int(taught.sum()), 4_000, 1 - 0.98 * 0.5).pvalue > FALSE_ALARM


# ---------------------------------------------------------------- what a seed fixes


def equal(one, two, size=None) -> bool:
    return all(a[:size].tobytes() == b[:size].tobytes() for a, b in zip(one, two, strict=True))


def test_one_seed_makes_the_same_people():
    """The same seed gives the same people and ties to the last bit, another seed others."""
    one, two, other = (people(300, seed, 50) for seed in (4, 4, 5))
    assert equal(one[0], two[0]) and equal(one[1], two[1])
    assert not equal(one[0], other[0])
    assert one[1].other[:50].tolist() != other[1].other[:50].tolist()


def tie_set(ties, among: int) -> set:
    whose = np.repeat(np.arange(ties.start.size - 1), np.diff(ties.start))
    inside = (whose < among) & (ties.other < among)
    return set(zip(whose[inside].tolist(), ties.other[inside].tolist(), strict=True))


def test_entrants_change_no_founder():
    """With and without entrants founders are the same, and so are the ties among them."""
    closed = people(300, 4, 100, turnover__entry=0.0)
    opened = people(300, 4, 100, turnover__entry=0.02)
    assert opened[0].state.size > 800
    assert equal(closed[0], opened[0], 300)
    assert tie_set(closed[1], 300) == tie_set(opened[1], 300)
    assert tie_set(closed[1], 300) != tie_set(people(300, 5, 100)[1], 300)


def test_a_longer_run_changes_nobody():
    """Those of a short run are the same in a long one, and so are the ties among them."""
    short, long = (people(300, 4, days, turnover__entry=0.02) for days in (50, 150))
    ids = short[0].state.size
    assert equal(short[0], long[0], ids)
    assert tie_set(short[1], ids) == tie_set(long[1], ids)


def test_more_founders_append():
    """The first hundred of a market of two hundred are the market of a hundred."""
    small, large = (people(n, 4, 1, turnover__entry=0.0)[0] for n in (100, 200))
    assert equal(small, large, 100)
