"""Police: cases, arrests, raids along the supply chain (docs/market.md 12)."""

import numpy as np

from marketsim.model.ledger import PRODUCTS, Account, Item, move
from marketsim.model.state import (
    FILED,
    IN_QUEUE,
    NOBODY,
    Channel,
    Enforcement,
    State,
    count_enforcement,
    file_case,
    is_in_trade,
)
from marketsim.numerics.distributions import first_in_race, in_turn
from marketsim.numerics.jit import array_kernel, part
from marketsim.numerics.rng import Purpose, uniform, uniforms

HEAD, WAITING = 0, 1  # of `Cases.ends`


@array_kernel
def investigate_cases(seed, day, row, levers, params, retailers, counters, trade):
    """Open the cases of the day in a drawn order, and decide cases up to the day's capacity.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day, row : int
        Date (ordinal) and row of the day.
    levers : Levers
        Levers of the day: `police`, `sharing`, `cases`, `listed_police` and `raids` are
        read.
    params : Params
        Parameters.
    retailers : Retailers
        `state` is written.
    counters : DayCounters
        `sanction` is read and written.
    trade : TradeState
        Written: goods, money, cases, agents, dealers, counts.
    """
    cases, police = trade.cases, params.police
    # market.md 12.1: traders on a list from outside
    if levers.listed_police > 0:
        odds = np.zeros(retailers.state.size)
        for i in range(odds.size):
            if is_in_trade(retailers.state[i]) and cases.waiting[i] == 0:
                odds[i] = retailers.recent[i]
        for i in first_in_race(seed, Purpose.LISTED, day, odds, levers.listed_police):
            file_case(cases, i)
    # market.md 12.1: cases filed today join the queue in a drawn order
    _file_cases(seed, day, row, levers, police, retailers, counters, trade)
    filed = np.flatnonzero(cases.waiting == np.int8(FILED))
    turns = np.empty(filed.size)
    for k in range(filed.size):
        turns[k] = uniform(seed, Purpose.CASE_TURN, day, filed[k], 0)
    for k in in_turn(turns):
        cases.ring[(cases.ends[HEAD] + cases.ends[WAITING]) % cases.ring.size] = filed[k]
        cases.ends[WAITING] += 1
        cases.waiting[filed[k]] = IN_QUEUE
    # market.md 12.2: decisions
    for _ in range(min(levers.cases, cases.ends[WAITING])):
        i = cases.ring[cases.ends[HEAD]]
        cases.ends[HEAD] = (cases.ends[HEAD] + 1) % cases.ring.size
        cases.ends[WAITING] -= 1
        cases.waiting[i] = 0
        u_arrest, u_up, u_down, u_further = uniforms(seed, Purpose.ARREST, day, i, 0)
        if retailers.state[i] >= State.LEFT or u_arrest >= police.arrest:
            continue
        _arrest(row, i, retailers, counters, trade)
        if u_up < police.upstream:
            _raid_sources(day, row, i, u_further < police.supplier, police, trade)
        if u_down < police.downstream:
            _take_agent(seed, day, row, i, trade)
    # market.md 12.3: raids on suppliers by themselves
    if levers.raids > 0.0:
        for supplier in range(trade.books.start[Account.SUPPLIERS + 1]):
            if uniform(seed, Purpose.RAIDED, day, supplier, 0) < levers.raids:
                _raid_supplier(day, row, supplier, police, trade)


@part
def _file_cases(seed, day, row, levers, police, retailers, counters, trade):
    """File cases on referrals by moderators and at inspected stalls (market.md 12.1)."""
    inspected = min(1.0, police.inspected * levers.police)
    referred = min(1.0, police.referred * levers.sharing)
    for i in range(retailers.state.size):
        if retailers.state[i] >= State.LEFT or retailers.state[i] == State.ABSENT:
            continue
        has_stall = trade.shops.stall[i] > 0
        if counters.sanction[i] == 0.0 and not has_stall:  # no draw is needed
            continue
        u_referred, u_inspected, _, _ = uniforms(seed, Purpose.REFERRAL, day, i, 0)
        if counters.sanction[i] > 0.0 and u_referred < referred:
            count_enforcement(trade.records, row, Enforcement.REFERRALS, Channel.MOMENTS, 0)
            file_case(trade.cases, i)
        if has_stall and u_inspected < inspected:
            count_enforcement(trade.records, row, Enforcement.INSPECTIONS, Channel.PHYSICAL, 0)
            file_case(trade.cases, i)


@part
def _seize(holder, trade):
    """Seize all goods and money of a holder; return the mass of goods, mg."""
    books = trade.books
    seized, total = books.start[Account.SEIZED], 0
    for product in range(PRODUCTS):
        mass = books.balance[holder, product]
        move(books, product, holder, seized, mass)
        total += mass
    move(books, Item.MONEY, holder, seized, books.balance[holder, Item.MONEY])
    return total


@part
def _arrest(row, i, retailers, counters, trade):
    """Arrest a trader for good and seize stock and money; ties hear of it (market.md 12.2)."""
    retailers.state[i] = State.ARRESTED
    counters.sanction[i] = 1.0
    counters.arrested[i] = 1
    mass = _seize(trade.books.start[Account.RETAILERS] + i, trade)
    count_enforcement(trade.records, row, Enforcement.ARRESTS, Channel.MOMENTS, mass)


@part
def _raid_sources(day, row, i, further, police, trade):
    """Raid the usual processor of a trader, and further the usual supplier (market.md 12.2)."""
    dealers, shops = trade.dealers, trade.shops
    processor = shops.processor[i]
    if processor >= 0 and dealers.closed_until[processor] <= day:
        mass = _seize(processor, trade)
        _close_dealer(day, processor, police, trade)
        count_enforcement(trade.records, row, Enforcement.PROCESSORS_RAIDED, Channel.PHYSICAL, mass)
    if further and shops.supplier[i] >= 0:
        _raid_supplier(day, row, shops.supplier[i], police, trade)


@part
def _raid_supplier(day, row, supplier, police, trade):
    """Raid a supplier who is not closed (market.md 12.2 and 12.3)."""
    if trade.dealers.closed_until[supplier] <= day:
        mass = _seize(supplier, trade)
        _close_dealer(day, supplier, police, trade)
        count_enforcement(trade.records, row, Enforcement.SUPPLIERS_RAIDED, Channel.PHYSICAL, mass)


@part
def _close_dealer(day, dealer, police, trade):
    """Close a raided dealer and raise the perceived risk of all dealers (market.md 12.2)."""
    dealers = trade.dealers
    dealers.closed_until[dealer] = day + 1 + int(police.closed_days)
    for other in range(dealers.risk.size):
        dealers.risk[other] += police.raid_risk * (1.0 - dealers.risk[other])


@part
def _take_agent(seed, day, row, i, trade):
    """Arrest one active agent who forwards the posts of a trader, if any (market.md 12.2)."""
    agents, chosen, smallest = trade.agents, NOBODY, np.inf
    for agent in range(agents.retailer.size):
        if agents.retailer[agent] == i and agents.active[agent] > 0:
            draw = uniform(seed, Purpose.AGENT_TAKEN, day, agent, 0)
            if draw < smallest:
                chosen, smallest = agent, draw
    if chosen < 0:
        return
    agents.active[chosen] = 0
    holder, seized = trade.books.start[Account.RESALE_AGENTS] + chosen, Account.SEIZED
    money = trade.books.balance[holder, Item.MONEY]
    move(trade.books, Item.MONEY, holder, trade.books.start[seized], money)
    count_enforcement(trade.records, row, Enforcement.AGENTS_TAKEN, Channel.MOMENTS, 0)
