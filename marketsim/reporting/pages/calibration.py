"""The report of a calibration: what the survey narrowed, and what it did not."""

import shlex
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from marketsim.analysis.inference import particles
from marketsim.parameters import evidence, overrides, presets, priors
from marketsim.parameters.settings import Calibration, Settings, declared
from marketsim.reporting import text
from marketsim.reporting.pages import page as html_page
from marketsim.reporting.text import number, span
from marketsim.survey.intervals import INTERVAL

FIGURES = (
    ("posterior.png", "What the survey leaves of each parameter",
     "Histograms of fitted parameters over their priors. The intervals are in the table.",
     "Blue: what the survey leaves. Grey: what was believed before. Points and bars above: median "
     "and central 90 %."),
    ("structures.png", "What brought posts back",
     "Probabilities of the explanations with error bars, and what each predicts for the fall and "
     "the return of advertisements. The probabilities are in the table.",
     "Left: how probable each explanation is. Right: what it predicts beside what was published."),
)  # fmt: skip


def write(
    folder: Path,
    settings: Settings,
    search: Calibration,
    simulations: int,
    tables: Mapping[str, pd.DataFrame],
) -> Path:
    """Write `report.html`: one page that needs no other file and no network.

    Parameters
    ----------
    folder : Path
        Holds the figures in its folder `figures`.
    settings : Settings
        What was calibrated.
    search : Calibration
        How it was searched for.
    simulations : int
        Surveys simulated.
    tables : mapping of str to DataFrame
        `posterior`, `structures` and `structure_fit` as a calibration writes them.

    Returns
    -------
    Path
        The page.
    """
    rows = parameters(tables["posterior"], tables["structures"])
    fitted = {key for keys in priors.FITTED.values() for key in keys}
    page = html_page.template("calibration.html.j2").render(
        inputs={name: number(fact.value) for name, fact in evidence.inputs().items()},
        simulations=simulations,
        draws=len(tables["posterior"]),
        rows=rows,
        narrowed=sum(row["share"] >= 0.5 for row in rows),
        structures=structures(tables["structures"], tables["structure_fit"]),
        carried=len(set(priors.uncertain()) - fitted),
        held=settings.held,
        figures=html_page.figures(folder, FIGURES),
        command=command(settings, search),
    )
    return html_page.put(folder, page)


def parameters(draws: pd.DataFrame, found: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the fitted parameters in words and rounded figures, the best known first.

    Parameters
    ----------
    draws : DataFrame
        The posterior.
    found : DataFrame
        Structures and their probabilities.

    Returns
    -------
    list of dict
        Keys key, label, unit, before, after (central 90 %), narrowed, and share, the last as a
        number: 1 less the part of the prior's 90 % that the posterior's spans.
    """
    chance = found.set_index("structure")["probability"]
    ends, rows = INTERVAL, []
    for key, prior in priors.uncertain().items():
        own = draws[[key in priors.FITTED[name] for name in draws["structure"]]]
        if own.empty:
            continue
        low, high = particles.quantiles(own, key, chance, ends)
        spans = (priors.share(prior, high) - priors.share(prior, low)) / (ends[1] - ends[0])
        group, name = key.split(".")
        rows.append(
            {
                "key": key,
                "label": text.words(name),
                "unit": declared(getattr(Settings(), group))[name]["unit"],
                "before": span(*(priors.value(prior, end) for end in ends)),
                "after": span(low, high),
                "narrowed": f"{1.0 - spans:.0%}",
                "share": 1.0 - spans,
            }
        )
    return sorted(rows, key=lambda row: -row["share"])


def structures(found: pd.DataFrame, fits: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the structures in words and rounded figures, the most probable first."""
    rows = []
    ordered = found.sort_values("probability", ascending=False, kind="stable")
    for row in ordered.to_dict("records"):
        name = str(row["structure"])
        own = fits[fits["structure"] == name]
        low, share, high = particles.share_interval(row["probability"], row["standard_error"])
        rows.append(
            {
                "label": text.words(name),
                "about": presets.choice("recovery", name)["about"],
                "probability": f"{share:.0%}",
                "error": f"{low:.0%} to {high:.0%}",
                "met": int(np.sum(own["within"])),
                "compared": len(own),
            }
        )
    return rows


def command(settings: Settings, search: Calibration) -> str:
    """Return the command that searches again, safe to paste into a shell."""
    usual = asdict(Calibration())
    words = [
        f"calibration.{key}={overrides.word(value)}"
        for key, value in asdict(search).items()
        if value != usual[key]
    ]
    return shlex.join(["marketsim", "calibrate", *overrides.overrides(asdict(settings)), *words])
