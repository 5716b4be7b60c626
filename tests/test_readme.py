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
    """Return the table rows of a page that show a survey statistic: numbers, and p-value if shown.

    Such a table has a column "published"; its last column may be "p-value".
    """
    out, columns = [], []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line[:1] == "|" else []
        if not cells or not columns:
            columns = cells if any(cell.startswith("published") for cell in cells) else []
        elif set(cells[0]) != {"-"}:
            shown = NUMBER.findall(f"{cells[1]} {cells[2]}")
            tail = float(cells[-1]) if columns[-1] == "p-value" else None
            out.append(([float(number.replace(",", "")) for number in shown], tail))
    return out


def is_published(numbers, tail, fit):
    """Return whether a row of a fit has these numbers, to three digits, and this p-value."""
    for _, row in fit.iterrows():
        values = [row[name] for name in COLUMNS if pd.notna(row[name])]
        same = len(values) == len(numbers) and all(
            math.isclose(one, two, rel_tol=0.006) for one, two in zip(values, numbers, strict=True)
        )
        if same and (tail is None or math.isclose(row["p_value"], tail, abs_tol=0.0051)):
            return True
    return False


@pytest.mark.parametrize(
    ("page", "rows"), [("README.md", 5), ("experiments/baseline_2015/README.md", 41)]
)
def test_tables_show_the_published_fit(page, rows):
    """Every row of survey statistics on the page is a row of the published main job."""
    fit = pd.read_csv(BASELINE / "fit.csv")
    found = rows_of_fit((ROOT / page).read_text(encoding="utf-8"))
    assert len(found) == rows
    for numbers, tail in found:
        assert (tail is not None) == ("p_value" in fit), "p-values are shown where they are known"
        assert is_published(numbers, tail, fit), numbers
    numbers, tail = found[0]
    assert not is_published([1.01 * number for number in numbers], tail, fit)  # negative control


def test_p_values_of_a_page_are_compared():
    """A table with p-values is read, and a wrong one is noticed."""
    page = """
| statistic | published | simulated | p-value |
|---|---|---|---|
| fall_week_5 | 0.55 [0.5 to 0.6] | 0.613 [0.36 to 0.891] | 0.72 |

| other | table |
|---|---|
| 1 | 2 |
"""
    row = dict(zip(COLUMNS, (0.55, 0.5, 0.6, 0.6134, 0.3603, 0.8907), strict=True))
    fit = pd.DataFrame([row | {"p_value": 0.7156}])
    ((numbers, tail),) = rows_of_fit(page)
    assert is_published(numbers, tail, fit)
    assert not is_published(numbers, 0.74, fit)  # negative control


def test_citation_has_the_version_of_the_package():
    """CITATION.cff has the fields that its format requires, and this version."""
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(cited)
    assert cited["version"] == marketsim.__version__
