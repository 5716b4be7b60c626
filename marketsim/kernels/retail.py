"""Retailers restock, take their profit home, and feel how their stock stands."""

import numpy as np

from marketsim.books import PRODUCTS, Account, Item, affordable, fen_of, move
from marketsim.compiled import array_kernel, kernel, part
from marketsim.exact import log
from marketsim.pricing import (
    WINDOW,
    dealer_price,
    paid_on_average,
    price_noted,
    reckoned,
    scarcity,
    stock_of,
)
from marketsim.rng import Purpose, in_turn, uniform, uniforms
from marketsim.state import State
from marketsim.trade_state import Channel, Pulse, Stage

SETTLED = 56  # number of the day whose sales are those that newcomers compare with


@array_kernel
def restock(seed, day, row, rules, traders, chain):
    """Let the traders whose turn it is buy upstream, in a drawn order.

    Parameters
    ----------
    seed : int64
        Seed of the run.
    day, row : int
        Ordinal of the day, and its number in the run.
    rules : Rules
        Parameters.
    traders : Retailers
        Read.
    chain : Chain
        Written: goods, money, costs, tallies, smoothed sales, `push`.
    """
    _dealers_evening(day, rules.perception.half_life, chain)
    _count_sales(row, rules.retail, chain)
    coming = np.empty(traders.state.size, np.int64)
    turns = np.empty(traders.state.size)
    number = 0
    for i in range(traders.state.size):
        state = traders.state[i]
        if traders.arrival[i] == day and state == State.ACTIVE:
            _fund(i, chain)
        if state == State.ACTIVE or state == State.LYING_LOW or state == State.BANNED:
            u_restock, u_turn, _, _ = uniforms(seed, Purpose.RESTOCK, day, i, 0)
            if u_restock < 1.0 / rules.retail.restock_days:
                coming[number], turns[number] = i, u_turn
                number += 1
    for k in in_turn(turns[:number]):
        _order(seed, day, row, coming[k], rules, chain)
        _take_home(coming[k], chain)


@part
def _fund(i, chain):
    """Give a newcomer working capital, and an idea of what he will sell."""
    books = chain.books
    holder, owners = books.start[Account.RETAILERS] + i, books.start[Account.OWNERS]
    move(books, Item.MONEY, owners, holder, chain.shops.purse[i])
    chain.shops.sold[i] = chain.shops.expected[i]


@part
def _dealers_evening(day, half_life, chain):
    """Smooth dealers' sales, let fear fade, and let owners take what is not needed."""
    books, dealers = chain.books, chain.dealers
    fading = 1.0 - 1.0 / (half_life * 1.44269504)
    for dealer in range(dealers.risk.size):
        dealers.risk[dealer] *= fading
        for product in range(PRODUCTS):
            dealers.sold[dealer, product] *= 1.0 - 1.0 / WINDOW
        spare = books.balance[dealer, Item.MONEY] - dealers.purse[dealer]
        reopens = dealers.closed_until[dealer] == day
        if spare > 0 or reopens:  # with new money, and with nothing in stock
            move(books, Item.MONEY, dealer, books.start[Account.OWNERS], spare)


@part
def _count_sales(row, retail, chain):
    """Smooth yesterday's sales, and set how stock moves posting."""
    shops, sold = chain.shops, 0
    for i in range(shops.push.size):
        shops.sold[i] += (shops.today[i] - shops.sold[i]) / retail.cover
        sold += shops.today[i]
        shops.today[i] = 0
        stock = stock_of(chain.books, chain.books.start[Account.RETAILERS] + i)
        full = retail.cover * reckoned(shops, i)
        shops.push[i] = scarcity(full, stock, retail.push)
    chain.pulse[Pulse.SOLD] += (sold - chain.pulse[Pulse.SOLD]) / min(row + 1.0, WINDOW)
    if row == SETTLED:
        chain.pulse[Pulse.AT_FIRST] = chain.pulse[Pulse.SOLD]


@kernel
def _order(seed, day, row, i, rules, chain):
    """Fill up stock: raw ivory from a supplier, the rest as the processor has it."""
    retail, shops, books = rules.retail, chain.shops, chain.books
    holder = books.start[Account.RETAILERS] + i
    target = retail.cover * reckoned(shops, i)
    need = int(min(target, 1e15)) - stock_of(books, holder)
    if need <= 0:
        return
    raw = int(need * retail.raw_share)
    supplier = _source(seed, day, i, shops.supplier[i], Account.SUPPLIERS, chain)
    if supplier >= 0:
        margin, cover = rules.supply.margin, rules.supply.cover
        _buy(row, holder, supplier, Item.RAW, raw, margin, cover, Stage.SUPPLIER, retail, chain)
    processor = _source(seed, day, i, shops.processor[i], Account.PROCESSORS, chain)
    if processor >= 0:
        there = _finished(processor, chain)
        margin, cover = rules.workshop.margin, rules.workshop.cover
        for product in range(1, PRODUCTS):
            share = books.balance[processor, product] / there
            mass = int((need - raw) * share)
            stage = Stage.PROCESSOR
            _buy(row, holder, processor, product, mass, margin, cover, stage, retail, chain)


@part
def _finished(dealer, chain):
    """Return what a processor has to sell, milligrams."""
    return stock_of(chain.books, dealer) - chain.books.balance[dealer, Item.RAW]


@part
def _on_offer(dealer, account, chain):
    if account == Account.SUPPLIERS:
        return chain.books.balance[dealer, Item.RAW]
    return _finished(dealer, chain)


@kernel
def _source(seed, day, i, usual, account, chain):
    """Return the usual dealer, or where that one has nothing today another; -1 for none."""
    closed = chain.dealers.closed_until
    if usual >= 0 and closed[usual] <= day and _on_offer(usual, account, chain) > 0:
        return usual
    best, chosen = np.inf, -1
    for dealer in range(chain.books.start[account], chain.books.start[account + 1]):
        stock = _on_offer(dealer, account, chain)
        if stock > 0 and closed[dealer] <= day:
            time = -log(uniform(seed, Purpose.SOURCE, day, i, dealer)) / stock
            if chosen < 0 or time < best:
                best, chosen = time, dealer
    return chosen


@kernel
def _buy(row, holder, dealer, product, mass, margin, cover, stage, retail, chain):
    """Buy of a dealer as much as is wanted, there, and affordable."""
    books = chain.books
    price = dealer_price(dealer, product, margin, cover, retail, chain)
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
def _take_home(i, chain):
    """Take out what working capital does not need."""
    books = chain.books
    holder = books.start[Account.RETAILERS] + i
    spare = books.balance[holder, Item.MONEY] - chain.shops.purse[i]
    if spare > 0:
        move(books, Item.MONEY, holder, books.start[Account.OWNERS], spare)
