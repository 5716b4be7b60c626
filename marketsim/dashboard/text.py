"""Texts of the dashboard: tiles, tables and notes, from the tables of the command line."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from marketsim.analysis.comparison.effects import RANKED
from marketsim.reporting.pages.comparison import INFORMED_BY
from marketsim.reporting.text import LABELS, OUTCOMES, Estimate, count, estimate, number

CAUTION = "Volumes of sales are assumptions: compare scenarios, do not quote levels."
NOTES = """\
- **Calibrated.** Posting, prices and the mix of products are fitted to TRAFFIC's survey of 58
  traders; agreement with it does not validate the model.
- **Assumed.** No survey observed sales, and volumes depend on assumptions: compare scenarios rather
  than levels. The number of traders is not identified, so values are per 1,000 traders. Most doses
  have no source; each scenario says which.
- **Intervals** contain 90 % of the runs. They include stochastic variability and the uncertainty of
  parameters and of the recovery mechanism, but not what the model leaves out. Few runs give
  imprecise intervals: raise the number of runs before you quote one.
- **After July 2015** there are no observations; in the model, posting then has no trend of its own.
- The model simulates effects of enforcement from published aggregates. It has no personal data.
"""


class Tile(NamedTuple):
    """A result at the top of the page: label, value, interval and explanation."""

    label: str
    value: str
    interval: str
    help: str


def _tile(label: str, result: Estimate, about: str, more: str = "") -> Tile:
    ends = f"90 %: {result.interval}" if result.interval else "no interval"
    return Tile(label, result.value, ends + more, about)


def effect_tiles(effects: pd.DataFrame, reference: str) -> list[Tile]:
    """Return the main effects as tiles."""
    rows: Any = effects.set_index("outcome")
    out = []
    for outcome in (RANKED, "visible", "displaced", "price"):
        row = rows.loc[outcome]
        column, unit = ("effect", " points") if outcome == "displaced" else ("percent", " %")
        change = estimate(row[column], row[f"{column}_q05"], row[f"{column}_q95"])
        about = f"{row['meaning']}: change relative to {reference}, with common random numbers"
        sign = "+" if row[column] > 0 else ""
        signed = change._replace(value=f"{sign}{change.value}{unit}")
        out.append(_tile(OUTCOMES[outcome].capitalize(), signed, about))
    return out


def level_tiles(sums: Mapping[str, pd.DataFrame]) -> list[Tile]:
    """Return survey statistics with published values, and volumes of trade, as tiles."""
    rows: Any = sums["fit"].set_index("id")
    out = []
    for key in ("fall_week_5", "return_week_13"):
        row = rows.loc[key]
        ratio = estimate(row["median"], row["q05"], row["q95"])
        about = "ratio of the advertisements observed by a survey of 58 traders"
        out.append(_tile(LABELS[key], ratio, about, f"; published: {number(row['observed'])}"))
    headline: Any = sums["headline"].set_index("id")
    for key in (RANKED, "seized"):
        row = headline.loc[key]
        about = "mean over the weeks of the survey (May to July 2015); depends on assumptions"
        label = f"{OUTCOMES[key].capitalize()}, g per week and 1,000 traders"
        out.append(_tile(label, estimate(row["median"], row["q05"], row["q95"]), about))
    return out


def effect_table(effects: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Return every effect as text, indexed by outcome."""
    out = []
    for row in effects.to_dict("records"):
        change, percent = (
            estimate(row[name], row[f"{name}_q05"], row[f"{name}_q95"])
            for name in ("effect", "percent")
        )
        better = count(row["prob_better"], row["runs"])
        out.append(
            {
                "outcome": f"{row['meaning']} ({row['unit']})",
                reference: number(row["baseline"]),
                "change": change.value,
                "90 % interval": change.interval,
                "change, %": "" if pd.isna(row["percent"]) else percent.value,
                "90 % interval, %": percent.interval,
                "better in": better and f"{better} runs",
                "informed by": INFORMED_BY[row["informed_by"] or ""],
            }
        )
    return pd.DataFrame(out).set_index("outcome")


def level_table(table: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """Return a table of medians and intervals as text.

    Parameters
    ----------
    table : DataFrame
        Columns median, low and high beside others.
    columns : mapping of str to str
        Other columns to show, and their headings; the first is the index.
    """
    out = table[list(columns)].rename(columns=dict(columns))
    rows = zip(table["median"], table["q05"], table["q95"], strict=True)
    out[["simulated median", "90 % interval"]] = [estimate(*row) for row in rows]
    return out.set_index(next(iter(columns.values())))
