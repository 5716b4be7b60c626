"""Report of a validation."""

import shlex
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from marketsim.parameters import overrides, panel
from marketsim.parameters.settings import Settings, to_tree
from marketsim.reporting import text
from marketsim.reporting.pages import page as html_page
from marketsim.reporting.pages import study as study_page


def write(folder: Path, settings: Settings, tables: Mapping[str, pd.DataFrame]) -> Path:
    """Write `report.html`, which needs no other file and no network.

    Parameters
    ----------
    folder : Path
        Holds the figures in its folder `figures`.
    settings : Settings
        The settings of the predicting study.
    tables : mapping of str to DataFrame
        `predictive` as a validation writes it, and `predictive_again` where this panel was
        predicted again.

    Returns
    -------
    Path
        The page.
    """
    found = tables["predictive"]
    of_pairs, pairs = {}, {}
    if "predictive_again" in tables:
        pairs = study_page.panel_facts(panel.facts_of_pairs())
        of_pairs = {row["id"]: row for row in study_page.table(tables["predictive_again"])}
    page = html_page.template("validation.html.j2").render(
        runs=settings.replicates,
        rows=study_page.table(found),
        unusual=text.unusual_rows(found),
        of_pairs=of_pairs,
        pairs=pairs,
        targets=int((found["role"] == "target").sum()),
        figures=html_page.figures(folder, "validation"),
        command=command(settings),
    )
    return html_page.write_page(folder, page)


def command(settings: Settings) -> str:
    """Return the command that reruns the validation, safe to paste into a shell."""
    words = overrides.overrides(to_tree(settings))
    return shlex.join(["marketsim", "validate", *words])
