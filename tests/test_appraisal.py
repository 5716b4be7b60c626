"""Appraisals: predictions by closed forms, variation by hand, and one table shared by all."""

import json
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from conftest import settings as small
from test_cli import command
from test_posterior import forget, made, shelf

from marketsim.analysis.inference import predictive_check, reference_table
from marketsim.commands import calibrate as calibrate_command
from marketsim.commands import options
from marketsim.commands import validate as validate_command
from marketsim.errors import InputError
from marketsim.parameters import posterior, presets, priors
from marketsim.parameters.settings import POSTING_ONLY
from marketsim.reporting.figures import registry
from marketsim.reporting.pages import validation as validation_page
from marketsim.simulation import store
from marketsim.survey import discrepancy
from marketsim.survey import fit as survey_fit


def predicted(draws=None, **values) -> pd.DataFrame:
    """Return the predictions of runs with these statistics, by the id of the fact."""
    table = pd.DataFrame(values, dtype=float)
    of = pd.Series(range(len(table)) if draws is None else draws)
    return predictive_check.predictive(table, of).set_index("id")


# ---------------------------------------------------------------- predictions


def test_a_prediction_is_the_fit_and_its_width():
    """What the fit says of each figure stays as it is, its p-value too; the width is added."""
    values = pd.DataFrame({"fall_week_5": [0.5, 0.6, 0.7, 0.55], "ads_total": [1.0, 2.0, 3.0, 9.0]})
    draws = pd.Series([0, 0, 1, 1])
    table, fit = predictive_check.predictive(values, draws), survey_fit.fit(values, draws)
    assert list(table) == [*fit, "width"]
    pd.testing.assert_frame_equal(table[list(fit)], fit)
    assert (
        fit["stochastic_share"].between(0.0, 0.99).any()
    )  # negative control: the draws are made use of


@pytest.mark.parametrize("missing", [np.nan, np.inf])
def test_runs_without_a_figure_predict_nothing(missing):
    """A run whose figure is not finite is left out; where none is, there is no width."""
    runs = 0.55 + np.arange(-50.0, 51.0) / 1000.0
    assert predicted(fall_week_5=runs)["width"].to_list() == pytest.approx([0.09])
    gaps = predicted(fall_week_5=[missing, *runs, missing])
    pd.testing.assert_frame_equal(
        gaps.drop(columns="stochastic_share"),
        predicted(fall_week_5=runs).drop(columns="stochastic_share"),
    )
    assert np.isnan(predicted(fall_week_5=[missing] * 3).loc["fall_week_5", "width"])


# ---------------------------------------------------------------- variation


def test_variation_by_hand(monkeypatch):
    """Of 1, 3, 2 and 6 two vary by the root of a half, three by a half; 4, 4, 4, 4 by nothing."""
    monkeypatch.setattr(predictive_check, "SIZES", (2, 3, 4, 10))
    values = pd.DataFrame({"one": [1.0, 3.0, 2.0, 6.0], "still": [4.0] * 4}, index=range(10, 14))
    table = predictive_check.variation(values)
    assert list(table) == ["id", "runs", "variation"]
    assert table["id"].tolist() == ["one"] * 3 + ["still"] * 3
    assert table["runs"].tolist() == [2, 3, 4] * 2
    expected = [np.sqrt(2.0) / 2.0, 0.5, np.sqrt(14.0 / 3.0) / 3.0]
    assert table["variation"][:3].tolist() == pytest.approx(expected)
    assert table["variation"][3:].tolist() == [0.0] * 3


def test_variation_is_of_the_first_runs():
    """Runs that come later do not change what was said of the first; their order does."""
    random = np.random.default_rng(4)
    values = pd.DataFrame({"ads_total": random.normal(10.0, 2.0, 250)})
    table = predictive_check.variation(values)
    assert table["runs"].tolist() == [20, 50, 100, 200, 250]
    sooner = predictive_check.variation(values[:120])
    assert sooner["runs"].tolist() == [20, 50, 100, 120]
    assert sooner["variation"][:3].tolist() == table["variation"][:3].tolist()
    assert predictive_check.variation(values[::-1])["variation"][0] != table["variation"][0]
    assert table["variation"].iloc[-1] == pytest.approx(0.2, abs=0.03)


# ---------------------------------------------------------------- what is shared


def test_the_search_and_both_appraisals_share_one_table(monkeypatch, capfd):
    """The commands' own settings are those of the shared table; another seed is another table."""
    taken = []

    def take(settings, *_):
        taken.append(settings)
        raise InputError("taken", "", "")

    monkeypatch.setattr(validate_command, "identify", take)
    monkeypatch.setattr(calibrate_command, "calibrate", lambda stage, *_: take(stage.settings))
    for words in (["identify"], ["calibrate"], ["identify", "seed=1"]):
        with pytest.raises(SystemExit):
            command(monkeypatch, *words)
    assert taken[0] == taken[1] == validate_command.prior_settings() != taken[2]
    assert store.key(taken[0]) == store.key(validate_command.prior_settings())
    assert validate_command.prior_settings().population.retailers == 1000
    assert validate_command.prior_settings().posterior == posterior.PRIOR
    assert validate_command.prior_settings().market == POSTING_ONLY


def test_what_is_validated_is_the_default_study(monkeypatch, capfd):
    """`marketsim validate` predicts with the settings of `marketsim`, over more runs."""
    taken = []

    def take(settings, *_):
        taken.append(settings)
        raise InputError("taken", "", "")

    monkeypatch.setattr(validate_command, "validate", take)
    with pytest.raises(SystemExit):
        command(monkeypatch, "validate")
    default = presets.named()
    assert taken[0].replicates > default.replicates
    default.replicates = taken[0].replicates
    assert taken[0] == default


def test_the_smallest_table_is_large_enough():
    """The fewest simulations the command takes leave each survey its neighbours, and one more."""
    (of,) = [item for item in fields(options.TableCommand) if item.name == "simulations"]
    keep = int(of.metadata["low"] * validate_command.KEEP)
    others = of.metadata["low"] // len(priors.STRUCTURES) - 1
    assert len(discrepancy.SUMMARIES) < keep < others


# ---------------------------------------------------------------- from end to end


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Make everything small: the posterior, the market of the table, and what is asked of it."""
    folder = tmp_path / "toy"
    made(folder)
    monkeypatch.setattr(posterior, "folder", shelf(folder))
    monkeypatch.setattr(reference_table, "BATCH", 80)
    monkeypatch.setattr(validate_command, "TESTS", 8)
    monkeypatch.setattr(validate_command, "KEEP", 0.09)
    monkeypatch.setattr(validate_command, "NEAR", 0.5)
    monkeypatch.setattr(validate_command.cross_validation, "NEAREST", 40)
    monkeypatch.setattr(validate_command.cross_validation, "DRAWS", 200)
    of = small(30, recovery="mixture", market=POSTING_ONLY, posterior=posterior.PRIOR)
    monkeypatch.setattr(validate_command, "prior_settings", lambda: of)
    monkeypatch.setattr(validation_page, "write", lambda *_: None)
    drawn = []
    save = registry.save

    def record(folder, kind, tables, **facts):
        if kind not in KINDS.values():  # those of the study that a validation runs
            return save(folder, kind, tables, **facts)
        return drawn.append((folder.name, kind, set(tables)))

    monkeypatch.setattr(registry, "save", record)
    forget()
    yield SimpleNamespace(drawn=drawn, posterior=folder)
    forget()


ASKED = {
    "identify": "recovery coverage confusion structure_probabilities contraction correlations",
    "validate": "predictive predictive_again replicates leave_one_out models",
}
KINDS = {"identify": "identifiability", "validate": "validation"}  # of figures


def test_appraisals_leave_what_they_promise_and_share_a_table(toy, monkeypatch):
    """Each table is there, drawn from and in the manifest; both read the same simulations."""
    written = []
    predicts = small(30, recovery="mixture", posterior=presets.POSTERIOR, replicates=6)
    settings = {"identify": validate_command.prior_settings(), "validate": predicts}
    for name, tables in ASKED.items():
        of = settings[name]
        asked = (of, Path("results/prior"), Path("results/asked"), 160, 1, False)
        folder = getattr(validate_command, name)(*asked)
        names = set(tables.split())
        assert {path.stem for path in folder.glob("*.csv")} == names
        assert all(len(pd.read_csv(path)) > 0 for path in folder.glob("*.csv"))
        assert toy.drawn.pop() == ("figures", KINDS[name], names)
        manifest = json.loads((folder / "manifest.json").read_text())
        assert set(manifest["tables"]) == {f"{table}.csv" for table in names}
        assert (manifest["simulations"], manifest["key"]) == (160, folder.name)
        written.append({path: path.stat().st_mtime_ns for path in asked[1].glob("*/*")})
        assert_taken_as_it_is(name, asked, folder, toy)
    assert len(written[0]) == 4  # two batches, and that each is whole
    assert written[1] == written[0]
    table = reference_table.table(validate_command.prior_settings(), asked[1], 160)
    assert table["structure"].value_counts().to_dict() == {
        name: 160 / len(priors.STRUCTURES) for name in priors.STRUCTURES
    }


def assert_taken_as_it_is(name: str, asked: tuple, folder: Path, toy: SimpleNamespace) -> None:
    """Ask again: the result is read; but not for more simulations, or after a new posterior."""
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}

    def nothing_new(*_):
        raise AssertionError("simulated")

    structures = toy.posterior / "structures.csv"
    shipped = structures.read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference_table, "table", nothing_new)
        ask = getattr(validate_command, name)
        assert ask(*asked) == folder
        assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
        assert not store.partial_folder(folder).exists()
        with pytest.raises(AssertionError, match="simulated"):
            ask(*asked[:3], 320, *asked[4:])
        structures.write_bytes(shipped + b"\n")
        with pytest.raises(AssertionError, match="simulated"):
            ask(*asked)
    structures.write_bytes(shipped)
