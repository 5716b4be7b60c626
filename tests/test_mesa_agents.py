"""Agents of a market as a Mesa user sees them: sets, groups, collectors, batches, the page."""

import copy
import datetime as dt
import gc
import inspect
import weakref

import mesa
import numpy as np
import pytest
from conftest import settings, trading
from mesa.agent import AgentSet

import marketsim as ms
from marketsim.errors import InputError
from marketsim.mesa_model import agents
from marketsim.mesa_model.agents import (
    IN_SET,
    AgentView,
    Buyer,
    Moderators,
    PoliceUnit,
    Processor,
    ResaleAgent,
    Retailer,
    Supplier,
)
from marketsim.mesa_model.market import Market
from marketsim.model.buyers import buyer_risk, buyer_traits, segment_of
from marketsim.model.ledger import Account, Item
from marketsim.model.state import Segment, State, Stock, TradeCounter

KINDS = (*IN_SET, Buyer)
BUSY = {  # moderators, police and newcomers have something to do
    "moderation__capacity": 300.0,
    "moderation__concealed": 0.5,
    "police__capacity": 300.0,
    "police__inspected": 0.02,
    "turnover__entry": 0.01,
    "turnover__leave": 0.01,
    "resale__agents": 1000.0,
}
SMALL = {"population": "survey", "population.retailers": 12}


def busy(retailers=60, seed=5, days=0, **changes) -> Market:
    """Return a market in which much happens, after some days."""
    market = Market(trading(retailers, **BUSY | changes), seed=seed)
    for _ in range(days):
        market.step()
    return market


def arrays(value) -> list[bytes]:
    """Return all arrays of nested tuples as bytes."""
    if isinstance(value, np.ndarray):
        return [value.tobytes()]
    return [one for part in value for one in arrays(part)] if isinstance(value, tuple) else []


def properties(kind) -> list[str]:
    """Return the names of the properties of our own of a kind."""
    names = {name for name in dir(kind) if isinstance(getattr(kind, name), property)}
    return sorted(name for name in names - set(dir(mesa.Agent)) if not name.startswith("_"))


def all_of(market: Market, kind) -> agents.AgentList:
    return agents.AgentList(market._registry, kind)


def exactly(values, units: float) -> int:
    """Return a sum in the whole units of the ledger."""
    return sum(round(value * units) for value in values)


# ---------------------------------------------------------------- laws of aggregates


def agrees_with_series(market: Market) -> None:
    """Check that sums over agents are what the market has written down of the day."""
    row, counts = market.days_simulated - 1, market.state.series.stocks
    traders = market.agents_by_type[Retailer]
    by_state = traders.groupby("state").count()
    for state in (Stock.ACTIVE, Stock.LYING_LOW, Stock.BANNED):
        assert by_state.pop(state.name.lower(), 0) == counts[row, state]
    assert by_state == {}  # nobody else is in the set
    gone = [one.state for one in market.retailers]
    assert gone.count("left") == counts[row, Stock.LEFT]
    assert gone.count("arrested") == counts[row, Stock.ARRESTED]
    last = {name: values[-1] for name, values in market.datacollector.model_vars.items()}
    assert traders.agg("perceived_risk", np.mean) == pytest.approx(last["mean_risk"], rel=1e-12)
    visible = sum(one.visible_today for one in market.retailers)  # also of those arrested today
    assert visible == last["visible"]
    has_backup = traders.select(lambda one: one.backup != "none")
    assert len(has_backup) == counts[row, Stock.WITH_BACKUP]
    (moments, *_) = market.agents_by_type[Moderators]
    assert moments.waiting == counts[row, Stock.CASES_WAITING]


def agrees_with_ledger(market: Market) -> None:
    """Check that what agents hold is what the ledger closed the day with."""
    ledger = market.state.trade.records.ledger[market.days_simulated - 1]
    for kind in (Supplier, Processor, Retailer):
        held = np.array([one.grams for one in all_of(market, kind)])
        for product in range(4):
            assert exactly(held[:, product], 1000.0) == ledger[kind.holders, product]
        money = [one.money for one in all_of(market, kind)]
        assert exactly(money, 100.0) == ledger[kind.holders, Item.MONEY]
        in_stock = exactly((one.stock for one in all_of(market, kind)), 1000.0)
        assert in_stock == ledger[kind.holders, :4].sum()
    counts = market.state.trade.records.counts[market.days_simulated - 1]
    present = market.agents_by_type[Retailer].get("stock")
    assert exactly(present, 1000.0) == counts[TradeCounter.STOCK]


def test_aggregates_are_the_series_and_the_ledger():
    """On each day counts, means and sums over agents are those of the market."""
    market, seen = busy(), set()
    for _ in range(110):
        market.step()
        agrees_with_series(market)
        agrees_with_ledger(market)
        seen |= {one.state for one in market.retailers}
    assert seen == {state.name.lower() for state in State}


@pytest.mark.parametrize(
    ("change", "law"),
    [
        (lambda of: of.retailers.risk.__setitem__(0, 0.9), agrees_with_series),
        (lambda of: of.retailers.state.__setitem__(0, State.BANNED), agrees_with_series),
        (lambda of: of.queue.ends.__setitem__(1, 40), agrees_with_series),
        (lambda of: of.trade.books.balance.__setitem__((0, Item.RAW), 7), agrees_with_ledger),
        (lambda of: of.trade.books.balance.__setitem__((12, Item.MONEY), 7), agrees_with_ledger),
    ],
)
def test_the_laws_can_fail(change, law):
    """Negative control: a single number that changes afterwards is noticed."""
    market = busy(days=3)
    law(market)
    change(market.state)
    with pytest.raises(AssertionError):
        law(market)


def test_buyers_add_up():
    """Purchases by day are those of the market, and segments have the shares of the settings."""
    market = busy(days=40)
    buyers, of = market.agents_by_type[Buyer], market.settings.buyers
    assert len(buyers) == len(market.buyers) == market.state.trade.buyers.risk.size
    first = dt.date.fromordinal(market.state.first_day)
    bought = np.zeros_like(market.state.trade.buyers.by_row)
    for day, count in buyers.groupby("last_purchase").count().items():
        if day is not None:
            bought[(day - first).days] = count
    assert bought.sum() > 0
    assert bought.tolist() == market.state.trade.buyers.by_row.tolist()
    counted, size = buyers.groupby("segment").count(), len(buyers)
    for name in ("collector", "investor", "traveller"):
        share = getattr(of, name)
        assert abs(counted[name] / size - share) < 4.0 * np.sqrt(share * (1.0 - share) / size)
    fewer = [one.segment == "gift" for one in market.buyers[:100]]
    assert 0 < sum(fewer) < 100


# ---------------------------------------------------------------- the sets


def test_the_sets_are_agent_sets():
    """Mesa's own class, with all kinds but buyers; selections and groups are sets, too."""
    market = busy(days=2)
    assert isinstance(market, mesa.Model)
    assert isinstance(market.agents, AgentSet)
    assert market.agent_types == list(KINDS)
    assert list(market.agents_by_type) == list(IN_SET)
    for kind in IN_SET:
        alike = market.agents.select(agent_type=kind)
        assert isinstance(market.agents_by_type[kind], AgentSet)
        assert list(alike) == list(market.agents_by_type[kind])
        assert len(alike) > 0 and {type(one) for one in alike} == {kind}
    assert isinstance(market.agents_by_type[Buyer], AgentSet)
    assert len(market.agents) == sum(map(len, market.agents_by_type.values()))
    assert not any(isinstance(one, Buyer) for one in market.agents)
    groups = market.agents.groupby(type)
    assert {kind: len(group) for kind, group in groups} == groups.count()
    retailers = market.agents_by_type[Retailer]
    assert retailers.map(lambda one: one.number) == retailers.get("number")
    done = []
    assert retailers.do(lambda one: done.append(one.number)) is retailers
    assert done == retailers.get("number")
    lowest, highest = retailers.agg("perceived_risk", [min, max])
    assert lowest < highest
    by_type = retailers.groupby("type").agg("posts_today", sum)
    assert by_type.keys() <= set("ABCD")
    assert sum(by_type.values()) == retailers.agg("posts_today", sum)
    mine = retailers.select(lambda one: one.has_stall, at_most=3)
    assert len(mine) <= 3 and all(one.has_stall for one in mine)


def test_an_unknown_kind_has_no_set():
    with pytest.raises(KeyError):
        busy().agents_by_type[mesa.Agent]


def test_the_set_follows_entry_and_exit():
    """A set that somebody holds has who is in the market in the evening, and nobody else."""
    market = busy()
    everyone, traders = market.agents, market.agents_by_type[Retailer]
    entered, left = set(), set()
    for _ in range(80):
        before = set(traders.get("number"))
        market.step()
        after = set(traders.get("number"))
        present = [one.number for one in market.retailers
                   if one.state in ("active", "lying_low", "banned")]  # fmt: skip
        assert after == set(present)
        assert set(everyone.select(agent_type=Retailer)) == set(traders)
        entered, left = entered | (after - before), left | (before - after)
        free = [one.number for one in all_of(market, ResaleAgent)
                if market.state.trade.agents.active[one.number]]  # fmt: skip
        assert market.agents_by_type[ResaleAgent].get("number") == free
    assert len(entered) > 3 and len(left) > 3
    gone = market.retailers[min(left)]
    assert gone not in everyone and gone.state in ("left", "arrested")
    assert market.agents is everyone
    assert len(free) < len(all_of(market, ResaleAgent))  # police took some


def test_the_order_does_not_depend_on_the_first_use():
    """Sets that were made on the first day and after the last are the same."""
    early, late = busy(), busy()
    assert len(early.agents) > 0
    for _ in range(60):
        early.step()
        late.step()
    for one, other in ((early.agents, late.agents),
                       *((early.agents_by_type[kind], late.agents_by_type[kind])
                         for kind in KINDS)):  # fmt: skip
        assert one.get("unique_id") == other.get("unique_id") == sorted(one.get("unique_id"))


def test_ids_are_distinct_and_say_who_it_is():
    """Kind and number give the id, in any scenario, on any day; nobody shares one."""
    market = busy(days=1)
    found = [one.unique_id for kind in KINDS for one in all_of(market, kind)]
    assert len(set(found)) == len(found) == sum(len(all_of(market, kind)) for kind in KINDS)
    other = busy(90, seed=8, days=4, turnover__entry=0.02)
    for kind in KINDS:
        for one in (market, other):
            first = all_of(one, kind)[0]
            assert (type(first), first.number, first.pos) == (kind, 0, None)
            assert first.unique_id == kind.digit * 1_000_000_000
    assert market.retailers[12].unique_id == 3_000_000_012
    assert repr(market.retailers[12]) == "Retailer 12"


def test_agents_of_ones_own_are_in_the_sets():
    """An agent that a user adds to a market is there, before and after the sets are made."""

    class Watcher(mesa.Agent):
        pass

    market = Market(settings(8), seed=1)
    one = Watcher(market)
    assert one in market.agents and market.agents_by_type[Watcher].get("unique_id") == [1]
    two = Watcher(market)
    market.step()
    assert len(market.agents_by_type[Watcher]) == 2 and Watcher in market.agent_types
    assert len({*market.agents.get("unique_id")}) == len(market.agents)
    two.remove()
    assert list(market.agents_by_type[Watcher]) == [one] and two not in market.agents


def test_a_market_that_nobody_holds_is_freed():
    """Neither Mesa nor the agents keep a market in memory."""
    market = Market(settings(5), seed=1)
    market.step()
    found = [weakref.ref(market), weakref.ref(market.agents_by_type[Retailer][0]
             if not hasattr(AgentSet, "to_list") else market.agents_by_type[Retailer].to_list()[0]),
             weakref.ref(market.retailers[1])]  # fmt: skip
    assert all(one() is not None for one in found)
    del market
    gc.collect()
    assert [one() for one in found] == [None] * 3


# ---------------------------------------------------------------- what it costs


@pytest.fixture
def made(monkeypatch) -> list:
    """Return the list of agents that have been made, as it grows."""
    out, first = [], AgentView.__init__

    def init(self, model, number):
        first(self, model, number)
        out.append(type(self))

    monkeypatch.setattr(AgentView, "__init__", init)
    return out


def test_a_market_that_is_not_asked_makes_no_agent(made, tmp_path):
    """Days, collection, checkpoints and surveys make none; a set makes each agent once."""
    market = busy(20, days=5)
    market.checkpoint(tmp_path / "market.npz")
    Market.resume(tmp_path / "market.npz")
    assert len(market.retailers) > len(market.buyers[:0]) == 0
    market.run().survey()
    assert made == []
    assert len(market.agents) == len(market.agents) == len(made)
    assert Buyer not in made
    assert market.retailers[market.agents_by_type[Retailer].get("number")[3]] is not None
    assert len(made) == len(market.agents)


def test_buyers_are_made_when_asked_for(made):
    """One by number is one; all are made by their set alone."""
    market = busy(20, days=2)
    assert market.buyers[7].number == 7
    assert made == [Buyer]
    for sets in (market.agents, market.agents_by_type.values(), market.agent_types):
        assert len(sets) > 0
    assert made.count(Buyer) == 1
    assert len(market.agents_by_type[Buyer]) == len(market.buyers)
    assert market.agents_by_type[Buyer] is market.agents_by_type[Buyer]
    assert made.count(Buyer) == 1 + len(market.buyers)
    assert Buyer not in list(market.agents_by_type)


def test_looking_changes_no_bit():
    """A run in which everything is read every day has the bits of one that is left alone."""
    watched, alone = busy(30), busy(30)
    for _ in range(25):
        for kind in KINDS:
            for one in watched.agents_by_type[kind].shuffle():
                for name in properties(kind):
                    getattr(one, name)
        watched.agents.shuffle_do("step")
        watched.step()
        alone.step()
        assert arrays(watched.state) == arrays(alone.state)
    watched.state.trade.buyers.risk[0] += 0.5
    assert arrays(watched.state) != arrays(alone.state)


# ---------------------------------------------------------------- views are read-only


@pytest.mark.parametrize("kind", KINDS)
def test_views_are_read_only(kind):
    """Nothing can be set, deleted or added, except for Mesa's `pos`; nobody is removed."""
    market = busy(20, days=1)
    one, before = all_of(market, kind)[0], arrays(market.state)
    assert len(properties(kind)) > 2
    for name in (*properties(kind), "number", "unique_id", "model", "percieved_risk"):
        with pytest.raises(AttributeError, match=f"^{name} of {one} cannot be set"):
            setattr(one, name, 1)
        with pytest.raises(AttributeError, match=f"^{name} of {one} cannot be deleted"):
            delattr(one, name)
    with pytest.raises(TypeError, match="cannot be removed"):
        one.remove()
    with pytest.raises(AttributeError, match="cannot be set"):
        market.agents_by_type[kind].set(properties(kind)[0], 0)
    assert arrays(market.state) == before
    one.pos = (1, 2)
    assert all_of(market, kind)[0].pos == (1, 2)


def test_the_sets_cannot_be_replaced():
    market = busy(20)
    for name in ("agents", "agents_by_type", "agent_types", "retailers", "buyers"):
        with pytest.raises(AttributeError):
            setattr(market, name, [])
    with pytest.raises(TypeError):
        market.retailers[0] = market.retailers[1]
    size = len(market.agents)
    market.remove_all_agents()
    assert len(market.agents) == size


def test_a_view_is_of_today():
    """An agent shows what the arrays have now; what a collector recorded stays."""
    market = busy(20)
    one = market.retailers[3]
    assert one is market.retailers[3] and one.money == market.retailers[3].money
    seen = []
    for _ in range(12):
        market.step()
        seen.append((one.money, one.perceived_risk))
        holder = market.state.trade.books.start[Account.RETAILERS] + 3
        assert round(one.money * 100) == market.state.trade.books.balance[holder, Item.MONEY]
    assert len(set(seen)) > 2


def test_a_copy_of_a_market_has_agents_of_its_own():
    """Copied after some days, a market goes on alone; a copy of an agent alone is the agent."""
    market = busy(20, days=3)
    size = len(market.agents)
    other = copy.deepcopy(market)
    assert copy.deepcopy(market.retailers[2]) is market.retailers[2]
    assert len(other.agents) == size
    assert {one.model for one in other.agents} == {other}
    other.step()
    market.step()
    assert market.retailers[2].money == other.retailers[2].money


# ---------------------------------------------------------------- what views show


def test_dealers_are_those_of_the_arrays():
    """Suppliers come first in the arrays, processors after them."""
    market = busy(120, days=70, police__upstream=1.0, police__supplier=1.0)
    dealers, shops = market.state.trade.dealers, market.state.trade.shops
    everyone = [*all_of(market, Supplier), *all_of(market, Processor)]
    assert len(everyone) == dealers.risk.size and len(all_of(market, Supplier)) > 1
    closed = 0
    for place, one in enumerate(everyone):
        assert one.perceived_risk == dealers.risk[place]
        assert (
            one.closed_until is None or one.closed_until.toordinal() == dealers.closed_until[place]
        )
        assert one.working_capital * 100 == pytest.approx(dealers.working_capital[place], abs=1e-6)
        assert one.sales == tuple(dealers.sold[place] / 1000.0)
        closed += one.closed_until is not None
    assert closed > 0
    assert all(one.has_machines for one in all_of(market, Processor))
    for one in market.retailers:
        assert everyone.index(one.supplier) == shops.supplier[one.number]
        assert everyone.index(one.processor) == shops.processor[one.number]


def test_sellers_have_friends_and_chains():
    """Friends are those of the arrays; an agent of tier 2 forwards one of tier 1, of one trader."""
    market = busy(200, days=5)
    friends, tiers = market.state.trade.friends, set()
    sellers = [*market.retailers, *all_of(market, ResaleAgent)]
    assert [one.friends for one in sellers] == friends.count.tolist()
    assert [one.customers for one in sellers] == friends.customers.tolist()
    for one in all_of(market, ResaleAgent):
        assert (one.upstream is None) == (one.tier == 1)
        if one.upstream is not None:
            assert one.upstream.tier == one.tier - 1
            assert one.upstream.retailer is one.retailer
        tiers.add(one.tier)
    assert tiers >= {1, 2}
    mine = market.agents_by_type[ResaleAgent].groupby("retailer").count()
    assert sum(mine.values()) == len(market.agents_by_type[ResaleAgent])


def test_buyers_are_those_of_the_kernels():
    """Traits and perceived risk are what a kernel would draw and reckon."""
    market = busy(60, days=90)
    market.state.trade.buyers.risk[::3], market.state.trade.buyers.touched[::3] = 0.7, 89
    for _ in range(10):
        market.step()
    state, row = market.state, market.days_simulated - 1
    frightened = 0
    for one in market.buyers[::7]:
        _, favourite, _, u_segment = buyer_traits(state.seed, one.number, state.params.demand)
        assert one.segment == Segment(segment_of(u_segment, state.params.buyers)).name.lower()
        product = ("raw", "semi_worked", "uncarved", "carved")[favourite]
        assert one.favourite == product
        demand = state.params.demand
        assert one.willingness[1] / one.willingness[0] == pytest.approx(
            demand.worth_semi / demand.worth_raw
        )
        assert 0.0 <= one.satiety <= 1.0
        shown = one.perceived_risk
        frightened += 0.3 < shown < 0.7
        assert shown == pytest.approx(buyer_risk(row, one.number, state.trade), rel=1e-6)
    assert frightened > 0
    sated = [one for one in market.buyers if one.last_purchase is not None]
    fresh = [one for one in market.buyers if one.last_purchase is None]
    gifts = [[one.satiety for one in group if one.segment == "gift"] for group in (sated, fresh)]
    assert np.mean(gifts[0]) > np.mean(gifts[1])


def test_moderators_decide_in_the_order_of_their_queues():
    """The head of a queue is decided next, as many as there is capacity for, at every desk."""
    market = busy(200, days=60, moderation__capacity=4.0, institutions__staff=4.0)
    desks = all_of(market, Moderators)
    assert [one.channel for one in desks] == ["moments", "groups", "public", "social", "social",
                                              "websites"]  # fmt: skip
    assert [one.operator for one in desks] == [*["tencent"] * 4, "portals", "websites"]
    fullest = dict.fromkeys(desks, 0)
    for _ in range(40):
        before = {one: one.queue for one in desks}
        market.step()
        for one, kept in before.items():
            assert len(one.queue) == one.waiting
            decided = min(one.capacity, len(kept))
            assert one.queue[: len(kept) - decided] == kept[decided:]
            fullest[one] = max(fullest[one], one.waiting)
    assert fullest[desks[0]] > 3 and sum(number > 0 for number in fullest.values()) > 3
    row = market.days_simulated - 1
    assert desks[0].capacity == market.state.levers.capacity[row]
    assert desks[4].capacity == market.state.levers.staff_portals[row]


def test_units_of_police_have_the_cases_that_they_filed():
    """All cases that wait are those of the units together; hours add up to those there are."""
    market = busy(200, days=60, police__capacity=0.1, police__inspected=0.01, police__referred=0.5)
    units = all_of(market, PoliceUnit)
    assert [one.name for one in units] == ["online", "parcels", "markets", "border"]
    for _ in range(60):
        market.step()
    cases = market.state.trade.cases
    assert sum(one.waiting for one in units) == cases.ends[1] > 3
    waiting = [one.number for unit in units for one in unit.queue]
    assert sorted(waiting) == np.flatnonzero(cases.waiting).tolist()
    assert units[2].waiting > 0 and units[3].waiting == 0
    assert sum(one.share for one in units) == pytest.approx(1.0)
    assert {one.effort for one in units} == {1.0}


def test_agents_before_the_first_day():
    """A market that has not begun shows its founders; nobody has posted, and no date is read."""
    market = busy(30)
    traders = market.agents_by_type[Retailer]
    assert traders.get("number") == list(range(30))
    assert traders.agg("visible_today", sum) == 0
    assert set(market.agents_by_type[Moderators].get("waiting")) == {0}
    assert market.buyers[0].last_purchase is None and market.buyers[0].perceived_risk == 0.0
    assert market.agents_by_type[PoliceUnit].agg("waiting", sum) == 0


def test_a_market_of_posts_alone_has_traders_and_moderators():
    """Without trade nobody else is there, and every set can be asked for."""
    market = Market(settings(20, market="posting_only"), seed=3)
    market.step()
    counts = {kind: len(market.agents_by_type[kind]) for kind in KINDS}
    assert counts == dict.fromkeys(KINDS, 0) | {Retailer: 20, Moderators: 1}
    assert len(market.buyers) == 0 and len(market.agents) == 21
    with pytest.raises(IndexError, match="buyer 0 is out of range: there are none"):
        market.buyers[0]
    assert market.agents_by_type[Supplier].agg("money", sum) == 0
    one = market.retailers[4]
    assert (one.supplier, one.processor, one.friends, one.money) == (None, None, 0, 0.0)
    assert not one.has_stall
    for name in properties(Retailer):
        getattr(one, name)


# ---------------------------------------------------------------- collectors


def test_a_collector_of_ones_own_collects_agents():
    """One that is assigned is used by `step`, for all agents and for kinds, buyers included."""
    market = busy(20)
    market.datacollector = mesa.DataCollector(
        model_reporters={"visible": lambda one: int(one.state.counters.moments.sum())},
        agent_reporters={"name": lambda one: repr(one), "number": "number"},
        agenttype_reporters={
            Retailer: {"risk": "perceived_risk", "supplier": lambda one: one.supplier.unique_id,
                       "state": "state", "visible": "visible_today", "ties": "ties",
                       "source": "processor"},
            Buyer: {"risk": "perceived_risk"},
        },
    )  # fmt: skip
    sizes = []
    for _ in range(6):
        market.step()
        sizes.append(len(market.agents))
    table = market.datacollector.get_agent_vars_dataframe()
    assert table.groupby(level="Step").size().tolist() == sizes
    assert table.xs(3_000_000_004, level="AgentID")["name"].tolist() == ["Retailer 4"] * 6
    traders = market.datacollector.get_agenttype_vars_dataframe(Retailer)
    seen = traders.groupby(level="Step")["visible"].sum()
    assert seen.tolist() == market.datacollector.model_vars["visible"]
    assert set(traders["supplier"]) <= set(market.agents_by_type[Supplier].get("unique_id"))
    assert all(one.model is market for one in traders["source"])  # the agent, not a copy of it
    buyers = market.datacollector.get_agenttype_vars_dataframe(Buyer)
    assert len(buyers) == 6 * len(market.buyers)


def test_the_collector_of_a_market_has_no_agents(made):
    """As made it collects scalars; control: with a reporter of agents they are made."""
    market = busy(20, days=2)
    assert made == []
    market.datacollector = mesa.DataCollector(agent_reporters={"id": "unique_id"})
    market.step()
    assert len(made) == len(market.agents)


# ---------------------------------------------------------------- keywords and batches


def test_keywords_are_those_of_settings():
    """A market of keywords is that of `marketsim.settings`; the seed may be called rng."""
    given = SMALL | {"scenario": "no_crackdown", "posting.base_posts": 1.5}
    market = Market(**given, seed=4)
    assert market.settings.scenario.name == "no_crackdown"
    assert market.settings.posting.base_posts == 1.5
    bits = arrays(market.run().state)
    for other in (
        Market(ms.settings(**given), seed=4), Market(ms.settings(**given), 4),
        Market(**given, rng=4), Market(ms.settings(**given, seed=4)),
        Market(seed=4, rng=None, **given),
    ):  # fmt: skip
        assert other.run_seed == 4
        assert arrays(other.run().state) == bits
    assert arrays(Market(**given, seed=5).run().state) != bits
    assert arrays(Market(**SMALL, seed=4).run().state) != bits


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"populaton": "survey"}, "unknown parameter 'populaton'; did you mean 'population'?"),
        ({"perception.half_lif": 3}, "unknown parameter 'perception.half_lif'; did you mean "
                                     "'perception.half_life'?"),
        ({"population": "moon"}, "unknown population 'moon'; known: national, survey, wechat"),
        ({"perception.half_life": 1.0}, "perception.half_life=1.0 is out of range: 7 to 56 days"),
        ({"seed": 1.5}, "seed=1.5 has the wrong type: expected a whole number"),
        ({"rng": -1}, "seed=-1 is out of range: 0 to 9223372036854775807"),
        ({"rng": 1, "seed": 2}, "rng=1 is invalid: expected one seed: rng is another name of seed"),
        ({"settings": "survey"}, "settings=survey has the wrong type: expected settings, as "
                                 "marketsim.settings returns them"),
        ({"settings": settings(5), "population": "survey"},
         "population=survey is invalid: expected settings or keywords, not both"),
    ],
)  # fmt: skip
def test_a_wrong_keyword_is_refused(given, message):
    """Each in one plain sentence."""
    with pytest.raises(InputError) as refusal:
        Market(**SMALL | given if "settings" not in given else given)
    assert str(refusal.value) == message


class Reporting(Market):
    """A market that reports agents, as a user would write it."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.datacollector = mesa.DataCollector(
            model_reporters={"visible": lambda one: int(one.state.counters.moments.sum())},
            agent_reporters={"seen": lambda one: getattr(one, "visible_today", 0)},
        )


BATCH = SMALL | {"scenario": ["no_crackdown", "baseline_2015"], "posting.base_posts": [1.0, 3.0]}


def batch(model, parameters, **options):
    return mesa.batch_run(
        model, parameters, **{"number_processes": 1, "display_progress": False} | options
    )


def test_a_batch_has_plain_keywords():
    """Every combination is run, with its own seed, and is the market of its keywords."""
    rows = batch(Market, BATCH | {"seed": [1, 2]})
    keys = [(row["scenario"], row["posting.base_posts"], row["seed"]) for row in rows]
    assert len(set(keys)) == len(rows) == 8
    for row in rows:
        given = {key: row[key] for key in (*BATCH, "seed")}
        alone = Market(**given)
        while alone.running:
            alone.step()
        for name, values in alone.datacollector.model_vars.items():
            assert row[name] == values[-1] or is_before_last(row, alone), name
    assert len({(row["mean_risk"], row["visible"], row["grams_delivered"]) for row in rows}) == 8


def is_before_last(row, market) -> bool:
    """Return whether the row is of the day before the last: Mesa 3.4 loses the last one."""
    values = market.datacollector.model_vars
    return mesa.__version__.startswith("3.4.") and all(
        row[name] == values[name][-2] for name in values
    )


def test_a_batch_can_have_seeds_of_its_own():
    """`rng` of newer versions of Mesa is the seed."""
    if "rng" not in inspect.signature(mesa.batch_run).parameters:
        pytest.skip("batch_run has rng from Mesa 3.4 on")
    plain = SMALL
    named = batch(Market, plain | {"seed": [1, 2]})
    for row, other in zip(batch(Market, plain, rng=[1, 2]), named, strict=True):
        assert row["rng"] == other["seed"]
        assert row["visible"] == other["visible"]
    assert named[0]["visible"] != named[1]["visible"]


@pytest.mark.parametrize("has_totals", [True, False])
def test_agents_in_a_batch_are_of_the_day_of_the_row(has_totals, monkeypatch):
    """What agents report in a row adds up to the row's total, in every version of Mesa."""
    keywords = SMALL | {"seed": 3}
    whole = Market(**keywords).run().state.series.flows[:, 1]
    if not has_totals:
        if hasattr(Market(**SMALL).datacollector, "_collection_steps"):
            pytest.skip("from Mesa 3.4 on batch_run needs a reporter of the model")
        monkeypatch.setattr(Reporting, "__init__", only_agents)
    rows = batch(Reporting, keywords, data_collection_period=1, max_steps=9)
    steps = sorted({row["Step"] for row in rows if "seen" in row})
    assert len(steps) >= 8
    for place, step in enumerate(steps):
        of_day = [row for row in rows if row["Step"] == step]
        total = sum(row["seen"] for row in of_day)
        if has_totals:
            assert {row["visible"] for row in of_day} == {total}
        assert total == whole[place]
    assert len(set(whole[:8])) > 3  # so that another day would be noticed


def only_agents(self, **kwargs):
    Market.__init__(self, **kwargs)
    self.datacollector = mesa.DataCollector(
        agent_reporters={"seen": lambda one: getattr(one, "visible_today", 0)}
    )


def test_a_collection_before_the_first_day_stays_aligned():
    """A subclass that also collects at the start, as Mesa's examples do, has one more row."""

    class Early(Reporting):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.datacollector.collect(self)

    rows = batch(Early, SMALL | {"seed": 3}, data_collection_period=1, max_steps=6)
    steps = sorted({row["Step"] for row in rows})
    assert steps[0] == 0 and len(steps) >= 6
    for step in steps:
        of_day = [row for row in rows if row["Step"] == step]
        assert {row["visible"] for row in of_day} == {sum(row["seen"] for row in of_day)}


def test_a_batch_can_use_processes():
    """Rows of two processes are those of one."""
    few = SMALL | {"market": "posting_only"}
    rows = batch(Market, few | {"seed": [1, 2]}, number_processes=2)
    alone = batch(Market, few | {"seed": [1, 2]})
    assert sorted(rows, key=lambda row: row["seed"]) == alone


def test_a_batch_refuses_a_wrong_keyword():
    with pytest.raises(InputError, match="^unknown parameter 'populaton'; did you mean"):
        batch(Market, {"populaton": "survey"})


# ---------------------------------------------------------------- Mesa's page


PAGE = {
    "population": "survey",
    "population.retailers": 12,
    "scenario": {"type": "Select", "value": "no_crackdown",
                 "values": ["no_crackdown", "baseline_2015"]},
    "seed": {"type": "SliderInt", "value": 3, "min": 1, "max": 9, "step": 1},
}  # fmt: skip


@pytest.fixture
def page():
    """Return solara, and a function that shows components of a market on Mesa's page."""
    pytest.importorskip("solara")
    pytest.importorskip("altair")
    import solara
    from mesa.visualization import SolaraViz

    contexts = []

    def show(market, *components, **options):
        shown = SolaraViz(market, components=list(components), **options)
        _, context = solara.render(solara.AppLayout(children=[shown]), handle_error=False)
        contexts.append(context)
        return context

    yield show
    for context in contexts:
        context.close()


def button(context, label):
    import ipyvuetify

    return next(one for one in context.find(ipyvuetify.Btn).widgets if label in one.children)


@pytest.mark.filterwarnings("ignore")  # of the packages of the page
def test_mesas_page_steps_and_resets_a_market(page, monkeypatch):
    """The page shows a series, advances by a day, and makes a new market of its parameters."""
    from mesa.visualization import make_plot_component

    made, init = [], Market.__init__

    def watched(self, *args, **kwargs):
        init(self, *args, **kwargs)
        made.append((self, kwargs))

    watched.__signature__ = inspect.signature(init)
    monkeypatch.setattr(Market, "__init__", watched)
    market = Market(**SMALL, seed=3, scenario="no_crackdown")
    plot = make_plot_component(["visible", "grams_delivered"])
    context = page(market, plot, model_params=PAGE)
    for day in range(3):
        button(context, "Step").click()
        assert market.days_simulated == market.steps == day + 1
    assert len(market.datacollector.model_vars["visible"]) == 3
    button(context, "Reset").click()
    again, given = made[-1]
    assert again is not market and again.days_simulated == 0
    assert given == {"population": "survey", "population.retailers": 12,
                     "scenario": "no_crackdown", "seed": 3}  # fmt: skip
    for _ in range(3):
        button(context, "Step").click()
    assert again.datacollector.model_vars == market.datacollector.model_vars


@pytest.mark.filterwarnings("ignore")
def test_mesas_page_shows_agents(page):
    """A component of one's own reads the agents of the market on the page."""
    import solara

    seen = []

    @solara.component
    def states(model):
        seen.append(model.agents_by_type[Retailer].groupby("state").count())
        solara.Text(str(seen[-1]))

    market = Market(**SMALL, seed=3)
    context = page(market, (states, 0))
    button(context, "Step").click()
    assert seen[-1] == market.agents_by_type[Retailer].groupby("state").count()


def test_the_scenario_of_a_market_is_in_its_settings():
    """Mesa's attribute of that name is not there: the page would pass it instead of a name."""
    market = Market(**SMALL, seed=3)
    assert not hasattr(market, "scenario")
    with pytest.raises(AttributeError, match=r"settings\.scenario"):
        market.scenario  # noqa: B018
    market.scenario = None
    assert market.settings.scenario.name == "baseline_2015"
