"""Dealers' evening, expected sales, newcomers' capital and restocking (docs/market.md 7).

Four steps of the morning: dealers' risk and sales fade and their profit is withdrawn; traders'
sales are smoothed and their stock sets posting; newcomers receive working capital; traders whose
turn it is order from dealers and withdraw their profit.
"""

import numpy as np

from marketsim.model.dealers import buy_from_dealer, choose_dealer, stock_on_offer
from marketsim.model.ledger import PRODUCTS, Account, Item, move
from marketsim.model.pricing import (
    SMOOTHING_DAYS,
    expected_retail_sales,
    inventory_markup,
    stock_held,
)
from marketsim.model.state import State, is_in_trade
from marketsim.numerics.distributions import in_turn
from marketsim.numerics.jit import array_kernel, kernel, part
from marketsim.numerics.rng import Purpose, uniforms

RAW = int(Item.RAW)
LEAST_VALUE, MOST_VALUE = 0.1, 1.5  # of the trade, for a full stock


@kernel
def update_dealers(day, params, books, dealers):
    """Let dealers' risk and sales fade, withdraw their profit, and reopen those who were raided.

    Parameters
    ----------
    day : int
        Date (ordinal).
    params : Params
        Parameters.
    books : Books
        Written: money.
    dealers : Dealers
        Written: risk, sales.
    """
    remaining = 1.0 - 1.0 / (params.perception.half_life * 1.44269504)
    for dealer in range(dealers.risk.size):
        # market.md 7: perceived risk and smoothed sales fade
        dealers.risk[dealer] *= remaining
        for product in range(PRODUCTS):
            dealers.sold[dealer, product] *= 1.0 - 1.0 / SMOOTHING_DAYS
        # market.md 7: money beyond working capital goes to owners; who reopens gets what is missing
        surplus = books.balance[dealer, Item.MONEY] - dealers.working_capital[dealer]
        reopens = dealers.closed_until[dealer] == day
        if surplus > 0 or reopens:
            move(books, Item.MONEY, dealer, books.start[Account.OWNERS], surplus)


@kernel
def smooth_retail_sales(params, books, shops, start, stop):
    """Smooth yesterday's sales of traders, and set the effect of their stock on posting.

    Parameters
    ----------
    params : Params
        Parameters.
    books : Books
        Read.
    shops : Shops
        `sold`, `sold_today` and `stock_effect` are written.
    start, stop : int
        Ids of the traders: the first, and the end (exclusive).
    """
    retail = params.retail
    for i in range(start, stop):
        # market.md 7: expected sales follow sales
        shops.sold[i] += (shops.sold_today[i] - shops.sold[i]) / retail.cover
        shops.sold_today[i] = 0
        # market.md 7: traders with more than a full stock post more, others less
        stock = stock_held(books, books.start[Account.RETAILERS] + i)
        full = retail.cover * expected_retail_sales(shops, i)
        shops.stock_effect[i] = inventory_markup(full, stock, retail.stock_effect_on_posting)


@kernel
def fund_newcomers(day, retailers, books, shops):
    """Give the newcomers of the day working capital and expected sales (market.md 7).

    Parameters
    ----------
    day : int
        Date (ordinal).
    retailers : Retailers
        Read.
    books : Books
        Written: money.
    shops : Shops
        `sold` is written.
    """
    holders, owners = books.start[Account.RETAILERS], books.start[Account.OWNERS]
    for i in range(retailers.state.size):
        if retailers.arrival[i] == day and retailers.state[i] == State.ACTIVE:
            move(books, Item.MONEY, owners, holders + i, shops.working_capital[i])
            shops.sold[i] = shops.expected[i]


@kernel
def draw_turns(seed, day, params, retailers, turns, start, stop):
    """Draw which traders order from dealers today, and in which order (market.md 7).

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day : int
        Date (ordinal).
    params : Params
        Parameters.
    retailers : Retailers
        Read.
    turns : ndarray of float64, shape (ids,)
        Written: those who order do so in ascending order; infinity for the others.
    start, stop : int
        Ids of the traders: the first, and the end (exclusive).
    """
    for i in range(start, stop):
        turns[i] = np.inf
        if is_in_trade(retailers.state[i]):
            u_restock, u_turn, _, _ = uniforms(seed, Purpose.RESTOCK, day, i, 0)
            if u_restock < 1.0 / params.retail.restock_days:
                turns[i] = u_turn


@array_kernel
def restock(seed, day, row, params, turns, motives, trade):
    """Let the traders whose turn it is order from dealers and withdraw their profit.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day, row : int
        Date (ordinal) and row of the day.
    params : Params
        Parameters.
    turns : ndarray of float64, shape (ids,)
        As of `draw_turns`.
    motives : Motives
        The value of the trade is read.
    trade : TradeState
        Written: goods, money, costs, usual sources, counts.
    """
    # market.md 7: who orders today, in a drawn order since traders compete for stock
    ordering = np.flatnonzero(turns < np.inf)
    for k in in_turn(turns[ordering]):
        _order(seed, day, row, ordering[k], params, motives, trade)
        _withdraw_profit(ordering[k], trade)


@kernel
def _order(seed, day, row, i, params, motives, trade):
    """Fill up the stock of a trader from a supplier and a processor."""
    retail, shops, books = params.retail, trade.shops, trade.books
    # market.md 7.1: what is missing from a full stock, which follows the value of the trade
    holder = books.start[Account.RETAILERS] + i
    value = min(max(motives.value[i], LEAST_VALUE), MOST_VALUE)
    cover = retail.cover * trade.prices.holding[0]
    target = cover * expected_retail_sales(shops, i) * value
    need = int(min(target, 1e15)) - stock_held(books, holder)
    if need <= 0:
        return
    # market.md 7.2: raw ivory from a supplier
    raw = int(need * retail.raw_share)
    u_supplier, u_processor = 0.0, 0.0
    if params.upstream.loyalty < 1.0:
        u_supplier, u_processor, _, _ = uniforms(seed, Purpose.LOYAL, day, i, 0)
    loyal = u_supplier < params.upstream.loyalty
    supplier = _choose_source(
        seed, day, i, shops.supplier[i], loyal, Account.SUPPLIERS, params, trade
    )
    if supplier >= 0:
        if params.upstream.loyalty < 1.0:
            shops.supplier[i] = supplier
        buy_from_dealer(row, holder, supplier, RAW, raw, params, trade)
    # market.md 7.3: worked products from a processor, in proportion to its stock
    loyal = u_processor < params.upstream.loyalty
    processor = _choose_source(
        seed, day, i, shops.processor[i], loyal, Account.PROCESSORS, params, trade
    )
    if processor >= 0:
        if params.upstream.loyalty < 1.0:
            shops.processor[i] = processor
        offered = stock_on_offer(processor, Account.PROCESSORS, trade)
        for product in range(1, PRODUCTS):
            mass = int((need - raw) * (books.balance[processor, product] / offered))
            buy_from_dealer(row, holder, processor, product, mass, params, trade)


@part
def _choose_source(seed, day, i, usual, loyal, account, params, trade):
    """Return the usual dealer, else another with stock who is known; -1 for none (7.2, 19.2)."""
    closed = trade.dealers.closed_until
    can_sell = usual >= 0 and closed[usual] <= day and stock_on_offer(usual, account, trade) > 0
    if loyal and can_sell:
        return usual
    first_known = usual - trade.books.start[account]
    return choose_dealer(seed, Purpose.SOURCE, day, i, account, first_known, True, params, trade)


@part
def _withdraw_profit(i, trade):
    """Move money beyond working capital to owners (market.md 7.4)."""
    books = trade.books
    holder = books.start[Account.RETAILERS] + i
    surplus = books.balance[holder, Item.MONEY] - trade.shops.working_capital[i]
    if surplus > 0:
        move(books, Item.MONEY, holder, books.start[Account.OWNERS], surplus)
