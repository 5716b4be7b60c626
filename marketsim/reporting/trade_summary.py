"""Summary of trade: prices, flows, displacement and seizures.

Volumes are per 1,000 traders at the start of a run.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from marketsim.model.ledger import FEN, MILLIGRAMS, PRODUCT_NAMES, Account, Item
from marketsim.parameters import evidence
from marketsim.simulation import summary
from marketsim.survey import statistics, trade_statistics
from marketsim.survey.intervals import column_intervals

Tables = Mapping[str, pd.DataFrame]

KILOGRAM = 1e6  # milligrams
# places of sale: channels of the tables
SOLD_IN = {
    "moments": ("moments",),
    "groups": ("groups",),
    "other": ("public", "social", "websites"),
    "physical": ("physical",),
    "all": ("moments", "groups", "public", "social", "websites", "physical"),
}
ONLINE = ("moments", "groups", "other")
HOLDERS = ("suppliers", "processors", "retailers", "couriers")
POSTS = ("visible", "withheld", "groups", "elsewhere", "backup")
# kind of enforcement: who seizes
SEIZURES = {
    "border_seizures": "customs, at the border",
    "parcels_seized": "couriers, from parcels",
    "arrests": "police, from arrested traders",
    "processors_raided": "police, from workshops",
    "suppliers_raided": "police, from suppliers",
}
MEANINGS = {kind: f"ivory seized per week by {who}" for kind, who in SEIZURES.items()} | {
    "legal_sold": "ivory sold per week by licensed shops",
    "laundered": "of it, from illegal workshops",
}
# place of the supply chain: stages of the tables, condition on the channel
PLACES = {
    "upstream": (("supplier", "processor"), lambda channel: channel == "physical"),
    "asked": (("advertised",), lambda channel: channel != "physical"),
    "paid": (("sold",), lambda channel: ~channel.isin(["physical", "groups"])),
    "auction": (("sold",), lambda channel: channel == "groups"),
    "asked_stall": (("advertised",), lambda channel: channel == "physical"),
    "paid_stall": (("sold",), lambda channel: channel == "physical"),
    "licensed": (("licensed",), lambda channel: channel == "physical"),
}


def prices(tables: Tables) -> pd.DataFrame:
    """Return the mean price of each run at each place of the supply chain.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        `daily`, `ledger`, `prices` and `survey`.

    Returns
    -------
    DataFrame
        Columns (product, place) in CNY per gram: `PLACES`, `import` (paid by suppliers) and `seen`
        (advertised by the panel, a mean over traders as in the survey); nan if there is none.
    """
    runs = _runs(tables)
    surveyed = trade_statistics.statistics(tables["survey"], tables["prices"], runs)
    found = {("raw", "import"): _import_price(tables)}
    for product in PRODUCT_NAMES:
        rows = tables["prices"][tables["prices"]["product"] == product]
        for place, (stages, where) in PLACES.items():
            chosen = rows["stage"].isin(stages) & where(rows["channel"])
            found[product, place] = _mean_price(rows[chosen])
        found[product, "seen"] = surveyed[f"price_{product}"]
    columns = pd.MultiIndex.from_product([PRODUCT_NAMES, ["import", *PLACES, "seen"]])
    table = pd.DataFrame({key: column.reindex(runs) for key, column in found.items()}, runs)
    return table.reindex(columns=columns).astype(float)


def _runs(tables: Tables) -> pd.Index:
    return pd.Index(np.unique(tables["daily"]["run"]), name="run")


def _mean_price(rows: pd.DataFrame) -> pd.Series:
    sums = rows.assign(total=rows["mean"] * rows["n"]).groupby("run")[["total", "n"]].sum()
    return sums["total"] / sums["n"]


def _import_price(tables: Tables) -> pd.Series:
    """Return the payments of suppliers divided by their imports, CNY per gram."""
    ledger, runs = tables["ledger"], _runs(tables)
    paid = _balances(ledger, ledger["day"].max(), runs)["poached", "money"] / FEN
    landed = tables["daily"].groupby("run")["raw_landed"].sum()
    return paid / landed.where(landed > 0)


def _balances(ledger: pd.DataFrame, day: object, runs: pd.Index) -> pd.DataFrame:
    """Return the balances at the end of a day: columns (account, item), 0 if there is no row."""
    rows = ledger[ledger["day"] == day].astype({"account": str, "item": str})
    held = rows.pivot(index="run", columns=["account", "item"], values="balance")
    names = [[member.name.lower() for member in kind] for kind in (Account, Item)]
    columns = pd.MultiIndex.from_product(names, names=["account", "item"])
    return held.reindex(index=runs, columns=columns).fillna(0.0)


def flows(tables: Tables, retailers: int) -> pd.DataFrame:
    """Return the flows of ivory between holders from the end of the first day to that of the last.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        `daily`, `enforcement` and `ledger`.
    retailers : int
        Traders at the start of each run.

    Returns
    -------
    DataFrame
        Columns (giver, taker) in kg per 1,000 traders. The flow to a `..._stock` is the increase
        of a holder's stock, so that inflows and outflows of each holder balance in each run. The
        share of raw ivory in seizures from workshops is estimated from their stocks.
    """
    ledger, runs = tables["ledger"], _runs(tables)
    first, last = (
        _balances(ledger, day, runs) for day in (ledger["day"].min(), ledger["day"].max())
    )
    later = {
        name: tables[name][tables[name]["day"] > tables["daily"]["day"].min()]
        for name in ("daily", "enforcement")
    }
    sums = later["daily"].groupby("run").sum(numeric_only=True).reindex(runs) * MILLIGRAMS
    seized = _seized(later["enforcement"], runs) * MILLIGRAMS
    found = _flows(last - first, sums.fillna(0.0), seized, _raw_share(ledger, runs))
    return pd.DataFrame(found, runs) / (KILOGRAM * retailers / 1000.0)


def _seized(enforcement: pd.DataFrame, runs: pd.Index) -> pd.DataFrame:
    """Return grams seized, one row per run, one column per kind of `SEIZURES`."""
    rows = enforcement.astype({"kind": str})
    sums = rows.groupby(["run", "kind"])["grams"].sum().unstack("kind")
    return sums.reindex(index=runs, columns=list(SEIZURES)).astype(float).fillna(0.0)


def _raw_share(ledger: pd.DataFrame, runs: pd.Index) -> pd.Series:
    """Return the share of raw ivory in the stocks of workshops, over all days."""
    held = ledger[(ledger["account"] == "processors") & (ledger["item"] != "money")]
    total = held.groupby("run")["balance"].sum()
    raw = held[held["item"] == "raw"].groupby("run")["balance"].sum()
    return (raw / total.where(total > 0)).reindex(runs).fillna(0.0)


def _flows(
    change: pd.DataFrame, sums: pd.DataFrame, seized: pd.DataFrame, raw_share: pd.Series
) -> dict[tuple[str, str], pd.Series]:
    """Compute the flows in milligrams from changes of balances and sums over days."""
    grown = {who: _goods(change, who, PRODUCT_NAMES) for who in HOLDERS}
    poached, border = -change["poached", "raw"], seized["border_seizures"]
    raided = seized["processors_raided"]
    used = change["worked", "raw"] + change["processors", "raw"] + raided * raw_share
    made = -_goods(change, "worked", PRODUCT_NAMES[1:])
    made += sums["leaked"]  # worked ivory that processors did not make, but sell
    ready = made - raided * (1.0 - raw_share) - _goods(change, "processors", PRODUCT_NAMES[1:])
    issued = -_goods(change, "legal_stock", PRODUCT_NAMES) - sums["leaked"] - sums["bought_out"]
    online = sums[[f"agreed_{name}" for part in ONLINE for name in SOLD_IN[part]]].sum(axis=1)
    lost = _goods(change, "lost", PRODUCT_NAMES)
    arrived = online - seized["parcels_seized"] - lost - grown["couriers"]
    landed = poached - border
    return {
        ("poached", "border"): border,
        ("poached", "suppliers"): landed,
        ("suppliers", "supplier_raids"): seized["suppliers_raided"],
        ("suppliers", "processors"): used,
        ("suppliers", "retailers"): landed - seized["suppliers_raided"] - grown["suppliers"] - used,
        ("processors", "waste"): change["wasted", "waste"],
        ("processors", "processor_raids"): raided,
        ("processors", "retailers"): ready - sums["laundered"],
        ("processors", "licensed"): sums["laundered"],
        ("legal_stock", "licensed"): issued,
        ("retailers", "arrests"): seized["arrests"],
        ("retailers", "couriers"): online,
        ("retailers", "stalls"): sums["agreed_physical"],
        ("couriers", "parcels"): seized["parcels_seized"],
        ("couriers", "lost"): lost,
        ("couriers", "buyers"): arrived,
        ("stalls", "buyers"): sums["agreed_physical"],
        ("licensed", "buyers"): sums["legal_sold"],
    } | {(who, f"{who}_stock"): grown[who] for who in HOLDERS}


def _goods(balances: pd.DataFrame, account: str, products: list[str]) -> pd.Series:
    return balances[[(account, product) for product in products]].sum(axis=1)


def posts(daily: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return for each of `POSTS` its share of intended posts, one column per week of the survey."""
    week = _week(daily)
    sums = daily.groupby(["run", week])[["offers", *POSTS]].sum()
    intended = (sums["offers"] + sums["withheld"]).astype(float)
    return {name: _by_week(sums[name] / intended.where(intended > 0)) for name in POSTS}


def sold(daily: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return for each of `SOLD_IN` the weekly sales relative to the run's mean of weeks 1 to 4.

    The ratio is nan in a run without sales there in these weeks.
    """
    week = _week(daily)
    out = {}
    for place, channels in SOLD_IN.items():
        sums = daily[[f"delivered_{channel}" for channel in channels]].sum(axis=1)
        grams = _by_week(sums.groupby([daily["run"], week]).sum())
        before = grams[statistics.FIRST_WEEKS].mean(axis=1)
        out[place] = grams.div(before.where(before > 0), axis=0)
    return out


def _week(daily: pd.DataFrame) -> pd.Series:
    """Return the week of the survey of each row; week 1 begins with the survey."""
    start = pd.Timestamp(str(evidence.inputs()["survey_start"].date))
    return ((pd.to_datetime(daily["day"]) - start).dt.days // 7 + 1).rename("week")


def _by_week(values: pd.Series) -> pd.DataFrame:
    return values.unstack("week").reindex(columns=range(1, statistics.WEEKS + 1)).astype(float)


def seizure_rows(tables: Tables, retailers: int) -> pd.DataFrame:
    """Return seizures by who seizes, and the legal market, over the whole run.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        `daily` and `enforcement`.
    retailers : int
        Traders at the start of each run.

    Returns
    -------
    DataFrame
        One row for each of `MEANINGS`: id, meaning, unit (g per week and 1,000 traders), median,
        low, high.
    """
    daily, runs = tables["daily"], _runs(tables)
    legal = daily.groupby("run")[["legal_sold", "laundered"]].sum()
    weeks = daily.groupby("run")["day"].nunique() / summary.WEEK
    grams = _seized(tables["enforcement"], runs).join(legal).div(weeks, axis=0)
    levels = (
        column_intervals(grams * 1000.0 / retailers).T.loc[list(MEANINGS)].reset_index(drop=True)
    )
    about = {"id": list(MEANINGS), "meaning": list(MEANINGS.values()), "unit": "g"}
    return pd.DataFrame(about).join(levels)


def report_rows(tables: Tables, headline: pd.DataFrame, retailers: int) -> pd.DataFrame:
    """Return the summary of trade: the headline table, then `seizure_rows`."""
    return pd.concat([headline, seizure_rows(tables, retailers)], ignore_index=True)
