"""Loss and replacement of sellers' friends (docs/market.md 9, "Friends")."""

import numpy as np

from marketsim.model.buyers import (
    SEEKERS,
    friend_at,
    lose_friends,
    remove_friend,
    seek_seller,
)
from marketsim.model.state import TRUST_STEPS, State, TradeCounter, draw_key
from marketsim.numerics.distributions import events
from marketsim.numerics.jit import kernel, part
from marketsim.numerics.rng import Purpose, uniform, uniforms

TURNOVER_DAYS = 10  # days between two updates of a seller's list
RECRUIT_DAYS = 7  # days between two rounds of recruiting
FROM_SEEKERS = 0.5  # recruits who look for a seller, while there are any


@kernel
def update_friend_lists(seed, day, row, levers, params, retailers, motives, trade):
    """Remove friends who do not follow to a new account, and recruit others.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day, row : int
        Date (ordinal) and row of the day.
    levers : Levers
        Levers of the day: `groups`, `elsewhere` and `friend_limit` are read.
    params : Params
        Parameters.
    retailers : Retailers
        `audience` and `recruits` are written.
    motives : Motives
        Drive is read.
    trade : TradeState
        Written: friends, seekers, `shops.audience`, counts.
    """
    traders, motive = retailers.state.size, params.motive
    openings = _openings(retailers, trade.seekers)
    recruits_agents = params.upstream.recruit > 0.0
    for seller in range(trade.friends.count.size):
        i = seller if seller < traders else trade.agents.retailer[seller - traders]
        # market.md 9 (friends 1): an account lost has cost a share of the audience
        if seller < traders and retailers.audience[i] < trade.shops.audience[i]:
            kept_share = retailers.audience[i] / trade.shops.audience[i]
            trade.shops.audience[i] = retailers.audience[i]
            lose_friends(seed, day, row, i, i, kept_share, motive.seek, trade)
        seller_key, state = draw_key(seller, traders), retailers.state[i]
        # market.md 9 (friends 3): friends of a trader who is gone look for another
        if seller < traders and state >= State.LEFT and motive.seek > 0.0:
            _release_friends(seed, day, row, seller, seller_key, motive.seek, trade)
        if seller >= traders and recruits_agents and trade.agents.active[seller - traders] == 0:
            _release_friends(seed, day, row, seller, seller_key, motive.seek, trade)
            continue
        # market.md 9 (friends 4): lost friends are replaced by recruits, week by week
        has_account = state != State.ABSENT and state < State.BANNED
        if seller < traders and has_account and (row + seller_key) % RECRUIT_DAYS == 0:
            _recruit(seed, day, row, i, openings, levers, params, retailers, motives, trade)


@kernel
def replace_friends(seed, day, row, params, retailers, trade, changes, start, stop):
    """Replace some friends of sellers by others; it follows `update_friend_lists`.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day, row : int
        Date (ordinal) and row of the day.
    params : Params
        Parameters.
    retailers : Retailers
        Read.
    trade : TradeState
        Friends are written.
    changes : ndarray of int64, shape (2,)
        Numbers of friends lost and added are added to it.
    start, stop : int
        The first seller, and the end (exclusive).
    """
    traders = retailers.state.size
    recruits_agents = params.upstream.recruit > 0.0
    for seller in range(start, stop):
        i = seller if seller < traders else trade.agents.retailer[seller - traders]
        if seller >= traders and recruits_agents and trade.agents.active[seller - traders] == 0:
            continue
        # market.md 9 (friends 2): every tenth day, on a day that depends on the seller
        seller_key, state = draw_key(seller, traders), retailers.state[i]
        is_present = state != State.ABSENT and state < State.LEFT
        if is_present and (row + seller_key) % TURNOVER_DAYS == 0:
            _replace_some(seed, day, seller, seller_key, params.demand, trade, changes)


@kernel
def count_changes(row, changes, counts):
    """Add the friends that `replace_friends` lost and added to the counts of the day.

    Parameters
    ----------
    row : int
        Row of the day.
    changes : ndarray of int64, shape (parts, 2)
        Cleared.
    counts : ndarray of int64, shape (days, columns of TradeCounter)
        Row `row` is written.
    """
    for k in range(changes.shape[0]):
        counts[row, TradeCounter.FRIENDS_LOST] += changes[k, 0]
        counts[row, TradeCounter.FRIENDS_ADDED] += changes[k, 1]
        changes[k, 0], changes[k, 1] = 0, 0


@part
def _openings(retailers, seekers):
    """Return the seekers for each recent post of all traders (market.md 9, friends 4)."""
    if seekers.ends[SEEKERS] == 0:
        return 0.0
    recent = 0.0
    for i in range(retailers.state.size):
        if retailers.state[i] != State.ABSENT and retailers.state[i] < State.BANNED:
            recent += retailers.recent[i]
    return seekers.ends[SEEKERS] / recent if recent > 0.0 else 0.0


@part
def _release_friends(seed, day, row, seller, seller_key, seek, trade):
    """Remove all friends of a seller who is gone; some look for another seller."""
    friends = trade.friends
    for place in range(friends.count[seller]):
        buyer = np.int64(friends.buyer[friends.start[seller] + place])
        seek_seller(seed, day, seller_key, buyer, seek, trade.seekers)
    trade.records.counts[row, TradeCounter.FRIENDS_LOST] += friends.count[seller]
    friends.count[seller] = 0
    friends.customers[seller] = 0


@part
def _recruit(seed, day, row, i, openings, levers, params, retailers, motives, trade):
    """Recruit some of the friends that a trader misses, and take on seekers who find him."""
    friends, motive = trade.friends, params.motive
    # a third of recruits each is introduced, met in groups, met in open places
    rate = motive.recruiting * (1.0 + levers.groups + levers.elsewhere) / 3.0
    if rate == 0.0:
        return
    share = rate * min(motives.drive[i], 1.0)
    retailers.audience[i] += share * (1.0 - retailers.audience[i])
    trade.shops.audience[i] = retailers.audience[i]
    limit = min(friends.start[i + 1] - friends.start[i], int(levers.friend_limit))
    missing = max(min(friends.wanted[i], limit) - friends.count[i], 0)
    u_recruits, u_finders, _, _ = uniforms(seed, Purpose.RECRUITS, day, i, 0)
    recruits = min(events(u_recruits, share * missing), missing)
    # seekers find those who post most
    finders = events(u_finders, rate * openings * retailers.recent[i])
    for k in range(min(recruits + finders, limit - friends.count[i])):
        draws = uniforms(seed, Purpose.RECRUITED, day, i, k)
        buyer = _new_friend(k >= recruits, draws, trade)
        if buyer < 0:
            return
        last = friends.start[i] + friends.count[i]
        friends.buyer[last] = buyer
        friends.trust[last] = int(params.demand.trust * TRUST_STEPS)
        friends.count[i] += 1
        retailers.recruits[i] += 1.0
        trade.records.counts[row, TradeCounter.FRIENDS_ADDED] += 1


@part
def _new_friend(is_finder, draws, trade):
    """Return a seeker, or a recruit who may be one; -1 if there is none."""
    u_buyer, u_seeker, u_place, _ = draws
    seekers, number = trade.seekers, trade.seekers.ends[SEEKERS]
    if number > 0 and (is_finder or u_seeker < FROM_SEEKERS):
        place = min(int(u_place * number), number - 1)
        buyer = np.int64(seekers.buyer[place])
        seekers.buyer[place] = seekers.buyer[number - 1]
        seekers.ends[SEEKERS] -= 1
        return buyer
    if is_finder or trade.buyers.risk.size == 0:
        return np.int64(-1)
    return np.int64(u_buyer * trade.buyers.risk.size)


@part
def _replace_some(seed, day, seller, seller_key, demand, trade, changes):
    """Replace some friends of a seller by buyers drawn evenly."""
    friends, buyers = trade.friends, trade.buyers.risk.size
    u = uniform(seed, Purpose.FRIENDS_GO, day, seller_key, 0)
    for k in range(int(friends.count[seller] * demand.friends_leave * TURNOVER_DAYS + u)):
        number = friends.count[seller]
        if number == 0:
            return
        u_goes, u_comes, u_replaced, _ = uniforms(seed, Purpose.FRIEND_GOES, day, seller_key, k)
        remove_friend(friends, seller, friend_at(friends, seller, number, u_goes))
        changes[0] += 1
        if u_replaced * number >= friends.wanted[seller]:  # friends beyond those wanted are not
            continue
        last = friends.start[seller] + friends.count[seller]
        friends.buyer[last] = int(u_comes * buyers)
        friends.trust[last] = int(demand.trust * TRUST_STEPS)
        friends.count[seller] += 1
        changes[1] += 1
