"""The legal market: licensed makers and shops sell, and launder, until the market closes."""

from marketsim.model.buyers import mean_piece, median_willingness
from marketsim.model.ledger import MILLIGRAMS, Account, Item, fen_of, move
from marketsim.model.pricing import SMOOTHING_DAYS, dealer_price, record_price
from marketsim.model.state import Channel, Stage, TradeCounter
from marketsim.numerics.jit import kernel, part
from marketsim.numerics.rng import Purpose, uniform, uniforms

UNCARVED, CARVED = int(Item.UNCARVED), int(Item.CARVED)


@kernel
def sell_legal_ivory(seed, day, row, legal, demand_level, retailers, params, trade):
    """Let the customers of the day buy of licensed shops.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day, row : int
        Ordinal of the day, and its number in the run.
    legal : float
        1 while the legal market is open, 0 once it is closed.
    demand_level : float
        Willingness to pay against an ordinary day; so many times as many customers come.
    retailers : int
        Illegal retailers at the start, by which the legal market is scaled.
    params : Params
        Parameters.
    trade : TradeState
        Written: goods, money, tallies.
    """
    mean = params.legal.customers * legal * demand_level * retailers / 1000.0
    for number in range(int(mean + uniform(seed, Purpose.CUSTOMERS, day, 0, 0))):
        draws = uniforms(seed, Purpose.LEGAL_SALE, day, number, 0)
        product, demand = CARVED, params.demand
        if draws[0] < demand.taste_uncarved / (demand.taste_uncarved + demand.taste_carved):
            product = UNCARVED
        price = median_willingness(product, demand) * (1.0 + params.legal.premium)
        mass = int(mean_piece(product, demand) * MILLIGRAMS)
        fen = fen_of(price, mass)
        shop = trade.books.start[Account.LICENSED]
        launders = draws[1] < params.legal.laundered
        if not (launders and _launder(day, row, product, mass, draws[2], params, trade)):
            move(trade.books, product, trade.books.start[Account.LEGAL_STOCK], shop, mass)
        move(trade.books, product, shop, trade.books.start[Account.CONSUMED], mass)
        move(trade.books, Item.MONEY, trade.books.start[Account.INCOME], shop, fen)
        move(trade.books, Item.MONEY, shop, trade.books.start[Account.OWNERS],
             trade.books.balance[shop, Item.MONEY])  # fmt: skip
        trade.records.counts[row, TradeCounter.LEGAL_DEALS] += 1
        trade.records.counts[row, TradeCounter.LEGAL_SOLD] += mass
        record_price(trade.records, row, product, Stage.LICENSED, Channel.PHYSICAL, price)


@part
def _launder(day, row, product, mass, u, params, trade):
    """Sell an illegal piece as a legal one, where a processor has it."""
    books, workshop = trade.books, params.workshop
    first = books.start[Account.PROCESSORS]
    processors = books.start[Account.PROCESSORS + 1] - first
    if processors == 0:
        return False
    processor = first + min(int(u * processors), processors - 1)
    closed = trade.dealers.closed_until[processor] > day
    if closed or books.balance[processor, product] < mass:
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
