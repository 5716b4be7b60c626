"""Memory by kind of agent, summed over the arrays of a run."""

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks import runs
from benchmarks.tables import Rows, Table, rounded
from marketsim.model import market
from marketsim.model.ledger import Account
from marketsim.model.state import MarketState

DAYS = "counts by day"  # not of any agent


def measure(options: argparse.Namespace) -> list[Table]:
    """Count bytes by kind of agent."""
    state = market.initialize(runs.settings(options.population), 1)
    note = "Every array of a run is in one row; unused room for friends and parcels counts too."
    return [Table("bytes", rows(state), note)]


def rows(state: MarketState) -> Rows:
    """Return bytes of each kind, in all and each; they add up to the whole memory."""
    total = by_kind(state)
    number = numbers(state)
    return [
        {
            "kind": kind,
            "number": number[kind],
            "bytes": size,
            "bytes_each": rounded(size / number[kind], 4) if number[kind] else 0.0,
        }
        for kind, size in total.items()
    ]


def numbers(state: MarketState) -> dict[str, int]:
    """Count the agents of each kind."""
    trade = state.trade
    return {
        "retailer": state.retailers.state.size,
        "dealer": trade.dealers.risk.size,
        "agent": trade.agents.retailer.size,
        "buyer": trade.buyers.risk.size,
        "friend": trade.friends.buyer.size,
        "parcel room": trade.parcels.rows.shape[0] * trade.parcels.rows.shape[1],
        "tie": state.ties.other.size,
        DAYS: state.series.risk.size,
    }


def by_kind(state: MarketState) -> dict[str, int]:
    """Return the bytes of each kind; rows of the books and of friends go to their holders."""
    trade, ids = state.trade, state.retailers.state.size
    start, balance = trade.books.start, trade.books.balance
    friends, costs = trade.friends, trade.unit_cost
    lists = (friends.start, friends.count, friends.customers)
    shared = sum(array.nbytes for array in lists)
    sellers = ids + trade.agents.retailer.size
    own = {
        "retailer": (state.retailers, state.counters, state.queue, trade.shops, trade.cases),
        "dealer": trade.dealers,
        "agent": trade.agents,
        "buyer": trade.buyers,
        "friend": (friends.buyer, friends.trust),
        "parcel room": trade.parcels,
        "tie": state.ties.other,
    }
    out = {kind: bytes_of(arrays) for kind, arrays in own.items()}
    first = {"dealer": Account.SUPPLIERS, "retailer": Account.RETAILERS}
    first["agent"] = Account.RESALE_AGENTS
    after = {Account.SUPPLIERS: Account.RETAILERS}
    for kind, account in first.items():
        holders = start[after.get(account, account + 1)] - start[account]
        out[kind] += int(holders) * balance[0].nbytes
        out[kind] += 0 if kind == "agent" else int(holders) * costs[0].nbytes
    out["retailer"] += state.ties.start.nbytes + shared * ids // sellers
    out["agent"] += shared - shared * ids // sellers
    out[DAYS] = bytes_of(state) - sum(out.values())
    return out


def bytes_of(memory: Any) -> int:
    """Return the bytes of all arrays in a tuple of tuples."""
    return sum(array.nbytes for array in arrays_of(memory))


def arrays_of(memory: Any) -> Iterator[np.ndarray]:
    """Yield all arrays in a tuple of tuples."""
    if isinstance(memory, np.ndarray):
        yield memory
    elif isinstance(memory, tuple):
        for one in memory:
            yield from arrays_of(one)
