"""How suppliers and processors sell: who of them is chosen, and what a purchase enters."""

import numpy as np

from marketsim.model.ledger import Account, Item, affordable, fen_of, move
from marketsim.model.pricing import WINDOW, dealer_price, paid_on_average, price_noted, stock_of
from marketsim.model.state import NOBODY, Channel
from marketsim.numerics.elementary import log
from marketsim.numerics.jit import kernel, part
from marketsim.numerics.rng import uniform

KNOWN = 64  # dealers of a kind whom a buyer knows: in a large market not all of them


@part
def on_offer(dealer, account, chain):
    """Return what a supplier (raw ivory) or a processor (all else) has to sell, milligrams."""
    raw = chain.books.balance[dealer, Item.RAW]
    return raw if account == Account.SUPPLIERS else stock_of(chain.books, dealer) - raw


@kernel
def chosen_dealer(seed, purpose, day, who, account, near, chain):
    """Return an open dealer among those known, the likelier the more there is; -1 for none.

    Parameters
    ----------
    seed, purpose, day, who : int
        Keys of a race, in which each dealer has a draw of its own.
    account : Account
        Suppliers or processors.
    near : int
        Place, among the dealers of the account, of the first one known; the next ones are known
        too, up to `KNOWN` in all, so that a buyer costs as much in a large market as in a small.
    chain : Chain
        Read.
    """
    best, chosen = np.inf, NOBODY
    first = chain.books.start[account]
    number = chain.books.start[account + 1] - first
    for k in range(min(number, KNOWN)):
        dealer = first + (near + k) % number
        stock = on_offer(dealer, account, chain)
        if stock > 0 and chain.dealers.closed_until[dealer] <= day:
            time = -log(uniform(seed, purpose, day, who, dealer)) / stock
            if chosen < 0 or time < best:
                best, chosen = time, dealer
    return chosen


@kernel
def buy(row, holder, dealer, product, mass, stage, seller, retail, chain):
    """Buy of a dealer as much as is wanted, there, and affordable.

    Parameters
    ----------
    row : int
        Number of the day in the run.
    holder, dealer : int
        Who buys, and of whom.
    product : Item
        What.
    mass : int
        Wanted, milligrams.
    stage : Stage
        Under which the price is counted.
    seller : SupplyValues or WorkshopValues
        Margin and cover of the dealer.
    retail : RetailValues
        What moves prices.
    chain : Chain
        Written: goods, money, costs, the dealer's sales, prices.
    """
    books = chain.books
    price = dealer_price(dealer, product, seller.margin, seller.cover, retail, chain)
    mass = min(mass, books.balance[dealer, product])
    mass = min(mass, affordable(price, books.balance[holder, Item.MONEY]))
    if mass <= 0:
        return
    paid_on_average(chain, holder, product, mass, price)
    move(books, product, dealer, holder, mass)
    move(books, Item.MONEY, holder, dealer, fen_of(price, mass))
    chain.dealers.sold[dealer, product] += mass / WINDOW
    price_noted(chain.tallies, row, product, stage, Channel.PHYSICAL, price)


@part
def yields(workshop):
    """Return the mass of semi-worked, uncarved and carved pieces made of a unit of raw ivory."""
    rest = 1.0 - workshop.best
    semi = rest * workshop.semi_share * (1.0 - workshop.waste_cutting)
    carved = rest * (1.0 - workshop.semi_share) * (1.0 - workshop.waste_machine)
    return semi, workshop.best * (1.0 - workshop.waste_hand), carved


@part
def all_yields(workshop):
    """Return the mass of all products made of a unit of raw ivory."""
    semi, uncarved, carved = yields(workshop)
    return semi + uncarved + carved


@part
def costs(raw, workshop):
    """Return what semi-worked, uncarved and carved pieces cost to make, CNY a gram.

    Cutting grades the material: uncarved pieces take the best, the others the rest, and the cost
    `raw` of a gram is allocated by the value of the grades.
    """
    low = raw / (workshop.grade_value * workshop.best + 1.0 - workshop.best)
    high = low * workshop.grade_value
    semi = low / (1.0 - workshop.waste_cutting) + workshop.wage_semi
    uncarved = high / (1.0 - workshop.waste_hand) + workshop.wage_uncarved
    return semi, uncarved, low / (1.0 - workshop.waste_machine) + workshop.wage_carved
