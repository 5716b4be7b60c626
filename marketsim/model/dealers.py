"""Purchases from suppliers and processors: choice of the dealer, entries, costs of products.

See docs/market.md 3 (costs and yields), 6.2 and 7 (choice and purchase).
"""

import numpy as np

from marketsim.model.ledger import PRODUCTS, Account, Item, affordable, fen_of, move
from marketsim.model.pricing import (
    SMOOTHING_DAYS,
    dealer_price,
    record_price,
    stock_held,
    update_average_cost,
)
from marketsim.model.state import NOBODY, Channel, Stage
from marketsim.numerics.elementary import exp, log
from marketsim.numerics.jit import kernel, part
from marketsim.numerics.rng import uniform

SUPPLIER, PROCESSOR = int(Stage.SUPPLIER), int(Stage.PROCESSOR)
RAW = int(Item.RAW)
KNOWN_DEALERS = 64  # dealers of a kind known to a buyer, at most
SHUNNED_DAYS = 28  # for which traders do not find a dealer whose account has come back


@part
def stock_on_offer(dealer, account, trade):
    """Return the stock on offer of a supplier (raw ivory) or a processor (all else), mg."""
    raw = trade.books.balance[dealer, Item.RAW]
    return raw if account == Account.SUPPLIERS else stock_held(trade.books, dealer) - raw


@kernel
def choose_dealer(seed, purpose, day, buyer, account, first_known, shuns_banned, params, trade):
    """Choose an open dealer among those known, by stock and price; return -1 for none.

    Parameters
    ----------
    seed, purpose, day, buyer : int
        Keys of a race, in which each dealer has a draw of its own.
    account : Account
        SUPPLIERS or PROCESSORS.
    first_known : int
        Number, among the dealers of the account, of the first one known. The next ones are known
        too, `KNOWN_DEALERS` in all, so that the cost of a purchase does not grow with the market.
    shuns_banned : bool
        Whether dealers whose account is banned, or hardly back, are not found.
    params : Params
        How the choice falls with the price, and what moves prices.
    trade : TradeState
        Read.
    """
    first = trade.books.start[account]
    number = trade.books.start[account + 1] - first
    # market.md 19.2: the lowest price among those who could be chosen
    lowest = 0.0
    if params.upstream.price_sense > 0.0:
        lowest = np.inf
        for k in range(min(number, KNOWN_DEALERS)):
            dealer = first + (first_known + k) % number
            if _can_sell(dealer, account, day, shuns_banned, trade):
                lowest = min(lowest, _price_asked(dealer, account, params, trade))
    # market.md 6.2, 7.2 and 19.2: a race in proportion to stock, slower for the dearer
    best, chosen = np.inf, NOBODY
    for k in range(min(number, KNOWN_DEALERS)):
        dealer = first + (first_known + k) % number
        if _can_sell(dealer, account, day, shuns_banned, trade):
            weight = stock_on_offer(dealer, account, trade) * 1.0
            if lowest > 0.0:
                relative = lowest / _price_asked(dealer, account, params, trade)
                weight *= exp(params.upstream.price_sense * log(relative))
            time = -log(uniform(seed, purpose, day, buyer, dealer)) / weight
            if chosen < 0 or time < best:
                best, chosen = time, dealer
    return chosen


@part
def _can_sell(dealer, account, day, shuns_banned, trade):
    """Return whether a dealer is open, holds stock, and can be found (market.md 6.2, 19.2)."""
    if trade.dealers.closed_until[dealer] > day or stock_on_offer(dealer, account, trade) == 0:
        return False
    banned_until = trade.dealers.banned_until[dealer]
    return not (shuns_banned and banned_until > 0 and banned_until + SHUNNED_DAYS > day)


@part
def _price_asked(dealer, account, params, trade):
    """Return the price of raw ivory, or the sum of those of worked products (market.md 19.2)."""
    if account == Account.SUPPLIERS:
        supply = params.supply
        return dealer_price(dealer, RAW, supply.margin, supply.cover, params.retail, trade)
    total, margin, cover = 0.0, params.workshop.margin, params.workshop.cover
    for product in range(1, PRODUCTS):
        total += dealer_price(dealer, product, margin, cover, params.retail, trade)
    return total


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
