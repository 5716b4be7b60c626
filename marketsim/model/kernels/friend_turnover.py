"""Who stays a seller's friend: after the loss of an account, and as time goes by."""

import numpy as np

from marketsim.model.buyers import friend_at, remove_friend
from marketsim.model.state import SURE, State, TradeCounter, draw_key
from marketsim.numerics.jit import kernel, part
from marketsim.numerics.rng import Purpose, uniform, uniforms

FRIENDS_DAYS = 10  # on every tenth day a seller sees which friends have gone


@kernel
def update_friend_lists(seed, day, row, demand, traders, trade):
    """Strike off friends who do not follow to a new account; let others go and come.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day, row : int
        Ordinal of the day, and its number in the run.
    demand : DemandValues
        Parameters.
    traders : Retailers
        `audience` and `state` are read.
    trade : TradeState
        Written: friends, `shops.audience`, tallies.
    """
    retailers = traders.state.size
    for seller in range(trade.friends.count.size):
        i = seller if seller < retailers else trade.agents.retailer[seller - retailers]
        if seller < retailers and traders.audience[i] < trade.shops.audience[i]:
            _strike_off(seed, day, row, i, traders.audience[i], trade)
        who, state = draw_key(seller, retailers), traders.state[i]
        in_trade = state != State.ABSENT and state < State.LEFT
        if in_trade and (row + who) % FRIENDS_DAYS == 0:
            _change(seed, day, row, seller, who, demand, trade)


@part
def _strike_off(seed, day, row, i, audience, trade):
    """Strike off the friends who do not follow to a new account."""
    friends = trade.friends
    kept_share = audience / trade.shops.audience[i]
    trade.shops.audience[i] = audience
    for place in range(friends.count[i] - 1, -1, -1):  # from behind, since places change
        who = np.int64(friends.buyer[friends.start[i] + place])
        if uniform(seed, Purpose.KEPT, day, i, who) >= kept_share:
            remove_friend(friends, i, friends.start[i] + place)
            trade.records.counts[row, TradeCounter.FRIENDS_LOST] += 1


@part
def _change(seed, day, row, seller, who, demand, trade):
    """Let some friends of a seller go, and as many others come."""
    friends, buyers = trade.friends, trade.buyers.risk.size
    u = uniform(seed, Purpose.FRIENDS_GO, day, who, 0)
    for k in range(int(friends.count[seller] * demand.friends_leave * FRIENDS_DAYS + u)):
        number = friends.count[seller]
        if number == 0:
            return
        u_goes, u_comes, _, _ = uniforms(seed, Purpose.FRIEND_GOES, day, who, k)
        remove_friend(friends, seller, friend_at(friends, seller, number, u_goes))
        last = friends.start[seller] + friends.count[seller]
        friends.buyer[last] = int(u_comes * buyers)
        friends.trust[last] = int(demand.trust * SURE)
        friends.count[seller] += 1
        trade.records.counts[row, TradeCounter.FRIENDS_LOST] += 1
        trade.records.counts[row, TradeCounter.FRIENDS_ADDED] += 1
