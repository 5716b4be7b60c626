"""The report of a study: one page for everybody, and the same table for a terminal.

Every published number comes from the evidence, every simulated one from the fit.
"""

import base64
import math
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from marketsim import evidence, presets, storage
from marketsim.captions import FIGURES, LABELS, TRADE_FIGURES

PAGE = "report.html"
NONE = "no figure"
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
        changes=[word for word in presets.overrides(facts["settings"]) if CHANGED.match(word)],
    )
    return put(folder, page)


def put(folder: Path, page: str) -> Path:
    """Write a page into a folder, whole or not at all, and return its path."""
    storage.write_whole(folder / PAGE, page)
    return folder / PAGE


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


def csv_lines(path: Path) -> list[str]:
    """Return a table of a result as lines of aligned columns for a terminal, figures rounded."""
    found = pd.read_csv(path)
    rows = found.to_numpy(object)
    body = [
        [number(cell) if isinstance(cell, float) else str(cell) for cell in row] for row in rows
    ]
    return aligned([tuple(map(str, found)), *map(tuple, body)])


def aligned(lines: list[tuple[str, ...]]) -> list[str]:
    """Return rows of cells as lines with columns."""
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


def figures(folder: Path, rows: Sequence[tuple[str, str, str, str]]) -> list[dict[str, str]]:
    """Return pictures as a page holds them.

    Parameters
    ----------
    folder : Path
        Holds them in its folder `figures`.
    rows : sequence of tuple of str
        File, heading, text in place of the picture, caption.

    Returns
    -------
    list of dict
        Keys name, heading, alt, caption and data (base64).
    """
    keys = ("name", "heading", "alt", "caption")
    made = [dict(zip(keys, row, strict=True)) for row in rows]
    for figure in made:
        picture = (folder / "figures" / figure["name"]).read_bytes()
        figure["data"] = base64.b64encode(picture).decode("ascii")
    return made


def template(name: str) -> Any:
    """Return a page to be filled in; what is missing is an error."""
    loader = FileSystemLoader(presets.PACKAGE)
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters["number"] = number
    return environment.get_template(name)
