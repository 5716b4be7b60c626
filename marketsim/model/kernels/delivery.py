"""Delivery of parcels: arrival, interception, loss, and buyers' trust (docs/market.md 11)."""

from marketsim.model.buyers import raise_buyer_risk, remove_friend, swap_friends
from marketsim.model.ledger import MILLIGRAMS_PER_KG, Account, Item, move
from marketsim.model.returns import REFERENCE_ROWS, settle_margin
from marketsim.model.state import (
    CHANNEL_STRIDE,
    NOBODY,
    TRUST_STEPS,
    Enforcement,
    Heard,
    Parcel,
    TradeCounter,
    Unit,
    count_enforcement,
    file_case,
    strengthened,
)
from marketsim.numerics.elementary import LN_2, exp
from marketsim.numerics.jit import kernel, part
from marketsim.numerics.rng import Purpose, uniform, uniforms

WORD_DAYS = 28.0  # half-life of what buyers tell each other


@kernel
def deliver_parcels(seed, day, row, levers, params, counters, motives, trade):
    """Deliver the parcels due today, or have them intercepted or lost.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day, row : int
        Date (ordinal) and row of the day.
    levers : Levers
        Levers of the day: `couriers`, `names` and `traces` are read.
    params : Params
        Parameters.
    counters : DayCounters
        `loss` is written.
    motives : Motives
        Margins are written.
    trade : TradeState
        Written: goods, money, friends, buyers, cases, counts.
    """
    delivery, parcels, books = params.delivery, trade.parcels, trade.books
    # market.md 11: probabilities of the day
    found = strengthened(delivery.intercepted, trade.units.effort[Unit.PARCELS])
    intercepted = 1.0 - (1.0 - found) * (1.0 - levers.couriers)
    hidden = min(1.0, delivery.false_names * levers.names)
    traced = 1.0 - (1.0 - delivery.traced) * (1.0 - levers.traces)
    arrived = 0
    bucket = row % parcels.count.size
    for place in range(parcels.count[bucket]):
        parcel = parcels.rows[bucket, place]
        product, mass = parcel[Parcel.PRODUCT], parcel[Parcel.MASS]
        seller_key, key = parcel[Parcel.ASKED], parcel[Parcel.KEY]
        draws = uniforms(seed, Purpose.COURIER, day, seller_key, key)
        u_intercepted, u_traced, u_lost, u_complaint = draws
        channel = key // CHANNEL_STRIDE
        friend = _find_friend(parcel, trade.friends)
        courier, receiver = books.start[Account.COURIERS], books.start[Account.CONSUMED]
        arrives = False
        if u_intercepted < intercepted:
            # market.md 11.1: seized, and perhaps traced to the sender; the buyer is warned
            receiver = books.start[Account.SEIZED]
            count_enforcement(trade.records, row, Enforcement.PARCELS_SEIZED, channel, mass)
            trade.units.found[Unit.PARCELS] += mass / MILLIGRAMS_PER_KG
            if u_traced < traced * (1.0 - hidden):
                count_enforcement(trade.records, row, Enforcement.PARCELS_TRACED, channel, 0)
                file_case(trade.cases, parcel[Parcel.RETAILER], Unit.PARCELS)
                known = books.start[Account.RETAILERS] + parcel[Parcel.RETAILER]
                trade.units.known[known] += mass
            raise_buyer_risk(row, parcel[Parcel.BUYER], params.demand.risk_step, trade)
            loss = counters.loss[parcel[Parcel.RETAILER]]
            counters.loss[parcel[Parcel.RETAILER]] = max(loss, params.motive.seizure)
        elif u_lost < delivery.lost:
            # market.md 11.2: lost
            receiver = books.start[Account.LOST]
        else:
            arrives = True
        move(books, product, courier, receiver, mass)
        arrived += arrives
        if arrives:
            # market.md 11.3: trust grows
            _increase_trust(row, parcel, friend, params.demand, trade)
        else:
            # market.md 11.4: trust falls, and the buyer may complain
            if friend >= 0:
                _decrease_trust(row, parcel, friend, params.demand, trade)
            if u_complaint < delivery.complaint:
                count_enforcement(trade.records, row, Enforcement.COMPLAINTS, channel, 0)
                file_case(trade.cases, parcel[Parcel.RETAILER], Unit.PARCELS)
        # market.md 11.5: escrow is released or repaid
        earned = parcel[Parcel.PAID]
        if parcel[Parcel.ESCROWED] > 0:
            earned = _settle_escrow(parcel, arrives, params.payment, trade)
        elif not arrives and earned > 0:
            earned -= _refund(seed, day, seller_key, parcel, params.motive.refund, trade)
        # market.md 11.6: what was delivered, and what the trader keeps
        counts = trade.records.counts
        counts[row, TradeCounter.DELIVERED + channel] += mass * arrives
        counts[row, TradeCounter.EARNED + channel] += earned
        margin = earned - parcel[Parcel.COST]
        settle_margin(row, parcel[Parcel.RETAILER], channel, margin, motives)
    _spread_word(row, arrived, parcels.count[bucket], trade.buyers.heard)
    parcels.count[bucket] = 0


@part
def _spread_word(row, arrived, settled, heard):
    """Add the parcels of the day to what all buyers know (market.md 18.3)."""
    remaining = exp(-LN_2 / WORD_DAYS)
    heard[Heard.ARRIVED] = heard[Heard.ARRIVED] * remaining + arrived
    heard[Heard.SETTLED] = heard[Heard.SETTLED] * remaining + settled
    if row < REFERENCE_ROWS:
        heard[Heard.FIRST_ARRIVED] += arrived
        heard[Heard.FIRST_SETTLED] += settled


@part
def _find_friend(parcel, friends):
    """Return the row of the buyer among the seller's friends; -1 if there is none (11)."""
    place, seller, buyer = parcel[Parcel.FRIEND], parcel[Parcel.SELLER], parcel[Parcel.BUYER]
    if place < 0:
        return NOBODY
    start = friends.start[seller]
    end = start + friends.count[seller]
    if place < end and friends.buyer[place] == buyer:
        return place
    for row in range(start, end):  # places may have changed since the deal
        if friends.buyer[row] == buyer:
            return row
    return NOBODY


@part
def _settle_escrow(parcel, arrives, payment, trade):
    """Release an escrowed payment to the trader, less the fee, or repay it (11.5).

    Returns what the trader keeps, fen.
    """
    books = trade.books
    escrow, fen = books.start[Account.ESCROW], parcel[Parcel.ESCROWED]
    if arrives:
        fee = int(fen * payment.fee)
        holder = books.start[Account.RETAILERS] + parcel[Parcel.RETAILER]
        move(books, Item.MONEY, escrow, books.start[Account.COSTS], fee)
        move(books, Item.MONEY, escrow, holder, fen - fee)
        return fen - fee
    move(books, Item.MONEY, escrow, books.start[Account.INCOME], fen)
    return 0


@part
def _refund(seed, day, seller_key, parcel, share, trade):
    """Pay a direct payment back, as far as the trader has the money; return it, fen (11.5)."""
    if share == 0.0:
        return 0
    if uniform(seed, Purpose.REFUNDED, day, seller_key, parcel[Parcel.KEY]) >= share:
        return 0
    books = trade.books
    holder = books.start[Account.RETAILERS] + parcel[Parcel.RETAILER]
    fen = min(parcel[Parcel.PAID], books.balance[holder, Item.MONEY])
    move(books, Item.MONEY, holder, books.start[Account.INCOME], fen)
    return fen


@part
def _increase_trust(row, parcel, friend, demand, trade):
    """Increase trust; a stranger becomes a friend if there is room in the list (11.3)."""
    friends, seller = trade.friends, parcel[Parcel.SELLER]
    if friend < 0:
        friend = friends.start[seller] + friends.count[seller]
        if friend >= friends.start[seller + 1]:
            return
        friends.count[seller] += 1
        friends.buyer[friend] = parcel[Parcel.BUYER]
        friends.trust[friend] = int(demand.trust * TRUST_STEPS)
        trade.records.counts[row, TradeCounter.FRIENDS_ADDED] += 1
    trust = friends.trust[friend] / TRUST_STEPS
    friends.trust[friend] = int((trust + demand.trust_gain * (1.0 - trust)) * TRUST_STEPS)
    customers_end = friends.start[seller] + friends.customers[seller]
    if friend >= customers_end:
        swap_friends(friends, friend, customers_end)
        friends.customers[seller] += 1


@part
def _decrease_trust(row, parcel, friend, demand, trade):
    """Decrease trust; remove a friend whose trust is below half of a stranger's (11.4)."""
    friends, seller = trade.friends, parcel[Parcel.SELLER]
    trust = friends.trust[friend] / TRUST_STEPS * (1.0 - demand.trust_loss)
    friends.trust[friend] = int(trust * TRUST_STEPS)
    if trust < demand.trust / 2.0:
        remove_friend(friends, seller, friend)
        trade.records.counts[row, TradeCounter.FRIENDS_LOST] += 1
