"""The report is one self-contained page that says what the fit says, safely."""

import base64
import re
from dataclasses import asdict
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from marketsim.parameters import presets
from marketsim.parameters.settings import Settings
from marketsim.reporting import text as report_text
from marketsim.reporting.figures import study as study_figures
from marketsim.reporting.pages import study as study_page
from marketsim.survey import fit as survey_fit
from marketsim.survey import statistics, targets, trade_statistics

HOSTILE = "<script>alert('x')</script>\"><img src=http://example.org/x.png>"
PIXEL = b"\x89PNG\r\n\x1a\nnot really a picture of "
NAMES = [name for name in report_text.LABELS if name in statistics.STATISTICS]


class Page(HTMLParser):
    """Elements and words of a page; void elements aside, what opens must close."""

    VOID = ("meta", "img", "br", "link", "hr", "input")

    def __init__(self, text):
        super().__init__()
        self.elements, self.words, self.open = [], [], []
        self.feed(text)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


def make_facts(**settings):
    return {
        "key": "0123456789ab",
        "settings": asdict(Settings(posterior=presets.POSTERIOR)) | settings,
        "source": "s" * 16,
        "evidence": "e" * 64,
        "commit": "c" * 40,
        "changed_since_commit": True,
        "python": "3.11.7",
        "versions": {"numpy": "2.4.6"},
        "written": "2026-01-02T03:04:05+00:00",
    }


def make_fit(scale=0.9):
    judged = targets.targets() | targets.validation()
    values = {name: judged[name].value or judged[name].low for name in NAMES}
    runs = pd.DataFrame(
        [{n: v * (scale + step / 50) for n, v in values.items()} for step in range(9)]
    )
    return survey_fit.fit(runs.assign(panel_unblocked=[1.0, 0.0] * 4 + [0.0]))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "figures").mkdir()
    for name, *_ in study_page.FIGURES:
        (tmp_path / "figures" / name).write_bytes(PIXEL + name.encode())
    return tmp_path


def read(folder, facts=None, fit=None):
    path = study_page.write(folder, facts or make_facts(), make_fit() if fit is None else fit)
    assert path == folder / "report.html"
    return path.read_text(encoding="utf-8")


def test_page_is_well_formed_and_for_everybody(folder):
    text = read(folder)
    page = Page(text)
    assert text.startswith("<!DOCTYPE html>")
    assert page.open == []
    assert page.all("html") == [{"lang": "en"}]
    assert any(attrs.get("name") == "viewport" for attrs in page.all("meta"))
    assert all(len(attrs["alt"]) > 40 for attrs in page.all("img"))


def test_page_needs_no_other_file_and_no_network(folder):
    text = read(folder)
    page = Page(text)
    assert page.all("script") == page.all("link") == page.all("iframe") == []
    for _, attrs in page.elements:
        assert not any(name.startswith("on") for name in attrs)
        assert all(attrs[name].startswith("data:") for name in ("src", "href") if name in attrs)
    assert not re.search(r"""(src|href)\s*=\s*["']?\s*(https?:)?//""", text)
    assert "@import" not in text
    assert "url(" not in text


def test_pictures_are_embedded_in_order(folder):
    images = Page(read(folder)).all("img")
    held = [
        base64.b64decode(attrs["src"].removeprefix("data:image/png;base64,")) for attrs in images
    ]
    assert held == [PIXEL + name.encode() for name, *_ in study_page.FIGURES]


def test_every_figure_drawn_is_shown(tmp_path):
    daily = pd.DataFrame({"run": [0], "day": ["2015-05-01"], "traders_active": [1]})
    for name in [row[0] for row in study_figures.CHANNELS + study_figures.TRADERS]:
        daily[name] = 0
    survey = pd.DataFrame(
        [(0, "2015-05-02", True, 0, 0, 0, 0)],
        columns=["run", "survey_date", "regular", "trader", "ads", "pictures", "videos"],
    )
    drawn = [f"{name}.png" for name in study_figures.makers(daily, survey)]
    assert drawn == [name for name, *_ in study_page.FIGURES]


TRADE = pd.DataFrame(
    [("grams_sold", "ivory seen in Moments, a week", "g", 19817.6, 7671.9, 35549.0),
     ("online_share", "of the ivory, sold online", "share", np.nan, np.nan, np.nan)],
    columns=["id", "meaning", "unit", "median", "low", "high"],
)  # fmt: skip


def with_trade(folder):
    for name, *_ in study_page.TRADE_FIGURES:
        (folder / "figures" / name).write_bytes(PIXEL + name.encode())
    return study_page.write(folder, make_facts(), make_fit(), TRADE).read_text(encoding="utf-8")


def test_trade_has_a_section_of_its_own(folder):
    plain, page = Page(read(folder)), Page(with_trade(folder))
    assert "The trade behind the posts" not in plain.text
    assert "These volumes rest on assumption, not on the survey." in page.text
    assert "seen is not sold" in page.text
    assert "Ivory seen in Moments, a week grams_sold 19,818 7,672 to 35,549 g" in page.text
    assert f"online_share {report_text.NONE} share" in page.text
    assert len(page.all("img")) == len(study_page.FIGURES) + len(study_page.TRADE_FIGURES)
    assert all(len(attrs["alt"]) > 40 for attrs in page.all("img"))
    assert page.open == []


def test_missing_picture_is_an_error(folder):
    (folder / "figures" / "ratios.png").unlink()
    with pytest.raises(FileNotFoundError):
        read(folder)


def test_every_figure_of_the_fit_is_in_the_table(folder):
    fit = make_fit()
    body = read(folder, fit=fit).split("<tbody")[1].split("</tbody>")[0]
    rows = [Page("<tr" + part).text for part in body.split("<tr")[1:]]
    assert len(rows) == len(fit)
    for text, row in zip(rows, fit.to_dict("records"), strict=True):
        assert report_text.LABELS[row["id"]] in text
        assert f" {report_text.number(row['simulated'])} " in text
        assert report_text.span(row["sim_low"], row["sim_high"]) in text
        assert report_text.span(row["low"], row["high"]) in text
        assert row["unit"] in text
        assert text.endswith("yes" if row["within"] else "no")
        if not pd.isna(row["observed"]):
            assert f" {report_text.number(row['observed'])} " in text
    assert {row["within"] for row in fit.to_dict("records")} == {True, False}


def test_answer_holds_both_ratios_with_intervals(folder):
    fit = make_fit().set_index("id")
    answer = Page(read(folder)).text.split("In this scenario")[1].split("Calibrated, and")[0]
    for name in ("fall_week_5", "return_week_13"):
        row = fit.loc[name]
        for column in ("simulated", "sim_low", "sim_high", "observed"):
            assert f"{100 * row[column]:.0f} %" in answer


@pytest.mark.parametrize(
    ("posterior", "words"),
    [
        ("none", "These parameters are not calibrated. They are the values given"),
        ("prior", "These parameters are not calibrated. They were drawn from their priors"),
        ("point", "One calibrated set of parameters"),
        ("calibration_2015", "Calibrated, and still uncertain"),
    ],
)
def test_page_says_what_its_parameters_are(folder, posterior, words):
    text = Page(read(folder, make_facts(posterior=posterior))).text
    assert words in text
    assert "provisional" not in text
    assert ("not calibrated" in text) == (posterior in ("none", "prior"))


def test_page_names_what_is_held(folder):
    held = make_facts(held=["perception.half_life"])
    assert "Held by hand: perception.half_life" in Page(read(folder, held)).text
    assert "Held by hand" not in Page(read(folder)).text


def test_nothing_seen_is_said(folder):
    fit = make_fit()
    fit.loc[fit["id"] == "fall_week_5", ["simulated", "sim_low", "sim_high"]] = np.nan
    text = Page(read(folder, fit=fit)).text
    assert "nothing was seen" in text
    assert "nan" not in text.lower().split()
    assert report_text.NONE in text


def test_hostile_name_stays_text(folder):
    scenario = {"name": HOSTILE, "about": HOSTILE, "interventions": {}}
    page = Page(read(folder, make_facts(scenario=scenario)))
    assert page.all("script") == []
    assert len(page.all("img")) == len(study_page.FIGURES)
    assert HOSTILE in page.text
    assert page.open == []


def test_same_input_gives_the_same_bytes(folder):
    assert read(folder) == read(folder)
    changed = make_facts(seed=7)
    assert read(folder) != read(folder, changed)


def test_page_says_how_to_make_it_again(folder):
    facts = make_facts(seed=7, replicates=40)
    text = Page(read(folder, facts)).text
    assert study_page.command(facts["settings"]) in text
    for word in (facts["key"], facts["commit"], "with changes since", "numpy 2.4.6", "10,000"):
        assert word in text


def test_commit_may_be_unknown(folder):
    facts = make_facts() | {"commit": None}
    assert "Commit unknown" in Page(read(folder, facts)).text


def test_command_names_what_differs_from_the_named_choices():
    settings = presets.named(scenario="no_crackdown")
    settings.population.retailers, settings.replicates, settings.seed = 500, 3, 11
    assert study_page.command(asdict(settings)) == (
        "marketsim run scenario=no_crackdown recovery=mixture population.retailers=500 "
        "seed=11 replicates=3"
    )
    settings.posting.base_posts = 2.5
    assert " posting.base_posts=2.5 " in study_page.command(asdict(settings))
    settings.scenario.name = "x; rm -r ~"
    assert "'scenario.name='\"'\"'x; rm -r ~'\"'\"''" in study_page.command(asdict(settings))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (57479.0, "57,479"),
        (12809.55, "12,810"),
        (800.0, "800"),
        (100.0, "100"),
        (99.96, "100"),
        (6.5, "6.5"),
        (20.0, "20"),
        (0.4971, "0.497"),
        (0.55, "0.55"),
        (1.02, "1.02"),
        (0.0, "0"),
        (float("nan"), "no figure"),
        (None, "no figure"),
    ],
)
def test_numbers_have_sensible_digits(value, text):
    assert report_text.number(value) == text


def test_intervals_may_be_open():
    assert report_text.span(1.0, 20.0) == "1 to 20"
    assert report_text.span(None, 20.0) == "at most 20"
    assert report_text.span(1.0, float("nan")) == "at least 1"
    assert report_text.span(None, float("nan")) == ""


def test_lines_are_aligned():
    fit = make_fit()
    head, *lines = study_page.fit_lines(fit)
    starts = [head.index(word) for word in ("published", "simulated", "unit", "within?")]
    assert len(lines) == len(fit)
    for line, row in zip(lines, study_page.table(fit), strict=True):
        assert line.startswith(row["id"])
        assert all(line[start - 2 : start] == "  " and line[start] != " " for start in starts)
        assert line[starts[1] :].startswith(f"{row['simulated']} [{row['simulated_interval']}]")
        assert line[starts[2] : starts[3]].strip() == row["unit"]
        assert line[starts[3] :] == row["within"]
        assert line == line.rstrip()


def test_missing_published_value_is_its_interval():
    fit = make_fit()
    (line,) = [line for line in study_page.fit_lines(fit) if line.startswith("backup_accounts ")]
    fact = targets.targets()["backup_accounts"]
    assert fact.value is None
    assert line.split()[1:4] == [report_text.number(fact.low), "to", report_text.number(fact.high)]


def test_fit_read_back_gives_the_same_lines(tmp_path):
    fit = make_fit()
    fit.to_csv(tmp_path / "fit.csv", index=False)
    assert study_page.fit_lines(pd.read_csv(tmp_path / "fit.csv")) == study_page.fit_lines(fit)


def test_every_judged_statistic_has_a_name():
    judged = targets.targets() | targets.validation()
    assert set(report_text.LABELS) <= set(judged)
    assert {*statistics.STATISTICS, *trade_statistics.STATISTICS} == set(report_text.LABELS)
