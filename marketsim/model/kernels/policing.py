"""Police work off cases within their capacity: arrests, seizures, steps along the chain."""

import numpy as np

from marketsim.model.ledger import PRODUCTS, Account, Item, move
from marketsim.model.state import (
    FILED,
    IN_QUEUE,
    Channel,
    Enforcement,
    State,
    count_enforcement,
    file_case,
)
from marketsim.numerics.distributions import in_turn
from marketsim.numerics.jit import array_kernel, part
from marketsim.numerics.rng import Purpose, uniform, uniforms


@array_kernel
def investigate_cases(seed, day, row, effort, capacity, params, traders, counters, trade):
    """Open the cases of the day, in a drawn order, and decide as many as there is capacity for.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day, row : int
        Ordinal of the day, and its number in the run.
    effort : tuple of three float
        Multipliers of inspections at the physical market and of referrals; share of suppliers
        raided today.
    capacity : int
        Cases that can be decided today.
    params : Params
        Parameters.
    traders : Retailers
        `state` is written.
    counters : DayCounters
        `sanction` is read and written.
    trade : TradeState
        Written: goods, money, cases, agents, dealers, tallies.
    """
    cases = trade.cases
    _open_cases(seed, day, row, effort, params.police, traders, counters, trade)
    fresh = np.flatnonzero(cases.waiting == np.int8(FILED))
    turns = np.empty(fresh.size)
    for k in range(fresh.size):
        turns[k] = uniform(seed, Purpose.CASE_TURN, day, fresh[k], 0)
    for k in in_turn(turns):
        cases.ring[(cases.ends[0] + cases.ends[1]) % cases.ring.size] = fresh[k]
        cases.ends[1] += 1
        cases.waiting[fresh[k]] = IN_QUEUE
    for _ in range(min(capacity, cases.ends[1])):
        i = cases.ring[cases.ends[0]]
        cases.ends[0] = (cases.ends[0] + 1) % cases.ring.size
        cases.ends[1] -= 1
        cases.waiting[i] = 0
        u_arrest, u_up, u_down, u_top = uniforms(seed, Purpose.ARREST, day, i, 0)
        if traders.state[i] >= State.LEFT or u_arrest >= params.police.arrest:
            continue
        _arrest(row, i, traders, counters, trade)
        if u_up < params.police.upstream:
            _raid(day, row, i, u_top < params.police.supplier, params.police, trade)
        if u_down < params.police.downstream:
            _take_agent(seed, day, row, i, trade)
    if effort[2] > 0.0:
        for supplier in range(trade.books.start[Account.SUPPLIERS + 1]):
            if uniform(seed, Purpose.RAIDED, day, supplier, 0) < effort[2]:
                _raid_supplier(day, row, supplier, params.police, trade)


@part
def _open_cases(seed, day, row, effort, police, traders, counters, trade):
    """Open cases on referrals by moderators and at inspected stalls."""
    inspected = min(1.0, police.inspected * effort[0])
    referred = min(1.0, police.referred * effort[1])
    for i in range(traders.state.size):
        if traders.state[i] >= State.LEFT or traders.state[i] == State.ABSENT:
            continue
        stall = trade.shops.stall[i] > 0
        if counters.sanction[i] == 0.0 and not stall:
            continue
        u_referred, u_inspected, _, _ = uniforms(seed, Purpose.REFERRAL, day, i, 0)
        if counters.sanction[i] > 0.0 and u_referred < referred:
            count_enforcement(trade.records, row, Enforcement.REFERRALS, Channel.MOMENTS, 0)
            file_case(trade.cases, i)
        if stall and u_inspected < inspected:
            count_enforcement(trade.records, row, Enforcement.INSPECTIONS, Channel.PHYSICAL, 0)
            file_case(trade.cases, i)


@part
def _seize(holder, trade):
    """Seize all that a holder has, money too; return the milligrams of goods."""
    books = trade.books
    seized, total = books.start[Account.SEIZED], 0
    for product in range(PRODUCTS):
        mass = books.balance[holder, product]
        move(books, product, holder, seized, mass)
        total += mass
    move(books, Item.MONEY, holder, seized, books.balance[holder, Item.MONEY])
    return total


@part
def _arrest(row, i, traders, counters, trade):
    """Take a retailer out of the trade for good, with his stock and money."""
    traders.state[i] = State.ARRESTED
    counters.sanction[i] = 1.0
    mass = _seize(trade.books.start[Account.RETAILERS] + i, trade)
    count_enforcement(trade.records, row, Enforcement.ARRESTS, Channel.MOMENTS, mass)


@part
def _raid(day, row, i, further, police, trade):
    """Raid the processor that a retailer bought from, and perhaps a supplier of the trade."""
    dealers, shops = trade.dealers, trade.shops
    processor = shops.processor[i]
    if processor >= 0 and dealers.closed_until[processor] <= day:
        mass = _seize(processor, trade)
        _close_down(day, processor, police, trade)
        count_enforcement(trade.records, row, Enforcement.PROCESSORS_RAIDED, Channel.PHYSICAL, mass)
    if further and shops.supplier[i] >= 0:
        _raid_supplier(day, row, shops.supplier[i], police, trade)


@part
def _raid_supplier(day, row, supplier, police, trade):
    """Raid a supplier, unless he is closed already."""
    if trade.dealers.closed_until[supplier] <= day:
        mass = _seize(supplier, trade)
        _close_down(day, supplier, police, trade)
        count_enforcement(trade.records, row, Enforcement.SUPPLIERS_RAIDED, Channel.PHYSICAL, mass)


@part
def _close_down(day, dealer, police, trade):
    """Keep a dealer from trading; every supplier and processor hears of it."""
    dealers = trade.dealers
    dealers.closed_until[dealer] = day + 1 + int(police.closed_days)
    for other in range(dealers.risk.size):
        dealers.risk[other] += police.raid_risk * (1.0 - dealers.risk[other])


@part
def _take_agent(seed, day, row, i, trade):
    """Take one agent who forwarded the retailer's posts, if there is one."""
    agents, chosen, best = trade.agents, -1, np.inf
    for a in range(agents.retailer.size):
        if agents.retailer[a] == i and agents.active[a] > 0:
            draw = uniform(seed, Purpose.AGENT_TAKEN, day, a, 0)
            if draw < best:
                chosen, best = a, draw
    if chosen < 0:
        return
    agents.active[chosen] = 0
    holder, seized = trade.books.start[Account.RESALE_AGENTS] + chosen, Account.SEIZED
    money = trade.books.balance[holder, Item.MONEY]
    move(trade.books, Item.MONEY, holder, trade.books.start[seized], money)
    count_enforcement(trade.records, row, Enforcement.AGENTS_TAKEN, Channel.MOMENTS, 0)
