"""Loss and replacement of sellers' friends (docs/market.md 9, "Friends")."""

import numpy as np

from marketsim.model.buyers import friend_at, remove_friend
from marketsim.model.state import TRUST_STEPS, State, TradeCounter, draw_key
from marketsim.numerics.jit import kernel, part
from marketsim.numerics.rng import Purpose, uniform, uniforms

TURNOVER_DAYS = 10  # days between two updates of a seller's list


@kernel
def update_friend_lists(seed, day, row, params, retailers, trade):
    """Remove friends who do not follow to a new account, and replace friends over time.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day, row : int
        Date (ordinal) and row of the day.
    params : Params
        Parameters.
    retailers : Retailers
        `audience` and `state` are read.
    trade : TradeState
        Written: friends, `shops.audience`, counts.
    """
    traders = retailers.state.size
    for seller in range(trade.friends.count.size):
        i = seller if seller < traders else trade.agents.retailer[seller - traders]
        # market.md 9 (friends 1): an account lost has cost a share of the audience
        if seller < traders and retailers.audience[i] < trade.shops.audience[i]:
            _remove_lost_audience(seed, day, row, i, retailers.audience[i], trade)
        # market.md 9 (friends 2): every tenth day, on a day that depends on the seller
        seller_key, state = draw_key(seller, traders), retailers.state[i]
        is_present = state != State.ABSENT and state < State.LEFT
        if is_present and (row + seller_key) % TURNOVER_DAYS == 0:
            _replace_friends(seed, day, row, seller, seller_key, params.demand, trade)


@part
def _remove_lost_audience(seed, day, row, i, audience, trade):
    """Remove the friends of a trader who do not follow to the new account."""
    friends = trade.friends
    kept_share = audience / trade.shops.audience[i]
    trade.shops.audience[i] = audience
    for place in range(friends.count[i] - 1, -1, -1):  # from the end, since removal moves places
        buyer = np.int64(friends.buyer[friends.start[i] + place])
        if uniform(seed, Purpose.KEPT, day, i, buyer) >= kept_share:
            remove_friend(friends, i, friends.start[i] + place)
            trade.records.counts[row, TradeCounter.FRIENDS_LOST] += 1


@part
def _replace_friends(seed, day, row, seller, seller_key, demand, trade):
    """Replace some friends of a seller by buyers drawn evenly."""
    friends, buyers = trade.friends, trade.buyers.risk.size
    u = uniform(seed, Purpose.FRIENDS_GO, day, seller_key, 0)
    for k in range(int(friends.count[seller] * demand.friends_leave * TURNOVER_DAYS + u)):
        number = friends.count[seller]
        if number == 0:
            return
        u_goes, u_comes, u_replaced, _ = uniforms(seed, Purpose.FRIEND_GOES, day, seller_key, k)
        remove_friend(friends, seller, friend_at(friends, seller, number, u_goes))
        trade.records.counts[row, TradeCounter.FRIENDS_LOST] += 1
        if u_replaced * number >= friends.wanted[seller]:
            continue
        last = friends.start[seller] + friends.count[seller]
        friends.buyer[last] = int(u_comes * buyers)
        friends.trust[last] = int(demand.trust * TRUST_STEPS)
        friends.count[seller] += 1
        trade.records.counts[row, TradeCounter.FRIENDS_ADDED] += 1
