"""What is to be equal: the whole state of a market in the evening, in plain lists.

The keys are those of the tables in docs/model.md, section 2, and docs/market.md, section 2.
"""

from typing import Any

import numpy as np

from marketsim.model.ledger import Account
from marketsim.model.observer import SurveyRows
from marketsim.model.state import MarketState, Parcel, draw_key

Picture = dict[str, Any]


def of_engine(state: MarketState, row: int) -> Picture:
    """Return the state of a market in the evening of day `row`."""
    trade = state.trade
    ids = state.retailers.state.size
    out = {f"trader.{name}": array for name, array in state.retailers._asdict().items()}
    out |= {f"posts.{name}": array for name, array in state.counters._asdict().items()}
    del out["posts.words"]  # random, and drawn again by the other model
    shops = trade.shops._asdict()
    shops["kept"] = shops.pop("audience")
    shops["sales"], shops["purse"] = shops.pop("sold"), shops.pop("working_capital")
    shops["push"] = shops.pop("stock_effect")
    out |= {f"shop.{name}": array for name, array in shops.items()}
    dealers = trade.dealers._asdict()
    dealers["purse"], dealers["floor"] = dealers.pop("working_capital"), dealers.pop("least_sales")
    out |= {f"dealer.{name}": array for name, array in dealers.items()}
    out |= {f"agent.{name}": array for name, array in trade.agents._asdict().items()}
    first = trade.books.start[Account.RETAILERS]
    out["dealer.cost"] = trade.unit_cost[:first]
    out["shop.cost"] = trade.unit_cost[first : first + ids]
    out |= {f"buyer.{name}": array for name, array in trade.buyers._asdict().items()}
    friends = trade.friends
    rows = [slice(s, s + n) for s, n in zip(friends.start, friends.count, strict=False)]
    out["friends.who"] = [friends.buyer[row] for row in rows]
    out["friends.trust"] = [friends.trust[row] for row in rows]
    out["friends.customers"], out["friends.wanted"] = friends.customers, friends.wanted
    number, following = trade.seekers.ends
    out["seekers"], out["seekers.next"] = trade.seekers.buyer[:number], following
    out |= {f"motive.{name}": array for name, array in state.motives._asdict().items()}
    out |= {f"prices.{name}": array for name, array in trade.prices._asdict().items()}
    out["legal_stock"] = trade.legal_stock
    out["parcels"] = _parcels(state, row)
    out["queue"] = _waiting(state.queue)
    out["cases"] = _waiting(trade.cases)
    out |= _of_institutions(trade)
    out["balance"] = trade.books.balance
    out["contacts"] = state.contacts
    out["notes"] = state.survey_log[row]
    out |= {f"labels.{name}": array[row] for name, array in trade.observed_prices._asdict().items()}
    out |= {f"day.{name}": array[row] for name, array in state.series._asdict().items()}
    records = trade.records._asdict()
    records["trade"], records["measures"] = records.pop("counts"), records.pop("enforcement")
    out |= {f"day.{name}": array[row] for name, array in records.items()}
    return {key: plain(value) for key, value in out.items()}


def _of_institutions(trade: Any) -> Picture:
    """Return accounts beside Moments, desks, units of police and what they know (20, 21)."""
    places, units, cases = trade.places, trade.units, trade.cases
    out = {
        f"places.{name}": getattr(places, name)
        for name in ("barred_until", "strikes", "account", "case", "portal")
    }
    out["places.desks"] = [
        [ring[(place + k) % ring.size] for k in range(number)]
        for ring, (place, number) in zip(places.ring, places.ends, strict=True)
    ]
    out |= {f"units.{name}": getattr(units, name) for name in ("share", "effort", "found", "known")}
    out["cases.unit"] = [cases.unit[i] for i in _waiting(cases)]
    out["cases.evidence"] = cases.evidence
    return out


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


def _parcels(state: MarketState, row: int) -> list[list[int]]:
    """Return the parcels on their way, by day of arrival and as sent, from tomorrow on.

    Columns: days from today to arrival, trader, seller and seller who was asked (the numbers that
    draws know them by), key of the inquiry, buyer, place of the friend or -1, product, mass in mg;
    in fen: sum in escrow, what the trader has been paid, cost.
    """
    parcels, ids = state.trade.parcels, state.retailers.state.size
    order = ("RETAILER", "SELLER", "ASKED", "KEY", "BUYER", "FRIEND", "PRODUCT", "MASS")
    order += ("ESCROWED", "PAID", "COST")
    out = []
    for days in range(1, parcels.count.size + 1):
        bucket = (row + days) % parcels.count.size
        for parcel in parcels.rows[bucket, : parcels.count[bucket]]:
            one = {name: int(parcel[Parcel[name]]) for name in order}
            one["SELLER"] = int(draw_key(one["SELLER"], ids))
            out.append([days, *one.values()])
    return out
