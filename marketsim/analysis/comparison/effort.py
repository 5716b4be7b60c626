"""Hours of moderators and police that a scenario needs, and the dose that needs given hours."""

import datetime as dt
from dataclasses import replace
from typing import NamedTuple

from marketsim.errors import InputError
from marketsim.model.scenario.timeline import compile_table
from marketsim.parameters.settings import Settings

WEEK = 7.0
HALVINGS = 50
MAX_DOSE = 1000.0
DESKS = {"tencent": 3, "portals": 1, "websites": 1}  # beside that of Moments


class Work(NamedTuple):
    """Hours a week per 1,000 traders."""

    moderator_hours: float
    police_hours: float


def work(settings: Settings, start: dt.date) -> Work:
    """Compute the hours of work behind the levers of a scenario.

    Parameters
    ----------
    settings : Settings
        Parameters at their reference values are read, and the scenario.
    start : datetime.date
        First day of the evaluation period, which ends with the run.

    Returns
    -------
    Work
        Hours a week per 1,000 traders, of capacity (used or not), sweeps and raids. Hours that
        police units move among themselves, the choice of cases, and raids that follow an arrest
        take none beside them.
    """
    table, hours = compile_table(settings), settings.hours
    days = slice(table.day(start), None)
    weeks = table.news[days].size / WEEK
    scale = 1000.0 / settings.population.platform_traders / weeks
    moderators = hours.review * settings.moderation.capacity * WEEK * table.capacity[days].mean()
    moderators += hours.account * scale * table.sweep_accounts[days].sum()
    moderators += hours.post * scale * table.sweep_posts[days].sum()
    institutions = settings.institutions
    for operator, desks in DESKS.items():
        staff = getattr(table, f"staff_{operator}")[days].mean()
        moderators += hours.review * institutions.staff * WEEK * desks * staff
    for target in ("public", "social", "websites", "agents", "dealers"):
        moderators += hours.account * scale * getattr(table, f"swept_{target}")[days].sum()
    police = (institutions.hours_online + institutions.hours_markets) * table.police[days].mean()
    police += institutions.hours_parcels + institutions.hours_border * table.border[days].mean()
    police += hours.purchase * WEEK * table.stings[days].mean()
    raided = settings.supply.suppliers * table.raids[days].sum()
    raided += settings.workshop.processors * table.machines[days].sum()
    police += hours.raid * raided / weeks
    for lever in ("couriers", "traces"):
        police += getattr(hours, lever) * 100.0 * getattr(table, lever)[days].mean()
    return Work(float(moderators), float(police))


def extra(settings: Settings, baseline: Settings, start: dt.date) -> Work:
    """Compute the hours of a scenario beyond those of a baseline (see `work`)."""
    one, other = work(settings, start), work(baseline, start)
    return Work(one.moderator_hours - other.moderator_hours, one.police_hours - other.police_hours)


def match_hours(settings: Settings, baseline: Settings, start: dt.date, hours: float) -> Settings:
    """Return a scenario at the dose at which it needs given hours beyond a baseline.

    Parameters
    ----------
    settings, baseline : Settings
        The scenario whose dose is changed, and what it is compared with.
    start : datetime.date
        First day of the evaluation period.
    hours : float
        Extra hours a week per 1,000 traders, of moderators and police together.

    Raises
    ------
    InputError
        If no valid dose needs so many hours.
    """

    def at(dose_multiplier: float) -> Settings:
        return replace(
            settings, scenario=replace(settings.scenario, dose_multiplier=dose_multiplier)
        )

    def too_little(dose_multiplier: float) -> bool:
        return sum(extra(at(dose_multiplier), baseline, start)) < hours

    low, high = 0.0, MAX_DOSE
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        try:
            low, high = (middle, high) if too_little(middle) else (low, middle)
        except InputError:  # a dose beyond its range
            high = middle
    found = at(low)
    reached = sum(extra(found, baseline, start))
    if abs(reached - hours) > 1e-3 * hours:
        allowed = f"hours that {settings.scenario.name} can take (at most {reached:.4g})"
        raise InputError("hours_a_week", hours, allowed)
    return found
