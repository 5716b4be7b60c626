"""The report of a study: self-contained, safe, and equal to the fit."""

import base64
import re
from dataclasses import asdict
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from marketsim.commands import output
from marketsim.parameters import presets
from marketsim.parameters.settings import Settings
from marketsim.reporting import text as report_text
from marketsim.reporting.figures.registry import STUDY, TRADE
from marketsim.reporting.pages import study as study_page
from marketsim.survey import fit as survey_fit
from marketsim.survey import statistics, targets, trade_statistics

HOSTILE = "<script>alert('x')</script>\"><img src=http://example.org/x.png>"
PIXEL = b"\x89PNG\r\n\x1a\nnot really a picture of "
NAMES = [name for name in statistics.STATISTICS if name not in targets.context()]


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
        [{n: v * (scale + step / 610) for n, v in values.items()} for step in range(99)]
    )
    runs["videos_sd"] *= 3.0  # unusual for the model, as the next
    runs["items_week_13"] *= 0.5
    return survey_fit.fit(runs.assign(panel_unblocked=[1.0, 0.0, 0.0] * 33))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "figures").mkdir()
    for spec in STUDY:
        (tmp_path / "figures" / spec.file).write_bytes(PIXEL + spec.file.encode())
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
    assert held == [PIXEL + spec.file.encode() for spec in STUDY]


TRADED = pd.DataFrame(
    [("grams_delivered", "ivory seen in Moments, a week", "g", 19817.6, 7671.9, 35549.0),
     ("online_share", "of the ivory, sold online", "share", np.nan, np.nan, np.nan)],
    columns=["id", "meaning", "unit", "median", "q05", "q95"],
)  # fmt: skip


def with_trade(folder):
    for spec in TRADE:
        (folder / "figures" / spec.file).write_bytes(PIXEL + spec.file.encode())
    return study_page.write(folder, make_facts(), make_fit(), TRADED).read_text(encoding="utf-8")


def test_trade_has_a_section_of_its_own(folder):
    plain, page = Page(read(folder)), Page(with_trade(folder))
    assert "These volumes are assumptions" not in plain.text
    assert "These volumes are assumptions of the model, not results of the survey." in page.text
    assert "advertisements are not sales" in page.text
    assert "Ivory seen in Moments, a week grams_delivered 20,000 8,000 to 36,000 g" in page.text
    assert f"online_share {report_text.NONE} share" in page.text
    assert len(page.all("img")) == len(STUDY) + len(TRADE)
    assert all(len(attrs["alt"]) > 40 for attrs in page.all("img"))
    assert page.open == []


def test_missing_picture_is_an_error(folder):
    (folder / "figures" / "ratios.png").unlink()
    with pytest.raises(FileNotFoundError):
        read(folder)


def test_every_figure_of_the_fit_is_in_the_table(folder):
    fit = make_fit()
    bodies = read(folder, fit=fit).split("<tbody")[1:3]
    parts = [body.split("</tbody>")[0].split("<tr")[1:] for body in bodies]
    rows = [Page("<tr" + part).text for own in parts for part in own[1:]]
    assert [Page("<tr" + own[0]).text for own in parts] == ["Targets", "Reported unfitted"]
    assert len(rows) == len(fit)
    ordered = fit.sort_values("role", kind="stable")
    for text, row in zip(rows, ordered.to_dict("records"), strict=True):
        assert report_text.LABELS[row["id"]] in text
        simulated = report_text.estimate(row["median"], row["q05"], row["q95"])
        assert f" {simulated.value} {simulated.interval}" in text
        assert report_text.interval(row["obs_low"], row["obs_high"]) in text
        assert row["unit"] in text
        words = report_text.p_value_in_words(row["p_value"]) if row["p_value"] < 0.05 else ""
        assert text.endswith(f" {report_text.p_value(row['p_value'])} {words}".rstrip())
        if not pd.isna(row["observed"]):
            assert f" {report_text.number(row['observed'])} " in text
    assert {value < 0.05 for value in fit["p_value"]} == {True, False}
    assert report_text.unusual_rows(fit) in Page(read(folder, fit=fit)).text


def test_answer_holds_both_ratios_with_intervals(folder):
    fit = make_fit().set_index("id")
    answer = Page(read(folder)).text.split("In week 5 the")[1].split("Calibrated, and")[0]
    for name in ("fall_week_5", "return_week_13"):
        row = fit.loc[name]
        ends = (100 * row[column] for column in ("median", "q05", "q95"))
        simulated = report_text.estimate(*ends)
        words = (
            f"{simulated.value} % of",
            f"{simulated.interval} %",
            f"{100 * row['observed']:.0f}",
        )
        assert all(word in answer for word in words)


@pytest.mark.parametrize(
    ("posterior", "words"),
    [
        ("none", "These parameters are not calibrated. They have the given values"),
        ("prior", "These parameters are not calibrated. They were sampled from the prior"),
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
    held = make_facts(fixed=["perception.half_life"])
    assert "Fixed by the user: perception.half_life" in Page(read(folder, held)).text
    assert "Fixed by the user" not in Page(read(folder)).text


def test_nothing_seen_is_said(folder):
    fit = make_fit()
    fit.loc[fit["id"] == "fall_week_5", ["median", "q05", "q95"]] = np.nan
    text = Page(read(folder, fit=fit)).text
    assert "no advertisement was observed" in text
    assert "nan" not in text.lower().split()
    assert report_text.NONE in text


def test_hostile_name_stays_text(folder):
    scenario = {"name": HOSTILE, "about": HOSTILE, "interventions": {}}
    page = Page(read(folder, make_facts(scenario=scenario)))
    assert page.all("script") == []
    assert len(page.all("img")) == len(STUDY)
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
    for word in (
        facts["key"],
        facts["commit"],
        "with uncommitted changes",
        "numpy 2.4.6",
        "10,000",
    ):
        assert word in text


def test_commit_may_be_unknown(folder):
    facts = make_facts() | {"commit": None}
    assert "Commit unknown" in Page(read(folder, facts)).text


def test_command_names_what_differs_from_the_named_choices():
    settings = presets.named(scenario="no_crackdown")
    settings.population.retailers, settings.replicates, settings.seed = 500, 3, 11
    assert study_page.command(asdict(settings)) == (
        "marketsim run scenario=no_crackdown recovery=mixture motive=learned prices=expectations "
        "buyers=segmented upstream=hubs institutions=actors "
        "population.retailers=500 panel=new seed=11 replicates=3"
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
        (float("nan"), "no value"),
        (None, "no value"),
    ],
)
def test_numbers_have_sensible_digits(value, text):
    assert report_text.number(value) == text


def test_intervals_may_be_open():
    assert report_text.interval(1.0, 20.0) == "1 to 20"
    assert report_text.interval(None, 20.0) == "at most 20"
    assert report_text.interval(1.0, float("nan")) == "at least 1"
    assert report_text.interval(None, float("nan")) == ""


@pytest.mark.parametrize(
    ("three", "text"),
    [
        ((19817.6, 7671.9, 35549.0), "20,000 [8,000 to 36,000]"),
        ((-5.23, -9.04, -1.02), "-5.2 [-9.0 to -1.0]"),
        ((-0.0858, -2.1, 1.24), "-0.1 [-2.1 to 1.2]"),
        ((0.02, 0.001, 5.0), "0.02 [0.001 to 5.0]"),
        ((0.4971, 0.3123, 0.7741), "0.50 [0.31 to 0.77]"),
        ((-8.23, -25.6, -0.238), "-8 [-26 to -0.2]"),  # the sign stays visible
        ((0.0, -1.0, 1.0), "0.0 [-1.0 to 1.0]"),
        ((58.0, 58.0, 58.0), "58 [58 to 58]"),
        ((88.2, 88.19999999999999, 88.20000000000002), "88.2 [88.2 to 88.2]"),
        ((float("nan"), 2.0, 3.0), "no value [2 to 3]"),
        ((1.5, float("nan"), float("nan")), "1.5"),
        ((float("nan"), float("nan"), float("nan")), "no value"),
    ],
)
def test_a_value_and_its_interval_are_rounded_together(three, text):
    """Two digits of the interval's width decide."""
    assert str(report_text.estimate(*three)) == text


@pytest.mark.parametrize(
    ("share", "runs", "text"),
    [(1.0, 20, "20 of 20"), (0.64, 100, "64 of 100"), (0.5, 3, "1.5 of 3"), (np.nan, 20, "")],
)
def test_shares_of_few_runs_are_counts(share, runs, text):
    assert report_text.count(share, runs) == text


def test_a_change_of_sales_is_said_with_its_uncertainty():
    row = {
        "percent": -5.2,
        "percent_q05": -9.0,
        "percent_q95": -1.0,
        "prob_better": 0.65,
        "runs": 20,
    }
    assert report_text.sales_effect(row, "a", "b") == (
        "With a ivory sales fall by 5.2 % compared with b (90 % interval of the change: "
        "-9.0 to -1.0 %; 20 runs)."
    )
    assert "cannot tell whether ivory sales fall compared with b: they did in 13 of 20" in (
        report_text.sales_effect(row | {"percent_q95": 1.5}, "a", "b")
    )
    assert "sales rise by 5.2 %" in report_text.sales_effect(
        row | {"percent": 5.2, "percent_q05": 1.0, "percent_q95": 9.0}, "a", "b"
    )
    assert "undefined" in report_text.sales_effect(row | {"percent": np.nan}, "a", "b")


def test_lines_are_aligned():
    fit = make_fit()
    head, *lines = study_page.fit_lines(fit)
    starts = [head.index(word) for word in ("published", "simulated", "unit", "p-value")]
    sentence, lines = lines[lines.index("") + 1 :], lines[: lines.index("")]
    assert " ".join(sentence) == report_text.unusual_rows(fit)
    rows = sorted(study_page.table(fit), key=lambda row: row["role"])
    assert lines.pop((fit["role"] == "target").sum()) == "reported unfitted:"
    assert {row["is_unusual"] for row in rows} == {True, False}
    for line, row in zip(lines, rows, strict=True):
        assert line.startswith(row["id"])
        assert all(line[start - 2 : start] == "  " and line[start] != " " for start in starts)
        assert line[starts[1] :].startswith(f"{row['simulated']} [{row['simulated_interval']}]")
        assert line[starts[2] : starts[3]].strip() == row["unit"]
        assert line[starts[3] :] == row["p_value"] + (" *" if row["is_unusual"] else "")
        assert line == line.rstrip()


def test_a_fit_is_printed_with_the_number_of_unusual_rows(tmp_path, capsys):
    fit = make_fit()
    fit.assign(width=1.0).to_csv(tmp_path / "predictive.csv", index=False)
    output.print_fit(tmp_path, "predictive.csv")
    printed = capsys.readouterr().out
    assert " ".join(printed.split()).endswith(report_text.unusual_rows(fit))
    assert printed.count(" *\n") == (fit["p_value"] < 0.05).sum() == 2


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
    known = targets.targets() | targets.validation() | targets.context()
    assert set(report_text.LABELS) <= set(known)
    assert {*statistics.STATISTICS, *trade_statistics.STATISTICS} == set(report_text.LABELS)
