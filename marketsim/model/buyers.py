"""What a buyer is like: taste, means and habit, drawn anew each time, and a fear that fades."""

from marketsim.model.ledger import MILLIGRAMS, PRODUCTS
from marketsim.model.state import NOBODY
from marketsim.numerics.elementary import exp, normal_quantile
from marketsim.numerics.jit import part
from marketsim.numerics.rng import Purpose, uniforms


@part
def buyer_traits(seed, buyer, product, demand):
    """Return a buyer's rank in willingness, chance to like the product, and payment habit."""
    u_willing, u_taste, u_habit, _ = uniforms(seed, Purpose.WILLINGNESS, 0, buyer, 0)
    edge_raw = demand.taste_raw
    edge_semi = edge_raw + demand.taste_semi
    edge_uncarved = edge_semi + demand.taste_uncarved
    total = edge_uncarved + demand.taste_carved
    place, favourite = u_taste * total, PRODUCTS - 1
    if place < edge_raw:
        favourite = 0
    elif place < edge_semi:
        favourite = 1
    elif place < edge_uncarved:
        favourite = 2
    likes = 1.0 if favourite == product else demand.liked
    return u_willing, likes, u_habit


@part
def median_willingness(product, demand):
    """Return the median willingness to pay, CNY a gram."""
    worths = (demand.worth_raw, demand.worth_semi, demand.worth_uncarved, demand.worth_carved)
    return worths[product]


@part
def willingness_to_pay(u, product, level, demand):
    """Return what a buyer of rank u in willingness would pay, CNY a gram."""
    return median_willingness(product, demand) * level * exp(demand.spread * normal_quantile(u))


@part
def mean_piece(product, demand):
    """Return the mean mass of a piece, grams."""
    pieces = (demand.piece_raw, demand.piece_semi, demand.piece_uncarved, demand.piece_carved)
    return pieces[product]


@part
def piece_mass(u, product, demand):
    """Return the milligrams of a piece."""
    spread = demand.piece_spread
    factor = exp(spread * normal_quantile(u) - spread * spread / 2.0)
    return int(mean_piece(product, demand) * MILLIGRAMS * factor) + 1


@part
def buyer_risk(row, buyer, trade):
    """Bring a buyer's perceived risk up to date and return it."""
    buyers = trade.buyers
    if buyers.risk[buyer] == 0.0:
        return 0.0
    risk = buyers.risk[buyer] * trade.risk_decay[row - buyers.touched[buyer]]
    buyers.risk[buyer] = risk
    buyers.touched[buyer] = row
    return risk


@part
def raise_buyer_risk(row, buyer, step, trade):
    """Let a buyer's perceived risk rise by a step of what is left to 1."""
    risk = buyer_risk(row, buyer, trade)
    trade.buyers.risk[buyer] = risk + step * (1.0 - risk)
    trade.buyers.touched[buyer] = row


@part
def friend_at(friends, seller, number, u):
    """Return the place of one of a seller's first friends; -1 where there is none."""
    if number == 0:
        return NOBODY
    return friends.start[seller] + min(int(u * number), number - 1)


@part
def swap_friends(friends, one, other):
    """Let two friends of a seller change places."""
    friends.buyer[one], friends.buyer[other] = friends.buyer[other], friends.buyer[one]
    friends.trust[one], friends.trust[other] = friends.trust[other], friends.trust[one]


@part
def remove_friend(friends, seller, friend):
    """Take a friend out of a seller's row, so that those who have bought still come first."""
    start = friends.start[seller]
    if friend < start + friends.customers[seller]:
        friends.customers[seller] -= 1
        swap_friends(friends, friend, start + friends.customers[seller])
        friend = start + friends.customers[seller]
    friends.count[seller] -= 1
    swap_friends(friends, friend, start + friends.count[seller])
