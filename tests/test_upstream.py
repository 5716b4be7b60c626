"""Dealers of different size, who is chosen among them, and agents who come, choose and go."""

import numpy as np
import pytest
from conftest import Standstill, levers, settings, trading
from scipy import stats

from marketsim.model.dealers import SHUNNED_DAYS, choose_dealer
from marketsim.model.kernels.friend_turnover import update_friend_lists
from marketsim.model.kernels.places import moderate_places
from marketsim.model.kernels.upstream import (
    CHOICE_DAYS,
    PATIENCE_DAYS,
    RECRUIT_DAYS,
    update_upstream,
)
from marketsim.model.ledger import Account, Item
from marketsim.model.market import advance, initialize
from marketsim.model.state import Enforcement, Queue, State, TradeCounter
from marketsim.numerics.rng import Purpose

FALSE_ALARM = 1e-6


class Chain(Standstill):
    """Dealers and agents whom a test moves, one step of the day at a time."""

    def __init__(self, retailers=300, **changes):
        super().__init__(retailers, days=200, **changes)
        self.row = 0

    def upstream(self, rows=1):
        for _ in range(rows):
            day = (self.seed, self.day + self.row, self.row)
            update_upstream(*day, self.params, self.retailers, self.motives, self.trade)
            self.row += 1
        return self

    def order(self, rows=60):
        """Let traders whose stock is gone order, day by day."""
        self.motives.value[:] = 1.0
        for _ in range(rows):
            for i in range(self.retailers.state.size):
                for item in range(4):
                    self.set(Account.RETAILERS, item, 0, i)
            self.order_once(self.row)
            self.row += 1
        return self

    def sweep(self, **accounts):
        queue = Queue(np.zeros(self.retailers.state.size, np.int64), np.zeros(2, np.int64))
        day = (self.seed, self.day + self.row, self.row)
        rest = (self.params, self.retailers, self.counters, queue, self.trade)
        moderate_places(*day, levers(**accounts), *rest)
        return self

    def done(self, measure) -> int:
        return int(self.trade.records.enforcement[:, measure, :, 0].sum())

    def counted(self, what) -> int:
        return int(self.counts[:, what].sum())


# ---------------------------------------------------------------- size


@pytest.mark.parametrize("spread", [0.0, 1.0, 2.0])
def test_sizes_average_one_and_spread_as_they_should(spread):
    """Of each kind the mean is 1; the spread of the logarithm is the parameter; none: all alike."""
    market = Chain(1000, supply__suppliers=900.0, workshop__processors=900.0,
                   upstream__spread=spread)  # fmt: skip
    for size in (market.trade.dealers.size[:900], market.trade.dealers.size[900:]):
        assert size.mean() == pytest.approx(1.0, rel=1e-12)
        assert np.log(size).std() == pytest.approx(spread, rel=0.1)
    if spread == 0.0:
        assert (market.trade.dealers.size == 1.0).all()


def test_the_whole_trade_is_that_of_dealers_alike():
    """Sizes divide what is sold; they change neither the sum nor the shares of products."""
    alike, unlike = (
        Chain(500, workshop__processors=200.0, supply__suppliers=100.0, upstream__spread=spread)
        for spread in (0.0, 1.5)
    )
    for one, other in zip(alike.trade.dealers.sold.T, unlike.trade.dealers.sold.T, strict=True):
        assert one.sum() == pytest.approx(other.sum(), rel=1e-9)
    sold, size = unlike.trade.dealers.sold.sum(axis=1), unlike.trade.dealers.size
    for kind in (slice(0, 50), slice(50, None)):
        assert np.ptp(sold[kind] / size[kind]) < 1e-6 * sold[kind].max()


def test_traders_begin_with_sources_in_proportion_to_size():
    """How many traders have a usual source is in proportion to its size."""
    market = Chain(3000, workshop__processors=5.0, upstream__spread=1.0)
    first, end = market.books.start[Account.PROCESSORS], market.books.start[Account.RETAILERS]
    size = market.trade.dealers.size[first:end]
    found = np.bincount(market.trade.shops.processor - first, minlength=size.size)
    assert stats.chisquare(found, 3000 * size / size.sum()).pvalue > FALSE_ALARM
    even = stats.chisquare(found).pvalue  # negative control
    assert even < FALSE_ALARM


def test_the_largest_dealers_carry_a_quarter_of_the_trade():
    """In a market of 10,000 traders the top tenth of dealers sell over 25 % (assumed spread)."""
    shares = {}
    for upstream in ("hubs", "none"):
        of = settings(3000, upstream=upstream, workshop__processors=10.0, supply__suppliers=10.0)
        state = initialize(of, 5)
        advance(state, 0, 120)
        processors = state.trade.books.start[Account.PROCESSORS]
        sold = np.sort(state.trade.dealers.sold[processors:].sum(axis=1))
        shares[upstream] = sold[-len(sold) // 10 :].sum() / sold.sum()
    assert shares["hubs"] > 0.25 > shares["none"]


# ---------------------------------------------------------------- who is chosen


def test_the_cheaper_dealer_is_chosen_more_often():
    """Odds fall with the price by the power of the parameter; at 0 only the stock counts."""
    for sense in (0.0, 2.0):
        market = Chain(1000, supply__suppliers=2.0, workshop__processors=0.0,
                       upstream__price_sense=sense)  # fmt: skip
        for supplier in (0, 1):
            market.set(Account.SUPPLIERS, Item.RAW, 1000, supplier)
        market.trade.unit_cost[1, Item.RAW] *= 2.0
        keys = [(market.seed, Purpose.SOURCE, market.day, who) for who in range(4000)]
        dear = sum(
            choose_dealer(*key, Account.SUPPLIERS, 0, True, market.params, market.trade) == 1
            for key in keys
        )
        expected = 0.5**sense / (1.0 + 0.5**sense)
        assert stats.binomtest(dear, 4000, expected).pvalue > FALSE_ALARM


def test_a_banned_dealer_is_not_found_until_four_weeks_after():
    """In races of traders; processors buy as ever."""
    market = Chain(100, supply__suppliers=10.0, workshop__processors=0.0)
    market.set(Account.SUPPLIERS, Item.RAW, 1000, 0)
    keys = (market.seed, Purpose.SOURCE, market.day, 3)

    def found(shuns):
        rest = (market.params, market.trade)
        return choose_dealer(*keys, Account.SUPPLIERS, 0, shuns, *rest)

    for until, expected in ((0, 0), (market.day - SHUNNED_DAYS, 0),
                            (market.day - SHUNNED_DAYS + 1, -1), (market.day + 5, -1)):  # fmt: skip
        market.trade.dealers.banned_until[0] = until
        assert found(True) == expected
        assert found(False) == 0


@pytest.mark.parametrize("loyalty", [0.0, 0.5, 1.0])
def test_a_loyal_trader_keeps_the_source(loyalty):
    """With loyalty 1 usual sources never change; the less loyal traders are, the more change."""
    market = Chain(300, workshop__processors=100.0, supply__suppliers=100.0,
                   upstream__loyalty=loyalty)  # fmt: skip
    before = market.trade.shops.processor.copy()
    market.order(8)
    changed = (market.trade.shops.processor != before).mean()
    assert (changed == 0.0) == (loyalty == 1.0)
    if loyalty == 0.0:
        assert changed > 0.3


def test_traders_of_a_raided_dealer_find_others_and_stay_there():
    """With any disloyalty the dealer found becomes the usual one; without, it is for once."""
    for loyalty in (1.0, 0.999):
        market = Chain(300, workshop__processors=100.0, supply__suppliers=100.0,
                       upstream__loyalty=loyalty, retail__restock_days=1.0)  # fmt: skip
        raided = int(market.trade.shops.processor[0])
        customers = market.trade.shops.processor == raided
        market.trade.dealers.closed_until[raided] = market.day + 60
        for processor in range(30):
            market.set(Account.PROCESSORS, Item.CARVED, 10**9, processor)
        market.order(1)
        kept = (market.trade.shops.processor[customers] == raided).mean()
        assert kept == 1.0 if loyalty == 1.0 else kept < 0.3  # some need nothing


# ---------------------------------------------------------------- accounts of dealers


def test_dealers_post_by_their_stock():
    """So many posts a month for each piece; none without stock, a shop or an account."""
    market = Chain(1000, workshop__processors=100.0, upstream__posts=3.0)
    dealers = market.trade.dealers
    for processor in range(100):
        market.set(Account.PROCESSORS, Item.CARVED, 300_000, processor)  # ten pieces
        market.set(Account.PROCESSORS, Item.SEMI_WORKED, 0, processor)
        market.set(Account.PROCESSORS, Item.UNCARVED, 0, processor)
    for supplier in range(dealers.size.size - 100):
        market.set(Account.SUPPLIERS, Item.RAW, 0, supplier)
    posts = market.upstream(100).counted(TradeCounter.DEALER_POSTS)
    expected = 100 * 100 * 10 * 3.0 / 30.0
    assert abs(posts - expected) < 6.0 * expected**0.5
    dealers.banned_until[:] = market.day + 200
    assert market.upstream(50).counted(TradeCounter.DEALER_POSTS) == posts
    dealers.banned_until[:], dealers.closed_until[:] = 0, market.day + 300
    assert market.upstream(40).counted(TradeCounter.DEALER_POSTS) == posts


def test_where_dealers_do_not_post_there_is_nothing_to_sweep_up():
    """posts=0: no post of a dealer, whatever is in stock."""
    market = Chain(100, upstream__posts=0.0).upstream(100)
    assert market.counted(TradeCounter.DEALER_POSTS) == 0


# ---------------------------------------------------------------- agents


def test_agents_without_deals_leave():
    """After 13 weeks without a deal, at the next reconsideration, all are gone; none before."""
    market = Chain(200, upstream__recruit=1e-9)
    market.retailers.recent[:] = 5.0
    agents = market.trade.agents
    assert market.upstream(PATIENCE_DAYS + 1).trade.agents.active.all()
    market.upstream(CHOICE_DAYS)
    assert not agents.active.any()


def test_who_sells_stays_and_where_nobody_recruits_nobody_moves():
    """A deal renews patience; with recruit=0 agents stay as they are, whatever they sell."""
    market = Chain(200, upstream__recruit=1e-9)
    market.retailers.recent[:] = 5.0
    for _ in range(10):
        market.trade.agents.last_deal[:] = market.row
        market.upstream(20)
        if market.row >= 180:
            break
    assert market.trade.agents.active.all()
    still = Chain(200)
    before = still.trade.agents.retailer.copy()
    still.upstream(180)
    assert still.trade.agents.active.all() and (still.trade.agents.retailer == before).all()


def test_a_deal_through_an_agent_is_remembered():
    """In a whole market the row of the last deal is one on which agents sold, or 0."""
    of = trading(100, upstream="hubs", upstream__recruit=1e-9, demand__inquiries_per_post=0.01)
    state = initialize(of, 3)
    advance(state, 0, 60)
    sold = np.flatnonzero(state.trade.records.counts[:, TradeCounter.RESALE_DEALS])
    last = state.trade.agents.last_deal
    assert last.max() == sold.max() > 0 and set(last.tolist()) <= {0, *sold.tolist()}


def test_agents_go_to_those_who_post():
    """An agent whose trader no longer posts finds one who does, in proportion to posts."""
    market = Chain(400, upstream__recruit=1e-9, resale__second_tier=0.0, resale__third_tier=0.0)
    market.retailers.recent[:200], market.retailers.recent[200:] = 0.0, 5.0
    market.upstream(CHOICE_DAYS)
    agents = market.trade.agents
    assert agents.active.mean() > 0.95  # seven candidates, half of whom post
    assert (agents.retailer[agents.active > 0] >= 200).all()


def test_agents_spread_over_traders():
    """Who has many agents attracts fewer: they share the same audience."""
    market = Chain(400, upstream__recruit=1e-9, resale__second_tier=0.0, resale__third_tier=0.0)
    market.retailers.recent[:] = 5.0
    market.trade.agents.retailer[:] = 7
    market.upstream(CHOICE_DAYS)
    assert np.bincount(market.trade.agents.retailer, minlength=400).max() < 20


def test_an_agent_takes_those_below_along_and_replaces_one_who_left():
    """Agents who forward an agent follow to its new trader; without the agent they choose."""
    market = Chain(100, upstream__recruit=1e-9, resale__agents=60.0)
    agents = market.trade.agents
    market.retailers.recent[:] = 0.0
    market.retailers.recent[50:] = 5.0
    agents.upstream[:], agents.tier[:], agents.retailer[:] = -1, 1, 3
    agents.upstream[[1, 2]], agents.tier[[1, 2]] = (0, 1), (2, 3)
    market.upstream(1)  # row 0: agent 0 reconsiders
    assert agents.retailer[0] >= 50
    assert agents.retailer[1] == agents.retailer[2] == agents.retailer[0]
    agents.active[0] = 0
    market.upstream(1)  # row 1: agent 27 reconsiders
    market.row = 27
    market.upstream(1)  # agent 1: 27 + 1 = 28
    assert agents.upstream[1] == -1 and agents.tier[1] == 1


def test_agents_are_recruited_where_posts_pay():
    """Only by traders whose drive is above 1, only into free places, with as many friends."""
    market = Chain(700, upstream__recruit=0.1, resale__agents=500.0, resale__second_tier=0.0,
                   resale__third_tier=0.0)  # fmt: skip
    agents, friends = market.trade.agents, market.trade.friends
    first = market.retailers.state.size
    agents.active[:], friends.count[first:] = 0, 0
    market.upstream(RECRUIT_DAYS)
    assert not agents.active.any()  # nobody has a drive above 1
    market.motives.drive[:100] = 1.5
    market.upstream(RECRUIT_DAYS)
    number = int(agents.active.sum())
    assert stats.binomtest(number, 100, 0.1).pvalue > FALSE_ALARM
    new = np.flatnonzero(agents.active)
    assert (agents.retailer[new] < 100).all() and new.max() == number - 1
    assert (friends.count[first + new] == friends.wanted[first + new]).all()
    agents.active[:] = 0  # their friends have not been told yet, so that no place is free
    market.upstream(0)
    friends.count[first:] = 1
    market.upstream(RECRUIT_DAYS)
    assert not agents.active.any()


def test_friends_of_an_agent_who_left_look_for_another():
    """They are released, and a share of them seeks; where agents never change nothing happens."""
    for recruit in (1e-9, 0.0):
        market = Chain(100, upstream__recruit=recruit, motive__seek=1.0)
        agents, friends = market.trade.agents, market.trade.friends
        seller = market.retailers.state.size + 4
        agents.active[4] = 0
        before = int(friends.count[seller])
        day = (market.seed, market.day, 1)
        rest = (market.params, market.retailers, market.motives, market.trade)
        update_friend_lists(*day, levers(), *rest)
        assert before > 0
        assert friends.count[seller] == (0 if recruit > 0.0 else before)
        assert market.trade.seekers.ends[0] == (before if recruit > 0.0 else 0)


def test_a_sweep_of_agents_bans_some_and_costs_friends():
    """So many accounts, for less than the days of a return; friends follow by their share."""
    market = Chain(400, accounts__kept_cold=0.3, accounts__return_days=20.0)
    agents, friends = market.trade.agents, market.trade.friends
    first = market.retailers.state.size
    before = friends.count[first:].copy()
    market.sweep(swept_agents=50)
    banned = agents.banned_until > market.day
    assert banned.sum() == 50 == market.done(Enforcement.AGENTS_BANNED)
    assert (agents.banned_until[banned] <= market.day + 20).all()
    assert (friends.count[first:][~banned] == before[~banned]).all()
    kept = stats.binomtest(int(friends.count[first:][banned].sum()), int(before[banned].sum()), 0.3)
    assert kept.pvalue > FALSE_ALARM
    market.sweep(swept_agents=10**6)
    assert (agents.banned_until > market.day).all()


def test_banned_agents_forward_nothing():
    """With all agents banned no post is forwarded; the day before, many are."""
    of = trading(100, upstream="hubs", resale__agents=500.0, accounts__return_days=30.0)
    state = initialize(of, 3)
    advance(state, 0, 30)
    forwarded = state.trade.records.counts[:, TradeCounter.FORWARDED]
    assert forwarded[25:30].sum() > 0
    state.trade.agents.banned_until[:] = state.first_day + 40
    advance(state, 30, 40)
    assert forwarded[30:40].sum() == 0
    advance(state, 40, 45)
    assert forwarded[40:45].sum() > 0


def test_a_sweep_of_dealers_bans_some():
    """So many accounts of dealers; each goes on selling to those who know the way."""
    market = Chain(400, supply__suppliers=50.0, workshop__processors=50.0)
    market.sweep(swept_dealers=7)
    assert (market.trade.dealers.banned_until > market.day).sum() == 7
    assert market.done(Enforcement.DEALERS_BANNED) == 7


def test_there_are_never_more_agents_than_at_the_start():
    """In a whole market: agents leave and come, and never exceed their first number."""
    of = settings(300, upstream__recruit=0.1, resale__agents=300.0)
    state = initialize(of, 4)
    first = int(state.trade.agents.active.sum())
    advance(state, 0, state.series.risk.size)
    active = state.trade.records.counts[:, TradeCounter.AGENTS_ACTIVE]
    assert active.max() <= first and active.min() < first
    assert (np.diff(active) > 0).any()
    assert (state.retailers.state[state.trade.agents.retailer] != State.ABSENT).all()
