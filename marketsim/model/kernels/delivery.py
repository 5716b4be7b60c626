"""Couriers carry parcels, look into some, and hand over the rest."""

from marketsim.model.buyers import frightened, struck_off, swapped
from marketsim.model.ledger import Account, Item, move
from marketsim.model.state import (
    POSTS_APART,
    SURE,
    Measure,
    Parcel,
    Tally,
    file_case,
    keyed,
    measured,
)
from marketsim.numerics.jit import kernel, part
from marketsim.numerics.rng import Purpose, uniforms


@kernel
def deliver(seed, day, row, couriers, names, traces, rules, chain):
    """Let the parcels due today arrive, or be intercepted, or get lost.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day, row : int
        Ordinal of the day, and its number in the run.
    couriers : float
        Multiplier of the share of parcels intercepted.
    names : float
        Multiplier of the share of senders under a false name.
    traces : float
        Multiplier of the share of seized parcels traced to their sender.
    rules : Rules
        Parameters.
    chain : Chain
        Written: goods, money, friends, buyers, cases, tallies.
    """
    delivery, parcels, books = rules.delivery, chain.parcels, chain.books
    bucket = row % parcels.count.size
    intercepted = min(1.0, delivery.intercepted * couriers)
    hidden = min(1.0, delivery.false_names * names)
    traced = min(1.0, delivery.traced * traces)
    retailers = chain.shops.push.size
    for place in range(parcels.count[bucket]):
        parcel = parcels.rows[bucket, place]
        product, mass = parcel[Parcel.PRODUCT], parcel[Parcel.MASS]
        u_seen, u_traced, u_lost, u_complains = uniforms(
            seed, Purpose.COURIER, day, keyed(parcel[Parcel.SELLER], retailers), parcel[Parcel.KEY]
        )
        channel = parcel[Parcel.KEY] // POSTS_APART
        friend = _friend(parcel, chain.friends)
        courier, goes_to = books.start[Account.COURIERS], books.start[Account.CONSUMED]
        arrives = False
        if u_seen < intercepted:
            goes_to = books.start[Account.SEIZED]
            measured(chain.tallies, row, Measure.PARCELS_SEIZED, channel, mass)
            if u_traced < traced * (1.0 - hidden):
                measured(chain.tallies, row, Measure.PARCELS_TRACED, channel, 0)
                file_case(chain.cases, parcel[Parcel.RETAILER])
            frightened(row, parcel[Parcel.BUYER], rules.demand.risk_step, chain)
        elif u_lost < delivery.lost:
            goes_to = books.start[Account.LOST]
        else:
            arrives = True
        move(books, product, courier, goes_to, mass)
        if arrives:
            _remember(row, parcel, friend, rules.demand, chain)
        else:
            if friend >= 0:
                _disappoint(row, parcel, friend, rules.demand, chain)
            if u_complains < delivery.complaint:
                measured(chain.tallies, row, Measure.COMPLAINTS, channel, 0)
                file_case(chain.cases, parcel[Parcel.RETAILER])
        if parcel[Parcel.ESCROWED] > 0:
            _settle(parcel, arrives, rules.payment, chain)
    parcels.count[bucket] = 0


@part
def _friend(parcel, friends):
    """Return where the buyer stands among the seller's friends; -1 where he does not."""
    place, seller, buyer = parcel[Parcel.FRIEND], parcel[Parcel.SELLER], parcel[Parcel.BUYER]
    if place < 0:
        return -1
    start = friends.start[seller]
    end = start + friends.count[seller]
    if place < end and friends.who[place] == buyer:
        return place
    for other in range(start, end):  # his place has changed since
        if friends.who[other] == buyer:
            return other
    return -1


@part
def _settle(parcel, arrives, payment, chain):
    """Release a payment from escrow to the retailer, less the fee, or give it back."""
    books = chain.books
    escrow, fen = books.start[Account.ESCROW], parcel[Parcel.ESCROWED]
    if arrives:
        fee = int(fen * payment.fee)
        holder = books.start[Account.RETAILERS] + parcel[Parcel.RETAILER]
        move(books, Item.MONEY, escrow, books.start[Account.COSTS], fee)
        move(books, Item.MONEY, escrow, holder, fen - fee)
    else:
        move(books, Item.MONEY, escrow, books.start[Account.INCOME], fen)


@part
def _remember(row, parcel, friend, demand, chain):
    """Let trust grow; a stranger served well becomes a friend, where there is room."""
    friends, seller = chain.friends, parcel[Parcel.SELLER]
    if friend < 0:
        friend = friends.start[seller] + friends.count[seller]
        if friend >= friends.start[seller + 1]:
            return
        friends.count[seller] += 1
        friends.who[friend] = parcel[Parcel.BUYER]
        friends.trust[friend] = int(demand.trust * SURE)
        chain.tallies.trade[row, Tally.FRIENDS_ADDED] += 1
    trust = friends.trust[friend] / SURE
    friends.trust[friend] = int((trust + demand.trust_gain * (1.0 - trust)) * SURE)
    first_time = friends.start[seller] + friends.customers[seller]
    if friend >= first_time:
        swapped(friends, friend, first_time)
        friends.customers[seller] += 1


@part
def _disappoint(row, parcel, friend, demand, chain):
    """Let trust fall; a friend who trusts no more is struck off."""
    friends, seller = chain.friends, parcel[Parcel.SELLER]
    trust = friends.trust[friend] / SURE * (1.0 - demand.trust_loss)
    friends.trust[friend] = int(trust * SURE)
    if trust < demand.trust / 2.0:
        struck_off(friends, seller, friend)
        chain.tallies.trade[row, Tally.FRIENDS_LOST] += 1
