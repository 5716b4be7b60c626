"""Police: cases, arrests, raids along the supply chain, and units (docs/market.md 12, 21)."""

import numpy as np

from marketsim.model.buyers import mean_piece
from marketsim.model.ledger import (
    MILLIGRAMS,
    MILLIGRAMS_PER_KG,
    PRODUCTS,
    Account,
    Item,
    fen_of,
    move,
)
from marketsim.model.pricing import asking_price, displayed_product, stock_held
from marketsim.model.state import (
    FILED,
    HEAD,
    IN_QUEUE,
    NOBODY,
    WAITING,
    Channel,
    Enforcement,
    State,
    Unit,
    count_enforcement,
    file_case,
    is_in_trade,
    join_queue,
    leave_queue,
)
from marketsim.numerics.distributions import first_in_race, in_turn
from marketsim.numerics.elementary import exp, log
from marketsim.numerics.jit import array_kernel, part
from marketsim.numerics.rng import Purpose, uniform, uniforms

RAW = int(Item.RAW)
MONTH = 28  # days between two reallocations of hours
LEAST_SHARE = 0.05  # of the hours, of a unit
RECORD_DAYS = 28.0  # of sales that a platform passes on with a referral
FIRST_STING = 1 << 30  # number of the post that an undercover purchase looks at


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
        Levers of the day: `police`, `sharing`, `cases`, `listed_police`, `raids`, `hub`, `shift`
        and `stings` are read.
    params : Params
        Parameters.
    retailers : Retailers
        `state` is written.
    counters : DayCounters
        `sanction` is read and written.
    trade : TradeState
        Written: goods, money, cases, agents, dealers, units, counts.
    """
    cases, police = trade.cases, params.police
    # market.md 21.6: undercover purchases
    if levers.stings > 0:
        _buy_undercover(seed, day, row, levers.stings, params, retailers, counters, trade)
    # market.md 12.0: traders on a list from outside
    if levers.listed_police > 0:
        odds = np.zeros(retailers.state.size)
        for i in range(odds.size):
            if is_in_trade(retailers.state[i]) and cases.waiting[i] == 0:
                odds[i] = retailers.recent[i]
        for i in first_in_race(seed, Purpose.LISTED, day, odds, levers.listed_police):
            file_case(cases, i, Unit.ONLINE)
    # market.md 12.1: cases filed today join the queue in a drawn order
    _file_cases(seed, day, row, levers, police, retailers, counters, trade)
    filed = np.flatnonzero(cases.waiting == np.int8(FILED))
    turns = np.empty(filed.size)
    for k in range(filed.size):
        turns[k] = uniform(seed, Purpose.CASE_TURN, day, filed[k], 0)
    for k in in_turn(turns):
        join_queue(cases.ring, cases.ends, filed[k])
        cases.waiting[filed[k]] = IN_QUEUE
    # market.md 12.2: decisions
    for _ in range(min(levers.cases, cases.ends[WAITING])):
        if levers.hub > 0.0:
            _move_to_head(_next_case(seed, day, levers.hub, trade), cases)
        i = leave_queue(cases.ring, cases.ends)
        cases.waiting[i] = 0
        chance = params.institutions.evidence if cases.evidence[i] > 0 else police.arrest
        cases.evidence[i] = 0
        u_arrest, u_up, u_down, u_further = uniforms(seed, Purpose.ARREST, day, i, 0)
        if retailers.state[i] >= State.LEFT or u_arrest >= chance:
            continue
        unit = cases.unit[i]
        trade.units.found[unit] += 1.0
        _arrest(row, i, unit, retailers, counters, trade)
        if u_up < police.upstream:
            further = u_further < police.supplier
            _raid_sources(seed, day, row, i, unit, further, levers.hub, police, trade)
        if u_down < police.downstream:
            _take_agent(seed, day, row, i, trade)
    # market.md 12.3: raids on suppliers by themselves
    if levers.raids > 0.0:
        for supplier in range(trade.books.start[Account.SUPPLIERS + 1]):
            if uniform(seed, Purpose.RAIDED, day, supplier, 0) < levers.raids:
                _raid(day, row, supplier, Enforcement.SUPPLIERS_RAIDED, police, trade)
    # market.md 21.3: once in four weeks hours move to the units that found more
    if row % MONTH == MONTH - 1:
        _reallocate(levers.shift, trade.units)


@part
def _file_cases(seed, day, row, levers, police, retailers, counters, trade):
    """File cases on referrals by moderators and at inspected stalls (market.md 12.1)."""
    effort, books = trade.units.effort, trade.books
    inspected = min(1.0, police.inspected * levers.police * effort[Unit.MARKETS])
    referred = min(1.0, police.referred * levers.sharing * effort[Unit.ONLINE])
    for i in range(retailers.state.size):
        if retailers.state[i] >= State.LEFT or retailers.state[i] == State.ABSENT:
            continue
        has_stall = trade.shops.stall[i] > 0
        if counters.sanction[i] == 0.0 and not has_stall:  # no draw is needed
            continue
        u_referred, u_inspected, _, _ = uniforms(seed, Purpose.REFERRAL, day, i, 0)
        holder = books.start[Account.RETAILERS] + i
        if counters.sanction[i] > 0.0 and u_referred < referred:
            count_enforcement(trade.records, row, Enforcement.REFERRALS, Channel.MOMENTS, 0)
            trade.units.known[holder] += int(RECORD_DAYS * trade.shops.sold[i])
            file_case(trade.cases, i, Unit.ONLINE)
        if has_stall and u_inspected < inspected:
            count_enforcement(trade.records, row, Enforcement.INSPECTIONS, Channel.PHYSICAL, 0)
            trade.units.known[holder] += stock_held(books, holder)
            file_case(trade.cases, i, Unit.MARKETS)


@array_kernel
def _buy_undercover(seed, day, row, purchases, params, retailers, counters, trade):
    """Buy from traders who post today; what is bought is evidence (market.md 21.6)."""
    posting = np.empty(retailers.state.size, np.int64)
    number = 0
    for i in range(retailers.state.size):
        posts = counters.moments[i] + counters.backup[i] + counters.groups[i]
        if is_in_trade(retailers.state[i]) and posts + counters.elsewhere[i] > 0:
            posting[number] = i
            number += 1
    for n in range(purchases if number > 0 else 0):
        u_whom, u_served, _, _ = uniforms(seed, Purpose.STING, day, n, 0)
        i = posting[min(int(u_whom * number), number - 1)]
        _buy_evidence(seed, day, row, i, n, u_served, params, retailers, trade)


@part
def _buy_evidence(seed, day, row, i, n, u_served, params, retailers, trade):
    """Buy a piece from a trader who serves strangers, and file a case (market.md 21.6)."""
    books, holder = trade.books, trade.books.start[Account.RETAILERS] + i
    product = displayed_product(seed, day, i, FIRST_STING + n, params.demand, trade)
    held = books.balance[holder, product]
    fear = max(retailers.risk[i] - params.perception.residual, 0.0)
    if held == 0 or u_served < params.institutions.vetting * fear:
        return
    mass = min(int(mean_piece(product, params.demand) * MILLIGRAMS), held)
    fen = fen_of(asking_price(i, product, retailers.risk[i], params.retail, trade), mass)
    move(books, product, holder, books.start[Account.SEIZED], mass)
    move(books, Item.MONEY, books.start[Account.INCOME], holder, fen)
    count_enforcement(trade.records, row, Enforcement.STINGS, Channel.MOMENTS, mass)
    file_case(trade.cases, i, Unit.ONLINE)
    trade.cases.evidence[i] = 1


@part
def _next_case(seed, day, hub, trade):
    """Return the place in the queue of the next case, by what police know (market.md 21.5)."""
    cases, known = trade.cases, trade.units.known
    first, number = trade.books.start[Account.RETAILERS], cases.ends[WAITING]
    total = 0.0
    for k in range(number):
        total += known[first + cases.ring[(cases.ends[HEAD] + k) % cases.ring.size]]
    best, chosen = np.inf, 0
    for k in range(number):
        i = cases.ring[(cases.ends[HEAD] + k) % cases.ring.size]
        weight = 1.0 - hub
        if total > 0.0:
            weight += hub * known[first + i] * number / total
        if weight > 0.0:
            time = -log(uniform(seed, Purpose.TARGET, day, i, 0)) / weight
            if time < best:
                best, chosen = time, k
    return chosen


@part
def _move_to_head(place, cases):
    """Move a case to the head of the queue; those before it move back by one (market.md 21.5)."""
    size, head = cases.ring.size, cases.ends[HEAD]
    i = cases.ring[(head + place) % size]
    for k in range(place, 0, -1):
        cases.ring[(head + k) % size] = cases.ring[(head + k - 1) % size]
    cases.ring[head] = i


@part
def _reallocate(shift, units):
    """Move hours to the units that found more for them, and forget what they found (21.3)."""
    parts = units.share.size
    if shift > 0.0:
        mean = 0.0
        for k in range(parts):
            mean += units.found[k] / (units.share[k] * units.effort[k])
        mean /= parts
        if mean > 0.0:
            total = 0.0
            for k in range(parts):
                share = units.share[k] * units.effort[k]
                units.effort[k] = share * exp(shift * (units.found[k] / share / mean - 1.0))
                total += units.effort[k]
            rest = 0.0
            for k in range(parts):
                units.effort[k] = max(units.effort[k] / total, LEAST_SHARE)
                rest += units.effort[k]
            for k in range(parts):
                units.effort[k] = units.effort[k] / rest / units.share[k]
    for k in range(parts):
        units.found[k] = 0.0


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
def _arrest(row, i, unit, retailers, counters, trade):
    """Arrest a trader for good and seize stock and money; ties hear of it (market.md 12.2)."""
    retailers.state[i] = State.ARRESTED
    counters.sanction[i] = 1.0
    counters.arrested[i] = 1
    books, shops, known = trade.books, trade.shops, trade.units.known
    holder = books.start[Account.RETAILERS] + i
    raw = books.balance[holder, RAW]
    mass = _seize(holder, trade)
    # market.md 21.4: whose goods they are
    if shops.supplier[i] >= 0:
        known[shops.supplier[i]] += raw
    if shops.processor[i] >= 0:
        known[shops.processor[i]] += mass - raw
    trade.units.found[unit] += mass / MILLIGRAMS_PER_KG
    count_enforcement(trade.records, row, Enforcement.ARRESTS, Channel.MOMENTS, mass)


@part
def _raid_sources(seed, day, row, i, unit, further, hub, police, trade):
    """Raid the usual processor of a trader, and further the supplier, or hubs (12.2, 21.5)."""
    books, found = trade.books, trade.units.found
    processor, supplier = trade.shops.processor[i], trade.shops.supplier[i]
    if hub > 0.0:
        _, u_hub, u_processor, u_supplier = uniforms(seed, Purpose.TARGET, day, i, 0)
        if u_hub < hub:
            first, end = books.start[Account.PROCESSORS], books.start[Account.PROCESSORS + 1]
            processor = _known_dealer(day, processor, first, end, u_processor, trade)
            first, end = books.start[Account.SUPPLIERS], books.start[Account.SUPPLIERS + 1]
            supplier = _known_dealer(day, supplier, first, end, u_supplier, trade)
    if processor >= 0:
        mass = _raid(day, row, processor, Enforcement.PROCESSORS_RAIDED, police, trade)
        found[unit] += mass / MILLIGRAMS_PER_KG
    if further and supplier >= 0:
        mass = _raid(day, row, supplier, Enforcement.SUPPLIERS_RAIDED, police, trade)
        found[unit] += mass / MILLIGRAMS_PER_KG


@part
def _known_dealer(day, usual, first, end, u, trade):
    """Return an open dealer in proportion to what police know, else the usual one (21.5)."""
    known, closed = trade.units.known, trade.dealers.closed_until
    total = 0.0
    for dealer in range(first, end):
        if closed[dealer] <= day:
            total += known[dealer]
    if total <= 0.0:
        return usual
    running, place = 0.0, u * total
    for dealer in range(first, end):
        if closed[dealer] <= day:
            running += known[dealer]
            if running > place:
                return np.int64(dealer)
    return usual


@part
def _raid(day, row, dealer, action, police, trade):
    """Raid a dealer who is not closed; return the mass seized, mg (market.md 12.2 and 12.3)."""
    if trade.dealers.closed_until[dealer] > day:
        return 0
    mass = _seize(dealer, trade)
    trade.units.known[dealer] = 0.0  # market.md 21.4: a raid uses up what is known
    _close_dealer(day, dealer, police, trade)
    count_enforcement(trade.records, row, action, Channel.PHYSICAL, mass)
    return mass


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
