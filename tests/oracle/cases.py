"""Random markets on which both models must agree, each a function of its number alone."""

import datetime as dt
import random

from marketsim import presets
from marketsim.calendar import compile_levers
from marketsim.interventions import KINDS
from marketsim.priors import STRUCTURES
from marketsim.settings import POSTS, WHOLE, Settings, check, declared

FIRST = dt.date(2015, 3, 6)
DAYS = 148
SIZES = (1, 4, 12, 25, 40, 60)
# so that a small market has some of everything, and plain Python an end in sight
USUAL = {
    "supply.suppliers": 80.0,
    "workshop.processors": 120.0,
    "resale.agents": 400.0,
    "demand.buyers": 20.0,
    "demand.friends": 30.0,
    "demand.asked": 0.002,
    "police.capacity": 2.0,
    "police.referred": 0.3,
    "police.inspected": 0.01,
    "police.upstream": 0.5,
    "police.supplier": 0.5,
    "police.downstream": 0.5,
    "turnover.entry": 0.004,
    "moderation.outsiders": 0.6,
    "moderation.capacity": 60.0,
    "moderation.report_rate": 0.001,
    "moderation.suspend_days": 3.0,
    "delivery.intercepted": 0.02,
    "delivery.lost": 0.05,
}
LARGEST = {
    "population.ties": 20.0,
    "posting.base_posts": 6.0,
    "supply.suppliers": 200.0,
    "workshop.processors": 200.0,
    "resale.agents": 800.0,
    "demand.buyers": 60.0,
    "demand.friends": 60.0,
    "demand.asked": 0.02,
    "demand.answers": 30.0,
    "demand.visits": 5.0,
    "demand.groups": 10.0,
    "legal.customers": 500.0,
    "turnover.entry": 0.02,
    "supply.shipments": 3.0,
}
KEPT = ("population.retailers", "population.platform_traders", "scenario.strength")
# rare corners, which take turns: each is reached by every so many of the markets
CORNERS: tuple[dict[str, float], ...] = (
    {},
    {"moderation.capacity": 2.0, "population.platform_traders": 2000.0},  # cases that turn void
    {"demand.room": 0.0, "demand.strangers": 0.8},  # lists of friends that are full
    {"demand.to_public": 0.0, "demand.to_social": 0.0, "demand.to_websites": 0.0},
    {"resale.second_tier": 0.4, "resale.third_tier": 0.4, "police.downstream": 1.0},
    {"delivery.intercepted": 0.05, "delivery.traced": 0.7, "demand.caution": 1.0},
    {"payment.escrow": 1.0, "payment.accepted": 0.6, "payment.insist": 0.5},
    {"accounts.prepare_always": 0.05, "accounts.mention": 0.8, "accounts.quit": 0.5},
    {"demand.buyers": 0.0},
    {"workshop.processors": 0.0},
    {"supply.suppliers": 0.0},
)


def settings_of(number: int) -> Settings:
    """Return the settings of random market `number`.

    All structures take turns; one market in eight is of posts alone; a third of all parameters is
    moved from where it is, some to an end of its range; up to five interventions of any kind.
    """
    draw = random.Random(number)
    recovery = STRUCTURES[number % len(STRUCTURES)]
    out = presets.named(scenario="baseline_2015", recovery=recovery)
    out.posterior = "none"
    out.seed = draw.getrandbits(62)
    out.market = POSTS if number % 8 == 7 else WHOLE
    out.population.retailers = SIZES[number % len(SIZES)]
    out.population.platform_traders = draw.choice([2000.0, 2000.0, 10000.0])
    for key, value in USUAL.items():
        _set(out, key, value)
    keys = [
        f"{group}.{name}"
        for group in vars(out)
        if group not in ("horizon", "hours")
        and hasattr(getattr(out, group), "__dataclass_fields__")
        for name in declared(type(getattr(out, group)))
    ]
    for key in keys:
        if key not in KEPT and not key.startswith("recovery.") and draw.random() < 0.33:
            _set(out, key, _elsewhere(draw, key, out))
    if number % 9 == 4:
        out.scenario.until = "2015-09-30"
    for key, value in CORNERS[number % len(CORNERS)].items():
        _set(out, key, value)
    out.scenario.interventions |= _interventions(draw)
    try:
        check(out)
        compile_levers(out)
    except ValueError:  # a few pairs of values exclude each other
        return settings_of(number + 1000 * len(STRUCTURES) * len(SIZES) * len(CORNERS))
    return out


def _set(out: Settings, key: str, value: float) -> None:
    group, name = key.split(".")
    setattr(getattr(out, group), name, value)


def _elsewhere(draw: random.Random, key: str, out: Settings) -> float:
    group, name = key.split(".")
    about = declared(type(getattr(out, group)))[name]
    low, high = about["low"], min(about["high"], LARGEST.get(key, about["high"]))
    now = getattr(getattr(out, group), name)
    if draw.random() < 0.15:
        return float(draw.choice([low, high]))
    return float(min(max(now * draw.uniform(0.3, 3.0), low), high))


def _interventions(draw: random.Random) -> dict[str, dict]:
    entries = {}
    for name in draw.sample("abcdefgh", draw.randrange(6)):
        kind = draw.choice(sorted(KINDS))
        entry: dict = {"kind": kind}
        first = FIRST + dt.timedelta(draw.randrange(DAYS))
        known = KINDS[kind].__dataclass_fields__
        if "date" in known:
            entry["date"] = str(first)
        else:
            entry["start"] = str(first)
            if draw.random() < 0.5:
                last = FIRST + dt.timedelta(draw.randrange((first - FIRST).days, DAYS))
                entry["end"] = str(last)
        if "types" in known and draw.random() < 0.5:
            entry["types"] = draw.choice(
                ["a", "bd", "abc"] + ["a/bc", "d/ab/c"] * (kind == "sweeps")
            )
        if "channel" in known:
            entry["channel"] = draw.choice(["groups", "elsewhere"])
        for key, item in known.items():
            if "unit" in item.metadata and draw.random() < 0.7:
                low, high = item.metadata["low"], min(item.metadata["high"], 20_000.0)
                usual = draw.uniform(0.0, 1.0) if high <= 1.0 else 10.0 ** draw.uniform(-1.0, 1.5)
                if key == "every":
                    low = 5.0
                if key in ("accounts", "posts"):
                    usual = float(draw.randrange(5000))
                entry[key] = float(min(max(usual, low), high))
        entries[name] = entry
    return entries
