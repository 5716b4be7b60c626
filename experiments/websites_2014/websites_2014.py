"""Print and keep what lasting work of moderators leaves of posts: `python websites_2014.py [RUNS]`.

Writes `flow.csv` here: posts of the last four weeks over those of the four weeks before the work.
"""

import sys
from pathlib import Path

import pandas as pd

import marketsim as ms
from marketsim.survey import targets

WEEKS = 4
HERE = Path(__file__).parent


def flow(compared: ms.Comparison) -> pd.DataFrame:
    """Return the ratio of each arm, and against the baseline's at the end: median and 90 %.

    Columns arm, series (visible, moved: posts a week; grams sold), of (before, baseline), low,
    median, high.
    """
    weekly = compared.weekly
    weekly = weekly[weekly["parameter_source"] == "posterior"]
    began = pd.Timestamp(compared.facts["comparison"]["start"])
    first = pd.Timestamp(compared.settings["horizon"]["start"])
    week, last = (began - first).days // 7, weekly["week"].max()
    series, of = ["visible", "moved", "grams"], weekly.groupby(["arm", "run"])
    before, after = (
        of.apply(lambda rows, a=a: rows[rows["week"].between(a, a + WEEKS - 1)][series].mean())
        for a in (week - WEEKS, last - WEEKS + 1)
    )
    baseline = after.xs("baseline_2015")
    parts = []
    for name, ratio in (("before", after / before), ("baseline", after.div(baseline, level="run"))):
        found = ratio.groupby("arm").quantile([0.05, 0.5, 0.95]).stack().unstack(1)
        found.columns = ["q05", "median", "q95"]
        parts.append(found.rename_axis(["arm", "series"]).reset_index().assign(of=name))
    return pd.concat(parts)[["arm", "series", "of", "q05", "median", "q95"]]


def published() -> float:
    """Return the largest published ratio of new advertisements on websites, 2014 to 2012."""
    after = targets.validation()["websites_flow_after"].high
    before = targets.validation()["websites_flow_before"].value
    assert after is not None and before is not None
    return after / before


if __name__ == "__main__":
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    table = flow(ms.compare(["websites_2014"], replicates=runs, study="websites_2014"))
    table.to_csv(HERE / "flow.csv", index=False, float_format="%.3f", lineterminator="\n")
    print(table.round(2).to_string(index=False))
    print(f"published of websites: at most {published():.2f}")
