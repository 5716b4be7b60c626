"""The benchmarks run and have the figures they name; how large these are is not tested here."""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import __main__ as benchmarks
from benchmarks import (
    common_random_numbers,
    memory,
    one_stream,
    runs,
    scaling,
    threads,
    versions,
    whole_model,
)
from benchmarks.posting_and_risk import OURS, VERSIONS, compare, present, task_of
from benchmarks.tables import Table, as_markdown
from marketsim.model import market
from marketsim.model.scenario import timeline
from marketsim.model.state import TradeCounter
from marketsim.parameters import posterior, presets

FIGURES = {
    "machine": "date processor cores memory_gb load_at_start python repetitions",
    "posting and risk": "agents version ns_an_agent_day to_ours",
    "bytes": "kind number bytes bytes_each",
}
QUICK = ("sub-model", "memory")
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
    """Every figure of the selected parts is printed and written, in their order."""
    file, page = tmp_path / "figures.json", tmp_path / "figures.md"
    words = ["--only", *QUICK, "--population", "survey", "--repetitions", "1"]
    words += ["--agents", "100", "--json", str(file)]
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
    assert found["machine"][0]["repetitions"] == 1
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--only", "memory", "--markdown", str(page)])
    benchmarks.main()
    assert capsys.readouterr().out == ""
    assert page.read_text().count("## ") == 2


def test_more_buyers_hardly_change_the_trade(small):
    """The same posts get about as many inquiries, however many buyers there are."""
    inquiries = []
    for buyers in (5.0, 50.0, 500.0):
        state, _, _ = runs.simulated(runs.settings("survey", buyers=buyers), 0)
        assert state.trade.buyers.risk.size == 100 * buyers
        inquiries.append(runs.counted(state, TradeCounter.INQUIRIES))
    assert max(inquiries) < 1.2 * min(inquiries)


def test_what_is_timed_is_the_calibrated_point(small):
    """One set of parameters, the point's, with the given changes and no others."""
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


def test_parameters_that_a_benchmark_changes_exist():
    """Trade is scaled by names of the model: a name that it does not know would change nothing."""
    demand = runs.settings().demand
    assert all(hasattr(demand, name) for name in scaling._trade(2.0, 100)["demand"])


def test_a_shared_market_is_compared_with_one_that_is_not(monkeypatch):
    """Both copies are advanced over all days, by turns, and their states are compared."""
    monkeypatch.setattr(market, "WORTH_SHARING", 0)
    usual, turns = market.advance, []

    def noted(state, row, end, number):
        turns.append((row, end, number))
        usual(state, row, end, number)

    monkeypatch.setattr(market, "advance", noted)
    found = threads.one_size(100, 2)
    assert found["same_state"] == "yes" and found["threads"] == 2 and found["buyers"] == 10_000
    assert found["least"] <= found["median"] <= found["largest"]
    assert [number for *_, number in turns[:4]] == [1, 2, 2, 1]
    assert sum(end - row for row, end, number in turns if number == 2) == turns[-1][1]

    def wrong(state, row, end, number):
        usual(state, row, end, number)
        state.retailers.risk[0] += number > 1

    monkeypatch.setattr(market, "advance", wrong)
    assert threads.one_size(100, 2)["same_state"] == "NO"


def test_bytes_add_up_to_the_whole_memory():
    """Every array is in one row, and known kinds take what their arrays say."""
    state = market.initialize(runs.settings(retailers=100), 1)
    rows = {row["kind"]: row for row in memory.rows(state)}
    assert sum(row["bytes"] for row in rows.values()) == memory.bytes_of(state)
    each = {kind: row["bytes_each"] for kind, row in rows.items()}
    assert (int(each["buyer"]), each["friend"], round(each["parcel room"])) == (16, 6.0, 88)
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
    rows = [{"inquiries": n, "run_seconds": 3e-9 * n**2} for n in (10, 100, 1000)]
    assert scaling.exponent(rows, "inquiries") == pytest.approx(2.0)


def test_a_market_has_its_size_and_its_peak():
    """The figures of one market, and both tables made of them."""
    one = scaling.simulate_one(seed=1, retailers=100, demand={"buyers": 100.0})
    assert (one["retailers"], one["buyers"]) == (100, 10_000)
    assert one["inquiries"] > one["deals"] > 0
    assert one["peak_gb"] > one["market_gb"] >= 0.0
    one["run_seconds"] = 1.0  # a clock is rounded
    twice = {key: 2 * one[key] for key in ("retailers", "inquiries", "run_seconds")}
    table = scaling.over_size([one, one | twice])
    assert len(table.rows) == 2
    assert "retailers to the power of 1.00, inquiries to the power of 1.00" in table.note
    table = scaling.over_trade([one | {"trade": 1.0}], 100)
    assert table.rows[0] | scaling.figures(one) == table.rows[0]


def test_the_whole_model_is_compared_with_the_plain_one():
    """Same days, same state; and a line where there is nothing to compare with."""
    options = argparse.Namespace(whole=[100], days=3, repetitions=1)
    (table,) = whole_model.measure(options)
    if whole_model.find_oracle() is None:
        assert table.rows == [{"model": "Mesa", "seconds": whole_model.MISSING}]
        return
    (row,) = table.rows
    assert (row["retailers"], row["days"], row["same_state"]) == (100, 3, "yes")
    assert row["mesa_seconds"] > row["engine_seconds"] > 0.0


def test_gains_of_common_random_numbers_are_ratios_of_variances():
    """Arms that differ by a constant have no variance; added noise has its own variance."""
    noise, more = np.array([[3.0], [1.0], [8.0], [5.0]]), np.array([[0.0], [1.0], [0.0], [1.0]])
    keyed = {name: np.hstack([noise, noise + more]) for name in common_random_numbers.CONTRASTS}
    keyed |= {common_random_numbers.BASELINE: np.hstack([noise - 2.0, noise])}
    stream = {name: rows + np.hstack([2.0 * more, more]) for name, rows in keyed.items()}
    stream[common_random_numbers.BASELINE] = keyed[common_random_numbers.BASELINE]
    rows = common_random_numbers.gains(keyed, stream)
    assert len(rows) == 2 * len(common_random_numbers.CONTRASTS)
    same, moved = rows[:2]
    assert (same["difference"], same["to_independent_seeds"], same["to_one_stream"]) == (
        2.0,
        "",
        "",
    )
    own = np.var(noise, ddof=1) + np.var(noise + more, ddof=1)
    assert moved["to_independent_seeds"] == pytest.approx(own / np.var(more, ddof=1), rel=0.01)
    assert moved["to_one_stream"] == pytest.approx(4.0)
    assert [row["median"] for row in common_random_numbers.medians(rows[1:2] * 2 + rows[3:4])]


def test_contrasts_are_scenarios_of_the_model():
    """Each is the baseline and one policy more; with a common seed they share their past."""
    arms = common_random_numbers.arms()
    base = arms.pop(common_random_numbers.BASELINE)
    assert set(arms) == set(common_random_numbers.CONTRASTS)
    for of in arms.values():
        timeline.compile_table(of)  # every dose is inside its range
        entries = of.scenario.interventions
        assert {k: v for k, v in entries.items() if k != "contrast"} == base.scenario.interventions
    found = [common_random_numbers.outcomes(of, 3) for of in (base, arms["border x 3"])]
    assert found[0] != found[1]
    assert found[0] == pytest.approx(found[1], rel=0.2)


def test_versions_take_turns_with_their_own_code(monkeypatch, tmp_path):
    """Every process has the code of its checkout; the first turn does not count."""
    asked = []

    def timed(checkout, sizes):
        asked.append(checkout)
        seconds = 9.0 if len(asked) <= 2 else (3.0 if checkout == tmp_path else 2.0)
        return {"a run": seconds, "share of it outside kernels": 0.1}

    monkeypatch.setattr(versions, "_in_a_process", timed)
    of = argparse.Namespace(other=tmp_path, runs_of=[60], repetitions=2)
    (table,) = versions.measure(of)
    assert asked == [tmp_path, runs.ROOT] * 3
    assert table.rows[0] == {"work": "a run", "other": 3.0, "this": 2.0, "times_as_fast": 1.5,
                             "least": 1.5, "largest": 1.5}  # fmt: skip
    assert "least" not in table.rows[1]
    assert versions.measure(argparse.Namespace(other=None)) == []


def test_the_work_of_a_version_is_timed():
    """A process of its own reports the seconds of each piece of work."""
    found = versions._in_a_process(runs.ROOT, [60])
    assert list(found) == ["a run of 60 traders", "a survey of a calibration",
                           "share of it outside kernels"]  # fmt: skip
    assert found["a run of 60 traders"] > 0.0 and found["a survey of a calibration"] > 0.0


def test_tables_are_markdown():
    """Columns of any row, in order; numbers in full, groups of three apart."""
    table = Table("a", [{"x": 1, "y": 0.00001}, {"x": 1234567, "z": "no"}], "Note.")
    assert as_markdown(table) == (
        "## a\n\nNote.\n\n| x | y | z |\n|---|---|---|\n| 1 | 0.00001 |  |\n| 1,234,567 |  | no |\n"
    )


def test_one_stream_ignores_what_a_draw_is_for():
    """The next block follows, whatever the keys; a seed starts the stream again."""
    one_stream.begin(7)
    first, second = one_stream.next_block(1, 2, 3, 4, 5), one_stream.next_block(1, 2, 3, 4, 5)
    one_stream.begin(7)
    assert one_stream.next_block(9, 9, 9, 9, 9) == first != second
    assert len({*first, *second}) == 8
    assert max(first) > 2**62  # all 64 bits but the lowest are used


@pytest.mark.campaign
def test_the_whole_command_runs(tmp_path):
    """`python -m benchmarks` in a process of its own, every part, small."""
    import subprocess

    root, file = Path(__file__).parents[1], tmp_path / "figures.json"
    words = ["--population", "survey", "--repetitions", "1", "--json", str(file)]
    words += ["--sizes", "100", "300", "--trade-at", "100", "--whole", "100", "--agents", "100"]
    words += ["--job", "replicates=1", "population=survey", "--at-once", "2"]
    words += ["--pairs", "10", "--days", "5"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *words], cwd=root, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(file.read_text())
    assert set(FIGURES) < set(found)
    assert [row["same_tables"] for row in found["cold start"][4:]] == ["yes"]
    for row in found["common random numbers"]:
        assert row["to_one_stream"] == "" or row["to_one_stream"] > 0.0
