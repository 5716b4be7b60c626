"""What is counted at the end of a day, and the whole state as it is compared (KEYS of tests)."""

from .codes import Account, Backup, Place, Site, State

TRADER = (
    "kind",
    "base_rate",
    "sensitivity",
    "threshold",
    "arrival",
    "video_share",
    "full_grid",
    "state",
    "talking",
    "risk",
    "account",
    "offences",
    "blocked_until",
    "suspended",
    "return_day",
    "backup",
    "follow",
    "audience",
    "recruits",
    "guarded_until",
    "recent",
    "case_open",
)
POSTS = {
    "intended": "intended",
    "moments": "moments",
    "deleted": "deleted",
    "removed": "removed",
    "blocked": "preblocked",
    "backup": "posted_backup",
    "groups": "posted_groups",
    "elsewhere": "posted_elsewhere",
    "withheld": "withheld",
    "pictures": "pictures",
    "videos": "videos",
    "latest_pictures": "latest_pictures",
    "latest_videos": "latest_videos",
    "flagged": "flagged",
    "known": "known",
    "known_pictures": "known_pictures",
    "known_videos": "known_videos",
    "mention": "mention",
    "banned": "banned",
    "arrested": "arrested",
    "sanction": "sanction",
    "loss": "loss",
}
SHOP = {
    "markup": "markup",
    "stall": "stall",
    "expected": "expected",
    "purse": "purse",
    "push": "push",
    "kept": "kept",
    "sales": "sold",
    "sold_today": "sold_today",
    "cost": "cost",
    "quality": "quality",
    "relative": "relative",
}
MOTIVE = {
    "gain": "gain",
    "posted": "posted",
    "drive": "drive",
    "value": "value",
    "jail": "jail",
    "place": "pull",
}
PLACES = {
    "barred_until": "barred_until",
    "strikes": "strikes",
    "account": "has",
    "case": "waits",
}
LEARNED = {
    "all_gain": "gain",
    "all_posted": "posted",
    "first_gain": "first_gain",
    "first_posted": "first_posted",
    "today": "today",
    "norm": "norm",
}
PRICES = (
    "log_level",
    "fast",
    "slow",
    "expected",
    "sold",
    "offered",
    "offered_today",
    "rest",
    "samples",
)
FLOWS = (
    "moments",
    "deleted",
    "removed",
    "posted_backup",
    "posted_groups",
    "posted_elsewhere",
    "withheld",
    "pictures",
    "videos",
    "flagged",
    "banned",
    "mention",
    "preblocked",
)
DEALER = (
    "risk",
    "closed_until",
    "machines",
    "size",
    "banned_until",
    "purse",
    "sold",
    "floor",
    "cost",
)


def day_flows(model) -> list[int]:
    """Return the day's sums of counters (docs/model.md 7.8)."""

    def total(name: str) -> int:
        return sum(getattr(trader, name) for trader in model.traders)

    offers = total("intended") - total("withheld") - total("preblocked")
    return [offers, *(total(name) for name in FLOWS)]


def day_stocks(model) -> list[int]:
    """Return how many traders are in which state in the evening."""
    present = [trader for trader in model.traders if trader.in_trade]

    def number(state: State) -> int:
        return sum(trader.state == state for trader in model.traders)

    blocked = [
        trader
        for trader in present
        if trader.state != State.BANNED and trader.blocked_until > model.today + 1
    ]
    return [
        number(State.ACTIVE),
        number(State.LYING_LOW),
        len(blocked),
        number(State.BANNED),
        number(State.LEFT),
        sum(trader.backup != Backup.NONE for trader in present),
        sum(trader.backup == Backup.ANNOUNCED for trader in present),
        len(model.moderators.queue),
        number(State.ARRESTED),
    ]


def mean_risk(model) -> float:
    present = [trader for trader in model.traders if trader.in_trade]
    total = 0.0
    for trader in present:
        total += trader.risk
    return total / float(len(present)) if present else 0.0


def picture(model) -> dict:
    """Return the whole state of the evening, key by key."""
    traders, agents, observer = model.traders, model.resale_agents, model.observer
    out = {f"trader.{name}": [plain(getattr(one, name)) for one in traders] for name in TRADER}
    out |= {f"posts.{key}": [getattr(one, name) for one in traders] for key, name in POSTS.items()}
    out |= {f"shop.{key}": [getattr(one, name) for one in traders] for key, name in SHOP.items()}
    out |= {
        f"motive.{key}": [getattr(one, name) for one in traders] for key, name in MOTIVE.items()
    }
    learned = model.learned
    out |= {f"motive.{key}": list(getattr(learned, name)) for key, name in LEARNED.items()}
    out["motive.market"] = [learned.prior, learned.deals, learned.elsewhere, learned.value]
    for name in ("processor", "supplier"):
        out[f"shop.{name}"] = [number_of(getattr(one, name)) for one in traders]
    out |= {f"dealer.{name}": [getattr(one, name) for one in model.dealers] for name in DEALER}
    out["agent.retailer"] = [one.retailer.number for one in agents]
    out["agent.upstream"] = [number_of(one.upstream) for one in agents]
    out["agent.tier"] = [one.tier for one in agents]
    out["agent.active"] = [int(one.active) for one in agents]
    for name in ("last_deal", "banned_until"):
        out[f"agent.{name}"] = [getattr(one, name) for one in agents]
    out["buyer.risk"] = [one.risk for one in model.buyers]
    out["buyer.touched"] = [one.touched for one in model.buyers]
    out["buyer.sated"] = [one.sated for one in model.buyers]
    out["buyer.regular"] = [one.regular for one in model.buyers]
    out["buyer.bought"] = [one.bought for one in model.buyers]
    out["buyer.by_row"] = [0] * len(model.calendar)
    for one in model.buyers:
        if one.bought >= 0:
            out["buyer.by_row"][one.bought] += 1
    usual, hearsay = model.purchases, model.hearsay
    out["buyer.at_rest"] = [usual.limit, usual.bought, usual.spent]
    out["buyer.heard"] = [
        hearsay.arrived,
        hearsay.settled,
        hearsay.first_arrived,
        hearsay.first_settled,
    ]
    sellers = model.sellers
    out["friends.who"] = [[one.buyer.number for one in seller.friends] for seller in sellers]
    out["friends.trust"] = [[one.steps for one in seller.friends] for seller in sellers]
    out["friends.customers"] = [seller.customers for seller in sellers]
    out["friends.wanted"] = [seller.wanted for seller in sellers]
    out["seekers"] = [one.number for one in model.seekers.waiting]
    out["seekers.next"] = model.seekers.next
    first = first_places(sellers)
    out["parcels"] = [parcel_row(model, one, first) for one in model.parcels]
    out["queue"] = [one.number for one in model.moderators.queue]
    out["cases"] = [one.number for one in model.police.cases]
    out |= of_institutions(model)
    prices = model.prices
    out["prices.index"], out["prices.holding"] = list(prices.index), [prices.holding]
    out["prices.memory"] = [getattr(prices, name) for name in PRICES]
    out["legal_stock"] = [model.legal.stock]
    out["balance"] = model.books.balances()
    out["contacts"] = [number_of(one) for one in observer.contacts]
    out["notes"] = [list(row) for row in observer.notes]
    for name, table in zip(("ads", "items", "price"), observer.labels, strict=True):
        out[f"labels.{name}"] = table
    out["day.flows"], out["day.stocks"] = model.flows, model.stocks
    out["day.risk"] = model.mean_risk
    counts = model.counts
    out["day.trade"], out["day.prices"] = counts.trade, counts.prices
    out["day.outlook"] = [prices.log_level, prices.expected]
    out["day.measures"], out["day.ledger"] = counts.measures, model.books.ledger()
    return out


def of_institutions(model) -> dict:
    """Return accounts beside Moments, desks, units of police and what they know."""
    traders, police, units = model.traders, model.police, model.units
    out = {}
    for key, name in PLACES.items():
        by_trader = [getattr(one, name) for one in traders]
        out[f"places.{key}"] = [[one[site] for one in by_trader] for site in Site]
    out["places.portal"] = [one.portal for one in traders]
    out["places.desks"] = [[one.number for one in desk] for desk in model.operators.desks]
    out["units.share"], out["units.effort"] = list(units.share), list(units.effort)
    out["units.found"] = list(units.found)
    out["units.known"] = [one.moved for one in model.dealers + traders]
    out["cases.unit"] = [int(police.unit_of[one]) for one in police.cases]
    out["cases.evidence"] = [int(one in police.evidence) for one in traders]
    return out


def plain(value):
    """Return states as plain numbers."""
    return int(value) if isinstance(value, State | Backup | Place | Account) else value


def number_of(agent) -> int:
    return -1 if agent is None else agent.number


def first_places(sellers) -> dict:
    """Return where each seller's list begins if all lists stand one after the other."""
    first, place = {}, 0
    for seller in sellers:
        first[seller] = place
        place += seller.room
    return first


def parcel_row(model, parcel, first: dict) -> list[int]:
    """Return a parcel as numbers; the place of the friend is counted through all sellers."""
    return [
        parcel.due - model.row,
        parcel.trader.number,
        parcel.seller.key,
        parcel.asked.key,
        parcel.key,
        parcel.buyer.number,
        -1 if parcel.place is None else first[parcel.seller] + parcel.place,
        int(parcel.product),
        parcel.mass,
        parcel.escrowed,
        parcel.paid,
        parcel.cost,
    ]
