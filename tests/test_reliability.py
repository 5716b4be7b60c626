"""docs/reliability.md says what the last campaigns found, and they were large enough."""

from pathlib import Path

from campaigns import page

ROOT = Path(__file__).parents[1]


def test_the_page_is_made_of_the_last_results():
    """docs/reliability.md is what campaigns.page makes of the results."""
    assert (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8") == page.page()


def test_the_last_campaigns_were_large_and_broke_no_law():
    """Five thousand inputs, three in ten valid, several hundred in new processes; no finding."""
    fuzz = page.rows("fuzz.csv")
    tried = sum(int(row["tried"]) for row in fuzz)
    valid = sum(int(row["tried"]) for row in fuzz if row["kind"] == "valid")
    assert tried >= 5000
    assert valid / tried >= 0.3
    assert sum(int(row["new_process"]) for row in fuzz) >= 200
    faults = page.rows("faults.csv")
    assert not [row for row in [*fuzz, *faults] if row["findings"] != "0"]
    for name in ("SIGKILL", "SIGINT", "SIGTERM"):
        of = [row for row in faults if row["fault"] == f"{name} at a random moment"]
        hit = sum(int(row["times"]) for row in of if row["came"] != "ended before the signal")
        assert hit >= 60, name
