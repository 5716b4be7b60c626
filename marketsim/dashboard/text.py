"""What the page says in words and rounded figures, from the tables of the command line."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from marketsim.analysis.comparison.effects import RANKED
from marketsim.reporting import text
from marketsim.reporting.text import number, span

Sums = Mapping[str, pd.DataFrame]

BELIEFS = {
    "data": "data: the survey narrows it by a fifth or more",
    "assumption": "assumption: the survey hardly narrows it",
    "": "",
}
CAUTION = "How much is sold rests on assumptions: read the differences, not the volumes."
RESTS = """\
- **Fitted.** Posting, prices and the mix of products are fitted to TRAFFIC's survey of 58 traders;
  that they agree with it proves little.
- **Assumed.** How much is sold was seen by no survey. Volumes rest on assumptions: read how they
  differ between scenarios, not how large they are. The number of traders is not identified either,
  so figures are per 1,000 traders. How large most doses would be has no source; the scenario says
  which.
- **Intervals** hold 90 % of the runs. They carry luck and what is not known of the parameters and
  of what brings posts back, not what the model leaves out. Few runs give rough ends: raise the
  number of runs before you quote one.
- **After July 2015** nothing was observed; posting then neither grows nor shrinks by itself.
- It simulates effects of enforcement from published aggregates. It holds no data on persons.
"""


class Tile(NamedTuple):
    """A figure at the top of the page: label, value, interval and what it means."""

    label: str
    value: str
    interval: str
    help: str


def name(scenario: str) -> str:
    """Return a scenario's name in plain words."""
    return text.words(scenario)


def answer(row: Mapping[str, Any], scenario: str, reference: str, runs: int) -> str:
    """Return in a sentence how much ivory is sold against the reference, with its interval.

    Parameters
    ----------
    row : mapping
        The row of `effects` on ivory sold.
    scenario, reference : str
        In plain words.
    runs : int
        How many there are.
    """
    if pd.isna(row["percent"]):
        return f"With {scenario} nothing can be said of sales: none were made with {reference}."
    ends = f"{change(row['percent_low'])} to {change(row['percent_high'])}"
    told = f"{change(row['percent'])} ivory is sold than with {reference}"
    sure = row["percent_low"] > 0 or row["percent_high"] < 0
    doubt = "" if sure else " The sign is not sure."
    return f"With {scenario}, {told} (90 % of {runs} runs: {ends}).{doubt}"


def change(percent: float) -> str:
    """Return a change in words."""
    return f"{number(abs(percent))} % {'less' if percent < 0 else 'more'}"


def effect_tiles(effects: pd.DataFrame, reference: str) -> list[Tile]:
    """Return the effects that people ask about first."""
    rows: Any = effects.set_index("outcome")
    labels = (
        (RANKED, "Ivory sold", "percent", "%"),
        ("visible", "Posts in Moments", "percent", "%"),
        ("displaced", "Share of posts elsewhere", "effect", "points"),
        ("price", "Price of what is sold", "percent", "%"),
    )
    out = []
    for outcome, label, column, unit in labels:
        row = rows.loc[outcome]
        ends = span(row[f"{column}_low"], row[f"{column}_high"])
        about = f"{row['meaning']}: change against {reference}, run by run on the same luck"
        sign = "+" if row[column] > 0 else ""  # a change, not a level
        out.append(Tile(label, f"{sign}{number(row[column])} {unit}", _interval(ends), about))
    return out


def level_tiles(sums: Sums) -> list[Tile]:
    """Return what the survey can be held against, and the volumes of trade."""
    rows: Any = sums["fit"].set_index("id")
    out = []
    for key, label in (
        ("fall_week_5", "Week 5 over week 4"),
        ("return_week_13", "Week 13 over weeks 1 to 4"),
    ):
        row = rows.loc[key]
        ends = f"{span(row['sim_low'], row['sim_high'])}; TRAFFIC: {number(row['observed'])}"
        about = "ratio of the advertisements that a survey of 58 traders sees"
        out.append(Tile(label, number(row["simulated"]), _interval(ends), about))
    headline: Any = sums["headline"].set_index("id")
    for key, label in (
        (RANKED, "Sold, g a week per 1,000"),
        ("seized", "Seized, g a week per 1,000"),
    ):
        row = headline.loc[key]
        about = (
            "per 1,000 traders, in the weeks of the survey (May to July 2015); rests on assumptions"
        )
        ends = _interval(span(row["low"], row["high"]))
        out.append(Tile(label, number(row["median"]), ends, about))
    return out


def _interval(ends: str) -> str:
    return f"90 %: {ends}" if ends else "no interval"


def effect_table(effects: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Return every effect in words and rounded figures."""
    out = []
    for row in effects.to_dict("records"):
        better = row["better"]
        rests = row["rests_on"] if isinstance(row["rests_on"], str) else ""
        out.append(
            {
                "outcome": f"{row['meaning']} ({row['unit']})",
                reference: number(row["baseline"]),
                "change": number(row["effect"]),
                "90 % of runs": span(row["effect_low"], row["effect_high"]),
                "change, %": "" if pd.isna(row["percent"]) else number(row["percent"]),
                "90 % of runs, %": span(row["percent_low"], row["percent_high"]),
                "better in": "" if pd.isna(better) else f"{better:.0%} of runs",
                "rests on": BELIEFS[rests],
            }
        )
    return pd.DataFrame(out).set_index("outcome")


def level_table(table: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """Return a table with median, low and high as one of rounded figures with intervals.

    Parameters
    ----------
    table : DataFrame
        Columns median, low and high beside others.
    columns : mapping of str to str
        Which others to show, and what to call them.
    """
    out = table[list(columns)].rename(columns=dict(columns))
    out["median"] = [number(value) for value in table["median"]]
    out["90 % of runs"] = [
        span(low, high) for low, high in zip(table["low"], table["high"], strict=True)
    ]
    return out.set_index(next(iter(columns.values())))
