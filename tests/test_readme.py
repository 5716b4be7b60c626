"""README, published baseline and citation file agree with the results and the version."""

import math
import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

import marketsim

ROOT = Path(__file__).parents[1]
BASELINE = ROOT / "experiments" / "baseline_2015"
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
COLUMNS = ["observed", "obs_low", "obs_high", "median", "q05", "q95"]


def rows_of_fit(text):
    """Return the table rows of a page that show a survey statistic: its numbers and verdict."""
    out = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and cells[-1] in ("yes", "no"):
            shown = NUMBER.findall(f"{cells[1]} {cells[2]}")
            out.append(([float(number.replace(",", "")) for number in shown], cells[-1] == "yes"))
    return out


def is_published(numbers, within):
    """Return whether a row of the published fit has these numbers, to three digits."""
    for _, row in pd.read_csv(BASELINE / "fit.csv").iterrows():
        values = [row[name] for name in COLUMNS if pd.notna(row[name])]
        same = len(values) == len(numbers) and all(
            math.isclose(one, two, rel_tol=0.006) for one, two in zip(values, numbers, strict=True)
        )
        if same and bool(row["within"]) == within:
            return True
    return False


@pytest.mark.parametrize(
    ("page", "rows"), [("README.md", 5), ("experiments/baseline_2015/README.md", 41)]
)
def test_tables_show_the_published_fit(page, rows):
    """Every row of survey statistics on the page is a row of the published main job."""
    found = rows_of_fit((ROOT / page).read_text(encoding="utf-8"))
    assert len(found) == rows
    for numbers, within in found:
        assert is_published(numbers, within), numbers
    numbers, within = found[0]
    assert not is_published(numbers, not within)  # negative controls
    assert not is_published([1.01 * number for number in numbers], within)


def test_citation_has_the_version_of_the_package():
    """CITATION.cff has the fields that its format requires, and this version."""
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(cited)
    assert cited["version"] == marketsim.__version__
