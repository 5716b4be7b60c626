"""The legal market: licensed makers and shops sell, and launder, until the market closes."""

from marketsim.model.buyers import usual_piece, usual_worth
from marketsim.model.ledger import MILLIGRAMS, Account, Item, fen_of, move
from marketsim.model.pricing import WINDOW, dealer_price, price_noted
from marketsim.model.state import Channel, Stage, Tally
from marketsim.numerics.jit import kernel, part
from marketsim.numerics.rng import Purpose, uniform, uniforms

UNCARVED, CARVED = int(Item.UNCARVED), int(Item.CARVED)


@kernel
def sell_legally(seed, day, row, legal, demand_level, retailers, rules, chain):
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
    rules : Rules
        Parameters.
    chain : Chain
        Written: goods, money, tallies.
    """
    mean = rules.legal.customers * legal * demand_level * retailers / 1000.0
    for number in range(int(mean + uniform(seed, Purpose.CUSTOMERS, day, 0, 0))):
        draws = uniforms(seed, Purpose.LEGAL_SALE, day, number, 0)
        product, demand = CARVED, rules.demand
        if draws[0] < demand.taste_uncarved / (demand.taste_uncarved + demand.taste_carved):
            product = UNCARVED
        price = usual_worth(product, demand) * (1.0 + rules.legal.premium)
        mass = int(usual_piece(product, demand) * MILLIGRAMS)
        fen = fen_of(price, mass)
        shop = chain.books.start[Account.LICENSED]
        launders = draws[1] < rules.legal.laundered
        if not (launders and _launder(day, row, product, mass, draws[2], rules, chain)):
            move(chain.books, product, chain.books.start[Account.LEGAL_STOCK], shop, mass)
        move(chain.books, product, shop, chain.books.start[Account.CONSUMED], mass)
        move(chain.books, Item.MONEY, chain.books.start[Account.INCOME], shop, fen)
        move(chain.books, Item.MONEY, shop, chain.books.start[Account.OWNERS],
             chain.books.balance[shop, Item.MONEY])  # fmt: skip
        chain.tallies.trade[row, Tally.LEGAL_DEALS] += 1
        chain.tallies.trade[row, Tally.LEGAL_SOLD] += mass
        price_noted(chain.tallies, row, product, Stage.LICENSED, Channel.PHYSICAL, price)


@part
def _launder(day, row, product, mass, u, rules, chain):
    """Sell an illegal piece as a legal one, where a processor has it."""
    books, workshop = chain.books, rules.workshop
    first = books.start[Account.PROCESSORS]
    processors = books.start[Account.PROCESSORS + 1] - first
    if processors == 0:
        return False
    processor = first + min(int(u * processors), processors - 1)
    closed = chain.dealers.closed_until[processor] > day
    if closed or books.balance[processor, product] < mass:
        return False
    price = dealer_price(processor, product, workshop.margin, workshop.cover, rules.retail, chain)
    chain.dealers.sold[processor, product] += mass / WINDOW
    shop, owners = books.start[Account.LICENSED], books.start[Account.OWNERS]
    fen = fen_of(price, mass)
    move(books, Item.MONEY, owners, shop, fen)
    move(books, Item.MONEY, shop, processor, fen)
    move(books, product, processor, shop, mass)
    chain.tallies.trade[row, Tally.LAUNDERED] += mass
    return True
