"""docs/reliability.md is generated from the recorded campaigns, and they were large."""

from pathlib import Path

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
    """Five thousand inputs, three in ten valid, two hundred in new processes; no law broken."""
    fuzz = reliability.rows("fuzz.csv")
    assert total(fuzz, "tried") >= 5000
    assert total(fuzz, "tried", kind="valid") / total(fuzz, "tried") >= 0.3
    assert total(fuzz, "new_process") >= 200
    assert total(fuzz, "findings") == 0


def test_the_last_complete_campaign_of_faults_was_whole():
    """Every part was run, each signal reached sixty commands; no law broken."""
    found = reliability.rows("faults.csv")
    for name in SIGNALS:
        fault = f"{name} at a random moment"
        early = total(found, "times", fault=fault, came="ended before the signal")
        assert total(found, "times", fault=fault) - early >= 60, fault
    kinds = {row["fault"] for row in found}
    for kind in ("damaged file", "damaged batch", "damaged posterior", "damaged checkpoint",
                 "full disk", "two processes, one result", "other surroundings",
                 "nowhere to write", "read-only folder", "files dated otherwise"):  # fmt: skip
        assert kind in kinds
    assert total(found, "findings") == 0


def test_the_page_says_what_was_run():
    """The sentence about the last complete campaigns has the figures of their tables."""
    text = (reliability.RESULTS / "complete.md").read_text(encoding="utf-8")
    fuzz, found = reliability.rows("fuzz.csv"), reliability.rows("faults.csv")
    for kind in ("valid", "broken", "garbage"):
        assert f"{total(fuzz, 'tried', kind=kind):,}" in text
    assert f"{total(fuzz, 'tried'):,} inputs" in text
    assert f"{total(found, 'times')} trials" in text
