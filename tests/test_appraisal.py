"""Validation: predictions and their variation, and what the command leaves."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import settings as small
from test_cli import command
from test_posterior import forget, made, shelf

from marketsim.analysis.inference import predictive_check
from marketsim.commands import calibrate as calibrate_command
from marketsim.commands import validate as validate_command
from marketsim.errors import InputError
from marketsim.parameters import posterior, presets
from marketsim.parameters.settings import POSTING_ONLY, Inference
from marketsim.reporting.figures import registry
from marketsim.simulation import store
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


# ---------------------------------------------------------------- the command


def test_a_calibration_starts_from_the_prior_of_posting(monkeypatch):
    """`marketsim calibrate` takes the shared settings, and the surveys of the prior in OUTPUT."""
    taken = []

    def take(settings, how, surveys, *_):
        taken.append((settings, how, surveys))
        raise InputError("taken", "", "")

    monkeypatch.setattr(calibrate_command, "calibrate", take)
    for words in ([], ["seed=1", "calibration.rounds=3", "output=elsewhere"]):
        with pytest.raises(SystemExit):
            command(monkeypatch, "calibrate", *words)
    (settings, how, surveys), (other, more, elsewhere) = taken
    assert (settings.posterior, settings.market) == (posterior.PRIOR, POSTING_ONLY)
    assert settings.population.retailers == 1000
    assert (surveys, elsewhere) == (Path("results/prior"), Path("elsewhere/prior"))
    assert how == Inference() and more == replace(how, rounds=3)
    assert other == replace(settings, seed=1)


def test_what_is_validated_is_the_default_study(monkeypatch):
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


# ---------------------------------------------------------------- from end to end


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Put a small posterior in the place of the shipped one."""
    folder = tmp_path / "toy"
    made(folder)
    monkeypatch.setattr(posterior, "folder", shelf(folder))
    forget()
    yield folder
    forget()


TABLES = {"predictive", "predictive_again", "replicates"}


def no_study(*_, **__) -> None:
    raise AssertionError("simulated")


def test_a_validation_leaves_what_it_promises(toy, monkeypatch):
    """Each table is there, in the manifest, and of the study; again it is taken as it is."""
    monkeypatch.setattr(predictive_check, "SIZES", (6, 20))
    of, asked = small(30, recovery="mixture", posterior=presets.POSTERIOR, replicates=8), "asked"
    folder = validate_command.validate(of, Path(asked), 1, False)
    assert {path.stem for path in folder.glob("*.csv")} == TABLES
    manifest = json.loads((folder / "manifest.json").read_text())
    assert set(manifest["tables"]) == {f"{table}.csv" for table in TABLES}
    assert manifest["key"] == folder.name
    figures = {path.stem for path in (folder / "figures").glob("*.png")}
    assert figures == {spec.name for spec in registry.KINDS["validation"]}
    assert "report of a validation" in (folder / "report.html").read_text().lower()
    studies = Path(asked, "runs").glob("*/manifest.json")
    (study,) = [one for one in studies if json.loads(one.read_text())["panel"] == "new"]
    fit = pd.read_csv(study.with_name("fit.csv"))
    found = pd.read_csv(folder / "predictive.csv")
    pd.testing.assert_frame_equal(found[["id", "median", "p_value"]],
                                  fit[["id", "median", "p_value"]])  # fmt: skip
    assert (found["width"].dropna() >= 0.0).all() and found["width"].max() > 0.0
    assert pd.read_csv(folder / "replicates.csv")["runs"].unique().tolist() == [6, 8]

    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    monkeypatch.setattr(validate_command.run_command, "run_study", no_study)
    assert validate_command.validate(of, Path(asked), 3, False) == folder
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert not store.partial_folder(folder).exists()
    with pytest.raises(AssertionError, match="simulated"):
        validate_command.validate(replace(of, replicates=7), Path(asked), 1, False)
    with (toy / "structures.csv").open("ab") as to:  # a new posterior is a new validation
        to.write(b"\n")
    with pytest.raises(AssertionError, match="simulated"):
        validate_command.validate(of, Path(asked), 1, False)
