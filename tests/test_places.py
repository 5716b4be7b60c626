"""Moderation beside Moments: flags, decisions, bars, sweeps, and what operators share."""

import dataclasses

import numpy as np
import pytest
from conftest import Standstill, levers, settings
from scipy import stats

from marketsim.errors import InputError
from marketsim.model.kernels.places import moderate_places
from marketsim.model.market import advance, initialize
from marketsim.model.scenario.timeline import check_settings, compile_levers
from marketsim.model.state import (
    Case,
    Channel,
    Desk,
    Enforcement,
    Place,
    Queue,
    State,
    TradeCounter,
)

FALSE_ALARM = 1e-6
MANY = 10**6
WATCHED = {
    "institutions__staff": 1.0,  # the number is that of the test's levers
    "institutions__recall": 1.0,
    "moderation__upheld": 1.0,
    "motive__evade": 0.0,
}
EVERYBODY = {f"staff_{name}": MANY for name in ("tencent", "portals", "websites")}


class Desks(Standstill):
    """Traders with posts in groups and elsewhere, and operators who watch them day by day."""

    def __init__(self, retailers=400, platform=Channel.PUBLIC, **changes):
        super().__init__(retailers, days=300, **WATCHED | changes)
        self.places, self.row = self.trade.places, 0
        self.queue = Queue(np.zeros(retailers, np.int64), np.zeros(2, np.int64))
        self.places.platform[:] = platform
        self.counters.elsewhere[:] = 2

    def moderate(self, rows=1, **of_day):
        for _ in range(rows):
            day = (self.seed, self.day + self.row, self.row)
            rest = (self.params, self.retailers, self.counters, self.queue, self.trade)
            moderate_places(*day, levers(**of_day), *rest)
            self.row += 1
        return self

    def done(self, measure, channel=None) -> int:
        found = self.trade.records.enforcement[:, measure, :, 0]
        return int(found.sum() if channel is None else found[:, channel].sum())

    def barred(self, place) -> np.ndarray:
        """Return who is barred on the next day."""
        return self.places.barred_until[place] > self.day + self.row


# ---------------------------------------------------------------- flags and decisions


def test_whoever_posts_is_found_where_all_is_found():
    """Where all is detected, decided and upheld, each poster is sanctioned and nobody else."""
    of = Desks()
    of.counters.elsewhere[200:] = 0
    of.moderate(**EVERYBODY)
    assert of.barred(Place.PUBLIC)[:200].all() and not of.barred(Place.PUBLIC)[200:].any()
    assert of.done(Enforcement.ELSEWHERE_SANCTIONED, Channel.PUBLIC) == 200
    assert of.done(Enforcement.ELSEWHERE_SANCTIONED) == 200
    assert (of.counters.loss[:200] == of.params.perception.deletion).all()
    assert (of.retailers.guarded_until[:200] == of.day + 29).all()
    assert not of.counters.sanction.any()  # no rung of the ladder in Moments


@pytest.mark.parametrize(
    "changes",
    [{"institutions__staff": 0.0}, {"institutions__recall": 0.0}, {"moderation__upheld": 0.0},
     {"motive__evade": 1.0}],
    ids=str,
)  # fmt: skip
def test_nobody_is_found_where_nothing_is(changes):
    """Without staff, recall or cases upheld nobody is barred; nor who hides from all filters."""
    of = Desks(moderation__report_rate=0.0, **changes)
    of.retailers.guarded_until[:] = of.day + 1000
    of.moderate(5, **EVERYBODY)
    assert of.done(Enforcement.ELSEWHERE_SANCTIONED) == 0 and not of.barred(Place.PUBLIC).any()


def test_flags_have_a_closed_form():
    """A trader is flagged unless each of n posts is missed by filters and by readers."""
    of = Desks(3000, institutions__recall=0.1, moderation__report_rate=0.04,
               moderation__outsiders=2.0)  # fmt: skip
    of.moderate(reports=1.5)
    flagged = int(of.places.case[Place.PUBLIC].sum())
    chance = 1.0 - ((1.0 - 0.1) * (1.0 - 0.04 * 1.5 * 2.0)) ** 2
    assert stats.binomtest(flagged, 3000, chance).pvalue > FALSE_ALARM


def test_groups_are_private():
    """No filter reads them: without reports nobody is found there, with reports some are."""
    for rate, found in ((0.0, False), (0.5, True)):
        of = Desks(moderation__report_rate=rate, institutions__reports_groups=1.0)
        of.counters.elsewhere[:], of.counters.groups[:] = 0, 2
        of.moderate(**EVERYBODY)
        assert of.barred(Place.GROUPS).any() == found


def test_staff_decides_so_many_cases_and_the_rest_wait():
    """First in, first out; who waits has no second case."""
    of = Desks(100)
    of.moderate(4, staff_tencent=10)
    assert of.done(Enforcement.ELSEWHERE_SANCTIONED) == 40
    waiting = int(of.places.ends[Desk.PUBLIC, 1])
    assert waiting == of.places.case[Place.PUBLIC].sum() <= 100


def test_each_desk_has_its_operator():
    """Other social media belong to Tencent for a share of traders, to portals for the others."""
    of = Desks(3000, Channel.SOCIAL, institutions__qq=0.4)
    of.moderate(staff_portals=MANY)
    portal = of.places.portal > 0
    assert stats.binomtest(int(portal.sum()), 3000, 0.6).pvalue > FALSE_ALARM
    assert (of.barred(Place.SOCIAL) == portal).all()
    of.moderate(staff_tencent=MANY)
    assert of.barred(Place.SOCIAL).all()


def test_strikes_lengthen_bars_and_the_fifth_closes_the_account():
    """The lengths of the ladder in Moments; after the fifth a new account begins without any."""
    of = Desks(1, institutions__reopen=8.0)
    days = []
    for _ in range(5):
        of.places.barred_until[:] = 0
        before = of.day + of.row
        of.moderate(**EVERYBODY)
        days.append(int(of.places.barred_until[Place.PUBLIC, 0]) - before - 1)
    ladder = of.params.moderation
    assert days == [ladder.mute_days, ladder.mute_days, ladder.limit_days, ladder.suspend_days, 56]
    assert of.places.account[Place.PUBLIC, 0] == 0 == of.places.strikes[Place.PUBLIC, 0]
    assert of.done(Enforcement.ELSEWHERE_CLOSED) == 1


# ---------------------------------------------------------------- what the barred do


def test_barred_traders_post_elsewhere_or_not_at_all():
    """In a whole market with endless moderation few posts and deals are left beside Moments."""
    posts, deals = {}, {}
    for staff in (0.0, 1000.0):
        of = settings(300, "no_crackdown", institutions__staff=staff, institutions__recall=1.0,
                      institutions__reports_groups=100.0, institutions__reopen=520.0,
                      moderation__upheld=1.0, moderation__report_rate=0.01,
                      motive__evade=0.0, moderation__mute_days=30.0,
                      moderation__limit_days=60.0, moderation__suspend_days=180.0)  # fmt: skip
        state = initialize(of, 3)
        advance(state, 0, state.series.risk.size)
        posts[staff] = state.series.flows[100:, [5, 6]].sum(axis=0)
        counts = state.trade.records.counts[100:]
        channels = slice(TradeCounter.AGREED + Channel.PUBLIC, TradeCounter.AGREED + 5)
        deals[staff] = counts[:, channels].sum()
    assert posts[1000.0][0] < 0.4 * posts[0.0][0]  # in groups, which nobody reads unasked
    assert posts[1000.0].sum() < 0.4 * posts[0.0].sum()
    assert deals[1000.0] < 0.4 * deals[0.0]


# ---------------------------------------------------------------- sweeps


@pytest.mark.parametrize("target", ["public", "social", "websites"])
def test_a_sweep_closes_accounts_at_its_place_alone(target):
    """So many of those who have an account there; without accounts nothing happens."""
    place = Place[target.upper()]
    of = Desks(300, Channel[target.upper()], institutions__staff=0.0)
    of.moderate(**{f"swept_{target}": 20})
    closed = of.barred(place)
    assert closed.sum() == 20 == of.done(Enforcement.ELSEWHERE_CLOSED, Channel[target.upper()])
    assert of.places.account[place].sum() == 280
    for other in set(Place) - {place}:
        assert not of.barred(other).any()
    none = Desks(300, institutions__staff=0.0)
    none.counters.elsewhere[:] = 0
    assert none.moderate(**{f"swept_{target}": 20}).done(Enforcement.ELSEWHERE_CLOSED) == 0


# ---------------------------------------------------------------- sharing


def sanctioned_in_moments(of):
    """Let the first half be sanctioned by Tencent today."""
    of.counters.sanction[:] = 0.0
    of.counters.sanction[: of.counters.sanction.size // 2] = 0.3
    return of


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_sanction_opens_a_case_with_others(share):
    """With the probability of the lever, for those with an account there."""
    of = sanctioned_in_moments(Desks(2000, Channel.WEBSITES, institutions__staff=0.0))
    of.moderate(pooling=share)
    opened = int(of.places.case[Place.WEBSITES].sum())
    assert opened == of.done(Enforcement.CASES_SHARED, Channel.WEBSITES)
    assert stats.binomtest(opened, 1000, share).pvalue > FALSE_ALARM
    assert not of.places.case[Place.WEBSITES][1000:].any()


def test_operators_who_do_not_join_are_told_nothing():
    """Nor do they tell: without portals, or without Tencent, nothing reaches them from others."""
    for operators, portals, websites in ((7, True, True), (1 | 4, False, True),
                                         (2 | 4, False, False)):  # fmt: skip
        of = sanctioned_in_moments(Desks(400, Channel.SOCIAL, institutions__staff=0.0))
        of.places.account[Place.WEBSITES] = 1
        of.moderate(pooling=1.0, pooled_operators=operators)
        assert (of.done(Enforcement.CASES_SHARED, Channel.SOCIAL) > 0) == portals
        assert (of.done(Enforcement.CASES_SHARED, Channel.WEBSITES) > 0) == websites


def test_what_a_website_finds_reaches_moments():
    """A sanction there opens a case in Moments, once, and only for traders with an account."""
    of = Desks(400, Channel.WEBSITES)
    of.retailers.state[:100] = State.BANNED
    of.moderate(staff_websites=MANY, pooling=1.0)
    assert of.queue.ends[1] == 300 == of.done(Enforcement.CASES_SHARED, Channel.MOMENTS)
    assert (of.retailers.case_open[100:] == Case.OPEN).all()
    of.places.barred_until[:] = 0
    of.moderate(staff_websites=MANY, pooling=1.0)
    assert of.queue.ends[1] == 300


def test_two_sharings_of_a_day_have_the_same_operators():
    """Otherwise nobody could say who shares with whom."""
    of = settings(100)
    entry = {"kind": "information_sharing", "start": "2015-06-01", "share": 0.5}
    of.scenario.interventions = {"one": entry, "two": entry | {"operators": "tencent+websites"}}
    with pytest.raises(InputError, match="operators of the other sharing"):
        check_settings(of)
    of.scenario.interventions["two"]["operators"] = "all"
    assert compile_levers(of).pooling.max() == 0.75


# ---------------------------------------------------------------- dilution


@pytest.mark.parametrize("noise", [0.0, 1.0, 3.0])
def test_reports_dilute_themselves(noise):
    """Where other things are reported with ivory, a drive leaves less time for each case."""
    of = settings(10_000, "no_crackdown", institutions__noise=noise)
    rest = compile_levers(of)
    of.scenario.interventions = {
        "drive": {"kind": "moderation_effort", "start": "2015-05-01", "reports": 5}
    }
    drive, row = compile_levers(of), 70
    expected = (1.0 + noise) / (1.0 + 5.0 * noise)
    for lever in ("capacity", "staff_tencent", "staff_websites"):
        before, after = (getattr(one, lever)[row:].sum() for one in (rest, drive))
        assert after / before == pytest.approx(expected, rel=0.1)
        assert (getattr(rest, lever)[:50] == getattr(drive, lever)[:50]).all()


def test_in_a_market_of_posts_no_place_is_moderated():
    """The survey's posts are those of a market in which only Moments are watched."""
    of = settings(100, market="posting_only", institutions__staff=100.0)
    of.scenario.interventions = {
        "pool": {"kind": "information_sharing", "start": "2015-06-01", "share": 1.0},
        "public": {"kind": "account_sweep", "date": "2015-06-01", "accounts": 1e6},
    }
    found = compile_levers(of)
    assert not any(getattr(found, name).any() for name in
                   ("staff_tencent", "pooling", "swept_public"))  # fmt: skip
    alone = dataclasses.replace(of, scenario=dataclasses.replace(of.scenario, interventions={}))
    one, other = initialize(of, 3), initialize(alone, 3)
    advance(one, 0, 120)
    advance(other, 0, 120)
    assert (one.series.flows == other.series.flows).all()
