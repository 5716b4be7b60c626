"""Scenarios become levers: dates, doses, waves, and one line for a bad entry."""

import datetime as dt
import math

import numpy as np
import pytest
from conftest import settings
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from marketsim.errors import InputError
from marketsim.model.scenario.interventions import Table
from marketsim.model.scenario.timeline import compile_levers, horizon, interventions

FIRST = dt.date(2015, 3, 6)
DAYS = 148


def scenario(entries: dict, **changes):
    """Return settings of a market with these interventions alone."""
    of = settings(**changes)
    of.scenario.interventions = entries
    return of


def levers(*entries: dict, **changes):
    """Return the levers of a market with these interventions alone."""
    return compile_levers(scenario({f"entry_{k}": e for k, e in enumerate(entries)}, **changes))


def row(date: str) -> int:
    """Return the number of a day in the run."""
    return (dt.date.fromisoformat(date) - FIRST).days


def same(one, two) -> bool:
    return all(a.tobytes() == b.tobytes() for a, b in zip(one, two, strict=True))


def sweep(date: str, **doses) -> dict:
    return {"kind": "sweep", "date": date} | doses


# ---------------------------------------------------------------- dates and doses


def test_evidence_ids_stand_for_their_dates_and_values():
    """An evidence id means its date or value; another date means something else."""
    named = sweep("sweep_may", accounts="sweep_may_accounts", posts="sweep_may_posts")
    spelled = sweep("2015-05-29", accounts=232, posts=1365)
    as_date = sweep("", accounts=232.0, posts=1365.0) | {"date": dt.date(2015, 5, 29)}
    of = {"retailers": 5000}
    assert same(levers(named, **of), levers(spelled, **of))
    assert same(levers(as_date, **of), levers(spelled, **of))
    moved = spelled | {"date": "2015-05-30"}
    assert not same(levers(moved, **of), levers(spelled, **of))


def test_every_kind_falls_on_its_own_day():
    """Each lever is at rest on all days but those of its intervention."""
    of = levers(
        sweep("2015-05-29", accounts=1000, posts=500, lean=0.25),
        {"kind": "news", "date": "2015-03-06", "publicity": 0.3},
        {
            "kind": "moderation_effort",
            "start": "2015-07-01",
            "recall": 2,
            "reports": 3,
            "capacity": 4,
        },
        retailers=1000,
    )
    days = np.arange(DAYS)
    struck = days == row("2015-05-29")
    assert (of.sweep_accounts == 100 * struck).all()
    assert (of.sweep_posts == 50 * struck).all()
    assert (of.sweep_lean == 0.25 * struck).all()
    assert of.news[0] == pytest.approx(0.3, rel=1e-14) and not of.news[1:].any()
    busy = days >= row("2015-07-01")
    assert (of.recall == np.where(busy, 2.0, 1.0)).all()
    assert (of.reports == np.where(busy, 3.0, 1.0)).all()
    assert (np.array([lever.size for lever in of]) == DAYS).all()


def test_both_dates_of_an_effort_count():
    """An effort lasts from its first to its last date, and two efforts multiply."""
    of = levers(
        {"kind": "moderation_effort", "start": "2015-05-01", "end": "2015-05-10", "reports": 3.0},
        {"kind": "moderation_effort", "start": "2015-05-10", "end": "2015-05-11", "reports": 0.5},
    ).reports
    expected = np.ones(DAYS)
    expected[row("2015-05-01") : row("2015-05-10")] = 3.0
    expected[row("2015-05-10")] = 1.5
    expected[row("2015-05-11")] = 0.5
    assert (of == expected).all()


def test_news_of_one_day_adds_up_like_chances():
    """What two events tell everybody is 1 - (1 - a)(1 - b), in any order of their names."""
    one = {"kind": "news", "date": "2015-05-29", "publicity": 0.3}
    two = sweep("2015-05-29", accounts=1, publicity=0.5)
    for order in ((one, two), (two, one)):
        assert levers(*order).news[row("2015-05-29")] == pytest.approx(0.65, rel=1e-14)


@given(st.lists(st.floats(0.0, 1.0), max_size=5), st.integers(0, 5))
def test_news_without_a_dose_changes_no_bit(doses, place):
    """An event nobody hears of changes no bit, wherever it stands among the news of its day."""

    def news(publicities):
        table = Table(FIRST, FIRST)
        for publicity in publicities:
            table.spread_news(FIRST, publicity)
        return table.news.tobytes()

    assert news(doses) == news([*doses[:place], 0.0, *doses[place:]])
    assert news([*doses, 1.0]) == news([1.0])


def test_sweeps_of_one_day_add_up():
    """Two sweeps on one day take the sum of their accounts and posts."""
    one = sweep("2015-05-29", accounts=1000, posts=10)
    of = levers(one, sweep("2015-05-29", accounts=500, posts=20), retailers=10_000)
    assert of.sweep_accounts.sum() == 1500
    assert of.sweep_posts.sum() == 30


@pytest.mark.parametrize(
    ("retailers", "platform", "accounts", "expected"),
    [
        (10_000, 10_000.0, 232, 232),
        (1_000, 10_000.0, 232, 23),
        (1_000, 10_000.0, 235, 24),
        (1_000, 20_000.0, 232, 12),
        (20_000, 10_000.0, 232, 464),
        (10, 10_000.0, 232, 0),
    ],
)
def test_doses_scale_with_the_market(retailers, platform, accounts, expected):
    """A sweep takes its share of the platform: accounts x retailers / traders, to the nearest."""
    of = levers(
        sweep("2015-05-29", accounts=accounts, posts=2 * accounts),
        retailers=retailers,
        population__platform_traders=platform,
    )
    assert of.sweep_accounts.sum() == expected
    exact = 2 * accounts * retailers / platform
    assert of.sweep_posts.sum() == math.floor(exact + 0.5)


# ---------------------------------------------------------------- capacity


@pytest.mark.parametrize("capacity", [0.0, 0.25, 1.0, 8.0])
def test_capacity_is_carried_over_whole_days(capacity):
    """After n days moderators have had the whole part of n times the daily capacity."""
    cases = levers(retailers=125, moderation__capacity=capacity).capacity
    exact = np.floor(np.arange(1, DAYS + 1) * (capacity * 125 / 1000))
    assert cases.dtype == np.int64
    assert (np.cumsum(cases) == exact).all()


def test_capacity_follows_the_effort():
    """An effort multiplies the capacity of its days, and no case is lost to rounding."""
    entry = {"kind": "moderation_effort", "start": "2015-05-01", "capacity": 3.0}
    cases = levers(entry, retailers=125).capacity
    before = row("2015-05-01")
    daily = np.where(np.arange(DAYS) < before, 0.125, 0.375)
    assert (np.cumsum(cases) == np.floor(np.cumsum(daily))).all()
    assert cases.sum() > levers(retailers=125).capacity.sum()


def test_awkward_capacities_lose_less_than_a_case():
    """Where the daily capacity is no binary fraction the sum is right to within one case."""
    for retailers in (3, 7, 100, 333):
        done = np.cumsum(levers(retailers=retailers, moderation__capacity=0.7).capacity)
        exact = np.arange(1, DAYS + 1) * retailers * 0.7 / 1000
        assert (np.abs(done - np.floor(exact)) <= 1).all()
        assert (done <= exact + 1e-9).all()


# ---------------------------------------------------------------- habituation


def habituation(*entries, gap=28.0) -> np.ndarray:
    changes = {"perception__wave_gap": gap, "perception__habituation": 0.5}
    return levers(*entries, **changes).habituation


def test_sweeps_within_the_gap_are_one_wave():
    """A sweep after as few quiet days as the gap allows still belongs to the first wave."""
    near = habituation(sweep("2015-04-01", posts=1), sweep("2015-04-29", accounts=1))
    assert (near == 1.0).all()


def test_a_second_wave_works_less():
    """With `wave_gap` quiet days between them the second sweep, and all after it, count half."""
    far = habituation(sweep("2015-04-01", posts=1), sweep("2015-04-30", accounts=1))
    assert (far == np.where(np.arange(DAYS) < row("2015-04-30"), 1.0, 0.5)).all()


def test_a_third_wave_works_less_again():
    """Each wave is weaker by the same ratio, and sweeps close together chain into one wave."""
    dates = ("2015-03-10", "2015-03-20", "2015-03-30", "2015-04-20", "2015-05-20")
    thrice = habituation(*(sweep(date, posts=1) for date in dates), gap=15.0)
    assert thrice[row("2015-04-19")] == 1.0
    assert thrice[row("2015-04-20")] == 0.5
    assert thrice[row("2015-05-20")] == thrice[-1] == 0.25


def test_news_alone_is_no_wave():
    """Neither news, nor an effort, nor a sweep without a dose begins a wave."""
    quiet = habituation(
        {"kind": "news", "date": "2015-03-10", "publicity": 1.0},
        sweep("2015-05-10", publicity=1.0),
        {"kind": "moderation_effort", "start": "2015-06-20", "reports": 50.0},
        sweep("2015-07-20", accounts=5),
    )
    assert (quiet == 1.0).all()


# ---------------------------------------------------------------- activity


def test_activity_has_a_closed_form():
    """Activity is the weekend's ratio times exp(growth x weeks since the survey began)."""
    growing = {"posting__growth": -0.005, "posting__trend": 0.03, "recovery__trend": 0.5}
    of = levers(posting__weekend=0.7, **growing).activity
    dates = [FIRST + dt.timedelta(int(day)) for day in range(DAYS)]
    weekend = np.array([0.7 if date.strftime("%a") in ("Sat", "Sun") else 1.0 for date in dates])
    weeks = np.array([(date - dt.date(2015, 5, 1)).days / 7.0 for date in dates])
    assert_allclose(of, weekend * np.exp(0.01 * weeks), rtol=1e-14)


def test_without_weekend_or_growth_every_day_is_alike():
    """Activity is exactly one where the weekend is like a weekday and nothing grows."""
    still = {"posting__growth": 0.0, "posting__trend": 0.05}
    assert (levers(recovery="none", **still).activity == 1.0).all()
    assert (levers(recovery="trend", **still).activity != 1.0).sum() == DAYS - 1
    assert (levers(recovery="none", posting__growth=0.01).activity != 1.0).sum() == DAYS - 1


# ---------------------------------------------------------------- bad entries

GOOD_SWEEP = {"kind": "sweep", "date": "2015-05-29", "accounts": 1}
GOOD_NEWS = {"kind": "news", "date": "2015-05-29", "publicity": 0.5}
GOOD_EFFORT = {"kind": "moderation_effort", "start": "2015-05-01", "end": "2015-05-10", "recall": 2}

BAD = [
    (GOOD_SWEEP | {"kind": "raid"}, "kind", "raid"),
    ({"date": "2015-05-29"}, "kind", "None"),
    ("sweep", "kind", "sweep"),
    (GOOD_SWEEP | {"kind": ["sweep"]}, "kind", "['sweep']"),
    (GOOD_SWEEP | {"acounts": 7}, "acounts", "7"),
    (GOOD_NEWS | {"accounts": 7}, "accounts", "7"),
    (GOOD_SWEEP | {"accounts": -1}, "accounts", "-1"),
    (GOOD_SWEEP | {"accounts": 1e6 + 1}, "accounts", "1000001.0"),
    (GOOD_SWEEP | {"posts": 1e7 + 1}, "posts", "10000001.0"),
    (GOOD_SWEEP | {"lean": -0.1}, "lean", "-0.1"),
    (GOOD_SWEEP | {"lean": 1.1}, "lean", "1.1"),
    (GOOD_SWEEP | {"publicity": 1.1}, "publicity", "1.1"),
    (GOOD_NEWS | {"publicity": math.nan}, "publicity", "nan"),
    (GOOD_NEWS | {"publicity": math.inf}, "publicity", "inf"),
    (GOOD_EFFORT | {"recall": -1}, "recall", "-1"),
    (GOOD_EFFORT | {"capacity": 101}, "capacity", "101"),
    (GOOD_SWEEP | {"accounts": True}, "accounts", "True"),
    (GOOD_SWEEP | {"accounts": "many"}, "accounts", "many"),
    (GOOD_SWEEP | {"accounts": "sweep_may"}, "accounts", "sweep_may"),
    (GOOD_SWEEP | {"accounts": "ads_total"}, "accounts", "ads_total"),
    (GOOD_SWEEP | {"accounts": None}, "accounts", "None"),
    (GOOD_SWEEP | {"date": "2015-02-30"}, "date", "2015-02-30"),
    (GOOD_SWEEP | {"date": "in May"}, "date", "in May"),
    (GOOD_SWEEP | {"date": "backup_accounts"}, "date", "backup_accounts"),
    (GOOD_SWEEP | {"date": "survey_panel_traders_"}, "date", "survey_panel_traders_"),
    (GOOD_SWEEP | {"date": "2015-03-05"}, "date", "2015-03-05"),
    (GOOD_SWEEP | {"date": "2015-08-01"}, "date", "2015-08-01"),
    (GOOD_SWEEP | {"date": "law_amendment"}, "date", "2015-11-01"),
    (GOOD_EFFORT | {"end": "2015-08-01"}, "end", "2015-08-01"),
    (GOOD_EFFORT | {"end": "2015-04-30"}, "end", "2015-04-30"),
    ({"kind": "sweep", "accounts": 1}, "date", "nothing"),
    ({"kind": "news", "date": None}, "date", "nothing"),
    ({"kind": "moderation_effort", "end": "2015-05-10"}, "start", "nothing"),
]


@pytest.mark.parametrize(("entry", "key", "value"), BAD)
def test_a_bad_entry_is_refused_by_its_key(entry, key, value):
    """A bad entry is refused in one line that gives its key, its value and what is allowed."""
    good = {"kind": "news", "date": "2015-05-01"}
    with pytest.raises(InputError) as refusal:
        compile_levers(scenario({"before": good, "mine": entry, "then": good}))
    assert refusal.value.key == f"scenario.interventions.mine.{key}"
    assert str(refusal.value.value) == str(value)
    message = str(refusal.value)
    assert f"scenario.interventions.mine.{key}" in message
    assert str(value) in message or message.startswith(("unknown parameter", "missing argument"))
    assert message.endswith(refusal.value.allowed) and refusal.value.allowed
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("entry", [GOOD_SWEEP, GOOD_NEWS, GOOD_EFFORT, GOOD_EFFORT | {"end": None}])
def test_the_good_entries_are_taken(entry):
    """Negative control: the entries that the bad ones are made from are taken as they are."""
    assert len(interventions(scenario({"mine": entry}))) == 1


@pytest.mark.parametrize("date", ["2015-03-06", "2015-07-31"])
def test_both_ends_of_the_horizon_are_inside(date):
    """An event may fall on the first and on the last day of a run."""
    assert levers(GOOD_NEWS | {"date": date}).news[row(date)] == 0.5


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("start", "2015-03-07"),
        ("start", "2009-12-31"),
        ("start", "2015-02-29"),
        ("start", "spring"),
        ("end", "2015-07-30"),
        ("end", "2021-01-01"),
        ("end", ""),
    ],
)
def test_a_bad_horizon_is_refused(key, value):
    """A run that leaves no burn-in, ends within the survey, or has no such day is refused."""
    with pytest.raises(InputError) as refusal:
        horizon(settings(**{f"horizon__{key}": value}))
    assert refusal.value.key == f"horizon.{key}"


def test_a_horizon_may_be_named_by_evidence():
    """The ends of a run are ISO dates or evidence ids; the latest start is eight weeks before."""
    first, last = horizon(settings(horizon__end="law_amendment"))
    assert (first, last) == (FIRST, dt.date(2015, 11, 1))
    assert first + dt.timedelta(weeks=8) == dt.date(2015, 5, 1)


# ---------------------------------------------------------------- in force


def test_a_ramp_rises_evenly_to_full_force():
    """With a ramp of n days the lever is moved by 1/(n + 1) more each day, then in full."""
    entry = {"kind": "campaign", "start": "2015-05-01", "end": "2015-05-10", "willingness": 0.5}
    demand = levers(entry | {"ramp": 4}).demand
    expected = np.ones(DAYS)
    first = row("2015-05-01")
    expected[first : first + 5] = 1.0 - 0.5 * np.arange(1, 6) / 5.0
    expected[first + 5 : first + 10] = 0.5
    assert_allclose(demand, expected, rtol=1e-15)


def test_sweeps_come_again_on_their_days():
    """Regular sweeps are so many days apart; irregular ones are late by a part of that at most."""
    entry = {"kind": "sweeps", "start": "2015-05-01", "every": 14, "accounts": 100}
    regular = np.flatnonzero(levers(entry, retailers=10_000).sweep_accounts)
    assert (regular == np.arange(row("2015-05-01"), DAYS, 14)).all()
    late = np.flatnonzero(levers(entry | {"irregular": 1}, retailers=10_000).sweep_accounts)
    assert ((late - regular[: late.size] >= 0) & (late - regular[: late.size] < 14)).all()
    assert len(set(np.diff(late).tolist())) > 2
    ended = levers(entry | {"end": "2015-05-14"}, retailers=10_000).sweep_accounts
    assert np.flatnonzero(ended).tolist() == [row("2015-05-01")]


def test_groups_of_types_take_turns():
    """With a / between them the first sweep takes the first group, the next the second."""
    entry = {"kind": "sweeps", "start": "2015-05-01", "every": 30, "posts": 5000, "types": "ab/d"}
    of = levers(entry)
    assert of.sweep_types[of.sweep_posts > 0].tolist() == [3, 8, 3, 8][: (of.sweep_posts > 0).sum()]
    assert (of.sweep_types[of.sweep_posts == 0] == 15).all()


# ---------------------------------------------------------------- dose multiplier


def test_strength_scales_what_a_dose_adds():
    """Doses of the interventions named are multiplied in what they add to doing nothing."""
    of = scenario({"a": GOOD_EFFORT | {"recall": 3.0}, "b": GOOD_NEWS, "c": GOOD_NEWS})
    of.scenario.dose_multiplier, of.scenario.scaled_interventions = 0.5, ["a", "c"]
    found = interventions(of)
    assert found["a"].recall == 2.0 and found["a"].reports == 1.0
    assert (found["b"].publicity, found["c"].publicity) == (0.5, 0.25)
    of.scenario.dose_multiplier = 0.0
    assert (compile_levers(of).recall == 1.0).all()
    for dose_multiplier, scaled_interventions, key in (
        (3.0, ["c"], "dose_multiplier"),
        (1.0, ["d"], "scaled_interventions"),
    ):
        of.scenario.dose_multiplier, of.scenario.scaled_interventions = (
            dose_multiplier,
            scaled_interventions,
        )
        with pytest.raises(InputError) as refusal:
            compile_levers(of)
        assert refusal.value.key == f"scenario.{key}"


def test_a_scenario_may_need_a_longer_run():
    """The last day is that of the horizon or that of the scenario, whichever is later."""
    of = scenario({})
    of.scenario.until = "2016-12-31"
    assert horizon(of)[1] == dt.date(2016, 12, 31)
    of.scenario.until = "2015-06-30"
    assert horizon(of)[1] == dt.date(2015, 7, 31)
    of.scenario.until = "2021-01-01"
    with pytest.raises(InputError, match=r"scenario\.until"):
        horizon(of)


CONTRADICTIONS = [
    ({"kind": "closure", "start": "2015-05-01", "share": 0.5},
     {"kind": "legal_supply", "start": "2015-06-01", "growth": 0.5}),
    ({"kind": "sweep", "date": "2015-05-01", "posts": 5, "types": "ab"},
     {"kind": "sweep", "date": "2015-05-01", "posts": 5, "types": "cd"}),
]  # fmt: skip


@pytest.mark.parametrize("pair", CONTRADICTIONS)
def test_interventions_that_contradict_each_other_are_refused(pair):
    """One line; one after the other they are taken."""
    with pytest.raises(InputError):
        levers(*pair)
    early = [one | ({"end": "2015-05-02"} if "start" in one else {}) for one in pair[:1]]
    later = [one | ({"date": "2015-06-01"} if "date" in one else {}) for one in pair[1:]]
    levers(*early, *later)


@pytest.mark.parametrize(
    "entry",
    [
        {"kind": "sweep", "date": "2015-05-01", "types": "abe"},
        {"kind": "sweep", "date": "2015-05-01", "types": ""},
        {"kind": "channel_closure", "start": "2015-05-01", "channel": "moments"},
        {"kind": "sweeps", "start": "2015-05-01", "every": 0},
        {"kind": "campaign", "start": "2015-05-01", "ramp": -1},
    ],
)
def test_a_bad_choice_is_refused(entry):
    """A choice that is none of those there are is refused by its key."""
    with pytest.raises(InputError) as refusal:
        levers(entry)
    assert refusal.value.key.startswith("scenario.interventions.entry_0.")


def test_the_order_of_writing_does_not_matter():
    """Entries are applied in the order of their names, however they are written down."""
    entries = {
        "b": sweep("2015-05-29", accounts=300, lean=0.1, publicity=0.1),
        "a": sweep("2015-05-29", accounts=200, lean=0.9, publicity=0.3),
        "c": {"kind": "news", "date": "2015-05-29", "publicity": 0.7},
    }
    turned = dict(reversed(entries.items()))
    assert same(compile_levers(scenario(entries)), compile_levers(scenario(turned)))


def test_growth_ends_with_the_survey():
    """Posting stays where the survey left it: nothing is known of what came after."""
    of = settings(posting__growth=0.02)
    of.scenario.until = "2015-12-31"
    activity = compile_levers(of).activity
    weekdays = [day for day in range(activity.size) if (FIRST + dt.timedelta(day)).weekday() < 5]
    after = [day for day in weekdays if day >= DAYS - 1]
    assert len(set(activity[after].tolist())) == 1 and activity[after[0]] > activity[weekdays[-120]]
    before = activity[[day for day in weekdays if day < DAYS]]
    assert (np.diff(before) > 0).all()
