"""Double-entry ledger of goods and money (docs/market.md 1).

Every holder has one row of balances: goods in int64 milligrams, money in int64 fen. An entry moves
an amount from one holder to another, so that each item sums to zero over all holders on every day.
Accounts outside the market are the sources and sinks; only they may be negative.
"""

from collections import namedtuple
from enum import IntEnum

import numpy as np

from marketsim.numerics.jit import kernel, part

PRODUCTS = 4  # the first items are for sale
MILLIGRAMS, FEN = 1000.0, 100.0  # in a gram, in one CNY
MILLIGRAMS_PER_KG = 1e6
FEN_PER_MILLIGRAM = 0.1  # at a price of one CNY a gram


class Item(IntEnum):
    """Items of the ledger: goods in milligrams, money in fen, certificates in pieces."""

    RAW = 0
    SEMI_WORKED = 1
    UNCARVED = 2
    CARVED = 3
    WASTE = 4
    MONEY = 5
    CARD = 6


class Account(IntEnum):
    """Kinds of holder: up to `ESCROW` inside the market and never negative, the others outside."""

    SUPPLIERS = 0
    PROCESSORS = 1
    RETAILERS = 2
    RESALE_AGENTS = 3
    LICENSED = 4
    COURIERS = 5
    ESCROW = 6
    POACHED = 7
    LEGAL_STOCK = 8
    OPENING = 9
    WORKED = 10
    CONSUMED = 11
    SEIZED = 12
    WASTED = 13
    LOST = 14
    INCOME = 15
    OWNERS = 16
    COSTS = 17


# Holders of account a are rows start[a] to start[a + 1] of `balance`. start: (len(Account) + 1,),
# int64; balance: (holders, len(Item)), int64, mg and fen
Books = namedtuple("Books", "start balance")


def open_books(sizes: dict[Account, int]) -> Books:
    """Create empty books; accounts without a size have one holder."""
    counts = [sizes.get(account, 1) for account in Account]
    start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Books(start, np.zeros((int(start[-1]), len(Item)), np.int64))


@part
def move(books, item, giver, taker, amount):
    """Move an amount from one holder to another; balances change in no other way."""
    books.balance[giver, item] -= amount
    books.balance[taker, item] += amount


@part
def fen_of(price, milligrams):
    """Return the price of a mass in fen, rounded down, at a price in CNY a gram."""
    return np.int64(price * milligrams * FEN_PER_MILLIGRAM)


@part
def affordable(price, fen):
    """Return the milligrams that money buys at a price in CNY a gram."""
    if price <= 0.0:
        return np.int64(2**62)
    return np.int64(fen / (price * FEN_PER_MILLIGRAM) * (1.0 - 1e-12))


@kernel
def close_books(books, ledger):
    """Write the balances of the day by account and check that they balance.

    Parameters
    ----------
    books : Books
        Read.
    ledger : ndarray of int64, shape (len(Account), len(Item))
        Written.

    Raises
    ------
    ValueError
        If an item does not sum to zero, or a holder inside the market has a negative balance.
    """
    inside = books.start[Account.ESCROW + 1]
    for account in range(ledger.shape[0]):
        for holder in range(books.start[account], books.start[account + 1]):
            for item in range(ledger.shape[1]):
                held = books.balance[holder, item]
                if held < 0 and holder < inside:
                    raise ValueError("a holder inside the market has a negative balance")
                ledger[account, item] += held
    for item in range(ledger.shape[1]):
        total = 0
        for account in range(ledger.shape[0]):
            total += ledger[account, item]
        if total != 0:
            raise ValueError("the ledger does not balance")


PRODUCT_NAMES = [item.name.lower() for item in Item][:PRODUCTS]
