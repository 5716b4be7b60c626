"""Moderation of groups and places elsewhere by their operators (docs/market.md 20)."""

import numpy as np

from marketsim.model.buyers import lose_friends
from marketsim.model.state import (
    BAN,
    FIRST_AGENT_KEY,
    GUARDED_DAYS,
    LIMIT,
    PORTALS_DESK,
    SUSPENSION,
    WAITING,
    WEBSITES_DESK,
    Case,
    Channel,
    Desk,
    Enforcement,
    Operator,
    Place,
    State,
    count_enforcement,
    desk_of,
    is_in_trade,
    join_queue,
    leave_queue,
    operator_of,
)
from marketsim.numerics.distributions import first_in_race, in_turn
from marketsim.numerics.elementary import whole_power
from marketsim.numerics.jit import array_kernel, part
from marketsim.numerics.rng import Purpose, uniforms

WEEK = 7.0  # days
DESKS, OPERATORS = len(Desk), len(Operator)
PUBLIC, SOCIAL, WEBSITES = int(Place.PUBLIC), int(Place.SOCIAL), int(Place.WEBSITES)


@array_kernel
def moderate_places(seed, day, row, levers, params, retailers, counters, queue, trade):
    """Moderate groups and places elsewhere, sweep accounts, and share what operators know.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day, row : int
        Date (ordinal) and row of the day.
    levers : Levers
        Levers of the day: `reports`, those of operators' staff and recall, of swept accounts, and
        of what is shared are read.
    params : Params
        Parameters.
    retailers : Retailers
        `guarded_until` and `case_open` are written.
    counters : DayCounters
        `loss` is written.
    queue : Queue
        Cases shared with Tencent join it.
    trade : TradeState
        Written: places; agents' and dealers' accounts, friends of agents, counts.
    """
    places, staff = trade.places, params.institutions.staff
    for i in range(places.sanctioned.size):
        places.sanctioned[i] = 0
    swept = levers.swept_public + levers.swept_social + levers.swept_websites
    if staff > 0.0 or swept > 0 or levers.pooling > 0.0:
        # market.md 20.1: accounts, and flags of posts
        turns = np.empty((DESKS, retailers.state.size))
        flagged = np.empty((DESKS, retailers.state.size), np.int64)
        numbers = np.zeros(DESKS, np.int64)
        for i in range(retailers.state.size):
            posts = counters.groups[i] + counters.elsewhere[i]
            if posts > 0 and is_in_trade(retailers.state[i]):
                _watch(seed, day, i, staff > 0.0, levers, params, retailers, counters, places,
                       turns, flagged, numbers)  # fmt: skip
        for desk in range(DESKS):
            number = numbers[desk]
            for k in in_turn(turns[desk, :number]):
                _join(desk, flagged[desk, k], places)
        # market.md 20.2: decisions
        for desk in range(DESKS):
            capacity = _capacity(desk, levers)
            for _ in range(min(capacity, places.ends[desk, WAITING])):
                _decide(seed, day, row, desk, params, retailers, counters, places, trade.records)
        # market.md 20.3: sweeps of accounts elsewhere
        _sweep_place(seed, day, row, PUBLIC, Purpose.SWEPT_PUBLIC, levers.swept_public,
                     params, retailers, counters, places, trade.records)  # fmt: skip
        _sweep_place(seed, day, row, SOCIAL, Purpose.SWEPT_SOCIAL, levers.swept_social,
                     params, retailers, counters, places, trade.records)  # fmt: skip
        _sweep_place(seed, day, row, WEBSITES, Purpose.SWEPT_WEBSITES, levers.swept_websites,
                     params, retailers, counters, places, trade.records)  # fmt: skip
    # market.md 20.4: sweeps of agents and dealers
    if levers.swept_agents > 0:
        _sweep_agents(seed, day, row, levers.swept_agents, params, retailers.state.size, trade)
    if levers.swept_dealers > 0:
        _sweep_dealers(seed, day, row, levers.swept_dealers, params, trade)
    # market.md 20.5: what operators share
    if levers.pooling > 0.0:
        for operator in range(OPERATORS):
            if (levers.pooled_operators >> operator) & 1 == 1:
                _share(seed, day, row, operator, levers, retailers, counters, queue, trade)


@part
def _watch(seed, day, i, watches, levers, params, retailers, counters, places, turns, flagged,
           numbers):  # fmt: skip
    """Open a trader's accounts and flag posts in groups and elsewhere (market.md 20.1)."""
    for source in range(2):
        posts = counters.groups[i] if source == 0 else counters.elsewhere[i]
        if posts == 0:
            continue
        place = 0 if source == 0 else places.platform[i] - 1
        places.account[place, i] = 1
        if not watches or places.case[place, i] > 0:
            continue
        desk = desk_of(place, places.portal[i])
        missed = _missed(day, i, place, desk, levers, params, retailers)
        if missed < 1.0:  # else no draw is needed
            u = uniforms(seed, Purpose.FLAGGED_ELSEWHERE, day, i, 0)[place]
            if u >= whole_power(missed, posts):
                turn = uniforms(seed, Purpose.ELSEWHERE_TURN, day, i, 0)[place]
                turns[desk, numbers[desk]] = turn
                flagged[desk, numbers[desk]] = i
                numbers[desk] += 1


@part
def _missed(day, i, place, desk, levers, params, retailers):
    """Return the probability that a post is neither detected nor reported (market.md 20.1)."""
    institutions, moderation = params.institutions, params.moderation
    known, relative = 0.0, institutions.reports_groups
    if place > 0:
        hidden = params.motive.evade if retailers.guarded_until[i] > day else 0.0
        recall = institutions.recall * _recall(operator_of(desk), levers)
        known, relative = min(1.0, recall) * (1.0 - hidden), 1.0
    reported = moderation.report_rate * levers.reports * moderation.outsiders * relative
    return (1.0 - known) * (1.0 - min(1.0, reported))


@part
def _recall(operator, levers):
    """Return the lever of the share of posts that an operator detects."""
    if operator == Operator.TENCENT:
        return levers.recall_tencent
    return levers.recall_portals if operator == Operator.PORTALS else levers.recall_websites


@part
def _capacity(desk, levers):
    """Return the cases that a desk can decide today (market.md 20.2)."""
    operator = operator_of(desk)
    if operator == Operator.TENCENT:
        return levers.staff_tencent
    return levers.staff_portals if operator == Operator.PORTALS else levers.staff_websites


@part
def _join(desk, i, places):
    """Put a trader at the end of the queue of a desk."""
    join_queue(places.ring[desk], places.ends[desk], i)
    places.case[_place_of(desk), i] = 1


@part
def _place_of(desk):
    """Return the number of the `Place` of a desk (market.md 20)."""
    return desk if desk < PORTALS_DESK else desk - 1


@part
def _decide(seed, day, row, desk, params, retailers, counters, places, records):
    """Decide the case at the head of a desk's queue (market.md 20.2)."""
    place = _place_of(desk)
    i = leave_queue(places.ring[desk], places.ends[desk])
    places.case[place, i] = 0
    if not is_in_trade(retailers.state[i]) or places.account[place, i] == 0:
        return
    if uniforms(seed, Purpose.ELSEWHERE_REVIEW, day, i, 0)[place] < params.moderation.upheld:
        strikes = places.strikes[place, i] + 1
        _punish(day, row, i, place, strikes, params, retailers, counters, places, records)


@part
def _punish(day, row, i, place, strikes, params, retailers, counters, places, records):
    """Sanction a trader at a place: bar the account for a time, or close it (market.md 20.2)."""
    moderation, channel = params.moderation, place + 1
    places.sanctioned[i] |= 1 << operator_of(desk_of(place, places.portal[i]))
    counters.loss[i] = max(counters.loss[i], params.perception.deletion)
    retailers.guarded_until[i] = day + 1 + GUARDED_DAYS
    count_enforcement(records, row, Enforcement.ELSEWHERE_SANCTIONED, channel, 0)
    days = moderation.mute_days
    if strikes == LIMIT:
        days = moderation.limit_days
    elif strikes == SUSPENSION:
        days = moderation.suspend_days
    elif strikes >= BAN:
        days, strikes = WEEK * params.institutions.reopen, 0
        places.account[place, i] = 0
        count_enforcement(records, row, Enforcement.ELSEWHERE_CLOSED, channel, 0)
    places.strikes[place, i] = strikes
    free = day + 1 + np.int64(days)
    places.barred_until[place, i] = max(places.barred_until[place, i], free)


@array_kernel
def _sweep_place(
    seed, day, row, place, purpose, accounts, params, retailers, counters, places, records
):
    """Close the accounts of traders drawn evenly at a place (market.md 20.3)."""
    if accounts == 0:
        return
    odds = np.zeros(retailers.state.size)
    for i in range(odds.size):
        if is_in_trade(retailers.state[i]) and places.account[place, i] > 0:
            odds[i] = 1.0
    for i in first_in_race(seed, purpose, day, odds, accounts):
        _punish(day, row, i, place, BAN, params, retailers, counters, places, records)


@array_kernel
def _sweep_agents(seed, day, row, accounts, params, traders, trade):
    """Ban the accounts of agents drawn evenly; some friends do not follow (market.md 20.4)."""
    agents = trade.agents
    odds = np.zeros(agents.retailer.size)
    for a in range(odds.size):
        if agents.active[a] > 0 and agents.banned_until[a] <= day:
            odds[a] = 1.0
    for a in first_in_race(seed, Purpose.SWEPT_AGENTS, day, odds, accounts):
        u, _, _, _ = uniforms(seed, Purpose.SWEPT_BACK, day, a, 0)
        agents.banned_until[a] = day + 1 + int(u * params.accounts.return_days)
        count_enforcement(trade.records, row, Enforcement.AGENTS_BANNED, Channel.MOMENTS, 0)
        kept = params.accounts.kept_cold
        key = FIRST_AGENT_KEY + a
        lose_friends(seed, day, row, traders + a, key, kept, params.motive.seek, trade)


@array_kernel
def _sweep_dealers(seed, day, row, accounts, params, trade):
    """Ban the accounts of dealers drawn evenly (market.md 20.4)."""
    dealers = trade.dealers
    odds = np.zeros(dealers.risk.size)
    for dealer in range(odds.size):
        if dealers.banned_until[dealer] <= day:
            odds[dealer] = 1.0
    for dealer in first_in_race(seed, Purpose.SWEPT_DEALERS, day, odds, accounts):
        _, u, _, _ = uniforms(seed, Purpose.SWEPT_BACK, day, dealer, 0)
        dealers.banned_until[dealer] = day + 1 + int(u * params.accounts.return_days)
        count_enforcement(trade.records, row, Enforcement.DEALERS_BANNED, Channel.MOMENTS, 0)


@array_kernel
def _share(seed, day, row, operator, levers, retailers, counters, queue, trade):
    """Open cases with an operator for traders whom others have sanctioned (market.md 20.5)."""
    places = trade.places
    told = np.empty(retailers.state.size, np.int64)
    turns = np.empty(retailers.state.size)
    number = 0
    for i in range(retailers.state.size):
        sanctioned = np.int64(places.sanctioned[i])
        if counters.sanction[i] > 0.0:
            sanctioned |= 1 << Operator.TENCENT
        others = sanctioned & levers.pooled_operators
        if others == 0 or (sanctioned >> operator) & 1 == 1:
            continue
        if not _may_open(i, operator, retailers, places):
            continue
        u = uniforms(seed, Purpose.POOLED, day, i, 0)[operator]
        if u < levers.pooling:
            told[number], turns[number] = i, u
            number += 1
    for k in in_turn(turns[:number]):
        _open(row, told[k], operator, retailers, queue, places, trade.records)


@part
def _may_open(i, operator, retailers, places):
    """Return whether an operator can open a case on a trader (market.md 20.5)."""
    if not is_in_trade(retailers.state[i]):
        return False
    if operator == Operator.TENCENT:
        has_case = retailers.case_open[i] != np.int8(Case.NONE)
        return retailers.state[i] != State.BANNED and not has_case
    place = SOCIAL if operator == Operator.PORTALS else WEBSITES
    is_there = operator == Operator.WEBSITES or places.portal[i] > 0
    return is_there and places.account[place, i] > 0 and places.case[place, i] == 0


@part
def _open(row, i, operator, retailers, queue, places, records):
    """Open a case with an operator: in Moments, on portals or on websites (market.md 20.5)."""
    channel = 0
    if operator == Operator.TENCENT:
        join_queue(queue.ring, queue.ends, i)
        retailers.case_open[i] = Case.OPEN
    elif operator == Operator.PORTALS:
        channel = SOCIAL + 1
        _join(PORTALS_DESK, i, places)
    else:
        channel = WEBSITES + 1
        _join(WEBSITES_DESK, i, places)
    count_enforcement(records, row, Enforcement.CASES_SHARED, channel, 0)
