"""Report of a study: the HTML page, and the table of the fit for a terminal."""

import math
import re
import shlex
import textwrap
from pathlib import Path
from typing import Any

import pandas as pd

from marketsim.parameters import evidence, overrides, posterior
from marketsim.reporting.pages.page import figures, template, write_page
from marketsim.reporting.text import (
    LABELS,
    NONE,
    Estimate,
    aligned,
    estimate,
    interval,
    number,
    p_value,
    p_value_in_words,
    stochastic,
    unusual_rows,
)
from marketsim.survey.fit import is_unusual

UNFITTED = ("reported unfitted:", "", "", "", "", "")
WIDTH = 100  # of a line of text in a terminal
CHANGED = re.compile(r"[+~]|(scenario|recovery)[.]")  # overrides that change a named choice


def write(
    folder: Path, facts: dict[str, Any], fit: pd.DataFrame, trade: pd.DataFrame | None = None
) -> Path:
    """Write `report.html`, which needs no other file and no network.

    Parameters
    ----------
    folder : Path
        Holds the figures in its folder `figures`.
    facts : dict
        The manifest of the study.
    fit : DataFrame
        From `fit.fit`.
    trade : DataFrame, optional
        From `trade_summary.report_rows`; none if only posts are simulated.

    Returns
    -------
    Path
        The page.
    """
    rows = table(fit)
    page = template("study.html.j2").render(
        facts=facts,
        settings=facts["settings"],
        rows=rows,
        fall=_percentages(fit, "fall_week_5"),
        back=_percentages(fit, "return_week_13"),
        unusual=unusual_rows(fit),
        inputs={name: number(fact.value) for name, fact in evidence.inputs().items()},
        figures=figures(folder, "study"),
        trade=None if trade is None else trade_rows(trade),
        trade_figures=[] if trade is None else figures(folder, "trade"),
        command=command(facts["settings"]),
        since=posterior.since(),
        panel=panel_facts({"panel": facts["settings"]["panel"]} | facts),
        changes=[word for word in overrides.overrides(facts["settings"]) if CHANGED.match(word)],
    )
    return write_page(folder, page)


def panel_facts(facts: dict[str, Any]) -> dict[str, Any]:
    """Return what a page says of the panel that a manifest, or `panel.facts`, has facts of.

    Returns
    -------
    dict
        Keys name, reason (why it is not again), pairs and acceptance, as text; empty if unknown.
    """
    rate = facts.get("pairs_acceptance")
    return {
        "name": facts["panel"],
        "reason": facts.get("panel_reason", ""),
        "pairs": facts.get("pairs", ""),
        "acceptance": "" if rate is None else f"{number(100.0 * rate)} %",
    }


def table(fit: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the fit as text, one dictionary per row.

    Parameters
    ----------
    fit : DataFrame
        From `fit.fit`, or read from `fit.csv`.

    Returns
    -------
    list of dict
        Keys id, label, published, interval, simulated, simulated_interval, stochastic_share, unit,
        p_value, is_unusual, in_words, role. `published` is the interval of the evidence where no
        value is published; `interval` is then empty.
    """
    rows = []
    for row, flag in zip(fit.to_dict("records"), is_unusual(fit), strict=True):
        name, ends = str(row["id"]), interval(row["obs_low"], row["obs_high"])
        simulated = estimate(row["median"], row["q05"], row["q95"])
        valued = not pd.isna(row["observed"])
        rows.append(
            {
                "id": name,
                "label": LABELS.get(name, name),
                "published": number(row["observed"]) if valued else ends or NONE,
                "interval": ends if valued else "",
                "simulated": simulated.value,
                "simulated_interval": simulated.interval,
                "stochastic_share": stochastic(row["stochastic_share"]),
                "unit": str(row["unit"]),
                "p_value": p_value(row["p_value"]),
                "is_unusual": bool(flag),
                "in_words": p_value_in_words(row["p_value"]),
                "role": str(row["role"]),
            }
        )
    return rows


def trade_rows(trade: pd.DataFrame) -> list[dict[str, str]]:
    """Return the summary of trade as text, one dictionary per row.

    Parameters
    ----------
    trade : DataFrame
        From `trade_summary.report_rows`.

    Returns
    -------
    list of dict
        Keys id, label, simulated, interval, unit.
    """
    rows = []
    for row in trade.to_dict("records"):
        simulated = estimate(row["median"], row["q05"], row["q95"])
        label = row["meaning"][:1].upper() + row["meaning"][1:]
        about = {"id": str(row["id"]), "label": label, "unit": str(row["unit"])}
        rows.append(about | {"simulated": simulated.value, "interval": simulated.interval})
    return rows


def fit_lines(fit: pd.DataFrame) -> list[str]:
    """Return the fit as lines of aligned columns for a terminal, unusual rows with a star.

    Parameters
    ----------
    fit : DataFrame
        From `fit.fit`, or read from `fit.csv`.
    """
    lines: list[tuple[str, ...]] = [
        ("evidence", "published [interval]", "simulated [90 % interval]", "stochastic share",
         "unit", "p-value")
    ]  # fmt: skip
    for row in sorted(table(fit), key=lambda row: row["role"] != "target"):
        if row["role"] != "target" and UNFITTED not in lines:
            lines.append(UNFITTED)
        published = Estimate(row["published"], row["interval"])
        simulated = Estimate(row["simulated"], row["simulated_interval"])
        cells = (row["id"], str(published), str(simulated), row["stochastic_share"])
        mark = " *" if row["is_unusual"] else ""
        lines.append((*cells, row["unit"], f"{row['p_value']}{mark}"))
    return [*aligned(lines), "", *textwrap.wrap(unusual_rows(fit), WIDTH)]


def command(settings: dict[str, Any]) -> str:
    """Return the command that reruns the study, safe to paste into a shell.

    Parameters
    ----------
    settings : dict
        The settings of the manifest.
    """
    return shlex.join(["marketsim", "run", *overrides.overrides(settings)])


def _percentages(fit: pd.DataFrame, name: str) -> dict[str, Any]:
    """Return a ratio of the fit as percentages, and whether anything was observed."""
    row = fit[fit["id"] == name].iloc[0]
    middle, low, high = (100.0 * row[name] for name in ("median", "q05", "q95"))
    shares = estimate(middle, low, high)._asdict() | {"published": f"{100.0 * row['observed']:.0f}"}
    spaced = {name: f"{share}\N{NO-BREAK SPACE}%" for name, share in shares.items()}
    return spaced | {"known": math.isfinite(middle)}
