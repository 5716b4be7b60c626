"""A new panel and this panel again: which draw and seed a run has, and where the pairs apply."""

import copy
import json
import math
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from test_cli import command, only_result

import marketsim as ms
from marketsim.analysis.comparison import effects, paired_runs
from marketsim.analysis.comparison.arms import make_arms
from marketsim.commands import calibrate as calibrate_command
from marketsim.commands import compose, options
from marketsim.commands import run as run_command
from marketsim.commands import validate as validate_command
from marketsim.commands.compare import compare
from marketsim.dashboard import choices
from marketsim.dashboard.choices import Choice
from marketsim.errors import InputError
from marketsim.model.scenario import timeline
from marketsim.parameters import overrides, panel, posterior, presets, priors
from marketsim.parameters.settings import (
    AGAIN,
    NEW,
    POSTING_ONLY,
    Comparison,
    Settings,
    from_tree,
    to_tree,
)
from marketsim.reporting import text
from marketsim.simulation import run as simulation
from marketsim.simulation import store, summary
from marketsim.survey import discrepancy
from marketsim.survey.intervals import stochastic_share

COMMANDS = {
    "run": options.RunCommand,
    "compare": options.CompareCommand,
    "validate": options.Command,
    "sensitivity": options.SensitivityCommand,
    "calibrate": options.CalibrateCommand,
    "calibrate_market": options.CalibrateMarketCommand,
}
SMALL = 40  # traders of a small market, which here takes the place of the survey's


def survey_market(**changes) -> Settings:
    """Return settings of this panel again, with changes such as police__capacity=2."""
    out = copy.deepcopy(presets.named(population="survey"))
    out.panel, out.replicates = AGAIN, 6
    for path, value in changes.items():
        *groups, last = path.split("__")
        node = out
        for group in groups:
            node = getattr(node, group)
        assert hasattr(node, last), path
        setattr(node, last, value)
    return out


@pytest.fixture
def small(monkeypatch):
    """Let the pairs be of a small market: laws hold in markets of any size."""
    reference = presets.named(population="survey")
    reference.population = replace(reference.population, retailers=SMALL)
    monkeypatch.setattr(panel, "_reference", lambda: reference)

    def settings(**changes) -> Settings:
        return survey_market(population__retailers=SMALL, **changes)

    return settings


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """Return what puts other pairs in the place of the shipped ones, given as columns."""
    shipped = posterior.folder
    mine = Path(shutil.copytree(shipped(), tmp_path / "shipped"))
    (mine / "manifest.json").unlink()

    def place(name=presets.POSTERIOR):
        return mine if name == presets.POSTERIOR else shipped(name)

    def put(**columns) -> Path:
        posterior.pairs.cache_clear()
        count = len(next(iter(columns.values())) or [0, 1]) if columns else 2
        drawn = posterior.draws().iloc[:count]
        known = {"structure": drawn["structure"], "seed": range(5, 5 + count)}
        known |= {"trade": range(count), "distance": [0.5] * count, "tries": range(3, 3 + count)}
        known |= {key: drawn[key] for key in priors.uncertain()}
        known |= columns
        known = {key: list(value) for key, value in known.items() if value is not None}
        table = pd.DataFrame(known)
        table.to_parquet(mine / posterior.PAIRS)
        return mine / posterior.PAIRS

    monkeypatch.setattr(posterior, "folder", place)
    put()
    yield put
    posterior.pairs.cache_clear()


def by_hand(of: Settings, run: int) -> tuple[Settings, int]:
    """Return settings with `posterior=none`, and the seed, of a run: from the files alone."""
    pair = pd.read_parquet(posterior.folder() / "pairs.parquet").iloc[[run]]
    seed, trade = (int(pair[name].iloc[0]) for name in ("seed", "trade"))
    row = pair.iloc[0]
    values = {key: float(row[key]) for key in priors.uncertain()}
    values |= posterior.trade_values(replace(of, seed=2015), trade)
    return priors.with_values(of, row["structure"], values), seed


def same(one: simulation.Tables, other: simulation.Tables) -> bool:
    return all(one[name].equals(other[name]) for name in simulation.TABLES)


def composed(name: str, *words: str):
    return compose.composed(list(words), name, COMMANDS[name])


# ---------------------------------------------------------------- laws


@pytest.mark.parametrize("run", [0, 1, 399])
def test_a_run_is_its_pair_put_by_hand(small, run):
    """Bit by bit it is the market with the values and the seed of its pair; no other pair is."""
    of = small()
    alone, seed = by_hand(of, run)
    assert (alone.posterior, alone.panel) == (posterior.NONE, NEW)
    timeline.check_settings(alone)
    found = simulation.simulate_run(of, run)
    series, records, seen = simulation.simulate(alone, seed)
    assert (found.seed, found.settings) == (seed, alone)
    by_its_hand = simulation.Run(run, seed, found.drawn, alone, series, records, seen)
    assert same(found.tables, by_its_hand.tables)
    assert not same(found.tables, simulation.run_tables(of, (run + 1) % 400))  # negative controls
    assert not same(found.tables, simulation.run_tables(replace(of, panel=NEW), run))


def test_a_market_of_the_survey_is_that_of_its_pair():
    """With all 1,000 traders, from the command's settings: the first pair, by hand."""
    of = composed("run", "population=survey").settings()
    assert of.panel == AGAIN
    offers = simulation.run_tables(of, 0)["daily"]["offers"]
    series, records, _ = simulation.simulate(*by_hand(of, 0))
    first_day = timeline.horizon(of)[0].toordinal()
    alone = simulation.run_tables_of.daily_table(0, first_day, series, records)["offers"]
    assert offers.equals(alone) and offers.sum() > 0


def test_a_new_panel_has_the_seeds_and_draws_of_before(small):
    """Run r has the seed of r and the draw of r // 2, whatever the pairs are."""
    of = small(panel=NEW, seed=9)
    for run in range(6):
        seed, drawn, sampled = simulation.sample_run(of, run)
        assert seed == panel.run_seed(9, run)
        assert drawn == posterior.draw(of, run // 2)
        assert sampled == priors.with_values(of, drawn.structure, drawn.values)
    # as in the version before there were pairs
    assert [panel.run_seed(2015, run) for run in (0, 1)] == [
        8628508434060767551, 7415828397653365518,
    ]  # fmt: skip


def test_order_and_threads_change_no_bit(small):
    """Runs together, on three threads or alone are the same; other pairs are noticed."""
    of = small()
    together = simulation.replicate(of, range(4), 1)
    assert same(together, simulation.replicate(of, range(4), 3))
    backwards = [simulation.run_tables(of, run) for run in (3, 2, 1, 0)]
    assert same(together, simulation.join_tables(backwards[::-1]))
    assert not same(together, simulation.replicate(of, range(1, 5), 1))


def test_a_study_that_was_stopped_resumes_to_the_same_bytes(small, tmp_path, monkeypatch):
    """Batches of pairs that were finished are kept, and the rest has its own pairs."""
    monkeypatch.setattr(simulation, "BATCH", 2)
    whole = run_command.run_study(small(), tmp_path / "whole", figures=False).folder
    simulate = simulation.run_tables

    def stop(settings: Settings, run: int, threads: int) -> simulation.Tables:
        if run == 3:
            raise KeyboardInterrupt
        return simulate(settings, run, threads)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(simulation, "run_tables", stop)
        run_command.run_study(small(), tmp_path / "resumed", figures=False)
    resumed = run_command.run_study(small(), tmp_path / "resumed", figures=False).folder
    for name in simulation.TABLES:
        file = f"{name}.parquet"
        assert (resumed / file).read_bytes() == (whole / file).read_bytes()


def test_the_number_of_runs_changes_no_run(small):
    """A study of three pairs is the first half of one of six."""
    assert (
        simulation.sample_run(small(replicates=3), 2)[:2] == simulation.sample_run(small(), 2)[:2]
    )


def test_arms_share_the_pair_and_the_prior_has_fresh_seeds(small, tmp_path):
    """Each run of every arm has one draw and seed; under the prior it is that of a new panel."""
    of = small(replicates=4)
    options = Comparison(["demand_reduction"], start="2015-08-01")
    folder = compare(of, options, tmp_path)
    rows = pd.read_parquet(folder / "rows.parquet")
    for source, drawn in (("posterior", [0, 1, 2, 3]), ("prior", [0, 0, 1, 1])):
        mine = rows[rows["parameter_source"] == source]
        for _, of_arm in mine.groupby("arm"):
            assert of_arm.sort_values("run")["draw"].tolist() == drawn
    weeks = pd.read_parquet(folder / "weekly.parquet")
    for arm in make_arms(of, options)[:2]:
        alone, seed = by_hand(arm.settings, 1)
        series, records, _ = simulation.simulate(alone, seed)
        sampled = simulation.sample_run(arm.settings, 1)
        _, mine = paired_runs.summarize_run(
            arm.name, 1, "posterior", sampled[1], (series, records), alone, timeline.horizon(of)[0]
        )
        there = weeks[(weeks["arm"] == arm.name) & (weeks["run"] == 1)]
        there = there[there["parameter_source"] == "posterior"].reset_index(drop=True)
        assert there["visible"].tolist() == mine["visible"].tolist()
    facts = store.read_manifest(folder)
    assert (facts["panel"], facts["pairs"]) == (AGAIN, 400)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "This panel again: 400" in page and "runs under the prior have fresh seeds" in page
    assert "panel=again" in page and "not separated" in page


def test_the_scenario_alone_may_differ_until_the_policy_does(small):
    """Pairs are used in any scenario: with no crackdown the days before it are the same."""
    base, other = small(), small()
    other.scenario = replace(
        other.scenario, **copy.deepcopy(presets.choice("scenario", "no_crackdown"))
    )
    timeline.check_settings(other)
    one, two = (simulation.run_tables(of, 2)["daily"] for of in (base, other))
    before = one["day"].astype(str) < "2015-05-01"
    assert one.loc[before, "offers"].equals(two.loc[before, "offers"])
    assert not one["offers"].equals(two["offers"])  # negative control


# ---------------------------------------------------------------- where the pairs apply

APPLY = {
    "the survey's market": [],
    "a scenario": ["scenario=no_crackdown"],
    "an own dose": ["scenario.interventions.sweep_may.accounts=928"],
    "without an intervention": ["~scenario.interventions.sweep_may"],
    "a later last day": ["horizon.end=2015-12-31"],
    "another way to the market": ["population=wechat", "population.retailers=1000"],
    "hours of work": ["hours.raid=3"],
    "outputs": ["output=there", "study=mine", "threads=1", "progress=false"],
    "the seed that is the default": ["seed=2015"],
    "as many runs as pairs": ["replicates=400"],
}
# words, and the key that prevents the pairs
UNMET = {
    "another size": (["population.retailers=999"], "population.retailers"),
    "the large market": (["population=wechat"], "population.retailers"),
    "a panel of others": (["population.type_a=9"], "population.type_a"),
    "one structure": (["recovery=trend"], "recovery"),
    "sellers who do not learn": (["motive=none"], "motive"),
    "prices": (["prices=none"], "prices"),
    "buyers": (["buyers=none"], "buyers"),
    "dealers": (["upstream=none"], "upstream"),
    "institutions": (["institutions=none"], "institutions"),
    "the prior": (["posterior=prior"], "posterior"),
    "the point": (["posterior=point"], "posterior"),
    "posting alone": (["market=posting_only"], "market"),
    "a fixed parameter": (["perception.half_life=16"], "fixed"),
    "fixed by its name": (["fixed=[retail.margin]"], "fixed"),
    "another parameter": (["moderation.capacity=20"], "moderation.capacity"),
    "another observer": (["observer.contact_age=300"], "observer.contact_age"),
    "another first day": (["horizon.start=2015-03-05"], "horizon.start"),
}


@pytest.mark.parametrize("words", APPLY.values(), ids=APPLY)
def test_runs_are_pairs_by_default_where_the_pairs_apply(words):
    """Asked for or not, and `panel=new` is new."""
    words = ["population=survey", *words] if "population=wechat" not in words else words
    for asked in ([], ["panel=again"]):
        found = composed("run", *words, *asked).settings()
        assert (found.panel, panel.reason(found)) == (AGAIN, "")
        timeline.check_settings(found)
    assert composed("run", *words, "panel=new").panel == NEW


@pytest.mark.parametrize(("words", "key"), UNMET.values(), ids=UNMET)
def test_where_the_pairs_do_not_apply_runs_are_new_or_refused(words, key):
    """By default the panel is new and the reason names the key; asked for, it is refused."""
    words = ["population=survey", *words] if "population=wechat" not in words else words
    found = composed("run", *words).settings()
    assert found.panel == NEW
    timeline.check_settings(found)
    assert panel.reason(found).startswith(f"panel=again needs {key}=")
    assert panel.facts(found) == {"panel": NEW, "panel_reason": panel.reason(found)}
    assert panel.sentence(found).endswith(f"({panel.reason(found)})")
    asked = ([*words, "panel=again"], ["panel=again", *words])
    for given in asked:
        with pytest.raises(InputError) as refusal:
            composed("run", *given)
        assert refusal.value.key == key
        assert "panel=new" in str(refusal.value) and "\n" not in str(refusal.value)
    with pytest.raises(InputError):
        timeline.check_settings(replace(found, panel=AGAIN))


def test_the_commands_that_fit_or_vary_parameters_keep_fresh_seeds():
    """Comparisons are of pairs by default; calibration and sensitivity are not."""
    found = {name: composed(name).panel for name in COMMANDS}
    again = {name for name, of in found.items() if of == AGAIN}
    assert again == {"compare"}  # `run` and `validate` have 10,000 traders
    assert composed("run", "population=survey").panel == AGAIN
    assert composed("validate", "population=survey").panel == NEW
    for name in ("sensitivity", "calibrate"):
        with pytest.raises(InputError, match="with panel=again; panel=new takes others"):
            composed(name, "panel=again")
    with pytest.raises(InputError, match="panel=again .* new, since parameters are fitted without"):
        calibrate_command.run_trade(composed("calibrate_market", "panel=again"))


REFUSED = {
    "a seed": (["seed=7"], "seed=7 .* seed has no effect with panel=again; panel=new draws fresh"),
    "a seed and again": (["seed=7", "panel=again"], "seed=7 .* no effect with panel=again"),
    "more runs": (["replicates=401"], "replicates=401 .* at most 400, .* panel=new draws more"),
    "another word": (["panel=agian"], "unknown panel 'agian'; did you mean 'again'?"),
    "nothing": (["panel="], "unknown panel ''; known: again, new"),
    "null": (["panel=null"], "panel=null .* a text"),
    "a list": (["panel=[new]"], r"panel"),
}


@pytest.mark.parametrize(("words", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_with_pairs_is_one_line(monkeypatch, capfd, words, message):
    """One plain sentence and exit code 2, before anything is written."""
    with pytest.raises(SystemExit) as stop:
        command(monkeypatch, "run", "population=survey", *words)
    out, err = capfd.readouterr()
    assert stop.value.code == 2 and out == "" and not Path("results").exists()
    assert err.count("\n") == 1
    with pytest.raises(InputError, match=message):
        composed("run", "population=survey", *words)


@pytest.mark.parametrize("words", [["seed=7"], ["replicates=401"]])
def test_a_new_panel_takes_seeds_and_runs(words):
    """Negative control; where the pairs do not apply nobody has to say `new`."""
    assert composed("run", "population=survey", "panel=new", *words).panel == NEW
    assert composed("run", *words).panel == NEW


def test_a_sweep_over_seeds_needs_a_new_panel(monkeypatch, capfd):
    """The job is named; with panel=new every seed is another study."""
    words = ["population=survey", "seed=1,2", "progress=false"]
    with pytest.raises(SystemExit):
        command(monkeypatch, "-m", *words)
    assert "job 1 of 2 (seed=1): seed=1" in capfd.readouterr().err
    from marketsim.commands import sweep

    with compose.hydra("run", options.RunCommand, None) as loader:
        jobs = sweep.compose_jobs(loader, [*words, "panel=new"])
        both = sweep.compose_jobs(loader, ["population=survey", "panel=again,new"])
    assert len({job.folder for job in jobs}) == 2
    assert [job.command.panel for job in both] == [AGAIN, NEW]


def test_python_takes_the_same_words(tmp_path):
    """Keywords are those of the command line."""
    assert ms.settings(population="survey").panel == AGAIN
    assert ms.settings(population="survey", panel="new", seed=3).panel == NEW
    assert ms.settings().panel == NEW
    with pytest.raises(InputError, match="seed has no effect with panel=again"):
        ms.run(population="survey", seed=3, output=str(tmp_path / "none"))
    with pytest.raises(InputError, match=r"population\.retailers=10000"):
        ms.run(panel="again", output=str(tmp_path / "none"))
    assert not (tmp_path / "none").exists()


# ---------------------------------------------------------------- what is stored and printed


@pytest.mark.parametrize(
    "words", [["population=survey"], ["population=survey", "panel=new", "seed=4"], ["seed=4"]]
)
def test_the_printed_command_is_of_the_same_panel(words):
    """The words of a manifest compose to the same key, whatever the panel."""
    of = composed("run", *words).settings()
    again = composed("run", *overrides.overrides(to_tree(of))).settings()
    assert store.key(again) == store.key(of)
    other = composed("run", *words, "panel=new").settings()
    assert (store.key(other) == store.key(of)) == (of.panel == NEW)
    assert from_tree(to_tree(of)) == of


def test_the_key_has_the_pairs_where_they_are_used(shelf):
    """Other pairs are another result of this panel again, and the same one of a new panel."""
    models, keys = [], []
    for pairs in ({}, {"seed": [5, 7]}):
        shelf(**pairs)
        of = survey_market(replicates=2)
        keys.append([store.key(of), store.key(replace(of, panel=NEW))])
        models.append(store.model_fingerprint())
    assert keys[0][0] != keys[1][0] and keys[0][1] == keys[1][1]
    assert len({*keys[0], *keys[1]}) == 3
    assert models[0] != models[1]


def test_a_study_says_which_panel_it_predicts(monkeypatch, capfd):
    """The command in a line, the manifest in facts, the report in its caution and its facts."""
    command(monkeypatch, "run", "population=survey", "replicates=1", "progress=false")
    folder = only_result("results")
    facts = json.loads((folder / "manifest.json").read_text())
    assert capfd.readouterr().out.splitlines()[1].startswith("panel=again: runs whose simulated")
    assert facts["settings"]["panel"] == facts["panel"] == AGAIN
    assert facts["pairs"] == 400
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "agreement with the survey is no evidence" in page
    assert "not separated" in page and "panel=again" in page
    assert ms.Study(folder).facts["panel"] == AGAIN


def test_a_study_says_why_its_panel_is_new(monkeypatch, capfd):
    """Where the pairs do not apply the line and the manifest name the key."""
    words = ["population.retailers=40", "replicates=1", "progress=false"]
    command(monkeypatch, "run", *words)
    folder = only_result("results")
    why = "panel=again needs population.retailers=1000; here it is 40"
    assert capfd.readouterr().out.splitlines()[1] == f"panel=new: runs with fresh seeds ({why})"
    facts = json.loads((folder / "manifest.json").read_text())
    assert (facts["panel"], facts["panel_reason"]) == (NEW, why)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert why in page and "agreement with the survey is no evidence" not in page


def test_a_page_has_the_acceptance_rate_where_it_is_known(shelf):
    """Pairs over all surveys that were simulated for them; unknown with a pair without tries."""
    of = survey_market(replicates=2)
    shelf(tries=[3, 5])
    assert panel.acceptance() == 2 / 8
    assert panel.facts(of)["pairs_acceptance"] == 0.25
    from marketsim.reporting.pages import study

    tree = {"settings": to_tree(of)}
    assert study.panel_facts(tree | panel.facts(of))["acceptance"] == "25 %"
    shelf(tries=[3, 0])
    assert math.isnan(panel.acceptance())
    assert study.panel_facts(tree | panel.facts(of))["acceptance"] == ""


# ---------------------------------------------------------------- the file of pairs

LEVEL = "posting.base_posts"
BROKEN = {
    "no seeds": {"seed": None},
    "no trade": {"trade": None},
    "no structure": {"structure": None},
    "no parameter": {LEVEL: None},
    "no tries": {"tries": None},
    "seeds in floating point": {"seed": [5.0, 6.0]},
    "a structure that is not there": {"structure": ["none", "nothing"]},
    "a negative draw of trade": {"trade": [-1, 0]},
    "a negative seed": {"seed": [-1, 0]},
    "a parameter that is not finite": {LEVEL: [1.0, math.inf]},
    "names": {LEVEL: ["a", "b"]},
}


@pytest.mark.parametrize("columns", BROKEN.values(), ids=BROKEN)
def test_pairs_that_cannot_be_used_are_one_line(shelf, columns):
    """A damaged file is refused before any run; of a new panel nobody reads it."""
    path = shelf(**columns)
    of = survey_market(replicates=1)
    with pytest.raises(InputError) as refusal:
        timeline.check_settings(of)
    assert str(path) in str(refusal.value) and "\n" not in str(refusal.value)
    timeline.check_settings(replace(of, panel=NEW))
    shelf()
    timeline.check_settings(of)  # negative control


def test_a_missing_file_of_pairs_is_one_line(shelf):
    path = shelf()
    path.unlink()
    posterior.pairs.cache_clear()
    with pytest.raises(InputError, match=r"pairs\.parquet: missing"):
        timeline.check_settings(survey_market(replicates=1))


def test_more_runs_than_pairs_are_refused(shelf):
    assert len(shelf().read_bytes()) > 0
    timeline.check_settings(survey_market(replicates=2))
    with pytest.raises(InputError, match="replicates=3 .* at most 2"):
        timeline.check_settings(survey_market(replicates=3))


def test_what_is_shipped_is_like_the_published_survey():
    """Each pair has its own draw and seed, and a distance of at most one half-width."""
    pairs = posterior.pairs()
    assert len(pairs) == 400
    assert not pairs[["seed", "trade"]].duplicated().any()
    assert pairs["distance"].between(0.0, 1.0).all()
    manifest = json.loads((posterior.folder() / "manifest.json").read_text())
    assert manifest["tables"]["pairs.parquet"]["rows"] == 400


def test_a_shipped_pair_comes_out_again():
    """The survey of a pair in the whole market has its distance, and nobody was blocked."""
    of, pairs = survey_market(), posterior.pairs()
    jobs = [by_hand(of, run) for run in (0, 1, 2)]
    found = simulation.statistics(jobs)
    distance = discrepancy.distance(discrepancy.deviations(found))
    np.testing.assert_allclose(distance, pairs["distance"][:3], rtol=1e-12)
    assert (found["panel_unblocked"] == 1.0).all()
    other = simulation.statistics([(jobs[0][0], jobs[1][1])])  # negative control
    assert discrepancy.distance(discrepancy.deviations(other))[0] != distance[0]


def test_large_seeds_are_kept_to_the_bit(shelf):
    """Seeds have 63 bits, more than a float."""
    shelf(seed=[2**63 - 1, 2**62 + 1])
    of = survey_market(replicates=2)
    assert [simulation.sample_run(of, run)[0] for run in (0, 1)] == [2**63 - 1, 2**62 + 1]


def test_a_pair_is_what_it_is_whatever_the_seed_of_the_settings():
    """Its draw of trade has a seed of its own: that of `PAIRS_SEED`."""
    of = survey_market()
    assert posterior.PAIRS_SEED == 2015
    assert posterior.pair(replace(of, seed=8), 3) == posterior.pair(of, 3)
    assert posterior.trade_values(replace(of, seed=8), 3) != posterior.trade_values(
        of, 3
    )  # negative control


# ---------------------------------------------------------------- who shares a draw


def test_no_two_pairs_share_a_draw(small):
    """So no share is known, and texts say so."""
    tables = simulation.replicate(small(), range(2), 1)
    assert tables["runs"]["draw"].tolist() == [0, 1]
    shares = summary.summarize(small(), tables)["fit"]["stochastic_share"]
    assert not shares.notna().any()
    assert text.stochastic(math.nan) == "not separated"
    assert text.stochastic(0.314) == "31 %"
    assert math.isnan(stochastic_share(np.array([1.0, 2.0, 4.0]), np.arange(3)))


def rows_of(effect: np.ndarray, draws: np.ndarray) -> pd.DataFrame:
    """Return rows of a comparison: a baseline of 100, and an arm with some effects."""
    runs = np.arange(effect.size)
    arms = [
        pd.DataFrame({"arm": name, "run": runs, "draw": draws, "sold": 100.0 + change})
        for name, change in (("base", 0.0 * effect), ("other", effect))
    ]
    return pd.concat(arms, ignore_index=True)


def test_precision_counts_draws_of_any_number_of_runs():
    """Two runs a draw: means of pairs as before; one run a draw: single runs; more: clusters."""
    rng = np.random.default_rng(5)
    effect = rng.normal(size=40)
    (paired,) = effects.half_widths(rows_of(effect, np.arange(40) // 2), "sold")
    means = effect.reshape(-1, 2).mean(axis=1)
    half = stats.t.ppf(0.975, 19) * means.std(ddof=1) / math.sqrt(20)
    assert paired == pytest.approx(half / 100.0, rel=1e-9)
    (single,) = effects.half_widths(rows_of(effect, np.arange(40)), "sold")
    half = stats.t.ppf(0.975, 39) * effect.std(ddof=1) / math.sqrt(40)
    assert single == pytest.approx(half / 100.0, rel=1e-9)
    # a draw of 20 runs that are all the same is one observation, not twenty
    copies = np.r_[np.full(20, 3.0), effect[:20]]
    draws = np.r_[np.zeros(20, int), np.arange(1, 21)]
    (clustered,) = effects.half_widths(rows_of(copies, draws), "sold")
    (ignored,) = effects.half_widths(rows_of(copies, np.arange(40)), "sold")
    assert clustered > 1.5 * ignored


# ---------------------------------------------------------------- other ways to run a market


def test_a_mesa_market_is_the_first_pair_or_of_its_seed(small):
    """Without a seed it is run 0 of the study; with one it is of a new panel, as before."""
    of = small()
    alone, seed = by_hand(of, 0)
    market = ms.Market(of)
    assert (market.run_seed, market.settings) == (seed, alone)
    other = ms.Market(of, seed=4)
    assert other.run_seed == 4
    assert other.settings == ms.Market(replace(of, panel=NEW), seed=4).settings
    assert other.settings.panel == NEW
    with pytest.raises(InputError, match="seed=4 .* no seed with panel=again"):
        ms.Market(population="survey", panel="again", seed=4)


def test_a_mesa_market_of_keywords_is_the_first_pair():
    """As in Mesa's page: the keywords of a study, without a seed."""
    seed = int(posterior.pairs()["seed"][0])
    assert ms.Market(population="survey", panel="again").run_seed == seed
    assert ms.Market(population="survey").run_seed == seed
    assert ms.Market(population="survey", panel="new").run_seed == 2015  # negative control


def test_the_dashboard_has_the_panel_of_the_command():
    """Pairs where they apply, else fresh seeds; its commands compose to the same settings."""
    cases = [
        (Choice(), AGAIN),
        (Choice(panel=NEW, seed=7), NEW),
        (Choice(population="wechat", seed=7), NEW),
        (Choice(recovery="trend"), NEW),
        (Choice(posterior="prior"), NEW),
        (Choice(fixed={"perception.half_life": 9.0}), NEW),
        (Choice("repeated_sweeps", "baseline_2015", dose_multiplier=2.0), AGAIN),
    ]
    for choice, name in cases:
        of = choices.pair(choice)
        assert of.settings.panel == name
        assert all(arm.settings.panel == name for arm in of.arms)
        words = overrides.overrides(asdict(of.settings))
        assert store.key(composed("run", *words).settings()) == store.key(of.settings)
    assert choices.usual_panel(Choice(seed=7)) == AGAIN
    with pytest.raises(InputError, match="seed=7 .* panel=new"):
        choices.pair(Choice(seed=7))


def test_a_validation_predicts_both_panels(tmp_path):
    """A new one by the default study, this one again by the pairs; `again` alone is refused."""
    again = validate_command.again_settings(500)
    assert (again.panel, again.replicates, panel.reason(again)) == (AGAIN, 400, "")
    assert validate_command.again_settings(7).replicates == 7
    timeline.check_settings(again)
    with pytest.raises(InputError, match="panel=again .* both"):
        validate_command.validate(again, tmp_path, 1, False)


def test_posting_alone_has_no_pairs():
    assert panel.by_default(survey_market(market=POSTING_ONLY)) == NEW
    assert panel.by_default(survey_market()) == AGAIN  # negative control
