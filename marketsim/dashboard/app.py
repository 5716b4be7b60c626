"""Page of the dashboard, which Streamlit runs from top to bottom at every change."""

import base64
import time
from typing import Any

import pandas as pd
import streamlit as st

from marketsim.analysis.comparison.effects import RANKED
from marketsim.dashboard import choices, controls, reproduce, runs, traders, views
from marketsim.dashboard import text as dashboard_text
from marketsim.dashboard.choices import Choice, Pair
from marketsim.dashboard.views import Shown, View
from marketsim.errors import InputError
from marketsim.parameters import panel
from marketsim.parameters.settings import Settings
from marketsim.reporting.text import sales_effect
from marketsim.simulation.run import Run

TITLE = "The online ivory market of 2015, simulated"
ABOUT = """Change a control in the sidebar (behind » on a phone) and see the response of the market.
All values are simulated, except those marked as published; intervals contain 90 % of the runs."""
TRADERS, BY_NUMBER = "Individual traders", "by number"
PATIENCE = 0.8  # seconds of simulation before the first results are shown
STYLE = """<style>
[data-testid="stMainBlockContainer"] {padding-top: 2.5rem}
[data-testid="stMain"] h1 {font-size: 1.9rem} [data-testid="stMain"] h3 {font-size: 1.3rem}
[data-testid="stMetricLabel"] p {white-space: normal}
.picture {overflow-x: auto} .picture img {width: 100%; min-width: 640px; max-width: 1045px}
[data-testid="stTable"] {overflow-x: auto} [data-testid="stTable"] table {min-width: 640px}
</style>"""


@st.cache_resource(
    show_spinner="Loading the compiled kernels (first use: compiling takes one to two minutes)"
)
def _warm() -> None:
    """Compile or load the kernels, once for all visitors."""
    runs.warm()


@st.cache_resource(max_entries=16, show_spinner=False)
def _runs(
    _settings: Settings, key: str, first: int, stop: int, _trunk: Settings, _row: int
) -> list[Run]:
    """Return some runs; recent ones are cached for all visitors."""
    if _trunk is _settings or not runs.is_cached(_trunk, stop):
        return runs.simulate(_settings, first, stop)
    several = _trunks(_trunk, runs.key(_trunk), _row, first, stop)
    return runs.branches(several, _settings, _row)


@st.cache_resource(max_entries=2, show_spinner=False)  # the two batches of a pair
def _trunks(_settings: Settings, key: str, row: int, first: int, stop: int) -> list[runs.Trunk]:
    """Return runs of the reference up to the day on which the scenario branches."""
    return runs.trunks(_settings, row, first, stop)


@st.cache_resource(max_entries=6, show_spinner=False)
def _follow(_settings: Settings, key: str, seed: int) -> traders.Days:
    """Return the daily records of all traders in one run."""
    return traders.follow(_settings, seed)


def main() -> None:
    """Show the page."""
    st.set_page_config(page_title="marketsim", layout="wide")
    st.html(STYLE)
    st.title(TITLE)
    st.caption(ABOUT)
    _warm()
    choice = controls.show()
    try:
        pair = choices.pair(choice)
        _show(choice, pair)
    except InputError as fault:
        st.error(f"Invalid settings: {fault}")


def _show(choice: Choice, pair: Pair) -> None:
    """Simulate the chosen scenarios and show the results; the first come from few runs."""
    shown = _simulate(choice, pair)
    _tiles(shown)
    if not shown.is_done():  # the rest of the page is updated when all runs are done
        st.rerun()
    st.divider()
    view: str = st.radio("Show", [*views.VIEWS, TRADERS], horizontal=True, key="view")
    _view(view, _trader(shown) if view == TRADERS else views.VIEWS[view](shown))
    _reproduce(choice, pair, shown)
    with st.expander("Data and assumptions"):
        st.markdown(dashboard_text.NOTES)


def _simulate(choice: Choice, pair: Pair) -> Shown:
    """Simulate more runs, until all are done or `PATIENCE` is over.

    The runs are kept in the visitor's session until a control changes.
    """
    sources = views.parameter_sources(choice, pair)
    before = st.session_state.get("shown")
    if before is not None and before.choice == choice:
        simulated, known = before.simulated, len(before.runs)
        if known == choice.replicates:
            return before
    else:
        simulated, known = {name: [[] for _ in arms] for name, arms in sources}, 0
    began = time.perf_counter()
    for first, stop in runs.batches(choice.replicates):
        if stop <= known:
            continue
        if time.perf_counter() - began > PATIENCE:
            break
        simulated = {
            name: [
                old + _runs(arm, runs.key(arm), first, stop, arms[0], pair.row)
                for old, arm in zip(simulated[name], arms, strict=True)
            ]
            for name, arms in sources
        }
    shown = Shown(choice, pair, simulated)
    st.session_state["shown"] = shown
    return shown


def _tiles(shown: Shown) -> None:
    """Show the result in a sentence, and the main values."""
    if shown.effects is not None:
        row: Any = shown.effects.set_index("outcome").loc[RANKED]
        st.subheader(sales_effect(row, shown.name, shown.reference))
        _row(dashboard_text.effect_tiles(shown.effects, shown.reference))
    _row(dashboard_text.level_tiles(shown.sums))
    count = f"{len(shown.runs)} of {shown.choice.replicates} runs of each scenario"
    more = "" if shown.is_done() else " **More runs in progress.**"
    st.caption(f"{count}, {shown.days}. {dashboard_text.CAUTION}{more}")
    st.caption(panel.sentence(shown.pair.settings))


def _row(tiles: list[dashboard_text.Tile]) -> None:
    for column, tile in zip(st.columns(len(tiles)), tiles, strict=True):
        with column:
            st.metric(tile.label, tile.value, help=tile.help)
            st.caption(tile.interval)


def _trader(shown: Shown) -> View:
    """Let the visitor choose a run and a trader, and show that trader's days."""
    left, right, third = st.columns(3)
    run = int(left.number_input("Run", 0, len(shown.runs) - 1, 0, key="run"))
    own = shown.runs[run]
    days = _follow(own.settings, runs.key(own.settings), own.seed)
    suggested = traders.suggested(days)
    which = right.selectbox("Trader", [*suggested, BY_NUMBER], key="which")
    last = days.state.shape[1] - 1
    chosen = third.number_input(
        "Number of the trader", 0, last, 0, key="trader", disabled=which != BY_NUMBER
    )
    trader = int(chosen) if which == BY_NUMBER else suggested[which]
    other = None
    if shown.reference_runs is not None:
        paired = shown.reference_runs[run]
        other = _follow(paired.settings, runs.key(paired.settings), paired.seed)
    return views.trader(shown, days, other, trader)


def _view(name: str, found: View) -> None:
    """Show one view: figure, caption, table, and downloads."""
    if found.picture is not None:
        data = base64.b64encode(found.picture).decode("ascii")
        alt = found.caption.replace('"', "'")
        st.html(f'<div class="picture"><img alt="{alt}" src="data:image/png;base64,{data}"></div>')
    st.caption(found.caption)
    if found.shown is not None:
        with st.expander("Table of these values", expanded=found.picture is None):
            st.table(found.shown)
    left, right = st.columns(2)
    if found.picture is not None:
        left.download_button(
            "Download the figure (PNG)",
            found.picture,
            f"{found.file}.png",
            "image/png",
            on_click="ignore",
            key=f"png/{name}",
        )
    right.download_button(
        "Download the table (CSV)",
        _csv(found.table),
        f"{found.file}.csv",
        "text/csv",
        on_click="ignore",
        key=f"csv/{name}",
    )


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, lineterminator="\n").encode()


def _reproduce(choice: Choice, pair: Pair, shown: Shown) -> None:
    """Show the commands and the YAML that reproduce the results on the page."""
    st.subheader("Reproduce these results")
    st.caption(
        "These commands give the same values: `fit.csv` and `headline.csv` of the first, "
        "`effects.csv` of the second."
    )
    st.code(reproduce.run(pair), language="sh", wrap_lines=True)
    if pair.arms:
        st.code(reproduce.compare(choice, pair), language="sh", wrap_lines=True)
    text = reproduce.as_yaml(pair.settings, "dashboard")
    with st.expander("Scenario as YAML"):
        st.code(text, language="yaml")
    st.download_button(
        "Download the YAML", text, "dashboard.yaml", "application/yaml", on_click="ignore"
    )
    files = {"fit.csv": shown.sums["fit"], "headline.csv": shown.sums["headline"]}
    if shown.effects is not None:
        files["effects.csv"] = shown.effects
    for column, (file, table) in zip(st.columns(len(files)), files.items(), strict=True):
        column.download_button(f"Download {file}", _csv(table), file, "text/csv", on_click="ignore")


main()
