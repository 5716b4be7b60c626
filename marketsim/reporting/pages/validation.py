"""The report of a validation: predictions beside the evidence, and beside plain models."""

import shlex
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from marketsim.parameters import overrides
from marketsim.parameters.settings import Settings
from marketsim.reporting import text
from marketsim.reporting.pages import page as html_page
from marketsim.reporting.pages import study as study_page

FIGURES = (
    ("predictive.png", "What a survey would see",
     "Each published figure with its interval beside the prediction of single surveys. The figures "
     "are in the table.",
     "Distances from the published values, in half-widths of the evidence's intervals. Hollow: the "
     "median is outside."),
    ("leave_one_out.png", "Weeks that a model was not shown",
     "Predictions of each published weekly volume by three models, and their mean errors, which "
     "are in the table.",
     "Each row is predicted from the other four. The nearer and the narrower, the better."),
    ("replicates.png", "How many runs are enough",
     "Lines of how much each statistic varies over more and more runs, settling near one.",
     "The spread of each figure over the first runs, against that of all runs."),
)  # fmt: skip


def write(
    folder: Path, settings: Settings, simulations: int, tables: Mapping[str, pd.DataFrame]
) -> Path:
    """Write `report.html`: one page that needs no other file and no network.

    Parameters
    ----------
    folder : Path
        Holds the figures in its folder `figures`.
    settings : Settings
        What predicts.
    simulations : int
        Rows of the shared table.
    tables : mapping of str to DataFrame
        `predictive` and `models` as a validation writes them.

    Returns
    -------
    Path
        The page.
    """
    found = tables["predictive"]
    rows = study_page.table(found)
    for row, chance, inside in zip(rows, found["tail"], found["inside"], strict=True):
        row["chance"] = "" if pd.isna(chance) else f"{chance:.0%}"
        row["inside"] = "yes" if inside else "no"
    page = html_page.template("validation.html.j2").render(
        runs=settings.replicates,
        rows=rows,
        inside=int(found["inside"].sum()),
        within=int(found["within"].sum()),
        targets=int((found["role"] == "target").sum()),
        models=models(tables["models"]),
        figures=html_page.figures(folder, FIGURES),
        command=command(settings, simulations),
    )
    return html_page.put(folder, page)


def models(found: pd.DataFrame) -> list[dict[str, str]]:
    """Return the models in words and rounded figures, that of the least error first."""
    return [
        {
            "label": text.words(row["model"]),
            "crps": text.number(row["mean_crps"]),
            "width": text.number(row["mean_width"]),
            "inside": f"{row['inside']:.0%}",
        }
        for row in found.sort_values("mean_crps", kind="stable").to_dict("records")
    ]


def command(settings: Settings, simulations: int) -> str:
    """Return the command that validates again, safe to paste into a shell."""
    words = overrides.overrides(asdict(settings))
    return shlex.join(["marketsim", "validate", *words, f"simulations={simulations}"])
