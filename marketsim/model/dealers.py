"""Purchases from suppliers and processors: choice of the dealer, entries, costs of products.

See docs/market.md 3 (costs and yields), 6.2 and 7 (choice and purchase).
"""

import numpy as np

from marketsim.model.ledger import Account, Item, affordable, fen_of, move
from marketsim.model.pricing import (
    SMOOTHING_DAYS,
    dealer_price,
    record_price,
    stock_held,
    update_average_cost,
)
from marketsim.model.state import NOBODY, Channel, Stage
from marketsim.numerics.elementary import log
from marketsim.numerics.jit import kernel, part
from marketsim.numerics.rng import uniform

SUPPLIER, PROCESSOR = int(Stage.SUPPLIER), int(Stage.PROCESSOR)
KNOWN_DEALERS = 64  # dealers of a kind known to a buyer, at most


@part
def stock_on_offer(dealer, account, trade):
    """Return the stock on offer of a supplier (raw ivory) or a processor (all else), mg."""
    raw = trade.books.balance[dealer, Item.RAW]
    return raw if account == Account.SUPPLIERS else stock_held(trade.books, dealer) - raw


@kernel
def choose_dealer(seed, purpose, day, buyer, account, first_known, trade):
    """Choose an open dealer among those known, in proportion to stock; return -1 for none.

    Parameters
    ----------
    seed, purpose, day, buyer : int
        Keys of a race, in which each dealer has a draw of its own.
    account : Account
        SUPPLIERS or PROCESSORS.
    first_known : int
        Number, among the dealers of the account, of the first one known. The next ones are known
        too, `KNOWN_DEALERS` in all, so that the cost of a purchase does not grow with the market.
    trade : TradeState
        Read.
    """
    best, chosen = np.inf, NOBODY
    first = trade.books.start[account]
    number = trade.books.start[account + 1] - first
    for k in range(min(number, KNOWN_DEALERS)):
        dealer = first + (first_known + k) % number
        stock = stock_on_offer(dealer, account, trade)
        if stock > 0 and trade.dealers.closed_until[dealer] <= day:
            time = -log(uniform(seed, purpose, day, buyer, dealer)) / stock
            if chosen < 0 or time < best:
                best, chosen = time, dealer
    return chosen


@kernel
def buy_from_dealer(row, buyer, dealer, product, mass, params, trade):
    """Buy as much of the mass wanted as the dealer has and the buyer can pay.

    Parameters
    ----------
    row : int
        Row of the day.
    buyer, dealer : int
        Holders in the books.
    product : int
        An `Item`.
    mass : int
        Mass wanted, mg.
    params : Params
        Margin and cover of the dealer, and what moves prices.
    trade : TradeState
        Written: goods, money, costs, the dealer's sales, prices.
    """
    books = trade.books
    stage, margin, cover = PROCESSOR, params.workshop.margin, params.workshop.cover
    if dealer < books.start[Account.SUPPLIERS + 1]:
        stage, margin, cover = SUPPLIER, params.supply.margin, params.supply.cover
    price = dealer_price(dealer, product, margin, cover, params.retail, trade)
    mass = min(mass, books.balance[dealer, product])
    mass = min(mass, affordable(price, books.balance[buyer, Item.MONEY]))
    if mass <= 0:
        return
    update_average_cost(trade, buyer, product, mass, price / trade.prices.index[product])
    move(books, product, dealer, buyer, mass)
    move(books, Item.MONEY, buyer, dealer, fen_of(price, mass))
    trade.dealers.sold[dealer, product] += mass / SMOOTHING_DAYS
    record_price(trade.records, row, product, stage, Channel.PHYSICAL, price)


@part
def yields(workshop):
    """Return the yields of semi-worked, uncarved and carved pieces from a unit of raw ivory."""
    rest = 1.0 - workshop.top_grade_share
    semi = rest * workshop.semi_share * (1.0 - workshop.waste_cutting)
    carved = rest * (1.0 - workshop.semi_share) * (1.0 - workshop.waste_machine)
    return semi, workshop.top_grade_share * (1.0 - workshop.waste_hand), carved


@part
def total_yield(workshop):
    """Return the yield of all products from a unit of raw ivory."""
    semi, uncarved, carved = yields(workshop)
    return semi + uncarved + carved


@part
def product_costs(raw, workshop):
    """Return the unit costs of semi-worked, uncarved and carved pieces, CNY a gram.

    Cutting grades the material: uncarved pieces take the best, the others the rest. The unit cost
    `raw` of raw ivory is allocated by the value of the grades.
    """
    low = raw / (workshop.grade_value * workshop.top_grade_share + 1.0 - workshop.top_grade_share)
    high = low * workshop.grade_value
    semi = low / (1.0 - workshop.waste_cutting) + workshop.wage_semi
    uncarved = high / (1.0 - workshop.waste_hand) + workshop.wage_uncarved
    return semi, uncarved, low / (1.0 - workshop.waste_machine) + workshop.wage_carved
