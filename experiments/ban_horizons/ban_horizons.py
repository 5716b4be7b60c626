"""Compare all scenarios over half a year, a year and a half, and three years.

`python ban_horizons.py [RUNS] [SCENARIO ...]` simulates every scenario, or those named, at its main
dose for three years from 1 August 2015 on: with all that traders respond to, and without any of it
(`none`); some scenarios also with each response switched off in turn. It writes `horizons.csv`.
"""

import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import yaml

import marketsim as ms
from marketsim.parameters import presets
from marketsim.parameters.settings import Scenario, plain

HERE = Path(__file__).parent
START, END = "2015-08-01", "2018-07-31"
TO_2018 = "_to_2018"  # end of the names of scenarios that are simulated for three years
WEEKS = {"6 months": 26, "18 months": 78, "36 months": 156}
CALENDARS = ("baseline_2015", "no_crackdown", "calendar_2018", "websites_2014")
NEUTRAL = {
    "returns": {"effort": 0.0, "place": 0.0, "turnover": 0.0},
    "lost parcels": {"seizure": 0.0, "refund": 0.0},
    "prison": {"severity": 0.0, "jail_step": 0.0},
    "audience": {"recruiting": 0.0, "seek": 0.0, "start": 1.0, "follow": 1.0, "exposure": 0.0},
    "crowding": {"crowding": 0.0},
    "guarded style": {"evade": 0.0, "obscure": 0.0},
}
TAKEN_APART = (
    "blocking_before_posting",
    "courier_checks",
    "demand_reduction",
    "domestic_ban_enforced",
    "longer_sentences_publicized",
    "payment_freeze",
    "repeated_sweeps",
    "supplier_interdiction",
)
VARIANTS = ("all", *(f"without {name}" for name in NEUTRAL), "none")


def settings_of(variant: str) -> dict[str, object]:
    """Return the settings that switch off what a variant goes without."""
    if variant == "none":
        return {"motive": "none"}
    off = NEUTRAL.get(variant.removeprefix("without "), {})
    return {f"motive.{name}": value for name, value in off.items()}


def compared_in(variant: str, names: list[str]) -> list[str]:
    """Return the scenarios that are simulated in a variant."""
    return [name for name in names if variant in ("all", "none") or name in TAKEN_APART]


def compare(variant: str, runs: int, names: list[str]) -> pd.DataFrame:
    """Return the weeks of the arms of one variant."""
    with TemporaryDirectory() as folder:
        long = [name + TO_2018 for name in names]
        for name, own in zip(names, long, strict=True):
            changed = {"name": own, "until": END, "dose_multipliers": []}
            scenario = Scenario(**presets.choice("scenario", name) | changed)
            file = Path(folder) / "scenario" / f"{own}.yaml"
            file.parent.mkdir(exist_ok=True)
            file.write_text(yaml.safe_dump(plain(asdict(scenario))), encoding="utf-8")
        study = "horizons_" + variant.replace(" ", "_")
        how = {"start": START, "prior": False, "replicates": runs, "study": study}
        how["panel"] = "new"  # the same runs in all variants, to which pairs do not apply
        return ms.compare(long, config_dir=folder, **how, **settings_of(variant)).weekly


def changes(weekly: pd.DataFrame) -> pd.DataFrame:
    """Return the percentage change of each arm in each window, run by run.

    Columns scenario, run, series (posts anywhere, posts in Moments, grams delivered), window,
    percent.
    """
    weekly = weekly.assign(posts=weekly["visible"] + weekly["moved"])
    last = weekly["week"].max() + 1
    parts = []
    for window, weeks in WEEKS.items():
        first = last - WEEKS["36 months"]
        of = weekly[weekly["week"].between(first, first + weeks - 1)]
        sums = of.groupby(["arm", "run"])[["posts", "visible", "grams"]].sum()
        base = sums.xs("baseline_2015")
        percent = 100.0 * (sums.div(base, level="run") - 1.0).drop("baseline_2015")
        parts.append(percent.stack().rename("percent").reset_index().assign(window=window))
    out = pd.concat(parts, ignore_index=True)
    out["scenario"] = out.pop("arm").str.removesuffix(TO_2018)
    return out.rename(columns={"level_2": "series"})


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """Return median, 90 % interval, runs with a fall, and the rank by the median of the grams."""
    of = table.groupby(["variant", "window", "series", "scenario"], sort=False)["percent"]
    out = of.quantile([0.05, 0.5, 0.95]).unstack()
    out.columns = pd.Index(["q05", "median", "q95"])
    out["falls"] = of.apply(lambda one: (one < 0).sum())
    out["runs"] = of.size()
    out["rank"] = out.groupby(["variant", "window", "series"], sort=False)["median"].rank()
    return out.reset_index()


def main(runs: int, names: list[str]) -> None:
    """Simulate, write the table, and print the median changes of the grams by window."""
    chosen = {one: compared_in(one, names) for one in VARIANTS}
    parts = [
        changes(compare(one, runs, of)).assign(variant=one) for one, of in chosen.items() if of
    ]
    found = summarize(pd.concat(parts))
    file = HERE / "horizons.csv"
    found.to_csv(file, index=False, float_format="%.3f", lineterminator="\n")
    grams = found[(found["series"] == "grams") & (found["variant"] == VARIANTS[0])]
    medians = grams.pivot(index="scenario", columns="window", values="median")
    print(medians[list(WEEKS)].round(1).to_string())


if __name__ == "__main__":
    given = sys.argv[1:]
    named = [name for name in presets.names("scenario") if name not in CALENDARS]
    main(int(given[0]) if given else 8, given[1:] or named)
