"""What a comparison comes to, of rows made up so that the answer is known."""

import numpy as np
import pandas as pd
import pytest

from marketsim.analysis.comparison import effects
from marketsim.analysis.comparison.effort import Work
from marketsim.analysis.comparison.outcomes import OUTCOMES

RUNS = 100
ABOUT = {"base": ("base", 1.0), "half@0.5": ("half", 0.5), "half@1": ("half", 1.0),
         "worse": ("worse", 1.0)}  # fmt: skip
COSTS = {"base": Work(0.0, 0.0), "half@0.5": Work(1.0, 1.0), "half@1": Work(2.0, 2.0),
         "worse": Work(0.0, 0.0)}  # fmt: skip


def made_up(prior_spread=4.0) -> pd.DataFrame:
    """Return rows in which every outcome of an arm is the baseline's plus a known effect."""
    random = np.random.default_rng(3)
    parts = []
    for belief, spread in (("posterior", 1.0), ("prior", prior_spread)):
        run = np.arange(RUNS)
        base = 100.0 + random.normal(0, 5, RUNS)
        of_draw = random.normal(0, spread, RUNS // 2)[run // 2]
        for arm, effect in (("base", 0.0), ("half@0.5", 1.0), ("half@1", -20.0), ("worse", 10.0)):
            moved = 0.0 if arm == "base" else effect + of_draw
            values = dict.fromkeys(OUTCOMES, base + moved)
            parts.append(pd.DataFrame({"parameter_source": belief, "arm": arm, "run": run,
                                       "draw": run // 2, **values}))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def effect(tables, arm, outcome="grams_delivered"):
    of = tables["effects"]
    return of[(of["arm"] == arm) & (of["outcome"] == outcome)].iloc[0]


@pytest.fixture(scope="module")
def tables():
    return effects.tables(made_up(), ABOUT, COSTS)


def test_effects_are_differences_in_pairs(tables):
    """The spread between runs of the baseline is not in them; that of the effect is."""
    one = effect(tables, "half@1")
    assert one["effect"] == pytest.approx(-20.0, abs=0.5)
    assert 2.0 < one["effect_q95"] - one["effect_q05"] < 5.0
    assert one["percent"] == pytest.approx(-20.0, abs=1.0)
    assert one["baseline"] == pytest.approx(100.0, abs=2.0) and one["runs"] == RUNS
    assert one["stochastic_share"] == pytest.approx(0.0, abs=1e-9)  # all of it is of the draws


def test_the_better_way_is_that_of_the_outcome(tables):
    """Less sold is better, more seized is, and of prices neither."""
    assert effect(tables, "half@1")["prob_better"] == 1.0
    assert effect(tables, "half@1", "seized")["prob_better"] == 0.0
    assert effect(tables, "worse", "seized")["prob_better"] == 1.0
    assert np.isnan(effect(tables, "worse", "price")["prob_better"])


@pytest.mark.parametrize(("spread", "rests"), [(4.0, "data"), (1.05, "prior")])
def test_what_the_data_do_not_narrow_rests_on_assumption(spread, rests):
    """An interval as wide as under the prior rests on assumption."""
    one = effect(effects.tables(made_up(spread), ABOUT, COSTS), "half@1")
    assert one["informed_by"] == rests
    assert one["contraction"] == pytest.approx(1 - 1 / spread, abs=0.15)
    assert one["prior_q05"] < one["effect_q05"]


def test_without_a_prior_nothing_is_said_of_it():
    """Where only one belief was asked about, the columns of the other are empty."""
    rows = made_up()
    one = effect(
        effects.tables(rows[rows["parameter_source"] == "posterior"], ABOUT, COSTS), "half@1"
    )
    assert one["informed_by"] == "" and np.isnan(one["prior_q05"])


def test_ranks_and_chances_agree(tables):
    """One dose a scenario; who sells least is first, and better than the others for sure."""
    ranking, better = tables["ranking"], tables["prob_better"].set_index("arm")
    assert ranking["arm"].tolist() == ["half@1", "base", "worse"]
    assert ranking["prob_best"].tolist() == [1.0, 0.0, 0.0]
    assert better.loc["half@1", "base"] == 1.0 and better.loc["base", "half@1"] == 0.0
    assert (np.diag(better) == 0.5).all()
    assert (better + better.T == 1.0).all().all()


def test_the_break_even_lies_between_the_strengths(tables):
    """The least dose with an effect for sure, on a straight line between those compared."""
    of = tables["break_even"].set_index(["scenario", "outcome"])
    found = of.loc[("half", "grams_delivered"), "break_even"]
    assert 0.5 < found < 0.75
    assert ("worse", "grams_delivered") not in of.index
    assert of.loc[("half", "grams_delivered"), "dose_multipliers"] == "0.5 to 1"


def test_costs_are_hours_and_grams(tables):
    """Hours are added up, and grams by the hour are given where there are hours."""
    of = tables["effort"].set_index("arm")
    assert of.loc["half@1", "total_hours"] == 4.0
    assert of.loc["half@1", "grams_avoided_per_hour"] == pytest.approx(5.0, abs=0.2)
    assert np.isnan(of.loc["worse", "grams_avoided_per_hour"])
    assert (
        of.loc["half@1", "grams_avoided_q05"] < 20.0 < of.loc["half@1", "grams_avoided_q95"] + 0.5
    )


def test_held_weeks_are_of_the_same_run():
    """Weeks from the first that counts on, against the baseline of the same run and belief."""
    weeks = pd.DataFrame([
        {"parameter_source": belief, "arm": arm, "run": run, "week": week,
         "visible": 100.0 * (run + 1) * (0.5 if arm == "mine" and week in (1, 3) else 1.0)}
        for belief in ("posterior", "prior") for arm in ("base", "mine")
        for run in range(3) for week in range(5)
    ])  # fmt: skip
    rows = weeks[["parameter_source", "arm", "run"]].drop_duplicates()
    found = effects.with_suppressed_weeks(rows, weeks, 2).set_index(
        ["parameter_source", "arm", "run"]
    )["suppressed_weeks"]
    assert (found.xs("base", level="arm") == 0).all() and (found.xs("mine", level="arm") == 1).all()
