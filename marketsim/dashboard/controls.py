"""The levers at the side of the page: what can be moved, in plain words."""

import datetime as dt
from typing import Any

import streamlit as st

from marketsim.dashboard import choices
from marketsim.dashboard.choices import ADDED, BASELINE, CALM, Choice, Dose
from marketsim.dashboard.text import name
from marketsim.parameters import posterior, presets
from marketsim.parameters.priors import everything
from marketsim.parameters.settings import Settings, declared

LATEST = dt.date(2016, 12, 31)  # a longer run is for the command line
MOST_RUNS = 100  # more are for the command line
POPULATIONS = {"survey": "1,000 traders", "wechat": "10,000 traders (ten times as long)"}
POSTERIORS = {
    presets.POSTERIOR: "as the survey leaves them",
    "point": "one calibrated set",
    "prior": "as before the survey",
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


def _names() -> list[str]:
    first = [BASELINE, CALM]
    return [*first, *(one for one in presets.names("scenario") if one not in first)]


def _scenario() -> str:
    about = "what enforcement does, and when"
    chosen: str = st.selectbox("Scenario", _names(), format_func=name, key="scenario", help=about)
    of = choices.plain(chosen).scenario
    st.caption(f"{of.about}. *Doses:* {of.source}.")
    return chosen


def _reference(scenario: str) -> str:
    usual = _names().index(CALM if scenario == BASELINE else BASELINE)
    about = "any other scenario, as written; both are lived on the same luck, run by run"
    key = f"{scenario}/reference"
    chosen: str = st.selectbox(
        "Compared with", _names(), usual, format_func=name, key=key, help=about
    )
    return chosen


def _of_scenario(scenario: str) -> dict[str, Any]:
    """Show what the scenario itself has to move."""
    out: dict[str, Any] = {}
    of, begins = choices.plain(scenario).scenario, choices.first_day(scenario)
    if of.scaled:
        about = "multiplies the doses without a source; 1 is as written"
        out["strength"] = _slide("Strength", (0.1, 3.0, 1.0, 0.1), f"{scenario}/strength", about)
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
    several = len(choices.own(scenario)) > 1
    unit = "" if dose.unit == "1" else f" ({dose.unit})"
    label = f"{dose.meaning[0].upper()}{dose.meaning[1:]}{unit}"
    label = f"{name(of).capitalize()}: {label}" if several else label
    about = {"key": f"{scenario}/{dose.key}", "help": f"{name(of)}, {name(what)}"}
    if dose.high == 1.0:
        return float(st.slider(label, 0.0, 1.0, dose.value, 0.05, **about))
    step = float(max(round(dose.value / 4), 1)) if dose.unit in COUNTED else 0.25
    limits = (float(dose.low), float(dose.high), dose.value, step)
    return float(st.number_input(label, *limits, format="%g", **about))


def _beside(scenario: str) -> dict[str, Any]:
    """Show the levers that any scenario can have beside its own."""
    st.caption("At rest they do nothing. How large such doses would be has no source.")
    first, last = choices.horizon(scenario)
    begins = choices.first_day(scenario) or choices.first_day(BASELINE)
    start = st.date_input(
        "In force from", begins, first, last, key=f"{scenario}/from", format="YYYY-MM-DD"
    )
    added = {
        key: _slide(one.label, (one.low, one.high, one.rest, one.step), f"added/{key}", one.help)
        for key, one in ADDED.items()
    }
    ends = (choices.horizon(CALM)[1], max(LATEST, last))
    until = st.date_input(
        "Last day of the run", last, *ends, key=f"{scenario}/until", format="YYYY-MM-DD"
    )
    return {"added": added, "added_from": start, "until": until}


def _slide(label: str, limits: tuple[float, float, float, float], key: str, about: str) -> float:
    """Show a slider: lowest, highest, at rest and step; return where it stands."""
    return round(float(st.slider(label, *limits, key=key, help=about)), 6)


def _unknown() -> dict[str, Any]:
    """Show the size of the market, and what is drawn or held."""
    about = "a sample: figures are per 1,000 traders"
    size = _choose("Size of the market", POPULATIONS, "population", about)
    about = "mixture draws among competing accounts; the survey cannot tell them apart"
    mixture = {posterior.MIXTURE: name(posterior.MIXTURE)}
    accounts = mixture | {one: name(one) for one in presets.names("recovery")}
    recovery = _choose("What brings posts back", accounts, "recovery", about)
    about = "the posterior, one point, or the prior; what is drawn differs from run to run"
    drawn = _choose("Uncertain parameters", POSTERIORS, "posterior", about)
    held = {}
    for key in choices.UNCERTAIN:
        value = _held(key)
        if value is not None:
            held[key] = value
    return {"population": size, "recovery": recovery, "posterior": drawn, "held": held}


def _choose(label: str, words: dict[str, str], key: str, about: str) -> str:
    """Ask for one of several choices in plain words."""
    chosen: str = st.selectbox(label, list(words), format_func=words.get, key=key, help=about)
    return chosen


def _held(key: str) -> float | None:
    """Ask whether an uncertain parameter is given; None where it stays drawn."""
    group, last = key.split(".")
    about, prior = declared(getattr(Settings(), group))[last], everything()[key]
    if not st.checkbox(f"Hold: {name(last)}", key=f"hold/{key}", help=about["meaning"]):
        return None
    ends = [float(about[end]) for end in ("low", "high", "default")]
    believed = f"believed before the survey: {prior.low:g} to {prior.high:g}"
    label = f"{name(last)} ({about['unit']})"
    return float(st.number_input(label, *ends, key=f"held/{key}", help=believed, format="%g"))


def _luck() -> dict[str, Any]:
    about = "more runs: surer intervals, longer waiting"
    limits = (10, MOST_RUNS, 20, 10)
    count = st.slider("Runs of each scenario", *limits, key="replicates", help=about)
    about = "every draw is a function of it; the same seed, the same numbers"
    seed = st.number_input("Seed", 0, 2**53 - 1, 2015, key="seed", help=about)
    about = (
        "lives all again with parameters as they were believed before the survey was heard: an "
        "effect that the survey hardly narrows is marked in the view Effects. Twice the time."
    )
    prior = st.checkbox("Tell what rests on assumption", key="prior", help=about)
    return {"replicates": int(count), "seed": int(seed), "prior": prior}
