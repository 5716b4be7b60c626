"""Traits, perceived risk, satiety and friendships of buyers (docs/market.md 2, 9, 18)."""

import numpy as np

from marketsim.model.ledger import MILLIGRAMS, PRODUCTS
from marketsim.model.state import NOBODY, AtRest, Segment, TradeCounter
from marketsim.numerics.elementary import LN_2, exp, normal_quantile
from marketsim.numerics.jit import part
from marketsim.numerics.rng import Purpose, uniform, uniforms

GIFT, COLLECTOR = int(Segment.GIFT), int(Segment.COLLECTOR)
SEEKERS, NEXT = 0, 1  # of `Seekers.ends`
INVESTOR, TRAVELLER = int(Segment.INVESTOR), int(Segment.TRAVELLER)


@part
def buyer_traits(seed, buyer, demand):
    """Return the uniform of willingness, the favourite product, and the uniforms of habit, segment.

    Traits are not stored: each use draws them again from keys that never change.
    """
    u_willing, u_taste, u_habit, u_segment = uniforms(seed, Purpose.WILLINGNESS, 0, buyer, 0)
    edge_raw = demand.taste_raw
    edge_semi = edge_raw + demand.taste_semi
    edge_uncarved = edge_semi + demand.taste_uncarved
    total = edge_uncarved + demand.taste_carved
    position, favourite = u_taste * total, PRODUCTS - 1
    if position < edge_raw:
        favourite = 0
    elif position < edge_semi:
        favourite = 1
    elif position < edge_uncarved:
        favourite = 2
    return u_willing, favourite, u_habit, u_segment


@part
def liking(product, favourite, demand):
    """Return the chance of a buyer to like a product (market.md 9, inquiry 5)."""
    return 1.0 if favourite == product else demand.second_choice_prob


@part
def segment_of(u, buyers):
    """Return the segment of a buyer at quantile u (market.md 18.1)."""
    investors = buyers.collector + buyers.investor
    if u < buyers.collector:
        return COLLECTOR
    if u < investors:
        return INVESTOR
    if u < investors + buyers.traveller:
        return TRAVELLER
    return GIFT


@part
def segments_mean(levers, buyers):
    """Return the mean over buyers of the levers of their segments, 1 at rest (market.md 18.1)."""
    gift = 1.0 - (buyers.collector + buyers.investor + buyers.traveller)
    mean = gift * (levers.demand_gift - 1.0) + buyers.collector * (levers.demand_collector - 1.0)
    mean = mean + buyers.investor * (levers.demand_investor - 1.0)
    return 1.0 + (mean + buyers.traveller * (levers.demand_traveller - 1.0))


@part
def half_life(segment, buyers):
    """Return the days in which half of a buyer's satiety fades; 0 if none is felt (18.2)."""
    if segment == INVESTOR:
        return 0.0
    if segment == COLLECTOR:
        return 7.0 * (buyers.tires / 4.0)
    return 7.0 * buyers.tires


@part
def satiety(row, buyer, u_willing, favourite, half, params, trade):
    """Return how far a buyer is sated, 0 to 1 (market.md 18.2); half: days, see `half_life`."""
    at_rest = 0.0
    if trade.buyers.bought[buyer] < 0:
        z = normal_quantile(u_willing)
        worth = exp(params.demand.spread * z)
        at_rest = satiety_at_rest(row, buyer, z, worth, favourite, half, params, trade.buyers)
    return satiety_now(row, buyer, at_rest, half, trade.buyers)


@part
def satiety_now(row, buyer, at_rest, half, buyers):
    """Return the satiety of a buyer; `at_rest` is that of one who has not bought in the run."""
    if half == 0.0:
        return 0.0
    bought = buyers.bought[buyer]
    if bought < 0:
        return at_rest
    return np.float64(buyers.sated[buyer]) * exp(-LN_2 * (row - bought) / half)


@part
def satiety_at_rest(row, buyer, z, worth, favourite, half, params, buyers):
    """Return what is left of the satiety of a buyer in a market at rest (market.md 18.2).

    `z` is the quantile of willingness to pay, `worth` the factor on it.
    """
    if half == 0.0:
        return 0.0
    budget = params.buyers.budget * worth
    purchases, liked, steps, at_rest = 0.0, 0.0, 0.0, buyers.at_rest
    for product in range(PRODUCTS):
        bought = at_rest[AtRest.BOUGHT, product] * liking(product, favourite, params.demand)
        step = bought * min(at_rest[AtRest.SPENT, product] / budget, 1.0)
        liked += bought
        steps += step
        if z >= at_rest[AtRest.LIMIT, product]:
            purchases += step
    if liked > 0.0:
        purchases += np.float64(buyers.regular[buyer]) * (steps / liked)
    a = purchases * half / LN_2
    return a / (1.0 + a) * exp(-LN_2 * row / half)


@part
def buy(seed, row, buyer, fen, params, trade):
    """Let a buyer have bought for so many fen (market.md 18.2)."""
    buyers = trade.buyers
    u_willing, favourite, _, u_segment = buyer_traits(seed, buyer, params.demand)
    half = half_life(segment_of(u_segment, params.buyers), params.buyers)
    if half > 0.0:
        sated = satiety(row, buyer, u_willing, favourite, half, params, trade)
        budget = params.buyers.budget * exp(params.demand.spread * normal_quantile(u_willing))
        buyers.sated[buyer] = min(sated + min(fen / (100.0 * budget), 1.0), 1.0)
    if buyers.bought[buyer] >= 0:
        buyers.by_row[buyers.bought[buyer]] -= 1
    buyers.by_row[row] += 1
    buyers.bought[buyer] = row


@part
def median_willingness(product, demand):
    """Return the median willingness to pay, CNY a gram."""
    medians = (demand.worth_raw, demand.worth_semi, demand.worth_uncarved, demand.worth_carved)
    return medians[product]


@part
def willingness_to_pay(u, product, level, demand):
    """Return the willingness to pay of a buyer at quantile u, CNY a gram."""
    return median_willingness(product, demand) * level * exp(demand.spread * normal_quantile(u))


@part
def mean_piece(product, demand):
    """Return the mean mass of a piece, grams."""
    pieces = (demand.piece_raw, demand.piece_semi, demand.piece_uncarved, demand.piece_carved)
    return pieces[product]


@part
def piece_mass(u, product, demand):
    """Return the mass of a piece at quantile u, mg."""
    spread = demand.piece_spread
    factor = exp(spread * normal_quantile(u) - spread * spread / 2.0)
    return int(mean_piece(product, demand) * MILLIGRAMS * factor) + 1


@part
def buyer_risk(row, buyer, trade):
    """Update a buyer's perceived risk to the day and return it (market.md 9, inquiry 6)."""
    buyers = trade.buyers
    if buyers.risk[buyer] == 0.0:
        return 0.0
    risk = buyers.risk[buyer] * trade.risk_decay[row - buyers.touched[buyer]]
    buyers.risk[buyer] = risk
    buyers.touched[buyer] = row
    return risk


@part
def raise_buyer_risk(row, buyer, step, trade):
    """Raise a buyer's perceived risk by a share of its distance to 1 (market.md 11.1)."""
    risk = buyer_risk(row, buyer, trade)
    trade.buyers.risk[buyer] = risk + step * (1.0 - risk)
    trade.buyers.touched[buyer] = row


@part
def friend_at(friends, seller, number, u):
    """Return the row of one of a seller's first `number` friends; -1 if there is none."""
    if number == 0:
        return NOBODY
    return friends.start[seller] + min(int(u * number), number - 1)


@part
def swap_friends(friends, first, second):
    """Exchange the rows of two friends of a seller."""
    friends.buyer[first], friends.buyer[second] = friends.buyer[second], friends.buyer[first]
    friends.trust[first], friends.trust[second] = friends.trust[second], friends.trust[first]


@part
def remove_friend(friends, seller, friend):
    """Remove a friend of a seller, keeping customers first (market.md 2)."""
    start = friends.start[seller]
    if friend < start + friends.customers[seller]:
        friends.customers[seller] -= 1
        swap_friends(friends, friend, start + friends.customers[seller])
        friend = start + friends.customers[seller]
    friends.count[seller] -= 1
    swap_friends(friends, friend, start + friends.count[seller])


@part
def seek_seller(seed, day, seller_key, buyer, seek, seekers):
    """Let a buyer who has lost a seller look for another, with a probability (market.md 9)."""
    if seek == 0.0 or uniform(seed, Purpose.SEEKS, day, seller_key, buyer) >= seek:
        return
    if seekers.ends[SEEKERS] < seekers.buyer.size:
        seekers.buyer[seekers.ends[SEEKERS]] = buyer
        seekers.ends[SEEKERS] += 1
    else:
        seekers.buyer[seekers.ends[NEXT]] = buyer
        seekers.ends[NEXT] = (seekers.ends[NEXT] + 1) % seekers.buyer.size


@part
def lose_friends(seed, day, row, seller, seller_key, kept_share, seek, trade):
    """Remove the friends of a seller who do not follow to a new account; some seek another (9)."""
    friends = trade.friends
    for place in range(friends.count[seller] - 1, -1, -1):  # from the end: removal moves places
        buyer = np.int64(friends.buyer[friends.start[seller] + place])
        if uniform(seed, Purpose.KEPT, day, seller_key, buyer) >= kept_share:
            remove_friend(friends, seller, friends.start[seller] + place)
            trade.records.counts[row, TradeCounter.FRIENDS_LOST] += 1
            seek_seller(seed, day, seller_key, buyer, seek, trade.seekers)
