"""Interventions of a scenario: dated doses that change the levers of the market.

An intervention is a frozen dataclass with an `apply` method that writes into the table of levers;
it needs no numba. Its fields are dates (`date`, or `start` and `end`), doses and choices. A dose
has a unit, a range and a default at which it has no effect (docs/model.md 6).
"""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from marketsim.errors import InputError
from marketsim.numerics import rng
from marketsim.numerics.rng import Purpose

TYPES = "abcd"
ALL_TYPES = (1 << len(TYPES)) - 1
SEGMENTS = ("gift", "collector", "investor", "traveller")
OPERATORS = ("tencent", "portals", "websites")
ALL_OPERATORS = (1 << len(OPERATORS)) - 1
MOST_FRIENDS = 5000.0  # of a personal account, since May 2014
# lever: value on a day without interventions, lowest, highest
LEVERS: dict[str, tuple[float, float, float]] = {
    "news": (0.0, 0.0, 1.0),
    "recall": (1.0, 0.0, np.inf),
    "images": (0.0, 0.0, 1.0),
    "reports": (1.0, 0.0, np.inf),
    "capacity": (1.0, 0.0, np.inf),
    "linking": (0.0, 0.0, 1.0),
    "groups": (1.0, 0.0, 1.0),
    "elsewhere": (1.0, 0.0, 1.0),
    "sweep_accounts": (0.0, 0.0, np.inf),
    "sweep_posts": (0.0, 0.0, np.inf),
    "sweep_lean": (0.0, 0.0, 1.0),
    "sweep_types": (ALL_TYPES, 1, ALL_TYPES),
    "border": (1.0, 0.0, np.inf),
    "couriers": (0.0, 0.0, 1.0),
    "names": (1.0, 0.0, np.inf),
    "police": (1.0, 0.0, np.inf),
    "sharing": (1.0, 0.0, np.inf),
    "traces": (0.0, 0.0, 1.0),
    "raids": (0.0, 0.0, 1.0),
    "demand": (1.0, 0.0, np.inf),
    "legal": (1.0, 0.0, np.inf),
    "machines": (0.0, 0.0, 1.0),
    "preblock": (0.0, 0.0, 1.0),
    "auto": (0.0, 0.0, 1.0),
    "payments": (0.0, 0.0, 1.0),
    "freeze": (0.0, 0.0, 1.0),
    "refused": (0.0, 0.0, 1.0),
    "listed_platform": (0.0, 0.0, np.inf),
    "listed_police": (0.0, 0.0, np.inf),
    "listed_wrongly": (0.0, 0.0, np.inf),
    "taught": (0.0, 0.0, 1.0),
    "taught_types": (ALL_TYPES, 1, ALL_TYPES),
    "sentence": (1.0, 0.0, np.inf),
    "arrest_news": (0.0, 0.0, 1.0),
    "friend_limit": (MOST_FRIENDS, 0.0, MOST_FRIENDS),
    "outlook": (0.0, -50.0, 50.0),
    "rush": (0.0, 0.0, 1.0),
    "bought_out": (0.0, 0.0, 1.0),
    "leaked": (0.0, 0.0, 1.0),
    "demand_gift": (1.0, 0.0, np.inf),
    "demand_collector": (1.0, 0.0, np.inf),
    "demand_investor": (1.0, 0.0, np.inf),
    "demand_traveller": (1.0, 0.0, np.inf),
    "substitutes": (0.0, 0.0, np.inf),
    "abroad": (0.0, 0.0, 1.0),
    "staff_tencent": (1.0, 0.0, np.inf),
    "staff_portals": (1.0, 0.0, np.inf),
    "staff_websites": (1.0, 0.0, np.inf),
    "recall_tencent": (1.0, 0.0, np.inf),
    "recall_portals": (1.0, 0.0, np.inf),
    "recall_websites": (1.0, 0.0, np.inf),
    "swept_public": (0.0, 0.0, np.inf),
    "swept_social": (0.0, 0.0, np.inf),
    "swept_websites": (0.0, 0.0, np.inf),
    "swept_agents": (0.0, 0.0, np.inf),
    "swept_dealers": (0.0, 0.0, np.inf),
    "pooling": (0.0, 0.0, 1.0),
    "pooled_operators": (ALL_OPERATORS, 1, ALL_OPERATORS),
    "shift": (0.0, 0.0, 100.0),
    "hub": (0.0, 0.0, 1.0),
    "stings": (0.0, 0.0, np.inf),
}


class Table:
    """Levers of every day while a scenario is compiled.

    Attributes
    ----------
    first, last : datetime.date
        The horizon.
    news : ndarray of float64, shape (days,)
        Publicity, 0 to 1; this and all that follow have the same shape and type.
    recall, reports, capacity : ndarray
        Multipliers of filter recall, report rate and moderators' capacity.
    images : ndarray
        Share of ivory posts that the platform knows by their pictures, concealed or not.
    linking : ndarray
        Probability that a backup account is banned with the account.
    groups, elsewhere : ndarray
        Open share of groups, and of other platforms, to posts kept out of Moments.
    sweep_accounts, sweep_posts : ndarray
        Accounts and posts that sweeps take, on the whole platform.
    sweep_lean : ndarray
        0 samples traders evenly, 1 in proportion to their recent visible posts.
    sweep_types : ndarray
        Types of trader that a sweep takes: 1 for A, 2 for B, 4 for C, 8 for D, added up.
    border, names, police, sharing : ndarray
        Multipliers of seizures at the border, of senders under a false name, of the cases that
        police decide and the stalls they inspect, and of the sanctioned accounts that platforms
        refer to them.
    couriers, traces : ndarray
        Share of parcels intercepted, and of seized parcels and escrow payments traced to a seller,
        beyond those of 2015.
    raids, machines : ndarray
        Share of suppliers raided on the day, and of processors who lose their machines.
    preblock, auto : ndarray
        Share of known posts blocked before they appear, and removed in the evening without a
        moderator.
    payments, freeze, refused : ndarray
        Share of online payments stopped, of stopped ones after which the trader's money is seized,
        and of parcels refused at pick-up.
    listed_platform, listed_police, listed_wrongly : ndarray
        Traders on a list given to the platform and to police on the day, on the whole platform,
        and accounts on the list that sell no ivory.
    taught, taught_types : ndarray
        Share of traders of some types who drop ivory on the day, and the types as in `sweep_types`.
    sentence, arrest_news : ndarray
        Multiplier of the loss expected from an arrest, and publicity of arrests.
    friend_limit : ndarray
        Largest number of friends of an account.
    outlook, rush : ndarray
        Change of the log price of raw ivory that holders expect from what is announced, and how far
        customers of the legal market expect its end.
    bought_out, leaked : ndarray
        Share of the legal stock that is bought out and destroyed, and that leaks to illegal
        workshops, on the day.
    demand, legal : ndarray
        Multiplier of willingness to pay and of legal customers, and the size of the legal market
        against that of 2015: 0 once it is closed.
    demand_gift, demand_collector, demand_investor, demand_traveller : ndarray
        The same multiplier as `demand`, of one segment of buyers.
    staff_tencent, staff_portals, staff_websites : ndarray
        Multiplier of what an operator's moderators can decide in places beside Moments.
    recall_tencent, recall_portals, recall_websites : ndarray
        Multiplier of the share of posts that the operator detects there.
    swept_public, swept_social, swept_websites, swept_agents, swept_dealers : ndarray
        Accounts closed on the day on public accounts, other social media and websites, and of
        agents and of dealers, on the whole platform.
    pooling, pooled_operators : ndarray
        Probability that a sanction by one operator opens a case with another, and the operators
        who share what they know: 1 for Tencent, 2 for portals, 4 for websites, added up.
    shift, hub, stings : ndarray
        How strongly police move hours to the units that find more, how far they choose cases and
        raids by what they know of goods moved, and undercover purchases a day per 1,000 traders.
    substitutes, abroad : ndarray
        Surplus over the price that ivory must be worth to a buyer who could have a substitute, and
        share of travellers who buy abroad once the legal market is closed.
    """

    def __init__(self, first: dt.date, last: dt.date) -> None:
        self.first, self.last = first, last
        days = (last - first).days + 1
        for name, (rest, _, _) in LEVERS.items():
            setattr(self, name, np.full(days, float(rest)))

    def __getattr__(self, name: str) -> np.ndarray:
        raise AttributeError(f"no lever {name}; there are {', '.join(LEVERS)}")

    def day(self, date: dt.date) -> int:
        """Return the row of a date."""
        return (date - self.first).days

    def force(self, start: dt.date, end: dt.date | None, ramp: float = 0.0) -> np.ndarray:
        """Return how far an intervention is in force on each day, 0 to 1, shape (days,).

        It is in force from `start` to `end`, both included, or to the end of the run. With a `ramp`
        of n days it rises evenly: by 1/(n + 1) a day from the first day on.
        """
        rows = np.arange(self.news.size) - self.day(start)
        rising = np.minimum((rows + 1) / (ramp + 1.0), 1.0)
        return np.where((rows >= 0) & (rows <= self.day(end or self.last) - self.day(start)),
                        rising, 0.0)  # fmt: skip

    def multiply(self, lever: str, factor: float, force: np.ndarray) -> None:
        """Multiply a lever by a factor, as far as it is in force."""
        partly = 1.0 + (factor - 1.0) * force
        getattr(self, lever)[:] *= np.where(force == 1.0, factor, partly)

    def add_chance(self, lever: str, share: float | np.ndarray, days: Any) -> None:
        """Raise a lever by a share of its distance to 1 on some days."""
        values = getattr(self, lever)
        values[days] = 1.0 - (1.0 - values[days]) * (1.0 - share)

    def spread_news(self, date: dt.date, publicity: float) -> None:
        """Add news of some publicity on a day, beside other news."""
        self.add_chance("news", publicity, self.day(date))


def dose(default: float, unit: str, low: float, high: float, meaning: str) -> Any:
    """Declare a dose with its unit, range and meaning; its default has no effect."""
    metadata = {"unit": unit, "low": low, "high": high, "meaning": meaning, "scales": True}
    return field(default=default, metadata=metadata)


def manner(default: float, unit: str, low: float, high: float, meaning: str) -> Any:
    """Declare a number that describes how an intervention works, not its dose."""
    metadata = {"unit": unit, "low": low, "high": high, "meaning": meaning, "scales": False}
    return field(default=default, metadata=metadata)


def choice(default: str, allowed: str, pattern: str) -> Any:
    """Declare a choice by a text that matches a regular expression."""
    return field(default=default, metadata={"allowed": allowed, "pattern": pattern})


def of_types() -> Any:
    """Declare the types of trader that a sweep takes."""
    return choice(TYPES, "some of the letters abcd, for the types of trader", "[abcd]{1,4}")


def ramp() -> Any:
    """Declare the days that an intervention takes to come into force."""
    return manner(0.0, "days", 0.0, 3650.0, "until it is in full force")


def of_operators(meaning: str) -> Any:
    """Declare some of the operators of platforms."""
    names = "|".join(OPERATORS)
    allowed = f"all, or some of {', '.join(OPERATORS)} with a + between them, {meaning}"
    return choice("all", allowed, f"all|({names})(\\+({names}))*")


def named_operators(text: str) -> list[str]:
    """Return the operators that a text names, in the order of `OPERATORS`."""
    return [name for name in OPERATORS if text == "all" or name in text.split("+")]


def types_mask(letters: str) -> int:
    """Return the bit mask of types of trader, as in the lever `sweep_types`."""
    return sum(1 << TYPES.index(letter) for letter in set(letters))


@dataclass(frozen=True)
class Sweep:
    """A sweep of the platform on one day: accounts banned and posts removed."""

    date: dt.date
    accounts: float = dose(0.0, "accounts", 0.0, 1e6, "traders' accounts banned")
    posts: float = dose(
        0.0, "posts", 0.0, 1e7, "posts removed, each of another trader, who is muted"
    )
    lean: float = manner(0.5, "1", 0.0, 1.0, "whom it takes: 0 all alike, 1 by their visible posts")
    types: str = of_types()
    publicity: float = dose(0.0, "share", 0.0, 1.0, "how far everybody hears of it")

    def apply(self, table: Table) -> None:
        """Add the sweep to its day."""
        day = table.day(self.date)
        before = table.sweep_accounts[day] + table.sweep_posts[day]
        size = self.accounts + self.posts
        if size > 0:  # two sweeps of one day lean as their traders do on average
            mask = types_mask(self.types)
            if before > 0 and table.sweep_types[day] != mask:
                allowed = f"the types of the other sweep of {self.date}"
                raise InputError("types", self.types, allowed)
            lean = before * table.sweep_lean[day] + size * self.lean
            table.sweep_lean[day] = lean / (before + size)
            table.sweep_types[day] = mask
        table.sweep_accounts[day] += self.accounts
        table.sweep_posts[day] += self.posts
        table.spread_news(self.date, self.publicity)


@dataclass(frozen=True)
class Sweeps:
    """Repeated sweeps, at regular or irregular intervals."""

    start: dt.date
    end: dt.date | None = None
    every: float = manner(28.0, "days", 1.0, 366.0, "mean days from one sweep to the next")
    irregular: float = manner(
        0.0, "share", 0.0, 1.0, "of the days between, by which each sweep may be late"
    )
    accounts: float = dose(0.0, "accounts", 0.0, 1e6, "traders' accounts banned in each")
    posts: float = dose(0.0, "posts", 0.0, 1e7, "posts removed in each")
    lean: float = manner(0.5, "1", 0.0, 1.0, "whom it takes: 0 all alike, 1 by their visible posts")
    types: str = choice(
        TYPES, "letters abcd; with a / between groups that take turns", "[abcd/]{1,19}"
    )
    publicity: float = dose(0.0, "share", 0.0, 1.0, "how far everybody hears of each")

    def apply(self, table: Table) -> None:
        """Add each sweep to its day."""
        for sweep in self.each(table.last):
            sweep.apply(table)

    def each(self, last: dt.date) -> list[Sweep]:
        """Return the sweeps; their days are drawn once, the same in every run."""
        groups = [group for group in self.types.split("/") if group] or [TYPES]
        out: list[Sweep] = []
        k, end = 0, self.end or last
        while True:
            u = rng.uniform(0, int(Purpose.SWEEP_DAY), self.start.toordinal(), k, 0)
            late = int(self.irregular * self.every * u)
            date = self.start + dt.timedelta(int(k * self.every) + late)
            if self.start + dt.timedelta(int(k * self.every)) > end:
                return out
            if date <= end:
                group = groups[k % len(groups)]
                doses = (self.accounts, self.posts, self.lean, group, self.publicity)
                out.append(Sweep(date, *doses))
            k += 1


@dataclass(frozen=True)
class News:
    """A publicized event: an arrest, a campaign, a destruction of ivory, a rule."""

    date: dt.date
    publicity: float = dose(0.0, "share", 0.0, 1.0, "how far everybody hears of it")

    def apply(self, table: Table) -> None:
        """Add the event to its day."""
        table.spread_news(self.date, self.publicity)


@dataclass(frozen=True)
class ModerationEffort:
    """More or less routine moderation by the platform, from one date to another."""

    start: dt.date
    end: dt.date | None = None
    ramp: float = ramp()
    recall: float = dose(1.0, "ratio", 0.0, 100.0, "filters find so many times as much")
    reports: float = dose(1.0, "ratio", 0.0, 100.0, "users report so many times as often")
    capacity: float = dose(1.0, "ratio", 0.0, 100.0, "moderators decide so many times as much")
    images: float = dose(0.0, "share", 0.0, 1.0, "of posts known by their pictures")
    linking: float = dose(0.0, "share", 0.0, 1.0, "of backup accounts that fall with a banned one")
    preblock: float = dose(0.0, "share", 0.0, 1.0, "of known posts blocked before they appear")
    auto: float = dose(0.0, "share", 0.0, 1.0, "of known posts removed in the evening")

    def apply(self, table: Table) -> None:
        """Change the levers."""
        force = table.force(self.start, self.end, self.ramp)
        table.multiply("recall", self.recall, force)
        table.multiply("reports", self.reports, force)
        table.multiply("capacity", self.capacity, force)
        table.add_chance("images", self.images * force, slice(None))
        for lever in ("linking", "preblock", "auto"):
            table.add_chance(lever, getattr(self, lever) * force, slice(None))


@dataclass(frozen=True)
class ChannelClosure:
    """Closure of other places to posts kept out of Moments, from one date to another."""

    start: dt.date
    end: dt.date | None = None
    ramp: float = ramp()
    channel: str = choice("elsewhere", "elsewhere or groups", "elsewhere|groups")
    share: float = dose(0.0, "share", 0.0, 1.0, "of the place that is closed to ivory")

    def apply(self, table: Table) -> None:
        """Close the share."""
        force = table.force(self.start, self.end, self.ramp)
        table.multiply(self.channel, 1.0 - self.share, force)


@dataclass(frozen=True)
class PoliceEffort:
    """More or less enforcement against the supply chain, from one date to another."""

    start: dt.date
    end: dt.date | None = None
    ramp: float = ramp()
    border: float = dose(1.0, "ratio", 0.0, 100.0, "so many times as many shipments are seized")
    couriers: float = dose(0.0, "share", 0.0, 1.0, "of parcels intercepted, beyond those of 2015")
    names: float = dose(1.0, "ratio", 0.0, 10.0, "so many times as many senders under false names")
    police: float = dose(1.0, "ratio", 0.0, 1000.0, "police do so many times as much")
    sharing: float = dose(
        1.0, "ratio", 0.0, 1000.0, "platforms refer so many times as many to them"
    )
    traces: float = dose(
        0.0, "share", 0.0, 1.0, "of escrow payments and seized parcels traced, beyond those of 2015"
    )

    def apply(self, table: Table) -> None:
        """Change the levers."""
        force = table.force(self.start, self.end, self.ramp)
        for lever in ("border", "names", "police", "sharing"):
            table.multiply(lever, getattr(self, lever), force)
        for lever in ("couriers", "traces"):
            table.add_chance(lever, getattr(self, lever) * force, slice(None))


@dataclass(frozen=True)
class Raids:
    """Raids on suppliers of raw ivory on one day."""

    date: dt.date
    share: float = dose(0.0, "share", 0.0, 1.0, "of suppliers, who lose goods and money")

    def apply(self, table: Table) -> None:
        """Add the raids to their day."""
        table.add_chance("raids", self.share, table.day(self.date))


@dataclass(frozen=True)
class Machines:
    """Seizure of engraving machines on one day."""

    date: dt.date
    share: float = dose(0.0, "share", 0.0, 1.0, "of processors, who lose their machines")

    def apply(self, table: Table) -> None:
        """Add the seizure to its day."""
        table.add_chance("machines", self.share, table.day(self.date))


@dataclass(frozen=True)
class Campaign:
    """A change of buyers' willingness to pay, from one date to another."""

    start: dt.date
    end: dt.date | None = None
    ramp: float = ramp()
    willingness: float = dose(1.0, "ratio", 0.0, 10.0, "they would pay so many times as much")
    segments: str = choice(
        "all",
        "all, or some of gift, collector, investor and traveller with a + between them",
        f"all|({'|'.join(SEGMENTS)})(\\+({'|'.join(SEGMENTS)}))*",
    )

    def apply(self, table: Table) -> None:
        """Multiply the lever of all buyers, or of some segments."""
        force = table.force(self.start, self.end, self.ramp)
        named = {f"demand_{segment}" for segment in self.segments.split("+")}
        for lever in ["demand"] if self.segments == "all" else sorted(named):
            table.multiply(lever, self.willingness, force)


@dataclass(frozen=True)
class AccountSweep:
    """A sweep on one day of accounts beside Moments, or of those of agents or dealers."""

    date: dt.date
    accounts: float = dose(0.0, "accounts", 0.0, 1e6, "accounts closed")
    target: str = choice(
        "public",
        "public, social, websites, agents or dealers",
        "public|social|websites|agents|dealers",
    )
    publicity: float = dose(0.0, "share", 0.0, 1.0, "how far everybody hears of it")

    def apply(self, table: Table) -> None:
        """Add the sweep to its day."""
        getattr(table, f"swept_{self.target}")[table.day(self.date)] += self.accounts
        table.spread_news(self.date, self.publicity)


@dataclass(frozen=True)
class PlaceEffort:
    """More or less moderation of places beside Moments by some operators."""

    start: dt.date
    end: dt.date | None = None
    ramp: float = ramp()
    staff: float = dose(1.0, "ratio", 0.0, 100.0, "moderators decide so many times as much")
    recall: float = dose(1.0, "ratio", 0.0, 100.0, "so many times as many posts are detected")
    operators: str = of_operators("who act")

    def apply(self, table: Table) -> None:
        """Multiply the levers of each operator."""
        force = table.force(self.start, self.end, self.ramp)
        for operator in named_operators(self.operators):
            table.multiply(f"staff_{operator}", self.staff, force)
            table.multiply(f"recall_{operator}", self.recall, force)


@dataclass(frozen=True)
class InformationSharing:
    """Operators open a case where another has sanctioned a trader."""

    start: dt.date
    end: dt.date | None = None
    ramp: float = ramp()
    share: float = dose(0.0, "share", 0.0, 1.0, "of sanctions that open a case with another")
    operators: str = of_operators("who take part")

    def apply(self, table: Table) -> None:
        """Let the operators share what they know."""
        force = table.force(self.start, self.end, self.ramp)
        days = self.share * force > 0.0
        mask = sum(1 << OPERATORS.index(name) for name in named_operators(self.operators))
        if (table.pooled_operators[days & (table.pooling > 0.0)] != mask).any():
            allowed = "the operators of the other sharing on the same days"
            raise InputError("operators", self.operators, allowed)
        table.pooled_operators[days] = mask
        table.add_chance("pooling", self.share * force, slice(None))


@dataclass(frozen=True)
class Targeting:
    """Police choose cases and raids by what they know of goods moved."""

    start: dt.date
    end: dt.date | None = None
    ramp: float = ramp()
    hub: float = dose(0.0, "share", 0.0, 1.0, "of the choice that follows what is known")

    def apply(self, table: Table) -> None:
        """Raise the share."""
        force = table.force(self.start, self.end, self.ramp)
        table.add_chance("hub", self.hub * force, slice(None))


@dataclass(frozen=True)
class Reallocation:
    """Police move hours, every 28 days, to the units that find more."""

    start: dt.date
    end: dt.date | None = None
    shift: float = dose(0.0, "1", 0.0, 10.0, "rise of a unit's log hours with its relative yield")

    def apply(self, table: Table) -> None:
        """Add the strength of the response."""
        table.shift[:] += self.shift * table.force(self.start, self.end)


@dataclass(frozen=True)
class Stings:
    """Undercover purchases by police, which serve as evidence."""

    start: dt.date
    end: dt.date | None = None
    ramp: float = ramp()
    purchases: float = dose(
        0.0, "1/day per 1,000 traders", 0.0, 1000.0, "undercover purchases attempted"
    )

    def apply(self, table: Table) -> None:
        """Add the purchases."""
        table.stings[:] += self.purchases * table.force(self.start, self.end, self.ramp)


@dataclass(frozen=True)
class Closure:
    """Closure of the legal market, in whole or in part, from one date to another."""

    start: dt.date
    end: dt.date | None = None
    ramp: float = ramp()
    share: float = dose(0.0, "share", 0.0, 1.0, "of the legal market that closes")

    def apply(self, table: Table) -> None:
        """Close the share."""
        table.multiply("legal", 1.0 - self.share, table.force(self.start, self.end, self.ramp))


@dataclass(frozen=True)
class LegalSupply:
    """Growth of the legal market beyond that of 2015, as after a one-off sale."""

    start: dt.date
    end: dt.date | None = None
    ramp: float = ramp()
    growth: float = dose(0.0, "share", 0.0, 10.0, "by which the legal market grows")

    def apply(self, table: Table) -> None:
        """Let the legal market grow."""
        table.multiply("legal", 1.0 + self.growth, table.force(self.start, self.end, self.ramp))


@dataclass(frozen=True)
class Announcement:
    """A policy that is announced, and believed to some degree until the day it takes effect.

    `end` is the day before it takes effect. What is announced does not happen by itself: a closure
    or more enforcement is an intervention of its own, or missing where nothing follows.
    """

    start: dt.date
    end: dt.date | None = None
    credibility: float = dose(0.0, "share", 0.0, 1.0, "how far it is believed")
    outlook: float = manner(
        -0.5, "1", -3.0, 3.0, "change of the log price that it makes holders of ivory expect"
    )

    def apply(self, table: Table) -> None:
        """Change what holders and customers expect."""
        force = table.force(self.start, self.end)
        table.outlook[:] += self.credibility * self.outlook * force
        table.add_chance("rush", self.credibility * force, slice(None))


@dataclass(frozen=True)
class LegalStock:
    """Legal stock that is bought out and destroyed, or leaks to illegal workshops, on one day."""

    date: dt.date
    bought: float = dose(0.0, "share", 0.0, 1.0, "of the legal stock bought out and destroyed")
    leaked: float = dose(0.0, "share", 0.0, 1.0, "of the rest that leaks to illegal workshops")

    def apply(self, table: Table) -> None:
        """Add the shares to their day."""
        table.add_chance("bought_out", self.bought, table.day(self.date))
        table.add_chance("leaked", self.leaked, table.day(self.date))


@dataclass(frozen=True)
class PaymentBlock:
    """Payments for ivory that the payment service stops, from one date to another."""

    start: dt.date
    end: dt.date | None = None
    ramp: float = ramp()
    share: float = dose(0.0, "share", 0.0, 1.0, "of online payments for ivory stopped")
    freeze: float = dose(0.0, "share", 0.0, 1.0, "of stopped ones after which money is seized")

    def apply(self, table: Table) -> None:
        """Raise the shares."""
        force = table.force(self.start, self.end, self.ramp)
        table.add_chance("payments", self.share * force, slice(None))
        table.add_chance("freeze", self.freeze * force, slice(None))


@dataclass(frozen=True)
class ParcelRefusal:
    """Parcels that couriers refuse at pick-up, from one date to another."""

    start: dt.date
    end: dt.date | None = None
    ramp: float = ramp()
    share: float = dose(0.0, "share", 0.0, 1.0, "of parcels of ivory refused")

    def apply(self, table: Table) -> None:
        """Raise the share."""
        force = table.force(self.start, self.end, self.ramp)
        table.add_chance("refused", self.share * force, slice(None))


@dataclass(frozen=True)
class AccountList:
    """A list of accounts that an organization gives to the platform, to police, or to both."""

    date: dt.date
    accounts: float = dose(0.0, "accounts", 0.0, 1e6, "on the list")
    precision: float = manner(1.0, "share", 0.0, 1.0, "of them that sell ivory")
    to: str = choice("both", "platform, police or both", "platform|police|both")

    def apply(self, table: Table) -> None:
        """Add the list to its day."""
        day, traders = table.day(self.date), self.accounts * self.precision
        if self.to != "police":
            table.listed_platform[day] += traders
            table.listed_wrongly[day] += self.accounts - traders
        if self.to != "platform":
            table.listed_police[day] += traders


@dataclass(frozen=True)
class Teaching:
    """Teaching of traders who have other business to drop ivory, on one day."""

    date: dt.date
    share: float = dose(0.0, "share", 0.0, 1.0, "of traders of the types who drop ivory")
    types: str = choice("cd", "some of the letters abcd, for the types of trader", "[abcd]{1,4}")

    def apply(self, table: Table) -> None:
        """Add the teaching to its day."""
        day, mask = table.day(self.date), types_mask(self.types)
        if table.taught[day] > 0.0 and self.share > 0.0 and table.taught_types[day] != mask:
            raise InputError("types", self.types, f"the types of the other teaching of {self.date}")
        if self.share > 0.0:
            table.taught_types[day] = mask
        table.add_chance("taught", self.share, day)


@dataclass(frozen=True)
class Sentencing:
    """Longer or shorter sentences, and publicity of arrests, from one date to another."""

    start: dt.date
    end: dt.date | None = None
    ramp: float = ramp()
    ratio: float = dose(1.0, "ratio", 0.0, 100.0, "sentences are so many times as long")
    publicity: float = dose(0.0, "share", 0.0, 1.0, "how far everybody hears of each arrest")

    def apply(self, table: Table) -> None:
        """Change the levers."""
        force = table.force(self.start, self.end, self.ramp)
        table.multiply("sentence", self.ratio, force)
        table.add_chance("arrest_news", self.publicity * force, slice(None))


@dataclass(frozen=True)
class FriendLimit:
    """A lower limit of the friends of an account, from one date to another."""

    start: dt.date
    end: dt.date | None = None
    friends: float = dose(MOST_FRIENDS, "friends", 0.0, MOST_FRIENDS, "of an account, at most")

    def apply(self, table: Table) -> None:
        """Lower the limit."""
        force = table.force(self.start, self.end) > 0.0
        table.friend_limit[force] = np.minimum(table.friend_limit[force], self.friends)


@dataclass(frozen=True)
class Substitutes:
    """Substitutes for ivory that buyers can have instead, from one date to another."""

    start: dt.date
    end: dt.date | None = None
    ramp: float = ramp()
    surplus: float = dose(
        0.0, "share", 0.0, 10.0, "of the price, by which ivory must be worth more to be bought"
    )

    def apply(self, table: Table) -> None:
        """Raise the lever."""
        table.substitutes[:] += self.surplus * table.force(self.start, self.end, self.ramp)


@dataclass(frozen=True)
class BuyingAbroad:
    """Travellers who buy abroad what the legal market no longer sells, from one date to another."""

    start: dt.date
    end: dt.date | None = None
    ramp: float = ramp()
    share: float = dose(
        0.0, "share", 0.0, 1.0, "of travellers who buy abroad once the legal market is closed"
    )

    def apply(self, table: Table) -> None:
        """Raise the share."""
        force = table.force(self.start, self.end, self.ramp)
        table.add_chance("abroad", self.share * force, slice(None))


KINDS: dict[str, type] = {
    "sweep": Sweep,
    "sweeps": Sweeps,
    "news": News,
    "moderation_effort": ModerationEffort,
    "channel_closure": ChannelClosure,
    "police_effort": PoliceEffort,
    "raids": Raids,
    "machines": Machines,
    "campaign": Campaign,
    "closure": Closure,
    "legal_supply": LegalSupply,
    "announcement": Announcement,
    "legal_stock": LegalStock,
    "payment_block": PaymentBlock,
    "parcel_refusal": ParcelRefusal,
    "account_list": AccountList,
    "teaching": Teaching,
    "sentencing": Sentencing,
    "friend_limit": FriendLimit,
    "substitutes": Substitutes,
    "buying_abroad": BuyingAbroad,
    "account_sweep": AccountSweep,
    "place_effort": PlaceEffort,
    "information_sharing": InformationSharing,
    "targeting": Targeting,
    "reallocation": Reallocation,
    "stings": Stings,
}
