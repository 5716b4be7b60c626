"""Tables of a run: columns with units and meanings, and rows."""

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from marketsim.model.ledger import FEN, MILLIGRAMS, PRODUCT_NAMES, Account, Item
from marketsim.model.observer import SurveyRows
from marketsim.model.state import (
    Channel,
    Enforcement,
    Flow,
    LogColumn,
    Series,
    Stage,
    Stock,
    TradeCounter,
    TradeRecords,
)
from marketsim.numerics import elementary
from marketsim.parameters import evidence, priors
from marketsim.parameters.settings import Settings, value_of
from marketsim.parameters.traders import TRADER_TYPES

EPOCH = dt.date(1970, 1, 1).toordinal()
WEIGHED = (
    TradeCounter.RAW_SHIPPED,
    TradeCounter.RAW_LANDED,
    TradeCounter.LEGAL_SOLD,
    TradeCounter.LAUNDERED,
    TradeCounter.STOCK,
    TradeCounter.TURNED_AWAY,
    TradeCounter.BOUGHT_OUT,
    TradeCounter.LEAKED,
    TradeCounter.LEGAL_STOCK,
)

# column: unit, description
COLUMNS = {
    "run": ("1", "number of the run: one population, one panel, one seed"),
    "day": ("date", "day of the run"),
    "seed": ("1", "seed of the run: every draw is a function of it"),
    "offers": ("posts", "posts made anywhere, seen or not"),
    "visible": ("posts", "posts standing in Moments at the end of the day"),
    "deleted": ("posts", "Moments posts deleted by their author on the day"),
    "removed": ("posts", "Moments posts removed by the platform on the day"),
    "backup": ("posts", "posts on backup accounts beside the main account"),
    "groups": ("posts", "posts in groups and private messages"),
    "elsewhere": ("posts", "posts on other platforms"),
    "withheld": ("posts", "posts meant and made nowhere"),
    "pictures": ("pictures", "pictures in visible posts"),
    "videos": ("videos", "videos in visible posts"),
    "flagged": ("posts", "visible posts flagged by filters or users"),
    "bans": ("accounts", "accounts banned on the day"),
    "preblocked": ("posts", "posts blocked by the platform before they appear"),
    "mentions": ("traders", "traders who advertised a backup account on the day"),
    "traders_active": ("traders", "traders in the trade who do not lie low; some are blocked"),
    "traders_lying_low": ("traders", "traders staying away from Moments by choice"),
    "traders_blocked": ("traders", "traders with an account that is muted or suspended tomorrow"),
    "traders_banned": ("traders", "traders between two accounts"),
    "traders_left": ("traders", "traders who have left since the run began"),
    "traders_with_backup": ("traders", "traders with a backup account"),
    "traders_with_announced_backup": ("traders", "traders with an advertised backup account"),
    "traders_cases_waiting": ("cases", "cases in the moderators' queue"),
    "traders_arrested": ("traders", "traders arrested since the run began"),
    "inquiries": ("inquiries", "people who asked a seller"),
    "deals": ("deals", "illegal sales to buyers"),
    "repeat_deals": ("deals", "of these, to friends who had bought of the seller before"),
    "resale_deals": ("deals", "of these, through a resale agent"),
    "auctions": ("auctions", "pieces bid for in groups"),
    "escrow_deals": ("deals", "deals paid through escrow"),
    "unmet": ("inquiries", "inquiries for a product that the seller had none of"),
    "forwarded": ("posts", "posts forwarded by resale agents"),
    "parcels": ("parcels", "parcels handed to couriers"),
    "friends_added": ("friends", "people who became friends of a seller"),
    "friends_lost": ("friends", "friends lost with an account, with their trust, or with time"),
    "raw_shipped": ("g", "raw ivory shipped and bought or seized at the border"),
    "raw_landed": ("g", "raw ivory bought by suppliers"),
    "legal_deals": ("deals", "sales of licensed shops"),
    "legal_sold": ("g", "ivory sold by licensed shops"),
    "laundered": ("g", "of it, from illegal workshops"),
    "stock": ("g", "ivory held by retailers in the evening"),
    "turned_away": ("g", "raw ivory offered to suppliers who had no room for it"),
    "legal_unmet": ("customers", "customers whom licensed shops had nothing to sell"),
    "bought_out": ("g", "legal stock bought out and destroyed"),
    "leaked": ("g", "legal stock that leaked to illegal workshops"),
    "legal_stock": ("g", "ivory that licensed shops can still sell"),
    "stalls_stocked": ("stalls", "open stalls with ivory"),
    "stall_pieces": ("pieces", "pieces of ivory at these stalls, at the mean mass of a piece"),
    "raw_level": ("1", "price level of raw ivory relative to the first weeks of the run"),
    "expected_change": ("1", "change of the log price of raw ivory that holders expect"),
    "grams_delivered": ("g", "illegal ivory handed over to buyers, all channels"),
    "grams_agreed": ("g", "illegal ivory of deals agreed, all channels"),
    "revenue": ("CNY", "sums of deals agreed"),
    "earned": ("CNY", "what sellers keep of deals whose goods have arrived or are lost"),
    "elephants": ("elephants", "elephants that the raw ivory shipped is worth"),
    "passed_on": ("inquiries", "interested buyers who went to a cheaper seller"),
    "bought_abroad": ("inquiries", "interested travellers who bought abroad instead"),
    "substituted": ("inquiries", "purchases not made because of a substitute"),
    "buyers_12_months": (
        "buyers",
        "different people who bought in the last 365 days, counted from the first day of the run",
    ),
    "dealer_posts": ("posts", "posts of suppliers and processors"),
    "agents_active": ("agents", "resale agents in the trade in the evening"),
    "strangers_refused": ("inquiries", "strangers whom a frightened trader did not serve"),
    "product": ("name", "raw, semi_worked, uncarved or carved"),
    "stage": ("name", "where in the chain the price is asked or paid"),
    "channel": ("name", "where the offer is made or the deal begins"),
    "mean": ("CNY/g", "mean price"),
    "sd": ("CNY/g", "standard deviation of prices; empty for a single one"),
    "n": ("1", "prices counted"),
    "kind": ("name", "what enforcement did"),
    "count": ("1", "how often"),
    "grams": ("g", "ivory seized by it"),
    "item": ("name", "raw, semi_worked, uncarved, carved and waste in mg, money in fen"),
    "account": ("name", "kind of holder; from poached on they are outside the market"),
    "balance": ("mg or fen", "held in the evening; an item adds up to zero over all accounts"),
    "mean_risk": ("1", "mean perceived risk of the traders present, 0 to 1"),
    "survey_date": ("date", "survey day: what stood on the account at its end was seen"),
    "regular": ("yes or no", "Tuesday, Thursday or Saturday; the others are random days"),
    "trader": ("1", "id of the trader within the run"),
    "trader_type": ("letter", "A ivory only, B other species too, C collectables, D occasional"),
    "ads": ("advertisements", "ivory advertisements seen"),
    "mention": ("yes or no", "a backup account is advertised on the day"),
    "blocked": ("yes or no", "the watched account is lost"),
    "active": ("contacts", "contacts that posted in the fortnight before the survey"),
    "contacts": ("contacts", "contacts of the observer"),
    "panel": ("traders", "traders of the panel"),
    "draw": (
        "1",
        "number of the draw of parameters; runs of one draw differ by stochasticity alone",
    ),
    "structure": ("name", "what brings posts back: the recovery structure of the run"),
}

COLUMNS |= {
    f"{what}_{channel.name.lower()}": (unit, f"{words} that began on the channel")
    for what, unit, words in (
        ("agreed", "g", "ivory of deals"),
        ("revenue", "CNY", "sums of deals"),
        ("delivered", "g", "ivory handed over, of deals"),
        ("earned", "CNY", "what sellers keep, of deals"),
    )
    for channel in Channel
}
COLUMNS |= {
    f"{what}_{name}": (unit, f"{words} of the product")
    for what, unit, words in (
        ("ads", "advertisements", "advertisements seen"),
        ("items", "pictures and videos", "pictures and videos seen"),
        ("price", "CNY/g", "price on the labels; empty where none was seen"),
    )
    for name in PRODUCT_NAMES
}


def daily_table(run: int, first_day: int, series: Series, records: TradeRecords) -> pd.DataFrame:
    """Return the daily series of a run: run, day, then one column a series."""
    days = first_day + np.arange(series.risk.size)
    table: dict[str, Any] = {
        "run": np.full(days.size, run, np.int32),
        "day": [dt.date.fromordinal(int(day)) for day in days],
    }
    table |= {item.name.lower(): series.flows[:, item] for item in Flow}
    table |= {f"traders_{item.name.lower()}": series.stocks[:, item] for item in Stock}
    table["mean_risk"] = series.risk
    trade = records.counts
    for item in TradeCounter:
        if TradeCounter.AGREED <= item <= TradeCounter.EARNED:  # blocks by channel, below
            continue
        counted = trade[:, item]
        table[item.name.lower()] = counted / MILLIGRAMS if item in WEIGHED else counted
    sums = {}
    for name, unit in (
        ("agreed", MILLIGRAMS), ("revenue", FEN), ("delivered", MILLIGRAMS), ("earned", FEN)
    ):  # fmt: skip
        first = TradeCounter[name.upper()]
        by_channel = trade[:, first : first + len(Channel)]
        for channel in Channel:
            table[f"{name}_{channel.name.lower()}"] = by_channel[:, channel] / unit
        sums[name] = by_channel.sum(axis=1) / unit
    table["raw_level"] = elementary.exp_each(records.outlook[:, 0])
    table["expected_change"] = records.outlook[:, 1]
    table["grams_delivered"], table["grams_agreed"] = sums["delivered"], sums["agreed"]
    table["revenue"], table["earned"] = sums["revenue"], sums["earned"]
    table["elephants"] = table["raw_shipped"] / evidence.elephant_ivory()
    return pd.DataFrame(table)


def price_table(run: int, first_day: int, records: TradeRecords) -> pd.DataFrame:
    """Return the prices of a run: a row for each day, product, stage and channel with a price."""
    day, product, stage, channel = np.nonzero(records.prices[..., 2])
    total, squares, n = records.prices[day, product, stage, channel].astype(float).T
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.maximum(squares - total * total / n, 0.0) / (n - 1.0)
    return pd.DataFrame(
        {
            "run": np.full(day.size, run, np.int32),
            "day": _days(first_day + day),
            "product": _names(PRODUCT_NAMES, product),
            "stage": _names([item.name.lower() for item in Stage], stage),
            "channel": _names([item.name.lower() for item in Channel], channel),
            "mean": total / n / FEN,
            "sd": np.sqrt(variance) / FEN,
            "n": n.astype(np.int64),
        }
    )


def enforcement_table(run: int, first_day: int, records: TradeRecords) -> pd.DataFrame:
    """Return enforcement in a run: a row for each day, kind and channel with an action."""
    day, kind, channel = np.nonzero(records.enforcement[..., 0])
    count, milligrams = records.enforcement[day, kind, channel].T
    return pd.DataFrame(
        {
            "run": np.full(day.size, run, np.int32),
            "day": _days(first_day + day),
            "kind": _names([item.name.lower() for item in Enforcement], kind),
            "channel": _names([item.name.lower() for item in Channel], channel),
            "count": count,
            "grams": milligrams / MILLIGRAMS,
        }
    )


def ledger_table(run: int, first_day: int, records: TradeRecords) -> pd.DataFrame:
    """Return the ledger of a run: the balance of each account and item at the end of each day.

    Pairs of account and item that are zero on every day are omitted.
    """
    account, item = np.nonzero(records.ledger.any(axis=0))
    days = np.arange(records.ledger.shape[0])
    return pd.DataFrame(
        {
            "run": np.full(days.size * item.size, run, np.int32),
            "day": _days(first_day + np.repeat(days, item.size)),
            "item": _names([one.name.lower() for one in Item], np.tile(item, days.size)),
            "account": _names([one.name.lower() for one in Account], np.tile(account, days.size)),
            "balance": records.ledger[:, account, item].ravel(),
        }
    )


def _days(ordinals: np.ndarray) -> pd.Series:
    """Convert ordinals of days to dates."""
    since = pa.array((ordinals - EPOCH).astype(np.int32)).cast(pa.date32())
    return pd.Series(since, dtype=pd.ArrowDtype(pa.date32()))


def _names(names: list[str], codes: np.ndarray) -> Any:
    return pd.Categorical.from_codes(codes.astype(np.int8), pd.Index(names))


def survey_table(run: int, rows: SurveyRows) -> pd.DataFrame:
    """Return the survey of a run: a row for each survey day and trader of the panel."""
    surveys, panel = rows.day.size, rows.trader.size
    letters = np.array([letter.upper() for letter in TRADER_TYPES])
    dates = np.array([dt.date.fromordinal(int(day)) for day in rows.day], dtype=object)
    table: dict[str, Any] = {
        "run": np.full(surveys * panel, run, np.int32),
        "survey_date": np.repeat(dates, panel),
        "regular": np.repeat(rows.regular, panel),
        "trader": np.tile(rows.trader, surveys),
        "trader_type": np.tile(letters[rows.trader_type], surveys),
    }
    for column in (LogColumn.ADS, LogColumn.PICTURES, LogColumn.VIDEOS):
        table[column.name.lower()] = rows.seen[:, :, column].ravel()
    for column in (LogColumn.MENTION, LogColumn.BLOCKED):
        table[column.name.lower()] = rows.seen[:, :, column].ravel() > 0
    for product, name in enumerate(PRODUCT_NAMES):
        table[f"ads_{name}"] = rows.ads[:, :, product].ravel()
        table[f"items_{name}"] = rows.items[:, :, product].ravel()
        fen = rows.price[:, :, product].ravel()
        table[f"price_{name}"] = np.where(fen > 0, fen / FEN, np.nan)
    return pd.DataFrame(table)


def run_table(run: int, seed: int, draw: int, settings: Settings, rows: SurveyRows) -> pd.DataFrame:
    """Return one row: seed, contacts, panel, and every uncertain parameter of a run."""
    table: dict[str, Any] = {
        "run": np.array([run], np.int32),
        "seed": np.array([seed], np.int64),
        "active": [rows.active_contacts],
        "contacts": [rows.contacts],
        "panel": [rows.trader.size],
        "draw": np.array([draw], np.int64),
        "structure": [settings.recovery.name],
    }
    return pd.DataFrame(table | {key: [value_of(settings, key)] for key in priors.everything()})
