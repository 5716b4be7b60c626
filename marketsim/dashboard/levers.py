"""The levers at the side of the page: what can be moved, in plain words."""

import datetime as dt
from typing import Any

import streamlit as st

from marketsim import presets
from marketsim.dashboard import choices
from marketsim.dashboard.choices import ADDED, BASELINE, CALM, Choice, Dose
from marketsim.dashboard.words import name
from marketsim.priors import everything
from marketsim.settings import Settings, declared

LATEST = dt.date(2016, 12, 31)  # a longer run is for the command line
MOST_RUNS = 200
POPULATIONS = {"survey": "1,000 traders", "wechat": "10,000 traders (ten times as long)"}
POSTERIORS = {
    presets.POSTERIOR: "drawn from the posterior of the survey",
    "point": "one calibrated set: luck alone",
    "prior": "drawn from the prior, before the survey",
}
COUNTED = ("accounts", "posts", "days")  # units of doses that are whole numbers


def show() -> Choice:
    """Show the levers and return where they stand."""
    with st.sidebar:
        st.header("Levers")
        scenario = _scenario()
        about: dict[str, Any] = {"scenario": scenario, "reference": _reference(scenario)}
        about |= _of_scenario(scenario)
        with st.expander("Beside the scenario"):
            about |= _beside(scenario)
        with st.expander("Market, and what is not known"):
            about |= _unknown()
        with st.expander("Runs and luck", expanded=True):
            about |= _luck()
    return Choice(**about)


def _scenario() -> str:
    names = [BASELINE, CALM]
    names += [one for one in presets.names("scenario") if one not in names]
    chosen: str = st.selectbox(
        "Scenario", names, format_func=name, key="scenario", help="what enforcement does, and when"
    )
    of = choices.plain(chosen).scenario
    st.caption(f"{of.about}. *Doses:* {of.source}.")
    return chosen


def _reference(scenario: str) -> str:
    names = [BASELINE, CALM]
    names += [one for one in presets.names("scenario") if one not in names]
    usual = CALM if scenario == BASELINE else BASELINE
    chosen: str = st.selectbox(
        "Compared with",
        names,
        names.index(usual),
        format_func=name,
        key=f"{scenario}/reference",
        help="any other scenario, as written; both are lived on the same luck, run by run",
    )
    return chosen


def _of_scenario(scenario: str) -> dict[str, Any]:
    """Show what the scenario itself has to move."""
    out: dict[str, Any] = {}
    of, begins = choices.plain(scenario).scenario, choices.first_day(scenario)
    if of.scaled:
        out["strength"] = st.slider(
            "Strength",
            0.1,
            3.0,
            1.0,
            0.1,
            key=f"{scenario}/strength",
            help="multiplies the doses without a source; 1 is as written",
        )
    if begins is not None:
        first, last = choices.horizon(scenario)
        what = "The sweep of May comes on" if scenario == BASELINE else "It begins on"
        out["first_day"] = st.date_input(
            what, begins, first, last, key=f"{scenario}/first", format="YYYY-MM-DD"
        )
    moved = choices.doses(scenario)
    if moved:
        with st.expander("Doses of the scenario", expanded=scenario == BASELINE):
            found = {dose.key: _dose(scenario, dose) for dose in moved}
        out["doses"] = {
            dose.key: found[dose.key] for dose in moved if found[dose.key] != dose.value
        }
    return out


def _dose(scenario: str, dose: Dose) -> float:
    of, what = dose.key.split(".")
    label = f"{name(of)}: {name(what)} ({'0 to 1' if dose.unit == '1' else dose.unit})"
    key = f"{scenario}/{dose.key}"
    if dose.high == 1.0:
        return float(st.slider(label, 0.0, 1.0, dose.value, 0.05, key=key, help=dose.meaning))
    step = max(round(dose.value / 4), 1.0) if dose.unit in COUNTED else 0.25
    limits = (float(dose.low), float(dose.high))
    return float(
        st.number_input(
            label, *limits, dose.value, float(step), key=key, help=dose.meaning, format="%g"
        )
    )


def _beside(scenario: str) -> dict[str, Any]:
    """Show the levers that any scenario can have beside its own."""
    st.caption("At rest they do nothing. How large such doses would be has no source.")
    first, last = choices.horizon(scenario)
    begins = choices.first_day(scenario) or choices.first_day(BASELINE)
    start = st.date_input(
        "In force from", begins, first, last, key=f"{scenario}/from", format="YYYY-MM-DD"
    )
    added = {}
    for key, one in ADDED.items():
        limits = (one.low, one.high, one.rest, one.step)
        added[key] = st.slider(one.label, *limits, key=f"added/{key}", help=one.help)
    until = st.date_input(
        "Last day of the run",
        last,
        choices.horizon(CALM)[1],
        max(LATEST, last),
        key=f"{scenario}/until",
        format="YYYY-MM-DD",
    )
    return {"added": added, "added_from": start, "until": until}


def _unknown() -> dict[str, Any]:
    """Show the size of the market, and what is drawn or held."""
    size = st.selectbox(
        "Size of the market",
        list(POPULATIONS),
        format_func=POPULATIONS.get,
        key="population",
        help="a sample: figures are per 1,000 traders",
    )
    recovery = st.selectbox(
        "What brings posts back",
        ["mixture", *(one for one in presets.names("recovery") if one != "mixture")],
        format_func=name,
        key="recovery",
        help="mixture draws among competing accounts; the survey cannot tell them apart",
    )
    posterior = st.selectbox(
        "Uncertain parameters", list(POSTERIORS), format_func=POSTERIORS.get, key="posterior"
    )
    held = {}
    for key in choices.UNCERTAIN:
        value = _held(key)
        if value is not None:
            held[key] = value
    return {"population": size, "recovery": recovery, "posterior": posterior, "held": held}


def _held(key: str) -> float | None:
    """Ask whether an uncertain parameter is given; None where it stays drawn."""
    group, last = key.split(".")
    about, prior = declared(getattr(Settings(), group))[last], everything()[key]
    if not st.checkbox(f"Hold: {name(last)}", key=f"hold/{key}", help=about["meaning"]):
        return None
    whole = isinstance(about["default"], int)
    kind = int if whole else float
    low, high = kind(about["low"]), kind(about["high"])
    found = st.number_input(
        f"{name(last)} ({about['unit']})",
        low,
        high,
        kind(about["default"]),
        key=f"held/{key}",
        help=f"believed before the survey: {prior.low:g} to {prior.high:g}",
    )
    return kind(found)


def _luck() -> dict[str, Any]:
    replicates = st.slider(
        "Runs of each scenario",
        10,
        MOST_RUNS,
        20,
        10,
        key="replicates",
        help="more runs: surer intervals, longer waiting",
    )
    seed = st.number_input(
        "Seed",
        0,
        2**53 - 1,
        2015,
        key="seed",
        help="every draw is a function of it; the same seed, the same numbers",
    )
    prior = st.checkbox(
        "Tell what rests on assumption",
        key="prior",
        help="lives all again with parameters as they were believed before the survey was heard: "
        "an effect that the survey hardly narrows is marked in the view Effects. Twice the time.",
    )
    return {"replicates": int(replicates), "seed": int(seed), "prior": prior}
