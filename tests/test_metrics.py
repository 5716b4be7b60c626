"""Statistics of surveys made by hand, with sums that can be done in the head."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from conftest import settings
from scipy import stats

from marketsim.model.observer import survey_days
from marketsim.simulation import run as simulation
from marketsim.survey import fit, targets
from marketsim.survey import statistics as survey_statistics

DAY, REGULAR = survey_days(1)
DATES = [dt.date.fromordinal(int(day)) for day in DAY]
WEEK = [(int(day) - dt.date(2015, 5, 1).toordinal()) // 7 + 1 for day in DAY]
RANDOM = 1000  # posts of each random day: they belong to the totals, not to the weeks


def surveyed(ads, traders=(7,), runs=(0,), **columns) -> pd.DataFrame:
    """Return a survey; `ads` and the columns are functions of run, trader and survey number."""
    rows = []
    for run in runs:
        for k, date in enumerate(DATES):
            for trader in traders:
                one = {
                    "run": run,
                    "survey_date": date,
                    "regular": bool(REGULAR[k]),
                    "trader": trader,
                    "trader_type": "ABCD"[trader % 4],
                    "ads": ads(run, trader, k),
                    "pictures": 0,
                    "videos": 0,
                    "mention": False,
                    "blocked": False,
                }
                rows.append(one | {name: of(run, trader, k) for name, of in columns.items()})
    return pd.DataFrame(rows)


def counted(runs=(0,), active=58, contacts=108) -> pd.DataFrame:
    index = pd.Index(runs, name="run")
    return pd.DataFrame({"active": active, "contacts": contacts}, index=index)


def rising(run, trader, k) -> int:
    """Return as many posts as the number of the week, and many on random days."""
    return WEEK[k] * (run + 1) if REGULAR[k] else RANDOM


# ---------------------------------------------------------------- weeks


def test_a_week_is_its_three_regular_surveys():
    """Week w of traders who post w a survey sums to 3 w a trader; random days do not count."""
    weeks = survey_statistics.weekly(surveyed(rising, traders=(3, 4), runs=(0, 1)))
    assert list(weeks.columns) == list(range(1, 14))
    assert weeks.loc[0].tolist() == [6 * week for week in range(1, 14)]
    assert weeks.loc[1].tolist() == [12 * week for week in range(1, 14)]


@pytest.mark.parametrize(
    ("date", "week"),
    [
        ("2015-05-02", 1),
        ("2015-05-07", 1),
        ("2015-05-09", 2),
        ("2015-05-28", 4),
        ("2015-05-30", 5),
        ("2015-06-04", 5),
        ("2015-06-06", 6),
        ("2015-07-30", 13),
    ],
)
def test_weeks_begin_on_friday(date, week):
    """Week 1 is 1 to 7 May, week 5 begins on 29 May, week 13 ends on 30 July."""
    place = DATES.index(dt.date.fromisoformat(date))
    weeks = survey_statistics.weekly(surveyed(lambda run, trader, k: 5 if k == place else 0)).loc[0]
    assert weeks[week] == weeks.sum() == 5


def test_ratios_are_against_the_first_four_weeks():
    """Each week is divided by the mean of the run's own weeks 1 to 4, whatever its level."""
    ratios = survey_statistics.ratios(survey_statistics.weekly(surveyed(rising, runs=(0, 1))))
    for run in (0, 1):
        np.testing.assert_allclose(ratios.loc[run], np.arange(1, 14) / 2.5, rtol=1e-15)
    assert (
        survey_statistics.ratios(survey_statistics.weekly(surveyed(lambda *_: 0)))
        .isna()
        .all(axis=None)
    )


# ---------------------------------------------------------------- statistics


def statistics(*args, runs=(0,), **columns) -> pd.DataFrame:
    return survey_statistics.statistics(surveyed(*args, runs=runs, **columns), counted(runs))


def test_the_shape_of_the_weeks_is_the_known_one():
    """For weeks in proportion to their number every ratio is a fraction known beforehand."""
    of = statistics(rising, runs=(0, 1))
    for run in (0, 1):
        assert of["ads_week_1_3"][run] == 6 * (run + 1)
        assert of["ads_week_4"][run] == 12 * (run + 1)
        assert of["fall_week_5"][run] == pytest.approx(5 / 4)
        assert of["ratio_week_6_12"][run] == pytest.approx(9 / 2.5)
        assert of["return_week_13"][run] == pytest.approx(13 / 2.5)


def test_items_are_taken_with_the_advertisements_of_their_week():
    """Items per advertisement: 3 in week 4, 4 in week 5; random days do not count."""
    of = statistics(
        lambda run, trader, k: 5,
        pictures=lambda run, trader, k: 5 * WEEK[k] - 6 if REGULAR[k] else RANDOM,
        videos=lambda run, trader, k: 1,
    ).loc[0]
    assert of["items_per_ad_week_5"] == pytest.approx(20 / 15)
    assert of["items_week_1_4"] == pytest.approx(3 * (0 + 5 + 10 + 15) / 4)
    assert of["items_week_13"] == 3 * 60


def test_items_per_advertisement_are_a_ratio_of_ratios():
    """Twice as many advertisements with twice as many items change nothing."""
    half = [1 if week == 5 else 2 for week in WEEK]
    same = statistics(lambda *_: 1, pictures=lambda *_: 5).loc[0]
    less = statistics(
        lambda run, trader, k: half[k], pictures=lambda run, trader, k: 5 * half[k]
    ).loc[0]
    more = statistics(lambda run, trader, k: half[k], pictures=lambda *_: 10).loc[0]
    assert same["items_per_ad_week_5"] == less["items_per_ad_week_5"] == 1.0
    assert more["items_per_ad_week_5"] == 2.0


def test_variation_is_over_survey_days_of_the_whole_panel():
    """Traders who alternate make a panel that does not vary; one alone varies as computed."""
    own = {"videos": lambda run, trader, k: 2 * ((k + trader) % 2)}
    together = statistics(lambda *_: 3, traders=(0, 1), **own).loc[0]
    alone = statistics(lambda *_: 3, traders=(1,), **own).loc[0]
    assert together["videos_sd"] == together["survey_cv_ads"] == 0.0
    seen = np.array([2 * ((k + 1) % 2) for k in range(47)], float)
    assert alone["videos_sd"] == pytest.approx(seen.std(ddof=1) / seen.mean(), rel=1e-12)
    assert alone["survey_cv_ads"] == 0.0
    assert np.isnan(alone["survey_cv_pictures"])  # none was shown


def test_variation_is_of_each_run_and_scale_free():
    """Runs are not mixed, random days count, and ten times as many vary alike."""
    runs, seen = (3, 5), np.array([7 + k % 5 for k in range(47)], float)
    of = statistics(
        lambda run, trader, k: 7 + k % 5 if run == 3 else 9,
        runs=runs,
        pictures=lambda run, trader, k: 10 * (7 + k % 5),
    )
    expected = seen.std(ddof=1) / seen.mean()
    assert of["survey_cv_ads"].tolist() == pytest.approx([expected, 0.0], rel=1e-12)
    assert of["survey_cv_pictures"].tolist() == pytest.approx([expected] * 2, rel=1e-12)


def test_medium_posters_include_the_heavy_ones():
    """Medium are traders above 20 pictures and videos a day, heavy ones among them."""
    shown = {0: 20, 1: 21, 2: 41, 3: 5}
    of = statistics(
        lambda run, trader, k: trader + 1,
        traders=(0, 1, 2, 3),
        pictures=lambda run, trader, k: shown[trader],
    ).loc[0]
    assert (of["medium_posters_count"], of["heavy_posters_count"]) == (2, 1)
    assert of["medium_posters_share"] == pytest.approx(5 / 10)


def test_totals_are_over_all_surveys():
    """Advertisements, pictures and videos are summed over all 47 surveys, random ones too."""
    of = statistics(
        rising,
        traders=(0, 1),
        pictures=lambda run, trader, k: 5,
        videos=lambda run, trader, k: int(k == 0),
    ).loc[0]
    assert of["ads_total"] == 2 * (3 * 91 + 8 * RANDOM)
    assert of["pictures_total"] == 2 * 47 * 5
    assert of["videos_total"] == 2


def test_heavy_posters_are_above_forty_a_day():
    """Heavy are traders above 40 pictures and videos a survey day, with their share of posts."""
    shown = {0: 40, 1: 41, 2: 39, 3: 400}
    posts = {0: 3, 1: 2, 2: 1, 3: 4}
    of = statistics(
        lambda run, trader, k: posts[trader],
        traders=(0, 1, 2, 3),
        pictures=lambda run, trader, k: shown[trader] - 1,
        videos=lambda run, trader, k: 1,
    ).loc[0]
    assert of["heavy_posters_count"] == 2
    assert of["heavy_posters_share"] == pytest.approx(6 / 10)


def test_heavy_is_an_average_over_all_surveys():
    """A trader is heavy by his average over regular and random surveys together."""
    burst = 41 * 47
    once = statistics(lambda *_: 1, pictures=lambda run, trader, k: burst if k == 9 else 0)
    less = statistics(lambda *_: 1, pictures=lambda run, trader, k: burst - 47 if k == 9 else 0)
    assert (once["heavy_posters_count"][0], less["heavy_posters_count"][0]) == (1, 0)


BEFORE = max(k for k, date in enumerate(DATES) if date < dt.date(2015, 5, 29))
AFTER = BEFORE + 1


@pytest.mark.parametrize(
    ("blocked", "unblocked"),
    [
        (lambda k: False, 1.0),
        (lambda k: k >= AFTER, 0.0),  # in the operation
        (lambda k: k == AFTER, 0.0),
        (lambda k: True, 1.0),  # before it, and still
        (lambda k: k >= BEFORE, 1.0),
        (lambda k: k > AFTER, 1.0),  # after it
        (lambda k: k == 46, 1.0),
        (lambda k: k < BEFORE, 1.0),
    ],
)
def test_a_panel_is_unblocked_if_nobody_was_in_the_operation(blocked, unblocked):
    """Only accounts lost between the last survey before 29 May and the next one count."""
    of = statistics(
        lambda *_: 1,
        traders=(0, 1, 2),
        runs=(0, 1, 2),
        blocked=lambda run, trader, k: run == 1 and trader == 2 and blocked(k),
    )
    assert of["panel_unblocked"].tolist() == [1.0, unblocked, 1.0]


def test_one_trader_hit_before_does_not_hide_another():
    """Accounts are followed one by one: one was lost before the operation, one in it."""
    of = statistics(
        lambda *_: 1,
        traders=(0, 1),
        blocked=lambda run, trader, k: k >= (BEFORE if trader == 0 else AFTER),
    )
    assert of["panel_unblocked"].tolist() == [0.0]


def test_the_operation_lies_between_the_surveys_of_each_run():
    """The first survey from 29 May on is the run's own: where it is later, a later loss counts."""
    survey = surveyed(lambda *_: 1, runs=(0, 1), blocked=lambda run, trader, k: k > AFTER)
    late = (survey["run"] == 1) & (survey["survey_date"] == DATES[AFTER])
    moved = survey.assign(survey_date=survey["survey_date"].mask(late, dt.date(2015, 5, 28)))
    for table, expected in ((survey, [1.0, 1.0]), (moved, [1.0, 0.0])):
        of = survey_statistics.statistics(table, counted((0, 1)))
        assert of["panel_unblocked"].tolist() == expected


def test_backups_are_counted_by_trader():
    """A trader who advertises a backup on many days is one trader with a backup account."""
    of = statistics(
        lambda *_: 1,
        traders=(0, 1, 2),
        runs=(0, 1),
        mention=lambda run, trader, k: run == 1 and trader > 0 and k > 20,
    )
    assert of["backup_accounts"].tolist() == [0, 2]


def test_early_backups_are_those_first_seen_before_week_5():
    """Of three traders one advertises first in week 4, one on 29 May or later, one never."""
    early, late = WEEK.index(4), WEEK.index(5)
    of = statistics(
        lambda *_: 1,
        traders=(0, 1, 2),
        mention=lambda run, trader, k: (trader == 0 and k >= early) or (trader == 1 and k >= late),
    )
    assert of["backup_accounts_early"].tolist() == [0.5]
    assert statistics(lambda *_: 1)["backup_accounts_early"].isna().all()


def test_both_readings_of_the_heavy_share_are_counted():
    """A heavy poster with half the advertisements may show nearly all pictures."""
    of = statistics(
        lambda *_: 5, traders=(0, 1), pictures=lambda run, trader, k: 45 if trader == 0 else 5
    ).loc[0]
    assert of["heavy_posters_share"] == pytest.approx(0.5)
    assert of["heavy_posters_share_items"] == pytest.approx(0.9)


def test_active_contacts_are_a_share():
    """The share of active contacts is taken run by run."""
    survey = surveyed(lambda *_: 1, runs=(4, 9))
    contacts = counted((4, 9), active=[54, 27])
    assert survey_statistics.statistics(survey, contacts)["contacts_active"].tolist() == [0.5, 0.25]


def test_every_statistic_is_a_fact_to_be_judged():
    """Each column but one is a target or validation row that has an interval or a bound."""
    judged = targets.targets() | targets.validation()
    for name in statistics(rising).columns.drop("ratio_week_6_12"):
        ends = (judged[name].low is not None) + (judged[name].high is not None)
        assert ends == (1 if judged[name].one_sided else 2), name


def test_context_is_computed_and_not_judged():
    """The mean of weeks 6 to 12 is in the statistics, for figures, and not in the fit."""
    of = statistics(rising)
    table = fit.fit(of)
    assert "ratio_week_6_12" in of and "ratio_week_6_12" not in set(table["id"])
    assert list(table["id"]) == [name for name in of if name != "ratio_week_6_12"]


def test_every_run_has_a_row():
    """A run whose panel is empty keeps its row, so that shares over runs count it."""
    survey = surveyed(lambda *_: 1, runs=(0, 2))
    contacts = counted((0, 1, 2), active=[58, 0, 58])
    of = survey_statistics.statistics(survey, contacts)
    assert of.index.tolist() == [0, 1, 2]
    assert of["contacts_active"].tolist() == pytest.approx([58 / 108, 0.0, 58 / 108])
    assert np.isnan(of["fall_week_5"][1]) and of["fall_week_5"][2] == 1.0


# ---------------------------------------------------------------- the fit


def fitted(**values) -> pd.DataFrame:
    """Return the fit of runs with these statistics, by the id of the fact."""
    return fit.fit(pd.DataFrame(values)).set_index("id")


@pytest.mark.parametrize(
    ("value", "expected"), [(0.4, 0.002), (0.5, 0.1019), (0.55, 1.0), (0.6, 0.1019), (0.7, 0.002)]
)
def test_the_published_interval_is_an_error(value, expected):
    """The fall in week 5 is published as 0.50 to 0.60: of 999 runs at an end a twentieth agree."""
    row = fitted(fall_week_5=[value] * 999).loc["fall_week_5"]
    assert row["p_value"] == pytest.approx(expected, abs=1e-4)
    assert row["runs"] == 999
    assert (row["role"], row["observed"], row["obs_low"], row["obs_high"]) == (
        "target",
        0.55,
        0.5,
        0.6,
    )
    assert row["median"] == row["q05"] == row["q95"] == value


def test_the_middle_is_the_median_with_nine_tenths_about_it():
    """Simulated is the median over runs, and its interval leaves a twentieth on either side."""
    row = fitted(ads_total=np.arange(101.0) ** 2).loc["ads_total"]
    assert (row["median"], row["q05"], row["q95"]) == (2500.0, 25.0, 9025.0)


def test_a_fact_without_a_value_is_judged_by_its_interval():
    """Backup accounts have an interval and no value: 1 to 20 traders."""
    for number, expected in ((0, 0.02), (1, 1.0), (20, 1.0), (21, 0.02)):
        row = fitted(backup_accounts=[float(number)] * 99).loc["backup_accounts"]
        assert row["p_value"] == pytest.approx(expected)
        assert pd.isna(row["observed"])


@pytest.mark.parametrize(("hits", "size"), [(0, 20), (1, 20), (7, 20), (20, 20), (150, 200)])
def test_a_share_of_runs_has_an_exact_interval(hits, size):
    """A share of runs is a mean with its Clopper-Pearson interval of 90 %."""
    row = fitted(panel_unblocked=[1.0] * hits + [0.0] * (size - hits)).loc["panel_unblocked"]
    interval = stats.binomtest(hits, size).proportion_ci(0.9, "exact")
    assert row["median"] == hits / size
    assert (row["q05"], row["q95"]) == pytest.approx(tuple(interval), abs=1e-12)
    assert row["p_value"] == (hits + 1) / (size + 1)


def test_an_empty_panel_fits_nothing():
    """Where nobody was there to be surveyed every figure is NaN, and has no p-value."""
    nobody = surveyed(lambda *_: 1).iloc[:0]
    of = fit.fit(survey_statistics.statistics(nobody, counted(active=0))).set_index("id")
    assert len(of) == len(survey_statistics.STATISTICS) - 1  # context is left out
    assert of["median"].drop("contacts_active").isna().all()
    assert of["median"]["contacts_active"] == 0.0
    assert of["p_value"].drop("contacts_active").isna().all()
    assert (of["runs"] == (of.index == "contacts_active")).all()
    assert of["p_value"]["contacts_active"] == 0.5  # one run, and not at least 0.537


def test_one_empty_panel_does_not_hide_the_others():
    """Figures of runs with a panel stay what they are when one run has none."""
    survey = surveyed(lambda *_: 1, runs=(0, 2))
    some, all_there = (
        fit.fit(survey_statistics.statistics(survey, counted(runs))).set_index("id")
        for runs in ((0, 1, 2), (0, 2))
    )
    for name in ("fall_week_5", "ads_total", "panel_unblocked"):
        assert some["median"][name] == all_there["median"][name]
        assert some["p_value"][name] == all_there["p_value"][name]
        assert some["runs"][name] == all_there["runs"][name] == 2


def test_small_markets_can_be_fitted():
    """Markets of one trader, some of them never seen, give a table without a warning."""
    tables = simulation.replicate(settings(1), range(6), 1)
    assert set(tables["runs"]["panel"]) == {0, 1}
    of = fit.fit(survey_statistics.statistics(tables["survey"], tables["runs"].set_index("run")))
    assert len(of) == len(survey_statistics.STATISTICS) - 1 and of["p_value"].dtype == float


# ---------------------------------------------------------------- luck


def luck(runs, draws=None) -> float:
    """Return the share of luck in the variance of a statistic over these runs."""
    series = None if draws is None else pd.Series(draws)
    of = fit.fit(pd.DataFrame({"ads_total": np.array(runs, float)}), series)
    return of["stochastic_share"][0]


def test_luck_is_none_of_what_lies_between_draws():
    """Runs that agree within each draw differ by their draws alone."""
    assert luck([5, 5, 7, 7, 1, 1], [0, 0, 1, 1, 2, 2]) == 0.0


def test_luck_is_all_where_draws_agree():
    """Where draws have the same mean, or there is one draw only, all variance is luck."""
    assert luck([1, 9, 1, 9], [0, 0, 1, 1]) == 1.0
    assert luck([1, 9, 4, 2], [3, 3, 3, 3]) == pytest.approx(1.0, abs=1e-15)
    assert luck([1, 9, 4, 2]) == pytest.approx(1.0, abs=1e-15)


def test_luck_is_the_known_share_of_the_variance():
    """Two draws of two runs, 1 and 3, 5 and 7: the variance is 20 thirds, 2 of it within."""
    assert luck([1, 3, 5, 7], [0, 0, 1, 1]) == pytest.approx(2.0 / (20.0 / 3.0), rel=1e-14)


@pytest.mark.parametrize(("between", "within"), [(0.0, 1.0), (1.0, 1.0), (1.0, 0.5), (2.0, 0.2)])
def test_luck_is_what_runs_were_made_with(between, within):
    """For many normal draws of two runs the share is that of their variances."""
    random = np.random.default_rng(8)
    means = np.repeat(random.normal(0.0, between, 4000), 2)
    runs = means + random.normal(0.0, within, 8000)
    expected = within**2 / (within**2 + between**2)
    assert luck(runs, np.arange(8000) // 2) == pytest.approx(expected, abs=0.04)
    shuffled = random.permutation(np.arange(8000) // 2)
    assert luck(runs, shuffled) == pytest.approx(1.0, abs=0.04)  # negative control: wrong draws


def test_luck_is_nothing_where_it_cannot_be_told():
    """Constant figures have no variance; where each run has its own draw none is within."""
    assert np.isnan(luck([4, 4, 4, 4], [0, 0, 1, 1]))
    assert np.isnan(luck([1, 2, 3], [0, 1, 2]))
    assert np.isnan(luck([1]))
    assert np.isnan(luck([np.nan, np.nan], [0, 0]))


def test_runs_without_a_figure_take_no_part_in_luck():
    """A run whose figure is not finite is left out with its draw, not moved to another."""
    runs, draws = [1, 3, 5, 7], [0, 0, 1, 1]
    assert luck([np.nan, *runs], [9, *draws]) == luck(runs, draws)
    assert luck([*runs[:2], np.inf, *runs[2:]], [0, 0, 1, 1, 1]) == luck(runs, draws)
