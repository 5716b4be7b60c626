"""Retailers restock, take their profit home, and feel how their stock stands."""

import numpy as np

from marketsim.model.dealers import buy, chosen_dealer, on_offer
from marketsim.model.ledger import PRODUCTS, Account, Item, move
from marketsim.model.pricing import WINDOW, reckoned, scarcity, stock_of
from marketsim.model.state import Pulse, Stage, State
from marketsim.numerics.distributions import in_turn
from marketsim.numerics.jit import array_kernel, kernel, part
from marketsim.numerics.rng import Purpose, uniforms

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
        buy(row, holder, supplier, Item.RAW, raw, Stage.SUPPLIER, rules.supply, retail, chain)
    processor = _source(seed, day, i, shops.processor[i], Account.PROCESSORS, chain)
    if processor >= 0:
        there, stage = on_offer(processor, Account.PROCESSORS, chain), Stage.PROCESSOR
        for product in range(1, PRODUCTS):
            mass = int((need - raw) * (books.balance[processor, product] / there))
            buy(row, holder, processor, product, mass, stage, rules.workshop, retail, chain)


@part
def _source(seed, day, i, usual, account, chain):
    """Return the usual dealer, or where that one has nothing today another known; -1 for none."""
    closed = chain.dealers.closed_until
    if usual >= 0 and closed[usual] <= day and on_offer(usual, account, chain) > 0:
        return usual
    near = usual - chain.books.start[account]
    return chosen_dealer(seed, Purpose.SOURCE, day, i, account, near, chain)


@part
def _take_home(i, chain):
    """Take out what working capital does not need."""
    books = chain.books
    holder = books.start[Account.RETAILERS] + i
    spare = books.balance[holder, Item.MONEY] - chain.shops.purse[i]
    if spare > 0:
        move(books, Item.MONEY, holder, books.start[Account.OWNERS], spare)
