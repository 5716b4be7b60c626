"""Hours of work: what levers stand for, and the dose multiplier that takes as many."""

import datetime as dt

import pytest
from conftest import settings

from marketsim.analysis.comparison import effort
from marketsim.errors import InputError

START = dt.date(2015, 8, 1)
LAST = "2015-10-30"  # 91 days, 13 weeks
WEEKS = 13


def market(entry: dict | None = None, **changes):
    """Return settings of 2015 with one intervention of its own, named mine."""
    of = settings(1000, **changes)
    of.scenario.until, of.scenario.scaled_interventions = LAST, ["mine"] if entry else []
    if entry:
        of.scenario.interventions = of.scenario.interventions | {"mine": entry}
    return of


HOURS = {
    "sweep": (
        {"kind": "sweep", "date": "2015-08-10", "accounts": 260, "posts": 1300},
        (260 * 1.0 + 1300 * 0.25) / 10 / WEEKS,
        0.0,
    ),
    "capacity": ({"kind": "moderation_effort", "start": "2015-08-01", "capacity": 3},
                 2 * 7 * 0.25, 0.0),
    "recall": ({"kind": "moderation_effort", "start": "2015-08-01", "recall": 9}, 0.0, 0.0),
    "border": ({"kind": "police_effort", "start": "2015-08-01", "border": 2}, 0.0, 40.0),
    "couriers": ({"kind": "police_effort", "start": "2015-08-01", "couriers": 0.05}, 0.0, 100.0),
    "half": ({"kind": "police_effort", "start": "2015-08-01", "end": "2015-09-15", "traces": 0.02},
             0.0,
             10.0 * 46 / 91),
    "raids": ({"kind": "raids", "date": "2015-08-02", "share": 0.5}, 0.0, 300 * 2 * 0.5 / WEEKS),
    "stings": ({"kind": "stings", "start": "2015-08-01", "purchases": 0.1}, 0.0, 0.1 * 7 * 8.0),
    "places": ({"kind": "place_effort", "start": "2015-08-01", "staff": 3, "operators": "portals"},
               2 * 0.05 * 7 * 0.25, 0.0),
    "operators": ({"kind": "place_effort", "start": "2015-08-01", "staff": 3},
                  5 * 2 * 0.05 * 7 * 0.25, 0.0),
    "accounts": ({"kind": "account_sweep", "date": "2015-08-10", "accounts": 260},
                 260 * 1.0 / 10 / WEEKS, 0.0),
    "hubs": ({"kind": "targeting", "start": "2015-08-01", "hub": 1.0}, 0.0, 0.0),
    "moved": ({"kind": "reallocation", "start": "2015-08-01", "shift": 1.0}, 0.0, 0.0),
    "sharing": ({"kind": "information_sharing", "start": "2015-08-01", "share": 1.0}, 0.0, 0.0),
    "campaign": ({"kind": "campaign", "start": "2015-08-01", "willingness": 0.5}, 0.0, 0.0),
}  # fmt: skip


@pytest.mark.parametrize("name", list(HOURS))
def test_hours_have_a_closed_form(name):
    """Each lever stands for hours a week per 1,000 traders, whatever the size of the market."""
    entry, moderators, police = HOURS[name]
    found = effort.extra(market(entry), market(), START)
    assert found == pytest.approx((moderators, police), rel=1e-12, abs=1e-12)
    other = market(entry)
    other.population.retailers = 50
    assert effort.extra(other, market(), START) == pytest.approx(found, rel=1e-12)


def test_police_cases_and_inspections_count():
    """Twice the police is twice the units of online cases and of stalls."""
    of = market({"kind": "police_effort", "start": "2015-08-01", "police": 2})
    weekly = of.institutions.hours_online + of.institutions.hours_markets
    assert effort.extra(of, market(), START).police_hours == pytest.approx(weekly, rel=1e-12)


@pytest.mark.parametrize("name", ["capacity", "border", "raids", "sweep"])
def test_the_strength_that_takes_so_many_hours_is_found(name):
    """At the dose multiplier found the hours are those asked for."""
    entry, *work = HOURS[name]
    found = effort.match_hours(market(entry), market(), START, 0.6 * sum(work))
    assert found.scenario.dose_multiplier == pytest.approx(0.6, rel=1e-6)
    assert sum(effort.extra(found, market(), START)) == pytest.approx(0.6 * sum(work), rel=1e-6)


@pytest.mark.parametrize("name", ["campaign", "raids"])
def test_hours_that_no_strength_takes_are_refused(name):
    """What takes no hours, or not so many within the range of its dose, is named."""
    with pytest.raises(InputError, match="hours that"):
        effort.match_hours(market(HOURS[name][0]), market(), START, 1e5)
