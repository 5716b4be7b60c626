"""The legal market (docs/market.md 10)."""

from marketsim.numerics.rng import Purpose

from .books import fen
from .codes import Account, Channel, Item, Stage, Tally


def sell_legally(model) -> None:
    """Sell to those who come to the legal market today."""
    legal, levers = model.rules.legal, model.levers
    mean = legal.customers * levers.legal * levers.demand * float(model.founders) / 1000.0
    for n in range(int(mean + model.draw(Purpose.CUSTOMERS, 0))):
        _sell(model, n)


def _sell(model, n: int) -> None:
    legal, demand = model.rules.legal, model.rules.demand
    which, launders, whose, _ = model.draws(Purpose.LEGAL_SALE, n)
    uncarved = which < demand.taste_uncarved / (demand.taste_uncarved + demand.taste_carved)
    product = Item.UNCARVED if uncarved else Item.CARVED
    price = model.worths[product] * (1.0 + legal.premium)
    mass = int(model.pieces[product] * 1000.0)
    paid = fen(price, mass)
    books, counts = model.books, model.counts
    processor = None
    if launders < legal.laundered and model.processors:
        number = min(int(whose * len(model.processors)), len(model.processors) - 1)
        processor = model.processors[number]
    if processor is not None and not processor.closed and processor.held[product] >= mass:
        bought = fen(processor.price(product), mass)
        processor.sold[product] += mass / 30.0
        books.move(Item.MONEY, bought, Account.OWNERS, Account.LICENSED)
        books.move(Item.MONEY, bought, Account.LICENSED, processor)
        books.move(product, mass, processor, Account.LICENSED)
        counts.count(Tally.LAUNDERED, mass)
    else:
        books.move(product, mass, Account.LEGAL_STOCK, Account.LICENSED)
    books.move(product, mass, Account.LICENSED, Account.CONSUMED)
    books.move(Item.MONEY, paid, Account.INCOME, Account.LICENSED)
    books.move_all(Item.MONEY, Account.LICENSED, Account.OWNERS)
    counts.count(Tally.LEGAL_DEALS)
    counts.count(Tally.LEGAL_SOLD, mass)
    counts.count_price(product, Stage.LICENSED, Channel.PHYSICAL, price)
