"""Treatment effects, rankings and break-even doses.

Effects are differences in pairs: the same run of an arm and of the baseline, with the same draw of
the parameters and common random numbers.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from marketsim.analysis.comparison.effort import Work
from marketsim.analysis.comparison.outcomes import HIGHER, LOWER, OUTCOMES, suppressed_weeks
from marketsim.survey.fit import SEE
from marketsim.survey.intervals import INTERVAL, column_intervals, interval, stochastic_share

MIN_CONTRACTION = 0.2  # below it an effect is informed by the prior, not by the data
RANKED = "grams_delivered"
Table = pd.DataFrame
# columns of `tables`: unit, meaning
ARM = ("name", "scenario, with its dose multiplier after @")
COLUMNS = {
    "arm": ARM,
    "scenario": ("name", "scenario"),
    "dose_multiplier": ("ratio", "doses against those written"),
    "outcome": ("name", "what is compared"),
    "meaning": ("text", "what it is"),
    "unit": ("name", "unit of the row"),
    "baseline": (SEE, "median of the baseline's runs"),
    "runs": ("runs", "pairs of runs in which both arms have the outcome"),
    "effect": (SEE, "median over pairs of the difference from the baseline"),
    "effect_q05": (SEE, "low end of the central 90 % of the differences"),
    "effect_q95": (SEE, "high end of the central 90 % of the differences"),
    "percent": ("percent", "median difference, of the baseline's own run"),
    "percent_q05": ("percent", "low end of its central 90 %"),
    "percent_q95": ("percent", "high end of its central 90 %"),
    "prob_better": ("share", "of pairs, better than the baseline; ties count half"),
    "stochastic_share": (
        "share",
        "of between-run variance of the difference, due to stochasticity",
    ),
    "prior_q05": (SEE, "low end of the central 90 % under the prior"),
    "prior_q95": (SEE, "high end of the central 90 % under the prior"),
    "contraction": ("share", "by which the data shorten the interval"),
    "informed_by": ("name", "data if the contraction is 0.2 or more, else prior"),
    "rank": ("1", "median rank by ivory sold; 1 sells least"),
    "q05": ("1", "low end of the central 90 % of ranks"),
    "q95": ("1", "high end of the central 90 % of ranks"),
    "prob_best": ("share", "of the runs, those in which no other arm sells less"),
    "dose_multipliers": ("ratio", "least and largest dose multiplier compared"),
    "break_even": (
        "ratio",
        "smallest dose whose 90 % interval excludes zero; missing if none",
    ),
    "moderator_hours": ("hours", "extra hours of moderators, a week per 1,000 traders"),
    "police_hours": ("hours", "extra hours of police, a week per 1,000 traders"),
    "total_hours": ("hours", "both together"),
    "grams_avoided": ("g", "ivory not sold, a week per 1,000 traders"),
    "grams_avoided_q05": ("g", "low end of its central 90 %"),
    "grams_avoided_q95": ("g", "high end of its central 90 %"),
    "grams_avoided_per_hour": ("g/h", "ivory not sold for each extra hour"),
}


def pair_runs(rows: Table, outcome: str) -> Table:
    """Return one outcome, one row a run and one column an arm, the baseline first."""
    order = list(dict.fromkeys(rows["arm"]))
    return rows.pivot(index="run", columns="arm", values=outcome)[order]


def half_widths(rows: Table, outcome: str) -> np.ndarray:
    """Compute half-widths of the 95 % intervals of mean effects, as shares of the baseline.

    Runs that share a draw of the parameters are not independent: errors are robust to correlation
    within draws, of whatever number of runs (Liang & Zeger 1986).

    Parameters
    ----------
    rows : DataFrame
        Columns arm, run, draw and the outcome.
    outcome : str
        Name of the outcome.

    Returns
    -------
    ndarray of float64, shape (arms - 1,)
    """
    from scipy import stats

    of = pair_runs(rows, outcome)
    draws = rows.drop_duplicates("run").set_index("run")["draw"]
    effects = of.iloc[:, 1:].sub(of.iloc[:, 0], axis=0)
    sums = (effects - effects.mean()).groupby(draws).sum()
    count = len(sums)
    error = np.sqrt((sums**2).sum() * count / (count - 1)) / len(effects)
    width = stats.t.ppf(0.975, count - 1) * error / abs(of.iloc[:, 0].mean())
    return width.to_numpy(float)


def with_suppressed_weeks(rows: Table, weekly: Table, first: int) -> Table:
    """Add to the rows the weeks in which each arm suppressed visible posts."""
    parts = []
    for source, part in weekly[weekly["week"] >= first].groupby("parameter_source", sort=False):
        visible = part.pivot(index=["arm", "run"], columns="week", values="visible")
        base = visible.loc[part["arm"].iloc[0]]
        for arm in dict.fromkeys(part["arm"]):
            mine = visible.loc[arm]
            held = suppressed_weeks(mine.to_numpy(), base.loc[mine.index].to_numpy())
            found = Table(
                {
                    "parameter_source": source,
                    "arm": arm,
                    "run": mine.index,
                    "suppressed_weeks": held,
                }
            )
            parts.append(found)
    held_rows = pd.concat(parts, ignore_index=True).astype({"suppressed_weeks": float})
    return rows.merge(held_rows, on=["parameter_source", "arm", "run"], how="left")


def main_doses(effects: Table) -> Table:
    """Return effects at one dose of each scenario: as written, or the nearest to it."""
    nearest = effects.assign(away=np.log(effects["dose_multiplier"]).abs())
    nearest = nearest.sort_values("away", kind="stable")
    return nearest.drop_duplicates(["scenario", "outcome"]).sort_index().drop(columns="away")


def name_of(row: Any, labels: Mapping[str, str] | None = None) -> str:
    """Return the name of a scenario in words, with its dose if that is not as written.

    Parameters
    ----------
    row : mapping
        A row of `effects`.
    labels : mapping of str to str, optional
        What to call each scenario instead.
    """
    name = row["scenario"]
    words = scenario_words(name) if labels is None else labels[name]
    return words if row["dose_multiplier"] == 1.0 else f"{words}, x{row['dose_multiplier']:g}"


def scenario_words(name: str) -> str:
    """Return the name of a scenario in words; two scenarios never have the same."""
    return name.replace("_", " ")


def read_table(file: Path) -> Table:
    """Read a table of a comparison, in which a name stays a text: 2017 and NA are scenarios."""
    texts = {name: str for name, (unit, _) in COLUMNS.items() if unit in ("name", "text")}
    with file.open("rb") as stream:
        return pd.read_csv(stream, dtype=texts, keep_default_na=False, na_values=[""])


def tables(
    rows: Table, about: Mapping[str, tuple[str, float]], costs: Mapping[str, Work]
) -> dict[str, Table]:
    """Compute the tables of a comparison.

    Parameters
    ----------
    rows : DataFrame
        One row for each source, arm and run; the baseline's come first.
    about : mapping of str to (str, float)
        Scenario and dose multiplier of each arm.
    costs : mapping of str to Work
        Extra hours of each arm.

    Returns
    -------
    dict of str to DataFrame
        `effects` (one row an arm and outcome), `better` (probability that the arm of the row sells
        less than that of the column) and `ranking` (both at one dose of each scenario),
        `break_even` (one row a scenario and outcome) and `costs`.
    """
    known = rows[rows["parameter_source"] == rows["parameter_source"].iloc[0]]
    prior = rows[rows["parameter_source"] != rows["parameter_source"].iloc[0]]
    effects = pd.concat([_effects(known, prior, name) for name in OUTCOMES], ignore_index=True)
    named = Table(
        [
            {"arm": arm, "scenario": name, "dose_multiplier": size}
            for arm, (name, size) in about.items()
        ]
    )
    effects = named.merge(effects, on="arm")
    sold = pair_runs(known, RANKED)
    sold = sold[[sold.columns[0], *dict.fromkeys(main_doses(effects)["arm"])]]
    return {
        "effects": effects,
        "prob_better": _better(sold),
        "ranking": _ranking(sold),
        "break_even": _break_even(effects),
        "effort": _costs(effects, costs),
    }


def _effects(rows: Table, prior: Table, outcome: str) -> Table:
    """Compute the effect of every arm on one outcome."""
    of = pair_runs(rows, outcome)
    draws = rows.drop_duplicates("run").set_index("run")["draw"].loc[of.index].to_numpy()
    before = pair_runs(prior, outcome) if len(prior) else None
    about, base = OUTCOMES[outcome], of.iloc[:, 0].to_numpy(float)
    out = []
    for arm in of.columns[1:]:
        mine = of[arm].to_numpy(float)
        known = np.isfinite(mine - base)
        effect = (mine - base)[known]
        percent = 100.0 * effect[base[known] != 0] / base[known & (base != 0)]
        row: dict[str, object] = {
            "arm": arm,
            "outcome": outcome,
            "meaning": about.meaning,
            "unit": about.unit,
        }
        row |= {"baseline": _median(base), "runs": int(known.sum())}
        row |= _interval("effect", effect) | _interval("percent", percent)
        row["prob_better"] = _prob_better(effect, about.better)
        row["stochastic_share"] = stochastic_share(effect, draws[known])
        row |= {"prior_q05": np.nan, "prior_q95": np.nan, "contraction": np.nan, "informed_by": ""}
        if before is not None and arm in before:
            row |= _compare_with_prior(effect, (before[arm] - before.iloc[:, 0]).to_numpy(float))
        out.append(row)
    return Table(out)


def _compare_with_prior(effect: np.ndarray, prior: np.ndarray) -> dict[str, object]:
    """Compare the interval with that under the prior; by a fifth narrower, the data inform it."""
    _, low, high = interval(prior)
    _, now_low, now_high = interval(effect)
    narrowed = 1.0 - (now_high - now_low) / (high - low) if high > low else np.nan
    informed_by = "data" if narrowed >= MIN_CONTRACTION else "prior"
    unknown = not np.isfinite(narrowed)
    return {"prior_q05": low, "prior_q95": high, "contraction": narrowed,
            "informed_by": "" if unknown else informed_by}  # fmt: skip


def _interval(name: str, values: np.ndarray) -> dict[str, float]:
    _, low, high = interval(values)
    return {name: _median(values), f"{name}_q05": low, f"{name}_q95": high}


def _median(values: np.ndarray) -> float:
    """Return the median; its last bit may differ from that of the 0.5 quantile."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else np.nan


def _prob_better(effect: np.ndarray, better: str) -> float:
    """Compute the share of runs in which an arm is better than the baseline; ties count half."""
    if better not in (LOWER, HIGHER) or effect.size == 0:
        return np.nan
    wins = effect < 0 if better == LOWER else effect > 0
    return float(wins.mean() + 0.5 * (effect == 0).mean())


def _better(of: Table) -> Table:
    """Compute the probability that the arm of a row sells less ivory than that of a column."""
    values = of.to_numpy(float)
    less = (values[:, :, None] < values[:, None, :]).mean(axis=0)
    same = (values[:, :, None] == values[:, None, :]).mean(axis=0)
    return Table(less + 0.5 * same, columns=of.columns).assign(arm=of.columns)[["arm", *of.columns]]


def _ranking(of: Table) -> Table:
    """Rank arms by ivory sold: 1 sells least."""
    ranks = of.rank(axis=1)
    median, low, high = column_intervals(ranks).to_numpy()
    best = (ranks.eq(ranks.min(axis=1), axis=0)).mean()
    out = Table({"arm": of.columns, "rank": median, "q05": low, "q95": high,
                 "prob_best": best.to_numpy()})  # fmt: skip
    return out.sort_values(["rank", "prob_best"], ascending=[True, False], ignore_index=True)


def _break_even(effects: Table) -> Table:
    """Compute, for each scenario and outcome, the smallest dose whose 90 % interval excludes zero.

    Ends of intervals are interpolated linearly between doses; nan if no compared dose has such an
    interval.
    """
    out = []
    for (scenario, outcome), rows in effects.groupby(["scenario", "outcome"], sort=False):
        if len(rows) < 2:
            continue
        rows = rows.sort_values("dose_multiplier")
        near = np.where(rows["effect"] < 0, -rows["effect_q95"], rows["effect_q05"])
        found = _crossing(np.r_[0.0, rows["dose_multiplier"]], np.r_[0.0, near])
        span = f"{rows['dose_multiplier'].min():g} to {rows['dose_multiplier'].max():g}"
        out.append({"scenario": scenario, "outcome": outcome, "dose_multipliers": span,
                    "break_even": found})  # fmt: skip
    return Table(out, columns=["scenario", "outcome", "dose_multipliers", "break_even"])


def _crossing(dose_multipliers: np.ndarray, near: np.ndarray) -> float:
    """Return the first dose at which the end of the interval that is nearer to zero crosses it."""
    for k in range(1, dose_multipliers.size):
        if near[k] > 0:
            below = min(near[k - 1], 0.0)
            share = -below / (near[k] - below)
            return float(
                dose_multipliers[k - 1] + share * (dose_multipliers[k] - dose_multipliers[k - 1])
            )
    return np.nan


def _costs(effects: Table, costs: Mapping[str, Work]) -> Table:
    """Compute extra hours of work, and grams not sold per hour."""
    out = Table([{"arm": arm} | work._asdict() for arm, work in costs.items()])
    out["total_hours"] = out["moderator_hours"] + out["police_hours"]
    sold = effects[effects["outcome"] == RANKED].set_index("arm")
    for name, column in (("avoided", "effect"), ("avoided_q05", "effect_q95"),
                         ("avoided_q95", "effect_q05")):  # fmt: skip
        out[f"grams_{name}"] = -sold[column].reindex(out["arm"]).to_numpy()
    hours = out["total_hours"].where(out["total_hours"] > 0)
    out["grams_avoided_per_hour"] = out["grams_avoided"] / hours
    return out


def weekly(rows: Table) -> Table:
    """Compute weekly medians and central 90 % intervals of each arm, and of the difference.

    Returns
    -------
    DataFrame
        Columns arm, week, then for visible, moved and grams the median, _q05, _q95, and the same
        of the difference from the baseline with _change in the name.
    """
    known = rows[rows["parameter_source"] == rows["parameter_source"].iloc[0]]
    base = known[known["arm"] == known["arm"].iloc[0]].set_index(["run", "week"])
    out = []
    for arm, part in known.groupby("arm", sort=False):
        mine = part.set_index(["run", "week"])
        columns = {}
        for name in ("visible", "moved", "grams"):
            for label, values in ((name, mine[name]), (f"{name}_change", mine[name] - base[name])):
                by_week = values.groupby("week")
                columns[label] = by_week.median()
                columns[f"{label}_q05"] = by_week.quantile(INTERVAL[0])
                columns[f"{label}_q95"] = by_week.quantile(INTERVAL[1])
        out.append(Table(columns).reset_index().assign(arm=arm))
    return pd.concat(out, ignore_index=True)
