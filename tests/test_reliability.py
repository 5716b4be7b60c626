"""docs/reliability.md says what the last campaigns found, and they were as large as it says."""

from pathlib import Path

from campaigns import faults, page

ROOT = Path(__file__).parents[1]


def times(table, **what):
    """Return how many trials of a kind there were."""
    mine = [row for row in table if all(row[key] == value for key, value in what.items())]
    return sum(int(row["times"]) for row in mine)


def test_the_page_is_made_of_the_last_results():
    """docs/reliability.md is what campaigns.page makes of the results."""
    assert (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8") == page.page()


def test_the_last_campaign_of_inputs_was_large():
    """Five thousand inputs, three in ten valid, two hundred in new processes; no law broken."""
    fuzz = page.rows("fuzz.csv")
    tried = sum(int(row["tried"]) for row in fuzz)
    valid = sum(int(row["tried"]) for row in fuzz if row["kind"] == "valid")
    assert tried >= 5000
    assert valid / tried >= 0.3
    assert sum(int(row["new_process"]) for row in fuzz) >= 200
    assert {row["findings"] for row in fuzz} == {"0"}


def test_the_last_campaign_of_faults_was_whole():
    """Every part was run, each signal reached sixty commands; nothing was lost or wrong."""
    found = page.rows("faults.csv")
    for number in faults.SIGNALS:
        fault = f"{number.name} at a random moment"
        early = times(found, fault=fault, came="ended before the signal")
        assert times(found, fault=fault) - early >= 60, fault
    kinds = {row["fault"] for row in found}
    for kind in ("damaged file", "damaged batch", "damaged posterior", "damaged checkpoint",
                 "full disk", "two processes, one result", "other surroundings",
                 "nowhere to write", "read-only folder", "files dated otherwise"):  # fmt: skip
        assert kind in kinds
    assert {row["findings"] for row in found} == {"0"}
