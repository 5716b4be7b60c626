"""The pages of a calibration and a validation, made of tables of all kinds."""

import re

import numpy as np
import pandas as pd
import pytest
from test_calibration_plots import calibration, checked, validated

from marketsim.analysis.inference import posting
from marketsim.commands import compose, options
from marketsim.parameters import presets, priors
from marketsim.parameters.settings import Inference
from marketsim.reporting import text
from marketsim.reporting.figures import registry
from marketsim.reporting.pages import calibration as calibration_page
from marketsim.reporting.pages import validation as validation_page

GATES = pd.DataFrame(
    [("coverage of intervals", 0.95, 0.87, 0.93, False), ("draws", 2000.0, 1000.0, np.inf, True)],
    columns=["gate", "measured", "low", "high", "passed"],
)
MODELS = pd.DataFrame(
    [
        ("published", "each row", "marketsim", 1, 0.61, np.nan, 41.0, 0.8),
        ("simulated", "each row", "constant_mean", 70, -1.2, 0.2, 123.0, 0.55),
    ],
    columns=["survey", "question", "model", "surveys", "log_score", "standard_error", "crps",
             "coverage"],
)  # fmt: skip


def plain(page: str) -> str:
    """Return the text of a page."""
    return " ".join(re.sub("<.*?>", "", page).split())


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory):
    """Make the page of a calibration, and return it with its tables."""
    settings = compose.composed([], "calibrate", options.CalibrateCommand).settings()
    tables = calibration() | checked() | {"gates": GATES, "models": MODELS}
    tables["pairs"] = pd.DataFrame({"seed": range(321)})
    folder = tmp_path_factory.mktemp("calibration")
    registry.save(folder / "figures", "calibration", tables)
    page = calibration_page.write(folder, settings, Inference(tests=654), 54_443, tables)
    return page.read_text(encoding="utf-8"), tables


def test_a_calibration_says_what_the_survey_narrowed(calibrated):
    """The answer has the most and least probable mechanism, and the best known parameter."""
    page, tables = calibrated
    rows = calibration_page.parameters(tables["posterior"], tables["structures"])
    assert [row["contraction"] for row in rows] == sorted(
        (row["contraction"] for row in rows), reverse=True
    )
    narrowed, words = sum(row["contraction"] >= 0.5 for row in rows), plain(page)
    assert f"reduces the uncertainty of {narrowed} of {len(rows)} fitted parameters" in words
    assert f"best constrained is {rows[0]['label']}: {rows[0]['posterior']}" in words
    ordered = tables["structures"].sort_values("probability", kind="stable", ascending=False)
    best, *_, worst = ordered.to_dict("records")
    low, _, high = 100 * posting.share_interval(best["probability"], best["standard_error"])
    assert f"{text.plain_name(best['structure'])}, has probability" in words
    assert f"(90&nbsp;% Monte Carlo error: {low:.0f} % to {high:.0f} %)" in words
    assert f"the least probable, {text.plain_name(worst['structure'])}, has 0 %" in words
    assert "54,443 simulated surveys" in words
    assert f"{len(tables['posterior'])} draws are the posterior sample" in words


def test_a_calibration_shows_its_checks_and_forecasts(calibrated):
    """Each check with what is allowed, also one that failed; each model with its scores."""
    page, _ = calibrated
    words = plain(page)
    assert "coverage of intervals 0.95 0.87 to 0.93 no" in words
    assert "draws 2,000 1,000 or more yes" in words
    assert "654" in words and "321" in words
    for part in ("published (1)", "simulated (70)", "0.61", "123", "55 %"):
        assert part in words, part


def test_a_prior_is_narrowed_by_nothing(calibrated):
    """Where draws are even over the prior, none of it is narrowed; a point is known wholly."""
    _, tables = calibrated
    draws = pd.concat([tables["posterior"]] * 2)[:400].reset_index(drop=True)
    draws["structure"], draws["weight"] = "forgetting", 1 / 400
    prior = priors.uncertain()["posting.base_posts"]
    shares = [(k + 0.5) / 400 for k in range(400)]
    draws["posting.base_posts"] = [priors.value(prior, u) for u in shares]
    draws["posting.video_share"] = draws["posting.video_share"].iloc[0]
    found = pd.DataFrame({"structure": ["forgetting"], "probability": [1.0]})
    rows = {row["key"]: row["contraction"] for row in calibration_page.parameters(draws, found)}
    assert rows["posting.base_posts"] == pytest.approx(0.0, abs=0.01)
    assert rows["posting.video_share"] == pytest.approx(1.0)


def test_the_commands_make_the_same_settings():
    """The command on a page composes what it was made of."""
    for name, kind, more, make in (
        ("calibrate", options.CalibrateCommand, ["calibration.rounds=3", "calibration.pairs=0"],
         lambda of: calibration_page.command(of.settings(), of.calibration)),
        ("validate", options.Command, ["replicates=7"],
         lambda of: validation_page.command(of.settings())),
    ):  # fmt: skip
        asked = compose.composed(["seed=7", "moderation.capacity=20", *more], name, kind)
        words = make(asked).split()
        assert words[:2] == ["marketsim", name]
        assert compose.composed(words[2:], name, kind) == asked


@pytest.fixture(scope="module")
def checked_page(tmp_path_factory):
    """Make the page of a validation, and return it with its tables."""
    settings = presets.named()
    settings.replicates = 400
    tables, folder = validated(), tmp_path_factory.mktemp("validation")
    registry.save(folder / "figures", "validation", tables)
    page = validation_page.write(folder, settings, tables)
    return page.read_text(encoding="utf-8"), tables


def test_a_validation_counts_what_is_unusual(checked_page):
    """Among targets, and among rows reported unfitted, beside the number of a correct model."""
    page, tables = checked_page
    words, table = plain(page), tables["predictive"].dropna(subset="p_value")
    unusual = (table["p_value"] < 0.05).groupby(table["role"]).sum()
    rows = table["role"].value_counts()
    assert unusual["target"] > 0
    assert f"{unusual['target']} of {rows['target']} targets" in words
    assert f"at most {0.05 * rows['target']:.1f} and {0.05 * rows['validation']:.1f}" in words
    assert words.index("Targets") < words.index("Reported unfitted")
    assert "inside?" not in words.lower()
    assert "400 calibrated markets" in words


def test_a_validation_shows_this_panel_again_where_it_was_predicted(checked_page, tmp_path):
    """A column and a note beside a new panel; none where it was not."""
    page, tables = checked_page
    assert "This panel again" not in page
    other = tables["predictive"].assign(median=0.123, q05=0.1, q95=0.15)
    more = tables | {"predictive_again": other}
    registry.save(tmp_path / "figures", "validation", tables)
    settings = presets.named()
    written = validation_page.write(tmp_path, settings, more).read_text(encoding="utf-8")
    assert written.count('data-label="This panel again">0.123') == len(other)
    words = " ".join(re.sub("<.*?>", "", written).split())
    assert "400 pairs of a draw and a seed were accepted" in words
    assert "agreement is no evidence" in words


def test_pages_need_no_other_file(calibrated, checked_page):
    """Nothing is fetched, and every picture has words in its place."""
    for (page, _), kind in ((calibrated, "calibration"), (checked_page, "validation")):
        assert not re.search(r"(src|href)=\"(?!data:)", page)
        assert "default-src 'none'" in page
        assert page.count("<img ") == page.count(' alt="') == len(registry.KINDS[kind])
        assert "no personal data" in " ".join(page.split())
