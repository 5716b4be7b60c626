"""What is to be equal: the whole state of a market in the evening, in plain lists.

The keys are those of the tables in docs/model.md, section 2, and docs/market.md, section 2.
"""

from typing import Any

import numpy as np

from marketsim.model.ledger import Account
from marketsim.model.observer import SurveyRows
from marketsim.model.state import Parcel, World, keyed

Picture = dict[str, Any]


def of_engine(world: World, row: int) -> Picture:
    """Return the state of a market that has lived `row` and nothing after it."""
    chain = world.chain
    ids = world.retailers.state.size
    out = {f"trader.{name}": array for name, array in world.retailers._asdict().items()}
    out |= {f"posts.{name}": array for name, array in world.today._asdict().items()}
    shops = chain.shops._asdict()
    shops["kept"] = shops.pop("audience")
    shops["sales"], shops["sold_today"] = shops.pop("sold"), shops.pop("today")
    out |= {f"shop.{name}": array for name, array in shops.items()}
    out |= {f"dealer.{name}": array for name, array in chain.dealers._asdict().items()}
    out |= {f"agent.{name}": array for name, array in chain.agents._asdict().items()}
    first = chain.books.start[Account.RETAILERS]
    out["dealer.cost"] = chain.unit_cost[:first]
    out["shop.cost"] = chain.unit_cost[first : first + ids]
    out["buyer.risk"] = chain.buyers.risk
    out["buyer.touched"] = chain.buyers.touched
    friends = chain.friends
    rows = [slice(s, s + n) for s, n in zip(friends.start, friends.count, strict=False)]
    out["friends.who"] = [friends.who[row] for row in rows]
    out["friends.trust"] = [friends.trust[row] for row in rows]
    out["friends.customers"] = friends.customers
    out["parcels"] = _parcels(world, row)
    out["queue"] = _waiting(world.queue)
    out["cases"] = _waiting(chain.cases)
    out["pulse"] = chain.pulse
    out["balance"] = chain.books.balance
    out["contacts"] = world.contacts
    out["notes"] = world.notes[row]
    out |= {f"labels.{name}": array[row] for name, array in chain.labels._asdict().items()}
    out |= {f"day.{name}": array[row] for name, array in world.series._asdict().items()}
    out |= {f"day.{name}": array[row] for name, array in chain.tallies._asdict().items()}
    return {key: plain(value) for key, value in out.items()}


def of_survey(seen: SurveyRows) -> Picture:
    """Return one simulated survey in plain lists."""
    return {key: plain(value) for key, value in vars(seen).items()}


def plain(value: Any) -> Any:
    """Return arrays as lists, and numbers as those of Python."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value.item() if isinstance(value, np.generic) else value


def difference(first: Picture, second: Picture) -> str:
    """Return the first place where two pictures differ, or nothing."""
    if first.keys() != second.keys():
        return f"keys: {sorted(first.keys() ^ second.keys())}"
    for key, value in first.items():
        if value != second[key]:
            return key + _place(value, second[key])
    return ""


def _place(first: Any, second: Any) -> str:
    if not isinstance(first, list):
        return f": {first!r} and {second!r}"
    if len(first) != len(second):
        return f": {len(first)} and {len(second)} of them"
    k = next(k for k, (a, b) in enumerate(zip(first, second, strict=True)) if a != b)
    return f"[{k}]" + _place(first[k], second[k])


def _waiting(line: Any) -> list[int]:
    """Return a first-in-first-out line from its head."""
    place, number = line.ends
    return [line.ring[(place + k) % line.ring.size] for k in range(number)]


def _parcels(world: World, row: int) -> list[list[int]]:
    """Return the parcels on their way, by day of arrival and as sent, from tomorrow on.

    Columns: days from today to arrival, trader, seller (the number its draws are keyed by), key of
    the inquiry, buyer, place of the friend or -1, product, mass in mg, sum in escrow in fen.
    """
    parcels, ids = world.chain.parcels, world.retailers.state.size
    order = ("RETAILER", "SELLER", "KEY", "BUYER", "FRIEND", "PRODUCT", "MASS", "ESCROWED")
    out = []
    for days in range(1, parcels.count.size + 1):
        bucket = (row + days) % parcels.count.size
        for parcel in parcels.rows[bucket, : parcels.count[bucket]]:
            one = {name: int(parcel[Parcel[name]]) for name in order}
            one["SELLER"] = int(keyed(one["SELLER"], ids))
            out.append([days, *one.values()])
    return out
