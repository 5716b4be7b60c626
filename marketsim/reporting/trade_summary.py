"""What the figures and the report show of trade: prices, flows, displacement, seizures.

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
SEIZURES = {
    "border_seizures": "seized by customs at the border, a week",
    "parcels_seized": "seized by couriers in parcels, a week",
    "arrests": "seized by police from arrested traders, a week",
    "processors_raided": "seized by police in workshops, a week",
    "suppliers_raided": "seized by police from suppliers, a week",
}
MEANINGS = SEIZURES | {
    "legal_sold": "ivory sold by licensed shops, a week",
    "laundered": "of it, from illegal workshops, a week",
}
# place in the chain: stages of the tables, and what holds of the channel
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
    """Return the mean price of each run at each place of the chain.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        `daily`, `ledger`, `prices` and `survey`.

    Returns
    -------
    DataFrame
        Columns (product, place) in CNY a gram: `PLACES`, `import` (what suppliers pay) and `seen`
        (the labels of the panel, a mean over traders as the survey's). nan where there is none.
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
    """Return what suppliers have paid over what landed with them."""
    ledger, runs = tables["ledger"], _runs(tables)
    paid = _evening(ledger, ledger["day"].max(), runs)["poached", "money"] / FEN
    landed = tables["daily"].groupby("run")["raw_landed"].sum()
    return paid / landed.where(landed > 0)


def _evening(ledger: pd.DataFrame, day: object, runs: pd.Index) -> pd.DataFrame:
    """Return the balances of an evening: columns (account, item), 0 where there is no row."""
    rows = ledger[ledger["day"] == day].astype({"account": str, "item": str})
    held = rows.pivot(index="run", columns=["account", "item"], values="balance")
    names = [[one.name.lower() for one in kind] for kind in (Account, Item)]
    columns = pd.MultiIndex.from_product(names, names=["account", "item"])
    return held.reindex(index=runs, columns=columns).fillna(0.0)


def flows(tables: Tables, retailers: int) -> pd.DataFrame:
    """Return the ivory that went from hand to hand between the first and the last evening.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        `daily`, `enforcement` and `ledger`.
    retailers : int
        Traders at the start of each run.

    Returns
    -------
    DataFrame
        Columns (giver, taker) in kg per 1,000 traders. What goes to a `..._stock` is what a kind
        of holder had more of at the end. In each run what a holder is given and gives is the same;
        only how much of what is seized in workshops is raw is reckoned, by what they hold.
    """
    ledger, runs = tables["ledger"], _runs(tables)
    first, last = (
        _evening(ledger, day, runs) for day in (ledger["day"].min(), ledger["day"].max())
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
    """Return grams seized: one row a run, one column a kind of `SEIZURES`."""
    rows = enforcement.astype({"kind": str})
    sums = rows.groupby(["run", "kind"])["grams"].sum().unstack("kind")
    return sums.reindex(index=runs, columns=list(SEIZURES)).astype(float).fillna(0.0)


def _raw_share(ledger: pd.DataFrame, runs: pd.Index) -> pd.Series:
    """Return the share of raw ivory in what workshops hold, over all evenings."""
    held = ledger[(ledger["account"] == "processors") & (ledger["item"] != "money")]
    total = held.groupby("run")["balance"].sum()
    raw = held[held["item"] == "raw"].groupby("run")["balance"].sum()
    return (raw / total.where(total > 0)).reindex(runs).fillna(0.0)


def _flows(
    change: pd.DataFrame, sums: pd.DataFrame, seized: pd.DataFrame, raw_share: pd.Series
) -> dict[tuple[str, str], pd.Series]:
    """Return what went from hand to hand, milligrams, from changes of balances and daily sums."""
    grown = {who: _goods(change, who, PRODUCT_NAMES) for who in HOLDERS}
    poached, border = -change["poached", "raw"], seized["border_seizures"]
    raided = seized["processors_raided"]
    used = change["worked", "raw"] + change["processors", "raw"] + raided * raw_share
    made = -_goods(change, "worked", PRODUCT_NAMES[1:])
    ready = made - raided * (1.0 - raw_share) - _goods(change, "processors", PRODUCT_NAMES[1:])
    online = sums[[f"sold_{name}" for part in ONLINE for name in SOLD_IN[part]]].sum(axis=1)
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
        ("legal_stock", "licensed"): -_goods(change, "legal_stock", PRODUCT_NAMES),
        ("retailers", "arrests"): seized["arrests"],
        ("retailers", "couriers"): online,
        ("retailers", "stalls"): sums["sold_physical"],
        ("couriers", "parcels"): seized["parcels_seized"],
        ("couriers", "lost"): lost,
        ("couriers", "buyers"): arrived,
        ("stalls", "buyers"): sums["sold_physical"],
        ("licensed", "buyers"): sums["legal_sold"],
    } | {(who, f"{who}_stock"): grown[who] for who in HOLDERS}


def _goods(balances: pd.DataFrame, account: str, products: list[str]) -> pd.Series:
    return balances[[(account, product) for product in products]].sum(axis=1)


def posts(daily: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return for each of `POSTS` its share of the posts meant: one column a week of the survey."""
    week = _week(daily)
    sums = daily.groupby(["run", week])[["offers", *POSTS]].sum()
    meant = (sums["offers"] + sums["withheld"]).astype(float)
    return {name: _by_week(sums[name] / meant.where(meant > 0)) for name in POSTS}


def sold(daily: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return for each of `SOLD_IN` the grams sold over the run's own mean of weeks 1 to 4.

    A run that sold nothing there in these weeks has nan.
    """
    week = _week(daily)
    out = {}
    for place, channels in SOLD_IN.items():
        sums = daily[[f"sold_{channel}" for channel in channels]].sum(axis=1)
        grams = _by_week(sums.groupby([daily["run"], week]).sum())
        before = grams[statistics.FIRST_WEEKS].mean(axis=1)
        out[place] = grams.div(before.where(before > 0), axis=0)
    return out


def _week(daily: pd.DataFrame) -> pd.Series:
    """Return the week of the survey of each row: 1 begins with the survey."""
    start = pd.Timestamp(str(evidence.inputs()["survey_start"].date))
    return ((pd.to_datetime(daily["day"]) - start).dt.days // 7 + 1).rename("week")


def _by_week(values: pd.Series) -> pd.DataFrame:
    return values.unstack("week").reindex(columns=range(1, statistics.WEEKS + 1)).astype(float)


def report_rows(tables: Tables, headline: pd.DataFrame, retailers: int) -> pd.DataFrame:
    """Return the headline figures of trade with what was seized by whom, and the legal market.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        `daily` and `enforcement`.
    headline : DataFrame
        From `trade_metrics.headline`.
    retailers : int
        Traders at the start of each run.

    Returns
    -------
    DataFrame
        Columns id, meaning, unit, median, low, high, as those of the headline.
    """
    daily, runs = tables["daily"], _runs(tables)
    legal = daily.groupby("run")[["legal_sold", "laundered"]].sum()
    weeks = daily.groupby("run")["day"].nunique() / summary.WEEK
    grams = _seized(tables["enforcement"], runs).join(legal).div(weeks, axis=0)
    table = column_intervals(grams * 1000.0 / retailers).T
    more = pd.DataFrame(
        {
            "id": list(MEANINGS),
            "meaning": list(MEANINGS.values()),
            "unit": "g",
            **{end: table.loc[list(MEANINGS), end].to_numpy() for end in ("median", "low", "high")},
        }
    )
    return pd.concat([headline, more], ignore_index=True)
