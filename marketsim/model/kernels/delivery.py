"""Couriers carry parcels, look into some, and hand over the rest."""

from marketsim.model.buyers import raise_buyer_risk, remove_friend, swap_friends
from marketsim.model.ledger import Account, Item, move
from marketsim.model.state import (
    POSTS_APART,
    SURE,
    Enforcement,
    Parcel,
    TradeCounter,
    count_enforcement,
    draw_key,
    file_case,
)
from marketsim.numerics.jit import kernel, part
from marketsim.numerics.rng import Purpose, uniforms


@kernel
def deliver_parcels(seed, day, row, couriers, names, traces, params, trade):
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
    params : Params
        Parameters.
    trade : TradeState
        Written: goods, money, friends, buyers, cases, tallies.
    """
    delivery, parcels, books = params.delivery, trade.parcels, trade.books
    bucket = row % parcels.count.size
    intercepted = min(1.0, delivery.intercepted * couriers)
    hidden = min(1.0, delivery.false_names * names)
    traced = min(1.0, delivery.traced * traces)
    retailers = trade.shops.stock_effect.size
    for place in range(parcels.count[bucket]):
        parcel = parcels.rows[bucket, place]
        product, mass = parcel[Parcel.PRODUCT], parcel[Parcel.MASS]
        u_seen, u_traced, u_lost, u_complains = uniforms(
            seed,
            Purpose.COURIER,
            day,
            draw_key(parcel[Parcel.SELLER], retailers),
            parcel[Parcel.KEY],
        )
        channel = parcel[Parcel.KEY] // POSTS_APART
        friend = _friend(parcel, trade.friends)
        courier, goes_to = books.start[Account.COURIERS], books.start[Account.CONSUMED]
        arrives = False
        if u_seen < intercepted:
            goes_to = books.start[Account.SEIZED]
            count_enforcement(trade.records, row, Enforcement.PARCELS_SEIZED, channel, mass)
            if u_traced < traced * (1.0 - hidden):
                count_enforcement(trade.records, row, Enforcement.PARCELS_TRACED, channel, 0)
                file_case(trade.cases, parcel[Parcel.RETAILER])
            raise_buyer_risk(row, parcel[Parcel.BUYER], params.demand.risk_step, trade)
        elif u_lost < delivery.lost:
            goes_to = books.start[Account.LOST]
        else:
            arrives = True
        move(books, product, courier, goes_to, mass)
        if arrives:
            _increase_trust(row, parcel, friend, params.demand, trade)
        else:
            if friend >= 0:
                _decrease_trust(row, parcel, friend, params.demand, trade)
            if u_complains < delivery.complaint:
                count_enforcement(trade.records, row, Enforcement.COMPLAINTS, channel, 0)
                file_case(trade.cases, parcel[Parcel.RETAILER])
        if parcel[Parcel.ESCROWED] > 0:
            _settle(parcel, arrives, params.payment, trade)
    parcels.count[bucket] = 0


@part
def _friend(parcel, friends):
    """Return where the buyer stands among the seller's friends; -1 where he does not."""
    place, seller, buyer = parcel[Parcel.FRIEND], parcel[Parcel.SELLER], parcel[Parcel.BUYER]
    if place < 0:
        return -1
    start = friends.start[seller]
    end = start + friends.count[seller]
    if place < end and friends.buyer[place] == buyer:
        return place
    for other in range(start, end):  # his place has changed since
        if friends.buyer[other] == buyer:
            return other
    return -1


@part
def _settle(parcel, arrives, payment, trade):
    """Release a payment from escrow to the retailer, less the fee, or give it back."""
    books = trade.books
    escrow, fen = books.start[Account.ESCROW], parcel[Parcel.ESCROWED]
    if arrives:
        fee = int(fen * payment.fee)
        holder = books.start[Account.RETAILERS] + parcel[Parcel.RETAILER]
        move(books, Item.MONEY, escrow, books.start[Account.COSTS], fee)
        move(books, Item.MONEY, escrow, holder, fen - fee)
    else:
        move(books, Item.MONEY, escrow, books.start[Account.INCOME], fen)


@part
def _increase_trust(row, parcel, friend, demand, trade):
    """Let trust grow; a stranger served well becomes a friend, where there is room."""
    friends, seller = trade.friends, parcel[Parcel.SELLER]
    if friend < 0:
        friend = friends.start[seller] + friends.count[seller]
        if friend >= friends.start[seller + 1]:
            return
        friends.count[seller] += 1
        friends.buyer[friend] = parcel[Parcel.BUYER]
        friends.trust[friend] = int(demand.trust * SURE)
        trade.records.counts[row, TradeCounter.FRIENDS_ADDED] += 1
    trust = friends.trust[friend] / SURE
    friends.trust[friend] = int((trust + demand.trust_gain * (1.0 - trust)) * SURE)
    first_time = friends.start[seller] + friends.customers[seller]
    if friend >= first_time:
        swap_friends(friends, friend, first_time)
        friends.customers[seller] += 1


@part
def _decrease_trust(row, parcel, friend, demand, trade):
    """Let trust fall; a friend who trusts no more is struck off."""
    friends, seller = trade.friends, parcel[Parcel.SELLER]
    trust = friends.trust[friend] / SURE * (1.0 - demand.trust_loss)
    friends.trust[friend] = int(trust * SURE)
    if trust < demand.trust / 2.0:
        remove_friend(friends, seller, friend)
        trade.records.counts[row, TradeCounter.FRIENDS_LOST] += 1
