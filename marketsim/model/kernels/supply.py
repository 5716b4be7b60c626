"""Supply of raw ivory: shipments to suppliers and seizures at the border (docs/market.md 5)."""

from marketsim.model.ledger import (
    MILLIGRAMS,
    MILLIGRAMS_PER_KG,
    Account,
    Item,
    affordable,
    fen_of,
    move,
)
from marketsim.model.pricing import dealer_price, expected_sales, looks_ahead, update_average_cost
from marketsim.model.state import (
    Channel,
    Enforcement,
    PriceMemory,
    TradeCounter,
    Unit,
    count_enforcement,
    strengthened,
)
from marketsim.numerics.distributions import events
from marketsim.numerics.elementary import exp, log
from marketsim.numerics.jit import kernel, part
from marketsim.numerics.rng import Purpose, uniform, uniforms

LEAST_LANDING = 0.01  # least share of shipments that land, in prices
LARGEST_SHIPMENT = 1e12  # mg; a bound for extreme parameters


@kernel
def land_shipments(seed, day, row, levers, params, trade):
    """Land the shipments of the day with suppliers who have room and money, or seize them.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day, row : int
        Date (ordinal) and row of the day.
    levers : Levers
        Levers of the day: `border` is read.
    params : Params
        Parameters.
    trade : TradeState
        Written: raw ivory, money, counts, what shippers offer on average.
    """
    supply, books, dealers = params.supply, trade.books, trade.dealers
    # market.md 5: shippers bear the loss of seizures and charge more for what lands
    effort = trade.units.effort[Unit.BORDER]
    seized = strengthened(min(1.0, supply.seized * levers.border), effort)
    landing = max(1.0 - seized, LEAST_LANDING)
    surcharge = max(1.0 - supply.seized, LEAST_LANDING) / landing
    cost = supply.cost * surcharge
    paid = cost * trade.prices.index[Item.RAW]
    reference = supply.cost * (1.0 + supply.margin)
    grams = supply.tusks * supply.tusk_mass + (1.0 - supply.tusks) * supply.segment_mass
    memory = trade.prices.memory
    for supplier in range(books.start[Account.SUPPLIERS], books.start[Account.SUPPLIERS + 1]):
        if dealers.closed_until[supplier] > day:
            continue
        # market.md 5.1 to 5.2: shipments offered respond to the supplier's price
        price = dealer_price(supplier, Item.RAW, supply.margin, supply.cover, params.retail, trade)
        mean = supply.shipments * _price_response(price / (reference * surcharge), supply)
        mean *= dealers.size[supplier]
        if looks_ahead(params.prices):
            memory[PriceMemory.OFFERED_TODAY] += mean * grams * MILLIGRAMS * (1.0 - seized)
        offered = events(uniform(seed, Purpose.SHIPMENTS, day, supplier, 0), mean)
        room = supply.cover * trade.prices.holding[0] * expected_sales(dealers, supplier, Item.RAW)
        for number in range(offered):
            draws = uniforms(seed, Purpose.SHIPMENT_KIND, day, supplier, number)
            mass = _draw_mass(draws[0], draws[1], supply)
            # market.md 5.3: nothing is sent to a supplier without room
            if books.balance[supplier, Item.RAW] >= room:
                trade.records.counts[row, TradeCounter.TURNED_AWAY] += mass
                continue
            # market.md 5.4: seizure at the border
            if draws[2] < seized:
                move(
                    books, Item.RAW, books.start[Account.POACHED], books.start[Account.SEIZED], mass
                )
                count_enforcement(
                    trade.records, row, Enforcement.BORDER_SEIZURES, Channel.PHYSICAL, mass
                )
                trade.records.counts[row, TradeCounter.RAW_SHIPPED] += mass
                trade.units.found[Unit.BORDER] += mass / MILLIGRAMS_PER_KG
            else:
                _land(row, supplier, mass, cost, paid, trade)


@part
def _price_response(ratio, supply):
    """Return shipments offered relative to those at the reference price (market.md 5.1)."""
    if ratio <= 0.0:
        return 0.0
    return exp(supply.elasticity * supply.pass_through * log(ratio))


@part
def _draw_mass(u_kind, u_mass, supply):
    """Return the mass of a shipment of tusks or segments, mg (market.md 5.2)."""
    grams = supply.tusk_mass if u_kind < supply.tusks else supply.segment_mass
    return int(min(-log(u_mass) * grams * MILLIGRAMS, LARGEST_SHIPMENT)) + 1


@part
def _land(row, supplier, mass, cost, paid, trade):
    """Buy a shipment, as far as the supplier's money goes (market.md 5.5)."""
    books = trade.books
    mass = min(mass, affordable(paid, books.balance[supplier, Item.MONEY]))
    if mass <= 0:
        return
    poached = books.start[Account.POACHED]
    update_average_cost(trade, supplier, Item.RAW, mass, cost)
    move(books, Item.RAW, poached, supplier, mass)
    move(books, Item.MONEY, supplier, poached, fen_of(paid, mass))
    trade.records.counts[row, TradeCounter.RAW_SHIPPED] += mass
    trade.records.counts[row, TradeCounter.RAW_LANDED] += mass
