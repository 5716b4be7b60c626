"""How many bytes an agent of each kind takes, summed over the arrays that a run keeps."""

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks import runs
from benchmarks.tables import Rows, Table, rounded
from marketsim.model import market
from marketsim.model.ledger import Account
from marketsim.model.state import World

DAYS = "counts by day"  # not of any agent


def measure(asked: argparse.Namespace) -> list[Table]:
    """Count bytes by kind of agent."""
    world = market.build(runs.settings(asked.population), 1)
    note = "Every array of a run is in one row; room for friends and parcels counts whether used."
    return [Table("bytes", rows(world), note)]


def rows(world: World) -> Rows:
    """Return bytes of each kind, in all and each; they add up to the whole memory."""
    total = by_kind(world)
    number = numbers(world)
    return [
        {
            "kind": kind,
            "number": number[kind],
            "bytes": size,
            "bytes_each": rounded(size / number[kind], 4) if number[kind] else 0.0,
        }
        for kind, size in total.items()
    ]


def numbers(world: World) -> dict[str, int]:
    """Return how many there are of each kind."""
    chain = world.chain
    return {
        "retailer": world.retailers.state.size,
        "dealer": chain.dealers.risk.size,
        "agent": chain.agents.retailer.size,
        "buyer": chain.buyers.risk.size,
        "friend": chain.friends.who.size,
        "parcel room": chain.parcels.rows.shape[0] * chain.parcels.rows.shape[1],
        "tie": world.ties.other.size,
        DAYS: world.series.risk.size,
    }


def by_kind(world: World) -> dict[str, int]:
    """Return the bytes of each kind; rows of the books and of friends go to their holders."""
    chain, ids = world.chain, world.retailers.state.size
    start, balance = chain.books.start, chain.books.balance
    friends, costs = chain.friends, chain.unit_cost
    lists = (friends.start, friends.count, friends.customers)
    shared = sum(array.nbytes for array in lists)
    sellers = ids + chain.agents.retailer.size
    own = {
        "retailer": (world.retailers, world.today, world.queue, chain.shops, chain.cases),
        "dealer": chain.dealers,
        "agent": chain.agents,
        "buyer": chain.buyers,
        "friend": (friends.who, friends.trust),
        "parcel room": chain.parcels,
        "tie": world.ties.other,
    }
    out = {kind: bytes_of(arrays) for kind, arrays in own.items()}
    first = {"dealer": Account.SUPPLIERS, "retailer": Account.RETAILERS}
    first["agent"] = Account.RESALE_AGENTS
    after = {Account.SUPPLIERS: Account.RETAILERS}
    for kind, account in first.items():
        holders = start[after.get(account, account + 1)] - start[account]
        out[kind] += int(holders) * balance[0].nbytes
        out[kind] += 0 if kind == "agent" else int(holders) * costs[0].nbytes
    out["retailer"] += world.ties.start.nbytes + shared * ids // sellers
    out["agent"] += shared - shared * ids // sellers
    out[DAYS] = bytes_of(world) - sum(out.values())
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
