"""Traits, perceived risk and friendships of buyers (docs/market.md 2, 9)."""

from marketsim.model.ledger import MILLIGRAMS, PRODUCTS
from marketsim.model.state import NOBODY
from marketsim.numerics.elementary import exp, normal_quantile
from marketsim.numerics.jit import part
from marketsim.numerics.rng import Purpose, uniforms


@part
def buyer_traits(seed, buyer, product, demand):
    """Return the uniforms of willingness and payment habit, and the chance to like a product.

    Traits are not stored: each use draws them again from keys that never change.
    """
    u_willing, u_taste, u_habit, _ = uniforms(seed, Purpose.WILLINGNESS, 0, buyer, 0)
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
    liking = 1.0 if favourite == product else demand.second_choice_prob
    return u_willing, liking, u_habit


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
