"""Report of a calibration."""

import shlex
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from marketsim.analysis.inference import posting
from marketsim.parameters import evidence, overrides, presets, priors
from marketsim.parameters.settings import Inference, Settings, declared, to_tree
from marketsim.reporting import text
from marketsim.reporting.pages import page as html_page
from marketsim.reporting.text import interval, number
from marketsim.survey.fit import count_unusual
from marketsim.survey.intervals import INTERVAL


def write(
    folder: Path,
    settings: Settings,
    search: Inference,
    simulations: int,
    tables: Mapping[str, pd.DataFrame],
) -> Path:
    """Write `report.html`, which needs no other file and no network.

    Parameters
    ----------
    folder : Path
        Holds the figures in its folder `figures`.
    settings : Settings
        The calibrated settings.
    search : Inference
        How much was simulated.
    simulations : int
        Number of simulated surveys.
    tables : mapping of str to DataFrame
        The tables of the calibration.

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
        narrowed=sum(row["contraction"] >= 0.5 for row in rows),
        structures=structures(tables["structures"], tables["structure_fit"]),
        nuisance=len(set(priors.uncertain()) - fitted),
        fixed=settings.fixed,
        figures=html_page.figures(folder, "calibration"),
        gates=gates(tables["gates"]),
        models=models(tables["models"]),
        tests=search.tests,
        pairs=len(tables["pairs"]),
        command=command(settings, search),
    )
    return html_page.write_page(folder, page)


def parameters(draws: pd.DataFrame, found: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the fitted parameters as text, the best constrained first.

    Parameters
    ----------
    draws : DataFrame
        The posterior.
    found : DataFrame
        Structures and their probabilities.

    Returns
    -------
    list of dict
        Keys key, label, unit, prior, posterior (90 % intervals), contraction_text, and
        contraction: 1 minus the width of the posterior interval relative to that of the prior.
    """
    chance = found.set_index("structure")["probability"]
    ends, rows = INTERVAL, []
    for key, prior in priors.uncertain().items():
        own = draws[[key in priors.FITTED[name] for name in draws["structure"]]]
        if own.empty:
            continue
        low, high = posting.quantiles(own, key, chance, ends)
        spans = (priors.share(prior, high) - priors.share(prior, low)) / (ends[1] - ends[0])
        group, name = key.split(".")
        rows.append(
            {
                "key": key,
                "label": text.plain_name(name),
                "unit": declared(getattr(Settings(), group))[name]["unit"],
                "prior": interval(priors.value(prior, ends[0]), priors.value(prior, ends[1])),
                "posterior": interval(low, high),
                "contraction_text": text.percentage(1.0 - spans),
                "contraction": 1.0 - spans,
            }
        )
    return sorted(rows, key=lambda row: -row["contraction"])


def structures(found: pd.DataFrame, fits: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the recovery mechanisms as text, the most probable first."""
    rows = []
    ordered = found.sort_values("probability", ascending=False, kind="stable")
    for row in ordered.to_dict("records"):
        name = str(row["structure"])
        own = fits[fits["structure"] == name]
        low, share, high = posting.share_interval(row["probability"], row["standard_error"])
        rows.append(
            {
                "label": text.plain_name(name),
                "about": presets.choice("recovery", name)["about"],
                "probability": text.percentage(share),
                "error": f"{100 * low:.0f} % to {100 * high:.0f} %",
                "unusual": [
                    f"{row.unusual:.0f} of {row.rows:.0f} (correct model: {row.expected:.1f})"
                    for row in count_unusual(own).itertuples()
                ],
            }
        )
    return rows


def gates(found: pd.DataFrame) -> list[dict[str, str]]:
    """Return the checks as text."""
    rows = []
    for row in found.to_dict("records"):
        ends = f"{number(row['low'])} to {number(row['high'])}"
        if np.isinf(row["high"]):
            ends = f"{number(row['low'])} or more"
        rows.append(
            {
                "label": row["gate"],
                "measured": number(row["measured"]),
                "allowed": ends,
                "passed": "yes" if row["passed"] else "no",
            }
        )
    return rows


def models(found: pd.DataFrame) -> list[dict[str, str]]:
    """Return the scores of the forecasts as text."""
    return [
        {
            "survey": f"{row['survey']} ({row['surveys']})",
            "question": row["question"],
            "label": text.plain_name(row["model"]),
            "score": number(row["log_score"]),
            "crps": number(row["crps"]),
            "covered": text.percentage(row["coverage"]),
        }
        for row in found.to_dict("records")
    ]


def command(settings: Settings, search: Inference) -> str:
    """Return the command that reruns the calibration, safe to paste into a shell."""
    usual = asdict(Inference())
    words = [
        f"calibration.{key}={overrides.word(value)}"
        for key, value in asdict(search).items()
        if value != usual[key]
    ]
    return shlex.join(["marketsim", "calibrate", *overrides.overrides(to_tree(settings)), *words])
