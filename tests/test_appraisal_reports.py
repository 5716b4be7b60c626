"""The pages of a calibration and a validation, made of the published tables."""

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from marketsim.commands import compose, options
from marketsim.parameters import posterior, presets
from marketsim.parameters.settings import Calibration
from marketsim.reporting.pages import calibration as calibration_page
from marketsim.reporting.pages import validation as validation_page

PUBLISHED = Path(__file__).parents[1] / "results" / "published"


def _tables(name, *names):
    return {one: _with_p_values(pd.read_csv(PUBLISHED / name / f"{one}.csv")) for one in names}


def _with_p_values(table):
    """Add what tables published before there were p-values lack."""
    if "within" in table and "p_value" not in table:
        table = table.assign(p_value=table["within"].map({True: 0.5, False: 0.01}))
    return table.assign(runs=200) if "p_value" in table and "runs" not in table else table


def _folder(tmp_path, name):
    return shutil.copytree(PUBLISHED / name / "figures", tmp_path / name / "figures").parent


@pytest.fixture
def calibrated(tmp_path):
    """Make the page of the published calibration, and return it with its tables."""
    settings = compose.composed([], "calibrate", options.CalibrateCommand).settings()
    tables = _tables("calibration_2015", "structures", "structure_fit")
    tables["posterior"] = posterior.draws()
    search = Calibration(particles=500)
    folder = _folder(tmp_path, "calibration_2015")
    page = calibration_page.write(folder, settings, search, 54_443, tables)
    return page.read_text(encoding="utf-8"), tables


def test_a_calibration_says_what_the_survey_narrowed(calibrated):
    """The answer has the most and least probable explanation, and the best known parameter."""
    page, tables = calibrated
    rows = calibration_page.parameters(tables["posterior"], tables["structures"])
    assert [row["contraction"] for row in rows] == sorted(
        (row["contraction"] for row in rows), reverse=True
    )
    narrowed = sum(row["contraction"] >= 0.5 for row in rows)
    words = " ".join(re.sub("<.*?>", "", page).split())
    assert f"reduces the uncertainty of {narrowed} of {len(rows)} fitted parameters" in words
    best = tables["structures"].sort_values("probability").iloc[-1]
    assert (
        f"{best['structure'].replace('_', ' ')}, has probability {100 * best['probability']:.0f} %"
        in words
    )
    assert "54,443 simulated surveys" in words


def test_a_prior_is_narrowed_by_nothing(calibrated):
    """Where draws are even over the prior, none of it is narrowed; a point is known wholly."""
    _, tables = calibrated
    draws = tables["posterior"].iloc[:400].copy()
    draws["structure"], draws["weight"] = "forgetting", 1 / 400
    prior = calibration_page.priors.uncertain()["posting.base_posts"]
    shares = [(k + 0.5) / 400 for k in range(400)]
    draws["posting.base_posts"] = [calibration_page.priors.value(prior, u) for u in shares]
    draws["posting.video_share"] = draws["posting.video_share"].iloc[0]
    found = pd.DataFrame({"structure": ["forgetting"], "probability": [1.0]})
    rows = {row["key"]: row["contraction"] for row in calibration_page.parameters(draws, found)}
    assert rows["posting.base_posts"] == pytest.approx(0.0, abs=0.01)
    assert rows["posting.video_share"] == pytest.approx(1.0)


def test_the_commands_make_the_same_settings():
    """The command on a page composes what it was made of."""
    for name, kind, make in (
        ("calibrate", options.CalibrateCommand,
         lambda of: calibration_page.command(of.settings(), of.calibration)),
        ("validate", options.TableCommand,
         lambda of: validation_page.command(of.settings(), of.simulations)),
    ):  # fmt: skip
        more = {"calibrate": "calibration.particles=300", "validate": "simulations=20000"}[name]
        asked = compose.composed(["seed=7", "moderation.capacity=20", more], name, kind)
        words = make(asked).split()
        assert words[:2] == ["marketsim", name]
        assert compose.composed(words[2:], name, kind) == asked


@pytest.fixture
def validated(tmp_path):
    """Make the page of the published validation, and return it with its tables."""
    settings = presets.named()
    settings.replicates = 400
    tables = _tables("validation_2015", "predictive", "models")
    folder = _folder(tmp_path, "validation_2015")
    page = validation_page.write(folder, settings, 100_000, tables)
    return page.read_text(encoding="utf-8"), tables


def test_a_validation_says_which_model_tells_most(validated):
    """Also where it is not ours."""
    page, tables = validated
    words = " ".join(re.sub("<.*?>", "", page).split())
    best = tables["models"].sort_values("mean_crps").iloc[0]
    assert f"{best['model'].replace('_', ' ')} predicts best" in words
    unusual = (tables["predictive"]["p_value"] < 0.05).groupby(tables["predictive"]["role"]).sum()
    rows = tables["predictive"]["role"].value_counts()
    assert f"{unusual['target']} of {rows['target']} targets" in words
    assert f"at most {0.05 * rows['target']:.1f} and {0.05 * rows['validation']:.1f}" in words
    assert words.index("Targets") < words.index("Reported unfitted")
    assert "inside?" not in words.lower()
    assert validation_page.models(tables["models"][::-1])[0]["label"].startswith("interrupted")


def test_a_validation_shows_this_panel_again_where_it_was_predicted(validated, tmp_path):
    """A column and a note beside a new panel; none where it was not."""
    page, tables = validated
    assert "This panel again" not in page
    other = tables["predictive"].assign(median=0.123, q05=0.1, q95=0.15)
    more = tables | {"predictive_again": other}
    folder = _folder(tmp_path / "both", "validation_2015")
    settings = presets.named()
    written = validation_page.write(folder, settings, 100_000, more).read_text(encoding="utf-8")
    assert written.count('data-label="This panel again">0.123') == len(other)
    words = " ".join(re.sub("<.*?>", "", written).split())
    assert "400 pairs of a draw and a seed were accepted" in words
    assert "agreement is no evidence" in words


def test_pages_need_no_other_file(calibrated, validated):
    """Nothing is fetched, and every picture has words in its place."""
    for page, _ in (calibrated, validated):
        assert not re.search(r"(src|href)=\"(?!data:)", page)
        assert "default-src 'none'" in page
        assert page.count("<img ") == page.count(' alt="') >= 2
        assert "no personal data" in " ".join(page.split())
