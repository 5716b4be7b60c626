"""The report of a study: one page for everybody, and the same table for a terminal.

Every published number comes from the evidence, every simulated one from the fit.
"""

import math
import re
import shlex
from pathlib import Path
from typing import Any

import pandas as pd

from marketsim.parameters import evidence, overrides
from marketsim.reporting.pages.page import figures, put, template
from marketsim.reporting.text import LABELS, NONE, aligned, number, span

CHANGED = re.compile(r"[+~]|(scenario|recovery)[.]")  # words that depart from a named choice


def write(
    folder: Path, facts: dict[str, Any], fit: pd.DataFrame, trade: pd.DataFrame | None = None
) -> Path:
    """Write `report.html`: one page that needs no other file and no network.

    Parameters
    ----------
    folder : Path
        Holds the figures in its folder `figures`.
    facts : dict
        The manifest of the study.
    fit : DataFrame
        From `metrics.fit`.
    trade : DataFrame, optional
        From `trade_sums.report_rows`, where the market trades.

    Returns
    -------
    Path
        The page.
    """
    rows = table(fit)
    page = template("report.html.j2").render(
        facts=facts,
        settings=facts["settings"],
        rows=rows,
        fall=_percentages(fit, "fall_week_5"),
        back=_percentages(fit, "return_week_13"),
        inside=sum(row["within"] == "yes" for row in rows),
        inputs={name: number(fact.value) for name, fact in evidence.inputs().items()},
        figures=figures(folder, FIGURES),
        trade=None if trade is None else trade_rows(trade),
        trade_figures=[] if trade is None else figures(folder, TRADE_FIGURES),
        command=command(facts["settings"]),
        changes=[word for word in overrides.overrides(facts["settings"]) if CHANGED.match(word)],
    )
    return put(folder, page)


def table(fit: pd.DataFrame) -> list[dict[str, str]]:
    """Return the fit in words and rounded figures, one dictionary a row.

    Parameters
    ----------
    fit : DataFrame
        From `metrics.fit`, or read back from `fit.csv`.

    Returns
    -------
    list of dict
        Keys id, label, published, interval, simulated, simulated_interval, luck, unit, within,
        role.
        `interval` is empty where the evidence gives none.
    """
    rows: list[dict[str, str]] = []
    for row in fit.to_dict("records"):
        name = str(row["id"])
        rows.append(
            {
                "id": name,
                "label": LABELS.get(name, name),
                "published": "" if pd.isna(row["observed"]) else number(row["observed"]),
                "interval": span(row["low"], row["high"]),
                "simulated": number(row["simulated"]),
                "simulated_interval": span(row["sim_low"], row["sim_high"]),
                "luck": "" if pd.isna(row["luck"]) else f"{row['luck']:.0%}",
                "unit": str(row["unit"]),
                "within": "yes" if row["within"] else "no",
                "role": str(row["role"]),
            }
        )
    return rows


def trade_rows(trade: pd.DataFrame) -> list[dict[str, str]]:
    """Return the figures of trade in words and rounded figures, one dictionary a row.

    Parameters
    ----------
    trade : DataFrame
        From `trade_sums.report_rows`.

    Returns
    -------
    list of dict
        Keys id, label, simulated, interval, unit.
    """
    return [
        {
            "id": str(row["id"]),
            "label": row["meaning"][:1].upper() + row["meaning"][1:],
            "simulated": number(row["median"]),
            "interval": span(row["low"], row["high"]),
            "unit": str(row["unit"]),
        }
        for row in trade.to_dict("records")
    ]


def fit_lines(fit: pd.DataFrame) -> list[str]:
    """Return the fit as lines of aligned columns for a terminal: medians, and shares of runs.

    Parameters
    ----------
    fit : DataFrame
        From `metrics.fit`, or read back from `fit.csv`.
    """
    head = ("evidence", "published [interval]", "simulated [90 % interval]", "luck", "unit")
    lines: list[tuple[str, ...]] = [(*head, "within?")]
    for row in table(fit):
        simulated = row["simulated"]
        if row["simulated_interval"]:
            simulated += f" [{row['simulated_interval']}]"
        published = row["published"] or row["interval"] or NONE
        if row["published"] and row["interval"]:
            published += f" [{row['interval']}]"
        lines.append((row["id"], published, simulated, row["luck"], row["unit"], row["within"]))
    return aligned(lines)


def command(settings: dict[str, Any]) -> str:
    """Return the command line that runs the study again, safe to paste into a shell.

    Parameters
    ----------
    settings : dict
        The settings of the manifest.
    """
    return shlex.join(["marketsim", "run", *overrides.overrides(settings)])


def _percentages(fit: pd.DataFrame, name: str) -> dict[str, Any]:
    """Return a ratio of the fit as percentages, and whether anything was seen at all."""
    row = fit[fit["id"] == name].iloc[0]
    columns = {"middle": "simulated", "low": "sim_low", "high": "sim_high", "published": "observed"}
    shares: dict[str, Any] = {key: f"{row[column]:.0%}" for key, column in columns.items()}
    spaced = {key: share.replace("%", "\N{NO-BREAK SPACE}%") for key, share in shares.items()}
    return spaced | {"known": math.isfinite(row["simulated"])}


# file, heading, alternative text, caption
FIGURES = (
    (
        "weekly.png",
        "Advertisements seen in each week",
        "Line chart of the advertisements seen in each of the survey's weeks: the simulated median "
        "with bands for half and for 90 % of the runs, and TRAFFIC's published counts as diamonds. "
        "The figures for weeks 1 to 5 and 13 are in the table.",
        "The line is the middle run of each week. Half of the runs lie in the dark band and 90 % "
        "in the light one. Diamonds are TRAFFIC's counts, their bars the interval of the evidence; "
        "counts without bars have no interval there. Weeks 6 to 12 were not published week by "
        "week.",
    ),
    (
        "ratios.png",
        "Each week against the panel's own first weeks",
        "Line chart of each week's advertisements over the mean of weeks 1 to 4: the simulated "
        "median with bands, TRAFFIC's week 5 and week 13 as diamonds with bars, and its mean of "
        "weeks 6 to 12 as a box. The figures are in the table.",
        "A panel's level is a matter of luck: how much the chosen traders post. So each run is "
        "held against its own first four weeks. TRAFFIC's fall is published as week 5 over week 4 "
        "and is turned here into week 5 over the mean of weeks 1 to 4. The box is TRAFFIC's mean "
        "of weeks 6 to 12 with its interval, to be compared with the line's mean there.",
    ),
    (
        "concentration.png",
        "How much the heaviest posters make up",
        "Curve of the share of the advertisements made by the heaviest traders, counted from the "
        "heaviest: the simulated median with bands, the straight line of equal posting, and "
        "TRAFFIC's heavy posters as a diamond with bars both ways.",
        "Traders are lined up from the heaviest poster down. The curve says what share of the "
        "advertisements the first few make. TRAFFIC's heavy posters are those above a daily number "
        "of pictures and videos, which need not be exactly the first in line.",
    ),
    (
        "accounts_and_channels.png",
        "What the survey could not see",
        "Two line charts by day, per 1,000 traders. Above: posts visible in Moments, withheld, in "
        "groups and private messages, on other platforms, on backup accounts. Below: traders with "
        "a backup account, with an advertised one, lying low, muted or suspended, banned.",
        "Only posts in Moments are seen by a survey. On the upper scale each step is ten times the "
        "one below, since the channels differ so much; a mean over several days blurs the day of "
        "an event. Nothing here was observed in 2015: it is what the model says under its "
        "assumptions.",
    ),
)
# the same, of a study whose market trades
TRADE_FIGURES = (
    (
        "flow.png",
        "Where the ivory goes",
        "Flow chart in kilograms per 1,000 traders: from poachers to suppliers, workshops, traders "
        "and buyers, with what is seized, wasted, lost or kept in stock, and the legal market with "
        "the illegal ivory sold through it. Sums are in the table.",
        "Each band is as wide as the kilograms that went that way, from the evening of the first "
        "day to that of the last. Small changes of stock are left out.",
    ),
    (
        "prices.png",
        "What a gram costs along the chain",
        "Four panels of prices in CNY a gram, one a product: what is paid to importers, suppliers "
        "and workshops, asked and paid online, at physical markets and in licensed shops. Diamonds "
        "are TRAFFIC's advertised prices and those of physical markets.",
        "A point is the middle run's mean price, its bar holds 90 % of the runs. TRAFFIC's "
        "advertised prices are to be compared with the labels surveyed, which are means over "
        "traders. Its prices in physical markets are of the years before.",
    ),
    (
        "displacement.png",
        "Where posts and sales moved",
        "Ten line charts by week of the survey. Left: the share of the posts meant that stood in "
        "Moments, in groups, on other platforms, on backup accounts, or were withheld. Right: "
        "grams sold at each place over the mean of weeks 1 to 4.",
        "Posts deleted or removed on their day are in none of the shares. Of sales the survey saw "
        "nothing. Runs that sold nothing at a place in weeks 1 to 4 have no ratio there; where "
        "they are few, one large sale moves it far.",
    ),
)
