"""Shipments of raw ivory reach suppliers, or are seized at the border."""

from marketsim.model.ledger import MILLIGRAMS, Account, Item, affordable, fen_of, move
from marketsim.model.pricing import dealer_price, expected_sales, update_average_cost
from marketsim.model.state import Channel, Enforcement, TradeCounter, count_enforcement
from marketsim.numerics.distributions import events
from marketsim.numerics.elementary import exp, log
from marketsim.numerics.jit import kernel, part
from marketsim.numerics.rng import Purpose, uniform, uniforms

LEAST_LANDING = 0.01  # share of shipments that prices can make up for
LARGEST = 1e12  # milligrams of a shipment; only absurd parameters come near


@kernel
def land_shipments(seed, day, row, border, params, trade):
    """Let the shipments of the day land with suppliers who have room and money for them.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day, row : int
        Ordinal of the day, and its number in the run.
    border : float
        Multiplier of the share of shipments seized.
    params : Params
        Parameters.
    trade : TradeState
        Written: raw ivory, money, tallies.
    """
    supply, books, dealers = params.supply, trade.books, trade.dealers
    seized = min(1.0, supply.seized * border)
    landing = max(1.0 - seized, LEAST_LANDING)  # who ships bears the loss, and asks more
    extra = max(1.0 - supply.seized, LEAST_LANDING) / landing
    cost = supply.cost * extra
    reference = supply.cost * (1.0 + supply.margin)
    for holder in range(books.start[Account.SUPPLIERS], books.start[Account.SUPPLIERS + 1]):
        if dealers.closed_until[holder] > day:
            continue
        price = dealer_price(holder, Item.RAW, supply.margin, supply.cover, params.retail, trade)
        mean = supply.shipments * _response(price / (reference * extra), supply)
        offered = events(uniform(seed, Purpose.SHIPMENTS, day, holder, 0), mean)
        room = supply.cover * expected_sales(dealers, holder, Item.RAW)
        for number in range(offered):
            draws = uniforms(seed, Purpose.SHIPMENT_KIND, day, holder, number)
            milligrams = _mass(draws[0], draws[1], supply)
            if books.balance[holder, Item.RAW] >= room:
                continue
            if draws[2] < seized:
                source, sink = books.start[Account.POACHED], books.start[Account.SEIZED]
                move(books, Item.RAW, source, sink, milligrams)
                count_enforcement(
                    trade.records, row, Enforcement.BORDER_SEIZURES, Channel.PHYSICAL, milligrams
                )
                trade.records.counts[row, TradeCounter.RAW_SHIPPED] += milligrams
            else:
                _land(row, holder, milligrams, cost, trade)


@part
def _response(ratio, supply):
    """Return shipments offered against those at the reference price."""
    if ratio <= 0.0:
        return 0.0
    return exp(supply.elasticity * supply.pass_through * log(ratio))


@part
def _mass(u_kind, u_mass, supply):
    grams = supply.tusk_mass if u_kind < supply.tusks else supply.segment_mass
    return int(min(-log(u_mass) * grams * MILLIGRAMS, LARGEST)) + 1


@part
def _land(row, holder, milligrams, cost, trade):
    """Buy a shipment, or what money there is for of it."""
    books = trade.books
    milligrams = min(milligrams, affordable(cost, books.balance[holder, Item.MONEY]))
    if milligrams <= 0:
        return
    poached = books.start[Account.POACHED]
    update_average_cost(trade, holder, Item.RAW, milligrams, cost)
    move(books, Item.RAW, poached, holder, milligrams)
    move(books, Item.MONEY, holder, poached, fen_of(cost, milligrams))
    trade.records.counts[row, TradeCounter.RAW_SHIPPED] += milligrams
    trade.records.counts[row, TradeCounter.RAW_LANDED] += milligrams
