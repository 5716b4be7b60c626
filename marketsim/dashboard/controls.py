"""Controls in the sidebar of the dashboard."""

import datetime as dt
from typing import Any

import streamlit as st

from marketsim.dashboard import choices
from marketsim.dashboard.choices import ADDED, BASELINE, CALM, Choice, Dose
from marketsim.parameters import posterior, presets
from marketsim.parameters.priors import everything
from marketsim.parameters.settings import AGAIN, NEW, Settings, declared
from marketsim.reporting.text import plain_name

LATEST = dt.date(2016, 12, 31)  # longer runs: command line
MOST_RUNS = 100  # more runs: command line
POPULATIONS = {"survey": "1,000 traders", "wechat": "10,000 traders (ten times as long)"}
POSTERIORS = {
    presets.POSTERIOR: "posterior",
    "point": "one calibrated set",
    "prior": "prior",
}
PANELS = {AGAIN: "the panel of 2015, again", NEW: "a new panel"}
COUNTED = ("accounts", "posts", "days")  # units of integer doses


def show() -> Choice:
    """Show the controls and return their values."""
    with st.sidebar:
        st.header("Controls")
        scenario = _scenario()
        about: dict[str, Any] = {"scenario": scenario, "reference": _reference(scenario)}
        about |= _of_scenario(scenario)
        with st.expander("Additional interventions"):
            about |= _beside(scenario)
        with st.expander("Market and uncertain parameters"):
            about |= _uncertain()
        with st.expander("Runs and seed", expanded=True):
            about |= _runs(choices.usual_panel(Choice(**about)))
    return Choice(**about)


def _names() -> list[str]:
    first = [BASELINE, CALM]
    return [*first, *(one for one in presets.names("scenario") if one not in first)]


def _scenario() -> str:
    about = "what enforcement does, and when"
    chosen: str = st.selectbox(
        "Scenario", _names(), format_func=plain_name, key="scenario", help=about
    )
    of = choices.plain(chosen).scenario
    st.caption(f"{of.about}. *Doses:* {of.source}.")
    return chosen


def _reference(scenario: str) -> str:
    usual = _names().index(CALM if scenario == BASELINE else BASELINE)
    about = "any other scenario, as specified; both use common random numbers, run by run"
    key = f"{scenario}/reference"
    chosen: str = st.selectbox(
        "Compared with", _names(), usual, format_func=plain_name, key=key, help=about
    )
    return chosen


def _of_scenario(scenario: str) -> dict[str, Any]:
    """Show the controls of the scenario's own interventions."""
    out: dict[str, Any] = {}
    of, begins = choices.plain(scenario).scenario, choices.first_day(scenario)
    if of.scaled_interventions:
        about = "multiplies the doses without a source; 1: as specified"
        out["dose_multiplier"] = _slide(
            "Dose multiplier", (0.1, 3.0, 1.0, 0.1), f"{scenario}/dose_multiplier", about
        )
    if begins is not None:
        first, last = choices.horizon(scenario)
        what = "Date of the sweep of May" if scenario == BASELINE else "First day"
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
    label = f"{plain_name(of).capitalize()}: {label}" if several else label
    about = {"key": f"{scenario}/{dose.key}", "help": f"{plain_name(of)}, {plain_name(what)}"}
    if dose.high == 1.0:
        return float(st.slider(label, 0.0, 1.0, dose.value, 0.05, **about))
    step = float(max(round(dose.value / 4), 1)) if dose.unit in COUNTED else 0.25
    limits = (float(dose.low), float(dose.high), dose.value, step)
    return float(st.number_input(label, *limits, format="%g", **about))


def _beside(scenario: str) -> dict[str, Any]:
    """Show the interventions that can be added to any scenario."""
    st.caption("Default values have no effect. Dose sizes are assumptions.")
    first, last = choices.horizon(scenario)
    begins = choices.first_day(scenario) or choices.first_day(BASELINE)
    start = st.date_input(
        "In force from", begins, first, last, key=f"{scenario}/from", format="YYYY-MM-DD"
    )
    added = {
        key: _slide(one.label, (one.low, one.high, one.neutral, one.step), f"added/{key}", one.help)
        for key, one in ADDED.items()
    }
    ends = (choices.horizon(CALM)[1], max(LATEST, last))
    until = st.date_input(
        "Last day of the run", last, *ends, key=f"{scenario}/until", format="YYYY-MM-DD"
    )
    return {"added": added, "added_from": start, "until": until}


def _slide(label: str, limits: tuple[float, float, float, float], key: str, about: str) -> float:
    """Show a slider with lowest, highest and default value and step; return its value."""
    return round(float(st.slider(label, *limits, key=key, help=about)), 6)


def _uncertain() -> dict[str, Any]:
    """Show the size of the market, and parameters to sample or fix."""
    about = "sample size; values are per 1,000 traders"
    size = _choose("Size of the market", POPULATIONS, "population", about)
    about = "mixture samples a mechanism in each run; the survey does not identify it"
    mixture = {posterior.MIXTURE: plain_name(posterior.MIXTURE)}
    mechanisms = mixture | {one: plain_name(one) for one in presets.names("recovery")}
    recovery = _choose("Recovery mechanism", mechanisms, "recovery", about)
    about = "source of the uncertain parameters, sampled in each run"
    drawn = _choose("Uncertain parameters", POSTERIORS, "posterior", about)
    held = {}
    for key in choices.UNCERTAIN:
        value = _held(key)
        if value is not None:
            held[key] = value
    return {"population": size, "recovery": recovery, "posterior": drawn, "fixed": held}


def _choose(label: str, words: dict[str, str], key: str, about: str) -> str:
    """Let the visitor choose one of several options."""
    chosen: str = st.selectbox(label, list(words), format_func=words.get, key=key, help=about)
    return chosen


def _held(key: str) -> float | None:
    """Let the visitor fix an uncertain parameter; return None if it is sampled."""
    group, last = key.split(".")
    about, prior = declared(getattr(Settings(), group))[last], everything()[key]
    if not st.checkbox(f"Fix: {plain_name(last)}", key=f"hold/{key}", help=about["meaning"]):
        return None
    ends = [float(about[end]) for end in ("low", "high", "default")]
    range_of_prior = f"prior: {prior.low:g} to {prior.high:g}"
    label = f"{plain_name(last)} ({about['unit']})"
    return float(st.number_input(label, *ends, key=f"held/{key}", help=range_of_prior, format="%g"))


def _runs(usual: str) -> dict[str, Any]:
    """Show the number of runs, their panel and their seed; `usual` is the panel by default."""
    about = "more runs: more precise intervals, longer run time"
    limits = (10, MOST_RUNS, 20, 10)
    count = st.slider("Runs of each scenario", *limits, key="replicates", help=about)
    panel = usual
    if usual == AGAIN:  # of another market the pairs say nothing
        about = "again: runs whose simulated survey is like the published one"
        panel = _choose("Panel", PANELS, "panel", about)
    about = "all random numbers are a function of the seed; no effect with the panel of 2015, again"
    of_pairs = panel == AGAIN
    seed = st.number_input("Seed", 0, 2**53 - 1, 2015, key="seed", help=about, disabled=of_pairs)
    about = "flags effects that the survey does not constrain (view Effects); doubles run time"
    prior = st.checkbox("Also run under the prior", key="prior", help=about)
    chosen = Choice().seed if of_pairs else int(seed)
    return {"replicates": int(count), "panel": panel, "seed": chosen, "prior": prior}
