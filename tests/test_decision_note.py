"""The note for decisions says what the tables of the comparison say, and no more."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from docs.generate import decision_note
from docs.generate.decision_note import ASSUMED, OPEN, SUPPORTED, claims

PAGE = Path(__file__).parents[1] / "docs" / "decision-note.md"


def effects(low: float, high: float, rests: str, weak: tuple[float, float] | None = None):
    """Return effects of one scenario on ivory sold, at one strength or two."""
    rows = [(1.0, low, high)] + ([(0.5, *weak)] if weak else [])
    return pd.DataFrame(
        [
            {
                "arm": f"one@{size}", "scenario": "one", "strength": size, "outcome": "grams_sold",
                "effect": (a + b) / 2, "effect_low": a, "effect_high": b,
                "percent": (a + b) / 2, "percent_low": a, "percent_high": b, "rests_on": rests,
            }
            for size, a, b in rows
        ]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("table", "standing", "text"),
    [
        (effects(-5, -1, "data"), SUPPORTED, "less ivory is sold"),
        (effects(1, 5, "data"), SUPPORTED, "more ivory is sold"),
        (effects(-5, -1, "assumption"), ASSUMED, "less ivory is sold"),
        (effects(-5, -1, "data", (-2, 1)), ASSUMED, "less ivory is sold"),
        (effects(-5, -1, "data", (-2, -0.1)), SUPPORTED, "less ivory is sold"),
        (effects(-5, 1, "data"), OPEN, None),
        (effects(-5, -1, np.nan), ASSUMED, "less ivory is sold"),
    ],
)
def test_a_claim_stands_as_its_intervals_do(table, standing, text):
    """Supported: sure at every strength and told by the data; open: on both sides of zero."""
    (one,) = claims(table)
    assert one["standing"] == standing
    assert text is None or one["text"] == text


@pytest.mark.skipif(not decision_note.folder().is_dir(), reason="a checkout has the published one")
def test_the_note_is_up_to_date():
    """docs/decision-note.md is made from the published comparison."""
    assert PAGE.read_text(encoding="utf-8") == decision_note.as_markdown()
