"""Which claims the comparison supports, as a page: ``python -m docs.generate.decision_note``.

It is docs/decision-note.md, made from the published comparison, so that it cannot say more than the
tables do.
"""

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from marketsim.analysis.comparison.effects import name_of, shown
from marketsim.parameters import presets
from marketsim.reporting.text import number, span

PUBLISHED = "comparison_2015"
# outcome: what is said of a fall, what of a rise
CLAIMS = {
    "grams_sold": ("less ivory is sold", "more ivory is sold"),
    "visible": ("fewer posts stand in Moments", "more posts stand in Moments"),
    "displaced": ("a smaller share of posts is made in other places",
                  "a larger share of posts is made in other places"),
    "price": ("what is sold is cheaper", "what is sold is dearer"),
}  # fmt: skip
SUPPORTED, ASSUMED, OPEN = "supported", "assumed", "open"
HEAD = """\
# Decision note

Made from the comparison in `results/published/comparison_2015` ({runs} runs in pairs of each of
{arms} scenarios, {retailers} traders, policies from {start} on, six months; written {written}); do
not edit. Numbers are changes against what happened in 2015 going on: median and central 90 % of
runs. All of it holds in a model that one survey of 58 traders was held against, and no further.
"""
CANNOT = """\
## What the model cannot address

- How much ivory is sold: volumes were seen by no survey. Only changes are compared.
- What a measure costs in money, or what it does to other wildlife, to other goods, or to people.
- Laws and courts: who is arrested is gone; sentences deter nobody beyond the news of them.
- Effects on elephants beyond raw ivory shipped: poachers answer to its price by one assumed
  elasticity.
- Measures nobody has tried: what pictures would be recognised, how well couriers would check, how
  far platforms would share. Their doses are curves, and the least dose with an effect stands in
  `break_even.csv`.
- Single traders. The model knows none.
"""


def folder() -> Path:
    """Return the folder of the published comparison."""
    return presets.PACKAGE.parent / "results" / "published" / PUBLISHED


def claims(effects: pd.DataFrame) -> list[dict[str, Any]]:
    """Return one claim for each scenario and outcome, and how far it is supported.

    Parameters
    ----------
    effects : DataFrame
        `effects.csv` of a comparison.

    Returns
    -------
    list of dict
        Keys scenario, name, outcome, text, figures, sold (the change in ivory sold) and standing:
        ``supported`` where the central 90 % of the effect lie on one side of zero at every strength
        and the survey narrows it by a fifth or more; ``assumed`` where they lie on one side but the
        rest does not hold; ``open`` where they do not.
    """
    out = []
    sold = {
        row["arm"]: f"{number(row['percent'])} % ({span(row['percent_low'], row['percent_high'])})"
        for _, row in effects[effects["outcome"] == "grams_sold"].iterrows()
    }
    for _, row in shown(effects).iterrows():
        if row["outcome"] not in CLAIMS:
            continue
        same = effects[
            (effects["scenario"] == row["scenario"]) & (effects["outcome"] == row["outcome"])
        ]
        falls = row["effect_high"] < 0
        sure = falls or row["effect_low"] > 0
        everywhere = (same["effect_high"] < 0).all() or (same["effect_low"] > 0).all()
        told = row["rests_on"] == "data"
        standing = OPEN if not sure else SUPPORTED if everywhere and told else ASSUMED
        unit = "percentage points" if row["outcome"] == "displaced" else "%"
        name = "percent" if unit == "%" else "effect"
        ends = span(row[f"{name}_low"], row[f"{name}_high"])
        out.append(
            {
                "scenario": row["scenario"],
                "name": name_of(row),
                "outcome": row["outcome"],
                "text": CLAIMS[row["outcome"]][0 if falls else 1],
                "figures": f"{number(row[name])} {unit} ({ends})",
                "sold": sold[row["arm"]],
                "standing": standing,
            }
        )
    return out


def as_markdown(place: Path | None = None) -> str:
    """Return docs/decision-note.md."""
    where = place or folder()
    facts = json.loads((where / "manifest.json").read_text(encoding="utf-8"))
    effects = pd.read_csv(where / "effects.csv", keep_default_na=False, na_values=[""])
    found = claims(effects)
    head = HEAD.format(
        runs=int(effects["runs"].max()),
        arms=effects["scenario"].nunique(),
        retailers=facts["settings"]["population"]["retailers"],
        start=facts["comparison"]["start"],
        written=facts["written"][:10],
    )
    lines = [head, "## What the evidence supports", ""]
    lines += ["The sign is sure at every strength compared, and the survey narrows the effect by",
              "a fifth or more against what was believed before it. Each claim holds if the",
              "measure is carried out as the scenario has it: how large its dose would be is",
              "assumed for all but the domestic ban ([scenarios](scenarios.md)).", ""]  # fmt: skip
    lines += _table(found, SUPPORTED)
    less = [one["name"] for one in found
            if one["outcome"] == "grams_sold" and one["standing"] == SUPPORTED]  # fmt: skip
    lines += [f"That ivory sold changes is supported of {' and '.join(less) or 'none'} alone.", ""]
    lines += ["## What rests on assumption", ""]
    lines += ["The sign is sure in this model, but the survey hardly narrows the effect, or it is",
              "sure at some strengths only: mechanism, priors and doses speak here, not data.",
              ""]  # fmt: skip
    lines += _table(found, ASSUMED)
    lines += ["## What it leaves open", ""]
    lines += ["The central 90 % of runs lie on both sides of no effect:", ""]
    names = {"grams_sold": "ivory sold", "visible": "posts in Moments",
             "displaced": "share of posts elsewhere", "price": "price"}  # fmt: skip
    for outcome, text in names.items():
        rows = [one for one in found if (one["outcome"], one["standing"]) == (outcome, OPEN)]
        of = [f"{one['name']} {one['figures']}" if outcome == "grams_sold" else one["name"]
              for one in rows]  # fmt: skip
        lines.append(f"- {text}: {', '.join(of) or 'nothing'}")
    return "\n".join([*lines, "", CANNOT])


def _table(found: list[dict[str, Any]], standing: str) -> list[str]:
    rows = [one for one in found if one["standing"] == standing]
    if not rows:
        return ["Nothing.", ""]
    lines = ["| with | claim | change | and of ivory sold |", "|---|---|---|---|"]
    order = list(CLAIMS)
    for one in sorted(rows, key=lambda one: order.index(one["outcome"])):
        cells = (one["name"], one["text"], one["figures"], one["sold"])
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


if __name__ == "__main__":
    print(as_markdown(*map(Path, sys.argv[1:2])), end="")
