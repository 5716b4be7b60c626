"""Compilation of a scenario into levers by day.

A date is an ISO date or the id of an evidence row that has one; a dose is a number or the id of an
evidence row that has a value. No effect is tied to a week of the survey. Interventions are defined
in interventions.py and, by researchers, in files of their own (docs/model.md 6).
"""

import contextlib
import datetime as dt
import re
from collections import namedtuple
from dataclasses import MISSING, fields
from typing import Any

import numpy as np

from marketsim.errors import (
    InputError,
    MissingArgumentError,
    WrongTypeError,
    out_of_range,
    span,
    unknown_name,
    unknown_parameter,
)
from marketsim.model.scenario import custom
from marketsim.model.scenario.interventions import (
    KINDS,
    LEVERS,
    OPERATORS,
    Closure,
    LegalSupply,
    Table,
)
from marketsim.numerics import elementary
from marketsim.parameters import evidence, panel, posterior
from marketsim.parameters.settings import POSTING_ONLY, Settings, check, plain

# Levers of all days, arrays of shape (days,), or of one day, numbers: int64 for `capacity`,
# `cases`, `sweep_accounts`, `sweep_posts`, `sweep_types`, `taught_types`, `listed_platform`,
# `listed_police`, `staff_*`, `swept_*`, `pooled_operators` and `stings`, else float64
Levers = namedtuple(
    "Levers",
    "activity news habituation recall images reports capacity linking groups elsewhere "
    "sweep_accounts sweep_posts sweep_lean sweep_types border couriers names police sharing "
    "traces raids cases demand legal machines "
    "preblock auto payments freeze refused listed_platform listed_police listed_wrongly "
    "taught taught_types sentence arrest_news friend_limit outlook rush bought_out leaked "
    "demand_gift demand_collector demand_investor demand_traveller substitutes abroad "
    "staff_tencent staff_portals staff_websites recall_tencent recall_portals recall_websites "
    "swept_public swept_social swept_websites swept_agents swept_dealers "
    "pooling pooled_operators shift hub stings",
)
FRIDAY = 4
INTERVENTIONS = "scenario.interventions"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")  # what the command line can say again
LATEST = dt.date(2020, 12, 31)


def check_settings(settings: Settings) -> Levers:
    """Refuse settings that cannot be simulated; return the compiled levers of the scenario.

    Returns
    -------
    Levers
        Levers of every day, at the parameters of the settings.

    Raises
    ------
    InputError
        For a value outside its range, a posterior that cannot be sampled, a panel without pairs, or
        an invalid scenario.
    """
    check(settings)
    posterior.check(settings)
    panel.check(settings)
    return compile_levers(settings)


def horizon(settings: Settings) -> tuple[dt.date, dt.date]:
    """Return the first and last day of a run.

    A scenario may extend the run to a later last day (`scenario.until`).

    Raises
    ------
    InputError
        For a date that does not exist, or a start too late for the burn-in.
    """
    first = _date("horizon.start", settings.horizon.start)
    last = _date("horizon.end", settings.horizon.end)
    if settings.scenario.until:
        until = _date("scenario.until", settings.scenario.until)
        if until > LATEST:
            raise InputError("scenario.until", until, f"not after {LATEST}")
        last = max(last, until)
    facts = evidence.inputs()
    survey_start, survey_end = facts["survey_start"].date, facts["survey_end"].date
    assert survey_start is not None and survey_end is not None
    latest = survey_start - dt.timedelta(weeks=8)
    earliest = dt.date(2010, 1, 1)
    if not earliest <= first <= latest:
        allowed = f"{earliest} to {latest}, eight weeks before the survey"
        raise InputError("horizon.start", first, allowed)
    if not survey_end <= last <= LATEST:
        raise InputError("horizon.end", last, f"{survey_end}, the end of the survey, to {LATEST}")
    return first, last


def interventions(settings: Settings) -> dict[str, Any]:
    """Return the interventions of a scenario as objects by name, in the order of their names.

    The distance of doses to their neutral defaults is multiplied by `scenario.dose_multiplier` for
    those named in `scenario.scaled_interventions`.

    Raises
    ------
    InputError
        For an unknown kind or key, a wrong dose, a date outside the horizon, an unknown scaled
        name, or two interventions that contradict each other.
    """
    scenario, span_of = settings.scenario, horizon(settings)
    entries, kinds = scenario.interventions, KINDS | custom.load(settings.classes)
    if not isinstance(entries, dict):
        raise InputError(INTERVENTIONS, entries, "entries NAME.KEY=VALUE")
    for name in entries:
        if not NAME.fullmatch(name):
            raise InputError(INTERVENTIONS, name, "names of letters a to z, digits, _ and -")
    for name in scenario.scaled_interventions:
        if name not in entries:
            raise InputError(
                "scenario.scaled_interventions", name, f"names among {', '.join(sorted(entries))}"
            )
    out = {}
    for name in sorted(entries):
        dose_multiplier = scenario.dose_multiplier if name in scenario.scaled_interventions else 1.0
        key = f"{INTERVENTIONS}.{name}"
        out[name] = _intervention(key, entries[name], span_of, kinds, dose_multiplier)
    _agree(out, span_of[1])
    return out


def _agree(entries: dict[str, Any], last: dt.date) -> None:
    """Refuse a legal market that shrinks and grows at the same time."""
    closures = {name: item for name, item in entries.items() if isinstance(item, Closure)}
    releases = {name: item for name, item in entries.items() if isinstance(item, LegalSupply)}
    for name, closure in closures.items():
        for other, release in releases.items():
            if closure.start <= (release.end or last) and release.start <= (closure.end or last):
                key = f"{INTERVENTIONS}.{name}"
                raise InputError(
                    key, closure.start, f"days on which {other} does not let the legal market grow"
                )


def compile_table(settings: Settings) -> Table:
    """Compile the interventions of a scenario into the levers of every day.

    Raises
    ------
    InputError
        As `interventions`, and where an intervention leaves a lever outside its range.
    """
    table = Table(*horizon(settings))
    for name, intervention in interventions(settings).items():
        key = f"{INTERVENTIONS}.{name}"
        try:
            intervention.apply(table)
        except InputError as fault:
            raise fault.below(key) from None
        except Exception as fault:  # of a class of the user's
            message = f"{type(fault).__name__}: {fault}"
            raise InputError(key, message, "an `apply` that runs without an error") from fault
        _check_levers(key, table)
    return table


def _check_levers(key: str, table: Table) -> None:
    """Refuse an intervention that moves a lever out of its range."""
    days = (table.last - table.first).days + 1
    for name, (_, low, high) in LEVERS.items():
        lever = vars(table).get(name)
        if not isinstance(lever, np.ndarray) or (lever.shape, lever.dtype) != ((days,), np.float64):
            raise InputError(f"{key} ({name})", "another array", _allowed(low, high, days))
    # all levers at once: one by one, this takes half of the time to prepare a run
    values = np.stack([getattr(table, name) for name in LEVERS])
    lows, highs = (np.array([bounds[k] for bounds in LEVERS.values()]) for k in (1, 2))
    wrong = ~(np.isfinite(values) & (values >= lows[:, None]) & (values <= highs[:, None]))
    if wrong.any():
        row, day = np.argwhere(wrong)[0]
        name, (_, low, high) = list(LEVERS.items())[row]
        raise InputError(f"{key} ({name})", values[row, day], _allowed(low, high, days))


def _allowed(low: float, high: float, days: int) -> str:
    return f"{low:g} to {high:g} on each of {days} days, as float64"


def compile_levers(settings: Settings) -> Levers:
    """Return the levers of every day of a run, scaled to its number of retailers.

    Returns
    -------
    Levers
        Named tuple of arrays of shape (days,), of the types that `Levers` names.

    Raises
    ------
    InputError
        For an invalid scenario.
    """
    return scale_levers(settings, compile_table(settings))


def scale_levers(settings: Settings, table: Table) -> Levers:
    """Return the levers of every day of a run from a table of `compile_table`.

    The table does not depend on parameters, so that many runs of one scenario can share it.

    Parameters
    ----------
    settings : Settings
        Checked settings; their scenario and horizon are those of the table.
    table : Table
        Not changed; the levers share its arrays.

    Returns
    -------
    Levers
        As of `compile_levers`.
    """
    population = settings.population
    scale = population.retailers / population.platform_traders
    cases, listed_police = 0.0, np.zeros_like(table.listed_police)
    if settings.market != POSTING_ONLY:
        cases = settings.police.capacity * population.retailers / 1000.0
        listed_police = table.listed_police
    trades = settings.market != POSTING_ONLY
    noise = settings.institutions.noise if trades else 0.0
    # reports of other things take the time of moderators, and come with those of ivory
    diluted = (1.0 + noise) / (1.0 + noise * table.reports)
    moderators = settings.moderation.capacity * population.retailers / 1000.0
    staff = settings.institutions.staff * population.retailers / 1000.0 if trades else 0.0
    derived = {
        "capacity": _left_over(
            _whole(moderators * table.capacity * diluted),
            np.floor(table.listed_wrongly * scale + 0.5).astype(np.int64),
        ),
        "cases": _whole(cases * table.police),
        "sweep_accounts": np.floor(table.sweep_accounts * scale + 0.5).astype(np.int64),
        "sweep_posts": np.floor(table.sweep_posts * scale + 0.5).astype(np.int64),
        "sweep_types": table.sweep_types.astype(np.int64),
        "listed_platform": np.floor(table.listed_platform * scale + 0.5).astype(np.int64),
        "listed_police": np.floor(listed_police * scale + 0.5).astype(np.int64),
        "taught_types": table.taught_types.astype(np.int64),
        "pooling": table.pooling * trades,
        "pooled_operators": table.pooled_operators.astype(np.int64),
        "stings": _whole(table.stings * population.retailers / 1000.0 * trades),
        "shift": table.shift * trades,
        "hub": table.hub * trades,
        "activity": _activity(settings, table),
        "habituation": _habituation(settings, table),
    }
    for name in OPERATORS:
        derived[f"staff_{name}"] = _whole(staff * getattr(table, f"staff_{name}") * diluted)
    for name in ("public", "social", "websites", "agents", "dealers"):
        swept = np.floor(getattr(table, f"swept_{name}") * scale + 0.5) * trades
        derived[f"swept_{name}"] = swept.astype(np.int64)
    return Levers(**{name: getattr(table, name) for name in LEVERS} | derived)


def _whole(daily: np.ndarray) -> np.ndarray:
    """Return whole numbers a day whose running sums are those of `daily`, rounded down."""
    return np.diff(np.floor(np.cumsum(daily)).astype(np.int64), prepend=0)


def _left_over(capacity: np.ndarray, wrong: np.ndarray) -> np.ndarray:
    """Return the cases that can be decided beside accounts on lists that sell no ivory."""
    if not wrong.any():
        return capacity
    out, waiting = capacity.copy(), 0
    for day in range(out.size):
        waiting += wrong[day]
        taken = min(waiting, out[day])
        out[day] -= taken
        waiting -= taken
    return out


def _activity(settings: Settings, table: Table) -> np.ndarray:
    """Return posting relative to an ordinary weekday at the start of the survey.

    Growth was observed in the weeks of the survey; after its last day posting stays constant.
    """
    start, end = (evidence.inputs()[name].date for name in ("survey_start", "survey_end"))
    assert start is not None and end is not None
    posting = settings.posting
    growth = posting.growth + posting.trend * settings.recovery.trend
    day = table.first.toordinal() + np.arange(table.news.size)
    weekend = (day + 6) % 7 > FRIDAY
    known = np.minimum(day, end.toordinal())
    trend = elementary.exp_each(growth * (known - start.toordinal()) / 7.0)
    return np.where(weekend, settings.posting.weekend, 1.0) * trend


def _habituation(settings: Settings, table: Table) -> np.ndarray:
    """Return the effect of a shock relative to one of the first wave of sweeps.

    Sweeps with fewer quiet days between them than `wave_gap` are one wave. News is not a wave.
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
    value = plain(value)
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
    value = plain(value)
    fact = evidence.inputs().get(value) if isinstance(value, str) else None
    if fact is not None and fact.value is not None:
        value = fact.value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WrongTypeError(key, value, "a number, or an input of the evidence that has a value")
    if not metadata["low"] <= value <= metadata["high"]:
        raise out_of_range(key, value, *(metadata[name] for name in ("low", "high", "unit")))
    return float(value)


def _intervention(
    key: str,
    entry: Any,
    span_of: tuple[dt.date, dt.date],
    kinds: dict[str, type],
    dose_multiplier: float,
) -> Any:
    if not isinstance(entry, dict) or str(entry.get("kind")) not in kinds:
        kind = entry.get("kind") if isinstance(entry, dict) else entry
        raise unknown_name(f"{key}.kind", kind, sorted(kinds))
    kind = kinds[entry["kind"]]
    known = {item.name: item for item in fields(kind)}
    values: dict[str, Any] = {}
    for name, value in entry.items():
        if name == "kind":
            continue
        if name not in known:
            raise unknown_parameter(f"{key}.{name}", value, [f"{key}.{one}" for one in known])
        parsed = _value(f"{key}.{name}", value, known[name], span_of, dose_multiplier)
        if parsed is not None:
            values[name] = parsed
    for name, item in known.items():
        if name not in values and item.default is MISSING:
            raise MissingArgumentError(f"{key}.{name}", "nothing", f"{key}.{name}=YYYY-MM-DD")
    start, end = values.get("start"), values.get("end")
    if start is not None and end is not None and end < start:
        raise InputError(f"{key}.end", end, f"not before {start}")
    return kind(**values)


def _value(
    key: str, value: Any, item: Any, span_of: tuple[dt.date, dt.date], dose_multiplier: float
):
    """Return the value of a field: a dose, a choice, or a date; None for an open date."""
    about = item.metadata
    if "unit" in about:
        dose = _dose(key, value, about)
        if not about["scales"] or dose_multiplier == 1.0:
            return dose
        scaled = item.default + (dose - item.default) * dose_multiplier
        if not about["low"] <= scaled <= about["high"]:
            most = span(about["low"], about["high"], about["unit"])
            raise InputError(
                "scenario.dose_multiplier",
                dose_multiplier,
                f"a dose multiplier that leaves {key} in its range, {most}",
            )
        return scaled
    if "pattern" in about:
        if not re.fullmatch(about["pattern"], str(value)):
            raise InputError(key, value, about["allowed"])
        return str(value)
    return None if value is None else _dated(key, value, span_of)


def _dated(key: str, value: Any, span_of: tuple[dt.date, dt.date]) -> dt.date:
    date = _date(key, value)
    if not span_of[0] <= date <= span_of[1]:
        raise InputError(key, date, f"{span_of[0]} to {span_of[1]}, the horizon")
    return date
