"""Posts of dealers, and resale agents who leave, choose and are recruited (docs/market.md 19)."""

from collections import namedtuple

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

# Who forwards whose posts, as of the morning, by agent (see `_link_agents`)
Links = namedtuple("Links", "first following walk")

# Where an agent can be recruited (see `_free_places`)
FreePlaces = namedtuple("FreePlaces", "forwarders first")


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
    links = _link_agents(agents)
    for a in range(agents.retailer.size):
        if agents.active[a] > 0 and (row + a) % CHOICE_DAYS == 0:
            _reconsider(seed, day, row, a, number, retailers, motives, agents, links)
    places = _free_places(agents)
    for i in range(retailers.state.size):
        pays = retailers.state[i] == State.ACTIVE and motives.drive[i] > 1.0
        if (
            pays
            and (row + i) % RECRUIT_DAYS == 0
            and uniform(seed, Purpose.AGENT_RECRUITED, day, i, 0) < params.upstream.recruit
        ):
            _recruit_agent(seed, day, row, i, params.demand, retailers.state.size, trade, places)


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


@array_kernel
def _link_agents(agents):
    """Return lists of the agents who forward an agent's posts, and room for a walk along them.

    ``first[a]`` is one who forwards agent a's posts, ``following[b]`` another who forwards the same
    as b does; -1 ends a list.
    """
    first = np.full(agents.retailer.size, NOBODY)
    following = np.full(agents.retailer.size, NOBODY)
    for a in range(agents.retailer.size):
        upstream = agents.upstream[a]
        if upstream >= 0:
            following[a], first[upstream] = first[upstream], a
    return Links(first, following, np.empty(agents.retailer.size, np.int64))


@kernel
def _reconsider(seed, day, row, a, number, retailers, motives, agents, links):
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
    # those who forward this agent's posts, directly or not, forward the same trader's now
    links.walk[0] = a
    reached, seen = 1, 0
    while seen < reached:
        upstream = links.walk[seen]
        seen += 1
        other = links.first[upstream]
        while other >= 0:
            if agents.upstream[other] == upstream:  # as this morning
                number[agents.retailer[other]] -= agents.active[other]
                agents.retailer[other] = chosen
                number[chosen] += agents.active[other]
                links.walk[reached] = other
                reached += 1
            other = links.following[other]


@array_kernel
def _free_places(agents):
    """Return how many agents, in the trade or not, forward each agent's posts, and a first place.

    No place before that one is free.
    """
    forwarders = np.zeros(agents.retailer.size, np.int64)
    for a in range(agents.retailer.size):
        if agents.upstream[a] >= 0:
            forwarders[agents.upstream[a]] += 1
    return FreePlaces(forwarders, np.zeros(1, np.int64))


@part
def _recruit_agent(seed, day, row, i, demand, traders, trade, places):
    """Let a friend of a trader become an agent, if a place is free (market.md 19.4)."""
    agents, friends = trade.agents, trade.friends
    for a in range(places.first[0], agents.retailer.size):
        seller = traders + a
        places.first[0] = a + 1
        if agents.active[a] > 0 or friends.count[seller] > 0 or places.forwarders[a] > 0:
            continue
        upstream = agents.upstream[a]
        if upstream >= 0:
            places.forwarders[upstream] -= 1
            places.first[0] = min(places.first[0], upstream)
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
