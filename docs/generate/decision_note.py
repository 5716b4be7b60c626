"""Decision note: ``python -m docs.generate.decision_note > docs/decision-note.md``.

All statements are derived from the published comparison.
"""

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from marketsim.analysis.comparison.effects import RANKED, main_doses, name_of
from marketsim.parameters import presets
from marketsim.reporting.text import OUTCOMES, count, estimate

PUBLISHED = "comparison_2015"
# outcome: claim if it falls, claim if it rises
CLAIMS = {
    RANKED: ("ivory sales fall", "ivory sales rise"),
    "visible": ("visible posts in Moments fall", "visible posts in Moments rise"),
    "displaced": ("the share of posts elsewhere falls", "the share of posts elsewhere rises"),
    "price": ("the price of ivory sold falls", "the price of ivory sold rises"),
}
SUPPORTED, ASSUMED, OPEN = "supported", "assumed", "open"
HEAD = """\
# Decision note

Generated from the comparison in `results/published/comparison_2015`, written {written} ({runs}
paired runs of each of {arms} scenarios, {retailers:,} traders, interventions from {start} on, six
months), of the model before buyers tired, prices looked ahead, and platforms and police
acted; do not edit.
Values are changes relative to the baseline, in which the enforcement of 2015
continues: median and 90 % interval of the runs. All statements refer to a model calibrated to one
survey of 58 traders.

## Supported by the survey

The 90 % interval excludes zero at every dose compared, and the survey narrows it by a fifth or more
relative to the prior. Each statement assumes that the intervention is carried out as specified; the
size of its dose is assumed for all scenarios but the domestic ban ([scenarios](scenarios.md)).
**The narrowing is an estimate from few draws**: resampling them moves it by 0.4 in the middle of
all scenarios and outcomes, and for changes in ivory sales it passes the mark in half of the
resamples. A claim about sales may be in this table by chance.
"""
ASSUMPTIONS = """\
## Dependent on assumptions

The 90 % interval excludes zero, but the survey narrows it by less than a fifth, or it excludes zero
at some doses only: these effects follow from assumed mechanisms, priors and doses.
"""
UNDETERMINED = """\
## Undetermined

The 90 % interval includes zero: the simulation cannot tell the direction of the effect.

"""
LIMITS = """\
## Not covered by the model

- The volume of ivory sales: no survey observed it. Only changes are compared.
- Costs of an intervention in money, and its effects on other wildlife, other goods, or people.
- Courts: arrested traders exit. How much a sentence deters is an assumed loss in years of income,
  times the chance of arrest that traders infer from arrests they hear of.
- Effects on elephants beyond the raw ivory shipped: poaching responds to its price with one assumed
  elasticity.
- Interventions that were never tried, such as image recognition, courier checks or information
  sharing of platforms: their doses have no source. `break_even.csv` has the smallest dose whose
  90 % interval excludes zero.
- Individual traders: the model has no data on persons.
"""


def folder() -> Path:
    """Return the folder of the published comparison."""
    return presets.PACKAGE.parent / "results" / "published" / PUBLISHED


def claims(effects: pd.DataFrame) -> list[dict[str, Any]]:
    """Derive one claim for each scenario and outcome, and its support.

    Parameters
    ----------
    effects : DataFrame
        `effects.csv` of a comparison.

    Returns
    -------
    list of dict
        Keys name, outcome, text, change, sold (the change in ivory sales), falls (in how many runs
        the outcome is lower) and support: ``supported`` if the 90 % interval of the effect excludes
        zero at every dose and the survey narrows it by a fifth or more; ``assumed`` if it excludes
        zero but the rest does not hold; ``open`` if it includes zero.
    """
    out = []
    percent = ("percent", "percent_q05", "percent_q95")
    sold = {
        row["arm"]: _brackets(row, percent, " %")
        for _, row in effects[effects["outcome"] == RANKED].iterrows()
    }
    for _, row in main_doses(effects[effects["outcome"].isin(CLAIMS)]).iterrows():
        same = effects[
            (effects["scenario"] == row["scenario"]) & (effects["outcome"] == row["outcome"])
        ]
        falls = row["effect_q95"] < 0
        everywhere = (same["effect_q95"] < 0).all() or (same["effect_q05"] > 0).all()
        support = OPEN
        if falls or row["effect_q05"] > 0:
            support = SUPPORTED if everywhere and row["informed_by"] == "data" else ASSUMED
        columns, unit = percent, " %"
        if row["outcome"] == "displaced":
            columns, unit = ("effect", "effect_q05", "effect_q95"), " points"
        out.append(
            {
                "name": name_of(row),
                "outcome": row["outcome"],
                "text": CLAIMS[row["outcome"]][0 if falls else 1],
                "change": _brackets(row, columns, unit),
                "sold": sold[row["arm"]],
                "falls": count(row["prob_better"], row["runs"]),
                "support": support,
            }
        )
    return out


def _brackets(row: Any, columns: tuple[str, str, str], unit: str) -> str:
    change = estimate(*row[list(columns)])
    return f"{change.value}{unit} ({change.interval})"


def as_markdown(path: Path | None = None) -> str:
    """Return docs/decision-note.md.

    Parameters
    ----------
    path : Path, optional
        Folder of the comparison; by default the published one.
    """
    path = path or folder()
    facts = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
    effects = pd.read_csv(path / "effects.csv", keep_default_na=False, na_values=[""])
    found = claims(effects)
    head = HEAD.format(
        runs=int(effects["runs"].max()),
        arms=effects["scenario"].nunique(),
        retailers=facts["settings"]["population"]["retailers"],
        start=facts["comparison"]["start"],
        written=facts["written"][:10],
    )
    less = [one["name"] for one in found
            if one["outcome"] == RANKED and one["support"] == SUPPORTED]  # fmt: skip
    only = f"A change in ivory sales is supported for {' and '.join(less) or 'no scenario'} only."
    parts = [head, _table(found, SUPPORTED), only, "", ASSUMPTIONS, _table(found, ASSUMED)]
    rows = [one for one in found if one["support"] == OPEN]
    sales = "".join(
        f"| {one['name']} | {one['falls']} | {one['change']} |\n"
        for one in rows
        if one["outcome"] == RANKED
    )
    others = "".join(
        f"- {OUTCOMES[outcome]}: "
        f"{', '.join(one['name'] for one in rows if one['outcome'] == outcome) or 'none'}\n"
        for outcome in CLAIMS
        if outcome != RANKED
    )
    head = "| scenario | ivory sales fall in (runs) | change |\n|---|---|---|\n"
    return "\n".join([*parts, UNDETERMINED + head + sales, others, LIMITS])


def _table(found: list[dict[str, Any]], support: str) -> str:
    rows = [one for one in found if one["support"] == support]
    if not rows:
        return "None.\n"
    order = list(CLAIMS)
    cells = [
        " | ".join((one["name"], one["text"], one["change"], one["sold"]))
        for one in sorted(rows, key=lambda one: order.index(one["outcome"]))
    ]
    head = "| scenario | claim | change | change in ivory sales |\n|---|---|---|---|\n"
    return head + "".join(f"| {line} |\n" for line in cells)


if __name__ == "__main__":
    print(as_markdown(*map(Path, sys.argv[1:2])), end="")
