"""Compare a ban that is announced with one that is not: `python announced_ban.py [RUNS]`.

Each scenario is simulated from March 2015 to July 2017 with common random numbers: in the year from
August 2015 on the ban of August 2016 is announced or not, in the year after it is enforced or not.
It writes `announced.csv`.
"""

import sys
from pathlib import Path

import pandas as pd

import marketsim as ms

HERE = Path(__file__).parent
END = "2017-07-31"
YEARS = {
    "year before the ban": ("2015-08-01", "2016-07-31"),
    "year of the ban": ("2016-08-01", END),
}
SCENARIOS = ("ban_announced_enforced", "ban_announced_unenforced", "ban_unannounced")
# column of the daily table: whether it is summed over the days of a window, else averaged
SERIES = {
    "grams_delivered": True,
    "raw_level": False,
    "legal_sold": True,
    "visible": True,
    "traders_active": False,
}


def windows(scenario: str, runs: int) -> pd.DataFrame:
    """Return sums or means of the series by run and window."""
    of = ms.run(
        scenario,
        population="survey",
        panel="new",
        replicates=runs,
        figures=False,
        study=f"announced_{scenario}",
        **{"horizon.end": END},
    ).daily
    parts = []
    for window, (first, last) in YEARS.items():
        days = pd.to_datetime(of["day"])
        rows = of[(days >= first) & (days <= last)].groupby("run")
        parts.append(
            pd.DataFrame(
                {name: rows[name].sum() if sums else rows[name].mean()
                 for name, sums in SERIES.items()}
            ).assign(window=window)
        )  # fmt: skip
    return pd.concat(parts).set_index("window", append=True)


def main(runs: int) -> None:
    """Simulate, write the table of percentage changes, and print it."""
    base = windows("baseline_2015", runs)
    parts = []
    for scenario in SCENARIOS:
        percent = 100.0 * (windows(scenario, runs) / base - 1.0)
        of = percent.stack().groupby(level=["window", 2], sort=False)
        table = of.quantile([0.05, 0.5, 0.95]).unstack()
        table.columns = pd.Index(["q05", "median", "q95"])
        table["falls"], table["runs"] = of.apply(lambda one: (one < 0).sum()), of.size()
        parts.append(table.rename_axis(["window", "series"]).assign(scenario=scenario))
    found = pd.concat(parts).reset_index()
    file = HERE / "announced.csv"
    found.to_csv(file, index=False, float_format="%.3f", lineterminator="\n")
    print(found.round(1).to_string(index=False))


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 40)
