"""The laws of the model, each with a negative control that breaks it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import settings, trading
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from marketsim.mesa_model.market import Market
from marketsim.model.market import advance, initialize
from marketsim.model.state import Flow, Stock
from marketsim.parameters import panel
from marketsim.parameters.settings import POSTING_ONLY
from marketsim.simulation import files
from marketsim.simulation import run as simulation
from marketsim.survey.statistics import ratios, weekly

PROGRAM = """
import sys
sys.path.insert(0, {tests!r})
import hashlib
import warnings
warnings.filterwarnings("ignore", message="overflow encountered", category=RuntimeWarning)
from conftest import trading
from marketsim.simulation import run
of = trading({retailers}, {scenario!r}, seed={seed}, police__capacity=50.0)
tables = run.replicate(of, range(2), {threads})
print(tables["daily"]["deals"].sum() > 0, len(tables["enforcement"]) > 0)
for name, table in tables.items():
    print(name, hashlib.sha256(table.to_csv().encode()).hexdigest())
"""


def fingerprints(retailers=40, scenario="baseline_2015", seed=3, threads=1, jit=True) -> str:
    program = PROGRAM.format(
        tests=str(Path(__file__).parent),
        retailers=retailers,
        scenario=scenario,
        seed=seed,
        threads=threads,
    )
    environment = os.environ | ({} if jit else {"NUMBA_DISABLE_JIT": "1"})
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True
    )
    return done.stdout


def daily(of, seed=5) -> pd.DataFrame:
    return simulation.run_tables(of, seed)["daily"]


def equal(one: dict[str, pd.DataFrame], two: dict[str, pd.DataFrame]) -> bool:
    return all(one[name].equals(two[name]) for name in simulation.TABLES)


def test_two_threads_give_the_same_parquet_bytes(tmp_path):
    """The number of threads changes no bit of any table; another seed changes them."""
    sums = []
    for threads, seed in ((1, 7), (2, 7), (2, 8)):
        tables = simulation.replicate(trading(200, seed=seed), range(4), threads)
        assert tables["daily"]["deals"].sum() > 0
        for name, table in tables.items():
            files.write_parquet(table, tmp_path / f"{name}.parquet")
        sums.append([path.read_bytes() for path in sorted(tmp_path.glob("*.parquet"))])
    assert sums[0] == sums[1]
    assert sums[1] != sums[2]


def test_plain_python_gives_the_same_bits_as_compiled_code():
    """With the compiler off every table is the same; another seed is noticed."""
    compiled = fingerprints()
    assert compiled.startswith("True True")
    assert compiled == fingerprints(jit=False)
    assert compiled != fingerprints(seed=4)


@pytest.mark.parametrize("stop", [1, 56, 70, 90, 147])
def test_a_stopped_and_resumed_run_gives_the_same_bits(tmp_path, stop):
    """A run goes on from a checkpoint to the very state of a run straight through, trade too."""
    straight = Market(trading(150, police__capacity=20.0), seed=9).run()
    assert straight.state.trade.parcels.count.any()
    market = Market(trading(150, police__capacity=20.0), seed=9)
    for _ in range(stop):
        market.step()
    market.checkpoint(tmp_path / "market.npz")
    resumed = Market.resume(tmp_path / "market.npz")
    resumed.run()
    assert states(resumed) == states(straight)


def test_a_changed_checkpoint_is_noticed(tmp_path):
    """Negative control: one trader's fear changed at the stop shows in the end."""
    straight = Market(trading(150, police__capacity=20.0), seed=9).run()
    market = Market(trading(150, police__capacity=20.0), seed=9)
    for _ in range(70):
        market.step()
    market.state.retailers.risk[3] += 0.5
    market.checkpoint(tmp_path / "market.npz")
    assert states(Market.resume(tmp_path / "market.npz").run()) != states(straight)


def states(market: Market) -> list[bytes]:
    state = market.state
    trade = state.trade
    groups = [state.retailers, state.counters, state.queue, state.series, state.motives]
    groups += [part if isinstance(part, tuple) else (part,) for part in trade]
    return [array.tobytes() for group in groups for array in group] + [state.survey_log.tobytes()]


ZERO = {
    "sweep": {"kind": "sweep", "date": "2015-05-29", "accounts": 0, "posts": 0, "publicity": 0},
    "news": {"kind": "news", "date": "2015-05-21", "publicity": 0},
    "moderation_effort": {
        "kind": "moderation_effort",
        "start": "2015-05-22",
        "recall": 1,
        "reports": 1,
        "capacity": 1,
    },
}


@pytest.mark.parametrize("kind", list(ZERO))
def test_a_zero_dose_is_the_baseline(kind):
    """An intervention without a dose changes no byte of any table."""
    plain = settings(400, "no_crackdown")
    dosed = settings(400, "no_crackdown")
    dosed.scenario.interventions = plain.scenario.interventions | {kind: ZERO[kind]}
    assert equal(simulation.run_tables(plain, 1), simulation.run_tables(dosed, 1))


@pytest.mark.parametrize(
    ("kind", "dose"), [("sweep", "posts"), ("news", "publicity"), ("moderation_effort", "reports")]
)
def test_a_dose_is_not_the_baseline(kind, dose):
    """Negative control: the same interventions with a dose are noticed."""
    amount = {"posts": 500, "publicity": 1.0, "reports": 50.0}[dose]
    plain = settings(400, "no_crackdown")
    dosed = settings(400, "no_crackdown")
    entry = ZERO[kind] | {dose: amount}
    dosed.scenario.interventions = plain.scenario.interventions | {kind: entry}
    assert not equal(simulation.run_tables(plain, 1), simulation.run_tables(dosed, 1))


def test_scenarios_are_one_until_the_first_dose():
    """Before 21 May 2015 the baseline and no_crackdown are the same; after it they are not."""
    one, two = daily(settings(1000)), daily(settings(1000, "no_crackdown"))
    before = one["day"] < pd.Timestamp("2015-05-21").date()
    assert one[before].equals(two[before])
    assert not one[~before].equals(two[~before])


def test_traders_share_all_luck_that_the_policy_leaves_alone():
    """Without trade, traders mean to post the same under both scenarios where they are there."""
    worlds = []
    for scenario in ("baseline_2015", "no_crackdown"):
        changes = {"posting__trend": 0.0, "accounts__quit": 0.0, "market": POSTING_ONLY}
        of = settings(500, scenario, **changes)
        state = initialize(of, 4)
        advance(state, 0, state.series.risk.size)
        worlds.append(state)
    intended = [state.counters.intended for state in worlds]
    assert np.array_equal(*intended)
    assert intended[0].sum() > 0
    assert not np.array_equal(*(state.counters.moments for state in worlds))


def test_the_dip_moves_with_the_sweep():
    """Moved to 1 July the same interventions make the dip there: no effect is keyed to a week."""
    still, moved = settings(1000, posting__growth=0.0), settings(1000, posting__growth=0.0)
    for name in ("sweep_may", "destruction_may"):
        moved.scenario.interventions[name]["date"] = "2015-07-01"
    weeks = [
        ratios(weekly(simulation.replicate(of, range(12), 2)["survey"])).median()
        for of in (still, moved)
    ]
    assert weeks[0][5] < 0.7 < weeks[0][9]
    assert weeks[1][5] > 0.85
    assert weeks[1][10] < 0.7


def test_doubling_the_burn_in_leaves_the_first_weeks_alone():
    """Eight and sixteen weeks of burn-in give the same weeks 1 to 4 within Monte Carlo error.

    Where traders compare, after eight weeks, what posts bring with the first weeks, chance alone
    moves a few per cent of posts out of Moments.
    """
    starts = ("2015-03-06", "2015-01-09")
    short, long = (first_weeks(settings(1000, motive="none", horizon__start=s)) for s in starts)
    assert abs(difference(short, long)) < 3
    short, long = (first_weeks(settings(1000, horizon__start=s)) for s in starts)
    assert abs(long.mean() / short.mean() - 1.0) < 0.05


def test_a_burn_in_that_matters_is_noticed():
    """Negative control: where all begin in great fear, the length of the burn-in shows."""
    frightened = {"perception__residual": 0.0, "perception__half_life": 56.0}
    short, long = (
        first_weeks(settings(1000, horizon__start=start, **frightened), fear=0.9)
        for start in ("2015-03-06", "2015-01-09")
    )
    assert abs(difference(short, long)) > 5


def first_weeks(of, fear=None, runs=16) -> np.ndarray:
    """Return visible posts of weeks 1 to 4 in each run."""
    totals = []
    for run in range(runs):
        state = initialize(of, panel.run_seed(1, run))
        if fear is not None:
            state.retailers.risk[:] = fear
        advance(state, 0, state.series.risk.size)
        start = pd.Timestamp("2015-05-01").toordinal() - state.first_day
        totals.append(state.series.flows[start : start + 20, Flow.VISIBLE].sum())
    return np.array(totals, float)


def difference(one: np.ndarray, two: np.ndarray) -> float:
    """Return the paired difference in standard errors."""
    gap = one - two
    return gap.mean() / (gap.std(ddof=1) / np.sqrt(gap.size))


def posts_balance(counters) -> np.ndarray:
    """Return what is missing between posts meant and where they ended, by trader."""
    ended = counters.moments + counters.deleted + counters.removed + counters.blocked
    return counters.intended - (
        ended + counters.backup + counters.groups + counters.elsewhere + counters.withheld
    )


extremes = st.sampled_from([0.0, 0.3, 1.0])
STATES = [Stock.ACTIVE, Stock.LYING_LOW, Stock.BANNED, Stock.LEFT, Stock.ARRESTED]


@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    retailers=st.sampled_from([1, 2, 7, 150]),
    recovery=st.sampled_from(["none", "combined", "thresholds", "social_learning", "trend"]),
    seed=st.integers(0, 2**63 - 1),
    moved=st.sampled_from([0.3, 0.8]),
    upheld=extremes,
    concealed=extremes,
    quit=extremes,
    entry=st.sampled_from([0.0, 0.02]),
    leave=st.sampled_from([0.0, 0.02]),
    sweep=st.sampled_from([0.0, 500.0, 1e6]),
    capacity=st.sampled_from([0.0, 1000.0]),
)
def test_every_post_ends_somewhere(
    retailers, recovery, seed, moved, upheld, concealed, quit, entry, leave, sweep, capacity
):
    """Posts meant are visible, deleted, removed, made elsewhere or withheld; nobody is lost."""
    of = settings(
        retailers,
        recovery=recovery,
        displacement__moved=moved,
        moderation__upheld=upheld,
        moderation__concealed=concealed,
        moderation__capacity=capacity,
        accounts__quit=quit,
        turnover__entry=entry,
        turnover__leave=leave,
    )
    of.scenario.interventions["sweep_may"]["accounts"] = sweep
    of.scenario.interventions["sweep_may"]["posts"] = sweep
    state = initialize(of, seed)
    for row in range(state.series.risk.size):
        advance(state, row, row + 1)
        assert not posts_balance(state.counters).any()
        assert all((counts >= 0).all() for counts in state.counters)
        assert (state.counters.pictures <= 9 * state.counters.moments).all()
        assert (state.counters.videos <= state.counters.moments).all()
        assert ((state.retailers.risk >= 0) & (state.retailers.risk <= 1)).all()
        people = state.series.stocks[row, STATES]
        assert people.sum() == (state.retailers.arrival <= state.first_day + row).sum()
        assert 0 <= state.queue.ends[1] <= state.queue.ring.size


def test_a_lost_post_is_noticed():
    """Negative control: one post lost is caught by the balance."""
    state = initialize(settings(50), 1)
    advance(state, 0, 30)
    state.counters.withheld[7] -= 1
    assert posts_balance(state.counters).any()


def test_no_enforcement_is_a_steady_state():
    """Without enforcement, entry, exit and growth the market keeps its level."""
    still = {
        "turnover__entry": 0.0,
        "turnover__leave": 0.0,
        "posting__growth": 0.0,
        "posting__trend": 0.0,
        "moderation__filter_recall": 0.01,
        "moderation__outsiders": 0.0,
        "moderation__concealed": 1.0,
    }
    halves = {}
    for motive in ("none", "learned"):
        of = settings(3000, "no_crackdown", motive=motive, **still)
        of.scenario.interventions = {}
        visible = daily(of)["visible"].to_numpy(float)
        halves[motive] = visible[:74], visible[74:]
    spread = np.sqrt(sum(half.var(ddof=1) / half.size for half in halves["none"]))
    assert abs(halves["none"][0].mean() - halves["none"][1].mean()) < 4 * spread
    # traders who compare what places bring move some posts by chance
    assert halves["learned"][1].mean() == pytest.approx(halves["learned"][0].mean(), rel=0.06)
    crackdown = daily(settings(3000, **still))["visible"].to_numpy(float)
    assert abs(crackdown[:74].mean() - crackdown[84:].mean()) > 4 * spread


def test_a_null_without_learning_stays_down():
    """Where nothing brings posts back, posts stay down; forgetting brings them back."""
    means = {}
    for recovery in ("none", "forgetting"):
        table = daily(settings(2000, recovery=recovery, turnover__entry=0.0))
        day = pd.to_datetime(table["day"])
        first, last = (
            table["visible"][(day >= start) & (day < end)].mean()
            for start, end in (("2015-05-30", "2015-06-13"), ("2015-07-18", "2015-08-01"))
        )
        means[recovery] = last / first
    assert means["none"] < 1.1
    assert means["forgetting"] > 1.2


@pytest.mark.parametrize(
    "recovery",
    ["forgetting", "thresholds", "lying_low", "social_learning", "backup_confidence", "trend"],
)
def test_each_structure_falls_and_recovers(recovery):
    """Every structure but the null falls at the sweep and comes back at least in part."""
    tables = simulation.replicate(settings(1000, recovery=recovery), range(10), 2)
    middle = ratios(weekly(tables["survey"])).median()
    assert middle[5] < 0.9
    assert middle[[12, 13]].mean() > middle[[5, 6]].mean()
