"""A scenario becomes a table of days by levers.

An intervention is a small frozen dataclass with an `apply` method that writes into the table;
it needs no numba. A date is an ISO date or the id of an evidence row that has one; a dose is a
number or the id of an evidence row that has a value. Nothing is keyed to a week of the survey.
"""

import contextlib
import datetime as dt
import re
from collections import namedtuple
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

import numpy as np

from marketsim import evidence, exact
from marketsim.errors import InputError, span
from marketsim.settings import POSTS, Settings

Levers = namedtuple(
    "Levers",
    "activity news habituation recall reports capacity sweep_accounts sweep_posts sweep_lean "
    "border couriers names police sharing cases demand legal machines",
)
FRIDAY = 4


def dose(default: float, unit: str, low: float, high: float, meaning: str) -> Any:
    """Declare the dose of an intervention with its unit, range and meaning."""
    metadata = {"unit": unit, "low": low, "high": high, "meaning": meaning}
    return field(default=default, metadata=metadata)


class Table:
    """The levers of every day, while a scenario is being compiled.

    Attributes
    ----------
    first, last : datetime.date
        The horizon.
    news, recall, reports, capacity : ndarray of float64, shape (days,)
        Publicity (0 to 1) and multipliers of filter recall, report rate and capacity.
    sweep_accounts, sweep_posts : ndarray of float64, shape (days,)
        Accounts and posts that sweeps take, on the whole platform.
    sweep_lean : ndarray of float64, shape (days,)
        0 takes traders evenly, 1 in proportion to their recent visible posts.
    border, couriers, names, police, sharing : ndarray of float64, shape (days,)
        Multipliers of seizures at the border, of parcels intercepted, of senders under a false
        name, of the cases that police decide and the stalls they inspect, and of the sanctioned
        accounts that platforms refer to them.
    demand, legal, machines : ndarray of float64, shape (days,)
        Multiplier of willingness to pay and of legal customers, 1 while the legal market is
        open, and the share of processors who lose their machines on the day.
    """

    def __init__(self, first: dt.date, last: dt.date) -> None:
        self.first, self.last = first, last
        days = (last - first).days + 1
        self.news = np.zeros(days)
        self.recall, self.reports, self.capacity = (np.ones(days) for _ in range(3))
        self.sweep_accounts, self.sweep_posts, self.sweep_lean = (np.zeros(days) for _ in range(3))
        self.border, self.couriers, self.names = (np.ones(days) for _ in range(3))
        self.police, self.sharing = np.ones(days), np.ones(days)
        self.demand, self.legal, self.machines = np.ones(days), np.ones(days), np.zeros(days)

    def day(self, date: dt.date) -> int:
        """Return the row of a date."""
        return (date - self.first).days

    def spread_news(self, date: dt.date, publicity: float) -> None:
        """Let a share of what can be known reach everybody on a day, beside other news."""
        day = self.day(date)
        self.news[day] = 1.0 - (1.0 - self.news[day]) * (1.0 - publicity)


@dataclass(frozen=True)
class Sweep:
    """The platform takes a number of accounts and posts on one day."""

    date: dt.date
    accounts: float = dose(0.0, "accounts", 0.0, 1e6, "traders' accounts banned")
    posts: float = dose(
        0.0, "posts", 0.0, 1e7, "posts removed, each of another trader, who is muted"
    )
    lean: float = dose(0.5, "1", 0.0, 1.0, "0 evenly over traders, 1 by their visible posts")
    publicity: float = dose(0.0, "share", 0.0, 1.0, "how far everybody hears of it")

    def apply(self, table: Table) -> None:
        """Add the sweep to its day."""
        day = table.day(self.date)
        before = table.sweep_accounts[day] + table.sweep_posts[day]
        size = self.accounts + self.posts
        if size > 0:  # two sweeps of one day lean as their traders do on average
            lean = before * table.sweep_lean[day] + size * self.lean
            table.sweep_lean[day] = lean / (before + size)
        table.sweep_accounts[day] += self.accounts
        table.sweep_posts[day] += self.posts
        table.spread_news(self.date, self.publicity)


@dataclass(frozen=True)
class News:
    """An event that traders hear of: an arrest, a campaign, a destruction of ivory, a rule."""

    date: dt.date
    publicity: float = dose(0.0, "share", 0.0, 1.0, "how far everybody hears of it")

    def apply(self, table: Table) -> None:
        """Add the event to its day."""
        table.spread_news(self.date, self.publicity)


@dataclass(frozen=True)
class Effort:
    """The platform's everyday work is multiplied from one date to another."""

    start: dt.date
    end: dt.date | None = None
    recall: float = dose(1.0, "ratio", 0.0, 100.0, "filters find so many times as much")
    reports: float = dose(1.0, "ratio", 0.0, 100.0, "users report so many times as often")
    capacity: float = dose(1.0, "ratio", 0.0, 100.0, "moderators decide so many times as much")

    def apply(self, table: Table) -> None:
        """Multiply the levers, both dates included."""
        days = slice(table.day(self.start), table.day(self.end or table.last) + 1)
        table.recall[days] *= self.recall
        table.reports[days] *= self.reports
        table.capacity[days] *= self.capacity


@dataclass(frozen=True)
class Chase:
    """Work against the chain behind the posts is multiplied from one date to another."""

    start: dt.date
    end: dt.date | None = None
    border: float = dose(1.0, "ratio", 0.0, 100.0, "so many times as many shipments are seized")
    couriers: float = dose(1.0, "ratio", 0.0, 1000.0, "so many times as many parcels intercepted")
    names: float = dose(1.0, "ratio", 0.0, 10.0, "so many times as many senders under false names")
    police: float = dose(1.0, "ratio", 0.0, 1000.0, "police do so many times as much")
    sharing: float = dose(
        1.0, "ratio", 0.0, 1000.0, "platforms refer so many times as many to them"
    )

    def apply(self, table: Table) -> None:
        """Multiply the levers, both dates included."""
        days = slice(table.day(self.start), table.day(self.end or table.last) + 1)
        table.border[days] *= self.border
        table.couriers[days] *= self.couriers
        table.names[days] *= self.names
        table.police[days] *= self.police
        table.sharing[days] *= self.sharing


@dataclass(frozen=True)
class Campaign:
    """Buyers come to want ivory less, or more, from one date to another."""

    start: dt.date
    end: dt.date | None = None
    willingness: float = dose(1.0, "ratio", 0.0, 10.0, "they would pay so many times as much")

    def apply(self, table: Table) -> None:
        """Multiply the lever, both dates included."""
        days = slice(table.day(self.start), table.day(self.end or table.last) + 1)
        table.demand[days] *= self.willingness


@dataclass(frozen=True)
class Closure:
    """The legal market closes, in whole or in part, from one date to another."""

    start: dt.date
    end: dt.date | None = None
    share: float = dose(0.0, "share", 0.0, 1.0, "of the legal market that closes")

    def apply(self, table: Table) -> None:
        """Close the share, both dates included."""
        days = slice(table.day(self.start), table.day(self.end or table.last) + 1)
        table.legal[days] *= 1.0 - self.share


@dataclass(frozen=True)
class Machines:
    """Engraving machines are seized on one day."""

    date: dt.date
    share: float = dose(0.0, "share", 0.0, 1.0, "of processors, who lose their machines")

    def apply(self, table: Table) -> None:
        """Add the seizure to its day."""
        day = table.day(self.date)
        table.machines[day] = 1.0 - (1.0 - table.machines[day]) * (1.0 - self.share)


KINDS: dict[str, type] = {
    "sweep": Sweep,
    "news": News,
    "effort": Effort,
    "chase": Chase,
    "campaign": Campaign,
    "closure": Closure,
    "machines": Machines,
}


def horizon(settings: Settings) -> tuple[dt.date, dt.date]:
    """Return the first and last day of a run.

    Raises
    ------
    InputError
        For a date that does not exist, or a start that leaves the survey no burn-in.
    """
    first = _date("horizon.start", settings.horizon.start)
    last = _date("horizon.end", settings.horizon.end)
    facts = evidence.inputs()
    survey_start, survey_end = facts["survey_start"].date, facts["survey_end"].date
    assert survey_start is not None and survey_end is not None
    latest = survey_start - dt.timedelta(weeks=8)
    earliest = dt.date(2010, 1, 1)
    if not earliest <= first <= latest:
        allowed = f"{earliest} to {latest}, eight weeks before the survey"
        raise InputError("horizon.start", first, allowed)
    if not survey_end <= last <= dt.date(2020, 12, 31):
        raise InputError("horizon.end", last, f"{survey_end}, the end of the survey, to 2020-12-31")
    return first, last


def interventions(settings: Settings) -> list[Any]:
    """Return the interventions of a scenario as objects, in the order of their names.

    Raises
    ------
    InputError
        For an unknown kind or key, a wrong dose, or a date outside the horizon.
    """
    span = horizon(settings)
    entries = settings.scenario.interventions
    if not isinstance(entries, dict):
        raise InputError("scenario.interventions", entries, "entries NAME.KEY=VALUE")
    return [_intervention(f"scenario.interventions.{name}", entries[name], span)
            for name in sorted(entries)]  # fmt: skip


def compile_levers(settings: Settings) -> Levers:
    """Return the levers of every day of a run, scaled to its number of retailers.

    Returns
    -------
    Levers
        Named tuple of arrays of shape (days,): float64, but int64 for `capacity`, `cases`,
        `sweep_accounts` and `sweep_posts`.
    """
    first, last = horizon(settings)
    table = Table(first, last)
    for intervention in interventions(settings):
        intervention.apply(table)
    people = settings.population
    scale = people.retailers / people.platform_traders
    cases = 0.0
    if settings.market != POSTS:
        cases = settings.police.capacity * people.retailers / 1000.0
    return Levers(
        activity=_activity(settings, table),
        news=table.news,
        habituation=_habituation(settings, table),
        recall=table.recall,
        reports=table.reports,
        capacity=_whole(settings.moderation.capacity * people.retailers / 1000.0 * table.capacity),
        sweep_accounts=np.floor(table.sweep_accounts * scale + 0.5).astype(np.int64),
        sweep_posts=np.floor(table.sweep_posts * scale + 0.5).astype(np.int64),
        sweep_lean=table.sweep_lean,
        border=table.border,
        couriers=table.couriers,
        names=table.names,
        police=table.police,
        sharing=table.sharing,
        cases=_whole(cases * table.police),
        demand=table.demand,
        legal=table.legal,
        machines=table.machines,
    )


def _whole(daily: np.ndarray) -> np.ndarray:
    """Return whole numbers a day that add up to the sums so far, rounded down."""
    return np.diff(np.floor(np.cumsum(daily)).astype(np.int64), prepend=0)


def _activity(settings: Settings, table: Table) -> np.ndarray:
    """Return posting against an ordinary weekday at the start of the survey."""
    start = evidence.inputs()["survey_start"].date
    assert start is not None
    posting = settings.posting
    growth = posting.growth + posting.trend * settings.recovery.trend
    day = table.first.toordinal() + np.arange(table.news.size)
    weekend = (day + 6) % 7 > FRIDAY
    trend = exact.exp_each(growth * (day - start.toordinal()) / 7.0)
    return np.where(weekend, settings.posting.weekend, 1.0) * trend


def _habituation(settings: Settings, table: Table) -> np.ndarray:
    """Return the effect of a shock against one of the first wave of sweeps.

    Sweeps with fewer quiet days between them than `wave_gap` are one wave. News alone is none.
    """
    shocks = (table.sweep_accounts > 0) | (table.sweep_posts > 0)
    out = np.ones(shocks.size)
    last_shock: int | None = None
    for day in range(shocks.size):
        if day > 0:
            out[day] = out[day - 1]
        if shocks[day]:
            if last_shock is not None and day - last_shock > settings.perception.wave_gap:
                out[day] *= settings.perception.habituation
            last_shock = day
    return out


def _date(key: str, value: Any) -> dt.date:
    if type(value) is dt.date:
        return value
    fact = evidence.inputs().get(str(value))
    if fact is not None and fact.date is not None:
        return fact.date
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", str(value)):  # newer Pythons also read week dates
        with contextlib.suppress(ValueError):
            return dt.date.fromisoformat(str(value))
    raise InputError(key, value, "a date like 2015-05-29 or an input of the evidence that has one")


def _dose(key: str, value: Any, metadata: Any) -> float:
    fact = evidence.inputs().get(value) if isinstance(value, str) else None
    if fact is not None and fact.value is not None:
        value = fact.value
    allowed = span(metadata["low"], metadata["high"], metadata["unit"])
    allowed += " or an input of the evidence that has a value"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(key, value, allowed)
    if not metadata["low"] <= value <= metadata["high"]:
        raise InputError(key, value, allowed)
    return float(value)


def _intervention(key: str, entry: Any, span: tuple[dt.date, dt.date]) -> Any:
    if not isinstance(entry, dict) or str(entry.get("kind")) not in KINDS:
        kind = entry.get("kind") if isinstance(entry, dict) else entry
        raise InputError(key + ".kind", kind, ", ".join(sorted(KINDS)))
    kind = KINDS[entry["kind"]]
    known = {item.name: item for item in fields(kind)}
    values: dict[str, Any] = {}
    for name, value in entry.items():
        if name == "kind":
            continue
        if name not in known:
            raise InputError(f"{key}.{name}", value, f"one of {', '.join(known)}")
        if known[name].metadata:
            values[name] = _dose(f"{key}.{name}", value, known[name].metadata)
        elif value is not None:
            values[name] = _dated(f"{key}.{name}", value, span)
    for name, item in known.items():
        if name not in values and item.default is MISSING:
            raise InputError(f"{key}.{name}", "nothing", "a date")
    start, end = values.get("start"), values.get("end")
    if start is not None and end is not None and end < start:
        raise InputError(f"{key}.end", end, f"not before {start}")
    return kind(**values)


def _dated(key: str, value: Any, span: tuple[dt.date, dt.date]) -> dt.date:
    date = _date(key, value)
    if not span[0] <= date <= span[1]:
        raise InputError(key, date, f"{span[0]} to {span[1]}, the horizon")
    return date
