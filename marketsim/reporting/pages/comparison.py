"""The report of a comparison: one page with the answer, the picture, the table, and its limits."""

import datetime as dt
import io
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import pandas as pd

from marketsim import __version__
from marketsim.analysis.comparison import effects
from marketsim.analysis.comparison.effects import main_doses, name_of
from marketsim.model.scenario import timeline
from marketsim.parameters import overrides, presets
from marketsim.parameters.settings import Scenario
from marketsim.reporting import text as report_text
from marketsim.reporting.pages import page as html_page
from marketsim.reporting.text import number, span
from marketsim.simulation import files

COLUMNS = (
    ("grams_sold", "Ivory sold"),
    ("visible", "Posts in Moments"),
    ("price", "Price"),
    ("seized", "Seized"),
)
READING = (
    "Simulated, from published aggregates and assumptions; no advice on evading the law.",
    "Effects are differences between two runs with the same luck; 90 % lie from low to high.",
    "Levels (grams, CNY, elephants) are assumed and fitted to nothing: read changes in percent.",
    "Of a row in percent, effect and its ends are percentage points.",
    "What rests on assumption is not narrowed by the survey; see docs/comparison.md.",
)
FIGURES = (
    ("effects.png", "Effects", "Effects on ivory sold with intervals, a row a scenario",
     "Change in ivory sold against the baseline. Hollow points rest on assumption: the survey "
     "narrows their interval by less than a fifth. Grey: what was believed before the survey."),
    ("curves.png", "Week by week", "Visible posts by week, a panel a scenario",
     "Posts standing in Moments, week by week, each scenario over the baseline."),
    ("displacement.png", "Where posts go", "Posts gone from Moments against posts made elsewhere",
     "What leaves Moments does not all leave the market: posts move to backups, groups and other "
     "places."),
    ("costs.png", "What it takes", "Ivory not sold against hours of work",
     "Ivory kept from sale against extra hours of moderators and police. Hours are assumed."),
    ("strengths.png", "How much of it", "Effects over strengths, a panel a scenario",
     "Doses without a source are curves: the effect on ivory sold over the strengths compared."),
)  # fmt: skip


def write(
    folder: Path,
    compared: Sequence[Any],
    asked: Any,
    sums: Mapping[str, pd.DataFrame],
    start: dt.date,
) -> Path:
    """Write `report.html`: one page that needs no other file and no network.

    Parameters
    ----------
    folder : Path
        Holds the figures in its folder `figures`.
    compared : sequence of Arm
        The baseline first.
    asked : Comparison
        What was asked for.
    sums : mapping of str to DataFrame
        From `comparison_sums.tables`.
    start : datetime.date
        First day that counts.
    """
    rows, base = table(sums), compared[0]
    scenarios = {arm.scenario.name: arm.scenario for arm in compared}
    sold = main_doses(sums["effects"])
    sold = sold[sold["outcome"] == "grams_sold"]
    others = [one for name, one in scenarios.items() if name != base.scenario.name]
    page = html_page.template("comparison.html.j2").render(
        answer=answer(sums),
        start=start,
        last=timeline.horizon(base.settings)[1],
        baseline=base.scenario,
        driven=int((sold["rests_on"] == "assumption").sum()),
        total=len(sold),
        runs=int(sold["runs"].max()),
        rows=[row | {"about": scenarios[row["scenario"]].about} for row in rows],
        columns=COLUMNS,
        figures=html_page.figures(folder, FIGURES),
        sourced=sum(not one.scaled for one in others),
        scenarios=len(others),
        sources=[{"name": report_text.words(one.name), "about": one.about, "source": one.source}
                 for one in scenarios.values()],
        command=command(compared, asked),
        own=len(own_scenarios(compared)),
    )  # fmt: skip
    return html_page.put(folder, page)


def write_spreadsheet(
    folder: Path,
    compared: Sequence[Any],
    asked: Any,
    sums: Mapping[str, pd.DataFrame],
    start: dt.date,
) -> None:
    """Write `comparison.xlsx`, of what `write` takes: how to read it, the tables, the columns."""
    last = timeline.horizon(compared[0].settings)[1]
    facts = {
        "what": f"marketsim {__version__}: scenarios compared with {compared[0].name}, run by run",
        "days that count": f"{start} to {last}",
        "answer": answer(sums),
        **{f"how to read it, {k}": text for k, text in enumerate(READING, 1)},
        **{arm.scenario.name: f"{arm.scenario.about}. {arm.scenario.source}" for arm in compared},
        "made by": command(compared, asked),
    }
    read_me = pd.DataFrame(facts.items(), columns=["about", "text"]).map(files.escape_formula)
    said = [(name, *about) for name, about in effects.COLUMNS.items()]
    columns = pd.DataFrame(said, columns=["column", "unit", "meaning"])
    whole = io.BytesIO()
    book = pd.ExcelWriter(whole, engine="openpyxl")  # closed by hand: Ctrl-C is not to write half
    for name, sheet in {"read me": read_me, **sums, "columns": columns}.items():
        sheet.to_excel(book, sheet_name=name, index=False)
    book.close()
    (folder / "comparison.xlsx").write_bytes(whole.getvalue())


def answer(sums: Mapping[str, pd.DataFrame]) -> str:
    """Return the answer in a sentence or two, with intervals."""
    rows: Any = main_doses(sums["effects"])
    sold = rows[rows["outcome"] == "grams_sold"].sort_values("effect")
    best, worst = sold.iloc[0], sold.iloc[-1]
    if len(sold) == 1:
        return f"With {name_of(best)} ivory sold is {_percent(best)}."
    ranking = sums["ranking"].set_index("arm")
    text = (
        f"Of {len(sold)} scenarios, {name_of(best)} lets least ivory be sold: {_percent(best)}. "
        f"In {ranking.loc[best['arm'], 'best']:.0%} of the runs no other sells less."
    )
    if worst["effect_low"] > 0:
        text += f" With {name_of(worst)} more is sold than without: {_percent(worst)}."
    return text


def _percent(row: Any) -> str:
    ends = f"{_change(row['percent_low'])} to {_change(row['percent_high'])}"
    return f"{_change(row['percent'])} than in the baseline (90 % of runs: {ends})"


def _change(percent: float) -> str:
    return f"{number(abs(percent))} % {'less' if percent < 0 else 'more'}"


def table(sums: Mapping[str, pd.DataFrame]) -> list[dict[str, Any]]:
    """Return effects in words and rounded figures, one dictionary a scenario, least sold first."""
    rows: Any = main_doses(sums["effects"]).set_index(["arm", "outcome"])
    sold = rows.xs("grams_sold", level="outcome").sort_values("effect")
    out: list[dict[str, Any]] = []
    for arm, row in sold.iterrows():
        figures: dict[str, Any] = {}
        for name, _ in COLUMNS:
            of = rows.loc[(arm, name)]
            middle, ends = number(of["percent"]), span(of["percent_low"], of["percent_high"])
            figures[name] = {"middle": middle, "span": ends}
        out.append(
            figures
            | {
                "name": name_of(row),
                "scenario": row["scenario"],
                "better": f"{row['better']:.0%}",
                "luck": "" if pd.isna(row["luck"]) else f"{row['luck']:.0%}",
                "rests_on": row["rests_on"],
            }
        )
    return out


def lines(folder: Path) -> list[str]:
    """Return the table for a terminal, of a comparison that is there."""
    sums = {name: pd.read_csv(folder / f"{name}.csv") for name in ("effects", "ranking")}
    cells: list[tuple[str, ...]] = [
        ("scenario", "ivory sold, %", "90 % of runs", "chance of less", "rests on")
    ]
    for row in table(sums):
        sold = row["grams_sold"]
        rests = "" if pd.isna(row["rests_on"]) else row["rests_on"]
        cells.append((row["name"], sold["middle"], sold["span"], row["better"], rests))
    return [answer(sums), "", *report_text.aligned(cells)]


def command(compared: Sequence[Any], asked: Any) -> str:
    """Return the command that makes a comparison again, safe to paste into a shell.

    The words of one scenario of the user's stand with the others; several are files in DIR.
    """
    settings = compared[0].settings
    names = list(dict.fromkeys(arm.scenario.name for arm in compared[1:]))
    words = [f"scenarios=[{','.join(names)}]"]
    for item in fields(asked):
        value = getattr(asked, item.name)
        if item.name != "scenarios" and value != item.default:
            words.append(f"{item.name}={str(value).lower() if value is False else value}")
    own = own_scenarios(compared)
    if len(own) == 1:
        words += overrides.overrides(asdict(replace(settings, scenario=own[0])))
    else:
        rest = overrides.overrides(asdict(settings))
        words += [word for word in rest if not re.match(r"[+~]*scenario", word)]
    if len(own) > 1:
        words = ["--config-dir", "DIR", *words]
    return shlex.join(["marketsim", "compare", *words])


def own_scenarios(compared: Sequence[Any]) -> list[Scenario]:
    """Return the scenarios of a comparison that are not the package's, as they were written."""
    shipped = presets.names("scenario")
    own = {arm.scenario.name: arm.scenario for arm in compared if arm.scenario.name not in shipped}
    return [replace(one, strength=Scenario().strength) for one in own.values()]
