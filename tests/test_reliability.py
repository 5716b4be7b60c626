"""docs/reliability.md is generated from the recorded campaigns, and they were large."""

import datetime as dt
from pathlib import Path

from campaigns import __main__ as campaigns
from campaigns import fuzz

from docs.generate import reliability

ROOT = Path(__file__).parents[1]
SIGNALS = ("SIGKILL", "SIGINT", "SIGTERM")


def total(table, column, **what):
    """Return the sum of a column over the rows of a kind."""
    return sum(int(row[column]) for row in table if what.items() <= row.items())


def test_the_page_is_up_to_date():
    """docs/reliability.md is what its generator writes."""
    page = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    assert page == reliability.as_markdown()


def test_the_last_complete_campaign_of_inputs_was_large():
    """Two thousand inputs, three in ten valid, one in twenty-five in a new process."""
    found = reliability.rows("inputs.csv")
    tried = total(found, "tried")
    assert tried >= 1900
    assert total(found, "tried", kind="valid") / tried >= 0.3
    assert total(found, "new_process") / tried >= 0.03
    assert total(found, "result") + total(found, "refused") == tried


def test_the_last_complete_campaign_of_faults_was_large():
    """Three hundred trials, and each kind of fault among them."""
    found = reliability.rows("faults.csv")
    assert total(found, "times") >= 300
    kinds = {row["fault"] for row in found}
    for kind in (*SIGNALS, "damaged file", "damaged batch", "damaged posterior",
                 "damaged checkpoint", "full disk", "read-only", "two processes, one result",
                 "other surroundings", "files dated otherwise"):  # fmt: skip
        assert any(name.startswith(kind) for name in kinds), kind


def test_the_page_says_when_and_how_much(monkeypatch, tmp_path):
    """Dates and counts are those of the tables, whatever the next campaign writes."""
    tables = {
        "inputs.csv": fuzz.table([fuzz.Row("valid", "run", True, 0, "zero")] * 1234
                                 + [fuzz.Row("garbage", "bytes", False, 2, "refused")] * 3),
        "faults.csv": [{"fault": "a fault", "what": "run", "outcome": "one line", "times": 77}],
    }  # fmt: skip
    for name, rows in tables.items():
        campaigns.write(tmp_path / name, rows)
    (tmp_path / "notes.md").write_text("the notes\n")
    monkeypatch.setattr(reliability, "RESULTS", tmp_path)
    text = " ".join(reliability.as_markdown().split())
    today = dt.date.today()
    when = f"run on {today.day} {today:%B %Y}, commit {campaigns.commit()}"
    assert f"Inputs: {when}. Of 1,237 inputs (1,234 valid, 0 broken, 3 garbage)" in text
    assert "of which 1,234 were given to a new process, none broke a law" in text
    assert "| valid | 1,234 | 1,234 | 1,234 | 0 | 0 | 0 | 1,234 | 0 |" in text
    assert f"Faults: {when}. Of 77 trials none broke a law." in text
    assert "| a fault | one line | 77 |" in text and text.endswith("the notes")
