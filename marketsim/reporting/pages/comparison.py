"""Report of a comparison: HTML page, spreadsheet, and summary for a terminal."""

import datetime as dt
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pandas as pd

from marketsim import __version__
from marketsim.analysis.comparison import arms, effects
from marketsim.analysis.comparison.effects import (
    RANKED,
    main_doses,
    name_of,
    read_table,
    scenario_words,
)
from marketsim.model.scenario import timeline
from marketsim.parameters import overrides, panel, posterior, presets
from marketsim.parameters.settings import Scenario, to_tree
from marketsim.reporting.figures.comparison import labels, with_prior
from marketsim.reporting.pages import page as html_page
from marketsim.reporting.pages import study as study_page
from marketsim.reporting.text import (
    OUTCOMES,
    aligned,
    count,
    estimate,
    sales_effect,
    stochastic,
)
from marketsim.simulation import files

BASELINE = "the baseline"
COLUMNS = [(name, OUTCOMES[name].capitalize()) for name in (RANKED, "visible", "price", "seized")]
NOTES = (
    "Simulated from published aggregates and assumptions; no advice on evading the law.",
    "Effects are differences between two runs with common random numbers; q05 and q95 are "
    "the ends of the 90 % interval.",
    "Levels (grams, CNY, elephants) are assumed and not calibrated: use changes in percent.",
    "The effects of rows in percent, and their intervals, are percentage points.",
)
PRIOR_NOTE = (
    "Prior assumption: the survey narrows the effect's interval by less than a fifth; see "
    "docs/comparison.md."
)
SAMPLED = {
    posterior.NONE: "All runs use the given values of the parameters",
    posterior.POINT: "All runs use the calibrated values of the parameters",
    posterior.PRIOR: "Each run samples its parameters from the prior",
}
FROM_POSTERIOR = "Each run samples its parameters from the posterior of the 2015 survey"
PREDATES = "; that of trade predates this version of the model, so {} are sampled from their priors"
INFORMED_BY = {"data": "survey data", "prior": "prior assumptions", "": ""}


def _predates() -> str:
    """Return the note on parameters that were declared after the calibration."""
    since = posterior.since()
    return PREDATES.format(", ".join(since)) if since else ""


def write(
    folder: Path,
    compared: Sequence[Any],
    options: Any,
    sums: Mapping[str, pd.DataFrame],
    start: dt.date,
) -> Path:
    """Write `report.html`, which needs no other file and no network.

    Parameters
    ----------
    folder : Path
        Holds the figures in its folder `figures`.
    compared : sequence of Arm
        The baseline first.
    options : Comparison
        Options of the comparison.
    sums : mapping of str to DataFrame
        From `effects.tables`.
    start : datetime.date
        First day of the evaluation period.
    """
    rows, base = table(sums), compared[0]
    scenarios = {arm.scenario.name: arm.scenario for arm in compared}
    sold = main_doses(sums["effects"])
    sold = sold[sold["outcome"] == RANKED]
    others = [one for name, one in scenarios.items() if name != base.scenario.name]
    page = html_page.template("comparison.html.j2").render(
        answer=answer(sums),
        start=start,
        last=timeline.horizon(base.settings)[1],
        baseline=base.scenario,
        assumed=int((sold["informed_by"] == "prior").sum()),
        with_prior=with_prior(sums["effects"]),
        parameters=SAMPLED.get(base.settings.posterior, FROM_POSTERIOR + _predates()),
        panel=study_page.panel_facts(panel.facts(base.settings)),
        total=len(sold),
        runs=int(sold["runs"].max()),
        rows=[row | {"about": scenarios[row["scenario"]].about} for row in rows],
        columns=COLUMNS,
        figures=html_page.figures(folder, "comparison"),
        sourced=sum(not one.scaled_interventions for one in others),
        scenarios=len(others),
        sources=[
            {"name": scenario_words(one.name), "about": one.about, "source": one.source}
            for one in scenarios.values()
        ],
        command=command(compared, options),
        own=len(own_scenarios(compared)),
    )
    return html_page.write_page(folder, page)


def write_spreadsheet(
    folder: Path,
    compared: Sequence[Any],
    options: Any,
    sums: Mapping[str, pd.DataFrame],
    start: dt.date,
) -> None:
    """Write `comparison.xlsx`: notes, tables and columns; parameters as in `write`."""
    last = timeline.horizon(compared[0].settings)[1]
    notes = [*NOTES, PRIOR_NOTE] if with_prior(sums["effects"]) else NOTES
    scenarios = {arm.scenario.name: arm.scenario for arm in compared}
    facts = [
        ("what", f"marketsim {__version__}: scenarios compared with {compared[0].name} by run"),
        ("evaluation period", f"{start} to {last}"),
        ("result", answer(sums)),
        *((f"note {k}", text) for k, text in enumerate(notes, 1)),
        *((name, f"{one.about}. {one.source}") for name, one in scenarios.items()),
        ("command", command(compared, options)),
    ]
    read_me = pd.DataFrame(facts, columns=["about", "text"])
    described = [(name, *about) for name, about in effects.COLUMNS.items()]
    columns = pd.DataFrame(described, columns=["column", "unit", "meaning"])
    sheets = {"read me": read_me, **sums, "columns": columns}
    (folder / "comparison.xlsx").write_bytes(files.spreadsheet(sheets))


def answer(sums: Mapping[str, pd.DataFrame]) -> str:
    """Return the main result in a few sentences, with its uncertainty."""
    rows: Any = main_doses(sums["effects"])
    sold = rows[rows["outcome"] == RANKED].sort_values("effect")
    best, worst = sold.iloc[0], sold.iloc[-1]
    text = sales_effect(best, name_of(best), BASELINE)
    if len(sold) > 1:
        share = sums["ranking"].set_index("arm").loc[best["arm"], "prob_best"]
        text = (
            f"Of {len(sold)} scenarios, ivory sales are lowest with {name_of(best)} (lowest of all "
            f"in {count(share, best['runs'])} runs). {text}"
        )
        if worst["effect_q05"] > 0:
            text += f" {sales_effect(worst, name_of(worst), BASELINE)}"
    return text


def table(sums: Mapping[str, pd.DataFrame]) -> list[dict[str, Any]]:
    """Return effects as text, one dictionary per scenario, ordered by ivory sales."""
    rows: Any = main_doses(sums["effects"]).set_index(["arm", "outcome"])
    drawn = labels(sums["effects"])
    sold = rows.xs(RANKED, level="outcome").sort_values("effect")
    return [
        {
            name: estimate(*rows.loc[(arm, name), ["percent", "percent_q05", "percent_q95"]])
            for name, _ in COLUMNS
        }
        | {
            "name": _name_and_label(row, drawn),
            "scenario": row["scenario"],
            "less": count(row["prob_better"], row["runs"]),
            "stochastic_share": stochastic(row["stochastic_share"]),
            "informed_by": INFORMED_BY["" if pd.isna(row["informed_by"]) else row["informed_by"]],
        }
        for arm, row in sold.iterrows()
    ]


def _name_and_label(row: Any, drawn: Mapping[str, str]) -> str:
    """Return the name of a scenario, and what figures call it where that is something else."""
    name, label = name_of(row), drawn[row["scenario"]]
    return name if label == scenario_words(row["scenario"]) else f"{name} ({label} in the figures)"


def lines(folder: Path) -> list[str]:
    """Return the result of a finished comparison as lines for a terminal."""
    sums = {name: read_table(folder / f"{name}.csv") for name in ("effects", "ranking")}
    heads = ("scenario", "change in ivory sales, %", "90 % interval", "sales fall in")
    cells: list[tuple[str, ...]] = [heads]
    for row in table(sums):
        cells.append((row["name"], *row[RANKED], f"{row['less']} runs"))
    if with_prior(sums["effects"]):
        informed = ("informed by", *(row["informed_by"] for row in table(sums)))
        cells = [(*row, last) for row, last in zip(cells, informed, strict=True)]
    return [answer(sums), "", *aligned(cells)]


def command(compared: Sequence[Any], options: Any) -> str:
    """Return the command that reruns a comparison, safe to paste into a shell.

    One scenario of the user is given by overrides; several are files in the folder DIR.
    """
    settings = compared[0].settings
    names = list(dict.fromkeys(arm.scenario.name for arm in compared[1:]))
    words = [f"scenarios=[{','.join(names)}]"]
    for item in fields(options):
        value = getattr(options, item.name)
        if item.name != "scenarios" and value != item.default:
            words.append(f"{item.name}={str(value).lower() if value is False else value}")
    own = own_scenarios(compared)
    if len(own) == 1:
        words += overrides.overrides(to_tree(replace(settings, scenario=own[0])))
    else:
        rest = overrides.overrides(to_tree(settings))
        words += [word for word in rest if not re.match(r"[+~]*scenario", word)]
    if len(own) > 1:
        words = ["--config-dir", "DIR", *words]
    return shlex.join(["marketsim", "compare", *words])


def own_scenarios(compared: Sequence[Any]) -> list[Scenario]:
    """Return the user's own scenarios of a comparison, as specified."""
    shipped = presets.names("scenario")
    return [one for one in arms.scenarios(compared) if one.name not in shipped]
