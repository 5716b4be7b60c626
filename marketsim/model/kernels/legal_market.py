"""Legal market: sales of licensed shops, and laundering (docs/market.md 10)."""

from marketsim.model.buyers import mean_piece, median_willingness, segments_mean
from marketsim.model.ledger import MILLIGRAMS, Account, Item, fen_of, move
from marketsim.model.pricing import SMOOTHING_DAYS, dealer_price, record_price
from marketsim.model.state import Channel, Stage, TradeCounter
from marketsim.numerics.jit import kernel, part
from marketsim.numerics.rng import Purpose, uniform, uniforms

UNCARVED, CARVED = int(Item.UNCARVED), int(Item.CARVED)


@kernel
def sell_legal_ivory(seed, day, row, levers, params, founders, trade):
    """Sell to the customers of the day in licensed shops.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day, row : int
        Date (ordinal) and row of the day.
    levers : Levers
        Levers of the day: `legal`, `demand` and those of segments are read.
    params : Params
        Parameters.
    founders : int
        Illegal retailers at the start, by which the legal market is scaled.
    trade : TradeState
        Written: goods, money, counts.
    """
    # market.md 10: customers of the day
    demand, books = params.demand, trade.books
    mean = params.legal.customers * levers.legal * levers.demand
    mean = mean * segments_mean(levers, params.buyers) * founders / 1000.0
    for number in range(int(mean + uniform(seed, Purpose.CUSTOMERS, day, 0, 0))):
        # market.md 10: product, mass and price
        draws = uniforms(seed, Purpose.LEGAL_SALE, day, number, 0)
        product = CARVED
        if draws[0] < demand.taste_uncarved / (demand.taste_uncarved + demand.taste_carved):
            product = UNCARVED
        price = median_willingness(product, demand) * (1.0 + params.legal.premium)
        mass = int(mean_piece(product, demand) * MILLIGRAMS)
        fen = fen_of(price, mass)
        # market.md 10: the piece is laundered, or comes from legal stock
        shop = books.start[Account.LICENSED]
        launders = draws[1] < params.legal.laundered
        if not (launders and _launder(day, row, product, mass, draws[2], params, trade)):
            move(books, product, books.start[Account.LEGAL_STOCK], shop, mass)
        # market.md 10: entries and counts
        move(books, product, shop, books.start[Account.CONSUMED], mass)
        move(books, Item.MONEY, books.start[Account.INCOME], shop, fen)
        proceeds = books.balance[shop, Item.MONEY]
        move(books, Item.MONEY, shop, books.start[Account.OWNERS], proceeds)
        trade.records.counts[row, TradeCounter.LEGAL_DEALS] += 1
        trade.records.counts[row, TradeCounter.LEGAL_SOLD] += mass
        record_price(trade.records, row, product, Stage.LICENSED, Channel.PHYSICAL, price)


@part
def _launder(day, row, product, mass, u, params, trade):
    """Sell an illegal piece as a legal one; return whether a processor had it (market.md 10)."""
    books, workshop = trade.books, params.workshop
    first = books.start[Account.PROCESSORS]
    processors = books.start[Account.PROCESSORS + 1] - first
    if processors == 0:
        return False
    processor = first + min(int(u * processors), processors - 1)
    is_closed = trade.dealers.closed_until[processor] > day
    if is_closed or books.balance[processor, product] < mass:
        return False
    price = dealer_price(processor, product, workshop.margin, workshop.cover, params.retail, trade)
    trade.dealers.sold[processor, product] += mass / SMOOTHING_DAYS
    shop, owners = books.start[Account.LICENSED], books.start[Account.OWNERS]
    fen = fen_of(price, mass)
    move(books, Item.MONEY, owners, shop, fen)
    move(books, Item.MONEY, shop, processor, fen)
    move(books, product, processor, shop, mass)
    trade.records.counts[row, TradeCounter.LAUNDERED] += mass
    return True
