"""The command `calibrate` from end to end: what it leaves, refuses, and does not do twice."""

import hashlib
import json
import re
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from conftest import settings as small
from test_cli import command
from test_posterior import forget

from marketsim.analysis.inference import (
    checks,
    emulator,
    forecasts,
    pairs,
    panel_surveys,
    posting,
    reference_table,
    summaries,
)
from marketsim.commands import calibrate as calibrate_command
from marketsim.commands import compose, options
from marketsim.errors import InputError
from marketsim.parameters import posterior, presets, priors
from marketsim.parameters.settings import POSTING_ONLY, Inference, Settings
from marketsim.reporting.figures import registry
from marketsim.simulation import run, store
from marketsim.survey import statistics

TINY = Inference(
    simulations=2000, rounds=1, round_simulations=400, market_simulations=60, held_out=30,
    draws=20, tests=20, pairs=5,
)  # fmt: skip
LESS = Inference(
    simulations=700, rounds=1, round_simulations=100, market_simulations=40, held_out=20,
    draws=10, tests=10, pairs=2,
)  # fmt: skip
FIXED = {"perception.half_life": 20.0, "posting.silent_share": 0.3}
RETAILERS = 60
# columns of each table: those of `survey.fit.fit` before the others, in structure_fit
TABLES = {
    "structures": "structure probability standard_error log_evidence effective_draws",
    "rounds": "round simulations like_published unblocked",
    "contraction": "structure parameter q05 median q95 contraction standard_error seen",
    "correlations": "structure parameter_1 parameter_2 correlation",
    "point": "key value",
    "structure_fit": "id role observed obs_low obs_high median q05 q95 stochastic_share unit runs "
    "p_value structure",
    "coverage": "parameter level covered ci_low ci_high tests",
    "confusion": "true selected probability standard_error chosen tests",
    "misses": "id p_value unusual observed",
    "emulator": "id surveys bias bias_error spread covered ks p_value",
    "further_data": "data log_score standard_error chosen gain gain_error",
    "leave_one_out": "id model observed q05 median q95 width crps log_score",
    "models": "survey question model surveys log_score standard_error crps crps_error coverage",
    "acceptance": "step tried kept",
    "gates": "gate measured low high passed",
}


@contextmanager
def shortened():
    """Shorten what is done with the surveys of a search."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(posting, "POOL", 20_000)
        patch.setattr(posting, "FINAL_POOL", 40_000)
        patch.setattr(posting, "SCOUTS", 10_000)
        patch.setattr(posting, "NETWORKS", 2)
        patch.setattr(posting, "PREDICTED", 5)
        patch.setattr(checks, "POOL", 5000)
        patch.setattr(forecasts, "POOL", 3000)
        patch.setattr(forecasts, "SYNTHETIC", 5)
        patch.setattr(emulator, "EPOCHS", 5)
        patch.setattr(reference_table, "BATCH", 500)
        patch.setattr(pairs, "SCREEN", 6.0)
        patch.setattr(pairs, "NEAREST", 4.0)
        patch.setattr(pairs, "TOGETHER", 20)
        yield


def words(of: Inference, output: object = "results") -> list[str]:
    """Return the words of the command after its name."""
    own = [f"population.retailers={RETAILERS}", "threads=2", "progress=false", f"output={output}"]
    return [*own, *(f"calibration.{key}={value}" for key, value in asdict(of).items())]


def calibrate(of: Inference, output: object, *more: str) -> Path:
    """Calibrate as the command does; return the folder."""
    given = [*words(of, output), *more]
    asked = compose.composed(given, "calibrate", options.CalibrateCommand)
    return calibrate_command.run(asked)


@contextmanager
def counted(done: dict[str, int]):
    """Count the simulated surveys and the trained emulators."""

    def count(name: str, plain, size=lambda of, *_, **__: len(of)):
        def counting(*given, **named):
            done[name] = done.get(name, 0) + size(*given, **named)
            return plain(*given, **named)

        return counting

    with pytest.MonkeyPatch.context() as patch:
        for name, module in (("panel", panel_surveys), ("market", run)):
            patch.setattr(module, "statistics", count(name, module.statistics))
        patch.setattr(emulator, "train", count("trained", emulator.train, lambda *_, **__: 1))
        yield


def cut_off(*_) -> None:
    raise KeyboardInterrupt


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> SimpleNamespace:
    """Calibrate once: killed after the first round, killed after the search, and to its end."""
    output, steps = tmp_path_factory.mktemp("calibration"), []
    forget()
    with shortened():
        for module, name in ((posting, "whole_market"), (calibrate_command, "tables"), (None, "")):
            done: dict[str, int] = {}
            with pytest.MonkeyPatch.context() as patch, counted(done):
                if module is not None:
                    patch.setattr(module, name, cut_off)
                    with pytest.raises(KeyboardInterrupt):
                        calibrate(TINY, output)
                    assert not list(output.glob("*/*/manifest.json"))
                else:
                    folder = calibrate(TINY, output)
            steps.append(done)
    return SimpleNamespace(folder=folder, output=output, steps=steps)


@pytest.fixture(scope="module")
def held(tmp_path_factory) -> Path:
    """Calibrate one structure with parameters fixed, where no survey is near enough for a pair."""
    own = [f"{key}={value}" for key, value in FIXED.items()]
    with shortened(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "SCREEN", 0.0)
        return calibrate(LESS, tmp_path_factory.mktemp("fixed"), "recovery=forgetting", *own)


def table(found: SimpleNamespace, name: str) -> pd.DataFrame:
    return pd.read_csv(found.folder / f"{name}.csv")


def drawn(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "posterior.parquet")


# ---------------------------------------------------------------- what it leaves


def test_a_calibration_leaves_what_it_promises(made):
    """The tables have their columns, the files plain types and units; the manifest checksums."""
    for name in TABLES:
        assert f"`{name}`" in calibrate_command.tables.__doc__
        found = table(made, name)
        assert list(found) == TABLES[name].split() and len(found), name
    values = list(priors.uncertain())
    columns = {"posterior": ["structure", "weight", *values]}
    columns["pairs"] = ["structure", "seed", "trade", "distance", "tries", *values]
    for name, expected in columns.items():
        schema = pq.read_schema(made.folder / f"{name}.parquet")
        assert schema.names == expected
        assert {str(item.type) for item in schema} <= {"double", "int64", "string", "large_string"}
        assert all(item.metadata[b"unit"] and item.metadata[b"description"] for item in schema)
    manifest = json.loads((made.folder / "manifest.json").read_text())
    files = {*(f"{name}.csv" for name in TABLES), *(f"{name}.parquet" for name in columns)}
    assert set(manifest["tables"]) == files == {
        path.name for path in made.folder.iterdir() if path.suffix in (".csv", ".parquet")
    }  # fmt: skip
    for name in files:
        digest = hashlib.sha256((made.folder / name).read_bytes()).hexdigest()
        assert manifest["tables"][name]["sha256"] == digest
    assert manifest["calibration"] == asdict(TINY)
    assert manifest["simulations"] == 2000 + 400 + 60
    assert manifest["key"] == made.folder.name
    assert not (made.folder / calibrate_command.SEARCH).exists()
    kept = {path.name for path in made.folder.iterdir()} - files
    assert kept == {"figures", "manifest.json", "report.html"}


def test_draws_lie_inside_their_priors_with_equal_weights(made):
    """Each structure has as many draws; weights add up to 1, values are those of the priors."""
    rows = drawn(made.folder)
    assert rows["structure"].value_counts().to_dict() == dict.fromkeys(priors.STRUCTURES, 20)
    weights = rows.groupby("structure")["weight"].sum()
    assert weights.to_dict() == pytest.approx(dict.fromkeys(priors.STRUCTURES, 1.0))
    assert (rows["weight"] > 0.0).all()
    for key, prior in priors.uncertain().items():
        assert rows[key].between(prior.low, prior.high).all(), key
        assert rows[key].nunique() > len(rows) / 2, key


def test_probabilities_add_up_to_one(made):
    """So do those of the confusion matrix, for each true structure; the errors are not negative."""
    found = table(made, "structures")
    assert found["structure"].tolist() == list(priors.STRUCTURES)
    assert found["probability"].sum() == pytest.approx(1.0)
    assert found["probability"].between(0.0, 1.0).all() and (found["standard_error"] >= 0.0).all()
    assert found["effective_draws"].between(1.0, 40_000).all()
    for column in ("probability", "chosen"):
        of = table(made, "confusion").groupby("true")[column].sum()
        assert of.to_numpy() == pytest.approx(1.0)


def test_the_point_is_a_draw_of_the_likeliest_structure(made):
    """The calibrated point is, value by value, one of the draws."""
    values = table(made, "point").set_index("key")["value"]
    chances = table(made, "structures").set_index("structure")["probability"]
    assert values["structure"] == chances.idxmax()
    rows = drawn(made.folder)
    own = rows[rows["structure"] == values["structure"]]
    point = values.drop("structure").astype(float)
    assert list(point.index) == list(priors.uncertain())
    assert (own[point.index] == point).all(axis=1).sum() == 1


def test_the_tables_are_of_what_was_simulated(made):
    """Rounds, tests and pairs are as many as were asked for; levels and p-values are shares."""
    rounds = table(made, "rounds")
    assert rounds["round"].tolist() == [0, 1, 2]
    assert rounds["simulations"].tolist() == [2000, 400, 60]
    coverage = table(made, "coverage")
    assert (coverage["tests"] == TINY.tests).all()
    assert set(coverage["parameter"]) == {*priors.uncertain(), checks.POOLED}
    assert coverage[["level", "covered", "ci_low", "ci_high"]].stack().between(0.0, 1.0).all()
    assert table(made, "misses")["id"].tolist() == [*summaries.SUMMARIES, "all"]
    assert table(made, "misses")["p_value"].between(0.0, 1.0).all()
    fitted = table(made, "emulator")
    assert fitted["id"].tolist() == [*summaries.SUMMARIES, "events"]
    assert fitted["surveys"].iloc[-1] == TINY.held_out
    judged = [name for name in statistics.STATISTICS if name != "ratio_week_6_12"]
    ids = table(made, "structure_fit").groupby("structure")["id"].apply(list).to_dict()
    assert ids == dict.fromkeys(priors.STRUCTURES, judged)
    found = table(made, "contraction").groupby("structure")["parameter"].apply(list).to_dict()
    assert found == {name: list(priors.uncertain()) for name in priors.STRUCTURES}
    gates = table(made, "gates")
    inside = gates["measured"].between(gates["low"], gates["high"])
    assert (gates["passed"] == inside).all()


def test_every_pair_repeats_a_survey_near_the_published_one(made):
    """A pair simulated again from its draw and seed is as far off as stored, and saw the events."""
    rows = pd.read_parquet(made.folder / "pairs.parquet")
    assert len(rows) == TINY.pairs
    assert (rows["distance"] <= 4.0).all()
    of = compose.composed(words(TINY), "calibrate", options.CalibrateCommand).settings()
    jobs = [
        (posting.whole_settings(of, row, int(row["trade"])), int(row["seed"]))
        for _, row in rows.iterrows()
    ]
    again = run.statistics(jobs)
    apart = pairs.discrepancy.distance(pairs.discrepancy.deviations(again))
    np.testing.assert_array_equal(apart, rows["distance"])
    assert summaries.events(again).all()
    other = run.statistics([(jobs[0][0], jobs[0][1] + 1)])  # negative control
    assert pairs.discrepancy.distance(pairs.discrepancy.deviations(other))[0] != apart[0]


def test_the_report_needs_no_other_file(made):
    """Report and figures exist; nothing is fetched, and every picture has words in its place."""
    for spec in registry.KINDS["calibration"]:
        content = (made.folder / "figures" / spec.file).read_bytes()
        assert content.startswith(b"\x89PNG\r\n\x1a\n")
    page = (made.folder / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    assert "default-src 'none'" in page
    assert page.count("<img ") == page.count(' alt="') == len(registry.KINDS["calibration"])
    plain = " ".join(re.sub("<.*?>", "", page).split())
    assert "2,460 simulated surveys" in plain
    asked = [word for word in words(TINY) if word.startswith(("calibration.", "population."))]
    assert all(word in plain for word in asked if word != "calibration.rounds=2")


def test_a_found_posterior_is_sampled(made, monkeypatch):
    """What a calibration writes is what a study reads: a draw is one of its rows."""
    trade = posterior.folder(presets.TRADE_POSTERIOR)
    monkeypatch.setattr(
        posterior, "folder", lambda name="": trade if "market" in name else made.folder
    )
    forget()
    of = small(30, recovery="mixture", market=POSTING_ONLY, posterior=presets.POSTERIOR)
    posterior.check(of)
    rows, structures = drawn(made.folder), set()
    for number in range(10):
        one = posterior.draw(of, number)
        own = rows[rows["structure"] == one.structure]
        assert (own[list(one.values)] == pd.Series(one.values)).all(axis=1).sum() == 1
        structures.add(one.structure)
    assert len(structures) > 1
    forget()


# ---------------------------------------------------------------- what it does not do twice


def test_a_killed_calibration_goes_on(made):
    """What was simulated and trained before it was killed is neither again."""
    first, second, last = made.steps
    assert first == {"panel": 2000 + 400, "trained": 2}
    assert second == {"market": 60, "trained": 2}
    # of the last, all are predictions and pairs, and emulators of further data and of forecasts
    assert "panel" not in last
    predictions = 5 * len(priors.STRUCTURES)
    assert last["market"] == predictions + int(table(made, "acceptance")["tried"].iloc[-1])
    assert last["trained"] == len(summaries.FURTHER) + 1


def test_a_complete_calibration_is_taken_as_it_is(made, monkeypatch, capfd):
    """The same command again reads the result, byte for byte, and prints it."""
    before = {path: path.read_bytes() for path in made.folder.rglob("*") if path.is_file()}
    done: dict[str, int] = {}
    with shortened(), counted(done):
        command(monkeypatch, "calibrate", *words(TINY, made.output))
    assert done == {}
    after = {path: path.read_bytes() for path in made.folder.rglob("*") if path.is_file()}
    assert after == before
    assert not store.partial_folder(made.folder).exists()
    out, err = capfd.readouterr()
    assert err == ""
    assert out.endswith(f"done: {made.folder}\n")
    assert all(name in out for name in priors.STRUCTURES) and "effective draws" in out


@pytest.mark.parametrize(
    ("of", "more"),
    [(replace(TINY, tests=21), []), (TINY, ["seed=1"]), (TINY, ["recovery=trend"])],
)
def test_another_calibration_is_not_taken_for_it(made, monkeypatch, of, more):
    """Negative control: another option, seed or structure is another search."""
    monkeypatch.setattr(posting, "search", cut_off)
    with pytest.raises(KeyboardInterrupt):
        calibrate(of, made.output, *more)


def test_calibrations_share_the_surveys_of_the_prior(made):
    """Another search with the same settings simulates none of them again; another seed does."""
    asked = compose.composed(words(TINY), "calibrate", options.CalibrateCommand).settings()
    done: dict[str, int] = {}
    with shortened(), counted(done):
        rows = reference_table.table(asked, made.output / "prior", 1800, 1)
        assert done == {} and len(rows) == 1800
        reference_table.table(replace(asked, seed=1), made.output / "prior", 2, 1)
    assert done == {"panel": 500}


# ---------------------------------------------------------------- fixed parameters


def test_fixed_parameters_keep_their_values(held):
    """In every draw and at the point, to the bit; nothing is said of what the data tell of them."""
    rows = drawn(held)
    assert set(rows["structure"]) == {"forgetting"} and len(rows) == LESS.draws
    point = pd.read_csv(held / "point.csv").set_index("key")["value"]
    for key, value in FIXED.items():
        assert (rows[key] == value).all(), key
        assert float(point[key]) == value
    assert rows["posting.base_posts"].nunique() == len(rows)
    uncertain = set(priors.uncertain()) - set(FIXED)
    assert set(pd.read_csv(held / "contraction.csv")["parameter"]) == uncertain
    assert set(pd.read_csv(held / "coverage.csv")["parameter"]) == {*uncertain, checks.POOLED}
    tied = pd.read_csv(held / "correlations.csv")
    assert not {*tied["parameter_1"], *tied["parameter_2"]} & set(FIXED)
    page = (held / "report.html").read_text(encoding="utf-8")
    assert all(key in page for key in FIXED)


def test_one_structure_is_certain_and_without_near_surveys_there_are_no_pairs(held):
    """A single structure has probability 1; the table of pairs has its columns and no row."""
    found = pd.read_csv(held / "structures.csv")
    assert found["structure"].tolist() == ["forgetting"]
    assert found["probability"].tolist() == pytest.approx([1.0])
    rows = pd.read_parquet(held / "pairs.parquet")
    assert len(rows) == 0
    assert list(rows) == ["structure", "seed", "trade", "distance", "tries", *priors.uncertain()]
    assert (pd.read_csv(held / "acceptance.csv")["kept"] == 0).all()


# ---------------------------------------------------------------- what is refused


def start(recovery: str = "mixture", retailers: int = 20, **changes: object) -> Settings:
    changes = {"market": POSTING_ONLY, "posterior": posterior.PRIOR} | changes
    return small(retailers, recovery=recovery, **changes)


BAD = {
    "too few surveys": ({"simulations": 199}, {}, "calibration.simulations", "200 to"),
    "no round": ({"rounds": 0}, {}, "calibration.rounds", "1 to 10"),
    "not a number": ({"draws": True}, {}, "calibration.draws", "a number"),
    "none to train on": ({"held_out": 60}, {}, "calibration.held_out", "market_simulations=60"),
    "from nothing": ({}, {"posterior": "none"}, "posterior", "prior, where calibration"),
    "from itself": ({}, {"posterior": "calibration_2015"}, "posterior", "prior"),
    "from a point": ({}, {"posterior": "point"}, "posterior", "prior"),
    "with trade": ({}, {"market": "full"}, "market", POSTING_ONLY),
    "overwritten": ({}, {"posting__trend": 0.05}, "posting.trend", "fixed=[posting.trend]"),
    "out of range": ({}, {"posting__weekend": 9.0}, "posting.weekend", "0.5 to 2"),
    "no such day": ({}, {"horizon__end": "2015-06-30"}, "horizon.end", "2015-07-31"),
}


def no_search(*_) -> None:
    raise AssertionError("searched")


@pytest.mark.parametrize("name", list(BAD))
def test_what_cannot_be_calibrated_is_refused(monkeypatch, name):
    """Key, value and what is allowed, before anything is written or simulated."""
    monkeypatch.setattr(posting, "search", no_search)
    how, changes, key, allowed = BAD[name]
    settings, results = start("trend", **changes), Path("results")
    with pytest.raises(InputError) as fault:
        calibrate_command.calibrate(settings, replace(TINY, **how), results, results, 1, False)
    assert fault.value.key == key
    assert allowed in fault.value.allowed
    assert not results.exists()


@pytest.mark.parametrize("recovery", ["mixture", *priors.STRUCTURES])
def test_what_can_be_calibrated_is_not_refused(monkeypatch, recovery):
    """Negative control: all structures, or any one of them."""
    monkeypatch.setattr(posting, "search", no_search)
    results = Path("results")
    with pytest.raises(AssertionError, match="searched"):
        calibrate_command.calibrate(start(recovery), TINY, results, results, 1, False)


@pytest.mark.parametrize(
    ("word", "allowed"),
    [
        ("calibration.simulations=3", "200 to 10000000 surveys"),
        ("calibration.round=1", "did you mean 'calibration.rounds'"),
        ("calibration.particles=100", "calibration.particles"),
        ("calibration.held_out=10000", "fewer than calibration.market_simulations=10000"),
        ("posterior=none", "prior, where calibration starts"),
        ("market=full", POSTING_ONLY),
        ("recovery.smooth=0.3", "unchanged"),
        ("scenario.interventions.sweep_may.date=2016-05-29", "2015-03-06 to 2015-07-31"),
    ],
)
def test_refusals_are_one_line_of_the_command(monkeypatch, capfd, tmp_path, word, allowed):
    """`marketsim calibrate` says what is wrong in one line, and writes nothing."""
    monkeypatch.setattr(posting, "search", no_search)
    with pytest.raises(SystemExit) as stop:
        command(monkeypatch, "calibrate", "population.retailers=30", "progress=false", word)
    out, err = capfd.readouterr()
    assert (stop.value.code, out, err.count("\n")) == (2, "", 1)
    key = word.partition("=")[0]
    assert key in err or "recovery=mixture" in err
    assert allowed in err
    assert list(tmp_path.iterdir()) == []
