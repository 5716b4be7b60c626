"""The benchmarks run and have the figures they name; how large these are is not asked here."""

import argparse
import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import __main__ as benchmarks
from benchmarks import (
    by_process,
    common_draws,
    default_run,
    memory,
    runs,
    scaling,
    whole_model,
)
from benchmarks.posting_and_risk import OURS, VERSIONS, compare, present, task_of
from benchmarks.tables import Table, as_markdown
from marketsim.model import market
from marketsim.parameters import posterior, presets

FIGURES = {
    "machine": "date processor cores memory_gb load_at_start python repetitions",
    "default run": "population make_seconds live_seconds slowest_seconds",
    "over buyers": "buyers inquiries live_seconds",
    "by process": "process milliseconds share",
    "posting and risk": "agents version ns_an_agent_day to_ours",
    "replicates": "population threads runs seconds runs_a_second to_one_thread",
    "bytes": "kind number bytes bytes_each",
}
QUICK = ("default", "process", "sub-model", "replicates", "memory")
SEEDS = 40  # of each version of the sub-model


@pytest.fixture
def small(monkeypatch):
    """Benchmark a market of a hundred traders, so that the test stays cheap."""
    named = presets.named

    def fewer(**choices: str):
        of = named(**choices)
        return replace(of, population=replace(of.population, retailers=100))

    monkeypatch.setattr(presets, "named", fewer)


def test_the_benchmarks_have_the_figures_they_name(small, monkeypatch, capsys, tmp_path):
    """Every figure is printed and written, of the parts asked for and in their order."""
    file, page = tmp_path / "figures.json", tmp_path / "figures.md"
    words = ["--only", *QUICK, "--population", "survey", "--repetitions", "1", "--no-floor"]
    words += ["--agents", "100", "--replicates", "1", "--json", str(file)]
    monkeypatch.setattr(sys, "argv", ["benchmarks", *words])
    benchmarks.main()
    found, out = json.loads(file.read_text()), capsys.readouterr().out
    assert list(found) == list(FIGURES)
    for title, rows in found.items():
        assert list(rows[0])[: len(FIGURES[title].split())] == FIGURES[title].split()
        assert f"## {title}\n" in out
        for row in rows:
            first = next(iter(row.values()))
            assert (f"| {first:,} |" if isinstance(first, int) else str(first)) in out
    (run,) = found["default run"]
    assert run["population"] == "survey"
    assert run["slowest_seconds"] >= run["live_seconds"] > 0.0
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--only", "memory", "--markdown", str(page)])
    benchmarks.main()
    assert capsys.readouterr().out == ""
    assert page.read_text().count("## ") == 2


def test_every_process_of_the_day_is_timed(small):
    """Every process has its seconds, and shares add up to 1."""
    seconds = by_process.seconds_by_process("survey", 1)
    kernels = {
        "publish_posts",
        "sell",
        "update_perceived_risk",
        "investigate_cases",
        "deliver_parcels",
        "record_day",
    }
    assert kernels <= set(seconds) <= set(vars(market))
    assert min(seconds.values()) >= 0.0
    shares = [row["share"] for row in by_process.shares(seconds).rows]
    assert sum(shares) == pytest.approx(1.0, abs=0.01)


def test_floors_are_blocks_times_seconds_a_block(monkeypatch):
    """The largest processes only, and one that draws nothing has no floor."""
    monkeypatch.setattr(by_process, "seconds_a_block", lambda seed: 1e-8)
    seconds = Counter({name: 0.01 * (k + 1) for k, name in enumerate("abcdefg")})
    table = by_process.floors(seconds, dict.fromkeys("abcdef", 10**5) | {"g": 0}, 1)
    assert [row["process"] for row in table.rows] == list("gfedc")
    ratios = [row["measured_to_floor"] for row in table.rows]
    assert ratios == ["no draws", 60.0, 50.0, 40.0, 30.0]
    assert "10.0 ns" in table.note


def test_a_block_takes_time():
    """No loop is left out by the compiler, and none takes as long as a microsecond a block."""
    assert 1e-9 < by_process.seconds_a_block(1) < 1e-6


def test_more_buyers_do_not_move_the_trade_by_much(small):
    """The same posts are asked about as often, among however many people."""
    rows = default_run.over_buyers("survey", 1).rows
    assert [row["buyers"] for row in rows] == [int(100 * n) for n in default_run.BUYERS]
    asked = [row["inquiries"] for row in rows]
    assert max(asked) < 1.2 * min(asked)


def test_what_is_timed_is_the_calibrated_point(small):
    """One set of parameters, the point's, with what is asked about changed and nothing else."""
    of = runs.settings("survey")
    structure, values = posterior.point()
    assert of.recovery.name == structure
    assert {key: getattr(getattr(of, key.split(".")[0]), key.split(".")[1]) for key in values} == (
        values
    )
    other = runs.settings("survey", buyers=5.0)
    assert other.demand.buyers == 5.0 != of.demand.buyers
    assert replace(other, demand=of.demand) == of
    assert runs.settings("survey", 7).population.retailers == 7


def test_arms_take_turns():
    """Every arm once, then every arm again; the median is of each arm alone."""
    order = []

    def arm(name, value):
        return lambda repetition: order.append((name, repetition)) or value + repetition

    found = runs.in_turn({"a": arm("a", 1.0), "b": arm("b", 5.0)}, 3)
    assert order == [(name, k) for k in range(3) for name in "ab"]
    assert runs.medians(found) == {"a": 2.0, "b": 6.0}


def test_bytes_add_up_to_the_whole_memory():
    """Every array is in one row, and known kinds take what their arrays say."""
    state = market.initialize(runs.settings(retailers=100), 1)
    rows = {row["kind"]: row for row in memory.rows(state)}
    assert sum(row["bytes"] for row in rows.values()) == memory.bytes_of(state)
    each = {kind: row["bytes_each"] for kind, row in rows.items()}
    assert (each["buyer"], each["friend"], round(each["parcel room"])) == (6.0, 6.0, 64)
    bare = memory.bytes_of(state.series) + memory.bytes_of(state.trade.records)
    assert rows[memory.DAYS]["bytes"] > bare


@pytest.fixture(scope="module")
def weeks():
    """Return posts by week and seed of numpy's version, against which the others are held."""
    return compare.weekly("arrays", task_of(200), range(SEEDS))


@pytest.mark.parametrize("name", VERSIONS)
def test_versions_of_the_sub_model_agree(weeks, name):
    """No week is further from numpy's than chance takes it, nor all together."""
    if name not in present():
        pytest.skip("not installed")
    found = compare.distances(compare.weekly(name, task_of(200), range(SEEDS, 2 * SEEDS)), weeks)
    assert np.abs(found).max() < 4.0
    assert (found**2).mean() < 2.0


def test_another_decay_is_told_apart(weeks):
    """The negative control: risk that fades twice as fast does not agree."""
    other = task_of(200, half_life=8.0)
    for name in (OURS, "arrays"):
        found = compare.distances(compare.weekly(name, other, range(SEEDS, 2 * SEEDS)), weeks)
        assert np.abs(found).max() > 10.0


def test_exponents_are_slopes_of_logarithms():
    """Seconds that go with the square of inquiries have exponent 2."""
    rows = [{"inquiries": n, "live_seconds": 3e-9 * n**2} for n in (10, 100, 1000)]
    assert scaling.exponent(rows, "inquiries") == pytest.approx(2.0)


def test_a_market_tells_its_size_and_its_peak():
    """The figures of one market, and both tables made of them."""
    one = scaling.live_one(seed=1, retailers=100, demand={"buyers": 100.0})
    assert (one["retailers"], one["buyers"]) == (100, 10_000)
    assert one["inquiries"] > one["deals"] > 0
    assert one["peak_gb"] > one["market_gb"] >= 0.0
    one["live_seconds"] = 1.0  # a clock is rounded
    twice = {key: 2 * one[key] for key in ("retailers", "inquiries", "live_seconds")}
    table = scaling.over_size([one, one | twice])
    assert len(table.rows) == 2
    assert "retailers to the power of 1.00, inquiries to the power of 1.00" in table.note
    table = scaling.over_trade([one | {"trade": 1.0}], 100)
    assert table.rows[0] | scaling.figures(one) == table.rows[0]


def test_the_whole_model_is_timed_where_the_plain_one_is():
    """Same days, same work; and a plain line where there is nothing to compare with."""
    asked = argparse.Namespace(whole=[100], days=3, repetitions=1)
    (table,) = whole_model.measure(asked)
    if whole_model.find_oracle() is None:
        assert table.rows == [{"model": "Mesa", "seconds": whole_model.NOT_THERE}]
        return
    (row,) = table.rows
    assert (row["retailers"], row["days"], row["same_state"]) == (100, 3, "yes")
    assert row["mesa_seconds"] > row["engine_seconds"] > 0.0


def test_gains_of_common_draws_are_ratios_of_variances():
    """Arms that differ by a constant have no variance; one that adds luck has that of the luck."""
    luck, more = np.array([[3.0], [1.0], [8.0], [5.0]]), np.array([[0.0], [1.0], [0.0], [1.0]])
    keyed = {name: np.hstack([luck, luck + more]) for name in common_draws.CONTRASTS}
    keyed |= {common_draws.BASELINE: np.hstack([luck - 2.0, luck])}
    stream = {name: rows + np.hstack([2.0 * more, more]) for name, rows in keyed.items()}
    stream[common_draws.BASELINE] = keyed[common_draws.BASELINE]
    rows = common_draws.gains(keyed, stream)
    assert len(rows) == 2 * len(common_draws.CONTRASTS)
    same, moved = rows[:2]
    assert (same["difference"], same["to_own_seeds"], same["to_one_stream"]) == (2.0, "", "")
    own = np.var(luck, ddof=1) + np.var(luck + more, ddof=1)
    assert moved["to_own_seeds"] == pytest.approx(own / np.var(more, ddof=1), rel=0.01)
    assert moved["to_one_stream"] == pytest.approx(4.0)
    assert [row["median"] for row in common_draws.middle(rows[1:2] * 2 + rows[3:4])]


def test_contrasts_are_scenarios_of_the_model():
    """Each is the baseline and one policy more; with a seed in common they share their past."""
    arms = common_draws.arms()
    base = arms.pop(common_draws.BASELINE)
    assert set(arms) == set(common_draws.CONTRASTS)
    for of in arms.values():
        entries = of.scenario.interventions
        assert {k: v for k, v in entries.items() if k != "contrast"} == base.scenario.interventions
    found = [common_draws.outcomes(of, 3) for of in (base, arms["border x 3"])]
    assert found[0] != found[1]
    assert found[0] == pytest.approx(found[1], rel=0.2)


def test_tables_are_markdown():
    """Columns of any row, in order; numbers in full, groups of three apart."""
    table = Table("a", [{"x": 1, "y": 0.00001}, {"x": 1234567, "z": "no"}], "Note.")
    assert as_markdown(table) == (
        "## a\n\nNote.\n\n| x | y | z |\n|---|---|---|\n| 1 | 0.00001 |  |\n| 1,234,567 |  | no |\n"
    )


def test_other_words():
    """A block counted is the block; one stream goes on whoever asks, and begins anew."""
    from benchmarks import other_words
    from marketsim.numerics.rng import words

    before = int(other_words.COUNTER[0])
    assert other_words.counted(1, 2, 3, 4, 5) == words(1, 2, 3, 4, 5)
    assert other_words.COUNTER[0] == before + 1
    other_words.begin(7)
    first, second = other_words.in_turn(1, 2, 3, 4, 5), other_words.in_turn(1, 2, 3, 4, 5)
    other_words.begin(7)
    assert other_words.in_turn(9, 9, 9, 9, 9) == first != second
    assert len({*first, *second}) == 8
    assert max(first) > 2**62  # all 64 bits but the lowest are used


@pytest.mark.campaign
def test_the_whole_command_runs(tmp_path):
    """`python -m benchmarks` in a process of its own, every part, small."""
    import subprocess

    root, file = Path(__file__).parents[1], tmp_path / "figures.json"
    words = ["--population", "survey", "--repetitions", "1", "--json", str(file)]
    words += ["--sizes", "100", "300", "--trade-at", "100", "--whole", "100", "--agents", "100"]
    words += ["--replicates", "2", "--job", "replicates=1", "population=survey", "--at-once", "2"]
    words += ["--pairs", "10", "--days", "5"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *words], cwd=root, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(file.read_text())
    assert set(FIGURES) < set(found)
    assert [row["same_tables"] for row in found["cold start"][2:]] == ["yes"]
    floors = {row["process"]: row for row in found["draws as the floor"]}
    assert floors["sell"]["measured_to_floor"] > 1.0
    for row in found["common draws"]:
        assert row["to_one_stream"] == "" or row["to_one_stream"] > 0.0
