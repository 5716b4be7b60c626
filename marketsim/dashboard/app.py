"""The page, as Streamlit runs it: from top to bottom at every move of a lever."""

import base64
import time
from typing import Any

import pandas as pd
import streamlit as st

from marketsim.dashboard import choices, controls, reproduce, runs, traders, views
from marketsim.dashboard import text as dashboard_text
from marketsim.dashboard.choices import Choice, Pair
from marketsim.dashboard.views import Shown, View
from marketsim.errors import InputError
from marketsim.parameters.settings import Settings
from marketsim.simulation.run import Run

TITLE = "The online ivory market of 2015, simulated"
ABOUT = """Move a lever at the side (behind » on a phone) and read how the market answers. All
figures are simulated, but those marked as TRAFFIC's survey; intervals hold 90 % of the runs."""
TRADERS, BY_NUMBER = "Single traders", "by number"
PATIENCE = 0.8  # seconds of living runs after which what is known so far is shown
STYLE = """<style>
[data-testid="stMainBlockContainer"] {padding-top: 2.5rem}
[data-testid="stMain"] h1 {font-size: 1.9rem} [data-testid="stMain"] h3 {font-size: 1.3rem}
[data-testid="stMetricLabel"] p {white-space: normal}
.picture {overflow-x: auto} .picture img {width: 100%; min-width: 640px; max-width: 1045px}
[data-testid="stTable"] {overflow-x: auto} [data-testid="stTable"] table {min-width: 640px}
</style>"""


@st.cache_resource(show_spinner="Fetching the compiled kernels (minutes where there are none)")
def _warm() -> None:
    """Compile or load the kernels, once for all who look at the page."""
    runs.warm()


@st.cache_resource(max_entries=16, show_spinner=False)
def _runs(
    _settings: Settings, key: str, first: int, stop: int, _trunk: Settings, _row: int
) -> list[Run]:
    """Return some runs; those of late are kept for whoever asks next."""
    if _trunk is _settings or not runs.is_kept(_trunk, stop):
        return runs.live(_settings, first, stop)
    several = _trunks(_trunk, runs.key(_trunk), _row, first, stop)
    return runs.branches(several, _settings, _row)


@st.cache_resource(max_entries=2, show_spinner=False)  # the two batches of a pair
def _trunks(_settings: Settings, key: str, row: int, first: int, stop: int) -> list[runs.Trunk]:
    """Return runs of the reference up to a day; a lever that acts later begins there."""
    return runs.trunks(_settings, row, first, stop)


@st.cache_resource(max_entries=6, show_spinner=False)
def _follow(_settings: Settings, key: str, seed: int) -> traders.Days:
    """Return every trader's days in one run."""
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
        st.error(f"This cannot be: {fault}")


def _show(choice: Choice, pair: Pair) -> None:
    """Live what the levers stand for and show it; the first figures come from a few runs."""
    shown = _live(choice, pair)
    _tiles(shown)
    if not shown.is_done():  # what is below stays as it was until all runs are there
        st.rerun()
    st.divider()
    view: str = st.radio("Show", [*views.VIEWS, TRADERS], horizontal=True, key="view")
    _view(view, _trader(shown) if view == TRADERS else views.VIEWS[view](shown))
    _again(choice, pair, shown)
    with st.expander("What this rests on"):
        st.markdown(dashboard_text.RESTS)


def _live(choice: Choice, pair: Pair) -> Shown:
    """Live more runs, until all are there or somebody has waited long enough.

    What is there is kept with the visitor until a lever moves.
    """
    before = st.session_state.get("shown")
    if before is not None and before.choice == choice:
        lived, known = before.lived, len(before.mine)
        if known == choice.replicates:
            return before
    else:
        lived, known = {name: [[] for _ in of] for name, of in views.beliefs(choice, pair)}, 0
    began = time.perf_counter()
    for first, stop in runs.batches(choice.replicates):
        if stop <= known:
            continue
        if time.perf_counter() - began > PATIENCE:
            break
        more = {
            name: [_runs(one, runs.key(one), first, stop, of[0], pair.row) for one in of]
            for name, of in views.beliefs(choice, pair)
        }
        lived = {
            name: [old + new for old, new in zip(of, more[name], strict=True)]
            for name, of in lived.items()
        }
    shown = Shown(choice, pair, lived)
    st.session_state["shown"] = shown
    return shown


def _tiles(shown: Shown) -> None:
    """Show the answer and the figures that people ask about first."""
    known = len(shown.mine)
    if shown.effects is not None:
        row: Any = shown.effects.set_index("outcome").loc["grams_sold"]
        st.subheader(dashboard_text.answer(row, shown.name, shown.other, known))
        _row(dashboard_text.effect_tiles(shown.effects, shown.other))
    _row(dashboard_text.level_tiles(shown.sums))
    count = f"{known} of {shown.choice.replicates} runs of each"
    more = "" if shown.is_done() else " **More are being lived.**"
    st.caption(f"{count}, {shown.days}. {dashboard_text.CAUTION}{more}")


def _row(tiles: list[dashboard_text.Tile]) -> None:
    for column, tile in zip(st.columns(len(tiles)), tiles, strict=True):
        with column:
            st.metric(tile.label, tile.value, help=tile.help)
            st.caption(tile.interval)


def _trader(shown: Shown) -> View:
    """Ask for a run and a trader, and show that trader's days."""
    left, right, third = st.columns(3)
    run = int(left.number_input("Run", 0, len(shown.mine) - 1, 0, key="run"))
    one = shown.mine[run]
    days = _follow(one.settings, runs.key(one.settings), one.seed)
    suggested = traders.suggested(days)
    which = right.selectbox("Which trader", [*suggested, BY_NUMBER], key="which")
    last = days.state.shape[1] - 1
    asked = third.number_input(
        "Number of the trader", 0, last, 0, key="trader", disabled=which != BY_NUMBER
    )
    trader = int(asked) if which == BY_NUMBER else suggested[which]
    other = None
    if shown.theirs is not None:
        two = shown.theirs[run]
        other = _follow(two.settings, runs.key(two.settings), two.seed)
    return views.trader(shown, days, other, trader)


def _view(name: str, found: View) -> None:
    """Show one view: its picture, its table, and both to take away."""
    if found.picture is not None:
        data = base64.b64encode(found.picture).decode("ascii")
        alt = found.caption.replace('"', "'")
        st.html(f'<div class="picture"><img alt="{alt}" src="data:image/png;base64,{data}"></div>')
    st.caption(found.caption)
    if found.shown is not None:
        with st.expander("The figures as a table", expanded=found.picture is None):
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


def _again(choice: Choice, pair: Pair, shown: Shown) -> None:
    """Show the commands and the YAML that give again what is on the page."""
    st.subheader("Make it again")
    st.caption(
        "In a shell these give the same figures: `fit.csv` and `headline.csv` of the first, "
        "`effects.csv` of the second."
    )
    st.code(reproduce.run(pair), language="sh", wrap_lines=True)
    if pair.arms:
        st.code(reproduce.compare(choice, pair), language="sh", wrap_lines=True)
    text = reproduce.as_yaml(pair.settings, "dashboard")
    with st.expander("The scenario as YAML, and how to run it"):
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
