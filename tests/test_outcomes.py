"""The figures of a scenario: one a run, against the tables of a study."""

import numpy as np
import pytest
from conftest import trading

from marketsim.analysis.comparison import outcomes
from marketsim.model.scenario.timeline import horizon
from marketsim.parameters import panel
from marketsim.simulation import run

FIRST = 60


@pytest.fixture(scope="module")
def simulated():
    """Return one run of a small market, and its tables."""
    of = trading(200, police__capacity=20.0)
    seed = panel.run_seed(of.seed, 3)
    series, records, _ = run.simulate(of, seed)
    return of, series, records, run.run_tables(of, 3)


def test_outcomes_are_sums_of_the_tables(simulated):
    """Every outcome is what the tables of a study add up to over the same days."""
    of, series, records, tables = simulated
    found = outcomes.run_outcomes(series, records, FIRST, 200)
    assert set(found) == set(outcomes.OUTCOMES) - {"suppressed_weeks"}
    days = horizon(of)[1].toordinal() - horizon(of)[0].toordinal() + 1
    daily = tables["daily"].iloc[FIRST:]
    scale = 5.0 * 7 / (days - FIRST)
    moved = daily["backup"] + daily["groups"] + daily["elsewhere"]
    enforced = tables["enforcement"]
    enforced = enforced[enforced["day"].isin(daily["day"])]
    expected = {
        "offers": daily["offers"].sum() * scale,
        "visible": daily["visible"].sum() * scale,
        "displaced": 100 * moved.sum() / daily["offers"].sum(),
        "grams_delivered": daily["grams_delivered"].sum() * scale,
        "grams_agreed": daily["grams_agreed"].sum() * scale,
        "revenue": daily["revenue"].sum() * scale,
        "price": daily["revenue"].sum() / daily["grams_agreed"].sum(),
        "online": 100 - 100 * daily["delivered_physical"].sum() / daily["grams_delivered"].sum(),
        "seized": enforced["grams"].sum() * scale,
        "arrests": enforced[enforced["kind"] == "arrests"]["count"].sum() * scale,
        "elephants": daily["raw_shipped"].sum() / 10_000 * scale,
        "buyers_12_months": 5 * daily["buyers_12_months"].iloc[-1],
    }
    assert found == pytest.approx(expected, rel=1e-9)
    assert found["arrests"] > 0 and found["seized"] > 0
    assert 0 < found["grams_delivered"] != found["grams_agreed"]


def test_weeks_add_up(simulated):
    """Whole weeks from the first day of the run on, per 1,000 traders."""
    _, series, records, tables = simulated
    weeks = outcomes.weekly_outcomes(series, records, 200)
    assert len(weeks) == series.risk.size // 7
    daily = tables["daily"].iloc[: 7 * len(weeks)]
    assert weeks["visible"].sum() == pytest.approx(5 * daily["visible"].sum())
    assert weeks["grams"].sum() == pytest.approx(5 * daily["grams_delivered"].sum())
    assert weeks["visible"].iloc[3] == 5 * daily["visible"].iloc[21:28].sum()


def test_held_weeks_count_those_below_nine_tenths():
    """Weeks below nine tenths of the same run's baseline, run by run."""
    base = np.array([[100.0] * 4, [10.0] * 4])
    mine = np.array([[89.0, 91.0, 50.0, 100.0], [9.0, 8.0, 8.0, 8.0]])
    assert outcomes.suppressed_weeks(mine, base).tolist() == [2, 3]
