"""Daily records of individual traders in one run."""

import datetime as dt
from typing import NamedTuple

import numpy as np
import pandas as pd

from marketsim.model.ledger import FEN, MILLIGRAMS, PRODUCTS, Account, Item
from marketsim.model.market import advance, initialize
from marketsim.model.state import Backup, State
from marketsim.parameters.settings import Settings
from marketsim.parameters.traders import TRADER_TYPES

PRESENT = (State.ACTIVE, State.LYING_LOW, State.BANNED)
# column: unit and meaning
COLUMNS = {
    "day": "the day",
    "state": "state at the end of the day",
    "account": "number of the account in use; 0 is the first",
    "backup": "state of the backup account",
    "perceived_risk": "0 to 1",
    "posts_made": "posts made anywhere",
    "posts_visible": "visible posts in Moments at the end of the day",
    "posts_withheld": "posts withheld",
    "stock_g": "ivory in stock at the end of the day, g",
    "money_cny": "money at the end of the day, CNY",
}


class Days(NamedTuple):
    """Records of every trader on every day; arrays have shape (days, ids)."""

    first_day: int
    kind: np.ndarray  # shape (ids,)
    state: np.ndarray
    account: np.ndarray
    backup: np.ndarray
    risk: np.ndarray
    made: np.ndarray
    visible: np.ndarray
    withheld: np.ndarray
    stock: np.ndarray
    money: np.ndarray


def follow(settings: Settings, seed: int) -> Days:
    """Simulate one run and record every trader at the end of each day.

    Parameters
    ----------
    settings : Settings
        Settings of the run, with its sampled parameters.
    seed : int
        Seed of the run.
    """
    state = initialize(settings, seed)
    of, counters, books = state.retailers, state.counters, state.trade.books
    begin, end = books.start[Account.RETAILERS], books.start[Account.RETAILERS + 1]
    shape = (state.series.risk.size, of.state.size)
    kinds = (np.int8, np.int16, np.int8, np.float32, np.int16, np.int16, np.int16)
    records = [np.zeros(shape, kind) for kind in (*kinds, np.float32, np.float32)]
    for row in range(shape[0]):
        advance(state, row, row + 1)
        balance = books.balance[begin:end]
        values = (
            *(of.state, of.account, of.backup, of.risk),
            *(counters.intended - counters.withheld, counters.moments, counters.withheld),
            balance[:, :PRODUCTS].sum(axis=1) / MILLIGRAMS,
            balance[:, Item.MONEY] / FEN,
        )
        for table, value in zip(records, values, strict=True):
            table[row] = value
    return Days(state.first_day, of.kind.copy(), *records)


def table(days: Days, trader: int) -> pd.DataFrame:
    """Return the days of one trader: the columns of `COLUMNS`."""
    dates = [dt.date.fromordinal(days.first_day + row) for row in range(len(days.state))]
    return pd.DataFrame(
        {
            "day": dates,
            "state": [State(code).name.lower() for code in days.state[:, trader]],
            "account": days.account[:, trader],
            "backup": [Backup(code).name.lower() for code in days.backup[:, trader]],
            "perceived_risk": days.risk[:, trader],
            "posts_made": days.made[:, trader],
            "posts_visible": days.visible[:, trader],
            "posts_withheld": days.withheld[:, trader],
            "stock_g": days.stock[:, trader],
            "money_cny": days.money[:, trader],
        }
    )


def suggested(days: Days) -> dict[str, int]:
    """Return examples of traders, by what they are an example of."""
    made = days.made.sum(axis=0)
    present = np.isin(days.state, PRESENT).all(axis=0)
    out = {"the heaviest poster": int(made.argmax())}
    if present.any():
        here = np.flatnonzero(present)
        middle = np.argsort(made[here], kind="stable")[here.size // 2]
        out["the median poster"] = int(here[middle])
    for example, state in (
        ("the first trader banned", State.BANNED),
        ("the first trader arrested", State.ARRESTED),
    ):
        found = days.state == state
        if found.any():
            out[example] = int(found[found.any(axis=1).argmax()].argmax())
    low = (days.state == State.LYING_LOW).sum(axis=0)
    if low.any():
        out["the trader inactive longest"] = int(low.argmax())
    return out


def describe(days: Days, trader: int) -> str:
    """Return a sentence on a trader: type, posts, and days in each state."""
    kind = TRADER_TYPES[days.kind[trader]].upper()
    states, counts = np.unique(days.state[:, trader], return_counts=True)
    spent = ", ".join(
        f"{State(code).name.lower().replace('_', ' ')} on {count}"
        for code, count in zip(states, counts, strict=True)
    )
    posts = int(days.made[:, trader].sum())
    return f"Trader {trader}, type {kind}: {posts:,} posts in {len(days.state)} days; {spent} days."
