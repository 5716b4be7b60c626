"""The calendar: the levers of every day, made from a scenario (docs/model.md 6)."""

import datetime
import math
from dataclasses import dataclass

from marketsim.numerics.elementary import exp

from .scenario import ALL_TYPES, MOST_FRIENDS, OPERATORS, apply_scenario, date_of

SATURDAY, SUNDAY = 5, 6


@dataclass
class Day:
    """The levers of one day, and what comes from them."""

    ordinal: int
    news: float = 0.0
    accounts: float = 0.0
    posts: float = 0.0
    lean: float = 0.0
    types: str = ALL_TYPES
    images: float = 0.0
    linking: float = 0.0
    machines: float = 0.0
    raids: float = 0.0
    couriers: float = 0.0
    traces: float = 0.0
    preblock: float = 0.0
    auto: float = 0.0
    payments: float = 0.0
    freeze: float = 0.0
    refused: float = 0.0
    listed_platform: float = 0.0
    listed_police: float = 0.0
    listed_wrongly: float = 0.0
    taught: float = 0.0
    taught_types: str = ALL_TYPES
    arrest_news: float = 0.0
    outlook: float = 0.0
    rush: float = 0.0
    bought_out: float = 0.0
    leaked: float = 0.0
    substitutes: float = 0.0
    abroad: float = 0.0
    swept_public: float = 0.0
    swept_social: float = 0.0
    swept_websites: float = 0.0
    swept_agents: float = 0.0
    swept_dealers: float = 0.0
    pooling: float = 0.0
    pooled: tuple[str, ...] = OPERATORS
    shift: float = 0.0
    hub: float = 0.0
    stings: float = 0.0
    staff_tencent: float = 1.0
    staff_portals: float = 1.0
    staff_websites: float = 1.0
    recall_tencent: float = 1.0
    recall_portals: float = 1.0
    recall_websites: float = 1.0
    recall: float = 1.0
    reports: float = 1.0
    capacity: float = 1.0
    groups: float = 1.0
    elsewhere: float = 1.0
    border: float = 1.0
    names: float = 1.0
    police: float = 1.0
    sharing: float = 1.0
    sentence: float = 1.0
    demand: float = 1.0
    demand_gift: float = 1.0
    demand_collector: float = 1.0
    demand_investor: float = 1.0
    demand_traveller: float = 1.0
    legal: float = 1.0
    friend_limit: float = MOST_FRIENDS
    # what the finished table gives
    swept_accounts: int = 0
    swept_posts: int = 0
    listed_cases: int = 0
    listed_suspects: int = 0
    listed_others: int = 0
    banned_agents: int = 0
    banned_dealers: int = 0
    closed_public: int = 0
    closed_social: int = 0
    closed_websites: int = 0
    decided_tencent: int = 0  # at each desk of the operator
    decided_portals: int = 0
    decided_websites: int = 0
    purchases: int = 0
    reviews: int = 0
    investigations: int = 0
    activity: float = 1.0
    habituation: float = 1.0

    def add(self, lever: str, share: float, force: float = 1.0) -> None:
        """Add a share to what a lever, itself a share, has already."""
        setattr(self, lever, 1.0 - (1.0 - getattr(self, lever)) * (1.0 - share * force))

    def multiply(self, lever: str, factor: float, force: float) -> None:
        """Multiply a lever by a factor that is in force so far."""
        if force < 1.0:
            factor = 1.0 + (factor - 1.0) * force
        setattr(self, lever, getattr(self, lever) * factor)

    def add_sweep(self, accounts: float, posts: float, lean: float, types: str) -> None:
        """Add doses; the lean of a day is the mean over its sweeps."""
        dose, before = accounts + posts, self.accounts + self.posts
        if dose > 0.0:
            self.lean = (before * self.lean + dose * lean) / (before + dose)
            self.types = types
        self.accounts += accounts
        self.posts += posts


def calendar(settings, rules) -> list[Day]:
    """Return the days of a run, one after the other."""
    first, last = date_of(settings.horizon.start), date_of(settings.horizon.end)
    if settings.scenario.until:
        last = max(last, date_of(settings.scenario.until))
    days = [Day(ordinal) for ordinal in range(first, last + 1)]
    apply_scenario(settings.scenario, days)
    _scale_doses(days, settings)
    _give_capacity(days, settings, rules)
    _waste_capacity(days)
    if settings.market == "posting_only":
        _let_nobody_trade(days)
    _set_activity(days, rules)
    _wear_off(days, rules)
    return days


def _scale_doses(days: list[Day], settings) -> None:
    """Turn doses, which are counts on the whole platform, into counts of this market."""
    scale = settings.population.retailers / settings.population.platform_traders
    for day in days:
        day.swept_accounts = math.floor(day.accounts * scale + 0.5)
        day.swept_posts = math.floor(day.posts * scale + 0.5)
        day.listed_cases = math.floor(day.listed_platform * scale + 0.5)
        day.listed_suspects = math.floor(day.listed_police * scale + 0.5)
        day.listed_others = math.floor(day.listed_wrongly * scale + 0.5)
        if settings.market != "posting_only":
            day.banned_agents = math.floor(day.swept_agents * scale + 0.5)
            day.banned_dealers = math.floor(day.swept_dealers * scale + 0.5)
            day.closed_public = math.floor(day.swept_public * scale + 0.5)
            day.closed_social = math.floor(day.swept_social * scale + 0.5)
            day.closed_websites = math.floor(day.swept_websites * scale + 0.5)


def _give_capacity(days: list[Day], settings, rules) -> None:
    """Give moderators and police as many cases a day as they can decide, in whole numbers."""
    people, noise = float(settings.population.retailers), rules.institutions.noise
    trades = settings.market != "posting_only"
    police = rules.police.capacity if trades else 0.0
    staff = rules.institutions.staff if trades else 0.0
    sums = dict.fromkeys(("reviews", "investigations", "purchases"), 0.0)
    sums |= dict.fromkeys((f"decided_{operator}" for operator in OPERATORS), 0.0)
    for day in days:
        diluted = (1.0 + noise) / (1.0 + noise * day.reports)
        more = {
            "reviews": rules.moderation.capacity * people / 1000.0 * day.capacity * diluted,
            "investigations": police * people / 1000.0 * day.police,
            "purchases": day.stings * people / 1000.0 if trades else 0.0,
        }
        for operator in OPERATORS:
            share = getattr(day, f"staff_{operator}")
            more[f"decided_{operator}"] = staff * people / 1000.0 * share * diluted
        for name, amount in more.items():
            before, sums[name] = sums[name], sums[name] + amount
            setattr(day, name, math.floor(sums[name]) - math.floor(before))


def _let_nobody_trade(days: list[Day]) -> None:
    """Take back what concerns trade and those who trade."""
    for day in days:
        day.pooling = day.shift = day.hub = 0.0


def _waste_capacity(days: list[Day]) -> None:
    """Take from moderators what accounts that were listed wrongly use up."""
    waiting = 0
    for day in days:
        waiting += day.listed_others
        taken = min(waiting, day.reviews)
        day.reviews -= taken
        waiting -= taken


def _set_activity(days: list[Day], rules) -> None:
    posting, start, end = rules.posting, date_of("survey_start"), date_of("survey_end")
    rate = posting.growth + posting.trend * rules.recovery.trend
    for day in days:
        weekday = datetime.date.fromordinal(day.ordinal).weekday()
        usual = posting.weekend if weekday in (SATURDAY, SUNDAY) else 1.0
        day.activity = usual * exp(rate * (min(day.ordinal, end) - start) / 7.0)


def _wear_off(days: list[Day], rules) -> None:
    """Let each wave of sweeps after a quiet time impress less than the one before."""
    habituation, latest = 1.0, None
    for day in days:
        if day.accounts > 0.0 or day.posts > 0.0:
            if latest is not None and day.ordinal - latest > rules.perception.wave_gap:
                habituation *= rules.perception.habituation
            latest = day.ordinal
        day.habituation = habituation
