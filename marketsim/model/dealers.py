"""How suppliers and processors sell: who of them is chosen, and what a purchase enters."""

import numpy as np

from marketsim.model.ledger import Account, Item, affordable, fen_of, move
from marketsim.model.pricing import (
    SMOOTHING_DAYS,
    dealer_price,
    record_price,
    stock_held,
    update_average_cost,
)
from marketsim.model.state import NOBODY, Channel
from marketsim.numerics.elementary import log
from marketsim.numerics.jit import kernel, part
from marketsim.numerics.rng import uniform

KNOWN_DEALERS = 64  # dealers of a kind whom a buyer knows: in a large market not all of them


@part
def stock_on_offer(dealer, account, trade):
    """Return what a supplier (raw ivory) or a processor (all else) has to sell, milligrams."""
    raw = trade.books.balance[dealer, Item.RAW]
    return raw if account == Account.SUPPLIERS else stock_held(trade.books, dealer) - raw


@kernel
def choose_dealer(seed, purpose, day, who, account, near, trade):
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
    trade : TradeState
        Read.
    """
    best, chosen = np.inf, NOBODY
    first = trade.books.start[account]
    number = trade.books.start[account + 1] - first
    for k in range(min(number, KNOWN_DEALERS)):
        dealer = first + (near + k) % number
        stock = stock_on_offer(dealer, account, trade)
        if stock > 0 and trade.dealers.closed_until[dealer] <= day:
            time = -log(uniform(seed, purpose, day, who, dealer)) / stock
            if chosen < 0 or time < best:
                best, chosen = time, dealer
    return chosen


@kernel
def buy_from_dealer(row, holder, dealer, product, mass, stage, seller, retail, trade):
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
    trade : TradeState
        Written: goods, money, costs, the dealer's sales, prices.
    """
    books = trade.books
    price = dealer_price(dealer, product, seller.margin, seller.cover, retail, trade)
    mass = min(mass, books.balance[dealer, product])
    mass = min(mass, affordable(price, books.balance[holder, Item.MONEY]))
    if mass <= 0:
        return
    update_average_cost(trade, holder, product, mass, price)
    move(books, product, dealer, holder, mass)
    move(books, Item.MONEY, holder, dealer, fen_of(price, mass))
    trade.dealers.sold[dealer, product] += mass / SMOOTHING_DAYS
    record_price(trade.records, row, product, stage, Channel.PHYSICAL, price)


@part
def yields(workshop):
    """Return the mass of semi-worked, uncarved and carved pieces made of a unit of raw ivory."""
    rest = 1.0 - workshop.best
    semi = rest * workshop.semi_share * (1.0 - workshop.waste_cutting)
    carved = rest * (1.0 - workshop.semi_share) * (1.0 - workshop.waste_machine)
    return semi, workshop.best * (1.0 - workshop.waste_hand), carved


@part
def total_yield(workshop):
    """Return the mass of all products made of a unit of raw ivory."""
    semi, uncarved, carved = yields(workshop)
    return semi + uncarved + carved


@part
def product_costs(raw, workshop):
    """Return what semi-worked, uncarved and carved pieces cost to make, CNY a gram.

    Cutting grades the material: uncarved pieces take the best, the others the rest, and the cost
    `raw` of a gram is allocated by the value of the grades.
    """
    low = raw / (workshop.grade_value * workshop.best + 1.0 - workshop.best)
    high = low * workshop.grade_value
    semi = low / (1.0 - workshop.waste_cutting) + workshop.wage_semi
    uncarved = high / (1.0 - workshop.waste_hand) + workshop.wage_uncarved
    return semi, uncarved, low / (1.0 - workshop.waste_machine) + workshop.wage_carved
