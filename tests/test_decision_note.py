"""The decision note: claims and their support follow from the tables of the comparison."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from docs.generate import decision_note
from docs.generate.decision_note import ASSUMED, OPEN, SUPPORTED, claims

PAGE = Path(__file__).parents[1] / "docs" / "decision-note.md"


def effects(low: float, high: float, rests: str, weak: tuple[float, float] | None = None):
    """Return effects of one scenario on ivory sold, at one dose multiplier or two."""
    rows = [(1.0, low, high)] + ([(0.5, *weak)] if weak else [])
    return pd.DataFrame(
        [
            {
                "arm": f"one@{size}", "scenario": "one", "dose_multiplier": size,
                "outcome": "grams_delivered",
                "effect": (a + b) / 2, "effect_q05": a, "effect_q95": b,
                "percent": (a + b) / 2, "percent_q05": a, "percent_q95": b, "informed_by": rests,
                "prob_better": 0.64, "runs": 100,
            }
            for size, a, b in rows
        ]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("table", "support", "text"),
    [
        (effects(-5, -1, "data"), SUPPORTED, "ivory sales fall"),
        (effects(1, 5, "data"), SUPPORTED, "ivory sales rise"),
        (effects(-5, -1, "prior"), ASSUMED, "ivory sales fall"),
        (effects(-5, -1, "data", (-2, 1)), ASSUMED, "ivory sales fall"),
        (effects(-5, -1, "data", (-2, -0.1)), SUPPORTED, "ivory sales fall"),
        (effects(-5, 1, "data"), OPEN, None),
        (effects(-5, -1, np.nan), ASSUMED, "ivory sales fall"),
    ],
)
def test_the_support_of_a_claim_follows_from_its_intervals(table, support, text):
    """Supported: zero excluded at every dose, informed by data; open: zero included."""
    (one,) = claims(table)
    assert one["support"] == support
    assert text is None or one["text"] == text
    assert one["falls"] == "64 of 100"


@pytest.mark.skipif(not decision_note.folder().is_dir(), reason="a checkout has the published one")
def test_the_note_is_up_to_date():
    """docs/decision-note.md is made from the published comparison."""
    assert PAGE.read_text(encoding="utf-8") == decision_note.as_markdown()
