"""The report of a study: one page for everybody, and the same table for a terminal.

Every published number comes from the evidence, every simulated one from the fit.
"""

import base64
import math
import re
import shlex
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from marketsim import evidence, presets

TEMPLATE = Path(__file__).with_name("report.html.j2")
NONE = "no figure"
CHANGED = re.compile(r"[+~]|(scenario|recovery)[.]")  # words that depart from a named choice
LABELS = {
    "ads_total": "Advertisements in all surveys",
    "pictures_total": "Pictures in these advertisements",
    "videos_total": "Videos in these advertisements",
    "ads_week_1_3": "Advertisements a week, mean of weeks 1 to 3",
    "ads_week_4": "Advertisements in week 4",
    "spread_week_1_4": "Largest less smallest of weeks 1 to 4, over their mean",
    "fall_week_5": "Week 5 over week 4",
    "ratio_week_6_12": "Mean of weeks 6 to 12 over mean of weeks 1 to 4",
    "return_week_13": "Week 13 over mean of weeks 1 to 4",
    "heavy_posters_count": "Traders who post heavily",
    "heavy_posters_share": "Share of the advertisements made by them",
    "heavy_posters_share_items": "Share of pictures and videos shown by them",
    "panel_unblocked": "No trader of the panel loses the watched account",
    "backup_accounts": "Traders who advertise a backup account",
    "backup_accounts_early": "Share of these who did so before week 5",
    "contacts_active": "Share of the contacts that were active before the survey",
}
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


def write(folder: Path, facts: dict[str, Any], fit: pd.DataFrame) -> Path:
    """Write `report.html`: one page that needs no other file and no network.

    Parameters
    ----------
    folder : Path
        Holds the figures in its folder `figures`.
    facts : dict
        The manifest of the study.
    fit : DataFrame
        From `metrics.fit`.

    Returns
    -------
    Path
        The page.
    """
    rows = table(fit)
    page = _template().render(
        facts=facts,
        settings=facts["settings"],
        rows=rows,
        fall=_percentages(fit, "fall_week_5"),
        back=_percentages(fit, "return_week_13"),
        inside=sum(row["within"] == "yes" for row in rows),
        inputs={name: number(fact.value) for name, fact in evidence.inputs().items()},
        figures=[_figure(folder / "figures", *figure) for figure in FIGURES],
        command=command(facts["settings"]),
        changes=[word for word in presets.overrides(facts["settings"]) if CHANGED.match(word)],
    )
    path = folder / "report.html"
    path.write_text(page, encoding="utf-8", newline="\n")
    return path


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
    return _aligned(lines)


def csv_lines(path: Path) -> list[str]:
    """Return a table of a result as lines of aligned columns for a terminal, figures rounded."""
    found = pd.read_csv(path)
    rows = found.to_numpy(object)
    body = [
        [number(cell) if isinstance(cell, float) else str(cell) for cell in row] for row in rows
    ]
    return _aligned([tuple(map(str, found)), *map(tuple, body)])


def _aligned(lines: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def number(value: float | None) -> str:
    """Return a figure with three digits, or with all before the point where there are more."""
    if value is None or not math.isfinite(value):
        return NONE
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{float(f'{value:.3g}'):.6f}".rstrip("0").rstrip(".")


def span(low: float | None, high: float | None) -> str:
    """Return an interval in words; either end, or both, may be missing."""
    ends = [end for end in (low, high) if end is not None and math.isfinite(end)]
    if len(ends) == 2:
        return f"{number(low)} to {number(high)}"
    if not ends:
        return ""
    return f"{'at most' if low is None or math.isnan(low) else 'at least'} {number(ends[0])}"


def command(settings: dict[str, Any]) -> str:
    """Return the command line that runs the study again, safe to paste into a shell.

    Parameters
    ----------
    settings : dict
        The settings of the manifest.
    """
    return shlex.join(["marketsim", "run", *presets.overrides(settings)])


def _percentages(fit: pd.DataFrame, name: str) -> dict[str, Any]:
    """Return a ratio of the fit as percentages, and whether anything was seen at all."""
    row = fit[fit["id"] == name].iloc[0]
    columns = {"middle": "simulated", "low": "sim_low", "high": "sim_high", "published": "observed"}
    shares: dict[str, Any] = {key: f"{row[column]:.0%}" for key, column in columns.items()}
    spaced = {key: share.replace("%", "\N{NO-BREAK SPACE}%") for key, share in shares.items()}
    return spaced | {"known": math.isfinite(row["simulated"])}


def _figure(folder: Path, name: str, heading: str, alt: str, caption: str) -> dict[str, str]:
    data = base64.b64encode((folder / name).read_bytes()).decode("ascii")
    return {"name": name, "heading": heading, "alt": alt, "caption": caption, "data": data}


def _template() -> Any:
    loader = FileSystemLoader(TEMPLATE.parent)
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters["number"] = number
    return environment.get_template(TEMPLATE.name)
