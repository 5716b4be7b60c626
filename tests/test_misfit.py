"""The misfit is nothing at the published survey, and one at the ends of an interval."""

import numpy as np
import pandas as pd
import pytest
from conftest import published_middle
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from test_metrics import statistics

from marketsim.survey import discrepancy, targets
from marketsim.survey import statistics as survey_statistics

TARGETS = targets.targets()
COUNTS = ("ads_total", *discrepancy.AT_PUBLISHED_TOTAL)
SIZE = len(discrepancy.SUMMARIES)
DEVIATIONS = st.lists(st.integers(-100, 100), min_size=SIZE, max_size=SIZE)  # in tenths


def published(runs=1, **changes) -> pd.DataFrame:
    """Return statistics as published (the middle where only an interval is), some changed."""
    facts = TARGETS | targets.validation() | targets.context()
    columns = {}
    for name in survey_statistics.STATISTICS:
        middle = published_middle(facts[name])
        columns[name] = np.full(runs, changes.get(name, middle))
    return pd.DataFrame(columns)


def off(**changes) -> pd.Series:
    """Return the deviations of one published survey with some statistics changed."""
    return discrepancy.deviations(published(**changes)).loc[0]


def test_summaries_are_targets_in_one_order():
    """What is fitted to are targets with an interval, no row that is only compared."""
    of = discrepancy.deviations(published(3))
    assert list(of.columns) == list(discrepancy.SUMMARIES)
    assert len(of) == 3
    assert set(discrepancy.SUMMARIES) <= set(survey_statistics.STATISTICS) & set(TARGETS)


def test_the_published_survey_is_off_by_nothing():
    """At the published values every deviation and the distance are 0."""
    assert (discrepancy.deviations(published()) == 0.0).all(axis=None)
    assert discrepancy.distance(discrepancy.deviations(published())).tolist() == [0.0]


@pytest.mark.parametrize("end", ["low", "high"])
@pytest.mark.parametrize("name", discrepancy.SUMMARIES)
def test_the_ends_of_the_interval_are_one_off(name, end):
    """A figure at an end of its interval is 1 off, where it has a published value inside.

    The total is off by less: what is luck of the panel is taken for no more than that.
    """
    fact = TARGETS[name]
    expected = {"low": -1.0, "high": 1.0}[end] * (fact.value not in (None, getattr(fact, end)))
    if name == "ads_total":
        expected /= discrepancy.LEVEL_UNIT
    found = off(**{name: getattr(fact, end)})
    assert found[name] == pytest.approx(expected, abs=1e-12)
    others = [other for other in discrepancy.SUMMARIES if other != name]
    if name == "ads_total":  # the counts are then taken at another level than their own
        others = [other for other in others if other not in COUNTS]
    assert (found[others] == 0.0).all()


@pytest.mark.parametrize(
    ("name", "seen", "expected"),
    [
        ("backup_accounts", 1.0, 0.0),
        ("backup_accounts", 20.0, 0.0),
        ("backup_accounts", 29.5, 1.0),
        ("backup_accounts", 0.0, -2.0 / 19.0),
        ("backup_accounts_early", 0.5, 0.0),
        ("backup_accounts_early", 1.0, 2.0),
        ("fall_week_5", 0.65, 2.0),
        ("fall_week_5", 0.45, -2.0),
        ("return_week_13", 0.94, -1.0),
        ("return_week_13", 1.18, 2.0),
        ("items_per_ad_week_5", 0.982, -4.0),
        ("items_per_ad_week_5", 1.16, 1.0),
        ("videos_sd", 0.37, -2.0),
        ("videos_sd", 0.85, 1.0),
        ("ads_total", 10650.0 * 1.16, 16.0 / 3.0 / 5.3),
        ("ads_total", 0.0, -100.0 / 3.0 / 5.3),
    ],
)
def test_known_deviations(name, seen, expected):
    """Half-widths are taken on the side of the figure; inside a bare interval all is well."""
    assert off(**{name: seen})[name] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", discrepancy.SUMMARIES)
def test_what_is_not_there_is_as_far_as_can_be(name):
    """A missing figure counts as 10 half-widths, and none is farther."""
    assert off(**{name: np.nan})[name] == 10.0
    assert off(**{name: np.inf})[name] == 10.0
    if TARGETS[name].high != 1.0:
        assert off(**{name: 1e9})[name] == 10.0
    assert off(fall_week_5=-1e9)["fall_week_5"] == -10.0


@pytest.mark.parametrize("name", ["ratio_week_6_12", "survey_cv_ads", "items_week_13"])
def test_what_is_not_fitted_moves_no_deviation(name):
    """Context and validation rows have no deviation, and change none."""
    assert name not in discrepancy.SUMMARIES
    assert (off(**{name: 1e6}) == 0.0).all()


def test_early_backups_are_none_where_there_is_none():
    """Where nobody has a backup account no share of them is missing."""
    assert off(backup_accounts=0.0, backup_accounts_early=np.nan)["backup_accounts_early"] == 0.0
    assert off(backup_accounts=1.0, backup_accounts_early=np.nan)["backup_accounts_early"] == 10.0


@hypothesis_settings(deadline=None)
@given(factor=st.floats(1e-3, 1e3))
def test_the_level_of_posting_enters_once(factor):
    """All counts times a factor change one deviation, that of the total."""
    before, of = off(), published()
    after = discrepancy.deviations(of.assign(**{name: of[name] * factor for name in COUNTS})).loc[0]
    others = [name for name in discrepancy.SUMMARIES if name != "ads_total"]
    assert after[others].to_numpy() == pytest.approx(before[others].to_numpy(), abs=1e-9)
    level = np.clip((factor - 1.0) / 0.03 / discrepancy.LEVEL_UNIT, -10.0, 10.0)
    assert after["ads_total"] == pytest.approx(level, rel=1e-9)


@pytest.mark.parametrize("name", discrepancy.AT_PUBLISHED_TOTAL)
def test_a_count_of_its_own_is_noticed(name):
    """Negative control: one count changed alone, or held still at another total, is off."""
    half = (TARGETS[name].high - TARGETS[name].value) / TARGETS[name].value
    value = TARGETS[name].value
    assert off(**{name: value * (1.0 + 2.0 * half)})[name] == pytest.approx(2.0, rel=1e-9)
    assert abs(off(ads_total=2.0 * TARGETS["ads_total"].value)[name]) > 1.0


def test_a_panel_that_shows_nothing_is_far_off():
    """A panel without one advertisement has no shape: far off, without a warning."""
    nothing = statistics(lambda *_: 0)
    found = discrepancy.deviations(nothing).loc[0]
    assert found["ads_total"] == pytest.approx(-100.0 / 3.0 / discrepancy.LEVEL_UNIT)
    assert (found[["ads_week_1_3", "pictures_total", "fall_week_5"]] == 10.0).all()


def test_each_run_is_measured_for_itself():
    """Deviations keep the index of the runs, and no run moves another."""
    both = pd.concat([published(), published(fall_week_5=0.6)]).set_axis([4, 9])
    of = discrepancy.deviations(both)
    assert of.index.tolist() == [4, 9]
    assert of["fall_week_5"].tolist() == pytest.approx([0.0, 1.0], abs=1e-12)


@hypothesis_settings(deadline=None)
@given(rows=st.lists(DEVIATIONS, min_size=1))
def test_distance_is_the_root_mean_square(rows):
    """A distance is between the mean and the largest deviation, whatever their signs."""
    of = pd.DataFrame(rows, columns=list(discrepancy.SUMMARIES)) / 10.0
    found = discrepancy.distance(of)
    assert found == pytest.approx([np.sqrt(np.mean(np.square(row))) / 10.0 for row in rows])
    np.testing.assert_array_equal(found, discrepancy.distance(-of))
    assert (found <= of.abs().max(axis=1) * (1 + 1e-12)).all()
    assert (found >= of.abs().mean(axis=1) * (1 - 1e-12)).all()


def test_known_distances():
    """One deviation of n that is as large as n is the root of n; all off by 2 are 2."""
    one = pd.DataFrame(np.zeros((2, SIZE)), columns=list(discrepancy.SUMMARIES))
    one.loc[0, "fall_week_5"], one.loc[1] = -SIZE, 2.0
    assert discrepancy.distance(one) == pytest.approx([np.sqrt(SIZE), 2.0], rel=1e-14)
