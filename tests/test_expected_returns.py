"""What traders learn of the trade: memory, the reference, returns, and what they decide by them."""

import itertools

import numpy as np
import pytest
from conftest import levers, plain
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from marketsim.model.kernels.expected_returns import (
    reconsider,
    remember_yesterday,
    update_expected_returns,
)
from marketsim.model.market import initialize
from marketsim.model.returns import REFERENCE_ROWS
from marketsim.model.state import Learned, Outlet, State, Ties

FIRST = REFERENCE_ROWS  # row on which the reference is set and traders begin to decide
WEEK = 7
OWN = 3  # outlets that a trader judges by own experience
# a trader who compares everything; those of the tests that differ from it say so
HEEDFUL = {
    "motive__memory": 8.0,
    "motive__prior": 1.0,
    "motive__heed": 0.0,
    "motive__effort": 1.0,
    "motive__place": 1.0,
    "motive__turnover": 1.0,
    "motive__severity": 0.0,
    "delivery__days": 3.0,
}


def no_ties(n) -> Ties:
    return Ties(np.zeros(n + 1, np.int64), np.zeros(0, np.int32))


def learn_once(row, of_day, params, retailers, counters, ties, motives, shops):
    """Let a morning pass: traders remember, the market is judged, and some reconsider."""
    ids = len(retailers.state)
    reckoned = np.zeros((ids, OWN))
    remember_yesterday(row, params, retailers, counters, shops, motives, reckoned, 0, ids)
    update_expected_returns(row, of_day, params, retailers, motives, reckoned)
    reconsider(row, of_day, params, retailers, ties, motives, 0, ids)


class Learners:
    """Traders whose posts and margins a test sets; nothing but the kernel of returns."""

    def __init__(self, n=7, ties=None, **changes):
        of = plain(n, **{"turnover__entry": 0.0} | HEEDFUL | changes)
        state = initialize(of, 3)
        self.params, self.retailers, self.counters = state.params, state.retailers, state.counters
        self.trade, self.motives = state.trade, state.motives
        self.trade.shops.relative[:] = 1.0
        self.trade.shops.stall[:] = 0
        self.ties = ties or no_ties(n)
        self.row = 0

    def learn(self, days=1, **doses):
        """Let mornings pass on which the counters of yesterday are those of a test."""
        for _ in range(days):
            learn_once(
                self.row, levers(**doses), self.params, self.retailers, self.counters, self.ties,
                self.motives, self.trade.shops,
            )  # fmt: skip
            self.row += 1
        return self

    def posts(self, **numbers):
        """Let everybody have made so many posts yesterday."""
        for name, number in numbers.items():
            getattr(self.counters, name)[:] = number
        return self

    def knows(self, gain=(0.0, 0.0, 0.0), posted=(0.0, 0.0, 0.0), norm=(1.0,) * 6, prior=1.0):
        """Let everybody know so much by the first decision, on which nothing is added."""
        motives, self.row = self.motives, FIRST + 1
        motives.gain[:], motives.posted[:] = gain, posted
        motives.norm[:], motives.market[Learned.PRIOR] = norm, prior
        motives.all_gain[:], motives.all_posted[:] = 0.0, 0.0
        return self

    def decide(self, **doses):
        """Let all reconsider once: a week, without forgetting."""
        forever = self.params._replace(motive=self.params.motive._replace(memory=1e15))
        self.params = forever
        return self.learn(WEEK, **doses)


# ---------------------------------------------------------------- memory


@pytest.mark.parametrize("weeks", [1.0, 8.0, 104.0])
def test_memory_fades_with_its_half_life(weeks):
    """Margins, posts, recruits and fear of arrest are half as much after so many weeks."""
    of = Learners(motive__memory=weeks)
    motives = of.motives
    motives.gain[:], motives.posted[:], motives.jail[:] = 100.0, 40.0, 0.8
    motives.all_gain[:], motives.all_posted[:], of.retailers.recruits[:] = 900.0, 70.0, 12.0
    of.learn(int(weeks * WEEK))
    for values, before in ((motives.gain, 100.0), (motives.posted, 40.0), (motives.jail, 0.8),
                           (motives.all_gain, 900.0), (motives.all_posted, 70.0),
                           (of.retailers.recruits, 12.0)):  # fmt: skip
        assert_allclose(values, before / 2.0, rtol=1e-9)


def test_margins_of_yesterday_join_the_market_once():
    """They are added to what all remember and, in the first weeks, to the reference."""
    of = Learners(motive__memory=104.0)
    fading = 0.5 ** (1 / (104 * WEEK))
    margins = np.arange(1.0, 7.0)
    of.motives.today[:] = margins
    of.learn()
    assert_allclose(of.motives.all_gain, margins * fading)
    assert (of.motives.first_gain == margins).all() and not of.motives.today.any()
    of.learn()
    assert_allclose(of.motives.all_gain, margins * fading**2)
    assert (of.motives.first_gain == margins).all()
    of.row = FIRST
    of.motives.today[:] = 10.0  # of the eve
    of.learn()
    assert (of.motives.first_gain == margins + 10.0).all()
    of.motives.today[:] = 10.0
    of.learn()
    assert (of.motives.first_gain == margins + 10.0).all()


def test_posts_made_are_counted_by_outlet():
    """Posts in Moments count whatever became of them, those on backups too; groups apart."""
    of = Learners(n=2, motive__memory=104.0)
    fading = 0.5 ** (1 / (104 * WEEK))
    of.trade.shops.relative[:] = [[2.0, 5.0, 9.0], [3.0, 5.0, 9.0]]
    of.posts(moments=1, deleted=2, removed=4, blocked=8, backup=16, groups=32, elsewhere=64,
             withheld=128, intended=255, known=1, flagged=1)  # fmt: skip
    of.row = 4
    of.learn()
    feed, private = np.array([62.0, 93.0]), np.array([64.0, 96.0])
    assert_allclose(of.motives.posted, np.column_stack([feed, private, [0, 0]]) * fading)
    sums = [feed.sum(), private.sum(), 0, 0, 0, 0]
    assert_allclose(of.motives.all_posted, np.array(sums) * fading)
    assert of.motives.first_posted.tolist() == sums


@pytest.mark.parametrize("days", [1.0, 3.0, 7.0])
def test_posts_count_once_their_deals_can_be_settled(days):
    """Posts of the first days, whose parcels are on the way, are not counted."""
    of = Learners(delivery__days=days).posts(moments=1, groups=1)
    counted = []
    for _ in range(12):
        before = of.motives.first_posted.sum()
        counted.append(bool(of.learn().motives.first_posted.sum() > before))
    assert counted == [row > days for row in range(12)]


def test_days_at_a_stall_count_for_those_who_are_there():
    """From the second day on, of the active, lying low and banned who have a stall."""
    of = Learners(n=6, motive__memory=104.0)
    of.retailers.state[:] = range(6)
    of.trade.shops.stall[:] = 1
    of.trade.shops.relative[:, 1] = 4.0
    assert not of.learn().motives.posted.any()
    of.learn()
    there = [4.0 * (state in (State.ACTIVE, State.LYING_LOW, State.BANNED)) for state in State]
    assert_allclose(of.motives.posted[:, Outlet.STALL], there, rtol=1e-3)
    assert of.motives.first_posted.tolist() == [0, 0, sum(there), 0, 0, 0]


# ---------------------------------------------------------------- the reference


def referred(gain, posted, deals, prior=2.0) -> Learners:
    of = Learners(motive__prior=prior)
    of.row = FIRST
    of.motives.first_gain[:], of.motives.first_posted[:] = gain, posted
    of.motives.market[Learned.DEALS] = deals
    return of.learn()


def test_the_reference_is_what_the_first_weeks_paid():
    """Fen a reckoned post by outlet, elsewhere that of Moments; the prior is a mean deal."""
    of = referred([100.0, 60.0, 30.0, 7.0, 0.0, 3.0], [50.0, 20.0, 10.0, 1.0, 1.0, 0.0], 40.0)
    assert of.motives.norm.tolist() == [2.0, 3.0, 3.0, 2.0, 2.0, 2.0]
    assert of.motives.market[Learned.PRIOR] == 2.0 * 200.0 / 40.0


@pytest.mark.parametrize(
    ("gain", "posted", "deals"),
    [(0.0, 5.0, 4.0), (5.0, 0.0, 0.0), (-5.0, 5.0, 4.0), (0.0, 0.0, 0.0)],
)
def test_without_a_reference_nobody_learns(gain, posted, deals):
    """Where nothing was posted, earned or sold, all decisions stay at 1."""
    of = referred(gain, posted, deals)
    assert not of.motives.norm.any() and of.motives.market[Learned.PRIOR] == 0.0
    of.motives.gain[:] = 1e6
    of.motives.all_gain[:] = 1e6
    of.learn(WEEK)
    for name in ("drive", "value", "place"):
        assert (getattr(of.motives, name) == 1.0).all()
    assert of.motives.market[[Learned.ELSEWHERE, Learned.VALUE]].tolist() == [1.0, 1.0]


def test_the_reference_is_set_once():
    """Later margins and posts move returns, not what they are compared with."""
    of = referred([10.0] * 6, [5.0] * 6, 6.0)
    norm, prior = of.motives.norm.copy(), of.motives.market[Learned.PRIOR]
    of.motives.today[:] = 1e6
    of.posts(moments=50).learn(30)
    assert (of.motives.norm == norm).all() and of.motives.market[Learned.PRIOR] == prior


# ---------------------------------------------------------------- returns and decisions


def test_traders_reconsider_once_a_week_from_the_reference_on():
    """One in seven a day, by id; before row 56 nobody does."""
    of = Learners(n=14).knows(gain=(9.0, 0, 0), posted=(3.0, 0, 0))
    of.row = FIRST - 1
    of.learn()
    assert (of.motives.drive == 1.0).all()
    of.motives.norm[:], of.row = 1.0, FIRST + 1
    decided = []
    for row in range(FIRST + 1, FIRST + 8):
        of.learn()
        decided.append(np.flatnonzero(of.motives.drive != 1.0).tolist())
        assert [i for i in range(14) if (row + i) % WEEK == 0] == decided[-1]
        of.motives.drive[:] = 1.0
    assert sorted(itertools.chain(*decided)) == list(range(14))


@pytest.mark.parametrize("state", list(State))
def test_only_those_in_the_trade_reconsider(state):
    """The absent, those who left and the arrested decide nothing."""
    of = Learners().knows(gain=(9.0, 0, 0), posted=(3.0, 0, 0))
    of.retailers.state[:] = state
    there = state in (State.ACTIVE, State.LYING_LOW, State.BANNED)
    assert (of.decide().motives.drive != 1.0).all() == there


def returned(gain, posted, prior=1.0, norm=1.0, **changes) -> float:
    """Return the return of Moments, as the pay of posts there at an exponent of 1."""
    of = Learners(**changes).knows((gain, 0, 0), (posted, 0, 0), (norm,) * 6, prior)
    return float(of.decide().motives.place[0, 0])


@pytest.mark.parametrize(
    ("gain", "posted", "prior"),
    [(0, 0, 1), (4, 9, 1), (4, 9, 100), (20, 9, 1), (9, 9, 5), (-3, 9, 7), (-500, 9, 7),
     (500, 9, 7), (0, 1e9, 1)],
)  # fmt: skip
def test_a_return_is_that_of_a_gamma_posterior_within_bounds(gain, posted, prior):
    """(prior + margins) / (prior + expected), at least 0.02 and at most 3."""
    expected = np.clip((prior + gain) / (prior + 2.0 * posted), 0.02, 3.0)
    assert returned(gain, posted, prior, norm=2.0) == pytest.approx(expected, rel=1e-9)


def test_without_experience_a_return_is_one():
    """Nothing posted and nothing earned: the prior alone is no reason to change anything."""
    of = Learners().knows().decide()
    for name in ("drive", "value", "place"):
        assert (getattr(of.motives, name) == 1.0).all()


def test_a_larger_prior_moves_returns_to_one():
    """The same experience counts less, the more was expected before it."""
    for gain in (2.0, 20.0):
        off = [abs(returned(gain, 9.0, prior) - 1.0) for prior in (0.5, 1.0, 5.0, 50.0, 1e6)]
        assert off == sorted(off, reverse=True) and off[-1] < 1e-4


def test_posting_less_does_not_move_a_return():
    """A return is a post's: half the posts at half the margins is the same, up to the prior."""
    assert returned(8.0, 20.0, 1e-9) == pytest.approx(returned(4.0, 10.0, 1e-9), rel=1e-6)


@pytest.mark.parametrize("heed", [0.0, 0.25, 1.0])
def test_ties_are_heard_at_their_weight(heed):
    """Margins and posts of a tie count `heed` times as much as own ones; of others nothing."""
    ties = Ties(np.array([0, 2, 3, 4, 4], np.int64), np.array([1, 2, 0, 0], np.int32))
    of = Learners(4, ties, motive__heed=heed).knows(prior=3.0)
    of.motives.gain[:, 0], of.motives.posted[:, 0] = [4.0, 10.0, 7.0, 900.0], [8.0, 6.0, 2.0, 1.0]
    of.decide()
    own = (3.0 + 4.0 + heed * 17.0) / (3.0 + 8.0 + heed * 8.0)
    assert of.motives.place[0, 0] == pytest.approx(own)
    assert of.motives.place[1, 0] == pytest.approx(
        np.clip((13.0 + heed * 4.0) / (9.0 + heed * 8.0), 0.02, 3.0)
    )


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 4.0])
@pytest.mark.parametrize("result", [0.02, 0.5, 1.0, 1.7, 3.0])
def test_decisions_are_powers_of_returns(exponent, result):
    """Posts and odds of places follow a power; at an exponent of 0 they stay at 1."""
    of = Learners(motive__effort=exponent, motive__place=exponent)
    of.knows(gain=(10.0 * result, 0, 0), posted=(10.0, 0, 0), prior=1e-9).decide()
    assert_allclose(of.motives.drive, min(result**exponent, 2.0), rtol=1e-6)
    assert_allclose(of.motives.place[:, 0], result**exponent, rtol=1e-6)
    assert (of.motives.place[:, 1] == 1.0).all()
    if exponent == 0.0:
        assert (of.motives.drive == 1.0).all() and (of.motives.place == 1.0).all()


def test_value_and_drive_weigh_outlets_by_what_was_expected():
    """The value is over all own outlets, drive over those online: a bad stall stops no post."""
    of = Learners().knows(gain=(10.0, 12.0, 1.0), posted=(5.0, 12.0, 4.0),
                          norm=(1.0, 2.0, 5.0, 1, 1, 1), prior=1e-9).decide()  # fmt: skip
    returns, shares = np.array([2.0, 0.5, 0.05]), np.array([5.0, 24.0, 20.0])
    assert_allclose(of.motives.value, (returns * shares).sum() / shares.sum(), rtol=1e-6)
    online = (returns[:2] * shares[:2]).sum() / shares[:2].sum()
    assert_allclose(of.motives.drive, online, rtol=1e-6)
    assert_allclose(of.motives.place, [[2.0, 0.5]] * 7, rtol=1e-6)


@pytest.mark.parametrize(("jail", "sentence"), [(0.0, 1.0), (0.02, 1.0), (0.02, 3.0), (0.5, 1.0)])
def test_fear_of_arrest_lowers_the_value(jail, sentence):
    """Severity x sentence x chance of arrest is lost, at most all the trade is worth at rest."""
    of = Learners(motive__severity=10.0).knows()
    of.motives.jail[:] = jail
    of.decide(sentence=sentence)
    fear = min(10.0 * sentence * jail, 1.0)
    assert_allclose(of.motives.value, 1.0 - fear, rtol=1e-9)
    assert (of.motives.drive == 1.0).all()  # who stays posts as before
    assert of.motives.market[Learned.VALUE] == pytest.approx(1.0 - fear)
    fearless = Learners(motive__severity=0.0).knows()
    fearless.motives.jail[:] = jail
    assert (fearless.decide(sentence=sentence).motives.value == 1.0).all()


# ---------------------------------------------------------------- the market


def test_the_market_is_judged_by_all_outlets():
    """Elsewhere by the places there, the value by all, and both within the bounds of a return."""
    of = Learners(motive__place=2.0).knows(norm=(1, 2, 3, 4, 4, 4), prior=5.0)
    of.motives.all_gain[:] = [10.0, 20.0, 30.0, 4.0, 5.0, 6.0]
    of.motives.all_posted[:] = [5.0, 10.0, 10.0, 2.0, 3.0, 2.0]
    of.decide()
    elsewhere = (5.0 + 15.0) / (5.0 + 4.0 * 7.0)
    assert of.motives.market[Learned.ELSEWHERE] == pytest.approx(elsewhere**2)
    value = (5.0 + 75.0) / (5.0 + 5.0 + 20.0 + 30.0 + 28.0)
    assert of.motives.market[Learned.VALUE] == pytest.approx(value)
    assert (of.motives.drive == 1.0).all()  # no trader has own experience
    of.motives.all_gain[:] = -1e6
    of.learn()
    assert of.motives.market[Learned.VALUE] == pytest.approx(0.02)
    of.motives.all_gain[:] = 1e9
    of.learn()
    assert of.motives.market[[Learned.VALUE, Learned.ELSEWHERE]].tolist() == pytest.approx([3, 9])


def test_newcomers_fear_what_traders_present_fear():
    """The mean chance of arrest is that of traders in the trade."""
    of = Learners(6, motive__severity=2.0).knows()
    of.retailers.state[:] = range(6)
    of.motives.jail[:] = [0.9, 0.1, 0.2, 0.3, 0.9, 0.9]
    of.decide()
    assert of.motives.market[Learned.VALUE] == pytest.approx(1.0 - 2.0 * 0.2)


@hypothesis_settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    gain=st.lists(st.floats(-1e12, 1e12), min_size=OWN, max_size=OWN),
    posted=st.lists(st.floats(0.0, 1e9), min_size=OWN, max_size=OWN),
    norm=st.sampled_from([0.0, 1e-6, 1.0, 1e6]),
    prior=st.sampled_from([0.0, 1e-3, 1.0, 1e9]),
    exponent=st.sampled_from([0.0, 0.7, 4.0]),
    jail=st.floats(0.0, 1.0),
)
def test_decisions_stay_within_their_bounds(gain, posted, norm, prior, exponent, jail):
    """Whatever traders have seen, posts at most double, and nothing is negative but a value."""
    of = Learners(motive__effort=exponent, motive__place=exponent, motive__severity=100.0)
    of.knows(gain, posted, (norm,) * 6, prior)
    of.motives.all_gain[:OWN], of.motives.all_posted[:OWN] = gain, posted
    of.motives.jail[:] = jail
    motives = of.decide().motives
    least, most = 0.02**exponent * (1 - 1e-9), 3.0**exponent * (1 + 1e-9)
    assert ((motives.drive >= least) & (motives.drive <= 2.0)).all()
    assert ((motives.place >= least) & (motives.place <= most)).all()
    for value in (*motives.value, motives.market[Learned.VALUE]):
        assert -0.98 <= value <= 3.0 + 1e-9  # sums are rounded
    assert least <= motives.market[Learned.ELSEWHERE] <= most


def test_without_a_motive_nobody_learns():
    """With motive=none, whatever was earned, all decisions stay at 1 and jail at 0."""
    state = initialize(plain(20, turnover__entry=0.0), 3)
    state.motives.gain[:], state.motives.first_gain[:] = 1e6, 1e6
    state.motives.first_posted[:], state.motives.market[Learned.DEALS] = 10.0, 10.0
    for row in range(FIRST, FIRST + 8):
        learn_once(row, levers(), state.params, state.retailers, state.counters,
                   no_ties(20), state.motives, state.trade.shops)  # fmt: skip
    for name in ("drive", "value", "place"):
        assert (getattr(state.motives, name) == 1.0).all()
    assert state.motives.market[[Learned.ELSEWHERE, Learned.VALUE]].tolist() == [1.0, 1.0]
