"""Police work off cases within their capacity: arrests, seizures, steps along the chain."""

import numpy as np

from marketsim.model.ledger import PRODUCTS, Account, Item, move
from marketsim.model.state import FILED, IN_QUEUE, Channel, Measure, State, file_case, measured
from marketsim.numerics.distributions import in_turn
from marketsim.numerics.jit import array_kernel, part
from marketsim.numerics.rng import Purpose, uniform, uniforms


@array_kernel
def police(seed, day, row, effort, capacity, rules, traders, today, chain):
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
    rules : Rules
        Parameters.
    traders : Retailers
        `state` is written.
    today : Today
        `sanction` is read and written.
    chain : Chain
        Written: goods, money, cases, agents, dealers, tallies.
    """
    cases = chain.cases
    _open_cases(seed, day, row, effort, rules.police, traders, today, chain)
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
        if traders.state[i] >= State.LEFT or u_arrest >= rules.police.arrest:
            continue
        _arrest(row, i, traders, today, chain)
        if u_up < rules.police.upstream:
            _raid(day, row, i, u_top < rules.police.supplier, rules.police, chain)
        if u_down < rules.police.downstream:
            _take_agent(seed, day, row, i, chain)
    if effort[2] > 0.0:
        for supplier in range(chain.books.start[Account.SUPPLIERS + 1]):
            if uniform(seed, Purpose.RAIDED, day, supplier, 0) < effort[2]:
                _raid_supplier(day, row, supplier, rules.police, chain)


@part
def _open_cases(seed, day, row, effort, police, traders, today, chain):
    """Open cases on referrals by moderators and at inspected stalls."""
    inspected = min(1.0, police.inspected * effort[0])
    referred = min(1.0, police.referred * effort[1])
    for i in range(traders.state.size):
        if traders.state[i] >= State.LEFT or traders.state[i] == State.ABSENT:
            continue
        stall = chain.shops.stall[i] > 0
        if today.sanction[i] == 0.0 and not stall:
            continue
        u_referred, u_inspected, _, _ = uniforms(seed, Purpose.REFERRAL, day, i, 0)
        if today.sanction[i] > 0.0 and u_referred < referred:
            measured(chain.tallies, row, Measure.REFERRALS, Channel.MOMENTS, 0)
            file_case(chain.cases, i)
        if stall and u_inspected < inspected:
            measured(chain.tallies, row, Measure.INSPECTIONS, Channel.PHYSICAL, 0)
            file_case(chain.cases, i)


@part
def _seize(holder, chain):
    """Seize all that a holder has, money too; return the milligrams of goods."""
    books = chain.books
    seized, total = books.start[Account.SEIZED], 0
    for product in range(PRODUCTS):
        mass = books.balance[holder, product]
        move(books, product, holder, seized, mass)
        total += mass
    move(books, Item.MONEY, holder, seized, books.balance[holder, Item.MONEY])
    return total


@part
def _arrest(row, i, traders, today, chain):
    """Take a retailer out of the trade for good, with his stock and money."""
    traders.state[i] = State.ARRESTED
    today.sanction[i] = 1.0
    mass = _seize(chain.books.start[Account.RETAILERS] + i, chain)
    measured(chain.tallies, row, Measure.ARRESTS, Channel.MOMENTS, mass)


@part
def _raid(day, row, i, further, police, chain):
    """Raid the processor that a retailer bought from, and perhaps a supplier of the trade."""
    dealers, shops = chain.dealers, chain.shops
    processor = shops.processor[i]
    if processor >= 0 and dealers.closed_until[processor] <= day:
        mass = _seize(processor, chain)
        _close_down(day, processor, police, chain)
        measured(chain.tallies, row, Measure.PROCESSORS_RAIDED, Channel.PHYSICAL, mass)
    if further and shops.supplier[i] >= 0:
        _raid_supplier(day, row, shops.supplier[i], police, chain)


@part
def _raid_supplier(day, row, supplier, police, chain):
    """Raid a supplier, unless he is closed already."""
    if chain.dealers.closed_until[supplier] <= day:
        mass = _seize(supplier, chain)
        _close_down(day, supplier, police, chain)
        measured(chain.tallies, row, Measure.SUPPLIERS_RAIDED, Channel.PHYSICAL, mass)


@part
def _close_down(day, dealer, police, chain):
    """Keep a dealer from trading; every supplier and processor hears of it."""
    dealers = chain.dealers
    dealers.closed_until[dealer] = day + 1 + int(police.closed_days)
    for other in range(dealers.risk.size):
        dealers.risk[other] += police.raid_risk * (1.0 - dealers.risk[other])


@part
def _take_agent(seed, day, row, i, chain):
    """Take one agent who forwarded the retailer's posts, if there is one."""
    agents, chosen, best = chain.agents, -1, np.inf
    for a in range(agents.retailer.size):
        if agents.retailer[a] == i and agents.active[a] > 0:
            draw = uniform(seed, Purpose.AGENT_TAKEN, day, a, 0)
            if draw < best:
                chosen, best = a, draw
    if chosen < 0:
        return
    agents.active[chosen] = 0
    holder, seized = chain.books.start[Account.RESALE_AGENTS] + chosen, Account.SEIZED
    money = chain.books.balance[holder, Item.MONEY]
    move(chain.books, Item.MONEY, holder, chain.books.start[seized], money)
    measured(chain.tallies, row, Measure.AGENTS_TAKEN, Channel.MOMENTS, 0)
