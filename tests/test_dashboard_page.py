"""The page without a browser: controls are changed and values are read."""

import re

import pytest

pytest.importorskip("streamlit", reason="the page needs the extra `dashboard`")

from streamlit.testing.v1 import AppTest

from marketsim.dashboard import choices, runs, server, views
from marketsim.dashboard.choices import Choice
from marketsim.reporting.text import LABELS, estimate
from marketsim.simulation import summary

PATIENCE = 120  # seconds, where kernels are compiled first


@pytest.fixture(scope="module", autouse=True)
def small_markets():
    """Let the page live small markets, and count how often it lives any."""
    patch = pytest.MonkeyPatch()
    named, live = choices.presets.named, runs.simulate
    simulated = []

    def smaller(**given):
        out = named(**given)
        out.population.retailers = 80
        return out

    def counted(settings, first, stop):
        simulated.append((runs.key(settings), first, stop))
        return live(settings, first, stop)

    patch.setattr(choices.presets, "named", smaller)
    patch.setattr(runs, "simulate", counted)
    choices.plain.cache_clear()
    yield simulated
    patch.undo()
    choices.plain.cache_clear()


@pytest.fixture(scope="module")
def page(small_markets):
    """Return the page as it opens."""
    return AppTest.from_file(str(server.PAGE), default_timeout=PATIENCE).run()


def tiles(page):
    return {tile.label: tile.value for tile in page.metric}


def progress(page):
    (line,) = [one.value for one in page.caption if "runs of each" in one.value]
    return line


def change(row):
    """Return a change as the page shows it, without a plus sign."""
    return f"{estimate(row['percent'], row['percent_q05'], row['percent_q95']).value} %"


def expected(**moved):
    """Return the study of a choice."""
    pair = choices.pair(Choice(**moved))
    simulated = [runs.simulate(one.settings, 0, 20) for one in pair.arms]
    return views.Shown(Choice(**moved), pair, {"posterior": simulated})


def test_page_opens_with_the_figures_of_the_command(page):
    assert not page.exception and not page.error
    shown = expected()
    effects = shown.effects.set_index("outcome")
    fit = summary.summarize(shown.pair.settings, shown.tables)["fit"].set_index("id")
    found = tiles(page)
    assert found["Ivory sales"].lstrip("+") == change(effects.loc["grams_delivered"])
    ratio = fit.loc["fall_week_5", ["median", "q05", "q95"]]
    assert found[LABELS["fall_week_5"]] == estimate(*ratio).value
    assert progress(page).startswith(
        "20 of 20 runs of each scenario, 2015-03-06 to 2015-07-31; compared from"
    )
    assert "assumptions" in progress(page)
    commands = [one.value for one in page.code]
    assert commands[0].startswith("marketsim run scenario=baseline_2015")
    assert commands[1].startswith("marketsim compare 'scenarios=[baseline_2015]'")


def test_a_lever_moves_the_figures_and_back_again(page, small_markets):
    """Back at rest nothing is simulated again: the runs of late are kept."""
    before = tiles(page)
    lever = page.number_input(key="baseline_2015/sweep_may.posts")
    at_rest = lever.value
    lever.set_value(20_000.0).run()
    moved = tiles(page)
    shown = expected(doses={"sweep_may.posts": 20_000.0})
    visible = shown.effects.set_index("outcome").loc["visible"]
    assert moved["Visible posts"].lstrip("+") == change(visible)
    assert moved != before
    assert "scenario.interventions.sweep_may.posts=20000.0" in page.code[0].value
    simulated = len(small_markets)
    page.number_input(key="baseline_2015/sweep_may.posts").set_value(at_rest).run()
    assert tiles(page) == before
    assert len(small_markets) == simulated


def test_every_view_shows_something(page):
    for name in page.radio(key="view").options:
        page.radio(key="view").set_value(name).run()
        assert not page.exception and not page.error, name
        assert len(page.table) == 1, name
        labels = [button.label for button in page.download_button]
        assert "Download the table (CSV)" in labels
        assert ("Download the figure (PNG)" in labels) == (
            name not in ("Effects", "Survey statistics")
        )
    page.radio(key="view").set_value("Recovery").run()


def test_what_rests_on_assumption_is_told_where_that_is_asked(page):
    page.radio(key="view").set_value("Effects").run()
    assert set(page.table[0].value["informed by"]) == {""}
    page.checkbox(key="prior").check().run()
    assert not page.exception
    assert set(page.table[0].value["informed by"]) >= {"survey data"}
    assert "prior=true" in page.code[1].value
    page.checkbox(key="prior").uncheck()
    page.radio(key="view").set_value("Recovery").run()


def test_a_trader_can_be_chosen_by_number(page):
    page.radio(key="view").set_value("Individual traders").run()
    page.selectbox(key="which").set_value("by number").run()
    page.number_input(key="trader").set_value(12).run()
    assert any(one.value.startswith("Trader 12, type ") for one in page.caption)
    page.radio(key="view").set_value("Recovery").run()


def test_what_cannot_be_is_one_line_on_the_page(page):
    """A fault is a line with the key, and gone with the next move."""
    page.selectbox(key="scenario").set_value("legal_sale").run()
    page.slider(key="added/legal").set_value(0.5).run()
    assert not page.exception
    (fault,) = page.error
    assert re.match(
        r"Invalid settings: scenario\.interventions\.\S+=2015-08-01 is invalid: expected",
        fault.value,
    )
    assert "\n" not in fault.value and "Traceback" not in fault.value
    page.slider(key="added/legal").set_value(0.0)
    page.selectbox(key="scenario").set_value("no_crackdown")
    page.run()
    assert not page.error
    assert tiles(page)["Ivory sales"] != ""


def test_a_scenario_with_itself_has_no_effects(page):
    page.selectbox(key="no_crackdown/reference").set_value("no_crackdown").run()
    assert not page.exception
    assert "Ivory sales" not in tiles(page)
    assert len([one for one in page.code if "marketsim compare" in one.value]) == 0


def test_two_who_look_at_once_both_get_their_figures(page):
    """A second visitor has levers of their own."""
    other = AppTest.from_file(str(server.PAGE), default_timeout=PATIENCE).run()
    assert not other.exception
    assert tiles(other) != tiles(page)
    assert other.selectbox(key="scenario").value == "baseline_2015"
