"""Retailers restock, take their profit home, and feel how their stock stands."""

import numpy as np

from marketsim.model.dealers import buy_from_dealer, choose_dealer, stock_on_offer
from marketsim.model.ledger import PRODUCTS, Account, Item, move
from marketsim.model.pricing import (
    SMOOTHING_DAYS,
    expected_retail_sales,
    inventory_markup,
    stock_held,
)
from marketsim.model.state import SalesLevel, Stage, State
from marketsim.numerics.distributions import in_turn
from marketsim.numerics.jit import array_kernel, kernel, part
from marketsim.numerics.rng import Purpose, uniforms

SETTLED = 56  # number of the day whose sales are those that newcomers compare with


@array_kernel
def restock(seed, day, row, params, traders, trade):
    """Let the traders whose turn it is buy upstream, in a drawn order.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day, row : int
        Ordinal of the day, and its number in the run.
    params : Params
        Parameters.
    traders : Retailers
        Read.
    trade : TradeState
        Written: goods, money, costs, tallies, smoothed sales, `stock_effect`.
    """
    _dealers_evening(day, params.perception.half_life, trade)
    _count_sales(row, params.retail, trade)
    coming = np.empty(traders.state.size, np.int64)
    turns = np.empty(traders.state.size)
    number = 0
    for i in range(traders.state.size):
        state = traders.state[i]
        if traders.arrival[i] == day and state == State.ACTIVE:
            _fund(i, trade)
        if state == State.ACTIVE or state == State.LYING_LOW or state == State.BANNED:
            u_restock, u_turn, _, _ = uniforms(seed, Purpose.RESTOCK, day, i, 0)
            if u_restock < 1.0 / params.retail.restock_days:
                coming[number], turns[number] = i, u_turn
                number += 1
    for k in in_turn(turns[:number]):
        _order(seed, day, row, coming[k], params, trade)
        _take_home(coming[k], trade)


@part
def _fund(i, trade):
    """Give a newcomer working capital, and an idea of what he will sell."""
    books = trade.books
    holder, owners = books.start[Account.RETAILERS] + i, books.start[Account.OWNERS]
    move(books, Item.MONEY, owners, holder, trade.shops.working_capital[i])
    trade.shops.sold[i] = trade.shops.expected[i]


@part
def _dealers_evening(day, half_life, trade):
    """Smooth dealers' sales, let fear fade, and let owners take what is not needed."""
    books, dealers = trade.books, trade.dealers
    fading = 1.0 - 1.0 / (half_life * 1.44269504)
    for dealer in range(dealers.risk.size):
        dealers.risk[dealer] *= fading
        for product in range(PRODUCTS):
            dealers.sold[dealer, product] *= 1.0 - 1.0 / SMOOTHING_DAYS
        spare = books.balance[dealer, Item.MONEY] - dealers.working_capital[dealer]
        reopens = dealers.closed_until[dealer] == day
        if spare > 0 or reopens:  # with new money, and with nothing in stock
            move(books, Item.MONEY, dealer, books.start[Account.OWNERS], spare)


@part
def _count_sales(row, retail, trade):
    """Smooth yesterday's sales, and set how stock moves posting."""
    shops, sold = trade.shops, 0
    for i in range(shops.stock_effect.size):
        shops.sold[i] += (shops.sold_today[i] - shops.sold[i]) / retail.cover
        sold += shops.sold_today[i]
        shops.sold_today[i] = 0
        stock = stock_held(trade.books, trade.books.start[Account.RETAILERS] + i)
        full = retail.cover * expected_retail_sales(shops, i)
        shops.stock_effect[i] = inventory_markup(full, stock, retail.push)
    trade.sales_level[SalesLevel.SOLD] += (sold - trade.sales_level[SalesLevel.SOLD]) / min(
        row + 1.0, SMOOTHING_DAYS
    )
    if row == SETTLED:
        trade.sales_level[SalesLevel.AT_FIRST] = trade.sales_level[SalesLevel.SOLD]


@kernel
def _order(seed, day, row, i, params, trade):
    """Fill up stock: raw ivory from a supplier, the rest as the processor has it."""
    retail, shops, books = params.retail, trade.shops, trade.books
    holder = books.start[Account.RETAILERS] + i
    target = retail.cover * expected_retail_sales(shops, i)
    need = int(min(target, 1e15)) - stock_held(books, holder)
    if need <= 0:
        return
    raw = int(need * retail.raw_share)
    supplier = _source(seed, day, i, shops.supplier[i], Account.SUPPLIERS, trade)
    if supplier >= 0:
        buy_from_dealer(
            row, holder, supplier, Item.RAW, raw, Stage.SUPPLIER, params.supply, retail, trade
        )
    processor = _source(seed, day, i, shops.processor[i], Account.PROCESSORS, trade)
    if processor >= 0:
        there, stage = stock_on_offer(processor, Account.PROCESSORS, trade), Stage.PROCESSOR
        for product in range(1, PRODUCTS):
            mass = int((need - raw) * (books.balance[processor, product] / there))
            buy_from_dealer(
                row, holder, processor, product, mass, stage, params.workshop, retail, trade
            )


@part
def _source(seed, day, i, usual, account, trade):
    """Return the usual dealer, or where that one has nothing today another known; -1 for none."""
    closed = trade.dealers.closed_until
    if usual >= 0 and closed[usual] <= day and stock_on_offer(usual, account, trade) > 0:
        return usual
    near = usual - trade.books.start[account]
    return choose_dealer(seed, Purpose.SOURCE, day, i, account, near, trade)


@part
def _take_home(i, trade):
    """Take out what working capital does not need."""
    books = trade.books
    holder = books.start[Account.RETAILERS] + i
    spare = books.balance[holder, Item.MONEY] - trade.shops.working_capital[i]
    if spare > 0:
        move(books, Item.MONEY, holder, books.start[Account.OWNERS], spare)
