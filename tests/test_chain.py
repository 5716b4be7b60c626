"""The chain of trade as a whole: how it is made, what each agent is for, where shocks go."""

import numpy as np
import pytest
from conftest import plain, settings, trading
from scipy import stats

from marketsim.model import supply_chain
from marketsim.model.ledger import PRODUCTS, Account, Item
from marketsim.model.market import advance, initialize
from marketsim.model.state import (
    Channel,
    Enforcement,
    Flow,
    MarketState,
    Stage,
    Stock,
    TradeCounter,
)
from marketsim.numerics import rng
from marketsim.numerics.elementary import normal_quantile_each
from marketsim.numerics.rng import Purpose
from marketsim.parameters import panel
from marketsim.parameters.settings import POSTING_ONLY, kernel_params

FALSE_ALARM = 1e-6
SURVEY = 56  # number of the day on which the survey and the doses below begin
START = "2015-05-01"
SEEDS = range(4)


def made(n=2000, seed=3, **changes):
    return initialize(settings(n, **changes), seed).trade


# ---------------------------------------------------------------- how the chain is made


def test_numbers_are_by_the_thousand_retailers():
    """Dealers, agents and buyers are in proportion to the retailers there at the start."""
    for n in (1000, 4000):
        of = made(n, turnover__entry=0.0)
        sizes = dict(zip(Account, np.diff(of.books.start).tolist(), strict=True))
        assert sizes[Account.SUPPLIERS] == 2 * n // 1000
        assert sizes[Account.PROCESSORS] == 5 * n // 1000
        assert sizes[Account.RESALE_AGENTS] == 100 * n // 1000
        assert sizes[Account.RETAILERS] == n
        assert of.buyers.risk.size == 50 * n


def test_a_chain_is_a_function_of_the_seed():
    """The same seed makes the same chain, another another."""
    one, same, other = (made(300, seed) for seed in (3, 3, 4))
    parts = ("shops", "agents", "friends", "books")
    for name in parts:
        pairs = zip(getattr(one, name), getattr(same, name), strict=True)
        assert all((a == b).all() for a, b in pairs)
        pairs = zip(getattr(one, name), getattr(other, name), strict=True)
        assert not all(np.array_equal(a, b) for a, b in pairs)


def test_the_first_morning_balances():
    """Full stocks and working capital come from the opening accounts; nobody owes."""
    of = made()
    assert (of.books.balance.sum(axis=0) == 0).all()
    assert (of.books.balance[: of.books.start[Account.ESCROW + 1]] >= 0).all()
    used = of.books.balance.any(axis=1)
    outside = [int(of.books.start[account]) for account in Account if account > Account.ESCROW]
    assert {holder for holder in outside if used[holder]} == {
        int(of.books.start[Account.OPENING]), int(of.books.start[Account.OWNERS])
    }  # fmt: skip


def test_retailers_begin_with_full_stocks():
    """A retailer's stock is `cover` days of what he expects, in the mix of the workshops."""
    of, rule = settings(2000, turnover__entry=0.0), kernel_params(settings())
    state = initialize(of, 3)
    shops, books = state.trade.shops, state.trade.books
    first, end = books.start[Account.RETAILERS], books.start[Account.RETAILERS + 1]
    stock = books.balance[first:end, :PRODUCTS]
    assert stock.sum(axis=1) == pytest.approx(rule.retail.cover * shops.expected, abs=4)
    assert stock.sum(axis=0) / stock.sum() == pytest.approx(state.trade.product_mix, abs=1e-4)
    kinds = [getattr(rule.retail, f"ivory_{letter}") for letter in "abcd"]
    usual = state.retailers.base_rate / rule.posting.base_posts
    grams = rule.retail.expected * usual + rule.retail.expected_stall * shops.stall
    by_hand = grams * 1000.0 * np.array(kinds)[state.retailers.kind]
    assert shops.expected == pytest.approx(by_hand, rel=1e-12)


def test_the_mix_is_that_of_a_cut():
    """What an order brings is raw for its share, and for the rest as a tusk is cut."""
    rule = kernel_params(settings())
    shop = rule.workshop
    rest = 1.0 - shop.top_grade_share
    cut = np.array([
        rest * shop.semi_share * (1 - shop.waste_cutting),
        shop.top_grade_share * (1 - shop.waste_hand),
        rest * (1 - shop.semi_share) * (1 - shop.waste_machine),
    ])  # fmt: skip
    mix = made(10).product_mix
    assert mix[0] == rule.retail.raw_share
    assert mix[1:] == pytest.approx((1 - mix[0]) * cut / cut.sum(), rel=1e-12)


def test_draws_of_the_chain_have_their_distributions():
    """Dealers are drawn evenly, markups are lognormal, stalls have their share."""
    of = made(4000, turnover__entry=0.0, upstream__spread=0.0)
    shops = of.shops
    suppliers, dealers = 8, 28
    assert set(shops.supplier.tolist()) == set(range(suppliers))
    assert set(shops.processor.tolist()) == set(range(suppliers, dealers))
    assert stats.chisquare(np.bincount(shops.supplier)).pvalue > FALSE_ALARM
    assert stats.chisquare(np.bincount(shops.processor - suppliers)).pvalue > FALSE_ALARM
    logs = np.log(shops.markup) / kernel_params(settings()).retail.margin_spread
    assert stats.kstest(logs, "norm").pvalue > FALSE_ALARM
    assert stats.binomtest(int(shops.stall.sum()), 4000, 0.3).pvalue > FALSE_ALARM


def test_agents_forward_the_tier_before():
    """Agents of the first tier forward their retailer, those of the next an agent before them."""
    of = made(8000, resale__second_tier=0.3, resale__third_tier=0.1).agents
    counts = np.bincount(of.tier, minlength=4)[1:]
    assert stats.chisquare(counts, of.tier.size * np.array([0.6, 0.3, 0.1])).pvalue > FALSE_ALARM
    for tier, upstream, retailer in zip(of.tier, of.upstream, of.retailer, strict=True):
        assert (upstream < 0) == (tier == 1)
        if upstream >= 0:
            assert of.tier[upstream] == tier - 1 and of.retailer[upstream] == retailer
    lonely = made(1000, resale__second_tier=0.0, resale__third_tier=1.0).agents
    assert (lonely.tier == 1).all()  # there is nobody whom they could forward


def test_friends_are_buyers_with_room_for_more():
    """Sellers have their friends among the buyers, those who have bought first, and some room."""
    of = made(1000)
    friends, demand = of.friends, kernel_params(settings()).demand
    room = np.diff(friends.start)
    assert friends.wanted.mean() == pytest.approx(demand.friends, rel=0.03)
    assert (friends.wanted >= np.floor(0.5 * demand.friends)).all()
    assert (friends.wanted <= 1.5 * demand.friends).all()
    assert (room == np.ceil(friends.wanted * (1 + demand.room))).all()
    assert (friends.count <= room).all() and (friends.customers <= friends.count).all()
    assert friends.buyer.max() < 50_000 and friends.buyer.min() >= 0


# everybody buys what is shown: chances are 1, and the closed forms of docs/market.md 3 are short
SURE = {
    "turnover__entry": 0.0,
    "demand__willingness": 100.0,
    "demand__worth_raw": 1000.0,
    "demand__worth_semi": 1000.0,
    "demand__worth_uncarved": 1000.0,
    "demand__worth_carved": 1000.0,
    "demand__spread": 0.05,
    "demand__second_choice_prob": 1.0,
    "demand__trust": 0.4,
    "demand__trust_gain": 0.3,
}


def founded(n=1000, seed=3, **changes) -> tuple[MarketState, dict[str, np.ndarray]]:
    """Return a market in which everybody buys, and what its traders should have at the start."""
    state = initialize(plain(n, **SURE | changes), seed)
    params = state.params
    demand, leave = params.demand, params.turnover.leave
    u = rng.uniform_array(seed, Purpose.AGE, 0, np.arange(n))
    age = np.minimum(-np.log(u) / leave, 1e4) if leave > 0 else np.full(n, 1e4)
    friends = state.trade.friends
    wanted = friends.wanted[:n].astype(float)
    motive, weeks = params.motive, age / 7.0
    held = np.floor(wanted * (1.0 - (1.0 - motive.start) * np.exp(-motive.recruiting * weeks)))
    active = state.retailers.base_rate
    posts = active * (1.0 - params.posting.silent_share)
    attention = 1.0 / (1.0 + params.motive.crowding * active)
    asked = demand.inquiries_per_post * posts * attention
    asked = np.minimum(asked, demand.max_inquiries_per_day / held)
    buys = asked * demand.trust
    strangers = demand.strangers * buys * held
    become = (1 - demand.strangers) * (1 - demand.regulars) * buys
    free = motive.seek
    if motive.recruiting > 0.0:
        free = max(motive.seek - 0.5 * (1.0 - motive.start), 0.0)
    seekers = leave * free * wanted * active / params.posting.base_posts
    gone = demand.friends_leave
    time = (1 - np.exp(-gone * age)) / gone if gone > 0 else age
    room = np.diff(friends.start)[:n]
    added = np.minimum(np.floor((strangers + seekers) * time), room - held)
    lost = gone + become
    mean = (become * held + strangers) / np.where(lost > 0, lost, 1) * (1 - np.exp(-lost * age))
    known = np.minimum(mean, held + added)
    regular = demand.regulars * (held + added) / np.maximum(known, 1) + 1 - demand.regulars
    repeats = (1 - demand.strangers) * regular * asked * age / (1 + gone * age) * (known > 0)
    return state, {"added": added, "mean": mean, "known": known, "repeats": repeats,
                   "attention": attention, "held": held}  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"demand__strangers": 0.0, "demand__regulars": 0.8},
        {"demand__strangers": 1.0},
        {"demand__friends_leave": 0.0},
        {"turnover__leave": 0.0},
        {"motive__seek": 1.0, "motive__crowding": 0.2},
        {"motive__start": 0.2, "motive__recruiting": 0.0424, "motive__seek": 0.5},
        {"motive__start": 0.5, "motive__recruiting": 0.3, "motive__seek": 1.0},
        {"motive__start": 0.5, "motive__recruiting": 0.0, "motive__seek": 1.0},
    ],
    ids=str,
)
def test_founders_have_the_customers_of_their_time(changes):
    """Friends who became customers and strangers who stayed: a closed form of time and posts."""
    state, should = founded(**changes)
    n, friends = 1000, state.trade.friends
    assert friends.count[:n] == pytest.approx(should["held"] + should["added"])
    u = rng.uniform_array(3, Purpose.CUSTOMERS_AT_START, 0, np.arange(n))
    customers = np.minimum(np.floor(should["mean"] + u), friends.count[:n])
    off = friends.customers[:n] != customers  # where rounding decides
    assert off.sum() <= 3 and friends.customers[:n].sum() > 0
    # negative control: the customers of another time
    _, other = founded(**changes | {"turnover__leave": 0.004})
    assert (np.floor(other["mean"] + u) != np.floor(should["mean"] + u)).sum() > 30


def test_founders_have_recruited_since_their_entry():
    """Young ones have fewer friends than wanted, old ones all; without a motive all have them."""
    state, _ = founded(motive__start=0.2, motive__recruiting=0.0424)
    friends = state.trade.friends
    u = rng.uniform_array(3, Purpose.AGE, 0, np.arange(1000))
    young = -np.log(u) / state.params.turnover.leave < 60.0
    share = friends.count[:1000] / friends.wanted[:1000]
    assert young.sum() > 10 and (share[young] < 0.7).all()
    assert (share[~young] > 0.4).all() and np.median(share) > 0.95
    complete, _ = founded()  # negative control
    assert (complete.trade.friends.count[:1000] >= complete.trade.friends.wanted[:1000]).all()


def test_trust_of_founders_is_that_of_their_deliveries():
    """One delivery and a geometric number of further ones, with the mean of repeats."""
    state, should = founded(demand__friends_leave=0.002)
    friends, demand = state.trade.friends, state.params.demand
    further, expected, variance = 0.0, 0.0, 0.0
    for i in range(1000):
        start, bought = friends.start[i], friends.customers[i]
        others = friends.trust[start + bought : friends.start[i + 1]] / 65535
        assert others == pytest.approx(demand.trust, abs=2e-5)
        missing = (1 - friends.trust[start : start + bought] / 65535) / (1 - demand.trust)
        each = np.log(np.maximum(missing, 1e-9)) / np.log(1 - demand.trust_gain) - 1.0
        few = each[missing > 0.01] if bought else each  # steps of 1/65535 are too coarse beyond
        assert np.abs(few - few.round()).max(initial=0.0) < 0.02 and (each > -0.02).all()
        if should["repeats"][i] < 3.0:  # hardly anybody comes near the bound of 30
            further += each.sum()
            expected += bought * should["repeats"][i]
            variance += bought * should["repeats"][i] * (1 + should["repeats"][i])
    assert expected > 100
    assert abs(further - expected) < 5 * np.sqrt(variance)


def test_who_can_have_no_customers_has_none():
    """Without inquiries or trust, or at a price that nobody pays, nobody has bought before."""
    poor = {key: 0.1 for key in SURE if "worth" in key} | {"demand__willingness": 0.01}
    for nothing in ({"demand__inquiries_per_post": 0.0}, {"demand__trust": 0.0}, poor):
        state, _ = founded(200, **nothing)
        assert not state.trade.friends.customers[:200].any(), nothing
    assert founded(200)[0].trade.friends.customers[:200].any()  # negative control


def test_customers_at_the_start_would_buy():
    """Nearly all would pay for and like something that their seller shows; others need not."""
    state = initialize(plain(400, turnover__entry=0.0, demand__spread=1.0), 3)
    friends, demand, trade_ = state.trade.friends, state.params.demand, state.trade
    worth = np.array([demand.worth_raw, demand.worth_semi, demand.worth_uncarved,
                      demand.worth_carved]) * demand.willingness  # fmt: skip
    first = trade_.books.start[Account.RETAILERS]
    able = {True: [], False: []}
    for i in range(400):
        markup = max((1 + state.params.retail.margin) * trade_.shops.markup[i], 1.0)
        labels = trade_.unit_cost[first + i] * markup
        start = friends.start[i]
        buyers = friends.buyer[start : start + friends.count[i]]
        u = rng.uniform_array(3, Purpose.WILLINGNESS, 0, buyers)
        pays = np.exp(demand.spread * normal_quantile_each(u))[:, None] * worth >= labels
        able[True] += pays[: friends.customers[i]].any(axis=1).tolist()
        able[False] += pays[friends.customers[i] :].any(axis=1).tolist()
    assert len(able[True]) > 500
    assert np.mean(able[True]) > 0.97 and np.mean(able[True]) > np.mean(able[False]) + 0.1


@pytest.mark.parametrize("start", [0.0, 0.2, 1.0])
def test_newcomers_have_a_part_of_their_friends_and_no_customers(start):
    """Floor(wanted x start) friends, all as strangers."""
    state = initialize(settings(300, turnover__entry=0.01, motive__start=start), 3)
    friends, late = state.trade.friends, np.flatnonzero(state.retailers.arrival > 0)
    assert late.size > 300
    assert (friends.count[late] == np.floor(friends.wanted[late] * start)).all()
    assert not friends.customers[late].any()
    assert (np.diff(friends.start)[late] >= friends.wanted[late]).all()


def test_relative_returns_are_what_a_post_would_bring():
    """Where all buy: the trust of friends or customers, by the habit of asking either."""
    state, should = founded(demand__trust_gain=0.0, retail__physical_premium=0.25)
    relative, friends = state.trade.shops.relative[:1000], state.trade.friends
    demand, retail = state.params.demand, state.params.retail
    markup = np.maximum((1 + retail.margin) * state.trade.shops.markup[:1000], 1.0)
    feed = friends.count[:1000] * demand.trust * should["attention"] * (markup - 1.0)
    assert relative[:, 0] == pytest.approx(feed)  # trust that never grows is that of a stranger
    assert relative[:, 1] == pytest.approx(np.maximum(1.25 * markup - 1.0, 0.0))
    assert relative[:, 2] == pytest.approx(demand.friends * demand.trust * (markup - 1.0))
    trusting, _ = founded(demand__trust_gain=0.9)
    better = trusting.trade.shops.relative[:1000, 0]
    assert (better >= relative[:, 0] * (1 - 1e-12)).all() and better.sum() > 1.05 * feed.sum()
    late = initialize(plain(300, turnover__entry=0.01), 3)
    assert (late.trade.shops.relative[300:, 2] > 0).sum() > 200


def test_qualities_are_lognormal_with_a_mean_of_one():
    """Each product has its own spread over traders; without a spread all are 1."""
    spreads = {"raw": 0.0, "semi": 0.36, "uncarved": 0.17, "carved": 0.09}
    changes = {f"retail__quality_{name}": value for name, value in spreads.items()}
    quality = made(4000, turnover__entry=0.0, **changes).shops.quality
    assert (quality[:, Item.RAW] == 1.0).all()
    for product, spread in zip(range(1, PRODUCTS), list(spreads.values())[1:], strict=True):
        z = np.log(quality[:, product]) / spread + spread / 2.0
        assert stats.kstest(z, "norm").pvalue > FALSE_ALARM
        assert stats.kstest(1.2 * z, "norm").pvalue < FALSE_ALARM
        assert quality[:, product].mean() == pytest.approx(1.0, abs=5 * spread / np.sqrt(4000))
    assert abs(stats.spearmanr(quality[:, 1], quality[:, 3]).statistic) < 0.1


def test_fear_fades_by_its_half_life():
    """What is left of a buyer's fear after so many days is a power of a half."""
    of = made(10, demand__half_life=2.0)
    days = np.arange(of.risk_decay.size)
    assert of.risk_decay == pytest.approx(0.5 ** (days / 14.0), rel=1e-10)


def test_newcomers_change_no_founder():
    """Who may enter later changes nothing that those there from the start have."""
    few, many = (made(300, turnover__entry=entry) for entry in (0.0, 0.01))
    for name in ("processor", "supplier", "markup", "stall", "expected", "working_capital",
                 "quality", "relative"):  # fmt: skip
        assert (getattr(few.shops, name) == getattr(many.shops, name)[:300]).all()
    for name in ("count", "customers", "wanted"):
        assert (getattr(few.friends, name)[:300] == getattr(many.friends, name)[:300]).all()
    end = few.friends.start[300]
    for name in ("buyer", "trust"):
        assert (getattr(few.friends, name)[:end] == getattr(many.friends, name)[:end]).all()


def test_a_market_of_posts_has_no_chain():
    """Where `market` is posts there are no dealers, agents, buyers, friends or goods."""
    of = supply_chain.build_trade(*_parts(settings(200, market=POSTING_ONLY)))
    assert not of.books.balance.any() and not of.shops.stall.any()
    assert of.dealers.risk.size == of.agents.tier.size == of.buyers.risk.size == 0
    assert not of.friends.count.any() and of.parcels.rows.size == 0


def _parts(of):
    state = initialize(of, 3)
    return of, state.params, 3, state.retailers, state.contacts.size, 10


# ---------------------------------------------------------------- what each kind is for


def simulated(
    n=500, seed=5, scenario="baseline_2015", entries=None, days=None, **changes
) -> MarketState:
    of = trading(n, scenario, **changes) if n <= 500 else settings(n, scenario, **changes)
    if entries is not None:
        of.scenario.interventions = {name: {"kind": name} | one for name, one in entries.items()}
    state = initialize(of, seed)
    advance(state, 0, days or state.series.risk.size)
    return state


def trade(state: MarketState, tally: int, first=0) -> int:
    return int(state.trade.records.counts[first:, tally].sum())


def sold(state: MarketState, first=0, channel=None) -> int:
    """Return milligrams sold, on all channels if none is given."""
    columns = state.trade.records.counts[first:, TradeCounter.AGREED : TradeCounter.REVENUE]
    return int(columns.sum() if channel is None else columns[:, channel].sum())


def done(state: MarketState, measure, column=0, first=0) -> int:
    return int(state.trade.records.enforcement[first:, measure, :, column].sum())


@pytest.fixture(scope="module")
def everybody() -> MarketState:
    return simulated()


def test_without_suppliers_no_raw_ivory_comes_in(everybody):
    """No suppliers: nothing lands, and what is sold is what was there, so that less is left."""
    without = simulated(supply__suppliers=0.0)
    assert trade(without, TradeCounter.RAW_LANDED) == 0 < trade(everybody, TradeCounter.RAW_LANDED)
    long = {"horizon__end": "2018-12-31", "turnover__leave": 0.0, "turnover__entry": 0.0}
    dry, fed = simulated(200, supply__suppliers=0.0, **long), simulated(200, **long)
    year = 365
    assert sold(dry, -year) < 0.3 * sold(fed, -year)


def test_without_processors_nothing_is_worked(everybody):
    """No processors: no waste, no price of theirs, and fewer worked pieces are sold, more raw."""
    without = simulated(workshop__processors=0.0)
    for state, works in ((without, False), (everybody, True)):
        books = state.trade.books
        assert bool(books.balance[books.start[Account.WASTED], Item.WASTE]) == works
        prices = state.trade.records.prices[:, :, Stage.PROCESSOR]
        assert bool(prices.any()) == works
    pieces = [state.trade.records.prices[60:, :, Stage.SOLD, :, 2].sum(axis=(0, 2))
              for state in (without, everybody)]  # fmt: skip
    assert pieces[0][Item.RAW] > pieces[1][Item.RAW]
    assert pieces[0][Item.SEMI_WORKED :].sum() < 0.9 * pieces[1][Item.SEMI_WORKED :].sum()


def test_without_agents_nothing_is_resold(everybody):
    """No agents: no forwarded post and no resale deal; sales of retailers themselves go on."""
    without = simulated(resale__agents=0.0)
    for tally in (TradeCounter.RESALE_DEALS, TradeCounter.FORWARDED):
        assert trade(without, tally) == 0 < trade(everybody, tally)
    assert trade(without, TradeCounter.DEALS) > 0


def test_without_buyers_nobody_buys(everybody):
    """No buyers: no inquiry, deal, parcel or friend; posts go on."""
    without = simulated(demand__buyers=0.0)
    for tally in (TradeCounter.INQUIRIES, TradeCounter.DEALS, TradeCounter.PARCELS):
        assert trade(without, tally) == 0 < trade(everybody, tally)
    assert without.series.flows[:, Flow.VISIBLE].sum() > 0


def test_without_inspection_couriers_seize_nothing():
    """Couriers who look into nothing: no parcel seized or traced; else some are."""
    looking = simulated(
        entries={"police_effort": {"start": "2015-03-06", "couriers": 0.3, "names": 0.0}}
    )
    blind = simulated(delivery__intercepted=0.0001)
    seen = [done(state, Enforcement.PARCELS_SEIZED) for state in (blind, looking)]
    assert seen[0] < 0.001 * trade(blind, TradeCounter.PARCELS)
    assert seen[1] > 0.25 * trade(looking, TradeCounter.PARCELS)
    assert done(looking, Enforcement.PARCELS_TRACED) > 0
    books = [state.trade.books for state in (blind, looking)]
    assert trade(blind, TradeCounter.PARCELS) > 0 and books[0].start.size == books[1].start.size


def test_without_moderators_nothing_is_removed():
    """No capacity to review and no sweep: no post removed, no account banned; else both."""
    idle = simulated(entries={}, moderation__capacity=0.0)
    busy = simulated(entries={}, moderation__capacity=1000.0, moderation__concealed=0.0)
    assert done(idle, Enforcement.POSTS_REMOVED) == done(idle, Enforcement.ACCOUNTS_BANNED) == 0
    assert done(busy, Enforcement.POSTS_REMOVED) > 0 < done(busy, Enforcement.ACCOUNTS_BANNED)


def test_without_police_nobody_is_arrested():
    """No police: no arrest, no raid, no agent taken; with police there are."""
    ways = {"police__arrest": 1.0, "police__upstream": 1.0, "police__downstream": 1.0}
    none = simulated(police__capacity=0.0, police__inspected=0.01, **ways)
    some = simulated(police__capacity=5.0, police__inspected=0.01, **ways)
    for measure in (Enforcement.ARRESTS, Enforcement.PROCESSORS_RAIDED, Enforcement.AGENTS_TAKEN):
        assert done(none, measure) == 0 < done(some, measure)
    assert none.series.stocks[-1, Stock.ARRESTED] == 0 < some.series.stocks[-1, Stock.ARRESTED]


def test_without_a_legal_market_nothing_is_laundered(everybody):
    """No legal customers: no legal sale and nothing laundered; else both."""
    without = simulated(legal__customers=0.0)
    for tally in (TradeCounter.LEGAL_DEALS, TradeCounter.LEGAL_SOLD, TradeCounter.LAUNDERED):
        assert trade(without, tally) == 0 < trade(everybody, tally)


def test_without_stalls_nothing_is_sold_by_hand(everybody):
    """No stalls: nothing is sold at the physical market; online sales go on."""
    without = simulated(retail__stall=0.0)
    assert sold(without, channel=Channel.PHYSICAL) == 0 < sold(everybody, 0, Channel.PHYSICAL)
    assert sold(without) > 0


# ---------------------------------------------------------------- where shocks go


def pairs(entry: dict, size=1500, **changes) -> list[tuple[MarketState, MarketState]]:
    """Return markets without and with a dose, seed by seed; nothing else differs."""
    return [
        tuple(
            simulated(size, panel.run_seed(9, seed), "no_crackdown", entries, **changes)
            for entries in ({}, entry)
        )
        for seed in SEEDS
    ]


def ratio(of: list[tuple[MarketState, MarketState]], value) -> np.ndarray:
    """Return what a dose does to a value, seed by seed."""
    return np.array([value(dosed) / value(plain) for plain, dosed in of])


def price(stage, product=None, channel=None, first=SURVEY + 14):
    """Return the mean price of a stage, of all products and channels if none is given."""

    def of(state: MarketState) -> float:
        cells = state.trade.records.prices[first:, :, stage]
        cells = cells if product is None else cells[:, [product]]
        cells = cells if channel is None else cells[:, :, [channel]]
        total, _, number = cells.reshape(-1, 3).sum(axis=0)
        return total / number

    return of


def grams(state: MarketState) -> int:
    return sold(state, SURVEY)


def visible(state: MarketState) -> int:
    return int(state.series.flows[SURVEY:, Flow.VISIBLE].sum())


def test_a_border_shock_raises_prices_and_lowers_volume():
    """More seizures at the border: raw ivory is dearer, less of it lands, and less is sold."""
    of = pairs({"police_effort": {"start": START, "border": 6.0}})
    assert (ratio(of, price(Stage.SUPPLIER)) > 1.3).all()
    assert (ratio(of, price(Stage.SOLD)) > 1.0).all()
    assert (ratio(of, lambda state: trade(state, TradeCounter.RAW_LANDED, SURVEY)) < 0.95).all()
    assert (ratio(of, grams) < 1.0).all()


def test_a_demand_campaign_lowers_price_and_volume():
    """Buyers who would pay less buy less, and what they pay falls, if by far less."""
    of = pairs({"campaign": {"start": START, "willingness": 0.6}})
    assert (ratio(of, grams) < 0.8).all()
    for product in (Item.UNCARVED, Item.CARVED):
        assert (ratio(of, price(Stage.SOLD, product)) < 1.0).all()
    assert (ratio(of, price(Stage.SUPPLIER)) < 1.0).all()
    less = ratio(of, price(Stage.ADVERTISED, Item.CARVED, Channel.MOMENTS))
    assert less.mean() < 1.0


def test_filters_that_find_less_leave_more_posts():
    """Lower recall of the filters: more posts stand in Moments, fewer are removed."""
    of = pairs({"moderation_effort": {"start": START, "recall": 0.1}})
    assert (ratio(of, visible) > 1.0).all()
    assert (ratio(of, lambda state: done(state, Enforcement.POSTS_REMOVED, 0, SURVEY)) < 1.0).all()


def test_a_sweep_moves_posts_and_hardly_grams():
    """After a sweep posts go to backups and groups, and sales fall less than visible posts."""
    sweep = {"date": START, "accounts": 1500.0, "posts": 3000.0, "publicity": 1.0}
    of = pairs({"sweep": sweep})
    for flow in (Flow.BACKUP, Flow.GROUPS):
        assert (
            ratio(of, lambda state, flow=flow: state.series.flows[SURVEY:, flow].sum()) > 1.9
        ).all()
    assert (ratio(of, visible) < 0.9).all()
    assert (ratio(of, grams) > ratio(of, visible)).all()
    assert (ratio(of, grams) < 1.0).all()


def test_seized_machines_leave_semi_worked_ivory():
    """Without engraving machines the share of semi-worked ivory rises, in stock and in sales."""
    of = pairs({"machines": {"date": START, "share": 1.0}})

    def in_stock(state: MarketState) -> float:
        books = state.trade.books
        held = books.balance[: books.start[Account.RETAILERS + 1]].sum(axis=0)
        return held[Item.SEMI_WORKED] / held[Item.SEMI_WORKED : Item.WASTE].sum()

    def in_sales(state: MarketState) -> float:
        number = state.trade.records.prices[SURVEY:, :, Stage.SOLD, :, 2].sum(axis=(0, 2))
        return number[Item.SEMI_WORKED] / number.sum()

    assert (ratio(of, in_stock) > 1.5).all()
    assert (ratio(of, in_sales) > 1.2).all()


def asked_at_stalls(state: MarketState) -> int:
    return int(state.trade.records.prices[SURVEY:, :, Stage.ADVERTISED, Channel.PHYSICAL, 2].sum())


def test_closing_the_legal_market_sends_customers_to_stalls():
    """Once it is closed nobody buys legally, more ask at stalls, and without stigma more buy."""
    entry = {"closure": {"start": START, "share": 1.0}}
    of = pairs(entry)
    assert all(trade(dosed, TradeCounter.LEGAL_DEALS, SURVEY) == 0 for _, dosed in of)
    assert (ratio(of, asked_at_stalls) > 1.0).all()
    plain = pairs(entry, legal__stigma=0.0)
    assert (ratio(plain, lambda state: sold(state, SURVEY, Channel.PHYSICAL)) > 1.0).all()


def test_stigma_weighs_more_than_the_customers_who_turn():
    """At the reference values the closure lowers illegal sales: stigma outweighs those who turn."""
    of = pairs({"closure": {"start": START, "share": 1.0}})
    assert (ratio(of, grams) < 1.0).all()
    turned = pairs({"closure": {"start": START, "share": 1.0}}, legal__stigma=-0.1)
    assert (ratio(turned, grams) > 1.0).all()  # where scarcity makes ivory dearer to its buyers


def test_couriers_checks_raise_seizures_and_arrests():
    """More parcels looked into, under true names: more seized, more senders arrested."""
    checks = {"start": START, "couriers": 0.3, "names": 0.2}
    of = pairs({"police_effort": checks}, police__capacity=1.0)
    assert (ratio(of, lambda state: done(state, Enforcement.PARCELS_SEIZED, 0, SURVEY)) > 5.0).all()
    arrests = [[done(state, Enforcement.ARRESTS, 0, SURVEY) for state in both] for both in of]
    assert all(dosed > plain for plain, dosed in arrests)
    assert (ratio(of, grams) < 1.0).all()


# ---------------------------------------------------------------- at rest

STILL = {
    "turnover__entry": 0.0,
    "turnover__leave": 0.0,
    "posting__growth": 0.0,
    "posting__trend": 0.0,
    "moderation__filter_recall": 0.01,
    "moderation__outsiders": 0.0,
    "moderation__concealed": 1.0,
    "police__capacity": 0.0,
    "demand__trust_gain": 0.0,
    "demand__strangers": 0.0,
}
LONG = {"horizon__end": "2020-12-31"}


@pytest.fixture(scope="module")
def at_rest() -> np.ndarray:
    """Return milligrams sold a week without enforcement, entry or anything that grows."""
    return weekly_volume(simulated(1000, 5, "no_crackdown", {}, **STILL | LONG))


def weekly_volume(state: MarketState) -> np.ndarray:
    weeks = state.series.risk.size // 7
    daily = state.trade.records.counts[: 7 * weeks, TradeCounter.AGREED : TradeCounter.REVENUE].sum(
        axis=1
    )
    return daily.reshape(weeks, 7).sum(axis=1).astype(float)


def gap(first: np.ndarray, second: np.ndarray) -> float:
    """Return the difference of two means in standard errors; weeks of a quarter are alike."""
    parts = [
        part[: 13 * (part.size // 13)].reshape(-1, 13).mean(axis=1) for part in (first, second)
    ]
    error = np.sqrt(sum(part.var(ddof=1) / part.size for part in parts))
    return (parts[1].mean() - parts[0].mean()) / error


def test_a_market_at_rest_comes_to_a_steady_state(at_rest):
    """After some years weekly volume is flat within its noise."""
    third, last = at_rest[-208:-104], at_rest[-104:]
    assert abs(gap(third, last)) < 4
    assert abs(third.mean() / last.mean() - 1.0) < 0.06
    campaign = {"campaign": {"start": "2019-01-01", "willingness": 0.8}}  # negative control
    moved = weekly_volume(simulated(1000, 5, "no_crackdown", campaign, **STILL | LONG))
    assert abs(gap(moved[-208:-104], moved[-104:])) > 4


def test_volume_is_at_rest_when_the_survey_begins(at_rest):
    """Eight weeks of burn-in are enough for the volume of trade, to a tenth or so."""
    survey, last = at_rest[8:21], at_rest[-104:]
    assert abs(survey.mean() / last.mean() - 1.0) < 0.15
    empty = weekly_volume(
        simulated(1000, 5, "no_crackdown", {}, retail__expected_stall=0.0, **STILL)
    )
    assert survey.mean() / empty[8:21].mean() > 1.15  # negative control: who has too little stock
