"""Report of a validation."""

import shlex
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from marketsim.analysis.inference import cross_validation
from marketsim.parameters import overrides, panel
from marketsim.parameters.settings import Settings, to_tree
from marketsim.reporting import text
from marketsim.reporting.pages import page as html_page
from marketsim.reporting.pages import study as study_page


def write(
    folder: Path, settings: Settings, simulations: int, tables: Mapping[str, pd.DataFrame]
) -> Path:
    """Write `report.html`, which needs no other file and no network.

    Parameters
    ----------
    folder : Path
        Holds the figures in its folder `figures`.
    settings : Settings
        The settings of the predicting study.
    simulations : int
        Number of simulations of the reference table.
    tables : mapping of str to DataFrame
        `predictive` and `models` as a validation writes them, and `predictive_again` where this
        panel was predicted again.

    Returns
    -------
    Path
        The page.
    """
    found = tables["predictive"]
    rows = study_page.table(found)
    for row, tail, inside in zip(rows, found["p_value"], found["within_90"], strict=True):
        row["tail"] = text.percentage(tail)
        row["inside"] = "yes" if inside else "no"
    of_pairs, pairs = {}, {}
    if "predictive_again" in tables:
        pairs = study_page.panel_facts(panel.facts_of_pairs())
        of_pairs = {row["id"]: row for row in study_page.table(tables["predictive_again"])}
    page = html_page.template("validation.html.j2").render(
        runs=settings.replicates,
        rows=rows,
        of_pairs=of_pairs,
        pairs=pairs,
        inside=int(found["within_90"].sum()),
        within=int(found["within"].sum()),
        targets=int((found["role"] == "target").sum()),
        models=models(tables["models"]),
        figures=html_page.figures(folder, "validation"),
        command=command(settings, simulations),
    )
    return html_page.write_page(folder, page)


def models(found: pd.DataFrame) -> list[dict[str, str]]:
    """Return the models as text, ordered by mean error."""
    return [
        {
            "label": text.plain_name(row["model"]),
            "crps": text.number(row["mean_crps"]),
            "width": text.number(row["mean_width"]),
            "inside": text.count(row["coverage"], len(cross_validation.WEEKS)),
        }
        for row in found.sort_values("mean_crps", kind="stable").to_dict("records")
    ]


def command(settings: Settings, simulations: int) -> str:
    """Return the command that reruns the validation, safe to paste into a shell."""
    words = overrides.overrides(to_tree(settings))
    return shlex.join(["marketsim", "validate", *words, f"simulations={simulations}"])
