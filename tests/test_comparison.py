"""Scenarios compared: the same luck, a zero dose is nothing, and what is stored is taken."""

import copy
import datetime as dt
import json
import shlex
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import settings

from marketsim.analysis.comparison import arms, effects, outcomes, paired_runs
from marketsim.commands import compose, options
from marketsim.commands.compare import compare
from marketsim.errors import InputError
from marketsim.model.market import advance, fork, initialize
from marketsim.parameters import presets
from marketsim.parameters.settings import Comparison
from marketsim.reporting.pages import comparison as comparison_page
from marketsim.simulation import run as simulation

START = "2015-08-01"
PAIR = Comparison(["demand_reduction", "domestic_ban"], start=START)


def market(**changes):
    """Return settings of a small market that draws what is uncertain."""
    of = presets.named(population="survey")
    of.population.retailers, of.replicates = 60, 4
    for key, value in changes.items():
        setattr(of, key, value)
    return of


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Return the folder of a small comparison."""
    return compare(market(), PAIR, tmp_path_factory.mktemp("compared"))


def rows(folder, name="rows"):
    return pd.read_parquet(folder / f"{name}.parquet")


def page_of(folder):
    """Return the text of a report, without its figures."""
    return (folder / "report.html").read_text(encoding="utf-8")


def test_a_report_speaks_of_the_prior_only_where_it_was_run(found, tmp_path):
    """Without the prior no effect is said to be informed by data or by assumptions."""
    alone = compare(market(replicates=2), replace(PAIR, prior=False), tmp_path)
    told = ("Informed by", "not constrained by the survey", "Hollow points", "repeated under the")
    assert all(words in page_of(found) for words in told)
    assert not any(words in page_of(alone) for words in told[:3])
    assert "was not repeated under the prior" in page_of(alone)
    assert comparison_page.lines(found)[2].endswith("informed by")
    assert "informed by" not in "".join(comparison_page.lines(alone))
    notes = [pd.read_excel(one / "comparison.xlsx")["text"].str.cat() for one in (found, alone)]
    assert ["Prior assumption:" in one for one in notes] == [True, False]


def test_a_name_that_is_no_text_to_others_stays_one(tmp_path):
    """Scenarios called 2017, 007 and NA are read from the tables as they are written."""
    names = ["2017", "007", "NA", "1e3", "第二次"]
    table = pd.DataFrame({"arm": names, "scenario": names, "percent": [1.0, np.nan, 2.0, 3.0, 4.0]})
    table.to_csv(tmp_path / "effects.csv", index=False)
    read = effects.read_table(tmp_path / "effects.csv")
    assert read["scenario"].tolist() == names
    assert read["percent"].isna().tolist() == [False, True, False, False, False]


# ---------------------------------------------------------------- the laws


def test_arms_share_everything_before_the_first_dose(found):
    """Week by week nothing differs before the first dose, and something does after it."""
    weeks = rows(found, "weekly")
    first = (dt.date(2015, 8, 1) - dt.date(2015, 3, 6)).days // 7
    base = weeks[weeks["arm"] == "baseline_2015"].set_index(["parameter_source", "run", "week"])
    for arm in set(weeks["arm"]) - {"baseline_2015"}:
        mine = weeks[weeks["arm"] == arm].set_index(["parameter_source", "run", "week"])
        mine = mine.drop(columns="arm")
        same = (mine == base.drop(columns="arm").loc[mine.index]).all(axis=1)
        assert same[same.index.get_level_values("week") < first].all()
        assert not same[same.index.get_level_values("week") >= first].all()


def test_an_arm_that_parts_from_the_baseline_is_as_if_simulated_alone(found):
    """Outcomes and weeks are those of whole runs of the arm's own scenario."""
    of = rows(found)
    for arm in arms.make_arms(market(), PAIR)[1:3]:
        for run in (0, 3):
            single = simulation.simulate_run(arm.settings, run)
            first = (dt.date(2015, 8, 1) - dt.date(2015, 3, 6)).days
            alone = outcomes.run_outcomes(single.series, single.records, first, 60)
            here = of[
                (of["arm"] == arm.name)
                & (of["run"] == run)
                & (of["parameter_source"] == "posterior")
            ]
            for name, value in alone.items():
                assert here[name].iloc[0] == value, (arm.name, run, name)


def test_a_fork_leaves_the_trunk_alone():
    """What a branch lives through does not reach the market it parted from."""
    of = settings(50)
    trunk = initialize(of, 5)
    advance(trunk, 0, 60)
    branch = fork(trunk, trunk.levers)
    advance(branch, 60, 148)
    again = initialize(of, 5)
    advance(again, 0, 60)
    same = zip(trunk.retailers, again.retailers, strict=True)
    assert all((one == two).all() for one, two in same)
    advance(trunk, 60, 148)
    assert (trunk.trade.books.balance == branch.trade.books.balance).all()


def test_a_scenario_of_zero_dose_is_the_baseline():
    """At dose multiplier 0 no byte of any table of a study differs from the baseline's."""
    base = settings(200, "baseline_2015")
    base.scenario.until = "2016-01-31"
    tables = simulation.run_tables(base, 0)
    for name in ("permanent_pressure", "supplier_interdiction", "image_recognition"):
        none = settings(200, name)
        none.scenario.dose_multiplier = 0.0
        for key, table in simulation.run_tables(none, 0).items():
            assert table.equals(tables[key]), (name, key)
    some = simulation.run_tables(settings(200, "permanent_pressure"), 0)  # negative control
    assert not some["daily"].equals(tables["daily"])


def test_pairs_have_the_same_draw_and_arms_the_same_days(found):
    """Each run has one draw in all arms, under each belief; the baseline is as long as the rest."""
    of = rows(found)
    assert set(of["parameter_source"]) == {"posterior", "prior"}
    assert (of.groupby(["parameter_source", "run"])["draw"].nunique() == 1).all()
    assert (of.groupby(["parameter_source", "run"])["structure"].nunique() == 1).all()
    assert (of.groupby(["parameter_source", "arm"])["run"].nunique() == 4).all()
    assert set(of[of["parameter_source"] == "prior"]["arm"]) == set(of["arm"]) - {
        "demand_reduction@0.5",
        "demand_reduction@2",
    }
    assert rows(found, "weekly").groupby("arm")["week"].max().nunique() == 1


def test_threads_change_no_bit(found, tmp_path):
    """Two runs at a time give the same tables."""
    again = compare(market(), PAIR, tmp_path, threads=2)
    tables = [json.loads((one / "manifest.json").read_text())["tables"] for one in (found, again)]
    assert tables[0] == tables[1]
    assert len(tables[0]) >= 7


def test_a_comparison_killed_goes_on(found, tmp_path, monkeypatch):
    """Rounds that are there are kept; the end is the same to the byte."""
    monkeypatch.setattr(simulation, "BATCH", 2)
    simulated = paired_runs._simulate_round
    calls = []

    def killed(*words):
        if len(calls) == 3:
            raise KeyboardInterrupt
        calls.append(words)
        return simulated(*words)

    monkeypatch.setattr(paired_runs, "_simulate_round", killed)
    with pytest.raises(KeyboardInterrupt):
        compare(market(), PAIR, tmp_path)
    assert not list(tmp_path.glob("*/manifest.json"))
    calls.clear()
    again = compare(market(), PAIR, tmp_path)
    assert len(calls) == 1
    for name in ("effects.csv", "ranking.csv", "effort.csv", "break_even.csv", "prob_better.csv"):
        assert (again / name).read_bytes() == (found / name).read_bytes()
    calls.extend([0, 0])
    assert compare(market(), PAIR, tmp_path) == again  # complete: nothing is simulated again


def test_the_page_needs_no_other_file(found):
    """The report holds its pictures, names no network, and says how it was made."""
    page = (found / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 5
    assert "http" not in page.replace("http-equiv", "")
    assert "marketsim compare" in page and "demand reduction" in page
    assert f"start={START}" in page


def test_the_spreadsheet_says_how_to_read_it(found):
    """The dates, the command and the caveats stand before the tables of the CSV files."""
    with pd.ExcelFile(found / "comparison.xlsx") as book:
        sums = ["effects", "prob_better", "ranking", "break_even", "effort"]
        assert book.sheet_names == ["read me", *sums, "columns"]
        text = pd.read_excel(book, "read me").set_index("about")["text"]
        assert text["evaluation period"].startswith(f"{START} to ")
        assert text["command"].startswith("marketsim compare")
        assert text.str.contains("not calibrated").any()
        for name in sums:
            assert len(pd.read_excel(book, name)) == len(pd.read_csv(found / f"{name}.csv"))


@pytest.mark.parametrize("name", ["command", "what", "result"])
def test_a_scenario_may_be_called_like_a_line_of_the_spreadsheet(found, tmp_path, name):
    """Neither line is lost; a text too long for a cell is cut, and says so."""
    compared = copy.deepcopy(arms.make_arms(market(), PAIR))
    about = "\U0001f418" * 20_000  # Excel counts two for each
    compared[1].scenario.name, compared[1].scenario.about = name, about
    start = arms.evaluation_start(compared, PAIR)
    sums = {"effects": pd.read_csv(found / "effects.csv"),
            "ranking": pd.read_csv(found / "ranking.csv")}  # fmt: skip
    comparison_page.write_spreadsheet(tmp_path, compared, PAIR, sums, start)
    lines = pd.read_excel(tmp_path / "comparison.xlsx", "read me")
    assert len(lines) == 9 + len({arm.scenario.name for arm in compared})
    assert list(lines["about"]).count(name) == 2
    text = next(text for text in lines["text"] if text.startswith("\U0001f418"))
    assert len(text.encode("utf-16-le")) // 2 in (32_766, 32_767)
    assert text.endswith("(cut: too long for a cell)")


def test_ctrl_c_leaves_no_half_spreadsheet(found, tmp_path, monkeypatch):
    """It is Ctrl-C that is told, and not what a book without sheets says when it is closed."""
    compared = arms.make_arms(market(), PAIR)
    start = arms.evaluation_start(compared, PAIR)
    sums = {"effects": pd.read_csv(found / "effects.csv"),
            "ranking": pd.read_csv(found / "ranking.csv")}  # fmt: skip
    comparison_page.write_spreadsheet(tmp_path, compared, PAIR, sums, start)
    (tmp_path / "comparison.xlsx").unlink()

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(pd.DataFrame, "to_excel", interrupted)
    with pytest.raises(KeyboardInterrupt):
        comparison_page.write_spreadsheet(tmp_path, compared, PAIR, sums, start)
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------- arms


def test_a_dose_without_a_source_is_compared_at_all_its_strengths():
    """One arm a dose multiplier, named after it; a scenario with a source is one arm."""
    names = [arm.name for arm in arms.make_arms(market(), PAIR)]
    assert names == ["baseline_2015", "demand_reduction@0.5", "demand_reduction@1",
                     "demand_reduction@2", "domestic_ban"]  # fmt: skip


def test_hours_are_matched():
    """With hours given, each scenario is one arm that takes them."""
    asked = replace(PAIR, scenarios=["repeated_sweeps", "courier_checks"], hours_a_week=3.0)
    found = arms.make_arms(market(), asked)
    assert [arm.name for arm in found] == ["baseline_2015", "repeated_sweeps", "courier_checks"]
    assert found[1].scenario.dose_multiplier != found[2].scenario.dose_multiplier != 1.0


BAD = [
    ({"scenarios": []}, "scenarios"),
    ({"scenarios": ["nope"]}, "scenarios"),
    ({"scenarios": ["domestic_ban", "domestic_ban"]}, "scenarios"),
    ({"scenarios": ["baseline_2015"]}, "scenarios"),
    ({"baseline": "nope"}, "scenarios"),
    ({"start": "2015-02-30"}, "start"),
    ({"start": "2016-01-30"}, "start"),
    ({"start": "2014-01-01"}, "start"),
    ({"hours_a_week": 1e8, "scenarios": ["repeated_sweeps"]}, "hours_a_week"),
    ({"hours_a_week": 1.0}, "hours_a_week"),
    ({"hours_a_week": 1.0, "scenarios": ["domestic_ban"]}, "scenarios"),
]


@pytest.mark.parametrize(("change", "key"), BAD)
def test_what_cannot_be_compared_is_one_line(change, key, tmp_path):
    """Refused by key before any run, and nothing is written."""
    with pytest.raises(InputError) as refusal:
        compare(market(), replace(PAIR, **change), tmp_path)
    assert refusal.value.key == key
    assert not list(tmp_path.iterdir())


def test_a_comparison_asks_about_trade(tmp_path):
    """The posting side alone has nothing to compare."""
    with pytest.raises(InputError, match="market=posting_only"):
        compare(market(market="posting_only"), PAIR, tmp_path)


# ---------------------------------------------------------------- how many runs


def made_up(effect: float, runs: int, seed: int, spread=3.0, luck=1.0) -> pd.DataFrame:
    """Return rows of a baseline and an arm whose effect is known, two runs a draw."""
    random = np.random.default_rng(seed)
    run = np.arange(runs)
    base = 100.0 + random.normal(0, 10, runs)
    of_draw = random.normal(0, spread, runs // 2 + 1)[run // 2]
    mine = base + effect + of_draw + random.normal(0, luck, runs)
    parts = [
        pd.DataFrame({"arm": arm, "run": run, "draw": run // 2, "grams_delivered": values})
        for arm, values in (("base", base), ("arm", mine))
    ]
    return pd.concat(parts, ignore_index=True)


def test_the_interval_of_the_mean_effect_has_its_coverage_where_runs_are_given():
    """Of many comparisons 95 % hold the true effect; were runs of one draw taken for two, fewer."""
    hits, naive = [], []
    for seed in range(400):
        of = made_up(-5.0, 60, seed)
        width = effects.half_widths(of, "grams_delivered")[0]
        wide = effects.pair_runs(of, "grams_delivered")
        effect, base = (wide["arm"] - wide["base"]), wide["base"].mean()
        hits.append(abs(effect.mean() + 5.0) <= width * base)
        naive.append(abs(effect.mean() + 5.0) <= 2.0 * effect.std() / np.sqrt(60))
    assert 0.92 <= np.mean(hits) <= 0.98
    assert np.mean(naive) < 0.9  # negative control


def test_runs_end_once_the_effect_is_known_so_well():
    """The stopping rule: not before forty runs, then at the first round that is precise enough."""
    few = [{"rows": made_up(-5.0, 20, 1)}]
    assert not paired_runs._is_precise(few, 1.0)
    many = [{"rows": made_up(-5.0, 400, 1)}]
    assert paired_runs._is_precise(many, 0.01)
    assert not paired_runs._is_precise(many, 0.0005) and not paired_runs._is_precise(many, None)


def test_stopping_at_a_precision_keeps_the_coverage():
    """Where runs end once the interval is narrow, it still holds the truth nearly as often."""
    hits, lengths = [], []
    for seed in range(200):
        of = made_up(-5.0, 600, seed)
        for runs in range(paired_runs.MIN_RUNS, 601, simulation.BATCH):
            part = of[of["run"] < runs]
            width = effects.half_widths(part, "grams_delivered")[0]
            if width <= 0.008:
                break
        wide = effects.pair_runs(part, "grams_delivered")
        mean, base = (wide["arm"] - wide["base"]).mean(), wide["base"].mean()
        hits.append(abs(mean + 5.0) <= width * base)
        lengths.append(runs)
    assert 100 < np.mean(lengths) < 200
    assert np.mean(hits) >= 0.90


def test_the_command_of_a_report_makes_the_comparison_again():
    """Also of a scenario composed on the command line, whose words stand with the others."""
    own = ["scenario.name=mine", "scenario.interventions.sweep_may.accounts=500"]
    for given in (["scenarios=[repeated_sweeps]"], ["scenarios=[mine]", *own]):
        words = [*given, "replicates=3", "seed=9", "moderation.capacity=20", "prior=false"]
        asked = compose.composed(words, "compare", options.CompareCommand)
        compared = arms.make_arms(asked.settings(), asked)
        plain = Comparison(asked.scenarios, prior=False)
        again = shlex.split(comparison_page.command(compared, plain))
        assert again[:2] == ["marketsim", "compare"]
        composed = compose.composed(again[2:], "compare", options.CompareCommand)
        assert arms.make_arms(composed.settings(), composed) == compared
        assert not composed.prior
