"""Posts of dealers, and resale agents who leave, choose and are recruited (docs/market.md 19)."""

import numpy as np

from marketsim.model.buyers import mean_piece
from marketsim.model.ledger import MILLIGRAMS, PRODUCTS
from marketsim.model.state import (
    FIRST_AGENT_KEY,
    NOBODY,
    TRUST_STEPS,
    State,
    TradeCounter,
    is_in_trade,
)
from marketsim.numerics.distributions import events
from marketsim.numerics.elementary import log
from marketsim.numerics.jit import array_kernel, kernel, part
from marketsim.numerics.rng import Purpose, uniform, uniforms

MONTH = 30.0  # days
CHOICE_DAYS = 28  # days between two choices of an agent
PATIENCE_DAYS = 91  # without a deal, after which an agent leaves
CANDIDATES = 8  # traders that an agent looks at, the present one included
RECRUIT_DAYS = 7  # days between two chances to recruit an agent


@array_kernel
def update_upstream(seed, day, row, params, retailers, motives, trade):
    """Let dealers post, and let agents leave, choose a trader and be recruited.

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
    motives : Motives
        Drive is read.
    trade : TradeState
        Written: agents, friends of new agents, counts.
    """
    _post_offers(seed, day, row, params, trade)
    if params.upstream.recruit == 0.0:
        return
    # market.md 19.4: how many agents forward the posts of each trader
    agents = trade.agents
    number = np.zeros(retailers.state.size, np.int64)
    for a in range(agents.retailer.size):
        number[agents.retailer[a]] += agents.active[a]
    for a in range(agents.retailer.size):
        if agents.active[a] > 0 and (row + a) % CHOICE_DAYS == 0:
            _reconsider(seed, day, row, a, number, retailers, motives, agents)
    for i in range(retailers.state.size):
        pays = retailers.state[i] == State.ACTIVE and motives.drive[i] > 1.0
        if (
            pays
            and (row + i) % RECRUIT_DAYS == 0
            and uniform(seed, Purpose.AGENT_RECRUITED, day, i, 0) < params.upstream.recruit
        ):
            _recruit_agent(seed, day, row, i, params.demand, retailers.state.size, trade)


@kernel
def _post_offers(seed, day, row, params, trade):
    """Let dealers show traders what they have in stock (market.md 19.3)."""
    dealers, rate = trade.dealers, params.upstream.posts / MONTH
    for dealer in range(dealers.size.size):
        posts = 0
        is_open = dealers.closed_until[dealer] <= day and dealers.banned_until[dealer] <= day
        if is_open and rate > 0.0:
            pieces = 0.0
            for product in range(PRODUCTS):
                piece = mean_piece(product, params.demand) * MILLIGRAMS
                pieces += trade.books.balance[dealer, product] / piece
            posts = events(uniform(seed, Purpose.DEALER_POSTS, day, dealer, 0), rate * pieces)
        trade.records.counts[row, TradeCounter.DEALER_POSTS] += posts


@kernel
def _reconsider(seed, day, row, a, number, retailers, motives, agents):
    """Let an agent leave, or choose the trader whose posts it forwards (market.md 19.4).

    `number` of active agents by trader is kept up to date.
    """
    before = agents.retailer[a]
    upstream = agents.upstream[a]
    if row - agents.last_deal[a] > PATIENCE_DAYS:
        agents.active[a] = 0
        number[before] -= 1
        return
    if upstream >= 0 and agents.active[upstream] == 0:
        agents.upstream[a] = upstream = NOBODY
        agents.tier[a] = 1
    if upstream >= 0:
        return
    number[before] -= 1  # an agent does not compete with itself
    chosen, best = np.int64(NOBODY), np.inf
    for k in range(CANDIDATES):
        u_race, u_candidate, _, _ = uniforms(seed, Purpose.AGENT_CHOICE, day, a, k)
        candidate = before if k == 0 else np.int64(u_candidate * retailers.state.size)
        weight = 0.0
        state = retailers.state[candidate]
        if is_in_trade(state) and state != State.BANNED:
            weight = retailers.recent[candidate] * motives.drive[candidate]
            weight /= 1.0 + number[candidate]
        if weight > 0.0 and -log(u_race) / weight < best:
            chosen, best = candidate, -log(u_race) / weight
    if chosen < 0:
        agents.active[a] = 0
        return
    number[chosen] += 1
    agents.retailer[a] = chosen
    # those who forward this agent's posts forward the same trader's now
    for other in range(agents.retailer.size):
        if other != a and _is_downstream(other, a, agents):
            number[agents.retailer[other]] -= agents.active[other]
            agents.retailer[other] = chosen
            number[chosen] += agents.active[other]


@part
def _is_downstream(agent, of, agents):
    """Return whether an agent's posts come from another, directly or through others."""
    while agent >= 0:
        if agent == of:
            return True
        agent = agents.upstream[agent]
    return False


@part
def _is_forwarded(agent, agents):
    """Return whether any agent, in the trade or not, forwards the posts of another."""
    found = False
    for other in range(agents.retailer.size):
        found |= agents.upstream[other] == agent
    return found


@part
def _recruit_agent(seed, day, row, i, demand, traders, trade):
    """Let a friend of a trader become an agent, if a place is free (market.md 19.4)."""
    agents, friends = trade.agents, trade.friends
    for a in range(agents.retailer.size):
        seller = traders + a
        if agents.active[a] > 0 or friends.count[seller] > 0 or _is_forwarded(a, agents):
            continue
        agents.active[a], agents.tier[a], agents.upstream[a] = 1, 1, NOBODY
        agents.retailer[a], agents.last_deal[a] = i, row
        agents.banned_until[a] = 0
        first, key = friends.start[seller], FIRST_AGENT_KEY + a
        for n in range(friends.wanted[seller]):
            u = uniform(seed, Purpose.AGENT_FRIEND, day, key, n)
            friends.buyer[first + n] = int(u * trade.buyers.risk.size)
            friends.trust[first + n] = int(demand.trust * TRUST_STEPS)
        friends.count[seller], friends.customers[seller] = friends.wanted[seller], 0
        trade.records.counts[row, TradeCounter.FRIENDS_ADDED] += friends.wanted[seller]
        return
