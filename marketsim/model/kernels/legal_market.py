"""Legal market: sales of licensed shops, certificates, and laundering (docs/market.md 10)."""

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
        Levers of the day: `legal`, `demand` and those of segments, `rush`, `bought_out` and
        `leaked` are read.
    params : Params
        Parameters.
    founders : int
        Illegal retailers at the start, by which the legal market is scaled.
    trade : TradeState
        Written: goods, money, certificates, counts.
    """
    demand, books, counts = params.demand, trade.books, trade.records.counts[row]
    uncarved_share = demand.taste_uncarved / (demand.taste_uncarved + demand.taste_carved)
    # market.md 10.1: stock that is bought out, or leaks to illegal workshops
    if levers.bought_out > 0.0 or levers.leaked > 0.0:
        _withdraw_stock(levers.bought_out, levers.leaked, uncarved_share, counts, trade)
    # market.md 10.2: customers of the day
    rush = 1.0 + params.legal.rush * levers.rush
    mean = params.legal.customers * levers.legal * levers.demand
    mean = mean * segments_mean(levers, params.buyers) * rush * founders / 1000.0
    shop, stock = books.start[Account.LICENSED], books.start[Account.LEGAL_STOCK]
    for number in range(int(mean + uniform(seed, Purpose.CUSTOMERS, day, 0, 0))):
        # market.md 10.2: product, mass and price
        draws = uniforms(seed, Purpose.LEGAL_SALE, day, number, 0)
        product = UNCARVED if draws[0] < uncarved_share else CARVED
        price = median_willingness(product, demand) * (1.0 + params.legal.premium)
        mass = int(mean_piece(product, demand) * MILLIGRAMS)
        # market.md 10.2: a spare certificate launders a piece; others come from legal stock
        has_spare = books.balance[shop, Item.CARD] > 0
        if not (has_spare and _launder(day, row, product, mass, draws[2], params, trade)):
            mass = min(mass, trade.legal_stock[0])
            if mass == 0:
                counts[TradeCounter.LEGAL_UNMET] += 1
                continue
            trade.legal_stock[0] -= mass
            move(books, product, stock, shop, mass)
            move(books, Item.CARD, stock, shop, 1)
        # market.md 10.2: the buyer takes the certificate along, or leaves it
        if draws[1] >= params.legal.reuse:
            move(books, Item.CARD, shop, books.start[Account.CONSUMED], 1)
        # market.md 10.2: entries and counts
        move(books, product, shop, books.start[Account.CONSUMED], mass)
        move(books, Item.MONEY, books.start[Account.INCOME], shop, fen_of(price, mass))
        proceeds = books.balance[shop, Item.MONEY]
        move(books, Item.MONEY, shop, books.start[Account.OWNERS], proceeds)
        counts[TradeCounter.LEGAL_DEALS] += 1
        counts[TradeCounter.LEGAL_SOLD] += mass
        record_price(trade.records, row, product, Stage.LICENSED, Channel.PHYSICAL, price)


@part
def _withdraw_stock(bought_out, leaked, uncarved_share, counts, trade):
    """Destroy what is bought out, and let stock leak to processors (market.md 10.1)."""
    books = trade.books
    stock, wasted = books.start[Account.LEGAL_STOCK], books.start[Account.WASTED]
    bought = int(trade.legal_stock[0] * bought_out)
    leaking = int((trade.legal_stock[0] - bought) * leaked)
    uncarved = int(bought * uncarved_share)
    move(books, UNCARVED, stock, wasted, uncarved)
    move(books, CARVED, stock, wasted, bought - uncarved)
    trade.legal_stock[0] -= bought
    counts[TradeCounter.BOUGHT_OUT] += bought
    first, end = books.start[Account.PROCESSORS], books.start[Account.PROCESSORS + 1]
    uncarved = int(leaking * uncarved_share)
    for processor in range(first, end):
        some, others = uncarved // (end - first), (leaking - uncarved) // (end - first)
        move(books, UNCARVED, stock, processor, some)
        move(books, CARVED, stock, processor, others)
        trade.legal_stock[0] -= some + others
        counts[TradeCounter.LEAKED] += some + others


@part
def _launder(day, row, product, mass, u, params, trade):
    """Sell an illegal piece as a legal one; return whether a processor had it (10.2)."""
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
